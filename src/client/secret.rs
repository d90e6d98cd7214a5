//! Checks of secrets. An error never repeats the value.

use crate::error::Error;

/// The longest secret. A header line must have room for it.
const LONGEST: usize = 4_096;

/// Checks an auth token or an API key's secret, which are sent in Base64.
///
/// # Errors
/// Returns an error if it is empty, longer than 4,096 bytes, or has a control character.
pub(crate) fn password(field: &'static str, value: String) -> Result<String, Error> {
    if value.is_empty() {
        return Err(Error::invalid(field, "empty"));
    }
    if value.chars().any(char::is_control) {
        return Err(Error::invalid(field, "has a control character"));
    }
    at_most_longest(field, value)
}

/// Checks an access token, which is sent as it is.
///
/// # Errors
/// Returns an error if it is empty, longer than 4,096 bytes, or has anything but visible ASCII characters.
pub(crate) fn access_token(value: String) -> Result<String, Error> {
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("access_token", "not visible ASCII characters"));
    }
    at_most_longest("access_token", value)
}

fn at_most_longest(field: &'static str, value: String) -> Result<String, Error> {
    if value.len() > LONGEST {
        return Err(Error::invalid(field, "longer than 4,096 bytes"));
    }
    Ok(value)
}
