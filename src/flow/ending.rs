//! `Ending`: what became of a payment, and of its session.

use std::fmt;

use super::ResponseDigest;
use crate::model::{Capture, CaptureError, PayResult};
use crate::text::Escaped;

/// How a payment ended: what is known about the money and about the session.
///
/// A callback that arrives later can correct an ending. See
/// [`PaymentFlow::on_callback`](crate::PaymentFlow::on_callback).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ending {
    /// What is known about the money.
    pub payment: PaymentEnding,
    /// What is known about the session.
    pub session: SessionEnding,
    /// The SID of the session, if it is known.
    pub session_sid: Option<String>,
    /// The SID of the call.
    pub call_sid: String,
    /// The payment's [key](crate::PaymentFlow::key), with which the idempotency keys of its requests begin.
    pub key: String,
    /// The text to search for at the payment processor, if the flow put one into the parameters of the session:
    /// see [`PaymentFlow::reference`](crate::PaymentFlow::reference).
    pub reference: Option<String>,
}

/// What is known about the money when a payment has ended.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum PaymentEnding {
    /// The amount was charged: the service reported `success` for this session.
    #[non_exhaustive]
    Paid {
        /// The payment processor's code for the charge.
        confirmation_code: Option<String>,
    },
    /// The payment method was tokenized: the service reported `success` for this session, which had no
    /// amount.
    #[non_exhaustive]
    Tokenized {
        /// The token that stands for the payment method, if it has at most 4,096 bytes; a longer one is only in the
        /// callback. A secret: `Debug` does not show it.
        token: Option<String>,
        /// The customer's record at the payment processor that the token belongs to. A secret too.
        profile: Option<String>,
    },
    /// It is certain that this flow charged and tokenized nothing: its request to complete the session was never begun,
    /// or was certainly not carried out, over all processes that continued the stored flow. This says nothing about
    /// another flow with the same [key](crate::PaymentFlow#keys): if a program reuses keys without loading the stored
    /// flow, the session may be that of an earlier flow, which was paid.
    NotPaid(NotPaidReason),
    /// The session was or may have been completed, and the service reported that nothing was charged. This is not
    /// [`NotPaid`](Self::NotPaid), because a timeout of the payment connector can hide a charge.
    #[non_exhaustive]
    Declined {
        /// How the session ended: `payment-connector-error`, `validation-error`, `caller-hung-up` or
        /// `caller-interrupted-with-star`.
        result: PayResult,
        /// What went wrong, as the service's error code.
        code: Option<u32>,
        /// What went wrong, in the service's words, cut to 512 bytes.
        error: Option<String>,
        /// What the payment connector reported, cut to 512 bytes.
        connector_error: Option<String>,
    },
    /// It is not known whether the amount was charged, or the payment method tokenized: the session was or may
    /// have been completed, and the service has not reported a result that settles it.
    ///
    /// Do not charge again before it is settled. A callback may still arrive and settle it. If none does, search at the
    /// payment processor for the [`reference`](Ending::reference): the API has no way to look up a session.
    #[non_exhaustive]
    Unknown {
        /// The result that the service reported, if any. It settles nothing.
        result: Option<PayResult>,
        /// The response to the last request to complete the session, if it was a failure.
        response: Option<ResponseDigest>,
    },
}

/// What is known about a Payments session when its payment has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnding {
    /// No session was opened.
    NotOpened,
    /// The session is over: the service reported its result.
    Over,
    /// The session was cancelled.
    Cancelled,
    /// The session may still be open. The service closes it with the call.
    PerhapsOpen,
}

/// Why nothing was charged or tokenized.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NotPaidReason {
    /// The program called [`PaymentFlow::cancel`](crate::PaymentFlow::cancel).
    Cancelled,
    /// No session was created, or it is not known which one. Holds the last response, or `None` if there was none.
    CreateFailed(Option<ResponseDigest>),
    /// The caller did not provide a capture within [`max_asks`](crate::PaymentFlow::max_asks).
    #[non_exhaustive]
    CaptureFailed {
        /// What was asked for.
        capture: Capture,
        /// Why the last ask failed; `None` if nothing was reported in time.
        error: Option<CaptureError>,
    },
    /// A request for a capture, or to complete the session, was not carried out.
    StepFailed(ResponseDigest),
    /// The service ended the session before it was completed, for example because the caller hung up.
    SessionEnded(PayResult),
}

impl Ending {
    /// Returns whether the amount was charged, or the payment method tokenized.
    pub fn is_success(&self) -> bool {
        matches!(self.payment, PaymentEnding::Paid { .. } | PaymentEnding::Tokenized { .. })
    }

    /// Returns whether it is certain that nothing was charged or tokenized.
    pub fn is_not_paid(&self) -> bool {
        matches!(self.payment, PaymentEnding::NotPaid(_))
    }
}

/// Describes what is known and, if that is not certain, what to do.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.payment {
            PaymentEnding::Paid { confirmation_code: Some(code) } => {
                write!(f, "paid, confirmation code {}", Escaped(code))?;
            }
            PaymentEnding::Paid { .. } => f.write_str("paid")?,
            PaymentEnding::Tokenized { .. } => f.write_str("the payment method was tokenized")?,
            PaymentEnding::NotPaid(reason) => write!(f, "certainly not paid by this flow: {reason}")?,
            PaymentEnding::Declined { result, error, .. } => {
                write!(f, "declined: {}", Escaped(result.as_str()))?;
                if let Some(error) = error {
                    write!(f, ", {}", Escaped(error))?;
                }
            }
            PaymentEnding::Unknown { .. } => {
                f.write_str("it is not known whether it was paid: wait for a callback")?;
                if let Some(reference) = &self.reference {
                    write!(f, ", or search at the payment processor for {reference}")?;
                }
            }
        }
        if self.session == SessionEnding::PerhapsOpen {
            f.write_str("; the session may be open")
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for NotPaidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the program cancelled it"),
            Self::CreateFailed(None) => f.write_str("no session is known"),
            Self::CreateFailed(Some(response)) => write!(f, "no session is known: {response}"),
            Self::CaptureFailed { capture, error } => {
                write!(f, "the caller did not provide {}", Escaped(capture.as_str()))?;
                match error {
                    Some(error) => write!(f, ": {}", Escaped(error.as_str())),
                    None => f.write_str(", or no callback arrived"),
                }
            }
            Self::StepFailed(response) => write!(f, "a request failed: {response}"),
            Self::SessionEnded(result) => write!(f, "the session ended: {}", Escaped(result.as_str())),
        }
    }
}

/// Leaves out the token, the profile and the service's messages.
impl fmt::Debug for PaymentEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paid { confirmation_code } => {
                f.debug_struct("Paid").field("confirmation_code", confirmation_code).finish()
            }
            Self::Tokenized { .. } => f.debug_struct("Tokenized").finish_non_exhaustive(),
            Self::NotPaid(reason) => f.debug_tuple("NotPaid").field(reason).finish(),
            Self::Declined { result, code, .. } => {
                f.debug_struct("Declined").field("result", result).field("code", code).finish_non_exhaustive()
            }
            Self::Unknown { result, response } => {
                f.debug_struct("Unknown").field("result", result).field("response", response).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Outcome};

    fn ending(payment: PaymentEnding) -> Ending {
        Ending {
            payment,
            session: SessionEnding::Over,
            session_sid: None,
            call_sid: "CA00000000000000000000000000000001".to_owned(),
            key: "order-1".to_owned(),
            reference: Some("ref-1".to_owned()),
        }
    }

    #[test]
    fn endings_in_words() {
        let not_sent = ResponseDigest {
            outcome: Outcome::NotSent,
            kind: ErrorKind::Connect,
            status: None,
            code: None,
            request_id: None,
        };
        let refused = ResponseDigest {
            outcome: Outcome::Refused,
            kind: ErrorKind::Api,
            status: Some(400),
            code: Some(64013),
            request_id: Some("RQ\n1".to_owned()),
        };
        let (card, not_paid) = (Capture::PaymentCardNumber, "certainly not paid by this flow: ");
        let not_provided = "the caller did not provide payment-card-number";
        for (reason, expected) in [
            (NotPaidReason::Cancelled, "the program cancelled it".to_owned()),
            (NotPaidReason::CreateFailed(None), "no session is known".to_owned()),
            (
                NotPaidReason::CreateFailed(Some(not_sent)),
                "no session is known: no connection (not sent)".to_owned(),
            ),
            (
                NotPaidReason::CaptureFailed { capture: card.clone(), error: None },
                format!("{not_provided}, or no callback arrived"),
            ),
            (
                NotPaidReason::CaptureFailed { capture: card, error: Some(CaptureError::InputTimeout) },
                format!("{not_provided}: input-timeout"),
            ),
            (NotPaidReason::StepFailed(refused), "a request failed: HTTP 400, code 64013".to_owned()),
            (
                NotPaidReason::SessionEnded(PayResult::CallerHungUp),
                "the session ended: caller-hung-up".to_owned(),
            ),
        ] {
            assert_eq!(reason.to_string(), expected);
            assert_eq!(ending(PaymentEnding::NotPaid(reason)).to_string(), format!("{not_paid}{expected}"));
        }
    }
}
