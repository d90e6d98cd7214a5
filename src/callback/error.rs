//! `CallbackError`: errors of callbacks, their signatures and their listeners.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::panic::AssertUnwindSafe;

/// Why a callback was not accepted, or why none could be received.
///
/// This is not an [`Error`](crate::Error) and has no [`Outcome`](crate::Outcome), because it says nothing about a
/// payment. Neither `Display` nor `Debug` shows a token, a signature, a body or a URL.
///
/// ```
/// # #[cfg(feature = "signature")] {
/// use twilio_payments::{CallbackErrorKind, SignatureValidator};
///
/// let validator = SignatureValidator::new("auth-token")?;
/// let error = validator.receive("https://pay.example.com/status", b"Sid=PK1", None).unwrap_err();
/// let status = match error.kind() {
///     CallbackErrorKind::Signature => 403,
///     CallbackErrorKind::Malformed => 400,
///     _ => 500,
/// };
/// assert_eq!(status, 403);
/// # }
/// # Ok::<(), twilio_payments::CallbackError>(())
/// ```
#[derive(Debug)]
pub struct CallbackError {
    kind: CallbackErrorKind,
    field: Option<&'static str>,
    message: Cow<'static, str>,
    // A source may be any boxed error, but it is only shown, so a panic cannot leave it half changed.
    source: Option<AssertUnwindSafe<io::Error>>,
}

/// What went wrong with a callback or a listener. See [`CallbackError::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackErrorKind {
    /// A value that the program set was refused; [`CallbackError::field`] names it.
    InvalidInput,
    /// The request has no signature, a malformed one, or one that was made with none of the auth tokens and keys for
    /// its URL and body. It may be forged: respond with 403, and ignore its content.
    Signature,
    /// The body is not a status callback of a Payments session. Respond with 400.
    Malformed,
    /// The listener cannot listen on its address, for example because the address is in use or cannot be resolved, or
    /// the system cannot start a thread; the error's source is the system's error.
    Listen,
    /// No callback arrived in time.
    Timeout,
    /// The listener was shut down, and every callback that it had received was read.
    Closed,
}

impl CallbackError {
    pub(crate) fn new(kind: CallbackErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, field: None, message: message.into(), source: None }
    }

    /// Makes the error for a value of the program that was refused.
    #[cfg_attr(not(feature = "signature"), allow(dead_code, reason = "only the validator takes values"))]
    pub(crate) fn invalid(field: &'static str, reason: &'static str) -> Self {
        Self { field: Some(field), ..Self::new(CallbackErrorKind::InvalidInput, reason) }
    }

    /// Makes the error for a listener that cannot start.
    #[cfg_attr(not(feature = "listener"), allow(dead_code, reason = "only the listener listens"))]
    pub(crate) fn listen(address: impl fmt::Display, source: io::Error) -> Self {
        let error = Self::new(CallbackErrorKind::Listen, format!("cannot listen on {address}"));
        Self { source: Some(AssertUnwindSafe(source)), ..error }
    }

    /// Returns what went wrong.
    ///
    /// ```
    /// use twilio_payments::{CallbackErrorKind, StatusCallback};
    ///
    /// let error = StatusCallback::parse(b"{}").unwrap_err();
    /// assert_eq!(error.kind(), CallbackErrorKind::Malformed);
    /// ```
    pub fn kind(&self) -> CallbackErrorKind {
        self.kind
    }

    /// Returns the name of the refused value: an argument, a setter or an environment variable. `None` unless the kind
    /// is [`InvalidInput`](CallbackErrorKind::InvalidInput).
    ///
    /// ```
    /// # #[cfg(feature = "signature")] {
    /// use twilio_payments::SignatureValidator;
    ///
    /// let error = SignatureValidator::new("").unwrap_err();
    /// assert_eq!(error.field(), Some("auth_token"));
    /// # }
    /// ```
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "invalid {field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl StdError for CallbackError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &source.0 as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_field_and_does_not_show_its_source() {
        let invalid = CallbackError::invalid("auth_token", "empty");
        assert_eq!((invalid.kind(), invalid.field()), (CallbackErrorKind::InvalidInput, Some("auth_token")));
        assert_eq!(invalid.to_string(), "invalid auth_token: empty");
        assert!(StdError::source(&invalid).is_none());

        let listen = CallbackError::listen("[127.0.0.1:8080]", io::Error::other("the system's reason"));
        assert_eq!((listen.kind(), listen.field()), (CallbackErrorKind::Listen, None));
        assert_eq!(listen.to_string(), "cannot listen on [127.0.0.1:8080]");
        assert_eq!(StdError::source(&listen).unwrap().to_string(), "the system's reason");
        assert!(format!("{listen:?}").contains("the system's reason"));
    }

    #[test]
    fn errors_can_be_sent_between_threads_and_across_panics() {
        fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
        check::<CallbackError>();
    }
}
