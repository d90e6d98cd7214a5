//! `Operation`: one of a flow's requests, begun up to three times with one idempotency key.

use super::ResponseDigest;

/// How many times a request is begun: a response that is lost three times over, each after the client's own
/// retries, will not come the fourth time.
pub(super) const MAX_BEGINS: u32 = 3;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Create,
    Capture,
    Complete,
    Cancel,
}

/// A request, over all the times that it was begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Operation {
    /// How many times it was begun.
    pub(super) begun: u32,
    /// Whether a response reports that it was carried out.
    pub(super) accepted: bool,
    /// Whether it may have been carried out once: a response was lost, or settles nothing.
    pub(super) doubtful: bool,
    /// The last response, if it was a failure.
    pub(super) response: Option<ResponseDigest>,
}

impl Operation {
    /// Nobody waits for the response any more.
    pub(super) fn lose_response(&mut self) {
        self.doubtful = true;
        self.response = None;
    }

    /// Whether beginning it again, with the same key, has a chance.
    pub(super) fn can_repeat(&self) -> bool {
        !self.accepted && self.begun < MAX_BEGINS && !self.is_refused()
    }

    /// Whether the last response was a refusal that the same request would meet again.
    pub(super) fn is_refused(&self) -> bool {
        self.response.as_ref().is_some_and(|response| !response.is_passing())
    }
}
