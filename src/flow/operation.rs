//! `Operation`: one of a flow's requests, begun up to three times with one idempotency key.

use super::ResponseDigest;

/// How many times a request is begun: a response that is lost three times over, each after the client's own
/// retries, will not come the fourth time.
pub(super) const MAX_BEGINS: u32 = 3;

/// A request, over all the times that it was begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Operation {
    /// How many times it was begun.
    pub(super) begun: u32,
    /// When it was begun last, in milliseconds.
    pub(super) begun_at: u64,
    /// Whether it is begun and not answered.
    pub(super) in_flight: bool,
    /// Whether a response reports that it was carried out.
    pub(super) accepted: bool,
    /// Whether an earlier begin may have been carried out: its response was lost, or settles nothing.
    pub(super) doubtful: bool,
    /// The last response, if it was a failure.
    pub(super) response: Option<ResponseDigest>,
    /// Until when what follows from it is awaited, in milliseconds.
    pub(super) deadline: Option<u64>,
}

impl Operation {
    pub(super) fn begin(&mut self, now: u64) {
        self.begun = self.begun.saturating_add(1);
        self.begun_at = now;
        self.in_flight = true;
    }

    /// Nobody waits for the response any more.
    pub(super) fn lose_response(&mut self) {
        if self.in_flight {
            self.in_flight = false;
            self.doubtful = true;
            self.response = None;
        }
    }

    pub(super) fn accept(&mut self) {
        self.in_flight = false;
        self.accepted = true;
        self.response = None;
    }

    /// `certain`: the request was certainly not carried out.
    pub(super) fn fail(&mut self, response: ResponseDigest, certain: bool) {
        self.in_flight = false;
        self.doubtful |= !certain;
        self.response = Some(response);
    }

    /// Whether it may have been carried out.
    pub(super) fn may_have_happened(&self) -> bool {
        self.in_flight || self.accepted || self.doubtful
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
