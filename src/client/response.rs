//! Turns a response, or a failure to get one, into a payment or an error.

use std::time::{Duration, SystemTime};

use crate::client::operation::Operation;
use crate::client::{error_body, retry_after};
use crate::error::{ApiError, Error, ErrorKind, Outcome, is_retryable_status};
use crate::model::{Payments, PaymentsResponse, ResponseHeaders, ResponseMetadata};
use crate::text::{Redactor, cut, url_without_secrets};
use crate::transport::{Failure, Reason, Response};

/// How much of a response's body an error keeps.
const KEPT_BODY: usize = 4 * 1024;

/// Reads responses, and masks the secret that was sent with the request in them.
pub(crate) struct ResponseReader<'a> {
    redactor: &'a Redactor,
}

impl<'a> ResponseReader<'a> {
    pub(crate) fn new(redactor: &'a Redactor) -> Self {
        Self { redactor }
    }

    /// Reads the response to the attempt with this number. The time of the whole call is set later.
    ///
    /// # Errors
    /// Returns an error if the response is not a payment, or is not about this operation.
    pub(crate) fn read(
        &self,
        operation: &Operation<'_>,
        response: Response,
        attempts: u32,
    ) -> Result<PaymentsResponse, Error> {
        let reason = match response.status {
            200..=299 => match Payments::from_json(&response.body) {
                Ok(mut payments) if operation.is_about(&payments) => {
                    payments.mask(self.redactor);
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
            _ => "the status is unexpected".to_owned(),
        };
        let (status, length) = (response.status, response.body.len());
        let message = format!("the response (HTTP {status}, {length} bytes) is not a payment: {reason}");
        let error = Error::new(ErrorKind::UnexpectedResponse, Outcome::Unknown, message);
        Err(error.with_response(self.kept(&response)))
    }

    fn redirect(&self, response: &Response) -> Error {
        let location = response.headers.get("location").map(|location| self.redactor.mask(location));
        let target = location.as_deref().map_or_else(|| "nowhere".to_owned(), url_without_secrets);
        let status = response.status;
        let message =
            format!("the API answered HTTP {status}, a redirect to {target}, which is not followed");
        let error = Error::new(ErrorKind::Redirect, Outcome::Unknown, message);
        error.with_response(self.kept(response)).with_location(location)
    }

    fn refusal(&self, response: &Response) -> Error {
        let status = response.status;
        let mut api = self.kept(response);
        error_body::read(&response.body, self.redactor, &mut api);
        let retry_after = response.headers.get("retry-after");
        api.retry_after = retry_after.and_then(|value| retry_after::parse(value, SystemTime::now()));
        let error = Error::api(api, Outcome::of_status(status), is_retryable_status(status));
        error.timed_out(response.timed_out)
    }

    /// Turns the failure of an attempt into an error.
    pub(crate) fn failure(&self, failure: Failure) -> Error {
        use ErrorKind::{Connect, ConnectionLost, Timeout, UnexpectedResponse};
        use Outcome::{NotSent, Unknown};
        let partial = failure.partial.as_deref();
        let timed_out =
            matches!(failure.reason, Reason::Timeout | Reason::NotConnected { timeout: true, .. });
        let (kind, outcome, retryable, message) = match failure.reason {
            Reason::NotConnected { to, retry, .. } => {
                (Connect, NotSent, retry, format!("no connection to {to}"))
            }
            Reason::Tls { to } => (ErrorKind::Tls, NotSent, false, format!("no secure connection to {to}")),
            Reason::Stale | Reason::Lost => {
                (ConnectionLost, Unknown, true, of(partial, "was cut off", "the connection was lost"))
            }
            Reason::Timeout => {
                (Timeout, Unknown, true, of(partial, "did not end in time", "no response in time"))
            }
            Reason::NotHttp => {
                let message = "the response is not HTTP that can be read".to_owned();
                (UnexpectedResponse, Unknown, true, message)
            }
            Reason::Unreadable(reason) => (UnexpectedResponse, Unknown, false, reason),
            Reason::Shutdown { sent } => return shut_down(if sent { Unknown } else { NotSent }),
        };
        let mut error = Error::new(kind, outcome, message).retryable(retryable).timed_out(timed_out);
        if let Some(source) = failure.source {
            error = error.with_source(source);
        }
        match partial {
            Some(response) => error.with_response(self.kept(response)),
            None => error,
        }
    }

    /// Returns what an error keeps of a response before its body is read.
    fn kept(&self, response: &Response) -> ApiError {
        let body = cut(self.redactor.mask_body(&response.body), KEPT_BODY);
        ApiError::new(response.status, self.request_id(&response.headers), body)
    }

    fn request_id(&self, headers: &ResponseHeaders) -> Option<String> {
        headers.request_id().map(|id| cut(self.redactor.mask(id), 100))
    }
}

/// Returns `happened` with the status of the response if its head arrived, else `nothing`.
fn of(partial: Option<&Response>, happened: &str, nothing: &str) -> String {
    partial.map_or_else(
        || nothing.to_owned(),
        |response| format!("the response (HTTP {}) {happened}", response.status),
    )
}

pub(crate) fn shut_down(outcome: Outcome) -> Error {
    Error::new(ErrorKind::Shutdown, outcome, "the client is shut down")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::HeaderMap;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const CALL: &str = "CA00000000000000000000000000000002";
    const SESSION: &str = "PK00000000000000000000000000000003";

    fn response(status: u16, body: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("twilio-request-id", "RQ1".parse().unwrap());
        Response {
            status,
            headers: ResponseHeaders(headers),
            body: body.as_bytes().to_vec(),
            timed_out: false,
        }
    }

    fn read(response: Response) -> Result<PaymentsResponse, Error> {
        let operation = Operation {
            name: "UpdatePayments",
            account_sid: ACCOUNT,
            call_sid: CALL,
            payments_sid: Some(SESSION),
        };
        ResponseReader::new(&Redactor::new(["hush".to_owned()])).read(&operation, response, 7)
    }

    #[test]
    fn a_success_is_a_payment() {
        for status in [200, 201, 202, 299] {
            let PaymentsResponse { payments, metadata } =
                read(response(status, &format!(r#"{{"sid":"{SESSION}"}}"#))).unwrap();
            assert_eq!((payments.sid.as_str(), metadata.status, metadata.attempts), (SESSION, status, 7));
            assert_eq!(metadata.request_id.as_deref(), Some("RQ1"));
        }
    }

    #[test]
    fn whatever_else_is_an_error() {
        use ErrorKind::{Api, Redirect, UnexpectedResponse};
        use Outcome::{Refused, Unknown};
        let other = "ffffffffffffffffffffffffffffffff";
        let another_session = format!(r#"{{"sid":"PK{other}"}}"#);
        let another_call =
            format!(r#"{{"account_sid":"AC{other}","call_sid":"CA{other}","sid":"{SESSION}"}}"#);
        let about = "it names another session, or another account and call";
        for (status, body, kind, outcome, retryable, message) in [
            (201, "{}", UnexpectedResponse, Unknown, false, "no `sid`"),
            (201, "\"hush", UnexpectedResponse, Unknown, false, "EOF"),
            (202, &another_session, UnexpectedResponse, Unknown, false, about),
            (202, &another_call, UnexpectedResponse, Unknown, false, about),
            (101, "", UnexpectedResponse, Unknown, false, "the status is unexpected"),
            (600, "", UnexpectedResponse, Unknown, false, "the status is unexpected"),
            (302, "", Redirect, Unknown, false, "a redirect to nowhere"),
            (404, r#"{"code":20404}"#, Api, Refused, false, "HTTP 404, code 20404"),
            (408, "", Api, Unknown, true, "HTTP 408"),
            (409, "", Api, Unknown, false, "HTTP 409"),
            (425, "", Api, Unknown, false, "HTTP 425"),
            (429, "", Api, Refused, true, "HTTP 429"),
            (499, "", Api, Unknown, false, "HTTP 499"),
            (500, "", Api, Unknown, true, "HTTP 500"),
            (501, "", Api, Unknown, false, "HTTP 501"),
            (503, r#"{"message":"hush"}"#, Api, Unknown, true, "HTTP 503: [redacted]"),
        ] {
            let error = read(response(status, body)).unwrap_err();
            assert_eq!(
                (error.kind(), error.outcome(), error.is_retryable()),
                (kind, outcome, retryable),
                "{status}"
            );
            assert_eq!((error.status(), error.request_id()), (Some(status), Some("RQ1")));
            assert_eq!(error.body().unwrap(), body.replace("hush", "[redacted]"));
            assert!(error.to_string().contains(message), "{error}");
        }
        let late = Response { timed_out: true, ..response(404, "") };
        assert!(read(late).unwrap_err().is_timeout());
    }

    #[test]
    fn failures() {
        use ErrorKind::{Connect, ConnectionLost, Shutdown, Timeout, UnexpectedResponse};
        use Outcome::{NotSent, Unknown};
        let source = || crate::error::Source::from("why");
        let partial = || Some(Box::new(response(201, "{hush")));
        let with_source = |reason, partial| Failure { reason, partial, source: Some(source()) };
        let not_connected =
            |timeout, retry| with_source(Reason::NotConnected { to: "a:1".into(), timeout, retry }, None);
        let tls = with_source(Reason::Tls { to: "a:1".into() }, None);
        let bad = |source| Failure {
            reason: Reason::Unreadable("too long".to_owned()),
            partial: partial(),
            source,
        };
        for (failure, kind, outcome, retryable, timeout, message) in [
            (not_connected(false, true), Connect, NotSent, true, false, "no connection to a:1"),
            (not_connected(true, true), Connect, NotSent, true, true, "no connection to a:1"),
            (not_connected(false, false), Connect, NotSent, false, false, "no connection to a:1"),
            (tls, ErrorKind::Tls, NotSent, false, false, "no secure connection to a:1"),
            (
                with_source(Reason::Stale, None),
                ConnectionLost,
                Unknown,
                true,
                false,
                "the connection was lost",
            ),
            (
                with_source(Reason::Lost, None),
                ConnectionLost,
                Unknown,
                true,
                false,
                "the connection was lost",
            ),
            (
                with_source(Reason::Lost, partial()),
                ConnectionLost,
                Unknown,
                true,
                false,
                "the response (HTTP 201) was cut off",
            ),
            (with_source(Reason::Timeout, None), Timeout, Unknown, true, true, "no response in time"),
            (
                with_source(Reason::Timeout, partial()),
                Timeout,
                Unknown,
                true,
                true,
                "the response (HTTP 201) did not end in time",
            ),
            (
                with_source(Reason::NotHttp, partial()),
                UnexpectedResponse,
                Unknown,
                true,
                false,
                "the response is not HTTP that can be read",
            ),
            (bad(Some(source())), UnexpectedResponse, Unknown, false, false, "too long"),
            (bad(None), UnexpectedResponse, Unknown, false, false, "too long"),
            (
                Reason::Shutdown { sent: true }.into(),
                Shutdown,
                Unknown,
                false,
                false,
                "the client is shut down",
            ),
            (
                Reason::Shutdown { sent: false }.into(),
                Shutdown,
                NotSent,
                false,
                false,
                "the client is shut down",
            ),
        ] {
            let error = ResponseReader::new(&Redactor::new(["hush".to_owned()])).failure(failure);
            assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{error}");
            assert_eq!((error.is_retryable(), error.is_timeout()), (retryable, timeout), "{error}");
            assert_eq!(error.to_string(), message);
            if let Some(status) = error.status() {
                assert_eq!(
                    (status, error.body(), error.request_id()),
                    (201, Some("{[redacted]"), Some("RQ1"))
                );
            }
        }
    }
}
