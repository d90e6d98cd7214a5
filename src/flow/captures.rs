//! Which captures a session needs, before the service has reported which.

use crate::model::{Capture, CaptureError, PaymentMethod};
use crate::params::CreatePaymentsParams;
use crate::text::cut;

/// How many different captures a flow asks for. The service has ten.
pub(super) const MAX_CAPTURES: usize = 16;

/// The longest name of a capture, error or result that is kept.
const LONGEST_NAME: usize = 64;

/// Returns the captures to expect from the parameters of a session, in an order in which they can be asked for.
pub(super) fn expected(params: &CreatePaymentsParams) -> Vec<Capture> {
    let captures = match params.payment_method {
        Some(PaymentMethod::AchDebit) => vec![Capture::BankRoutingNumber, Capture::BankAccountNumber],
        _ => vec![
            Capture::PaymentCardNumber,
            Capture::ExpirationDate,
            Capture::SecurityCode,
            Capture::PostalCode,
        ],
    };
    let wanted = |capture: &Capture| match capture {
        Capture::SecurityCode => params.security_code != Some(false),
        Capture::PostalCode => params.postal_code != Some(false),
        _ => true,
    };
    let typed = |capture: Capture| {
        let twice = params.require_matching_inputs.contains(&capture);
        let second = twice.then(|| capture.second_entry());
        std::iter::once(capture).chain(second)
    };
    captures.into_iter().filter(wanted).flat_map(typed).collect()
}

/// Returns the part of a `Required` list that a flow keeps, so that its size stays bounded.
pub(super) fn bounded(required: &[Capture]) -> Vec<Capture> {
    required
        .iter()
        .filter(|capture| capture.as_str().len() <= LONGEST_NAME)
        .take(MAX_CAPTURES)
        .cloned()
        .collect()
}

/// Returns the error, cut to a bounded length.
pub(super) fn bounded_error(error: &CaptureError) -> CaptureError {
    CaptureError::from(cut(error.as_str().to_owned(), LONGEST_NAME))
}
