//! `Event`: what a callback reports.

use std::fmt;

use super::StatusCallback;
use crate::model::{Capture, CaptureError, PayResult};
use crate::text::{Escaped, Withheld};

/// What a callback reports, returned by [`StatusCallback::event`].
///
/// A session that succeeds sends `Started`, then for each capture `Typing`, more than once, and `Captured`, and at the
/// end `Succeeded`. Variants may gain fields, so match with `..`.
///
/// `Debug` shows neither tokens nor what the caller typed, not even masked.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The session has begun: ask for the first capture.
    Started,
    /// The caller is being asked for a capture and has typed part of it, or nothing yet.
    #[non_exhaustive]
    Typing {
        /// The capture.
        capture: &'a Capture,
        /// The part that has been typed, masked, such as `xxxx`.
        shown: Option<&'a str>,
    },
    /// A capture is in: ask for the next one in [`StatusCallback::required`], or complete the session if nothing more
    /// is required.
    #[non_exhaustive]
    Captured {
        /// The capture.
        capture: &'a Capture,
        /// Its value as the service shows it, such as `xxxxxxxxxxxx4242`.
        shown: Option<&'a str>,
    },
    /// What the caller typed was not accepted, or nothing was typed: ask for it again.
    #[non_exhaustive]
    CaptureFailed {
        /// The capture that was asked for. `None` if the service does not name it.
        capture: Option<&'a Capture>,
        /// Why it failed.
        reason: &'a CaptureError,
        /// How many times it was typed, if the service reports that.
        attempt: Option<u32>,
    },
    /// Another session is open on the call (`ErrorType=session-in-progress`). This says nothing about what the
    /// caller typed: do not count it as a failed capture.
    SessionInProgress,
    /// The session is over: the amount was charged, or the payment method was tokenized.
    #[non_exhaustive]
    Succeeded {
        /// The payment processor's code for the charge. `None` if a token was made instead.
        confirmation_code: Option<&'a str>,
        /// The token that stands for the payment method. A secret: do not log it.
        token: Option<&'a str>,
        /// The customer's record at the payment processor that the token belongs to. A secret too.
        profile: Option<&'a str>,
    },
    /// The session is over, and the service reports neither a charge nor a token.
    ///
    /// If the session was completed before, this is not certain: after a [`PayResult::PaymentConnectorError`] the
    /// connector may have charged although its response was lost, and a [`PayResult::InternalError`] says nothing about
    /// the money.
    #[non_exhaustive]
    Failed {
        /// How it ended.
        result: &'a PayResult,
        /// What went wrong, as the service's message.
        error: Option<&'a str>,
        /// What went wrong, as the service's error code.
        code: Option<u32>,
        /// The payment connector's own message.
        connector_error: Option<&'a str>,
    },
    /// The session is over, because an update cancelled it.
    Cancelled,
    /// The session is over with a `Result` that this version does not know, so it may have succeeded or failed: look at
    /// the callback's fields, and search at the payment processor.
    #[non_exhaustive]
    UnknownResult {
        /// The result, [`PayResult::Other`].
        result: &'a PayResult,
    },
    /// Something else, such as an update that names no capture. See the fields of the callback.
    Other,
}

impl StatusCallback {
    /// Returns what the callback reports.
    ///
    /// A callback with a `Result` is the end of the session. One with an `ErrorType` is a failed capture, unless the
    /// error is that another session is in progress. One with a `Capture` is about that capture, which is in if
    /// `PartialResult` is `false`, or if `Required` is present and does not name it. But while `PartialResult` is
    /// `true` and no value is shown, it is not in. The first callback has none of these, and no `DateUpdated`.
    ///
    /// If you ask for a capture again after it was in, or for one that is not required, use
    /// [`partial_result`](Self::partial_result) instead: `Required` does not name such a capture while it is typed.
    ///
    /// ```
    /// use twilio_payments::{CaptureError, Event, StatusCallback};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback = StatusCallback::parse(
    ///     b"Sid=PK00000000000000000000000000000000&Capture=security-code&ErrorType=input-timeout&Attempt=2",
    /// )?;
    /// match callback.event() {
    ///     Event::Started => println!("ready"),
    ///     Event::Typing { shown, .. } => println!("typing: {}", shown.unwrap_or_default()),
    ///     Event::Captured { capture, .. } => println!("{capture} is in"),
    ///     Event::CaptureFailed { reason, attempt, .. } => {
    ///         assert_eq!((reason, attempt), (&CaptureError::InputTimeout, Some(2)));
    ///     }
    ///     Event::Succeeded { confirmation_code, .. } => println!("paid: {confirmation_code:?}"),
    ///     Event::Failed { result, connector_error, .. } => println!("{result}: {connector_error:?}"),
    ///     Event::Cancelled => println!("cancelled"),
    ///     Event::UnknownResult { result, .. } => println!("ask the payment processor: {result}"),
    ///     _ => println!("something else"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn event(&self) -> Event<'_> {
        if let Some(result) = &self.result {
            return self.end(result);
        }
        match &self.error_type {
            Some(CaptureError::SessionInProgress) => return Event::SessionInProgress,
            Some(reason) => {
                let capture = self.capture.as_ref();
                return Event::CaptureFailed { capture, reason, attempt: self.attempt };
            }
            None => {}
        }
        let Some(capture) = &self.capture else {
            return if self.date_updated.is_none() { Event::Started } else { Event::Other };
        };
        let shown = self.shown(capture);
        let left = self.required().is_some_and(|required| !required.contains(capture));
        match self.partial_result {
            Some(false) => Event::Captured { capture, shown },
            Some(true) if left && shown.is_some() => Event::Captured { capture, shown },
            None if left => Event::Captured { capture, shown },
            Some(true) | None => Event::Typing { capture, shown },
        }
    }

    fn end<'a>(&'a self, result: &'a PayResult) -> Event<'a> {
        match result {
            PayResult::Success => Event::Succeeded {
                confirmation_code: self.payment_confirmation_code.as_deref(),
                token: self.payment_token(),
                profile: self.profile_id(),
            },
            PayResult::Cancelled => Event::Cancelled,
            // Another spelling of `cancelled`.
            PayResult::Other(_) if result.as_str() == "canceled" => Event::Cancelled,
            PayResult::Other(_) => Event::UnknownResult { result },
            _ => Event::Failed {
                result,
                error: self.payment_error.as_deref(),
                code: self.pay_error_code,
                connector_error: self.connector_error.as_deref(),
            },
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_capture = |f: &mut fmt::Formatter<'_>, name: &str, capture: &Capture, shown: Option<&str>| {
            f.debug_struct(name)
                .field("capture", &Escaped(capture.as_str()))
                .field("shown", &shown.map(Withheld))
                .finish()
        };
        match self {
            Self::Started => f.write_str("Started"),
            Self::Typing { capture, shown } => of_capture(f, "Typing", capture, *shown),
            Self::Captured { capture, shown } => of_capture(f, "Captured", capture, *shown),
            Self::CaptureFailed { capture, reason, attempt } => f
                .debug_struct("CaptureFailed")
                .field("capture", &capture.map(|capture| Escaped(capture.as_str())))
                .field("reason", &Escaped(reason.as_str()))
                .field("attempt", attempt)
                .finish(),
            Self::SessionInProgress => f.write_str("SessionInProgress"),
            Self::Succeeded { confirmation_code, token, profile } => f
                .debug_struct("Succeeded")
                .field("confirmation_code", &confirmation_code.map(Escaped))
                .field("token", &token.map(Withheld))
                .field("profile", &profile.map(Withheld))
                .finish(),
            Self::Failed { result, error, code, connector_error } => f
                .debug_struct("Failed")
                .field("result", &Escaped(result.as_str()))
                .field("error", &error.map(Escaped))
                .field("code", code)
                .field("connector_error", &connector_error.map(Escaped))
                .finish(),
            Self::Cancelled => f.write_str("Cancelled"),
            Self::UnknownResult { result } => {
                f.debug_struct("UnknownResult").field("result", &Escaped(result.as_str())).finish()
            }
            Self::Other => f.write_str("Other"),
        }
    }
}
