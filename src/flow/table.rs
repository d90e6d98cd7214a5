//! The table of endings: what a flow's state says about the money and about the session.

use super::result::SessionResult;
use super::state::{State, Stop};
use super::{NotPaidReason, PaymentEnding, SessionEnding};

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
            Some(reported) if reported.ends_session() => SessionEnding::Over,
            _ if self.cancel.accepted => SessionEnding::Cancelled,
            _ if self.session.is_none() && !self.may_be_created() => SessionEnding::NotOpened,
            _ => SessionEnding::PerhapsOpen,
        }
    }
}
