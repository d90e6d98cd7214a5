//! The `Authorization` header, and the redactor that masks its secret in responses.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;

use crate::error::Error;
use crate::text::Redactor;

/// The longest secret. It must fit into a header line.
const LONGEST: usize = 4_096;

/// What authenticates a request.
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    /// Masks the secret, both as it is and as it is sent.
    pub(crate) redactor: Redactor,
}

impl Authorization {
    /// Makes an HTTP Basic header. The user is a checked SID, so it cannot contain a colon.
    ///
    /// # Errors
    /// Returns an error that names `field`, but does not show its value, if the password is empty, longer than 4,096
    /// bytes, or has a control character.
    pub(crate) fn basic(user: &str, field: &'static str, password: String) -> Result<Arc<Self>, Error> {
        if password.is_empty() {
            return Err(Error::invalid(field, "empty"));
        }
        if password.chars().any(char::is_control) {
            return Err(Error::invalid(field, "has a control character"));
        }
        let sent = BASE64_STANDARD.encode(format!("{user}:{password}"));
        // A server may leave the padding out.
        let unpadded = sent.trim_end_matches('=').to_owned();
        Self::new(field, format!("Basic {sent}"), [password, sent, unpadded])
    }

    /// # Errors
    /// Returns an error that does not show the token if it is empty, longer than 4,096 bytes, or has characters other
    /// than visible ASCII.
    pub(crate) fn bearer(token: String) -> Result<Arc<Self>, Error> {
        let field = "access_token";
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid(field, "empty, or not all visible ASCII"));
        }
        Self::new(field, format!("Bearer {token}"), [token])
    }

    /// The first one of `secrets` is the one that the program set.
    fn new<const N: usize>(
        field: &'static str,
        header: String,
        secrets: [String; N],
    ) -> Result<Arc<Self>, Error> {
        if secrets.first().is_some_and(|secret| secret.len() > LONGEST) {
            return Err(Error::invalid(field, "longer than 4,096 bytes"));
        }
        let mut header =
            HeaderValue::try_from(header).map_err(|_| Error::invalid(field, "not allowed in a header"))?;
        header.set_sensitive(true);
        Ok(Arc::new(Self { header, redactor: Redactor::new(secrets) }))
    }
}
