//! Checks for values that the API's documentation calls invalid.

use std::ops::BitAnd;

use serde_json::Value;

use crate::error::Error;
use crate::model::{Amount, currency};
use crate::text::url::Url;

/// Checks the parameters that both operations have.
pub(super) fn common(idempotency_key: &str, status_callback: &str) -> Result<(), Error> {
    if idempotency_key.is_empty() {
        return Err(Error::invalid("IdempotencyKey", "empty"));
    }
    callback(status_callback).map_err(|reason| Error::invalid("StatusCallback", reason))
}

/// Accepts an http(s) URL with a host, or a relative reference, if all its characters are allowed in a URL.
pub(crate) fn callback(url: &str) -> Result<(), &'static str> {
    if url.is_empty() {
        return Err("empty");
    }
    // Without an early exit, so that the compiler can check many bytes at once. Most URLs need no more.
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'`');
    if !url.bytes().map(plain).fold(true, BitAnd::bitand) {
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("has a space or control character");
        }
        // HTTP libraries refuse requests for a target with these characters, so the callback would be lost.
        if url.contains(['"', '<', '>', '`']) {
            return Err("has a quote or angle bracket, which must be percent-encoded");
        }
    }
    // This accepts nearly every URL, at a tenth of the cost of splitting it.
    let begins_with_host = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    if url.strip_prefix("https://").is_some_and(begins_with_host) && !url.contains('@') {
        return Ok(());
    }
    let parts = Url::split(url);
    if parts.scheme.is_some() && !parts.is_http() && !parts.is_https() {
        return Err("neither an http(s) URL nor a relative reference");
    }
    if parts.scheme.is_some() && parts.host.is_none_or(str::is_empty) {
        return Err("has no host");
    }
    Ok(())
}

/// Refuses an item that is empty, or that the service could read as two.
pub(super) fn list<T: AsRef<str>>(field: &'static str, items: &[T]) -> Result<(), Error> {
    let separates = |c: char| c == ',' || !c.is_ascii_graphic() && (c.is_whitespace() || c.is_control());
    if items.iter().any(|item| item.as_ref().is_empty() || item.as_ref().contains(separates)) {
        return Err(Error::invalid(field, "an item is empty, or contains white space or a comma"));
    }
    Ok(())
}

/// Accepts a JSON object of one level.
pub(super) fn parameter(parameter: &Value) -> Result<(), Error> {
    let Value::Object(fields) = parameter else {
        return Err(Error::invalid("Parameter", "not a JSON object"));
    };
    if fields.values().any(|value| value.is_object() || value.is_array()) {
        return Err(Error::invalid("Parameter", "a value is an object or array"));
    }
    Ok(())
}

/// Refuses a currency that is not three letters, and an amount with more decimals than the currency has.
pub(super) fn money(amount: Option<Amount>, code: Option<&str>) -> Result<(), Error> {
    let code = code.unwrap_or(super::DEFAULT_CURRENCY);
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(Error::invalid("Currency", "not three letters"));
    }
    let Some(amount) = amount else { return Ok(()) };
    match currency::decimals(code) {
        Some(most) if amount.decimals() > most => {
            let reason =
                format!("more decimals than {code} has ({most}), which the service refuses with code 64003");
            Err(Error::invalid("ChargeAmount", reason))
        }
        _ => Ok(()),
    }
}
