//! `OperationState`: one of a flow's requests, begun up to three times with one idempotency key.

use super::ResponseDigest;

/// How many times a request is begun. If the response is lost three times, each time after the client's own
/// retries, a fourth request would not help.
pub(super) const MAX_BEGINS: u32 = 3;

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Purpose {
    Create,
    Capture,
    Complete,
    Cancel,
}

/// What is known about a request, over all the times that it was begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OperationState {
    /// How many times it was begun.
    pub(super) begun: u32,
    /// Whether a response was a success.
    pub(super) accepted: bool,
    /// Whether it may have been carried out although no response says so.
    pub(super) doubtful: bool,
    /// The last response, if it was a failure.
    pub(super) response: Option<ResponseDigest>,
}

impl OperationState {
    /// Counts the response as lost.
    pub(super) fn lose_response(&mut self) {
        self.doubtful = true;
        self.response = None;
    }

    /// Returns whether to begin it again with the same key.
    pub(super) fn can_repeat(&self) -> bool {
        !self.accepted && self.begun < MAX_BEGINS && !self.is_refused()
    }

    /// Returns whether the last response was a refusal that the same request would get again.
    pub(super) fn is_refused(&self) -> bool {
        self.response.as_ref().is_some_and(|response| !response.is_temporary())
    }
}
