//! The form body: one encoder for each type of field, and the buffer that they write to.
//!
//! Every field is written at most once, in the order of the calls; an absent value writes nothing.

use form_urlencoded::byte_serialize;
use serde_json::Value;

/// How many ten-thousandths there are in one unit of currency.
pub(crate) const SCALE: u64 = 10_000;

/// The first value that is too large for an amount, in ten-thousandths.
pub(crate) const LIMIT: u64 = 1_000_000 * SCALE;

/// A form body under construction.
pub(crate) struct Form {
    body: String,
}

impl Form {
    /// An empty form with room for the usual body.
    pub(crate) fn new() -> Self {
        Self { body: String::with_capacity(512) }
    }

    /// The finished body.
    pub(crate) fn finish(self) -> String {
        self.body
    }

    /// A text field: any Unicode, percent-encoded, space as `+`.
    pub(crate) fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            self.encoded(value);
        }
    }

    /// A Boolean field: `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.name(name);
            self.body.push_str(if value { "true" } else { "false" });
        }
    }

    /// An integer field: decimal digits without sign, leading zero or grouping.
    pub(crate) fn int(&mut self, name: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.name(name);
            push_digits(&mut self.body, u64::from(value), 1);
        }
    }

    /// A decimal field, given in ten-thousandths: see [`decimal`].
    pub(crate) fn float(&mut self, name: &str, ten_thousandths: Option<u64>) {
        if let Some(value) = ten_thousandths {
            self.name(name);
            decimal(&mut self.body, value);
        }
    }

    /// A list field: the items with `separator` between them. An empty list is an absent field.
    pub(crate) fn list<T: AsRef<str>>(&mut self, name: &str, items: &[T], separator: char) {
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
    ///
    /// # Errors
    /// None that is known: any value has a text.
    pub(crate) fn json(&mut self, name: &str, value: Option<&Value>) -> Result<(), serde_json::Error> {
        if let Some(value) = value {
            // `Display` gives the same text, and brings the indented form into every program.
            let text = serde_json::to_string(value)?;
            self.name(name);
            self.encoded(&text);
        }
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

/// Writes ten-thousandths as decimal text: at least two decimals, at most four, never an exponent.
pub(crate) fn decimal(out: &mut String, ten_thousandths: u64) {
    push_digits(out, ten_thousandths / SCALE, 1);
    out.push('.');
    let (mut fraction, mut places) = (ten_thousandths % SCALE, 4);
    while places > 2 && fraction % 10 == 0 {
        fraction /= 10;
        places -= 1;
    }
    push_digits(out, fraction, places);
}

/// Reads a float as ten-thousandths, where it is the float nearest to a decimal of at most four places.
///
/// Nothing is rounded: `0.1 + 0.2` is no decimal's nearest float of that length, so it is refused.
///
/// # Errors
/// The reason, where the value is not a number, infinite, negative, 1,000,000 or more, or has more than
/// four decimals.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "below the limit every whole number of ten-thousandths is exact in a float, so is the \
              comparison, which is the point"
)]
pub(crate) fn float(value: f64) -> Result<u64, &'static str> {
    if value.is_nan() {
        return Err("not a number");
    }
    if value < 0.0 {
        return Err("negative");
    }
    if value >= 1_000_000.0 {
        return Err("not below 1,000,000");
    }
    let ten_thousandths = (value * SCALE as f64).round();
    // Division is correctly rounded, so this is the float nearest to the decimal.
    if ten_thousandths / SCALE as f64 == value && ten_thousandths < LIMIT as f64 {
        Ok(ten_thousandths as u64)
    } else {
        Err("not exact in four decimals (round it first, or give text or cents)")
    }
}

/// Appends `value` in decimal, padded with zeros to `width` digits.
fn push_digits(out: &mut String, value: u64, width: u32) {
    let mut unit: u64 = 1;
    let mut digits = 1;
    while digits < width || value / unit >= 10 {
        unit *= 10; // at most 10^19, as `value / unit` stays above 9 only below that
        digits += 1;
    }
    while unit > 0 {
        out.push(char::from(b'0' + u8::try_from(value / unit % 10).unwrap_or(0)));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(write: impl FnOnce(&mut Form)) -> String {
        let mut form = Form::new();
        write(&mut form);
        form.finish()
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
            assert_eq!(written(|f| f.text("F", Some(value))), wire, "{value:?}");
        }
        assert_eq!(written(|f| f.text("F", None)), "");
    }

    #[test]
    fn booleans() {
        for (value, wire) in [(Some(true), "F=true"), (Some(false), "F=false"), (None, "")] {
            assert_eq!(written(|f| f.boolean("F", value)), wire);
        }
    }

    #[test]
    fn integers() {
        for (value, wire) in [
            (Some(0), "F=0"),
            (Some(9), "F=9"),
            (Some(10), "F=10"),
            (Some(600), "F=600"),
            (Some(u32::MAX), "F=4294967295"),
            (None, ""),
        ] {
            assert_eq!(written(|f| f.int("F", value)), wire);
        }
    }

    #[test]
    fn decimals() {
        for (value, wire) in [
            (0, "F=0.00"),
            (1, "F=0.0001"),
            (10, "F=0.001"),
            (100, "F=0.01"),
            (1_250, "F=0.125"),
            (120_000, "F=12.00"),
            (199_900, "F=19.99"),
            (9_999_999_900, "F=999999.99"),
            (9_999_999_999, "F=999999.9999"),
            (u64::MAX, "F=1844674407370955.1615"),
        ] {
            assert_eq!(written(|f| f.float("F", Some(value))), wire);
        }
        assert_eq!(written(|f| f.float("F", None)), "");
    }

    #[test]
    fn floats() {
        for (value, expected) in [
            (0.0, 0),
            (-0.0, 0),
            (0.01, 100),
            (0.3, 3_000),
            (19.99, 199_900),
            (0.125, 1_250),
            (999_999.99, 9_999_999_900),
            (999_999.999_9, 9_999_999_999),
        ] {
            assert_eq!(float(value), Ok(expected), "{value}");
        }
        for (value, reason) in [
            (f64::NAN, "not a number"),
            (f64::INFINITY, "not below 1,000,000"),
            (f64::NEG_INFINITY, "negative"),
            (-5.0, "negative"),
            (-1e-300, "negative"),
            (1_000_000.0, "not below 1,000,000"),
            (1e300, "not below 1,000,000"),
            (0.1 + 0.2, "not exact in four decimals (round it first, or give text or cents)"),
            (1e-7, "not exact in four decimals (round it first, or give text or cents)"),
            (f64::MIN_POSITIVE, "not exact in four decimals (round it first, or give text or cents)"),
            (0.12345, "not exact in four decimals (round it first, or give text or cents)"),
            (999_999.999_99, "not exact in four decimals (round it first, or give text or cents)"),
        ] {
            assert_eq!(float(value), Err(reason), "{value}");
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
            assert_eq!(written(|f| f.json("F", Some(&value)).unwrap()), wire);
        }
        assert_eq!(written(|f| f.json("F", None).unwrap()), "");
    }

    #[test]
    fn fields_are_joined_in_order() {
        let body = written(|f| {
            f.text("A", None);
            f.text("B", Some("1"));
            f.boolean("C", None);
            f.int("D", Some(2));
        });
        assert_eq!(body, "B=1&D=2");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(value in any::<String>(), other in any::<String>()) {
            let body = written(|f| { f.text("A", Some(&value)); f.text("B", Some(&other)); });
            prop_assert!(body.is_ascii());
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), value), ("B".to_owned(), other)]);
        }

        #[test]
        fn any_boolean_comes_back(value in any::<bool>()) {
            let body = written(|f| f.boolean("A", Some(value)));
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), value.to_string())]);
        }

        #[test]
        fn any_integer_comes_back(value in any::<u32>()) {
            let body = written(|f| f.int("A", Some(value)));
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), value.to_string())]);
        }

        #[test]
        fn any_decimal_comes_back(value in 0..LIMIT) {
            let body = written(|f| f.float("A", Some(value)));
            let text = decoded(&body).remove(0).1;
            prop_assert_eq!(float(text.parse().unwrap()), Ok(value), "{}", text);
        }

        #[test]
        fn any_list_comes_back(items in prop::collection::vec("[^ ]{1,8}", 1..6)) {
            let body = written(|f| f.list("A", &items, ' '));
            prop_assert_eq!(decoded(&body), vec![("A".to_owned(), items.join(" "))]);
        }

        #[test]
        fn any_json_comes_back(map in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5)) {
            let value = json!(map);
            let body = written(|f| f.json("A", Some(&value)).unwrap());
            let text = decoded(&body).remove(0).1;
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }

        #[test]
        fn any_float_is_exact_or_refused(value in any::<f64>()) {
            if let Ok(units) = float(value) {
                let mut text = String::new();
                decimal(&mut text, units);
                // The sign of a negative zero is lost.
                prop_assert!(text.parse::<f64>().unwrap().total_cmp(&value.abs()).is_eq());
            }
        }
    }
}
