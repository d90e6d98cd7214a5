//! `ApiError`: the API's response when it refuses or fails.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::codes;
use crate::text::{Escaped, Withheld};

/// A 4xx or 5xx response of the API.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The service's error code, such as 20404. It is read from a number or from text.
    pub code: Option<i64>,
    /// The service's message. Credentials in it are masked. It may contain control characters, which `Display` of
    /// [`ApiError`] and [`Error`](crate::Error) escapes.
    pub message: Option<String>,
    /// A link to the documentation of the code.
    pub more_info: Option<String>,
    /// Further details (`details`, or `params` in newer services), with credentials masked. `None` if the response has
    /// none, or if its body is longer than 64 KiB or is not complete JSON.
    pub details: Option<Value>,
    /// The `Twilio-Request-Id` header, which the provider's support asks for; cut to 100 bytes.
    pub request_id: Option<String>,
    /// How long the service asked to wait, in seconds or until an HTTP date (`Retry-After`). The time counts from the
    /// response.
    pub retry_after: Option<Duration>,
    pub(crate) body: Withheld,
}

impl ApiError {
    /// Makes an error from what is known of a response before its body is read.
    pub(crate) fn new(status: u16, request_id: Option<String>, body: String) -> Self {
        Self { status, request_id, body: Withheld(body), ..Self::default() }
    }

    /// Returns whether the payment connector or the service is unavailable, so that the same request may be accepted
    /// later.
    pub fn is_unavailable(&self) -> bool {
        self.has(&[codes::CONNECTOR_UNAVAILABLE, codes::SERVICE_UNAVAILABLE])
    }

    /// Returns whether the amount is invalid or the currency is not supported.
    pub fn is_amount_or_currency(&self) -> bool {
        self.has(&[codes::AMOUNT_INVALID, codes::CURRENCY_NOT_SUPPORTED])
    }

    /// Returns whether the call is not in progress, usually because the caller hung up.
    pub fn is_call_over(&self) -> bool {
        self.has(&[codes::CALL_NOT_IN_PROGRESS])
    }

    /// Returns whether another session is open on the call. Complete or cancel that one first.
    pub fn is_session_open(&self) -> bool {
        self.has(&[codes::SESSION_IN_PROGRESS])
    }

    /// Returns whether the payment connector rejected the charge, the card or the tokenization.
    pub fn is_rejected(&self) -> bool {
        self.has(&[codes::CHARGE_REJECTED, codes::TOKEN_REJECTED, codes::CARD_REJECTED])
    }

    /// Returns whether the credentials were not accepted.
    pub fn is_unauthenticated(&self) -> bool {
        self.status == 401 || self.has(&[codes::AUTHENTICATION_FAILED])
    }

    fn has(&self, codes: &[i64]) -> bool {
        self.code.is_some_and(|code| codes.contains(&code))
    }

    /// Returns the response's body as text, cut to its first 4 KiB; credentials in it are masked.
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

impl StdError for ApiError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: Option<i64>) -> ApiError {
        let error = ApiError::new(status, Some("RQ1".to_owned()), "{}".to_owned());
        ApiError { code, message: Some("no\r\n".to_owned()), ..error }
    }

    #[test]
    fn questions_that_programs_ask() {
        let questions: [fn(&ApiError) -> bool; 6] = [
            ApiError::is_unavailable,
            ApiError::is_amount_or_currency,
            ApiError::is_call_over,
            ApiError::is_session_open,
            ApiError::is_rejected,
            ApiError::is_unauthenticated,
        ];
        for (status, code, answer) in [
            (400, Some(64002), Some(0)),
            (503, Some(20503), Some(0)),
            (400, Some(64003), Some(1)),
            (400, Some(64011), Some(1)),
            (400, Some(21220), Some(2)),
            (400, Some(64021), Some(3)),
            (400, Some(64008), Some(4)),
            (400, Some(64010), Some(4)),
            (400, Some(64012), Some(4)),
            (401, Some(20003), Some(5)),
            (401, None, Some(5)),
            (429, Some(20429), None),
            (429, None, None),
            (400, Some(64019), None),
            (404, Some(20404), None),
            (400, None, None),
        ] {
            let error = error(status, code);
            let answers: Vec<_> = (0..6).filter(|&index| questions[index](&error)).collect();
            assert_eq!(answers, Vec::from_iter(answer), "{status} {code:?}");
        }
    }

    #[test]
    fn display_shows_code_and_message() {
        let error = error(400, Some(64008));
        assert_eq!(error.to_string(), "HTTP 400, code 64008: no\\r\\n [request RQ1]");
        assert!(StdError::source(&error).is_none());
    }
}
