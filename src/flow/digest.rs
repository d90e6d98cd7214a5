//! `ResponseDigest`: what a flow keeps of a failed response.

use std::fmt;

use crate::error::{Error, ErrorKind, Outcome, codes};
use crate::text::cut;

/// What a flow keeps of an [`Error`]: what decides the next step and explains the ending, but nothing secret.
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

/// The HTTP status and the service's code, or what went wrong if there was no response.
impl fmt::Display for ResponseDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "HTTP {status}")?,
            None => write!(f, "{} ({})", self.kind, self.outcome)?,
        }
        self.code.map_or(Ok(()), |code| write!(f, ", code {code}"))
    }
}

impl ResponseDigest {
    pub(super) fn of(error: &Error) -> Self {
        Self {
            outcome: error.outcome(),
            kind: error.kind(),
            status: error.status(),
            code: error.api_error().and_then(|api| api.code),
            request_id: error.request_id().map(|id| cut(id.to_owned(), 64)),
        }
    }

    /// Returns whether the same request could succeed later, because it was not refused for its content.
    pub(super) fn is_temporary(&self) -> bool {
        match (self.kind, self.status) {
            (ErrorKind::InvalidInput | ErrorKind::Shutdown, _) => false,
            (ErrorKind::Api, Some(status @ 400..=499)) => matches!(status, 408 | 409 | 425 | 429 | 499),
            _ => true,
        }
    }

    /// Returns whether the request certainly had no effect.
    pub(super) fn is_certain(&self) -> bool {
        self.outcome != Outcome::Unknown
    }

    /// Returns whether a request to complete the session was certainly not carried out. If an attempt was refused
    /// otherwise than with 429, this is not proved: a session that is over refuses as well, and may be over because it
    /// was completed.
    pub(super) fn is_certainly_not_completed(&self, refused: bool) -> bool {
        self.is_certain() && !refused || self.is_incomplete()
    }

    /// Returns whether something that is required is still missing.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_certain() && self.code == Some(codes::INCOMPLETE)
    }
}
