//! The caller's entries: when an entry ends, whether it is valid, and what a callback shows of it.

use std::collections::HashMap;

use super::kind::{CARD_NUMBER, CaptureKind, Kind, SECURITY_CODE};
use super::{bank, cards, mask};
use crate::model::{Capture, CaptureError, CardType};
use crate::sandbox::parameters::CreateParameters;
use crate::text::date::Civil;

/// The longest postal code that is accepted, unless the session requires a longer one.
const POSTAL_CODE_LENGTH: usize = 10;

/// The valid entries so far. One of them may be a card number, so there is no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Collected {
    /// By the capture of the kind.
    entries: HashMap<Capture, Entry>,
    card: Option<CardType>,
}

#[derive(Clone)]
struct Entry {
    digits: String,
    /// Whether the second entry was the same.
    matched: bool,
}

impl Collected {
    /// Returns the card's brand, once its number was collected.
    pub(super) fn card_type(&self) -> Option<&CardType> {
        self.card.as_ref()
    }

    pub(super) fn get(&self, kind: Kind) -> Option<&str> {
        self.entries.get(&kind.capture).map(|entry| entry.digits.as_str())
    }

    pub(super) fn is_matched(&self, kind: Kind) -> bool {
        self.entries.get(&kind.capture).is_some_and(|entry| entry.matched)
    }

    pub(super) fn set_matched(&mut self, kind: Kind, matched: bool) {
        if let Some(entry) = self.entries.get_mut(&kind.capture) {
            entry.matched = matched;
        }
    }

    pub(super) fn forget(&mut self, kind: Kind) {
        self.entries.remove(&kind.capture);
        self.card.take_if(|_| kind == &CARD_NUMBER);
    }

    /// Returns what is still required, in the order in which the service names it.
    pub(super) fn required(&self, parameters: &CreateParameters) -> Vec<Capture> {
        let mut required = Vec::new();
        for kind in CaptureKind::all_of(parameters).iter().filter(|kind| kind.is_wanted(parameters)) {
            if self.get(kind).is_none() {
                required.push(kind.capture.clone());
            }
            if kind.is_matched(parameters) && !self.is_matched(kind) {
                required.push(kind.capture.second_entry());
            }
        }
        required
    }

    /// Returns what a callback shows of a collected entry.
    pub(super) fn show(&self, kind: Kind) -> Option<String> {
        let digits = self.get(kind)?;
        Some(match (&kind.capture, &self.card) {
            (Capture::PaymentCardNumber, Some(card)) => mask::card_number(digits, card),
            (Capture::BankAccountNumber, _) => mask::all_but_last(2, digits, '*'),
            _ => Self::show_unchecked(kind, digits),
        })
    }

    /// Returns what a callback shows of digits that are incomplete or invalid.
    pub(super) fn show_unchecked(kind: Kind, digits: &str) -> String {
        match kind.capture {
            Capture::PaymentCardNumber | Capture::SecurityCode => mask::all_but_last(0, digits, 'x'),
            Capture::BankAccountNumber => mask::all_but_last(0, digits, '*'),
            _ => digits.to_owned(),
        }
    }

    /// Returns whether nothing more needs to be typed after these digits.
    pub(super) fn is_full(&self, kind: Kind, digits: &str, parameters: &CreateParameters) -> bool {
        match kind.capture {
            Capture::PaymentCardNumber => cards::is_full(digits),
            Capture::ExpirationDate => digits.len() >= 4,
            Capture::SecurityCode => digits.len() >= self.security_code_length(),
            Capture::PostalCode => digits.len() >= POSTAL_CODE_LENGTH.max(parameters.min_postal_code_length),
            Capture::BankRoutingNumber => digits.len() >= bank::ROUTING_NUMBER,
            _ => digits.len() >= bank::ACCOUNT_NUMBER.1,
        }
    }

    /// Takes the digits, which replace earlier ones.
    ///
    /// # Errors
    /// Returns what is wrong with them, in the service's words.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        digits: &str,
        parameters: &CreateParameters,
        today: Civil,
    ) -> Result<(), CaptureError> {
        use CaptureError::{
            InvalidBankAccountNumber, InvalidBankRoutingNumber, InvalidCardNumber, InvalidDate,
            InvalidPostalCode, InvalidSecurityCode,
        };
        let length = digits.len();
        let (good, error) = match kind.capture {
            Capture::PaymentCardNumber => {
                let card = cards::check(digits, &parameters.valid_card_types)?;
                // A code of another brand's length cannot belong to this card.
                let code_length = cards::security_code_length(&card);
                if self.get(&SECURITY_CODE).is_some_and(|code| code.len() != code_length) {
                    self.forget(&SECURITY_CODE);
                }
                self.card = Some(card);
                (true, InvalidCardNumber)
            }
            Capture::ExpirationDate => (is_expiry(digits, today), InvalidDate),
            Capture::SecurityCode => (length == self.security_code_length(), InvalidSecurityCode),
            Capture::PostalCode => (length >= parameters.min_postal_code_length, InvalidPostalCode),
            Capture::BankRoutingNumber => (bank::is_routing_number(digits), InvalidBankRoutingNumber),
            _ => (bank::is_account_number(digits), InvalidBankAccountNumber),
        };
        if !good {
            return Err(error);
        }
        self.entries.insert(kind.capture.clone(), Entry { digits: digits.to_owned(), matched: false });
        Ok(())
    }

    /// Returns the length of the security code: three for a card that is not known yet, which is refused elsewhere.
    pub(super) fn security_code_length(&self) -> usize {
        self.card_type().map_or(3, cards::security_code_length)
    }
}

/// Returns whether the digits are a month and a year (`MMYY`, this century) that has not passed: a card is good to the
/// end of its month.
fn is_expiry(digits: &str, today: Civil) -> bool {
    let number = |digits: Option<&str>| digits.and_then(|digits| digits.parse::<u64>().ok());
    match (digits.len(), number(digits.get(..2)), number(digits.get(2..))) {
        (4, Some(month @ 1..=12), Some(year)) => (2000 + year, month) >= (today.year, today.month),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{ACCOUNT_NUMBER, EXPIRATION_DATE, POSTAL_CODE, ROUTING_NUMBER};
    use super::*;
    use crate::sandbox::parameters::Form;
    use std::time::Duration;

    /// 29 February 2024.
    fn today() -> Civil {
        Civil::new(Duration::from_secs(1_709_200_000))
    }

    fn settings() -> CreateParameters {
        CreateParameters::read(&Form::parse(b"IdempotencyKey=k&StatusCallback=/")).unwrap()
    }

    #[test]
    fn expiry() {
        for (digits, good) in [
            ("0224", true),
            ("0124", false),
            ("0324", true),
            ("1223", false),
            ("0125", true),
            ("1299", true),
            ("0000", false),
            ("1324", false),
            ("0024", false),
            ("224", false),
            ("02240", false),
            ("", false),
        ] {
            assert_eq!(is_expiry(digits, today()), good, "{digits}");
        }
    }

    #[test]
    fn security_codes_go_by_the_card() {
        for (card, code, good) in [
            ("4242424242424242", "123", true),
            ("4242424242424242", "1234", false),
            ("4242424242424242", "12", false),
            ("5555555555554444", "123", true),
            ("378282246310005", "1234", true),
            ("378282246310005", "123", false),
        ] {
            let mut collected = Collected::default();
            collected.take(&CARD_NUMBER, card, &settings(), today()).unwrap();
            let taken = collected.take(&SECURITY_CODE, code, &settings(), today());
            assert_eq!(
                taken,
                if good { Ok(()) } else { Err(CaptureError::InvalidSecurityCode) },
                "{card} {code}"
            );
            assert_eq!(collected.show(&SECURITY_CODE), good.then(|| "x".repeat(code.len())));
        }
    }

    #[test]
    fn a_new_card_keeps_only_a_code_that_fits() {
        let mut collected = Collected::default();
        let mut take = |kind, digits| collected.take(kind, digits, &settings(), today()).unwrap();
        take(&CARD_NUMBER, "4242424242424242");
        take(&SECURITY_CODE, "123");
        take(&CARD_NUMBER, "5555555555554444");
        assert_eq!(collected.get(&SECURITY_CODE), Some("123"));
        for (card, code) in [("378282246310005", "1234"), ("4242424242424242", "123")] {
            collected.take(&CARD_NUMBER, card, &settings(), today()).unwrap();
            assert_eq!(collected.get(&SECURITY_CODE), None);
            collected.take(&SECURITY_CODE, code, &settings(), today()).unwrap();
        }
    }

    #[test]
    fn postal_codes_have_a_minimum() {
        for (min, code, good) in [
            (1, "", false),
            (1, "9", true),
            (5, "9410", false),
            (5, "94109", true),
            (5, "941091234", true),
            (12, "94109941099", false),
            (12, "941099410994", true),
        ] {
            let settings = CreateParameters { min_postal_code_length: min, ..settings() };
            let taken = Collected::default().take(&POSTAL_CODE, code, &settings, today());
            assert_eq!(
                taken,
                if good { Ok(()) } else { Err(CaptureError::InvalidPostalCode) },
                "{min} {code}"
            );
        }
    }

    #[test]
    fn entries_end() {
        let card = |number: &str| {
            let mut collected = Collected::default();
            collected.take(&CARD_NUMBER, number, &settings(), today()).unwrap();
            collected
        };
        for (collected, kind, digits, min, full) in [
            (Collected::default(), &EXPIRATION_DATE, "122", 1, false),
            (Collected::default(), &EXPIRATION_DATE, "1225", 1, true),
            (card("4242424242424242"), &SECURITY_CODE, "12", 1, false),
            (card("4242424242424242"), &SECURITY_CODE, "123", 1, true),
            (card("378282246310005"), &SECURITY_CODE, "123", 1, false),
            (card("378282246310005"), &SECURITY_CODE, "1234", 1, true),
            (Collected::default(), &POSTAL_CODE, "94109", 5, false),
            (Collected::default(), &POSTAL_CODE, "9410994109", 1, true),
            (Collected::default(), &POSTAL_CODE, "9410994109", 11, false),
            (Collected::default(), &POSTAL_CODE, "94109941099", 11, true),
            (Collected::default(), &ROUTING_NUMBER, "11000000", 1, false),
            (Collected::default(), &ROUTING_NUMBER, "110000000", 1, true),
            (Collected::default(), &ACCOUNT_NUMBER, "1234567890123456", 1, false),
            (Collected::default(), &ACCOUNT_NUMBER, "12345678901234567", 1, true),
        ] {
            let settings = CreateParameters { min_postal_code_length: min, ..settings() };
            assert_eq!(collected.is_full(kind, digits, &settings), full, "{kind:?} {digits}");
        }
    }

    #[test]
    fn forgotten_entries_are_gone() {
        let mut collected = Collected::default();
        for (kind, digits) in [
            (&CARD_NUMBER, "4242424242424242"),
            (&SECURITY_CODE, "123"),
            (&EXPIRATION_DATE, "1299"),
            (&POSTAL_CODE, "94109"),
            (&ROUTING_NUMBER, "110000000"),
            (&ACCOUNT_NUMBER, "000123456789"),
        ] {
            assert_eq!(collected.get(kind), None);
            collected.take(kind, digits, &settings(), today()).unwrap();
            collected.set_matched(kind, true);
            assert_eq!(collected.get(kind), Some(digits));
            assert!(collected.is_matched(kind));
        }
        for kind in [&CARD_NUMBER, &SECURITY_CODE, &ACCOUNT_NUMBER] {
            collected.forget(kind);
            assert_eq!(collected.get(kind), None);
            assert!(!collected.is_matched(kind));
        }
        assert_eq!(collected.get(&EXPIRATION_DATE), Some("1299"));
    }
}
