//! Environment variables.

use std::env;
use std::ffi::OsString;

use crate::error::Error;

/// Reads a variable. One that is not set or empty is `None`.
///
/// # Errors
/// Returns an error if the value is not Unicode, naming the variable.
pub(crate) fn variable(name: &'static str) -> Result<Option<String>, Error> {
    unicode(name, env::var_os(name))
}

/// The decision of [`variable`], apart from the process's environment.
pub(crate) fn unicode(name: &'static str, value: Option<OsString>) -> Result<Option<String>, Error> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let value = value.into_string();
    value.map(Some).map_err(|_| Error::invalid(name, "the environment variable is not Unicode"))
}
