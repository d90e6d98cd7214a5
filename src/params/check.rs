//! What the API's documents call invalid.

use serde_json::Value;

use crate::error::Error;
use crate::text::url::Url;

pub(super) fn common(idempotency_key: &str, status_callback: &str) -> Result<(), Error> {
    if idempotency_key.is_empty() {
        return Err(Error::invalid("IdempotencyKey", "empty"));
    }
    if let Err(reason) = callback(status_callback) {
        return Err(Error::invalid("StatusCallback", reason));
    }
    Ok(())
}

/// Accepts an http(s) URL with a host, or a relative reference, both of the characters that a URL may have.
pub(super) fn callback(url: &str) -> Result<(), &'static str> {
    if url.is_empty() {
        return Err("empty");
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("has a space or control character");
    }
    let parts = Url::split(url);
    if parts.scheme.is_some() && !parts.is_http() && !parts.is_https() {
        return Err("neither an http(s) URL nor a relative reference");
    }
    if parts.scheme.is_some() && parts.host.is_none_or(str::is_empty) {
        return Err("a URL without a host");
    }
    Ok(())
}

/// Refuses an item that is empty or holds what separates the items.
pub(super) fn list<T: AsRef<str>>(field: &'static str, items: &[T], separator: char) -> Result<(), Error> {
    if items.iter().any(|item| item.as_ref().is_empty() || item.as_ref().chars().any(|c| c == separator)) {
        return Err(Error::invalid(field, format!("an item is empty or has a {separator:?} in it")));
    }
    Ok(())
}

pub(super) fn parameter(parameter: &Value) -> Result<(), Error> {
    let Value::Object(fields) = parameter else {
        return Err(Error::invalid("Parameter", "not a JSON object"));
    };
    if fields.values().any(|value| value.is_object() || value.is_array()) {
        return Err(Error::invalid("Parameter", "nested: a value is itself an object or array"));
    }
    Ok(())
}
