//! What can go wrong, and what is then known about the payment.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::text::{Escaped, Withheld, url_without_secrets};

pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// Why a call did not give a payment.
///
/// Read it in this order: [`outcome`](Error::outcome) says whether the payment may have happened;
/// [`kind`](Error::kind) says what went wrong; the other methods give the details. An error never shows
/// a credential, a token or an answer's body.
///
/// ```
/// use twilio_payments::{Error, ErrorKind, Outcome};
///
/// fn advise(error: &Error) -> &'static str {
///     match error.outcome() {
///         Outcome::NotSent => "nothing was sent: mend it and call again",
///         Outcome::Refused => "the service said no: nothing was charged",
///         Outcome::Unknown => "it may have happened: call again with the same params value",
///     }
/// }
///
/// let error = "-5".parse::<twilio_payments::Amount>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(advise(&error), "nothing was sent: mend it and call again");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    message: Cow<'static, str>,
    field: Option<&'static str>,
    status: Option<u16>,
    body: Option<Withheld>,
    location: Option<String>,
    api: Option<ApiError>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
    timeout: bool,
    attempts: u32,
    idempotency_key: Option<String>,
    source: Option<Source>,
}

/// What went wrong, in one word. See [`Error::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value was refused before anything was sent; [`Error::field`] names it.
    InvalidInput,
    /// No connection came about: the name was not found, nobody listens, a proxy refused, or the time to
    /// connect ran out.
    Connect,
    /// A connection came about, but no trustworthy TLS session: a certificate is unknown, expired or for
    /// another name, or there is no common protocol.
    Tls,
    /// The connection ended between the request and the end of the answer.
    ConnectionLost,
    /// The deadline passed.
    Timeout,
    /// The API answered with a 4xx or 5xx status; [`Error::api_error`] has what it said.
    Api,
    /// The answer is a redirect, which is never followed; [`Error::location`] names the target.
    Redirect,
    /// The answer is not one that the API gives: no HTTP, too large, or a success that is not a payment.
    UnexpectedAnswer,
    /// The client was shut down.
    Shutdown,
}

/// What is known about the payment after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The request did not reach the service: nothing happened.
    NotSent,
    /// The service refused the request: nothing was created, changed or charged by it.
    Refused,
    /// The request may have been carried out. Call again with the same params value: its idempotency
    /// key makes that the same operation, so it happens once at the most.
    Unknown,
}

/// What the API said when it refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The service's error code, such as 20404, whether it came as a number or as text.
    pub code: Option<i64>,
    /// The message for people, as the service wrote it. It may hold control characters: `Display` of
    /// [`ApiError`] and [`Error`] escapes them.
    pub message: Option<String>,
    /// A link to the documentation of the code.
    pub more_info: Option<String>,
    /// Further structured details (`details`, or `params` of newer services).
    pub details: Option<Value>,
    /// The `Twilio-Request-Id` header, which the provider's support asks for.
    pub request_id: Option<String>,
    /// How long the service asked to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    pub(crate) body: Withheld,
}

impl ApiError {
    /// The answer's body as text, cut to its first 4 KiB; credentials in it are masked.
    #[must_use]
    pub fn body(&self) -> &str {
        self.body.as_str()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {}", Escaped(message))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {}]", Escaped(id))?;
        }
        Ok(())
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, outcome: Outcome, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            outcome,
            message: message.into(),
            field: None,
            status: None,
            body: None,
            location: None,
            api: None,
            request_id: None,
            retry_after: None,
            retryable: false,
            timeout: false,
            attempts: 0,
            idempotency_key: None,
            source: None,
        }))
    }

    /// A value that is refused before anything is sent.
    pub(crate) fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(ErrorKind::InvalidInput, Outcome::NotSent, reason);
        error.0.field = Some(field);
        error
    }

    /// The API's own refusal.
    pub(crate) fn api(api: ApiError, outcome: Outcome, retryable: bool) -> Self {
        let mut error = Self::new(ErrorKind::Api, outcome, "");
        error.0.status = Some(api.status);
        error.0.request_id.clone_from(&api.request_id);
        error.0.retry_after = api.retry_after;
        error.0.retryable = retryable;
        error.0.api = Some(api);
        error
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_answer(
        mut self,
        status: u16,
        body: Option<String>,
        request_id: Option<String>,
    ) -> Self {
        self.0.status = Some(status);
        self.0.body = body.map(Withheld::new);
        self.0.request_id = request_id;
        self
    }

    pub(crate) fn with_location(mut self, location: Option<String>) -> Self {
        self.0.location = location;
        self
    }

    pub(crate) fn retryable(mut self, yes: bool) -> Self {
        self.0.retryable = yes;
        self
    }

    pub(crate) fn timed_out(mut self) -> Self {
        self.0.timeout = true;
        self
    }

    /// Adds the key of an operation of which nothing was sent.
    pub(crate) fn before_sending(self, idempotency_key: &str) -> Self {
        self.after(0, Outcome::NotSent, idempotency_key)
    }

    /// Adds what is known only to whoever counts the attempts.
    pub(crate) fn after(mut self, attempts: u32, outcome: Outcome, idempotency_key: &str) -> Self {
        self.0.attempts = attempts;
        self.0.outcome = outcome;
        self.0.idempotency_key = Some(idempotency_key.to_owned());
        self
    }

    /// What went wrong.
    ///
    /// ```
    /// use twilio_payments::{Amount, ErrorKind};
    ///
    /// let error = "lots".parse::<Amount>().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is known about the payment, all attempts of the call taken together: `Refused` and `NotSent`
    /// are given only where no attempt can have been carried out.
    ///
    /// It speaks of this call. Where an earlier call with the same params value ended as `Unknown`, that one
    /// may have been carried out, whatever a later error says: only a success settles it.
    ///
    /// ```
    /// use twilio_payments::{Amount, Outcome};
    ///
    /// let error = "lots".parse::<Amount>().unwrap_err();
    /// assert_eq!(error.outcome(), Outcome::NotSent);
    /// ```
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The name of the refused value: the wire's name of a parameter, or the name of the setter or
    /// environment variable. `None` unless the kind is [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// let error = "lots".parse::<Amount>().unwrap_err();
    /// assert_eq!(error.field(), Some("ChargeAmount"));
    /// ```
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }

    /// What the API said. `None` unless the kind is [`Api`](ErrorKind::Api).
    ///
    /// ```
    /// # use twilio_payments::{CreatePaymentsParams, sandbox::Sandbox};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sandbox = Sandbox::start()?;
    /// let params = CreatePaymentsParams::new("https://example.com/status");
    /// let error = sandbox.client().create_payments(&format!("CA{:032}", 0), &params).unwrap_err();
    /// assert_eq!(error.api_error().and_then(|api| api.code), Some(20404));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        self.0.api.as_ref()
    }

    /// The HTTP status of the last answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The body of the last answer as text, where there was one; long ones are cut, credentials in it are
    /// masked, and bytes that are no UTF-8 are replaced. Neither `Display` nor `Debug` shows it.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        let api = self.0.api.as_ref().map(ApiError::body);
        api.or(self.0.body.as_ref().map(Withheld::as_str))
    }

    /// Where a redirect points (`Location`).
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The `Twilio-Request-Id` of the last answer, which the provider's support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The idempotency key that went with the request, or would have: with it the same operation can be asked for
    /// again from anywhere. `None` where the error arose outside a call.
    ///
    /// ```
    /// use twilio_payments::{CreatePaymentsParams, PaymentsApi};
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// let api = PaymentsApi::new(format!("AC{:032}", 0), "auth-token")?;
    /// let params = CreatePaymentsParams::new("https://example.com/status").idempotency_key("order-7");
    /// let error = api.create_payments("no SID", &params).unwrap_err();
    /// assert_eq!(error.idempotency_key(), Some("order-7"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }

    /// How many times the request was tried; 0 where it was refused before the first.
    ///
    /// ```
    /// use twilio_payments::{CreatePaymentsParams, PaymentsApi};
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// let api = PaymentsApi::new(format!("AC{:032}", 0), "auth-token")?;
    /// let params = CreatePaymentsParams::new("https://example.com/status");
    /// assert_eq!(api.create_payments("no SID", &params).unwrap_err().attempts(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether time ran out: for the whole call, for connecting, or for the last attempt.
    ///
    /// ```
    /// # use std::{net::TcpListener, time::Duration};
    /// use twilio_payments::{CreatePaymentsParams, Credentials, PaymentsApi};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let silent = TcpListener::bind("127.0.0.1:0")?; // accepts, and never answers
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
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.timeout
    }

    /// Whether the same call, made again with the same params value, has a chance: true for connections that
    /// do not come about or are lost, answers that are no HTTP, attempts that time out, and the statuses
    /// 429, 500, 502, 503 and 504.
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// assert!(!"lots".parse::<Amount>().unwrap_err().is_retryable());
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long the service asked to wait before the next try (`Retry-After`), counted from the answer.
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// assert_eq!("lots".parse::<Amount>().unwrap_err().retry_after(), None);
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        match (inner.kind, inner.field, &inner.api) {
            (_, Some(field), _) => write!(f, "invalid {field}: {}", Escaped(&inner.message))?,
            (_, _, Some(api)) if api.status < 500 => write!(f, "the API refused: {api}")?,
            (_, _, Some(api)) => write!(f, "the API failed: {api}")?,
            _ => write!(f, "{}", Escaped(&inner.message))?,
        }
        if inner.attempts > 1 {
            write!(f, " (after {} attempts)", inner.attempts)?;
        }
        if inner.attempts > 0 && inner.outcome == Outcome::Unknown {
            write!(f, "; it is not known whether the request was carried out")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind).field("outcome", &inner.outcome);
        out.field("message", &format_args!("\"{self}\""));
        if let Some(status) = inner.status {
            out.field("status", &status);
        }
        if let Some(location) = &inner.location {
            out.field("location", &url_without_secrets(location));
        }
        if let Some(request_id) = &inner.request_id {
            out.field("request_id", request_id);
        }
        if let Some(retry_after) = inner.retry_after {
            out.field("retry_after", &retry_after);
        }
        out.field("attempts", &inner.attempts);
        if let Some(key) = &inner.idempotency_key {
            out.field("idempotency_key", key);
        }
        if let Some(source) = &inner.source {
            out.field("source", &format_args!("\"{}\"", Escaped(&source.to_string())));
        }
        out.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

impl Outcome {
    /// What is known after two attempts, of which these are the outcomes, the earlier one first: what may
    /// have happened once is never certain again.
    #[must_use]
    pub(crate) fn and_then(self, later: Self) -> Self {
        match (self, later) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Refused, _) | (_, Self::Refused) => Self::Refused,
            (Self::NotSent, Self::NotSent) => Self::NotSent,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotSent => "not sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        })
    }
}
