//! `Required`: what the service still needs, in an order in which it can be asked for.

use std::borrow::Cow;

use crate::model::Capture;

/// The longest list that is taken for one. There are ten kinds of capture.
const LONGEST: usize = 64;

/// Appends the names of a list, which stand in either spelling with commas or white space between.
///
/// # Errors
/// The value again, where it would make the list longer than any list of captures is.
pub(super) fn read<'a>(list: &mut Vec<Capture>, value: Cow<'a, str>) -> Result<(), Cow<'a, str>> {
    let names = || value.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
    if list.len() + names().take(LONGEST + 1).count() > LONGEST {
        return Err(value);
    }
    list.extend(names().map(capture));
    Ok(())
}

/// Puts a list into the order in which its pieces can be asked for, each once.
pub(super) fn arrange(list: &mut Vec<Capture>) {
    list.sort_by_key(rank);
    list.dedup();
}

/// The capture of that name, in kebab case, as it stands in an update, or in Pascal case, as in the names of
/// a callback's parameters.
pub(super) fn capture(name: &str) -> Capture {
    match name {
        "PaymentCardNumber" => Capture::PaymentCardNumber,
        "ExpirationDate" => Capture::ExpirationDate,
        "SecurityCode" => Capture::SecurityCode,
        "PostalCode" | "PaymentCardPostalCode" | "payment-card-postal-code" => Capture::PostalCode,
        "BankRoutingNumber" => Capture::BankRoutingNumber,
        "BankAccountNumber" => Capture::BankAccountNumber,
        "PaymentCardNumberMatcher" => Capture::PaymentCardNumberMatcher,
        "ExpirationDateMatcher" => Capture::ExpirationDateMatcher,
        "SecurityCodeMatcher" => Capture::SecurityCodeMatcher,
        "PostalCodeMatcher" | "PaymentCardPostalCodeMatcher" | "payment-card-postal-code-matcher" => {
            Capture::PostalCodeMatcher
        }
        _ => Capture::from(name),
    }
}

/// The place of a piece in the asking. The service refuses the security code before the card number; a
/// second typing can only follow the first.
fn rank(capture: &Capture) -> u8 {
    match capture {
        Capture::PaymentCardNumber => 0,
        Capture::PaymentCardNumberMatcher => 1,
        Capture::ExpirationDate => 2,
        Capture::ExpirationDateMatcher => 3,
        Capture::SecurityCode => 4,
        Capture::SecurityCodeMatcher => 5,
        Capture::PostalCode => 6,
        Capture::PostalCodeMatcher => 7,
        Capture::BankRoutingNumber => 8,
        Capture::BankAccountNumber => 9,
        Capture::Other(_) => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn listed(value: &str, expected: &[Capture]) {
        let mut list = Vec::new();
        read(&mut list, value.into()).unwrap();
        arrange(&mut list);
        assert_eq!(list, expected, "{value:?}");
    }

    #[test]
    fn both_spellings_and_all_separators() {
        use Capture::{ExpirationDate, PaymentCardNumber, PostalCode, SecurityCode};
        let card = [PaymentCardNumber, ExpirationDate, SecurityCode];
        for value in [
            "payment-card-number,security-code,expiration-date",
            "payment-card-number, security-code, expiration-date",
            "security-code expiration-date payment-card-number",
            "SecurityCode,ExpirationDate,PaymentCardNumber",
            "SecurityCode ExpirationDate PaymentCardNumber",
            "SecurityCode, expiration-date\tPaymentCardNumber,",
            " ,,payment-card-number ,  security-code,,expiration-date ,payment-card-number",
        ] {
            listed(value, &card);
        }
        listed("", &[]);
        listed(" , ", &[]);
        for value in ["postal-code", "PostalCode", "PaymentCardPostalCode", "payment-card-postal-code"] {
            listed(value, &[PostalCode]);
        }
    }

    #[test]
    fn every_capture_in_either_spelling_has_its_place() {
        let order = [
            ("payment-card-number", "PaymentCardNumber"),
            ("payment-card-number-matcher", "PaymentCardNumberMatcher"),
            ("expiration-date", "ExpirationDate"),
            ("expiration-date-matcher", "ExpirationDateMatcher"),
            ("security-code", "SecurityCode"),
            ("security-code-matcher", "SecurityCodeMatcher"),
            ("postal-code", "PostalCode"),
            ("postal-code-matcher", "PostalCodeMatcher"),
            ("bank-routing-number", "BankRoutingNumber"),
            ("bank-account-number", "BankAccountNumber"),
        ];
        assert_eq!(order.len(), Capture::KNOWN.len());
        for (kebab, pascal) in order {
            assert_eq!(capture(pascal).as_str(), kebab);
            assert_eq!(capture(kebab).as_str(), kebab);
        }
        for spelling in [order.map(|(kebab, _)| kebab), order.map(|(_, pascal)| pascal)] {
            let backwards: Vec<_> = spelling.iter().rev().copied().collect();
            listed(&backwards.join(","), &order.map(|(kebab, _)| Capture::from(kebab)));
        }
    }

    #[test]
    fn new_names_come_last_in_their_order() {
        listed(
            "z-new, a-new,security-code,payment-card-number",
            &[
                Capture::PaymentCardNumber,
                Capture::SecurityCode,
                Capture::from("z-new"),
                Capture::from("a-new"),
            ],
        );
    }

    #[test]
    fn a_list_of_no_captures_is_given_back() {
        let mut list = vec![Capture::PostalCode];
        let long = "x ".repeat(LONGEST);
        assert_eq!(read(&mut list, long.as_str().into()), Err(Cow::Borrowed(long.as_str())));
        assert_eq!(list, [Capture::PostalCode]);
        read(&mut list, "x ".repeat(LONGEST - 1).into()).unwrap();
        assert_eq!(list.len(), LONGEST);
    }
}
