//! `Error`: what went wrong with an operation, and what is known about it.

mod api;
pub mod codes;
mod kind;
mod outcome;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

pub use api::ApiError;
pub use kind::ErrorKind;
pub use outcome::Outcome;
pub(crate) use outcome::is_retryable_status;

use crate::text::{Escaped, url_without_secrets};

pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// Why an operation did not return a Payments session.
///
/// Check [`outcome`](Error::outcome) first: it reports whether the operation may have been carried out.
/// [`kind`](Error::kind) reports what went wrong, and the other methods return the details. Neither `Display` nor
/// `Debug` shows a credential, a token or a response's body.
///
/// ```
/// use twilio_payments::{Error, ErrorKind, Outcome};
///
/// fn advise(error: &Error) -> &'static str {
///     match error.outcome() {
///         Outcome::NotSent => "nothing was sent: fix the cause, then call again",
///         Outcome::Refused => "refused by this request: read the code and the message",
///         Outcome::Unknown => "it may have been carried out: call again with the same params value",
///     }
/// }
///
/// let error = "-5".parse::<twilio_payments::Amount>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(advise(&error), "nothing was sent: fix the cause, then call again");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    message: Cow<'static, str>,
    details: Details,
}

#[derive(Default)]
struct Details {
    field: Option<&'static str>,
    /// What is kept of the last response. It is the API's own only if the kind is `Api`.
    response: Option<ApiError>,
    location: Option<String>,
    retryable: bool,
    timeout: bool,
    /// Whether an attempt was refused otherwise than with 429.
    refused: bool,
    attempts: u32,
    idempotency_key: Option<String>,
    // A source may be any boxed error, but it is only shown, so a panic cannot leave it half changed.
    source: Option<AssertUnwindSafe<Source>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, outcome: Outcome, message: impl Into<Cow<'static, str>>) -> Self {
        let details = Details::default();
        Self(Box::new(Inner { kind, outcome, message: message.into(), details }))
    }

    /// Makes the error for a value that was refused before anything was sent.
    pub(crate) fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(ErrorKind::InvalidInput, Outcome::NotSent, reason);
        error.0.details.field = Some(field);
        error
    }

    /// Makes the error for a client that was shut down, before or after something may have been sent.
    pub(crate) fn shut_down(outcome: Outcome) -> Self {
        Self::new(ErrorKind::Shutdown, outcome, "the client is shut down")
    }

    /// Makes the error for a 4xx or 5xx response of the API.
    pub(crate) fn api(api: ApiError, outcome: Outcome, retryable: bool) -> Self {
        let refused = outcome == Outcome::Refused && api.status != 429;
        Self::new(ErrorKind::Api, outcome, "").with_response(api).retryable(retryable).refused(refused)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.details.source = Some(AssertUnwindSafe(source.into()));
        self
    }

    pub(crate) fn with_response(mut self, response: ApiError) -> Self {
        self.0.details.response = Some(response);
        self
    }

    pub(crate) fn with_location(mut self, location: Option<String>) -> Self {
        self.0.details.location = location;
        self
    }

    pub(crate) fn retryable(mut self, yes: bool) -> Self {
        self.0.details.retryable = yes;
        self
    }

    pub(crate) fn timed_out(mut self, yes: bool) -> Self {
        self.0.details.timeout = yes;
        self
    }

    /// Notes whether this attempt or an earlier one was refused otherwise than with 429, which proves less.
    pub(crate) fn refused(mut self, yes: bool) -> Self {
        self.0.details.refused |= yes;
        self
    }

    pub(crate) fn was_refused(&self) -> bool {
        self.0.details.refused
    }

    /// Sets what is known over all attempts.
    pub(crate) fn with_attempts(mut self, attempts: u32, outcome: Outcome) -> Self {
        self.0.details.attempts = attempts;
        self.0.outcome = outcome;
        self
    }

    /// Adds the key of the operation that failed.
    pub(crate) fn with_idempotency_key(mut self, idempotency_key: &str) -> Self {
        self.0.details.idempotency_key = Some(idempotency_key.to_owned());
        self
    }

    /// Combines this error with the error of an earlier call of the same operation: the outcomes are
    /// [combined](Outcome::combine), and the attempts are added up.
    ///
    /// An error alone is only about one call. Without this, a refusal would hide that an earlier call may have been
    /// carried out.
    ///
    /// ```
    /// # use twilio_payments::{CreatePaymentsParams, Error, Outcome, Payments, PaymentsApi};
    /// fn start(api: &PaymentsApi, call_sid: &str, params: &CreatePaymentsParams) -> Result<Payments, Error> {
    ///     match api.create_payments(call_sid, params) {
    ///         Err(first) if first.outcome() == Outcome::Unknown => {
    ///             api.create_payments(call_sid, params).map_err(|second| second.after_earlier(&first))
    ///         }
    ///         result => result,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn after_earlier(self, earlier: &Self) -> Self {
        let attempts = earlier.attempts().saturating_add(self.attempts());
        let outcome = earlier.outcome().combine(self.outcome());
        self.with_attempts(attempts, outcome).refused(earlier.was_refused())
    }

    /// Returns what went wrong.
    ///
    /// ```
    /// use twilio_payments::{Amount, ErrorKind};
    ///
    /// let error = "lots".parse::<Amount>().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what is known about the operation, over all attempts of this call. It is `NotSent` or `Refused` only
    /// if no attempt can have been carried out.
    ///
    /// This does not cover earlier calls with the same params value. If one of them was `Unknown`, combine the two
    /// errors with [`after_earlier`](Self::after_earlier).
    ///
    /// ```
    /// use twilio_payments::{Amount, Outcome};
    ///
    /// let error = "lots".parse::<Amount>().unwrap_err();
    /// assert_eq!(error.outcome(), Outcome::NotSent);
    /// ```
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Returns the name of the refused value: the wire name of a parameter, or the name of an argument, a setter or an
    /// environment variable. `None` unless the kind is [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// let error = "lots".parse::<Amount>().unwrap_err();
    /// assert_eq!(error.field(), Some("ChargeAmount"));
    /// ```
    pub fn field(&self) -> Option<&'static str> {
        self.0.details.field
    }

    /// Returns the API's response. `None` unless the kind is [`Api`](ErrorKind::Api).
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # use twilio_payments::{CreatePaymentsParams, sandbox::Sandbox};
    /// let sandbox = Sandbox::start()?;
    /// let params = CreatePaymentsParams::new("https://example.com/status");
    /// let error = sandbox.client().create_payments(&format!("CA{:032}", 0), &params).unwrap_err();
    /// assert_eq!(error.api_error().and_then(|api| api.code), Some(20404));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn api_error(&self) -> Option<&ApiError> {
        self.response().filter(|_| self.kind() == ErrorKind::Api)
    }

    fn response(&self) -> Option<&ApiError> {
        self.0.details.response.as_ref()
    }

    /// Returns the HTTP status of the last response, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    /// Returns the body of the last response as text, if there was one. It is cut to its first 4 KiB, credentials in it
    /// are masked, and bytes that are not UTF-8 are replaced. Neither `Display` nor `Debug` shows it.
    pub fn body(&self) -> Option<&str> {
        self.response().map(ApiError::body)
    }

    /// Returns the target of a redirect (`Location`), which may be relative; credentials in it are masked. `None`
    /// unless the kind is [`Redirect`](ErrorKind::Redirect) and the response names a target.
    pub fn location(&self) -> Option<&str> {
        self.0.details.location.as_deref()
    }

    /// Returns the `Twilio-Request-Id` of the last response, which the provider's support asks for; cut to 100 bytes.
    pub fn request_id(&self) -> Option<&str> {
        self.response()?.request_id.as_deref()
    }

    /// Returns the idempotency key of the operation, even if nothing was sent. With it, any process can call the same
    /// operation again. `None` if the error is not about an operation.
    ///
    /// ```
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// use twilio_payments::{CreatePaymentsParams, PaymentsApi};
    ///
    /// let api = PaymentsApi::new(format!("AC{:032}", 0), "auth-token")?;
    /// let params = CreatePaymentsParams::new("https://example.com/status").idempotency_key("order-7");
    /// let error = api.create_payments("no SID", &params).unwrap_err();
    /// assert_eq!(error.idempotency_key(), Some("order-7"));
    /// # }
    /// # Ok::<(), twilio_payments::Error>(())
    /// ```
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.details.idempotency_key.as_deref()
    }

    /// Returns how many attempts were made. It is 0 if the operation failed before the first one.
    ///
    /// ```
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// use twilio_payments::{CreatePaymentsParams, PaymentsApi};
    ///
    /// let api = PaymentsApi::new(format!("AC{:032}", 0), "auth-token")?;
    /// let params = CreatePaymentsParams::new("https://example.com/status");
    /// assert_eq!(api.create_payments("no SID", &params).unwrap_err().attempts(), 0);
    /// # }
    /// # Ok::<(), twilio_payments::Error>(())
    /// ```
    pub fn attempts(&self) -> u32 {
        self.0.details.attempts
    }

    /// Returns whether a time limit was reached: that of the whole call, of connecting, or of the last attempt.
    ///
    /// ```
    /// # use std::{net::TcpListener, time::Duration};
    /// use twilio_payments::{CreatePaymentsParams, Credentials, PaymentsApi};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let silent = TcpListener::bind("127.0.0.1:0")?; // accepts, and never responds
    /// let api = PaymentsApi::builder(Credentials::auth_token(format!("AC{:032}", 0), "auth-token")?)
    ///     .base_url(format!("http://{}", silent.local_addr()?))
    ///     .timeout(Duration::from_millis(100))
    ///     .build()?;
    /// let params = CreatePaymentsParams::new("https://example.com/status");
    /// let error = api.create_payments(&format!("CA{:032}", 0), &params).unwrap_err();
    /// assert!(error.is_timeout());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.0.details.timeout
    }

    /// Returns whether calling again with the same params value can help. This is the case if the name could not be
    /// looked up, if the host or the proxy could not be reached, if the proxy was busy, if the connection was lost, if
    /// the response was not HTTP, if an attempt timed out, if the source of access tokens failed, or if the status is
    /// 408, 429, 500, 502, 503 or 504. It is not the case if a proxy refused or TLS failed.
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// assert!(!"lots".parse::<Amount>().unwrap_err().is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.0.details.retryable
    }

    /// Returns how long to wait before the next attempt, if the service asked for that (`Retry-After`). The time counts
    /// from the response.
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// assert_eq!("lots".parse::<Amount>().unwrap_err().retry_after(), None);
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        self.response()?.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let Details { field, attempts, .. } = &inner.details;
        match (field, self.api_error()) {
            (Some(field), _) => write!(f, "invalid {field}: {}", Escaped(&inner.message))?,
            (_, Some(api)) if Outcome::of_status(api.status) == Outcome::Refused => {
                write!(f, "the API refused: {api}")?;
            }
            (_, Some(api)) => write!(f, "the API failed: {api}")?,
            _ => write!(f, "{}", Escaped(&inner.message))?,
        }
        if *attempts > 1 {
            write!(f, " (after {attempts} attempts)")?;
        }
        if *attempts > 0 && inner.outcome == Outcome::Unknown {
            write!(f, "; it is not known whether the request was carried out")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let details = &inner.details;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind).field("outcome", &inner.outcome);
        out.field("message", &format_args!("\"{self}\"")).field("attempts", &details.attempts);
        let location = details.location.as_deref().map(url_without_secrets);
        let source = details.source.as_ref().map(|source| source.0.to_string());
        let wait = self.retry_after();
        for (name, value) in [
            ("status", self.response().map(|response| &response.status as &dyn fmt::Debug)),
            ("location", location.as_ref().map(|location| location as _)),
            ("request_id", self.request_id().as_ref().map(|id| id as _)),
            ("retry_after", wait.as_ref().map(|wait| wait as _)),
            ("idempotency_key", details.idempotency_key.as_ref().map(|key| key as _)),
            ("source", source.as_deref().map(Escaped).as_ref().map(|source| source as _)),
        ] {
            if let Some(value) = value {
                out.field(name, value);
            }
        }
        out.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.details.source.as_ref().map(|source| &*source.0 as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_refusal_does_not_hide_an_unknown_outcome() {
        let after = |kind, attempts, outcome| {
            Error::new(kind, outcome, "").with_attempts(attempts, outcome).with_idempotency_key("k")
        };
        let earlier = after(ErrorKind::Timeout, 3, Outcome::Unknown);
        let later = after(ErrorKind::Api, 2, Outcome::Refused);
        let both = later.after_earlier(&earlier);
        assert_eq!((both.kind(), both.outcome(), both.attempts()), (ErrorKind::Api, Outcome::Unknown, 5));
        assert_eq!(both.idempotency_key(), Some("k"));
    }

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::new(ErrorKind::Connect, Outcome::NotSent, "no connection to example.com:443")
            .with_source(std::io::Error::other("the system's reason"));
        assert_eq!(error.to_string(), "no connection to example.com:443");
        assert_eq!(StdError::source(&error).unwrap().to_string(), "the system's reason");
    }

    #[test]
    fn errors_can_be_sent_between_threads_and_across_panics() {
        fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
        check::<(Error, ErrorKind, ApiError, Outcome)>();
    }
}
