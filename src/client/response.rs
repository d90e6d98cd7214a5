//! The reading of a response: from a response, or a failure to get one, to a payment or an error.

use std::time::{Duration, SystemTime};

use crate::client::error_body::ErrorBody;
use crate::client::operation::Operation;
use crate::client::retry_after;
use crate::error::{ApiError, Error, ErrorKind, Outcome, is_retryable_status};
use crate::model::{Payments, PaymentsResponse, ResponseHeaders, ResponseMetadata};
use crate::text::{Redactor, Withheld, cut, url_without_secrets};
use crate::transport::{Answer, Failure, Part};

/// How much of a response's body an error keeps.
const KEPT_BODY: usize = 4 * 1024;

/// Reads responses. The secret that went with the request is masked in whatever they repeat.
pub(crate) struct ResponseReader<'a> {
    redactor: &'a Redactor,
}

impl<'a> ResponseReader<'a> {
    pub(crate) fn new(redactor: &'a Redactor) -> Self {
        Self { redactor }
    }

    /// Reads the response to the attempt with this number. The time of the whole call is filled in later.
    ///
    /// # Errors
    /// Returns an error if the response is not a payment, or is about something else than the operation.
    pub(crate) fn read(
        &self,
        operation: &Operation<'_>,
        response: Answer,
        attempts: u32,
    ) -> Result<PaymentsResponse, Error> {
        let reason = match response.status {
            200..=299 => match Payments::from_json(&response.body) {
                Ok(payments) if operation.is_about(&payments) => {
                    let request_id = self.request_id(&response.headers);
                    let (status, headers) = (response.status, response.headers);
                    let elapsed = Duration::ZERO;
                    let metadata = ResponseMetadata { status, headers, request_id, attempts, elapsed };
                    return Ok(PaymentsResponse { payments, metadata });
                }
                Ok(_) => "it names another session, or another account and call".to_owned(),
                Err(error) => self.redactor.mask(&error.to_string()),
            },
            300..=399 => return Err(self.redirect(&response)),
            400..=599 => return Err(self.refusal(&response)),
            _ => "the status is not an expected one".to_owned(),
        };
        let (status, length) = (response.status, response.body.len());
        let message = format!("the response (HTTP {status}, {length} bytes) is not a payment: {reason}");
        Err(self.with_response(
            Error::new(ErrorKind::UnexpectedAnswer, Outcome::Unknown, message),
            Some(&response),
        ))
    }

    fn redirect(&self, response: &Answer) -> Error {
        let location = response.headers.get("location").map(|location| self.redactor.mask(location));
        let target = location.as_deref().map_or_else(|| "nowhere".to_owned(), url_without_secrets);
        let status = response.status;
        let message = format!("the API answered HTTP {status}, a redirect to {target}, which is not followed");
        let error = Error::new(ErrorKind::Redirect, Outcome::Unknown, message);
        self.with_response(error, Some(response)).with_location(location)
    }

    fn refusal(&self, response: &Answer) -> Error {
        let status = response.status;
        let retry_after = response.headers.get("retry-after");
        let body = ErrorBody::read(&response.body, self.redactor);
        let api = ApiError {
            status,
            code: body.code,
            message: body.message,
            more_info: body.more_info,
            details: body.details,
            request_id: self.request_id(&response.headers),
            retry_after: retry_after.and_then(|value| retry_after::parse(value, SystemTime::now())),
            body: Withheld::new(self.kept(&response.body)),
        };
        let error = Error::api(api, Outcome::of_status(status), is_retryable_status(status));
        if response.timed_out { error.timed_out() } else { error }
    }

    /// What a failed attempt means.
    pub(crate) fn failure(&self, failure: Failure) -> Error {
        use ErrorKind::{Connect, ConnectionLost, Timeout, UnexpectedAnswer};
        use Outcome::{NotSent, Unknown};
        let status = |part: &Part| part.as_ref().map_or(0, |part| part.status);
        match failure {
            Failure::NotConnected { timeout, retry, source } => {
                let error = Error::new(Connect, NotSent, "no connection").with_source(source).retryable(retry);
                if timeout { error.timed_out() } else { error }
            }
            Failure::Tls(source) => {
                Error::new(ErrorKind::Tls, NotSent, "no secure connection").with_source(source)
            }
            Failure::Stale(source) => {
                Error::new(ConnectionLost, Unknown, "the connection was lost").with_source(source).retryable(true)
            }
            Failure::Lost { part, source } => {
                let message = match status(&part) {
                    0 => "the connection was lost".to_owned(),
                    status => format!("the response (HTTP {status}) was cut off"),
                };
                let error = Error::new(ConnectionLost, Unknown, message).with_source(source).retryable(true);
                self.with_response(error, part.as_deref())
            }
            Failure::Timeout { part, source } => {
                let message = match status(&part) {
                    0 => "no response in time".to_owned(),
                    status => format!("the response (HTTP {status}) did not end in time"),
                };
                let error = Error::new(Timeout, Unknown, message).with_source(source).retryable(true);
                self.with_response(error.timed_out(), part.as_deref())
            }
            Failure::NoHttp { part, source } => {
                let message = "the response is not HTTP that can be read";
                let error = Error::new(UnexpectedAnswer, Unknown, message).with_source(source).retryable(true);
                self.with_response(error, part.as_deref())
            }
            Failure::BadAnswer { reason, part, source } => {
                let error = Error::new(UnexpectedAnswer, Unknown, reason);
                let error = self.with_response(error, part.as_deref());
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            }
            Failure::Shutdown { sent } => {
                let outcome = if sent { Unknown } else { NotSent };
                Error::new(ErrorKind::Shutdown, outcome, "the client is shut down")
            }
        }
    }

    /// Keeps what arrived of a response.
    fn with_response(&self, error: Error, response: Option<&Answer>) -> Error {
        let Some(response) = response else { return error };
        let request_id = self.request_id(&response.headers);
        error.with_answer(response.status, Some(self.kept(&response.body)), request_id)
    }

    fn request_id(&self, headers: &ResponseHeaders) -> Option<String> {
        headers.get("twilio-request-id").map(|id| cut(self.redactor.mask(id), 100))
    }

    /// What an error keeps of a body.
    fn kept(&self, body: &[u8]) -> String {
        cut(self.redactor.mask_body(body), KEPT_BODY)
    }
}
