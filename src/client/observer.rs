//! What a program sees of each attempt: a log record, and a call of its observer.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::model::PaymentsResponse;
use crate::text::Escaped;

/// One attempt at an operation: one HTTP request. Passed to the closure of
/// [`PaymentsApiBuilder::on_attempt`](crate::PaymentsApiBuilder::on_attempt) when the attempt is over.
///
/// It contains nothing secret: neither a body, nor a header other than the request id.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The operation's name: `CreatePayments` or `UpdatePayments`.
    pub operation: &'static str,
    /// Which attempt at the operation this is, counted from 1.
    pub number: u32,
    /// The HTTP status, if a response, or at least its head, arrived.
    pub status: Option<u16>,
    /// The response's `Twilio-Request-Id`, which the provider's support asks for.
    pub request_id: Option<&'a str>,
    /// How long the attempt took, opening a connection included.
    pub elapsed: Duration,
    /// What went wrong, or `None` if the attempt succeeded. A failed attempt may be retried: the operation has
    /// failed only if the method that was called returns an error.
    pub error_kind: Option<ErrorKind>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        operation: &'static str,
        number: u32,
        elapsed: Duration,
        result: &'a Result<PaymentsResponse, Error>,
    ) -> Self {
        let (status, request_id, error_kind) = match result {
            Ok(response) => (Some(response.metadata.status), response.metadata.request_id.as_deref(), None),
            Err(error) => (error.status(), error.request_id(), Some(error.kind())),
        };
        Self { operation, number, status, request_id, elapsed, error_kind }
    }

    /// Writes the attempt's log record. Of a response it shows status and request id, never anything else.
    pub(crate) fn log(&self, result: &Result<PaymentsResponse, Error>) {
        let Self { operation, number, elapsed, .. } = self;
        match (self.status, result) {
            (None, Err(error)) => {
                log::debug!("{operation}: attempt {number} took {elapsed:?}: {}", WithSource(error));
            }
            _ => log::debug!("{operation}: attempt {number} took {elapsed:?}: {}", Response(self)),
        }
    }
}

/// Shows what is known of an attempt's response.
struct Response<'a>(&'a Attempt<'a>);

impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.0.status.unwrap_or_default())?;
        if let Some(id) = self.0.request_id {
            write!(f, ", request {}", Escaped(id))?;
        }
        match self.0.error_kind {
            None | Some(ErrorKind::Api) => Ok(()),
            Some(kind) => write!(f, ", {kind:?}"),
        }
    }
}

/// Shows an error that arose without a response, and its source, which the error itself does not repeat.
struct WithSource<'a>(&'a Error);

impl fmt::Display for WithSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        match std::error::Error::source(self.0) {
            Some(source) => write!(f, ": {}", Escaped(&source.to_string())),
            None => Ok(()),
        }
    }
}

/// The closure that sees every attempt.
///
/// `AssertUnwindSafe`, so that clients can be used across `catch_unwind`: a panic of the closure ends here,
/// and what the closure itself leaves half done is the program's own.
#[derive(Clone)]
pub(crate) struct Observer(AssertUnwindSafe<Arc<Closure>>);

type Closure = dyn Fn(&Attempt<'_>) + Send + Sync;

impl Observer {
    pub(crate) fn new(closure: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        Self(AssertUnwindSafe(Arc::new(closure)))
    }

    /// Calls the closure. A panic in it must not hide what became of a payment, so it ends here.
    pub(crate) fn observe(&self, attempt: &Attempt<'_>) {
        if catch_unwind(AssertUnwindSafe(|| (self.0)(attempt))).is_err() {
            log::error!("{}: the observer of attempts panicked", attempt.operation);
        }
    }
}
