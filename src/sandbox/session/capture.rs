//! The pieces of information: how each is named, when its entry ends, and what makes it good.

use std::fmt;

use super::settings::Settings;
use super::{bank, cards, mask};
use crate::model::{Capture, CaptureError, CardType};
use crate::text::date::Civil;

/// The longest postal code that is taken, unless the session wants a longer one.
const POSTAL_CODE: usize = 10;

/// One piece of payment information.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    CardNumber,
    SecurityCode,
    ExpirationDate,
    PostalCode,
    RoutingNumber,
    AccountNumber,
}

impl Piece {
    /// All pieces of a payment method, in the order in which the service names them.
    pub(super) fn of_method(ach: bool) -> &'static [Self] {
        if ach {
            &[Self::RoutingNumber, Self::AccountNumber]
        } else {
            &[Self::CardNumber, Self::SecurityCode, Self::ExpirationDate, Self::PostalCode]
        }
    }

    /// The piece that a capture is for, and whether it is its second typing.
    pub(super) fn of(capture: &Capture) -> Option<(Self, bool)> {
        Some(match capture {
            Capture::PaymentCardNumber => (Self::CardNumber, false),
            Capture::ExpirationDate => (Self::ExpirationDate, false),
            Capture::SecurityCode => (Self::SecurityCode, false),
            Capture::PostalCode => (Self::PostalCode, false),
            Capture::BankRoutingNumber => (Self::RoutingNumber, false),
            Capture::BankAccountNumber => (Self::AccountNumber, false),
            Capture::PaymentCardNumberMatcher => (Self::CardNumber, true),
            Capture::ExpirationDateMatcher => (Self::ExpirationDate, true),
            Capture::SecurityCodeMatcher => (Self::SecurityCode, true),
            Capture::PostalCodeMatcher => (Self::PostalCode, true),
            Capture::Other(_) => return None,
        })
    }

    pub(super) fn capture(self) -> Capture {
        match self {
            Self::CardNumber => Capture::PaymentCardNumber,
            Self::SecurityCode => Capture::SecurityCode,
            Self::ExpirationDate => Capture::ExpirationDate,
            Self::PostalCode => Capture::PostalCode,
            Self::RoutingNumber => Capture::BankRoutingNumber,
            Self::AccountNumber => Capture::BankAccountNumber,
        }
    }

    /// The capture for the second typing; bank details have none.
    pub(super) fn matcher(self) -> Option<Capture> {
        Some(match self {
            Self::CardNumber => Capture::PaymentCardNumberMatcher,
            Self::SecurityCode => Capture::SecurityCodeMatcher,
            Self::ExpirationDate => Capture::ExpirationDateMatcher,
            Self::PostalCode => Capture::PostalCodeMatcher,
            Self::RoutingNumber | Self::AccountNumber => return None,
        })
    }

    /// The capture for the first typing or, where there is one, the second.
    pub(super) fn named(self, second: bool) -> Capture {
        self.matcher().filter(|_| second).unwrap_or_else(|| self.capture())
    }

    /// The name of its field in a callback.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::CardNumber => "PaymentCardNumber",
            Self::SecurityCode => "SecurityCode",
            Self::ExpirationDate => "ExpirationDate",
            Self::PostalCode => "PaymentCardPostalCode",
            Self::RoutingNumber => "BankRoutingNumber",
            Self::AccountNumber => "BankAccountNumber",
        }
    }

    /// What a callback shows of digits that are not (yet) a good piece.
    pub(super) fn show_unchecked(self, digits: &str) -> String {
        match self {
            Self::CardNumber | Self::SecurityCode => mask::hidden(digits),
            Self::AccountNumber => mask::starred(digits),
            Self::ExpirationDate | Self::PostalCode | Self::RoutingNumber => digits.to_owned(),
        }
    }
}

/// What was typed and found good. It may be a card number: it is not shown.
#[derive(Clone, Default)]
pub(super) struct Collected {
    card: Option<(String, CardType)>,
    values: [Option<String>; 5],
    /// The pieces whose second typing was the same.
    matched: [bool; 6],
}

impl Collected {
    pub(super) fn card_type(&self) -> Option<&CardType> {
        self.card.as_ref().map(|(_, card)| card)
    }

    pub(super) fn get(&self, piece: Piece) -> Option<&str> {
        match piece {
            Piece::CardNumber => self.card.as_ref().map(|(digits, _)| digits.as_str()),
            _ => self.values.get(Self::slot(piece)?)?.as_deref(),
        }
    }

    pub(super) fn is_matched(&self, piece: Piece) -> bool {
        self.matched.get(piece as usize).copied().unwrap_or_default()
    }

    pub(super) fn set_matched(&mut self, piece: Piece, yes: bool) {
        if let Some(matched) = self.matched.get_mut(piece as usize) {
            *matched = yes;
        }
    }

    pub(super) fn forget(&mut self, piece: Piece) {
        if piece == Piece::CardNumber {
            self.card = None;
        } else if let Some(value) = Self::slot(piece).and_then(|slot| self.values.get_mut(slot)) {
            *value = None;
        }
        self.set_matched(piece, false);
    }

    /// What a callback shows of the piece, where it was collected.
    pub(super) fn show(&self, piece: Piece) -> Option<String> {
        match (piece, &self.card) {
            (Piece::CardNumber, card) => card.as_ref().map(|(digits, card)| mask::card_number(digits, card)),
            (Piece::AccountNumber, _) => self.get(piece).map(mask::account_number),
            _ => self.get(piece).map(|digits| piece.show_unchecked(digits)),
        }
    }

    /// Whether nothing more needs to be typed for the piece after these digits.
    pub(super) fn is_full(&self, piece: Piece, digits: &str, settings: &Settings) -> bool {
        match piece {
            Piece::CardNumber => cards::is_full(digits),
            Piece::ExpirationDate => digits.len() >= 4,
            Piece::SecurityCode => digits.len() >= self.security_code_length(),
            Piece::PostalCode => digits.len() >= POSTAL_CODE.max(settings.min_postal_code_length()),
            Piece::RoutingNumber => digits.len() >= bank::ROUTING_NUMBER,
            Piece::AccountNumber => digits.len() >= bank::ACCOUNT_NUMBER.1,
        }
    }

    /// Takes the digits as the piece, in the place of an earlier one.
    ///
    /// # Errors
    /// What is wrong with them, in the service's words.
    pub(super) fn take(
        &mut self,
        piece: Piece,
        digits: &str,
        settings: &Settings,
        today: Civil,
    ) -> Result<(), CaptureError> {
        match piece {
            Piece::CardNumber => {
                let card = cards::check(digits, &settings.valid_card_types)?;
                // A code of another brand's length cannot belong to this card.
                let length = cards::security_code_length(&card);
                if self.get(Piece::SecurityCode).is_some_and(|code| code.len() != length) {
                    self.forget(Piece::SecurityCode);
                }
                self.card = Some((digits.to_owned(), card));
                return Ok(());
            }
            Piece::ExpirationDate if !is_expiry(digits, today) => return Err(CaptureError::InvalidDate),
            Piece::SecurityCode if digits.len() != self.security_code_length() => {
                return Err(CaptureError::InvalidSecurityCode);
            }
            Piece::PostalCode if digits.len() < settings.min_postal_code_length() => {
                return Err(CaptureError::InvalidPostalCode);
            }
            Piece::RoutingNumber if !bank::is_routing_number(digits) => {
                return Err(CaptureError::InvalidBankRoutingNumber);
            }
            Piece::AccountNumber if !bank::is_account_number(digits) => {
                return Err(CaptureError::InvalidBankAccountNumber);
            }
            _ => {}
        }
        if let Some(value) = Self::slot(piece).and_then(|slot| self.values.get_mut(slot)) {
            *value = Some(digits.to_owned());
        }
        Ok(())
    }

    /// Three for a card that is not known yet, which is refused elsewhere.
    fn security_code_length(&self) -> usize {
        self.card_type().map_or(3, cards::security_code_length)
    }

    fn slot(piece: Piece) -> Option<usize> {
        (piece as usize).checked_sub(1)
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected").finish_non_exhaustive()
    }
}

/// Whether the digits are a month and a year (`MMYY`, this century) that has not passed: a card is good to
/// the end of its month.
fn is_expiry(digits: &str, today: Civil) -> bool {
    let number = |digits: Option<&str>| digits.and_then(|digits| digits.parse::<u64>().ok());
    match (digits.len(), number(digits.get(..2)), number(digits.get(2..))) {
        (4, Some(month @ 1..=12), Some(year)) => (2000 + year, month) >= (today.year, today.month),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// 29 February 2024.
    fn today() -> Civil {
        Civil::new(Duration::from_secs(1_709_200_000))
    }

    fn settings() -> Settings {
        Settings::new("AC", "CA", "PK")
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
            collected.take(Piece::CardNumber, card, &settings(), today()).unwrap();
            let taken = collected.take(Piece::SecurityCode, code, &settings(), today());
            assert_eq!(
                taken,
                if good { Ok(()) } else { Err(CaptureError::InvalidSecurityCode) },
                "{card} {code}"
            );
            assert_eq!(collected.show(Piece::SecurityCode), good.then(|| "x".repeat(code.len())));
        }
    }

    #[test]
    fn a_new_card_keeps_only_a_code_that_fits() {
        let mut collected = Collected::default();
        let mut take = |piece, digits| collected.take(piece, digits, &settings(), today()).unwrap();
        take(Piece::CardNumber, "4242424242424242");
        take(Piece::SecurityCode, "123");
        take(Piece::CardNumber, "5555555555554444");
        assert_eq!(collected.get(Piece::SecurityCode), Some("123"));
        for (card, code) in [("378282246310005", "1234"), ("4242424242424242", "123")] {
            collected.take(Piece::CardNumber, card, &settings(), today()).unwrap();
            assert_eq!(collected.get(Piece::SecurityCode), None);
            collected.take(Piece::SecurityCode, code, &settings(), today()).unwrap();
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
            let settings = Settings { min_postal_code_length: min, ..settings() };
            let taken = Collected::default().take(Piece::PostalCode, code, &settings, today());
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
            collected.take(Piece::CardNumber, number, &settings(), today()).unwrap();
            collected
        };
        for (collected, piece, digits, min, full) in [
            (Collected::default(), Piece::ExpirationDate, "122", 1, false),
            (Collected::default(), Piece::ExpirationDate, "1225", 1, true),
            (card("4242424242424242"), Piece::SecurityCode, "12", 1, false),
            (card("4242424242424242"), Piece::SecurityCode, "123", 1, true),
            (card("378282246310005"), Piece::SecurityCode, "123", 1, false),
            (card("378282246310005"), Piece::SecurityCode, "1234", 1, true),
            (Collected::default(), Piece::PostalCode, "94109", 5, false),
            (Collected::default(), Piece::PostalCode, "9410994109", 1, true),
            (Collected::default(), Piece::PostalCode, "9410994109", 11, false),
            (Collected::default(), Piece::PostalCode, "94109941099", 11, true),
            (Collected::default(), Piece::RoutingNumber, "11000000", 1, false),
            (Collected::default(), Piece::RoutingNumber, "110000000", 1, true),
            (Collected::default(), Piece::AccountNumber, "1234567890123456", 1, false),
            (Collected::default(), Piece::AccountNumber, "12345678901234567", 1, true),
        ] {
            let settings = Settings { min_postal_code_length: min, ..settings() };
            assert_eq!(collected.is_full(piece, digits, &settings), full, "{piece:?} {digits}");
        }
    }

    #[test]
    fn captures_and_pieces_agree() {
        for capture in Capture::KNOWN {
            let (piece, second) = Piece::of(capture).unwrap();
            assert_eq!(&piece.named(second), capture);
        }
        assert_eq!(Piece::of(&Capture::from("shoe-size")), None);
    }

    #[test]
    fn forgotten_pieces_are_gone() {
        let mut collected = Collected::default();
        for (piece, digits) in [
            (Piece::CardNumber, "4242424242424242"),
            (Piece::SecurityCode, "123"),
            (Piece::ExpirationDate, "1299"),
            (Piece::PostalCode, "94109"),
            (Piece::RoutingNumber, "110000000"),
            (Piece::AccountNumber, "000123456789"),
        ] {
            assert_eq!(collected.get(piece), None);
            collected.take(piece, digits, &settings(), today()).unwrap();
            collected.set_matched(piece, true);
            assert_eq!(collected.get(piece), Some(digits));
            assert!(collected.is_matched(piece));
        }
        assert_eq!(format!("{collected:?}"), "Collected { .. }");
        for piece in [Piece::CardNumber, Piece::SecurityCode, Piece::AccountNumber] {
            collected.forget(piece);
            assert_eq!(collected.get(piece), None);
            assert!(!collected.is_matched(piece));
        }
        assert_eq!(collected.get(Piece::ExpirationDate), Some("1299"));
    }
}
