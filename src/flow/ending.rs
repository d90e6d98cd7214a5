//! `Ending`: what became of a payment, and of its session.

use std::fmt;

use super::ResponseDigest;
use crate::model::{Capture, CaptureError, PayResult};
use crate::text::Escaped;

/// How a payment ended: what is known about the money, and about the session beside it.
///
/// A stored ending is not the last word: a callback that arrives later can correct it. See
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
    /// The payment's key: the idempotency key of the params that the flow was made with. The keys of its
    /// operations begin with it.
    pub key: String,
    /// The text to search for at the payment processor, if the flow put one into the session's
    /// parameters.
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
        /// The token that stands for the payment method. A secret: `Debug` does not show it.
        token: Option<String>,
        /// The customer's record at the payment processor to which the token belongs. A secret too.
        profile: Option<String>,
    },
    /// It is certain that nothing was charged or tokenized: the request to complete the session was never
    /// begun, or was certainly not carried out each time. That is about this flow, over all processes that went on
    /// with its stored value; another flow with the same [key](crate::PaymentFlow#keys) is another payment.
    NotPaid(NotPaidReason),
    /// The session was or may have been completed, and the service reports that nothing was charged. A
    /// payment connector's timeout can hide a charge, so this is kept apart from
    /// [`NotPaid`](Self::NotPaid).
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
    /// It is not known whether the payment happened: the session was or may have been completed, and
    /// nothing that the service reported settles how.
    ///
    /// Do not charge again before it is settled. A callback may still arrive and settle it. If none does,
    /// search at the payment processor for the [`reference`](Ending::reference): the API has no way to ask
    /// about a session.
    #[non_exhaustive]
    Unknown {
        /// The result that the service reported, if it reported one that settles nothing.
        result: Option<PayResult>,
        /// The failed response to the last request to complete the session, if it failed.
        response: Option<ResponseDigest>,
    },
}

/// What is known about a payments session when its payment has ended.
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
    /// No session could be created, or it is not known which one was. `None`: no request was answered.
    CreateFailed(Option<ResponseDigest>),
    /// The caller did not provide a capture in the allowed number of asks.
    #[non_exhaustive]
    CaptureFailed {
        /// What was asked for.
        capture: Capture,
        /// Why the last ask failed; `None` if nothing was reported in time.
        error: Option<CaptureError>,
    },
    /// A request for a capture, or to complete the session, was not carried out.
    StepFailed(ResponseDigest),
    /// The service ended the session before it was completed, as when the caller hangs up.
    SessionEnded(PayResult),
}

impl Ending {
    /// Whether the amount was charged, or the payment method tokenized.
    pub fn is_success(&self) -> bool {
        matches!(self.payment, PaymentEnding::Paid { .. } | PaymentEnding::Tokenized { .. })
    }

    /// Whether it is certain that nothing was charged or tokenized.
    pub fn is_not_paid(&self) -> bool {
        matches!(self.payment, PaymentEnding::NotPaid(_))
    }
}

/// For people: what is known, and what to do if that is not enough.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.payment {
            PaymentEnding::Paid { confirmation_code: Some(code) } => {
                write!(f, "paid, confirmation code {}", Escaped(code))?;
            }
            PaymentEnding::Paid { .. } => f.write_str("paid")?,
            PaymentEnding::Tokenized { .. } => f.write_str("the payment method was tokenized")?,
            PaymentEnding::NotPaid(reason) => write!(f, "certainly not paid: {reason:?}")?,
            PaymentEnding::Declined { result, .. } => write!(f, "declined: {}", Escaped(result.as_str()))?,
            PaymentEnding::Unknown { .. } => {
                f.write_str("it is not known whether it was paid; a callback may still report it")?;
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

/// Leaves out the token and the profile, and what the service wrote for people.
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
