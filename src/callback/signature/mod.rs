//! `X-Twilio-Signature`: how the service proves that a request is its own.

mod url;

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

use crate::callback::{CallbackError, CallbackErrorKind, StatusCallback};
use url::Spellings;

/// Checks that a status callback comes from the service: that its `X-Twilio-Signature` was made with the
/// account's auth token, for this URL and this body.
///
/// Anyone can POST to a public URL. Believe nothing of a callback before its signature is checked;
/// [`receive`](Self::receive) checks and then reads, in one call:
///
/// ```
/// use twilio_payments::{Event, SignatureValidator};
///
/// # fn main() -> Result<(), twilio_payments::CallbackError> {
/// let validator = SignatureValidator::new("auth-token")?;
///
/// // What came in, from whatever HTTP server you use:
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
/// # The key is always the auth token
/// The service signs with the account's primary **auth token**, also where the client itself uses an API key
/// or a bearer token. While a token is being replaced, give both, the old one and the new one, with
/// [`also`](Self::also).
///
/// # Which URL to give
/// The one that the service requested, to the letter: scheme, host, path and query, as given in
/// `StatusCallback`. Behind a proxy, a load balancer or a tunnel that is not the URL that your server sees:
/// TLS ended at the proxy, so that `https` became `http`; the host became an internal one; a port appeared;
/// a prefix of the path went. Do not put the URL together from what arrived. Configure your public base,
/// such as `https://pay.example.com`, and append the path and query as they arrived, still encoded and in
/// their order; where the proxy changes the path too, append the public one. `X-Forwarded-Host` and
/// `X-Forwarded-Proto` are to be believed only if your own proxy overwrites them.
///
/// You need not care about these, for which the service is not consistent or which mean the same; each
/// spelling is tried:
/// - the port: as given, and left out; where the URL names none, as it is, and with `:443` (https) or `:80`
///   (http);
/// - an empty path: as it is, and as `/`;
/// - the host in upper case: as given, and in lower case. The scheme is always taken in lower case.
///
/// A fragment (`#rc=2`) is dropped: it is never sent. User info (`https://user:pass@host/…`) belongs to the
/// URL. An IPv6 host stands in brackets.
///
/// # What is signed
/// The URL, followed by every form parameter in the order of the names' bytes, name and value decoded and
/// with nothing between. A name that comes more than once counts with each distinct value once, in sorted
/// order. A body that is not a form, such as JSON, is signed through its SHA-256 in the URL's query
/// (`bodySHA256`); the hash and the URL are then checked instead of the parameters.
///
/// A comparison takes the same time wherever two signatures differ. [`Debug`](fmt::Debug) does not show the
/// tokens. The validator is cheap to share: `Clone + Send + Sync`, and every method takes `&self`.
#[derive(Clone)]
pub struct SignatureValidator {
    first: hmac::Key,
    others: Vec<hmac::Key>,
}

impl SignatureValidator {
    /// The name of the header that carries the signature: `X-Twilio-Signature`.
    pub const HEADER: &'static str = "X-Twilio-Signature";

    /// The longest body that is looked at, 1 MiB. The service's own are about 500 bytes.
    pub const MAX_BODY: usize = super::MAX_BODY;

    /// A validator of requests that are signed with this auth token.
    ///
    /// # Errors
    /// Where the token is empty, so that an unset variable does not make every forgery valid, or holds white
    /// space or a control character, such as the newline at the end of a file.
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// assert!(SignatureValidator::new("auth-token").is_ok());
    /// assert!(SignatureValidator::new("").is_err());
    /// ```
    pub fn new(auth_token: impl AsRef<str>) -> Result<Self, CallbackError> {
        Ok(Self { first: key(auth_token.as_ref())?, others: Vec::new() })
    }

    /// The same validator, which takes this auth token too: for the time in which an account's token is
    /// replaced by another. May be called again for more.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use twilio_payments::SignatureValidator;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::new("old-token")?.also("new-token")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn also(mut self, auth_token: impl AsRef<str>) -> Result<Self, CallbackError> {
        self.others.push(key(auth_token.as_ref())?);
        Ok(self)
    }

    /// Checks a status callback's signature, and then reads it. This is the call to use: what it returns is
    /// the service's own word.
    ///
    /// `url` is the URL that the service requested (see [above](Self#which-url-to-give)), `body` the
    /// request's body as it arrived, and `signature` the value of [`X-Twilio-Signature`](Self::HEADER), or
    /// `None` where the request has none.
    ///
    /// The same callback may arrive more than once: the service repeats what it is not sure was received.
    ///
    /// # Errors
    /// - [`CallbackErrorKind::Signature`]: as [`validate`](Self::validate). Answer 403.
    /// - [`CallbackErrorKind::Malformed`]: as [`StatusCallback::parse`]. The service sent it, but not about a
    ///   payment.
    pub fn receive(
        &self,
        url: &str,
        body: &[u8],
        signature: Option<&str>,
    ) -> Result<StatusCallback, CallbackError> {
        self.validate(url, body, signature)?;
        StatusCallback::parse(body)
    }

    /// Checks the signature of any request of the service's, and reads nothing. For a GET request, the body
    /// is empty.
    ///
    /// The arguments are those of [`receive`](Self::receive).
    ///
    /// # Errors
    /// [`CallbackErrorKind::Signature`] if
    /// - there is no signature,
    /// - the signature is not 20 bytes in Base64,
    /// - none of the auth tokens makes it for this URL and body,
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
        let signature = signature.ok_or_else(|| refusal("the request has no X-Twilio-Signature"))?;
        let mut tag = [0; digest::SHA1_OUTPUT_LEN];
        if !matches!(STANDARD.decode_slice(signature, &mut tag), Ok(digest::SHA1_OUTPUT_LEN)) {
            return Err(refusal("the X-Twilio-Signature is not 20 bytes in Base64"));
        }
        if body.len() > Self::MAX_BODY {
            return Err(refusal("the body is longer than 1 MiB"));
        }
        let urls = Spellings::of(url);
        let hash = body_hash(url);
        let parameters = parameters(body);
        let made = match hash {
            Some(hash) if hash_is_of(&hash, body) && self.made(&tag, &urls, "") => true,
            // A form may be sent to a URL with a hash too. Without parameters it would be any body.
            Some(_) => !parameters.is_empty() && self.made(&tag, &urls, &parameters),
            None => self.made(&tag, &urls, &parameters),
        };
        if made { Ok(()) } else { Err(refusal("the X-Twilio-Signature is not the one of this URL and body")) }
    }

    /// The signature that the service would give a form POST of `body` to `url`, made with the first auth
    /// token. For tests of your own receiver.
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
    #[must_use]
    pub fn sign(&self, url: &str, body: &[u8]) -> String {
        let message = [url, &parameters(body)].concat();
        STANDARD.encode(hmac::sign(&self.first, message.as_bytes()))
    }

    /// Whether one of the tokens made `tag` for a spelling of the URL, followed by `parameters`.
    fn made(&self, tag: &[u8], urls: &Spellings<'_>, parameters: &str) -> bool {
        let mut message = String::with_capacity(256 + parameters.len());
        (0..Spellings::COUNT).any(|number| {
            message.clear();
            urls.write(number, &mut message) && {
                message.push_str(parameters);
                std::iter::once(&self.first)
                    .chain(&self.others)
                    .any(|key| hmac::verify(key, message.as_bytes(), tag).is_ok())
            }
        })
    }
}

/// Shows that there is a validator, and not with what it validates.
impl fmt::Debug for SignatureValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureValidator").finish_non_exhaustive()
    }
}

/// The signature of a form POST to `url` with `params`: what the service puts in `X-Twilio-Signature`.
///
/// The URL is taken exactly as given. The order of `params` does not matter; a name and value that occur
/// together more than once count once.
#[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "only the sandbox signs"))]
pub(crate) fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    let message = [url, &joined(&mut pairs, 0)].concat();
    STANDARD.encode(hmac::sign(&key, message.as_bytes()))
}

fn key(auth_token: &str) -> Result<hmac::Key, CallbackError> {
    if auth_token.is_empty() {
        return Err(CallbackError::invalid("auth_token", "empty"));
    }
    if auth_token.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(CallbackError::invalid("auth_token", "holds white space or a control character"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes()))
}

fn refusal(reason: &'static str) -> CallbackError {
    CallbackError::new(CallbackErrorKind::Signature, reason)
}

/// The part of the message that comes from the body: its form parameters.
fn parameters(body: &[u8]) -> String {
    let mut pairs = Vec::with_capacity(32);
    pairs.extend(crate::text::form::pairs(body));
    joined(&mut pairs, body.len())
}

/// Names and values in their signed order, each distinct pair once, nothing between.
fn joined<T: AsRef<str> + Ord>(pairs: &mut Vec<(T, T)>, capacity: usize) -> String {
    pairs.sort_unstable();
    pairs.dedup();
    let mut text = String::with_capacity(capacity);
    for (name, value) in pairs {
        text.push_str(name.as_ref());
        text.push_str(value.as_ref());
    }
    text
}

/// The hash of the body that the URL's query names.
fn body_hash(url: &str) -> Option<Cow<'_, str>> {
    let query = url::query(url);
    // Nearly no URL has one, and looking for the name is quicker than taking every query apart.
    query.contains("bodySHA256").then_some(())?;
    crate::text::form::pairs(query.as_bytes()).find(|(name, _)| name == "bodySHA256").map(|(_, hash)| hash)
}

/// Whether `hash` is the SHA-256 of `body` in hex. Neither is a secret.
fn hash_is_of(hash: &str, body: &[u8]) -> bool {
    let digest = digest::digest(&digest::SHA256, body);
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    let hex = digest.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    hash.chars().map(|c| Some(c.to_ascii_lowercase())).eq(hex)
}

#[cfg(test)]
mod tests;
