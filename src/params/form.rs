//! The form body: how each type of field is encoded, and the buffer that it is written to.

use form_urlencoded::byte_serialize;

use super::field::Field;
use crate::error::Error;
use crate::text::digits::push_decimal;

/// A form body under construction.
pub(super) struct Form {
    body: String,
}

impl Form {
    /// Returns the body with all fields that are set, in their order. An empty text or list is not sent, as if it
    /// were absent.
    ///
    /// # Errors
    /// Returns an error that names the field if a JSON value cannot be written; no such value is known.
    pub(super) fn of(fields: &[(&'static str, Option<Field<'_>>)]) -> Result<String, Error> {
        // Large enough for a usual body.
        let mut form = Self { body: String::with_capacity(512) };
        for (name, value) in fields {
            let Some(value) = value else { continue };
            if matches!(value, Field::Text("") | Field::CardTypes([]) | Field::Captures([])) {
                continue;
            }
            form.name(name);
            match value {
                // Any Unicode, percent-encoded, space as `+`.
                Field::Text(text) | Field::Url(text) => form.encoded(text),
                Field::Boolean(value) => form.body.push_str(if *value { "true" } else { "false" }),
                // Decimal digits without sign, leading zero or grouping.
                Field::Int(value) => push_decimal(&mut form.body, (*value).into(), 1),
                // A decimal number, exact, with at least this many decimals.
                Field::Float(amount, decimals) => amount.push(&mut form.body, *decimals),
                Field::CardTypes(items) => form.list(items, " "),
                Field::Captures(items) => form.list(items, ","),
                Field::Json(value) => {
                    // `Display` would write the same text, but would compile the indented form into every program.
                    let text = serde_json::to_string(value);
                    form.encoded(&text.map_err(|error| {
                        Error::invalid(name, "cannot be written as JSON").with_source(error)
                    })?);
                }
            }
        }
        Ok(form.body)
    }

    fn name(&mut self, name: &str) {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        self.body.push_str(name);
        self.body.push('=');
    }

    fn list<T: AsRef<str>>(&mut self, items: &[T], separator: &str) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.encoded(separator);
            }
            self.encoded(item.as_ref());
        }
    }

    fn encoded(&mut self, text: &str) {
        self.body.extend(byte_serialize(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Capture, CardType};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn written(value: Field<'_>) -> String {
        Form::of(&[("F", Some(value))]).unwrap()
    }

    fn decoded(body: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }

    #[test]
    fn texts() {
        for (value, wire) in [
            ("", ""),
            ("a b", "F=a+b"),
            ("a+b", "F=a%2Bb"),
            ("x&y=z", "F=x%26y%3Dz"),
            ("*-._", "F=*-._"),
            ("~!()'", "F=%7E%21%28%29%27"),
            ("\0\r\n\t\u{7f}", "F=%00%0D%0A%09%7F"),
            ("%2e", "F=%252e"),
            ("Zoë 🦀", "F=Zo%C3%AB+%F0%9F%A6%80"),
        ] {
            assert_eq!(written(Field::Text(value)), wire, "{value:?}");
        }
    }

    #[test]
    fn booleans() {
        for (value, wire) in [(true, "F=true"), (false, "F=false")] {
            assert_eq!(written(Field::Boolean(value)), wire);
        }
    }

    #[test]
    fn integers() {
        for (value, wire) in
            [(0, "F=0"), (9, "F=9"), (10, "F=10"), (600, "F=600"), (u32::MAX, "F=4294967295")]
        {
            assert_eq!(written(Field::Int(value)), wire);
        }
    }

    #[test]
    fn decimals() {
        for (value, decimals, wire) in [
            ("0", 2, "F=0.00"),
            ("0.0001", 2, "F=0.0001"),
            ("0.001", 2, "F=0.001"),
            ("0.01", 2, "F=0.01"),
            ("0.125", 2, "F=0.125"),
            ("12", 2, "F=12.00"),
            ("12", 0, "F=12"),
            ("12", 3, "F=12.000"),
            ("19.99", 2, "F=19.99"),
            ("999999.99", 2, "F=999999.99"),
            ("999999.9999", 2, "F=999999.9999"),
        ] {
            assert_eq!(written(Field::Float(value.parse().unwrap(), decimals)), wire);
        }
    }

    #[test]
    fn lists() {
        for (items, card_types, captures) in [
            (&[] as &[&str], "", ""),
            (&["visa"], "F=visa", "F=visa"),
            (&["visa", "amex"], "F=visa+amex", "F=visa%2Camex"),
            (&["a", "b", "c"], "F=a+b+c", "F=a%2Cb%2Cc"),
            (&["x&y"], "F=x%26y", "F=x%26y"),
        ] {
            let all: Vec<_> = items.iter().map(|item| CardType::from(*item)).collect();
            assert_eq!(written(Field::CardTypes(&all)), card_types);
            let all: Vec<_> = items.iter().map(|item| Capture::from(*item)).collect();
            assert_eq!(written(Field::Captures(&all)), captures);
        }
    }

    #[test]
    fn json_objects() {
        for (value, wire) in [
            (json!({}), "F=%7B%7D"),
            (json!({"a": "b c"}), "F=%7B%22a%22%3A%22b+c%22%7D"),
            (json!({"n": 1, "t": true, "z": null}), "F=%7B%22n%22%3A1%2C%22t%22%3Atrue%2C%22z%22%3Anull%7D"),
        ] {
            assert_eq!(written(Field::Json(&value)), wire);
        }
    }

    #[test]
    fn fields_that_are_set_and_not_empty_are_joined_in_order() {
        let fields = [
            ("A", None),
            ("B", Some(Field::Text("1"))),
            ("C", Some(Field::Text(""))),
            ("D", Some(Field::Int(2))),
            ("E", Some(Field::Captures(&[]))),
            ("F", Some(Field::Boolean(false))),
        ];
        assert_eq!(Form::of(&fields).unwrap(), "B=1&D=2&F=false");
        assert_eq!(Form::of(&[]).unwrap(), "");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(value in any::<String>(), other in any::<String>()) {
            let fields = [("A", Some(Field::Url(&value))), ("B", Some(Field::Url(&other)))];
            let body = Form::of(&fields).unwrap();
            prop_assert!(body.is_ascii());
            let sent = [("A".to_owned(), value), ("B".to_owned(), other)];
            prop_assert_eq!(decoded(&body), sent);
        }

        #[test]
        fn any_boolean_comes_back(value in any::<bool>()) {
            let body = written(Field::Boolean(value));
            prop_assert_eq!(decoded(&body), vec![("F".to_owned(), value.to_string())]);
        }

        #[test]
        fn any_integer_comes_back(value in any::<u32>()) {
            let body = written(Field::Int(value));
            prop_assert_eq!(decoded(&body), vec![("F".to_owned(), value.to_string())]);
        }

        #[test]
        fn any_decimal_comes_back(cents in 0..100_000_000_u64, decimals in 0_usize..5) {
            let value = Amount::from_cents(cents).unwrap();
            let body = written(Field::Float(value, decimals));
            let text = decoded(&body).remove(0).1;
            prop_assert_eq!(text.parse::<Amount>().unwrap(), value, "{}", text);
        }

        #[test]
        fn any_list_comes_back(items in prop::collection::vec("[^ ]{1,8}", 1..6)) {
            let all: Vec<_> = items.iter().map(|item| CardType::from(item.as_str())).collect();
            let body = written(Field::CardTypes(&all));
            prop_assert_eq!(decoded(&body), vec![("F".to_owned(), items.join(" "))]);
        }

        #[test]
        fn any_json_comes_back(map in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5)) {
            let value = json!(map);
            let body = written(Field::Json(&value));
            let text = decoded(&body).remove(0).1;
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
