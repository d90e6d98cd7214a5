//! `X-Twilio-Signature`, with which the service proves that a request is its own.

mod url;

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

use super::read::Pairs;
use crate::callback::{CallbackError, CallbackErrorKind, StatusCallback};
use crate::client::environment;
use crate::text::digits::push_hex;
use crate::text::form::pairs;
use crate::text::url::Url;
use url::spellings;

/// Checks that the service sent a status callback: that its `X-Twilio-Signature` was made with the account's auth
/// token, or with a key that the account shares with the service, for this URL and this body.
///
/// Anyone can POST to a public URL, so do not trust a callback until its signature has been checked.
/// [`receive`](Self::receive) first checks the signature and then reads the callback:
///
/// ```
/// use twilio_payments::{Event, SignatureValidator};
///
/// # fn main() -> Result<(), twilio_payments::CallbackError> {
/// let validator = SignatureValidator::new("auth-token")?;
///
/// // The request, from whatever HTTP server you use:
/// let url = "https://pay.example.com/status?order=7";
/// let body = b"Sid=PK00000000000000000000000000000000&Result=success&PaymentConfirmationCode=ch_1";
/// let header = Some("VYUXO+MzJ5Z5f+5sq/WquKv0Yac=");
///
/// let callback = validator.receive(url, body, header)?;
/// assert!(matches!(callback.event(), Event::Succeeded { confirmation_code: Some("ch_1"), .. }));
///
/// // Without the signature, or with another body, it is refused.
/// assert!(validator.receive(url, body, None).is_err());
/// assert!(validator.receive(url, b"Sid=PK00000000000000000000000000000001", header).is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Which tokens and keys
/// The service signs with the primary **auth token** of the account that the call belongs to, even if the client
/// itself uses an API key or a bearer token. The callbacks of a subaccount are signed with the subaccount's own token.
/// While a token is being replaced, either one may sign.
/// [`with_auth_token`](Self::with_auth_token) adds further tokens.
/// Whoever knows one of a validator's tokens can sign a callback about any account, such as a payment that never
/// happened. So accounts that do not trust each other need a validator, and a URL, of their own.
///
/// If the account has a Webhook Rule with a `SharedKey`, the service signs with that key instead, by HMAC-SHA1 or
/// HMAC-SHA256: see [`with_shared_key`](Self::with_shared_key). Every token and key is tried, with the algorithm that
/// the length of the signature implies. The header `X-Twilio-Webhooks-Signature-Settings` is ignored.
///
/// # Which URL to pass
/// Pass exactly the URL that the service requested: scheme, host, path and query, as given in `StatusCallback`. Behind
/// a proxy, a load balancer or a tunnel, your server sees a different URL: `https` becomes `http` because TLS ends at
/// the proxy, the host becomes an internal one, a port appears, or a prefix of the path disappears. Do not rebuild the
/// URL from the request. Configure your public base URL, such as `https://pay.example.com`, and append the path and
/// query as they arrived, still encoded and in the same order. If the proxy changes the path too, append the public
/// path. Only trust `X-Forwarded-Host` and `X-Forwarded-Proto` if your own proxy overwrites them.
///
/// Some differences do not matter, because the service is not consistent or they mean the same. Each of these spellings
/// is tried:
/// - the port: as given, and left out; if the URL has none, also `:443` (https) or `:80` (http);
/// - an empty path: as it is, and as `/`;
/// - a host in upper case: as given, and in lower case. The scheme is always used in lower case.
///
/// A fragment (`#rc=2`) is ignored, because it is never sent. User info (`https://user:pass@host/…`) is part of the
/// URL. An IPv6 host must be in brackets.
///
/// # What is signed
/// The service signs the URL followed by every form parameter, sorted by the bytes of the names, with name and value
/// decoded and nothing between them. A name that occurs more than once contributes each distinct value once, in sorted
/// order. If the body is not a form, for example JSON, the service signs a URL whose query has the SHA-256 of the body
/// (`bodySHA256`); then the hash and the URL are checked instead of the parameters.
///
/// Signatures are compared in constant time. `Debug` shows neither tokens nor keys. A validator can be
/// cloned and shared between threads.
#[derive(Clone)]
pub struct SignatureValidator {
    first: Secret,
    others: Vec<Secret>,
}

/// An auth token or shared key, ready for both algorithms.
#[derive(Clone)]
struct Secret {
    sha1: hmac::Key,
    sha256: hmac::Key,
}

impl Secret {
    /// # Errors
    /// Returns an error if the text is empty, or contains white space or a control character.
    fn new(field: &'static str, text: &str) -> Result<Self, CallbackError> {
        if text.is_empty() {
            return Err(CallbackError::invalid(field, "empty"));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(CallbackError::invalid(field, "contains white space or a control character"));
        }
        let key = |algorithm| hmac::Key::new(algorithm, text.as_bytes());
        Ok(Self { sha1: key(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY), sha256: key(hmac::HMAC_SHA256) })
    }
}

impl SignatureValidator {
    /// The name of the header that carries the signature: `X-Twilio-Signature`.
    pub const HEADER: &'static str = "X-Twilio-Signature";

    /// The longest body that is checked, 1 MiB. The service's callbacks have about 500 bytes.
    pub const MAX_BODY: usize = super::MAX_BODY;

    /// Makes a validator of requests that are signed with this auth token.
    ///
    /// # Errors
    /// Returns an error of kind [`CallbackErrorKind::InvalidInput`] if the token is empty, since with an empty token
    /// anyone could sign, or if it contains white space or a control character, such as the newline at the end of a
    /// file.
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// assert!(SignatureValidator::new("auth-token").is_ok());
    /// assert!(SignatureValidator::new("").is_err());
    /// ```
    pub fn new(auth_token: impl AsRef<str>) -> Result<Self, CallbackError> {
        Ok(Self { first: Secret::new("auth_token", auth_token.as_ref())?, others: Vec::new() })
    }

    /// Makes a validator of requests that are signed with the auth token in the environment variable
    /// `TWILIO_AUTH_TOKEN`.
    ///
    /// # Errors
    /// Returns an error of kind [`CallbackErrorKind::InvalidInput`] if the variable is not set or empty, is not Unicode,
    /// or is not a token that [`new`](Self::new) accepts. The error's [field](CallbackError::field) is the variable.
    ///
    /// ```no_run
    /// use twilio_payments::SignatureValidator;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::from_env()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env() -> Result<Self, CallbackError> {
        const VARIABLE: &str = "TWILIO_AUTH_TOKEN";
        Self::from_variable(VARIABLE, env::var_os(VARIABLE))
    }

    fn from_variable(name: &'static str, value: Option<OsString>) -> Result<Self, CallbackError> {
        let auth_token =
            environment::required(value).map_err(|reason| CallbackError::invalid(name, reason))?;
        Ok(Self { first: Secret::new(name, &auth_token)?, others: Vec::new() })
    }

    /// Makes a validator of requests that are signed with a key that the account shares with the service. It has no
    /// auth token, so it refuses requests that no Webhook Rule covers.
    ///
    /// # Errors
    /// Returns the same errors as [`with_shared_key`](Self::with_shared_key).
    pub fn from_shared_key(secret: impl AsRef<str>) -> Result<Self, CallbackError> {
        Ok(Self { first: Secret::new("shared_key", secret.as_ref())?, others: Vec::new() })
    }

    /// Accepts this auth token too. Use it for subaccounts, and while the token of an account is being replaced. May be
    /// called more than once.
    ///
    /// # Errors
    /// Returns the same errors as [`new`](Self::new).
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::new("old-token")?.with_auth_token("new-token")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_auth_token(mut self, auth_token: impl AsRef<str>) -> Result<Self, CallbackError> {
        self.others.push(Secret::new("auth_token", auth_token.as_ref())?);
        Ok(self)
    }

    /// Accepts requests signed with this `SharedKey` too: pass the *secret* of a key that a Webhook Rule of the account
    /// names, not its SID. May be called more than once.
    ///
    /// # Errors
    /// Returns an error of kind [`CallbackErrorKind::InvalidInput`] if the secret is empty, or contains white space or
    /// a control character.
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::new("auth-token")?.with_shared_key("12345")?;
    /// let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    /// let body = b"Digits=1234&Caller=%2B14158675309&From=%2B14158675309&To=%2B18005551212\
    ///              &CallSid=CA1234567890ABCDE";
    /// validator.validate(url, body, Some("033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_shared_key(mut self, secret: impl AsRef<str>) -> Result<Self, CallbackError> {
        self.others.push(Secret::new("shared_key", secret.as_ref())?);
        Ok(self)
    }

    /// Checks the signature of a status callback, and then reads it. A callback that this returns was sent by the
    /// service.
    ///
    /// `url` is the URL that the service requested (see [above](Self#which-url-to-pass)), `body` is the body of the
    /// request as it arrived, and `signature` is the value of [`X-Twilio-Signature`](Self::HEADER), or `None` if the
    /// request has no such header. The callback keeps the [tag](StatusCallback::tag) of the URL.
    ///
    /// The same callback may arrive more than once, because the service repeats callbacks whose delivery failed.
    ///
    /// # Errors
    /// - Returns the same errors as [`validate`](Self::validate), of kind [`CallbackErrorKind::Signature`]. Respond
    ///   with 403.
    /// - Returns the same errors as [`StatusCallback::parse`], of kind [`CallbackErrorKind::Malformed`], if the service
    ///   sent the request, but it is not a callback about a payment. Respond with 400.
    pub fn receive(
        &self,
        url: &str,
        body: &[u8],
        signature: Option<&str>,
    ) -> Result<StatusCallback, CallbackError> {
        let pairs = self.verified(url, body, signature)?;
        Ok(StatusCallback::read(body, pairs)?.received_at(url))
    }

    /// Does the same as [`receive`](Self::receive), but takes a closure that returns the value of a header, which works
    /// with any web framework. Header names are case-insensitive.
    ///
    /// # Errors
    /// Returns the same errors as [`receive`](Self::receive).
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// # let validator = SignatureValidator::new("auth-token")?;
    /// # let (url, body) = ("https://pay.example.com/status", b"Sid=PK00000000000000000000000000000000");
    /// # let headers = [("x-twilio-signature", validator.sign(url, body))];
    /// let callback = validator.receive_with(url, body, |name| {
    ///     headers.iter().find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| &header.1)
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive_with<V: AsRef<str>>(
        &self,
        url: &str,
        body: &[u8],
        header: impl FnOnce(&str) -> Option<V>,
    ) -> Result<StatusCallback, CallbackError> {
        self.receive(url, body, header(Self::HEADER).as_ref().map(AsRef::as_ref))
    }

    /// Checks the signature of any request from the service, without reading the body as a callback. For a GET request,
    /// pass an empty body.
    ///
    /// The arguments are those of [`receive`](Self::receive).
    ///
    /// # Errors
    /// Returns an error of kind [`CallbackErrorKind::Signature`] if
    /// - there is no signature,
    /// - the signature is not 20 or 32 bytes in Base64,
    /// - it was made with none of the auth tokens and keys for this URL and body,
    /// - the body is longer than [1 MiB](Self::MAX_BODY).
    ///
    /// ```
    /// use twilio_payments::{CallbackErrorKind, SignatureValidator};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::new("12345")?;
    /// let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    /// let body = b"Digits=1234&Caller=%2B14158675309&From=%2B14158675309&To=%2B18005551212\
    ///              &CallSid=CA1234567890ABCDE";
    /// validator.validate(url, body, Some("RSOYDt4T1cUTdK1PDd93/VVr8B8="))?;
    ///
    /// let error = validator.validate(url, body, None).unwrap_err();
    /// assert_eq!(error.kind(), CallbackErrorKind::Signature);
    /// # Ok(())
    /// # }
    /// ```
    pub fn validate(&self, url: &str, body: &[u8], signature: Option<&str>) -> Result<(), CallbackError> {
        self.verified(url, body, signature).map(drop)
    }

    /// Checks a signature, and returns the decoded form that it was checked with.
    fn verified<'b>(
        &self,
        url: &str,
        body: &'b [u8],
        signature: Option<&str>,
    ) -> Result<Pairs<'b>, CallbackError> {
        let refusal = |reason| CallbackError::new(CallbackErrorKind::Signature, reason);
        let signature = signature.ok_or_else(|| refusal("the request has no X-Twilio-Signature"))?;
        let mut tag = [0; digest::SHA256_OUTPUT_LEN];
        let tag = match STANDARD.decode_slice(signature, &mut tag) {
            Ok(length @ (digest::SHA1_OUTPUT_LEN | digest::SHA256_OUTPUT_LEN)) => tag.get(..length),
            _ => None,
        };
        let tag = tag.ok_or_else(|| refusal("the X-Twilio-Signature is not 20 or 32 bytes in Base64"))?;
        if body.len() > Self::MAX_BODY {
            return Err(refusal("the body is longer than 1 MiB"));
        }
        let pairs: Pairs<'_> = pairs(body).collect();
        let parameters = parameters(&pairs);
        let made = match body_hash(url) {
            Some(hash) if hash_is_of(&hash, body) && self.made(tag, url, "") => true,
            // A form may also be sent to a URL with a hash. Without its parameters, any body would pass.
            Some(_) => !parameters.is_empty() && self.made(tag, url, &parameters),
            None => self.made(tag, url, &parameters),
        };
        if !made {
            return Err(refusal("the X-Twilio-Signature does not match this URL and body"));
        }
        Ok(pairs)
    }

    /// Returns whether one of the secrets made `tag` for a spelling of the URL, followed by `parameters`.
    fn made(&self, tag: &[u8], url: &str, parameters: &str) -> bool {
        spellings(url).any(|mut message| {
            message.push_str(parameters);
            std::iter::once(&self.first).chain(&self.others).any(|secret| {
                let key = if tag.len() == digest::SHA256_OUTPUT_LEN { &secret.sha256 } else { &secret.sha1 };
                hmac::verify(key, message.as_bytes(), tag).is_ok()
            })
        })
    }

    /// Returns the signature that the service would send with a form POST of `body` to `url`, made by HMAC-SHA1 with
    /// the first auth token or shared key. Use it to test your own receiver.
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::new("auth-token")?;
    /// let (url, body) = ("https://pay.example.com/status", b"Sid=PK00000000000000000000000000000000");
    /// let signature = validator.sign(url, body);
    /// assert!(validator.receive(url, body, Some(&signature)).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn sign(&self, url: &str, body: &[u8]) -> String {
        signature(&self.first.sha1, url, body)
    }

    /// Does the same as [`sign`](Self::sign) by HMAC-SHA256, which a Webhook Rule with a `SharedKey` can ask for.
    pub fn sign_sha256(&self, url: &str, body: &[u8]) -> String {
        signature(&self.first.sha256, url, body)
    }
}

// It shows neither tokens nor keys.
debug_shows!(SignatureValidator, |_validator|);

/// Returns the signature of a form POST to exactly this URL.
fn signature(key: &hmac::Key, url: &str, body: &[u8]) -> String {
    let message = [url, &parameters(&pairs(body).collect())].concat();
    STANDARD.encode(hmac::sign(key, message.as_bytes()))
}

/// Returns the part of the signed message that comes from the body: its names and values in sorted order, each distinct
/// pair once, with nothing between them.
fn parameters(pairs: &Pairs<'_>) -> String {
    let mut ordered: Vec<_> = pairs.iter().collect();
    ordered.sort_unstable();
    ordered.dedup();
    ordered.iter().flat_map(|(name, value)| [&**name, &**value]).collect()
}

/// Returns the hash of the body in the query of the URL, if it has one.
fn body_hash(url: &str) -> Option<Cow<'_, str>> {
    pairs(Url::split(url).query?.as_bytes()).find(|(name, _)| name == "bodySHA256").map(|(_, hash)| hash)
}

/// Returns whether `hash` is the SHA-256 of `body` in hex. Neither is a secret.
fn hash_is_of(hash: &str, body: &[u8]) -> bool {
    let digest = digest::digest(&digest::SHA256, body);
    let mut hex = String::new();
    for byte in digest.as_ref() {
        push_hex(&mut hex, u128::from(*byte), 2);
    }
    hash.eq_ignore_ascii_case(&hex)
}

#[cfg(test)]
mod tests;
