//! The fields of params values. One list of them is used for the form, `Debug` and serde.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::{Amount, Capture, CardType};
use crate::text::url_without_secrets;

/// The wire name of the account, which goes into the path instead of the form.
pub(super) const ACCOUNT_SID: &str = "PathAccountSid";

/// The value of one field.
pub(super) enum Field<'a> {
    Text(&'a str),
    Url(&'a str),
    Boolean(bool),
    Int(u32),
    /// An amount and the decimals of its currency.
    Float(Amount, usize),
    /// Separated by spaces in the form.
    CardTypes(&'a [CardType]),
    /// Separated by commas in the form.
    Captures(&'a [Capture]),
    Json(&'a Value),
}

/// Returns the field of an optional text or enum.
pub(super) fn text<T: AsRef<str>>(value: Option<&T>) -> Option<Field<'_>> {
    value.map(|value| Field::Text(value.as_ref()))
}

/// Returns the items of a list, or `None` if it is empty.
pub(super) fn items<T>(items: &[T]) -> Option<&[T]> {
    (!items.is_empty()).then_some(items)
}

/// Leaves out what may be personal or secret: the values of a JSON object, and the user info and query of a URL.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Url(url) => url_without_secrets(url).fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(amount, _) => amount.fmt(f),
            Self::CardTypes(items) => items.fmt(f),
            Self::Captures(items) => items.fmt(f),
            Self::Json(value) => write!(f, "{{{} fields}}", value.as_object().map_or(0, Map::len)),
        }
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) | Self::Url(text) => serializer.serialize_str(text),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_u32(*value),
            Self::Float(amount, _) => amount.serialize(serializer),
            Self::CardTypes(items) => items.serialize(serializer),
            Self::Captures(items) => items.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

/// Returns the fields that are set: the account first, then those of the form.
pub(super) fn set<'a>(
    account_sid: Option<&'a String>,
    fields: impl IntoIterator<Item = (&'static str, Option<Field<'a>>)>,
) -> impl Iterator<Item = (&'static str, Field<'a>)> {
    let all = std::iter::once((ACCOUNT_SID, text(account_sid))).chain(fields);
    all.filter_map(|(name, value)| Some((name, value?)))
}

/// The serialized fields. Errors name a field, but never show its value.
#[derive(Default)]
pub(super) struct Stored {
    fields: Map<String, Value>,
    /// The first field that could not be read.
    invalid: Option<&'static str>,
}

impl Stored {
    pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { fields: Map::deserialize(deserializer)?, invalid: None })
    }

    /// Takes a field that may be absent. If it cannot be read, [`finish`](Self::finish) reports it.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        // A new value is made from an empty one. Without this check, that takes 17 searches.
        if self.fields.is_empty() {
            return None;
        }
        let value = serde_json::from_value(self.fields.remove(name)?);
        value.map_err(|_| self.invalid.get_or_insert(name)).ok()
    }

    /// Takes a field that must be present.
    pub(super) fn require<E: Error>(&mut self, name: &'static str) -> Result<String, E> {
        let value = self.take(name);
        self.check()?;
        value.ok_or_else(|| E::missing_field(name))
    }

    fn check<E: Error>(&self) -> Result<(), E> {
        self.invalid.map_or(Ok(()), |name| Err(E::custom(format_args!("invalid {name}"))))
    }

    /// Checks that every field could be read and that none is left: an unknown field could be a misspelled amount.
    pub(super) fn finish<E: Error>(self) -> Result<(), E> {
        self.check()?;
        match self.fields.keys().next() {
            Some(name) => Err(E::custom(format_args!("unknown field {name:?}"))),
            None => Ok(()),
        }
    }
}
