//! What the API says when it refuses or fails.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::text::{Escaped, Withheld};

/// A 4xx or 5xx response of the API.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The service's error code, such as 20404, whether it came as a number or as text.
    pub code: Option<i64>,
    /// The message for people, as the service wrote it. It may contain control characters: `Display` of
    /// [`ApiError`] and [`Error`](crate::Error) escapes them.
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
    /// Returns the response's body as text, cut to its first 4 KiB; credentials in it are masked.
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

impl StdError for ApiError {}
