//! Environment variables.

use std::env;
use std::ffi::OsString;

use crate::error::Error;

/// Reads a variable. Returns `None` if it is not set or empty.
///
/// # Errors
/// Returns an error that names the variable if the value is not Unicode.
pub(crate) fn variable(name: &'static str) -> Result<Option<String>, Error> {
    unicode(name, env::var_os(name))
}

/// Does the part of [`variable`] that does not depend on the environment of the process.
pub(crate) fn unicode(name: &'static str, value: Option<OsString>) -> Result<Option<String>, Error> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let value = value.into_string();
    value.map(Some).map_err(|_| Error::invalid(name, "the environment variable is not Unicode"))
}
