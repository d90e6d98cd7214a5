//! Refusals: the service's error answers.

use std::borrow::Cow;

use serde_json::json;

use crate::server::Response;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: Cow<'static, str>,
}

/// The longest text of a client's that a message repeats.
const REPEATED: usize = 100;

impl Refusal {
    fn new(status: u16, code: u32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(401, 20003, "Authenticate")
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {} was not found", shortened(path)))
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(405, 20004, "Method not allowed")
    }

    pub(super) fn media_type() -> Self {
        Self::new(415, 20415, "Content-Type must be application/x-www-form-urlencoded")
    }

    pub(super) fn unknown_parameter(name: &str) -> Self {
        Self::new(400, 20001, format!("Unknown parameter {}", shortened(name)))
    }

    pub(super) fn invalid_parameter(name: &str, reason: &str) -> Self {
        Self::new(400, 20001, format!("Invalid parameter {name}: {reason}"))
    }

    pub(super) fn call_not_in_progress(call_sid: &str) -> Self {
        Self::new(400, 21220, format!("Call {call_sid} is not in progress"))
    }

    /// The request is sound, but not at this time. The reference names no status for these cases.
    pub(super) fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(409, 20409, message)
    }

    pub(super) fn too_many_requests() -> Self {
        Self::new(429, 20429, "Too Many Requests")
    }

    pub(super) fn server_error() -> Self {
        Self::new(500, 20500, "Internal Server Error")
    }

    /// The answer to it.
    pub(super) fn answer(&self) -> Response {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        });
        let answer = Response::new(self.status, body.to_string().into_bytes());
        let answer = answer.header("Content-Type", "application/json");
        match self.status {
            401 => answer.header("WWW-Authenticate", "Basic realm=\"Twilio API\""),
            405 => answer.header("Allow", "POST"),
            _ => answer,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(REPEATED).collect()
}
