//! The table of endings: what a flow's state says about the money and about the session.

use super::state::{State, Stop};
use super::{NotPaidReason, PaymentEnding, SessionEnding};
use crate::macros::debug_shows;
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

impl State {
    /// Returns what is known about the money. `charges` is whether the session has an amount to charge.
    pub(super) fn payment(&self, charges: bool) -> PaymentEnding {
        let completed = self.may_be_completed();
        match self.result.clone() {
            Some(reported) if reported.is_success() && charges => {
                PaymentEnding::Paid { confirmation_code: reported.confirmation_code }
            }
            Some(reported) if reported.is_success() => {
                PaymentEnding::Tokenized { token: reported.token, profile: reported.profile }
            }
            Some(reported) if completed && reported.is_decline() => PaymentEnding::Declined {
                result: reported.result,
                code: reported.code,
                error: reported.error,
                connector_error: reported.connector_error,
            },
            reported if completed => PaymentEnding::Unknown {
                result: reported.map(|reported| reported.result),
                response: self.complete.response.clone(),
            },
            reported => PaymentEnding::NotPaid(self.reason(reported)),
        }
    }

    fn reason(&self, reported: Option<SessionResult>) -> NotPaidReason {
        match (self.stop, self.failed.clone(), self.refusal.clone(), reported) {
            (Some(Stop::Cancelled), ..) => NotPaidReason::Cancelled,
            (Some(Stop::CaptureFailed), Some((capture, error)), ..) => {
                NotPaidReason::CaptureFailed { capture, error }
            }
            (.., Some(reported)) => NotPaidReason::SessionEnded(reported.result),
            (Some(_), _, Some(response), None) => NotPaidReason::StepFailed(response),
            _ => NotPaidReason::CreateFailed(self.create.response.clone()),
        }
    }

    pub(super) fn session_ending(&self) -> SessionEnding {
        match &self.result {
            Some(reported) if reported.is_cancelled() => SessionEnding::Cancelled,
            Some(reported) if reported.is_known() => SessionEnding::Over,
            _ if self.cancel.accepted => SessionEnding::Cancelled,
            _ if self.session.is_none() && !self.may_be_created() => SessionEnding::NotOpened,
            _ => SessionEnding::PerhapsOpen,
        }
    }
}

impl SessionResult {
    pub(super) fn is_success(&self) -> bool {
        self.result == PayResult::Success
    }

    /// Returns whether the service reports with this result that nothing was charged.
    fn is_decline(&self) -> bool {
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
            u8::from(self.is_known())
        }
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.result.as_str(), "cancelled" | "canceled")
    }

    /// Returns whether it is certain that the session is over. A result that this version does not know may mean
    /// something else.
    pub(super) fn is_known(&self) -> bool {
        self.is_cancelled() || !matches!(self.result, PayResult::Other(_))
    }
}

// Leaves out the token and the profile.
debug_shows!(SessionResult, |reported| result: reported.result);
