//! `Event`: what a callback says, in one word.

use std::fmt;

use super::StatusCallback;
use super::debug::{Hidden, Words};
use crate::model::{Capture, CaptureError, PayResult};

/// What happened, as an agent's screen shows it. See [`StatusCallback::event`].
///
/// Of a session that goes well come `Started`; for each piece of information `Typing`, more than once, and
/// `Captured`; at the end `Succeeded`. The variants may get fields: match with `..`.
///
/// `Debug` shows neither tokens nor what the caller typed, masked or not.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The session has begun: ask for the first piece of information.
    Started,
    /// The caller is asked for a piece of information and has typed part of it, or nothing yet.
    #[non_exhaustive]
    Typing {
        /// The piece.
        capture: &'a Capture,
        /// What there is of it, such as `xxxx`.
        masked: Option<&'a str>,
    },
    /// A piece of information is in: ask for the next one of [`StatusCallback::required`], or complete the
    /// session where nothing is left.
    #[non_exhaustive]
    Captured {
        /// The piece.
        capture: &'a Capture,
        /// What it is, such as `xxxxxxxxxxxx4242`.
        masked: Option<&'a str>,
    },
    /// What the caller typed cannot be taken, or nothing was typed: ask for it again.
    #[non_exhaustive]
    CaptureFailed {
        /// The piece that was asked for. `None` where the service does not name it, as when another session
        /// is open on the call.
        capture: Option<&'a Capture>,
        /// Why.
        reason: &'a CaptureError,
        /// Which try it was, counted from 1.
        attempt: Option<u32>,
    },
    /// The session is over: the payment was charged, or the payment method was tokenized.
    #[non_exhaustive]
    Succeeded {
        /// The payment processor's code for the charge. `None` where a token was made instead.
        confirmation_code: Option<&'a str>,
        /// The token that stands for the payment method. A secret: do not log it.
        token: Option<&'a str>,
        /// The customer's record at the payment processor to which the token belongs. A secret too.
        profile: Option<&'a str>,
    },
    /// The session is over, and nothing was charged or tokenized as far as the service knows.
    #[non_exhaustive]
    Failed {
        /// How it ended. An unknown value is here as [`PayResult::Other`].
        result: &'a PayResult,
        /// What went wrong, in the service's words.
        error: Option<&'a str>,
        /// What went wrong, as the service's error code.
        code: Option<u32>,
        /// What the payment connector said.
        connector_error: Option<&'a str>,
    },
    /// The session is over: it was cancelled by an update.
    Cancelled,
    /// Something else, such as an update that names no capture. The fields of the callback have what there
    /// is.
    Other,
}

impl StatusCallback {
    /// What happened.
    ///
    /// A callback with a `Result` is the session's end; one with an `ErrorType` is a failed capture; one
    /// with a `Capture` is about that piece, which is in when `PartialResult` is `false`. Where the service
    /// leaves `PartialResult` out, the piece is in when it has a value and is no longer
    /// [required](Self::required). The first callback has none of these, and no `DateUpdated`.
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
    ///     Event::Typing { masked, .. } => println!("typing: {}", masked.unwrap_or_default()),
    ///     Event::Captured { capture, .. } => println!("{capture} is in"),
    ///     Event::CaptureFailed { reason, attempt, .. } => {
    ///         assert_eq!((reason, attempt), (&CaptureError::InputTimeout, Some(2)));
    ///     }
    ///     Event::Succeeded { confirmation_code, .. } => println!("paid: {confirmation_code:?}"),
    ///     Event::Failed { result, connector_error, .. } => println!("{result}: {connector_error:?}"),
    ///     Event::Cancelled => println!("cancelled"),
    ///     _ => println!("something else"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn event(&self) -> Event<'_> {
        if let Some(result) = &self.result {
            return self.end(result);
        }
        if let Some(reason) = &self.error_type {
            return Event::CaptureFailed { capture: self.capture.as_ref(), reason, attempt: self.attempt };
        }
        if let Some(capture) = &self.capture {
            let masked = self.shown(capture);
            let is_in = || masked.is_some() && !self.required().contains(capture);
            return match self.partial_result {
                Some(false) => Event::Captured { capture, masked },
                None if is_in() => Event::Captured { capture, masked },
                Some(true) | None => Event::Typing { capture, masked },
            };
        }
        if self.date_updated.is_none() { Event::Started } else { Event::Other }
    }

    fn end<'a>(&'a self, result: &'a PayResult) -> Event<'a> {
        match result {
            PayResult::Success => Event::Succeeded {
                confirmation_code: self.payment_confirmation_code.as_deref(),
                token: self.payment_token(),
                profile: self.profile_id(),
            },
            PayResult::Cancelled => Event::Cancelled,
            // Another spelling of the same word is not another way to end.
            PayResult::Other(other) if other == "canceled" => Event::Cancelled,
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
        let piece = |f: &mut fmt::Formatter<'_>, name: &str, capture: &Capture, masked: Option<&str>| {
            f.debug_struct(name)
                .field("capture", &Words(capture.as_str()))
                .field("masked", &masked.map(Hidden))
                .finish()
        };
        match self {
            Self::Started => f.write_str("Started"),
            Self::Typing { capture, masked } => piece(f, "Typing", capture, *masked),
            Self::Captured { capture, masked } => piece(f, "Captured", capture, *masked),
            Self::CaptureFailed { capture, reason, attempt } => f
                .debug_struct("CaptureFailed")
                .field("capture", &capture.map(|capture| Words(capture.as_str())))
                .field("reason", &Words(reason.as_str()))
                .field("attempt", attempt)
                .finish(),
            Self::Succeeded { confirmation_code, token, profile } => f
                .debug_struct("Succeeded")
                .field("confirmation_code", &confirmation_code.map(Words))
                .field("token", &token.map(Hidden))
                .field("profile", &profile.map(Hidden))
                .finish(),
            Self::Failed { result, error, code, connector_error } => f
                .debug_struct("Failed")
                .field("result", &Words(result.as_str()))
                .field("error", &error.map(Words))
                .field("code", code)
                .field("connector_error", &connector_error.map(Words))
                .finish(),
            Self::Cancelled => f.write_str("Cancelled"),
            Self::Other => f.write_str("Other"),
        }
    }
}
