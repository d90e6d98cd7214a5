//! The kinds of information that a caller can be asked for.

use crate::model::Capture;
use crate::sandbox::parameters::CreateParameters;

/// One kind of information: its captures, and its field in a callback.
#[derive(Debug, PartialEq)]
pub(super) struct CaptureKind {
    pub(super) capture: Capture,
    /// The capture for the second entry; bank details have none.
    pub(super) matcher: Option<Capture>,
    /// The name of its field in a callback.
    pub(super) field: &'static str,
}

pub(super) type Kind = &'static CaptureKind;

const fn kind(capture: Capture, matcher: Option<Capture>, field: &'static str) -> CaptureKind {
    CaptureKind { capture, matcher, field }
}

pub(super) static CARD_NUMBER: CaptureKind =
    kind(Capture::PaymentCardNumber, Some(Capture::PaymentCardNumberMatcher), "PaymentCardNumber");
pub(super) static SECURITY_CODE: CaptureKind =
    kind(Capture::SecurityCode, Some(Capture::SecurityCodeMatcher), "SecurityCode");
pub(super) static EXPIRATION_DATE: CaptureKind =
    kind(Capture::ExpirationDate, Some(Capture::ExpirationDateMatcher), "ExpirationDate");
pub(super) static POSTAL_CODE: CaptureKind =
    kind(Capture::PostalCode, Some(Capture::PostalCodeMatcher), "PaymentCardPostalCode");
pub(super) static ROUTING_NUMBER: CaptureKind = kind(Capture::BankRoutingNumber, None, "BankRoutingNumber");
pub(super) static ACCOUNT_NUMBER: CaptureKind = kind(Capture::BankAccountNumber, None, "BankAccountNumber");

/// The kinds of each payment method, in the order in which the service names them.
static CARD: [Kind; 4] = [&CARD_NUMBER, &SECURITY_CODE, &EXPIRATION_DATE, &POSTAL_CODE];
static BANK: [Kind; 2] = [&ROUTING_NUMBER, &ACCOUNT_NUMBER];

impl CaptureKind {
    /// Returns all kinds of a session's payment method.
    pub(super) fn all_of(parameters: &CreateParameters) -> &'static [Kind] {
        if parameters.is_ach() { &BANK } else { &CARD }
    }

    /// Returns the kind of a capture, and whether the capture is for the second entry.
    pub(super) fn of(capture: &Capture) -> Option<(Kind, bool)> {
        CARD.iter().chain(&BANK).find_map(|kind| {
            let second = kind.matcher.as_ref() == Some(capture);
            (second || kind.capture == *capture).then_some((*kind, second))
        })
    }

    /// Returns the capture for the first or, if there is one, the second entry.
    pub(super) fn named(&self, second: bool) -> Capture {
        self.matcher.clone().filter(|_| second).unwrap_or_else(|| self.capture.clone())
    }

    /// Returns whether it is required to complete a session.
    pub(super) fn is_wanted(&self, parameters: &CreateParameters) -> bool {
        match self.capture {
            Capture::SecurityCode => parameters.security_code,
            Capture::PostalCode => parameters.postal_code,
            _ => true,
        }
    }

    /// Returns whether it must be typed twice in a session.
    pub(super) fn is_matched(&self, parameters: &CreateParameters) -> bool {
        self.matcher.is_some() && parameters.require_matching_inputs.contains(&self.capture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_kinds_agree() {
        for capture in Capture::KNOWN {
            let (kind, second) = CaptureKind::of(capture).unwrap();
            assert_eq!(&kind.named(second), capture);
        }
        assert_eq!(CaptureKind::of(&Capture::from("shoe-size")), None);
    }
}
