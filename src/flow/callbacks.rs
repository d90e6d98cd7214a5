//! What callbacks change in a flow's state.

use super::captures::{bounded, bounded_error};
use super::result::SessionResult;
use super::state::State;
use crate::callback::StatusCallback;
use crate::model::{CaptureError, PayResult};
use crate::text::{cut, date};

/// The longest result, code or message that is kept.
const LONGEST_TEXT: usize = 512;

/// The longest token that is kept.
const LONGEST_TOKEN: usize = 4096;

impl State {
    /// Takes a callback if it is about this flow's session. If the session is not known yet, only the flow's tag
    /// identifies it: a late callback of an earlier session on the same call has another tag.
    pub(super) fn take_callback(&mut self, callback: &StatusCallback, tagged: bool) -> bool {
        match &self.session {
            Some(session) if session.eq_ignore_ascii_case(&callback.sid) => {}
            None if tagged && self.create.begun > 0 => self.begin_session(&callback.sid),
            _ => return false,
        }
        if let Some(result) = &callback.result {
            self.take_result(result, callback);
        }
        let date = callback.date_updated.as_deref().and_then(date::read);
        let date = date.and_then(|date| u64::try_from(date.as_millis()).ok());
        if date.is_some() && date < self.newest {
            return true;
        }
        self.newest = date.or(self.newest);
        if callback.result.is_none() {
            self.take_progress(callback, date);
        }
        self.settle();
        true
    }

    /// Keeps the result that settles the most; of two that settle the same, the first.
    fn take_result(&mut self, result: &PayResult, callback: &StatusCallback) {
        let success = *result == PayResult::Success;
        let text = |text: Option<&str>| text.map(|text| cut(text.to_owned(), LONGEST_TEXT));
        let whole = |text: Option<&str>| text.filter(|text| text.len() <= LONGEST_TOKEN).map(str::to_owned);
        let reported = SessionResult {
            result: PayResult::from(cut(result.as_str().to_owned(), LONGEST_TEXT)),
            confirmation_code: text(callback.payment_confirmation_code.as_deref()),
            token: whole(callback.payment_token()).filter(|_| success),
            profile: whole(callback.profile_id()).filter(|_| success),
            code: callback.pay_error_code,
            error: text(callback.payment_error.as_deref()),
            connector_error: text(callback.connector_error.as_deref()),
        };
        if self.result.as_ref().is_none_or(|before| before.weight() < reported.weight()) {
            self.result = Some(reported);
            self.settle();
        }
    }

    /// Takes what a callback reports about the captures.
    fn take_progress(&mut self, callback: &StatusCallback, date: Option<u64>) {
        let was_in = self.ask.as_ref().is_some_and(|ask| !self.left.contains(&ask.capture));
        self.update_left(callback);
        self.update_ask(callback, date, was_in);
    }

    fn update_left(&mut self, callback: &StatusCallback) {
        // The service sends empty values for absent ones: after a failed entry, something is still required.
        let failed = callback.error_type.is_some();
        if let Some(required) = callback.required().filter(|required| !(failed && required.is_empty())) {
            self.left = bounded(required);
            self.required = Some(self.left.clone());
        }
        if callback.partial_result == Some(false) && !failed {
            self.left.retain(|left| Some(left) != callback.capture.as_ref());
        }
    }

    /// Updates the current ask. `was_in` is whether its capture was in before the callback.
    fn update_ask(&mut self, callback: &StatusCallback, date: Option<u64>, was_in: bool) {
        let goes_on = self.stop.is_none() && !self.ended;
        let Some(ask) = self.ask.as_mut() else { return };
        let error = callback.error_type.as_ref();
        let named = callback.capture.as_ref() == Some(&ask.capture);
        let is_in = !self.left.contains(&ask.capture);
        if goes_on && was_in && error.is_none() && named {
            // A repeated request makes the service ask the caller again: that is not another ask.
            ask.done = is_in;
        }
        if ask.done {
            return;
        }
        ask.seen |= named;
        ask.done = is_in;
        let about = named || callback.capture.is_none();
        if let Some(error) = error.filter(|error| !is_in && about && is_failure(error)) {
            // The service repeats callbacks: a failure that was counted already does not fail the next ask too.
            if date.is_none() || date != self.failed_at {
                self.failed_at = date;
                self.fail_ask(Some(bounded_error(error)));
            }
        }
    }
}

/// Returns whether the error is about the caller's entry. `session-in-progress` is not: it is about another session on
/// the call.
fn is_failure(error: &CaptureError) -> bool {
    *error != CaptureError::SessionInProgress
}
