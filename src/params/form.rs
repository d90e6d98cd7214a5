//! The form body: one encoder for each type of field, and the buffer that they write to.
//!
//! Every field is written at most once, in the order of the calls.

use form_urlencoded::byte_serialize;
use serde_json::Value;

use super::field::{Field, Fields};
use crate::error::Error;
use crate::model::Amount;
use crate::text::digits::push_decimal;

/// A form body under construction.
pub(super) struct Form {
    body: String,
}

impl Form {
    /// Returns the body with all fields that are set. An empty text or list is left out.
    ///
    /// # Errors
    /// Returns an error that names the field if a JSON value cannot be written; no such value is known.
    pub(super) fn of(fields: &Fields<'_>) -> Result<String, Error> {
        // Large enough for a usual body.
        let mut form = Self { body: String::with_capacity(512) };
        for (name, value) in fields {
            match value {
                None | Some(Field::Text("")) => {}
                Some(Field::Text(text) | Field::Url(text)) => form.text(name, text),
                Some(Field::Boolean(value)) => form.boolean(name, *value),
                Some(Field::Int(value)) => form.int(name, *value),
                Some(Field::Float(amount, decimals)) => form.float(name, *amount, *decimals),
                Some(Field::CardTypes(items)) => form.list(name, items, ' '),
                Some(Field::Captures(items)) => form.list(name, items, ','),
                Some(Field::Json(value)) => form
                    .json(name, value)
                    .map_err(|error| Error::invalid(name, "cannot be written as JSON").with_source(error))?,
            }
        }
        Ok(form.body)
    }

    /// A text field: any Unicode, percent-encoded, space as `+`.
    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.encoded(value);
    }

    /// A Boolean field: `true` or `false`.
    fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.body.push_str(if value { "true" } else { "false" });
    }

    /// An integer field: decimal digits without sign, leading zero or grouping.
    fn int(&mut self, name: &str, value: u32) {
        self.name(name);
        push_decimal(&mut self.body, value.into(), 1);
    }

    /// A decimal field, with at least this many decimals.
    fn float(&mut self, name: &str, value: Amount, decimals: usize) {
        self.name(name);
        value.push(&mut self.body, decimals);
    }

    /// A list field: the items with `separator` between them. An empty list is left out.
    fn list<T: AsRef<str>>(&mut self, name: &str, items: &[T], separator: char) {
        for (index, item) in items.iter().enumerate() {
            if index == 0 {
                self.name(name);
            } else {
                self.encoded(separator.encode_utf8(&mut [0; 4]));
            }
            self.encoded(item.as_ref());
        }
    }

    /// A JSON field: compact text, percent-encoded.
    fn json(&mut self, name: &str, value: &Value) -> Result<(), serde_json::Error> {
        // `Display` would write the same text, but would compile the indented form into every program.
        let text = serde_json::to_string(value)?;
        self.text(name, &text);
        Ok(())
    }

    fn name(&mut self, name: &str) {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        self.body.push_str(name);
        self.body.push('=');
    }

    fn encoded(&mut self, text: &str) {
        self.body.extend(byte_serialize(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(write: impl FnOnce(&mut Form)) -> String {
        let mut form = Form { body: String::new() };
        write(&mut form);
        form.body
    }

    fn decoded(body: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }

    #[test]
    fn texts() {
        for (value, wire) in [
            ("", "F="),
            ("a b", "F=a+b"),
            ("a+b", "F=a%2Bb"),
            ("x&y=z", "F=x%26y%3Dz"),
            ("*-._", "F=*-._"),
            ("~!()'", "F=%7E%21%28%29%27"),
            ("\0\r\n\t\u{7f}", "F=%00%0D%0A%09%7F"),
            ("%2e", "F=%252e"),
            ("Zoë 🦀", "F=Zo%C3%AB+%F0%9F%A6%80"),
        ] {
            assert_eq!(written(|f| f.text("F", value)), wire, "{value:?}");
        }
    }

    #[test]
    fn booleans() {
        for (value, wire) in [(true, "F=true"), (false, "F=false")] {
            assert_eq!(written(|f| f.boolean("F", value)), wire);
        }
    }

    #[test]
    fn integers() {
        for (value, wire) in
            [(0, "F=0"), (9, "F=9"), (10, "F=10"), (600, "F=600"), (u32::MAX, "F=4294967295")]
        {
            assert_eq!(written(|f| f.int("F", value)), wire);
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
            assert_eq!(written(|f| f.float("F", value.parse().unwrap(), decimals)), wire);
        }
    }

    #[test]
    fn lists() {
        for (items, separator, wire) in [
            (&[] as &[&str], ' ', ""),
            (&["visa"], ' ', "F=visa"),
            (&["visa", "amex"], ' ', "F=visa+amex"),
            (&["a", "b", "c"], ',', "F=a%2Cb%2Cc"),
            (&["x&y"], ',', "F=x%26y"),
        ] {
            assert_eq!(written(|f| f.list("F", items, separator)), wire);
        }
    }

    #[test]
    fn json_objects() {
        for (value, wire) in [
            (json!({}), "F=%7B%7D"),
            (json!({"a": "b c"}), "F=%7B%22a%22%3A%22b+c%22%7D"),
            (json!({"n": 1, "t": true, "z": null}), "F=%7B%22n%22%3A1%2C%22t%22%3Atrue%2C%22z%22%3Anull%7D"),
        ] {
            assert_eq!(written(|f| f.json("F", &value).unwrap()), wire);
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
            let body = written(|f| { f.text("A", &value); f.text("B", &other); });
            prop_assert!(body.is_ascii());
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), value), ("B".to_owned(), other)]);
        }

        #[test]
        fn any_boolean_comes_back(value in any::<bool>()) {
            let body = written(|f| f.boolean("A", value));
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), value.to_string())]);
        }

        #[test]
        fn any_integer_comes_back(value in any::<u32>()) {
            let body = written(|f| f.int("A", value));
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), value.to_string())]);
        }

        #[test]
        fn any_decimal_comes_back(cents in 0..100_000_000_u64, decimals in 0_usize..5) {
            let value = Amount::from_cents(cents).unwrap();
            let body = written(|f| f.float("A", value, decimals));
            let text = decoded(&body).remove(0).1;
            prop_assert_eq!(text.parse::<Amount>().unwrap(), value, "{}", text);
        }

        #[test]
        fn any_list_comes_back(items in prop::collection::vec("[^ ]{1,8}", 1..6)) {
            let body = written(|f| f.list("A", &items, ' '));
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), items.join(" "))]);
        }

        #[test]
        fn any_json_comes_back(map in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5)) {
            let value = json!(map);
            let body = written(|f| f.json("A", &value).unwrap());
            let text = decoded(&body).remove(0).1;
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
