//! Values of environment variables. Errors are the reason alone.

use std::ffi::OsString;

/// Reads a value. Returns `None` if the variable is not set or empty.
///
/// # Errors
/// Returns an error if the value is not Unicode.
pub(crate) fn optional(value: Option<OsString>) -> Result<Option<String>, &'static str> {
    let value = value.filter(|value| !value.is_empty()).map(OsString::into_string).transpose();
    value.map_err(|_| "the environment variable is not Unicode")
}

/// Reads a value that must be there.
///
/// # Errors
/// Returns an error if the variable is not set or empty, or if the value is not Unicode.
pub(crate) fn required(value: Option<OsString>) -> Result<String, &'static str> {
    optional(value)?.ok_or("the environment variable is not set")
}
