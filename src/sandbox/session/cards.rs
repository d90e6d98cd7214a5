//! Card numbers: brands, lengths and the check digit.

use std::ops::RangeInclusive;

use crate::model::{CaptureError, CardType};

/// The longest card number of any brand.
const LONGEST: usize = 19;

/// A range of numbers of one brand: the brand, the first digits, and the lengths, beginning with the usual one.
type Range = (CardType, RangeInclusive<u32>, &'static [usize]);

const FROM_12: &[usize] = &[16, 12, 13, 14, 15, 17, 18, 19];
const FROM_14: &[usize] = &[14, 15, 16, 17, 18, 19];
const FROM_16: &[usize] = &[16, 17, 18, 19];

/// The first range that fits decides, so Discover is before Maestro, which has all other numbers that begin with 6.
static RANGES: &[Range] = &[
    (CardType::Visa, 4..=4, &[16, 13, 19]),
    (CardType::Mastercard, 51..=55, &[16]),
    (CardType::Mastercard, 2221..=2720, &[16]),
    (CardType::Amex, 34..=34, &[15]),
    (CardType::Amex, 37..=37, &[15]),
    (CardType::Discover, 6011..=6011, FROM_16),
    (CardType::Discover, 64..=65, FROM_16),
    (CardType::Maestro, 50..=50, FROM_12),
    (CardType::Maestro, 56..=58, FROM_12),
    (CardType::Maestro, 6..=6, FROM_12),
    (CardType::Jcb, 3528..=3589, FROM_16),
    (CardType::DinersClub, 300..=304, FROM_16),
    (CardType::DinersClub, 3095..=3095, FROM_16),
    (CardType::DinersClub, 36..=36, FROM_14),
    (CardType::DinersClub, 38..=39, FROM_16),
    (CardType::Enroute, 2014..=2014, &[15]),
    (CardType::Enroute, 2149..=2149, &[15]),
];

fn range_of(digits: &str) -> Option<&'static Range> {
    RANGES.iter().find(|(_, prefixes, _)| {
        let places = prefixes.start().to_string().len();
        let prefix = digits.get(..places).and_then(|prefix| prefix.parse().ok());
        prefix.is_some_and(|prefix| prefixes.contains(&prefix))
    })
}

/// Returns whether the last digit is the check digit of the others.
fn passes_luhn(digits: &str) -> bool {
    let digits = digits.bytes().rev().map(|byte| u32::from(byte.wrapping_sub(b'0')));
    let weighted = digits.zip([1, 2].into_iter().cycle()).map(|(digit, weight)| digit * weight);
    weighted.map(|product| product / 10 + product % 10).sum::<u32>() % 10 == 0
}

/// Returns whether nothing more needs to be typed after these digits.
///
/// A number is accepted as soon as it has the brand's usual length and a correct check digit, so that a caller who
/// types sixteen good digits need not press `#`. This cuts off the rare longer number whose first digits happen to be a
/// valid number of the usual length.
pub(super) fn is_full(digits: &str) -> bool {
    let length = digits.len();
    match range_of(digits) {
        Some((_, _, lengths)) => {
            let usual = lengths.first() == Some(&length) && passes_luhn(digits);
            usual || lengths.iter().all(|&longest| length >= longest)
        }
        None => length >= LONGEST,
    }
}

/// Returns the brand of a number, if the session accepts it.
///
/// Optima has no numbers of its own. Its cards have American Express numbers, which count as Optima's if a session
/// accepts Optima but not American Express.
///
/// # Errors
/// Returns what is wrong with the number, in the service's words.
pub(super) fn check(digits: &str, accepted: &[CardType]) -> Result<CardType, CaptureError> {
    let found = range_of(digits);
    let length = digits.len();
    let fits = found.map_or((12..=LONGEST).contains(&length), |(_, _, lengths)| lengths.contains(&length));
    if !fits || !passes_luhn(digits) {
        return Err(CaptureError::InvalidCardNumber);
    }
    match found.map(|(card, ..)| card) {
        Some(card) if accepted.contains(card) => Ok(card.clone()),
        Some(CardType::Amex) if accepted.contains(&CardType::Optima) => Ok(CardType::Optima),
        _ => Err(CaptureError::InvalidCardType),
    }
}

/// Returns how many digits the security code of a card has.
pub(super) fn security_code_length(card: &CardType) -> usize {
    if matches!(card, CardType::Amex | CardType::Optima) { 4 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Well-known test numbers, and lengths and prefixes at the limits, with correct check digits.
    #[test]
    fn brands() {
        use CardType::{Amex, DinersClub, Discover, Enroute, Jcb, Maestro, Mastercard, Visa};
        for (digits, card) in [
            ("4242424242424242", Visa),
            ("4111111111111111", Visa),
            ("4012888888881881", Visa),
            ("4222222222222", Visa),
            ("4000000000000000006", Visa),
            ("5555555555554444", Mastercard),
            ("5105105105105100", Mastercard),
            ("2223003122003222", Mastercard),
            ("2221000000000009", Mastercard),
            ("2720990000000007", Mastercard),
            ("378282246310005", Amex),
            ("371449635398431", Amex),
            ("341111111111111", Amex),
            ("6011111111111117", Discover),
            ("6011000990139424", Discover),
            ("6500000000000002", Discover),
            ("6440000000000005", Discover),
            ("6759649826438453", Maestro),
            ("5018000000000009", Maestro),
            ("5600000000000003", Maestro),
            ("5899999999999997", Maestro),
            ("600000000007", Maestro),
            ("3566002020360505", Jcb),
            ("3528000000000007", Jcb),
            ("3589000000000003", Jcb),
            ("36227206271667", DinersClub),
            ("3622720627166700000", DinersClub),
            ("3000000000000004", DinersClub),
            ("3095000000000000", DinersClub),
            ("3852000000000003", DinersClub),
            ("3900000000000000000", DinersClub),
            ("201400000000009", Enroute),
            ("214900000000000", Enroute),
        ] {
            let digits = with_check_digit(digits);
            assert_eq!(check(&digits, CardType::KNOWN), Ok(card.clone()), "{digits}");
            assert_eq!(check(&digits, std::slice::from_ref(&card)), Ok(card), "{digits}");
        }
    }

    /// The number with its last digit replaced by the correct one.
    fn with_check_digit(digits: &str) -> String {
        let stem = &digits[..digits.len() - 1];
        (0..10).map(|last| format!("{stem}{last}")).find(|digits| passes_luhn(digits)).unwrap()
    }

    #[test]
    fn the_test_numbers_are_right_as_they_stand() {
        for digits in [
            "4242424242424242",
            "4222222222222",
            "5555555555554444",
            "378282246310005",
            "6011111111111117",
            "6759649826438453",
            "3566002020360505",
            "36227206271667",
            "201400000000009",
        ] {
            assert!(passes_luhn(digits), "{digits}");
        }
        assert!(!passes_luhn("4242424242424241"));
        assert!(!passes_luhn("2424242424242424"));
    }

    #[test]
    fn refused() {
        use CaptureError::{InvalidCardNumber, InvalidCardType};
        let accepted = [CardType::Visa, CardType::Mastercard, CardType::Amex];
        for (digits, error) in [
            ("", InvalidCardNumber),
            ("4", InvalidCardNumber),
            ("4242424242424241", InvalidCardNumber),
            ("42424242424242", InvalidCardNumber),
            ("424242424242424", InvalidCardNumber),
            ("5555555555554", InvalidCardNumber),
            ("37828224631000", InvalidCardNumber),
            ("6011111111111117", InvalidCardType),
            ("36227206271667", InvalidCardType),
            ("38520000023237", InvalidCardNumber),
            ("30000000000004", InvalidCardNumber),
            ("6011111111111118", InvalidCardNumber),
            ("0000000000000000", InvalidCardType),
            ("30569309025904", InvalidCardType),
            ("2220990000000002", InvalidCardType),
            ("2721000000000004", InvalidCardType),
            ("00000000000", InvalidCardNumber),
            ("9999999999999999998", InvalidCardType),
        ] {
            assert_eq!(check(digits, &accepted), Err(error), "{digits}");
        }
    }

    #[test]
    fn optima_has_the_numbers_of_american_express() {
        let amex = "378282246310005";
        assert_eq!(check(amex, &[CardType::Optima]), Ok(CardType::Optima));
        assert_eq!(check(amex, &[CardType::Optima, CardType::Amex]), Ok(CardType::Amex));
        assert_eq!(check(amex, &[CardType::Visa]), Err(CaptureError::InvalidCardType));
    }

    #[test]
    fn entry_ends() {
        for (digits, full) in [
            ("4242424242424242", true),
            ("424242424242424", false),
            ("4222222222222", false),
            ("4242424242424241", false),
            ("42424242424242410", false),
            ("4000000000000000006", true),
            ("4242424242424241000", true),
            ("5555555555554444", true),
            ("5555555555554445", true),
            ("378282246310005", true),
            ("37828224631000", false),
            ("36227206271667", true),
            ("36227206271660", false),
            ("6011111111111117", true),
            ("999999999999999999", false),
            ("9999999999999999999", true),
            ("", false),
        ] {
            assert_eq!(is_full(digits), full, "{digits}");
        }
    }

    #[test]
    fn code_lengths() {
        for card in CardType::KNOWN {
            let four = matches!(card, CardType::Amex | CardType::Optima);
            assert_eq!(security_code_length(card), if four { 4 } else { 3 });
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_seen(at in 0_usize..16, add in 1_u8..10) {
            let mut digits = *b"4242424242424242";
            digits[at] = b'0' + (digits[at] - b'0' + add) % 10;
            let digits = std::str::from_utf8(&digits).unwrap();
            prop_assert!(check(digits, CardType::KNOWN).is_err());
        }

        #[test]
        fn an_accepted_number_is_one_that_the_session_accepts(digits in "[0-9]{0,25}") {
            if let Ok(card) = check(&digits, &[CardType::Visa, CardType::Amex]) {
                prop_assert!(matches!(card, CardType::Visa | CardType::Amex));
                prop_assert!((13..=19).contains(&digits.len()));
            }
        }

        #[test]
        fn every_entry_ends(digits in "[0-9]{19}") {
            prop_assert!((1..=19).any(|length| is_full(&digits[..length])));
        }
    }
}
