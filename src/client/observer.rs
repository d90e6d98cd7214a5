//! Reports each attempt: writes a log record, and calls the program's observer.

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

/// The closure that sees every attempt.
///
/// `AssertUnwindSafe` so that clients can be used across `catch_unwind`. A panic of the closure is caught here, and
/// what the closure leaves half done belongs to the program.
pub(crate) type Observer = Arc<AssertUnwindSafe<Box<dyn Fn(&Attempt<'_>) + Send + Sync>>>;

/// Reports an attempt to the log and the observer.
pub(crate) fn report(
    operation: &'static str,
    number: u32,
    elapsed: Duration,
    result: &Result<PaymentsResponse, Error>,
    observer: Option<&Observer>,
) {
    let (status, request_id, error_kind) = match result {
        Ok(response) => (Some(response.metadata.status), response.metadata.request_id.as_deref(), None),
        Err(error) => (error.status(), error.request_id(), Some(error.kind())),
    };
    let attempt = Attempt { operation, number, status, request_id, elapsed, error_kind };
    if log::log_enabled!(log::Level::Debug) {
        attempt.log(result);
    }
    // A panic of the closure must not hide what became of a payment.
    if observer.is_some_and(|observer| catch_unwind(AssertUnwindSafe(|| (observer.0)(&attempt))).is_err()) {
        log::error!("{operation}: the observer of attempts panicked");
    }
}

impl Attempt<'_> {
    /// Writes the log record of the attempt. It only shows the status and request id of a response.
    fn log(&self, result: &Result<PaymentsResponse, Error>) {
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
