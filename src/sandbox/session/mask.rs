//! What a callback shows of the digits.
//!
//! While digits arrive nothing of them is shown: a window of the last four over growing input would
//! reveal the whole number, callback by callback.

use crate::model::CardType;

/// One `x` for each digit.
pub(super) fn hidden(digits: &str) -> String {
    "x".repeat(digits.len())
}

/// One `*` for each digit, as bank account numbers have it.
pub(super) fn starred(digits: &str) -> String {
    "*".repeat(digits.len())
}

/// An accepted card number: the last four digits, in groups for American Express
/// (`xxxx-xxxxxx-x0005`) and without for the others (`xxxxxxxxxxxx4242`).
pub(super) fn card_number(digits: &str, card: &CardType) -> String {
    let masked = last(digits, 4, 'x');
    match (card, masked.get(..4), masked.get(4..10), masked.get(10..)) {
        (CardType::Amex | CardType::Optima, Some(first), Some(middle), Some(end)) => {
            format!("{first}-{middle}-{end}")
        }
        _ => masked,
    }
}

/// An accepted account number: the last two digits (`*******92`).
pub(super) fn account_number(digits: &str) -> String {
    last(digits, 2, '*')
}

/// The last `shown` digits; the others, and all of them if there are no more than that, replaced.
fn last(digits: &str, shown: usize, mask: char) -> String {
    let hidden = if digits.len() > shown { digits.len() - shown } else { digits.len() };
    digits.chars().enumerate().map(|(index, digit)| if index < hidden { mask } else { digit }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (digits, card, masked) in [
            ("4111111111111111", CardType::Visa, "xxxxxxxxxxxx1111"),
            ("4222222222222", CardType::Visa, "xxxxxxxxx2222"),
            ("4000000000000000006", CardType::Visa, "xxxxxxxxxxxxxxx0006"),
            ("378282246310005", CardType::Amex, "xxxx-xxxxxx-x0005"),
            ("378282246310005", CardType::Optima, "xxxx-xxxxxx-x0005"),
            ("36227206271667", CardType::DinersClub, "xxxxxxxxxx1667"),
            ("4242", CardType::Visa, "xxxx"),
        ] {
            assert_eq!(card_number(digits, &card), masked);
        }
        assert_eq!(account_number("508862392"), "*******92");
        assert_eq!(account_number("1234"), "**34");
        assert_eq!(account_number("12"), "**");
        assert_eq!(hidden("123"), "xxx");
        assert_eq!(starred("1234"), "****");
        assert_eq!(hidden(""), "");
    }
}
