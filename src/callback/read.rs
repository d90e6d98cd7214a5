//! Reads the form of a callback, in every spelling that is in use.

use std::borrow::Cow;
use std::str::FromStr;

use crate::model::Capture;
use crate::text::form;

/// The decoded names and values of a form, in the order of the body.
pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The longest list of captures that is read as one. There are ten kinds of capture.
const LONGEST_LIST: usize = 64;

/// The names and values of a form that no field has taken yet, in the order of the body.
pub(super) struct Reader<'a>(pub(super) Pairs<'a>);

impl Reader<'_> {
    /// Takes the value of a name; see [`take_with`](Self::take_with).
    pub(super) fn take<T: FromStr>(&mut self, name: &str) -> Option<T> {
        self.take_with(name, |value| value.parse().ok())
    }

    /// Takes the first value of a name that is not empty and that `read` accepts. An empty value counts as absent. A
    /// value that is not taken is left for [`others`](Self::others).
    pub(super) fn take_with<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.take_each(name, |value| {
            if value.is_empty() || found.is_some() {
                return value.is_empty();
            }
            found = read(value);
            found.is_some()
        });
        found
    }

    /// Takes all values of a name as one list of captures, in the order in which they can be asked for. `None` if the
    /// name does not occur; an empty list if its value is empty.
    pub(super) fn take_captures(&mut self, name: &str) -> Option<Vec<Capture>> {
        let mut list: Option<Vec<Capture>> = None;
        self.take_each(name, |value| {
            let names =
                || value.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
            if list.as_ref().map_or(0, Vec::len) + names().take(LONGEST_LIST + 1).count() > LONGEST_LIST {
                return false;
            }
            list.get_or_insert_default().extend(names().map(capture_named));
            true
        });
        if let Some(list) = &mut list {
            list.sort_by_key(rank);
            list.dedup();
        }
        list
    }

    /// Takes each value of a name for which `takes` returns true.
    fn take_each(&mut self, name: &str, mut takes: impl FnMut(&str) -> bool) {
        self.0.retain(|(known, value)| known != name || !takes(value));
    }

    /// Returns everything that was not taken.
    pub(super) fn others(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }
}

/// Returns the capture with this name, in kebab case as in an update, or in Pascal case as in the names of a callback's
/// parameters.
pub(super) fn capture_named(name: &str) -> Capture {
    let mut kebab = String::with_capacity(name.len() + 4);
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    // The postal code's parameter has a longer name than its capture.
    match Capture::from(kebab.replace("payment-card-postal-code", "postal-code")) {
        Capture::Other(_) => Capture::from(name),
        known => known,
    }
}

/// Returns the position of a capture in the order in which they can be asked for. The order of the API's documentation
/// works, since the service refuses the security code before the card number. A second entry must follow the first.
fn rank(capture: &Capture) -> (usize, bool) {
    let first = capture.first_entry();
    let place = Capture::KNOWN.iter().position(|known| known == first.as_ref().unwrap_or(capture));
    (place.unwrap_or(usize::MAX), first.is_some())
}

/// Undoes a second percent-encoding if the text looks like one and the result is readable.
pub(super) fn decoded_again(text: String) -> String {
    let is_escape = |rest: &str| {
        let digits = rest.get(..2).unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if !text.contains('%') || !text.split('%').skip(1).all(is_escape) {
        return text;
    }
    // If the whole text was encoded like a form, spaces became pluses. Otherwise a plus is a plus.
    let pluses = if text.contains(char::is_whitespace) { text.replace('+', "%2B") } else { text.clone() };
    let decoded = form::decoded(pluses.as_bytes()).into_owned();
    if decoded.contains(|c: char| c == char::REPLACEMENT_CHARACTER || c.is_control()) {
        text
    } else {
        decoded
    }
}

/// The form as it arrived. Bytes that are not UTF-8 are percent-encoded, which means the same in a form.
///
/// Always equal, so that callbacks with the same values are equal however their forms are written.
#[derive(Clone, Default)]
pub(super) struct KeptForm(pub(super) String);

impl KeptForm {
    pub(super) fn new(body: &[u8]) -> Self {
        let escaped = |byte: &u8| {
            if byte.is_ascii() { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
        };
        let text = std::str::from_utf8(body).map(ToOwned::to_owned);
        Self(text.unwrap_or_else(|_| body.iter().map(escaped).collect()))
    }
}

impl PartialEq for KeptForm {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for KeptForm {}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(value: &str) -> Reader<'_> {
        Reader(vec![("Required".into(), value.into())])
    }

    #[track_caller]
    fn listed(value: &str, expected: &[Capture]) {
        assert_eq!(reader(value).take_captures("Required").as_deref(), Some(expected), "{value:?}");
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
        assert_eq!(Reader(Vec::new()).take_captures("Required"), None);
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
            assert_eq!(capture_named(pascal).as_str(), kebab);
            assert_eq!(capture_named(kebab).as_str(), kebab);
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
    fn a_list_that_is_too_long_is_left_to_the_others() {
        let long = "x ".repeat(LONGEST_LIST + 1);
        let mut long = reader(&long);
        assert_eq!(long.take_captures("Required"), None);
        assert_eq!(long.others().len(), 1);
        listed(&"x ".repeat(LONGEST_LIST), &[Capture::from("x")]);
        let (many, one) = ("x ".repeat(LONGEST_LIST), "postal-code".to_owned());
        let pairs = [one, many].map(|value| ("Required".into(), value.into()));
        let mut reader = Reader(pairs.into());
        assert_eq!(reader.take_captures("Required"), Some(vec![Capture::PostalCode]));
        assert_eq!(reader.others().len(), 1);
    }

    #[test]
    fn a_second_encoding_is_undone_if_that_gives_text() {
        for (text, read) in [
            ("card is declined", "card is declined"),
            ("card%20is%20declined", "card is declined"),
            ("card+is%2C+declined", "card is, declined"),
            ("card is+not%20declined", "card is+not declined"),
            ("a+b", "a+b"),
            ("%C3%BC", "ü"),
            ("%C3", "%C3"),
            ("%00", "%00"),
            ("100%", "100%"),
            ("100% of %20", "100% of %20"),
            ("%zz", "%zz"),
            ("%é", "%é"),
            ("%2520", "%20"),
        ] {
            assert_eq!(decoded_again(text.to_owned()), read);
        }
    }

    #[test]
    fn a_kept_form_reads_the_same() {
        for (body, kept) in [
            (&b"a=b+c&%C3%BC"[..], "a=b+c&%C3%BC"),
            ("ü=%".as_bytes(), "ü=%"),
            (b"a=\xff\xc3%A9&b", "a=%FF%C3%A9&b"),
            (b"", ""),
        ] {
            let form = KeptForm::new(body);
            assert_eq!(form.0.as_str(), kept);
            assert!(form::pairs(form.0.as_bytes()).eq(form::pairs(body)));
        }
    }
}
