//! `SessionResult`: what the service reported about the end of a session.

use crate::model::PayResult;

/// The result of a session, as the service reported it.
#[derive(Clone, PartialEq)]
pub(super) struct SessionResult {
    pub(super) result: PayResult,
    pub(super) confirmation_code: Option<String>,
    pub(super) token: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) code: Option<u32>,
    pub(super) error: Option<String>,
    pub(super) connector_error: Option<String>,
}

impl SessionResult {
    pub(super) fn is_success(&self) -> bool {
        self.result == PayResult::Success
    }

    /// Returns whether the service reports with this result that nothing was charged.
    pub(super) fn is_decline(&self) -> bool {
        matches!(
            self.result,
            PayResult::PaymentConnectorError
                | PayResult::ValidationError
                | PayResult::CallerHungUp
                | PayResult::CallerInterruptedWithStar
        )
    }

    /// Returns how much the result settles: a success counts whatever else is reported, and a decline settles what
    /// other results leave open.
    pub(super) fn weight(&self) -> u8 {
        if self.is_success() {
            3
        } else if self.is_decline() {
            2
        } else {
            u8::from(self.ends_session())
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.result.as_str(), "cancelled" | "canceled")
    }

    /// Returns whether it is certain that the session is over. A result that this version does not know may mean
    /// something else.
    pub(super) fn ends_session(&self) -> bool {
        self.is_cancelled() || !matches!(self.result, PayResult::Other(_))
    }
}

// Leaves out the token and the profile.
debug_shows!(SessionResult, |reported| result: reported.result);
