//! Reports each attempt to the program: a log record, and a call of its observer.

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::model::PaymentsResponse;
use crate::text::Escaped;

/// One attempt at an operation, which is one HTTP request. It is passed to the closure of
/// [`PaymentsApiBuilder::on_attempt`](crate::PaymentsApiBuilder::on_attempt) when it is over.
///
/// It contains nothing secret: no body, and no header except the request id.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The operation's name: `CreatePayments` or `UpdatePayments`.
    pub operation: &'static str,
    /// The number of the attempt at this operation, counted from 1.
    pub number: u32,
    /// The HTTP status, if at least the head of a response arrived.
    pub status: Option<u16>,
    /// The response's `Twilio-Request-Id`, which the provider's support asks for.
    pub request_id: Option<&'a str>,
    /// How long the attempt took, including the time to open a connection.
    pub elapsed: Duration,
    /// What went wrong, or `None` if the attempt succeeded. A failed attempt may be retried: the operation has failed
    /// only if the method returns an error.
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

    /// Writes the log record of the attempt. It only shows the status and request id of a response.
    pub(crate) fn log(&self, result: &Result<PaymentsResponse, Error>) {
        if !log::log_enabled!(log::Level::Debug) {
            return;
        }
        let Self { operation, number, elapsed, .. } = self;
        let mut outcome = match (self.status, result) {
            (None, Err(error)) => {
                let source = error.source().map(|source| format!(": {}", Escaped(&source.to_string())));
                format!("{error}{}", source.unwrap_or_default())
            }
            (status, _) => format!("HTTP {}", status.unwrap_or_default()),
        };
        if let Some(id) = self.request_id {
            outcome = format!("{outcome}, request {}", Escaped(id));
        }
        log::debug!("{operation}: attempt {number} took {elapsed:?}: {outcome}");
    }
}

/// The closure that sees every attempt.
///
/// `AssertUnwindSafe` so that clients can be used across `catch_unwind`. A panic of the closure is caught here, and what
/// the closure leaves half done belongs to the program.
#[derive(Clone)]
pub(crate) struct Observer(Arc<AssertUnwindSafe<Box<Closure>>>);

type Closure = dyn Fn(&Attempt<'_>) + Send + Sync;

impl Observer {
    pub(crate) fn new(closure: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(AssertUnwindSafe(Box::new(closure))))
    }

    /// Calls the closure, and catches its panics, because they must not hide what became of a payment.
    pub(crate) fn observe(&self, attempt: &Attempt<'_>) {
        if catch_unwind(AssertUnwindSafe(|| (self.0)(attempt))).is_err() {
            log::error!("{}: the observer of attempts panicked", attempt.operation);
        }
    }
}
