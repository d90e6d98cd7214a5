//! `ResponseDigest`: what a flow keeps of a failed response.

use crate::error::{Error, ErrorKind, Outcome};

/// What a flow keeps of an [`Error`]: enough to decide and to explain, nothing secret, and of bounded size.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseDigest {
    /// What is known about the request.
    pub outcome: Outcome,
    /// What went wrong.
    pub kind: ErrorKind,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The service's error code, if it sent one.
    pub code: Option<i64>,
    /// The `Twilio-Request-Id` header, which the provider's support asks for; cut to 64 bytes.
    pub request_id: Option<String>,
}

impl ResponseDigest {
    pub(super) fn of(error: &Error) -> Self {
        Self {
            outcome: error.outcome(),
            kind: error.kind(),
            status: error.status(),
            code: error.api_error().and_then(|api| api.code),
            request_id: error.request_id().map(|id| super::cut(id, 64)),
        }
    }
}
