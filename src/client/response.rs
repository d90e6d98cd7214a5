//! Turns a response, or a failure to get one, into a session or an error.

use std::time::{Duration, SystemTime};

use crate::client::operation::Operation;
use crate::client::{error_body, retry_after};
use crate::error::{ApiError, Error, ErrorKind, Outcome, is_retryable_status};
use crate::model::{Payments, PaymentsResponse, ResponseHeaders, ResponseMetadata};
use crate::text::{Redactor, cut, url_without_secrets};
use crate::transport::{Failure, Response};

/// How much of a response's body an error keeps.
const KEPT_BODY: usize = 4 * 1024;

/// Reads responses, and masks the secret that was sent with the request in them.
pub(crate) struct ResponseReader<'a> {
    pub(crate) redactor: &'a Redactor,
}

impl ResponseReader<'_> {
    /// Reads the response to the attempt with this number. The time of the whole call is set later.
    ///
    /// # Errors
    /// Returns an error if the response is not a Payments session, or is not about this operation.
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
        let message =
            format!("the response (HTTP {status}, {length} bytes) is not a Payments session: {reason}");
        let error = Error::new(ErrorKind::UnexpectedResponse, Outcome::Unknown, message);
        Err(error.with_response(self.kept(&response)))
    }

    fn redirect(&self, response: &Response) -> Error {
        let location = response.headers.get("location").map(|location| self.redactor.mask(location));
        let target = location.as_deref().map(url_without_secrets);
        let target = target.map(|target| format!("to {target}, which is not followed"));
        let target = target.unwrap_or_else(|| "without a target".to_owned());
        let message = format!("the API responded with HTTP {}, a redirect {target}", response.status);
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

    /// Adds what arrived of a response to an error.
    pub(crate) fn failure(&self, Failure { error, partial, .. }: Failure) -> Error {
        match partial {
            Some(response) => error.with_response(self.kept(&response)),
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
        ResponseReader { redactor: &Redactor::new(["hush".to_owned()]) }.read(&operation, response, 7)
    }

    #[test]
    fn a_success_is_a_session() {
        for status in [200, 201, 202, 299] {
            let PaymentsResponse { payments, metadata } =
                read(response(status, &format!(r#"{{"sid":"{SESSION}"}}"#))).unwrap();
            assert_eq!((payments.sid.as_str(), metadata.status, metadata.attempts), (SESSION, status, 7));
            assert_eq!(metadata.request_id.as_deref(), Some("RQ1"));
        }
    }

    #[test]
    fn every_other_response_is_an_error() {
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
            (302, "", Redirect, Unknown, false, "a redirect without a target"),
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
    fn a_failure_keeps_what_arrived() {
        let redactor = Redactor::new(["hush".to_owned()]);
        let failed = |partial| {
            let error = Error::new(ErrorKind::ConnectionLost, Outcome::Unknown, "lost");
            ResponseReader { redactor: &redactor }.failure(Failure { partial, ..error.into() })
        };
        let error = failed(Some(Box::new(response(201, "{hush"))));
        assert_eq!(
            (error.status(), error.body(), error.request_id()),
            (Some(201), Some("{[redacted]"), Some("RQ1"))
        );
        assert_eq!(failed(None).status(), None);
    }
}
