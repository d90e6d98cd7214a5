//! What a flow learns from callbacks.

use super::captures::{bounded, bounded_error};
use super::cut;
use super::state::{SessionResult, State};
use crate::callback::StatusCallback;
use crate::model::{Capture, CaptureError, PayResult};

/// The longest result, code or message that is kept.
const LONGEST_TEXT: usize = 512;

/// The longest token that is kept.
const LONGEST_TOKEN: usize = 4096;

impl State {
    /// Takes a callback, if it is about this flow's session. A session that is not known yet is adopted by
    /// the flow's tag alone: a late callback of an earlier session on the same call has another tag.
    pub(super) fn hear(&mut self, callback: &StatusCallback, tagged: bool) -> bool {
        match &self.session {
            Some(session) if *session == callback.sid => {}
            None if tagged && self.create.begun > 0 => self.begin_session(&callback.sid),
            _ => return false,
        }
        if let Some(result) = &callback.result {
            self.hear_result(result, callback);
        }
        let date = callback.date_updated.as_deref().and_then(date);
        if date.is_some() && date < self.newest {
            return true;
        }
        self.newest = date.or(self.newest);
        if callback.result.is_none() {
            self.hear_progress(callback, date);
        }
        self.settle();
        true
    }

    /// The session is known from now on.
    pub(super) fn begin_session(&mut self, sid: &str) {
        if self.session.as_deref() != Some(sid) {
            self.session = Some(sid.to_owned());
            // What was reported of another session says nothing about this one.
            self.result = self.result.take().filter(SessionResult::is_success);
            (self.newest, self.required, self.ask) = (None, None, None);
        }
        self.create.deadline = None;
    }

    /// A success counts whatever was reported before; of other results, the first.
    fn hear_result(&mut self, result: &PayResult, callback: &StatusCallback) {
        let success = *result == PayResult::Success;
        if self.result.as_ref().is_some_and(|heard| heard.is_success() || !success) {
            return;
        }
        let text = |text: Option<&str>| text.map(|text| cut(text, LONGEST_TEXT));
        let whole = |text: Option<&str>| text.filter(|text| text.len() <= LONGEST_TOKEN).map(str::to_owned);
        self.result = Some(SessionResult {
            result: PayResult::from(cut(result.as_str(), LONGEST_TEXT)),
            confirmation_code: text(callback.payment_confirmation_code.as_deref()),
            token: whole(callback.payment_token()).filter(|_| success),
            profile: whole(callback.profile_id()).filter(|_| success),
            code: callback.pay_error_code,
            error: text(callback.payment_error.as_deref()),
            connector_error: text(callback.connector_error.as_deref()),
        });
        self.settle();
    }

    /// Takes what a callback reports about the captures.
    fn hear_progress(&mut self, callback: &StatusCallback, date: Option<u64>) {
        let error = callback.error_type.as_ref();
        if let Some(required) = required(callback) {
            self.left = bounded(required);
            self.required = Some(self.left.clone());
        }
        if let Some(capture) = callback.capture.as_ref().filter(|_| error.is_none()) {
            if callback.partial_result == Some(false) {
                self.left.retain(|left| left != capture);
            }
        }
        let Some(ask) = self.ask.as_mut().filter(|ask| !ask.done) else { return };
        let about = callback.capture.as_ref().is_none_or(|capture| *capture == ask.capture);
        if callback.capture.is_some() && about {
            ask.seen = true;
        }
        if !self.left.contains(&ask.capture) {
            ask.done = true;
        } else if let Some(error) = error.filter(|error| about && is_failure(error)) {
            // The service repeats its callbacks: a failure that was counted is not one of the next ask too.
            if date.is_none() || date != self.failed_at {
                self.failed_at = date;
                self.fail_ask(Some(bounded_error(error)));
            }
        }
    }
}

/// Whether the error is a failed entry of the caller's. A session in progress is another one on the call,
/// in whose way this one's ask is.
fn is_failure(error: &CaptureError) -> bool {
    *error != CaptureError::SessionInProgress
}

/// What the callback reports to be still required; `None` if it does not say.
fn required(callback: &StatusCallback) -> Option<&[Capture]> {
    Some(callback.required()).filter(|required| !required.is_empty())
}

/// A date of ISO 8601 in UTC, such as `2021-08-10T03:55:53.408Z`, as a number that grows with it; `None` for
/// any other text.
fn date(text: &str) -> Option<u64> {
    let (seconds, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => (text.strip_suffix('Z')?, ""),
    };
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let good = seconds.len() == 19
        && seconds.bytes().enumerate().all(shape)
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let digits =
        seconds.chars().filter(char::is_ascii_digit).chain(fraction.chars().chain("000".chars()).take(3));
    good.then(|| digits.collect::<String>().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_in_order() {
        let dates = [
            "1970-01-01T00:00:00Z",
            "2021-08-10T03:55:53Z",
            "2021-08-10T03:55:53.4Z",
            "2021-08-10T03:55:53.408Z",
            "2021-08-10T03:55:53.409123456Z",
            "2021-08-10T03:55:54Z",
            "2021-12-31T23:59:59.999Z",
            "2022-01-01T00:00:00.000Z",
        ]
        .map(|text| date(text).unwrap());
        assert!(dates.is_sorted_by(|one, next| one < next), "{dates:?}");
        assert_eq!(date("2021-08-10T03:55:53Z"), date("2021-08-10T03:55:53.000Z"));
    }

    #[test]
    fn what_is_not_such_a_date() {
        for text in [
            "",
            "Z",
            "Wed, 18 Dec 2019 20:02:01 +0000",
            "2021-08-10T03:55:53",
            "2021-08-10 03:55:53Z",
            "2021-08-10T03:55:53+02:00",
            "2021-08-10T03:55:53.4x8Z",
            "2021-08-10T03:55:5Z",
            "2021-08-1éT03:55:53Z",
        ] {
            assert_eq!(date(text), None, "{text:?}");
        }
    }
}
