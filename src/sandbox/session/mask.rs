//! What a callback shows of the digits.
//!
//! While digits arrive, none of them is shown: showing the last four of a growing number would reveal all of it,
//! callback by callback.

use crate::model::CardType;

/// Masks an accepted card number: shows the last four digits, in groups for American Express (`xxxx-xxxxxx-x0005`) and
/// without for the others (`xxxxxxxxxxxx4242`).
pub(super) fn card_number(digits: &str, card: &CardType) -> String {
    let masked = all_but_last(4, digits, 'x');
    match (card, masked.get(..4), masked.get(4..10), masked.get(10..)) {
        (CardType::Amex | CardType::Optima, Some(first), Some(middle), Some(end)) => {
            format!("{first}-{middle}-{end}")
        }
        _ => masked,
    }
}

/// Replaces all digits except the last `shown`, or all of them if there are no more than that.
pub(super) fn all_but_last(shown: usize, digits: &str, mask: char) -> String {
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
        assert_eq!(all_but_last(2, "508862392", '*'), "*******92");
        assert_eq!(all_but_last(2, "1234", '*'), "**34");
        assert_eq!(all_but_last(2, "12", '*'), "**");
        assert_eq!(all_but_last(0, "123", 'x'), "xxx");
        assert_eq!(all_but_last(0, "1234", '*'), "****");
        assert_eq!(all_but_last(0, "", 'x'), "");
    }
}
