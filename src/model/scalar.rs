//! A JSON field whose type is not trusted.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text, or a number as text. Anything else is skipped, however long or deep it is.
pub(crate) enum Scalar {
    Text(String),
    Number(String),
    Other,
}

impl Scalar {
    pub(crate) fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns a whole number, even if it came as text or with a fraction of zero.
    pub(crate) fn whole_number(self) -> Option<i64> {
        let (Self::Text(text) | Self::Number(text)) = self else { return None };
        text.trim().parse().ok()
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

macro_rules! scalars {
    ($($visit:ident($($value:tt: $type:ty)?) = $scalar:expr;)+) => {$(
        fn $visit<E: Error>(self $(, $value: $type)?) -> Result<Scalar, E> {
            Ok($scalar)
        }
    )+};
}

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars! {
        visit_str(text: &str) = Scalar::Text(text.to_owned());
        visit_string(text: String) = Scalar::Text(text);
        visit_i64(number: i64) = Scalar::Number(number.to_string());
        visit_u64(number: u64) = Scalar::Number(number.to_string());
        visit_f64(number: f64) = Scalar::Number(number.to_string());
        visit_bool(_: bool) = Scalar::Other;
        visit_unit() = Scalar::Other;
        visit_none() = Scalar::Other;
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        Scalar::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Scalar, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Scalar::Other)
    }
}
