//! What an update can lead to: a question to the caller, or a refusal.

use std::fmt;

use crate::model::Capture;

/// What the caller is asked at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asking {
    /// To type a piece.
    For(Capture),
    /// To confirm with 1, or to cancel with 2.
    ToConfirm,
}

/// Why an update is refused, rather than answered by a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The session is over.
    Ended,
    /// There is no such capture.
    UnknownCapture,
    /// The piece belongs to the other payment method.
    OtherMethod,
    /// The piece is not one that the session wants typed twice.
    NotMatched,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ended => "the session is over",
            Self::UnknownCapture => "there is no such capture",
            Self::OtherMethod => "the capture does not belong to the session's payment method",
            Self::NotMatched => "the session does not require matching inputs for the capture",
        })
    }
}
