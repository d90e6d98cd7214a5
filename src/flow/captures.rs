//! Which captures a session needs, before the service has reported which.

use crate::model::{Capture, CaptureError, PaymentMethod};
use crate::params::CreatePaymentsParams;

use super::cut;

/// How many different captures a flow asks for. The service has ten.
pub(super) const MAX_CAPTURES: usize = 16;

/// The longest name of a capture, error or result that is kept.
const LONGEST_NAME: usize = 64;

/// What the parameters of a session let expect, in an order in which it can be asked for.
pub(super) fn expected(params: &CreatePaymentsParams) -> Vec<Capture> {
    let wanted = match params.payment_method {
        Some(PaymentMethod::AchDebit) => {
            vec![(Capture::BankRoutingNumber, true), (Capture::BankAccountNumber, true)]
        }
        _ => vec![
            (Capture::PaymentCardNumber, true),
            (Capture::ExpirationDate, true),
            (Capture::SecurityCode, params.security_code != Some(false)),
            (Capture::PostalCode, params.postal_code != Some(false)),
        ],
    };
    let mut captures = Vec::new();
    for (capture, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
        let second = matcher(&capture).filter(|_| params.require_matching_inputs.contains(&capture));
        captures.push(capture);
        captures.extend(second);
    }
    captures
}

/// As much of a `Required` list as a flow can keep.
pub(super) fn bounded(required: &[Capture]) -> Vec<Capture> {
    required
        .iter()
        .filter(|capture| capture.as_str().len() <= LONGEST_NAME)
        .take(MAX_CAPTURES)
        .cloned()
        .collect()
}

/// An error of bounded length.
pub(super) fn bounded_error(error: &CaptureError) -> CaptureError {
    CaptureError::from(cut(error.as_str(), LONGEST_NAME))
}

/// The capture that is typed a second time by this one.
pub(super) fn first_typing(capture: &Capture) -> Option<&'static Capture> {
    Capture::KNOWN.iter().find(|first| matcher(first).as_ref() == Some(capture))
}

/// The second typing of a capture.
fn matcher(capture: &Capture) -> Option<Capture> {
    match capture {
        Capture::PaymentCardNumber => Some(Capture::PaymentCardNumberMatcher),
        Capture::ExpirationDate => Some(Capture::ExpirationDateMatcher),
        Capture::SecurityCode => Some(Capture::SecurityCodeMatcher),
        Capture::PostalCode => Some(Capture::PostalCodeMatcher),
        _ => None,
    }
}
