//! `FailedOperation`: the error of an operation, made without a server.

use crate::error::{ApiError, Error, ErrorKind, Outcome};

/// A failed operation as a value: makes an [`Error`] as the client would return it, for tests without a server.
///
/// A [`PaymentFlow`](crate::PaymentFlow) takes what the client returned, so you can test how your program drives one
/// without a socket.
///
/// ```
/// use twilio_payments::sandbox::FailedOperation;
/// use twilio_payments::Outcome;
///
/// let error = FailedOperation::status(400).code(64019).error("order-7-complete");
/// assert_eq!(error.outcome(), Outcome::Refused);
/// assert_eq!(error.api_error().and_then(|api| api.code), Some(64019));
///
/// let earlier = FailedOperation::lost().error("order-7-complete");
/// let error = FailedOperation::status(429).error("order-7-complete").after_earlier(&earlier);
/// assert_eq!(error.outcome(), Outcome::Unknown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct FailedOperation {
    kind: ErrorKind,
    outcome: Outcome,
    status: Option<u16>,
    code: Option<i64>,
}

impl FailedOperation {
    /// Makes the failure of a request that was not sent, because no connection was made.
    pub fn not_sent() -> Self {
        Self { kind: ErrorKind::Connect, outcome: Outcome::NotSent, status: None, code: None }
    }

    /// Makes the failure of a request after which the connection was lost.
    pub fn lost() -> Self {
        Self { kind: ErrorKind::ConnectionLost, outcome: Outcome::Unknown, ..Self::not_sent() }
    }

    /// Makes the failure of a request to which no response arrived in time.
    pub fn timed_out() -> Self {
        Self { kind: ErrorKind::Timeout, ..Self::lost() }
    }

    /// Makes the failure of a request to which the service responded with this status, 400 to 599.
    pub fn status(status: u16) -> Self {
        Self { kind: ErrorKind::Api, outcome: Outcome::of_status(status), status: Some(status), code: None }
    }

    /// Adds the service's error code.
    pub fn code(mut self, code: i64) -> Self {
        self.code = Some(code);
        self
    }

    /// Returns the error of an operation with this idempotency key.
    pub fn error(self, idempotency_key: &str) -> Error {
        let error = match self.status {
            None => Error::new(self.kind, self.outcome, "simulated by a test"),
            Some(status) => {
                let api = ApiError { code: self.code, ..ApiError::new(status, None, String::new()) };
                Error::api(api, self.outcome, false)
            }
        };
        error.with_attempts(1, self.outcome).with_idempotency_key(idempotency_key)
    }
}
