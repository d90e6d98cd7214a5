//! The kinds of information that a caller can be asked for.

use crate::model::Capture;
use crate::sandbox::parameters::CreateParameters;

/// One kind of information: its captures, and its field in a callback.
#[derive(Debug, PartialEq)]
pub(super) struct CaptureKind {
    pub(super) capture: Capture,
    /// Whether a session can require a second entry. Bank details are typed once.
    may_be_matched: bool,
    /// The name of its field in a callback.
    pub(super) field: &'static str,
}

pub(super) type Kind = &'static CaptureKind;

const fn kind(capture: Capture, may_be_matched: bool, field: &'static str) -> CaptureKind {
    CaptureKind { capture, may_be_matched, field }
}

pub(super) static CARD_NUMBER: CaptureKind = kind(Capture::PaymentCardNumber, true, "PaymentCardNumber");
pub(super) static SECURITY_CODE: CaptureKind = kind(Capture::SecurityCode, true, "SecurityCode");
pub(super) static EXPIRATION_DATE: CaptureKind = kind(Capture::ExpirationDate, true, "ExpirationDate");
pub(super) static POSTAL_CODE: CaptureKind = kind(Capture::PostalCode, true, "PaymentCardPostalCode");
pub(super) static ROUTING_NUMBER: CaptureKind = kind(Capture::BankRoutingNumber, false, "BankRoutingNumber");
pub(super) static ACCOUNT_NUMBER: CaptureKind = kind(Capture::BankAccountNumber, false, "BankAccountNumber");

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
            let second = kind.may_be_matched && kind.capture.second_entry() == *capture;
            (second || kind.capture == *capture).then_some((*kind, second))
        })
    }

    /// Returns the capture for the first or the second entry.
    pub(super) fn named(&self, second: bool) -> Capture {
        if second { self.capture.second_entry() } else { self.capture.clone() }
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
        self.may_be_matched && parameters.require_matching_inputs.contains(&self.capture)
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
