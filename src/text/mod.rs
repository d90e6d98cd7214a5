//! Text on the wire, such as URLs, forms, dates and random identifiers, and how text from outside is shown.

pub(crate) mod date;
pub(crate) mod digits;
mod escape;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod random;
mod redact;
pub(crate) mod url;
mod withheld;

pub(crate) use escape::{Escaped, cut};
pub(crate) use redact::Redactor;
pub(crate) use url::url_without_secrets;
pub(crate) use withheld::Withheld;
