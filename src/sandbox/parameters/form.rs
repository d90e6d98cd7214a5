//! The form of a request, and the readers of its values.

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::model::{Amount, currency};
use crate::sandbox::fields::Fields;
use crate::sandbox::refusals::Refusal;
use crate::text::form;

/// A decoded form, in the order in which it was sent.
pub(crate) struct Form<'a> {
    /// The body that it was decoded from.
    pub(crate) body: &'a [u8],
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The names that were read.
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Form<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Self {
        Self { body, pairs: form::pairs(body).collect(), known: RefCell::default() }
    }

    /// Returns whether two bodies have the same fields with the same values, in any order.
    pub(crate) fn are_same(one: &[u8], other: &[u8]) -> bool {
        let sorted = |body| {
            let mut pairs = Form::parse(body).pairs;
            pairs.sort_unstable();
            pairs
        };
        one == other || sorted(one) == sorted(other)
    }

    pub(crate) fn into_fields(self) -> Fields {
        Fields::new(self.pairs)
    }

    /// Returns a field's value as it was sent.
    pub(crate) fn get(&self, name: &'static str) -> Option<&str> {
        self.known.borrow_mut().push(name);
        self.pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_ref())
    }

    /// Returns the names that were not read.
    pub(crate) fn ignored(&self) -> impl Iterator<Item = &str> {
        let known = self.known.borrow().clone();
        self.pairs.iter().map(|(name, _)| name.as_ref()).filter(move |name| !known.contains(name))
    }

    /// Returns a field's value. An empty one counts as absent.
    pub(super) fn text(&self, name: &'static str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Returns the value of a field that must be present.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::invalid_parameter(name, "required"))
    }

    /// Reads an enum, a number or a boolean. An empty value is invalid.
    pub(super) fn read<T>(&self, name: &'static str, parse: impl Parse<T>) -> Result<Option<T>, Refusal> {
        Self::parsed(name, self.get(name), parse)
    }

    /// Reads what the API's documentation calls a string. An empty one counts as absent.
    pub(super) fn read_text<T>(
        &self,
        name: &'static str,
        parse: impl Parse<T>,
    ) -> Result<Option<T>, Refusal> {
        Self::parsed(name, self.text(name), parse)
    }

    fn parsed<T>(name: &str, value: Option<&str>, parse: impl Parse<T>) -> Result<Option<T>, Refusal> {
        value.map(parse).transpose().map_err(|reason| Refusal::invalid_parameter(name, reason))
    }

    /// Refuses a name that occurs twice.
    pub(super) fn only_once(&self) -> Result<(), Refusal> {
        let twice =
            self.pairs.iter().enumerate().find(|(index, (name, _))| {
                self.pairs.iter().take(*index).any(|(earlier, _)| earlier == name)
            });
        twice.map_or(Ok(()), |(_, (name, _))| Err(Refusal::invalid_parameter(name, "sent more than once")))
    }
}

/// Reads a value, or returns why it is invalid.
pub(super) trait Parse<T>: FnOnce(&str) -> Result<T, &'static str> {}

impl<T, F: FnOnce(&str) -> Result<T, &'static str>> Parse<T> for F {}

/// Reads one of these values.
pub(super) fn known<T: AsRef<str> + Clone>(all: &[T]) -> impl Fn(&str) -> Result<T, &'static str> {
    |text| all.iter().find(|value| value.as_ref() == text).cloned().ok_or("not one of its values")
}

/// Reads a list of these values.
pub(super) fn list<T: AsRef<str> + Clone>(
    all: &[T],
    separator: char,
) -> impl Fn(&str) -> Result<Vec<T>, &'static str> {
    move |text| {
        let items = text.split(separator).map(|item| known(all)(item.trim()));
        items.collect::<Result<_, _>>().map_err(|_| "not a list of its values")
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "neither true nor false")
}

/// Reads an integer of at least 1 and at most `most`.
pub(super) fn integer(most: u32, reason: &'static str) -> impl Fn(&str) -> Result<u32, &'static str> {
    move |text| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse().ok().filter(|value| digits && (1..=most).contains(value));
        value.ok_or(reason)
    }
}

/// Reads an amount with no more decimals than a currency has.
pub(super) fn amount(currency: &str) -> impl Fn(&str) -> Result<Amount, &'static str> {
    let most = currency::decimals(currency).unwrap_or(4);
    move |text| {
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > most {
            return Err("more decimals than the currency has");
        }
        text.parse().map_err(|_| "not a decimal from 0 up to but not including 1000000")
    }
}

/// Reads a JSON object of one level.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, &'static str> {
    let fields = serde_json::from_str::<Map<String, Value>>(text).map_err(|_| "not a JSON object")?;
    if fields.values().any(|value| value.is_array() || value.is_object()) {
        return Err("has more than one level");
    }
    Ok(fields)
}
