//! Who calls: the three kinds of credentials, which never show themselves.

use std::env;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::Error;
use crate::model::sid;
use crate::text::Redactor;

/// The longest secret. A header line must have room for it.
const LONGEST: usize = 4_096;

/// What a client identifies itself with.
///
/// The secret is written to the `Authorization` header and nowhere else: not to `Debug`, errors or logs.
///
/// ```
/// use twilio_payments::Credentials;
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let credentials = Credentials::auth_token("AC00000000000000000000000000000000", "hush")?;
/// assert!(!format!("{credentials:?}").contains("hush"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Credentials {
    account_sid: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    AuthToken { token: String },
    ApiKey { key_sid: String, secret: String },
    Bearer { token: String },
}

impl Credentials {
    /// The account's own SID (`AC…`) and auth token, sent as HTTP Basic.
    ///
    /// # Errors
    /// Where the SID is not `AC` and 32 hex digits, or the token is empty, longer than 4,096 bytes, or holds a
    /// control character.
    pub fn auth_token(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Result<Self, Error> {
        let token = secret("auth_token", auth_token.into())?;
        Self::of(account_sid.into(), Kind::AuthToken { token })
    }

    /// An API key (`SK…`) with its secret, sent as HTTP Basic, and the SID of the account that it is for.
    ///
    /// # Errors
    /// Where a SID is not its two letters and 32 hex digits, or the secret is empty, longer than 4,096 bytes,
    /// or holds a control character.
    pub fn api_key(
        account_sid: impl Into<String>,
        api_key_sid: impl Into<String>,
        api_key_secret: impl Into<String>,
    ) -> Result<Self, Error> {
        let key_sid = api_key_sid.into();
        sid::check("api_key", "SK", &key_sid)?;
        let secret = secret("api_secret", api_key_secret.into())?;
        Self::of(account_sid.into(), Kind::ApiKey { key_sid, secret })
    }

    /// An OAuth access token, sent as `Authorization: Bearer`, and the SID of the account that it is for.
    ///
    /// # Errors
    /// Where the SID is not `AC` and 32 hex digits, or the token is empty, longer than 4,096 bytes, or holds
    /// anything but visible ASCII characters.
    pub fn bearer(account_sid: impl Into<String>, access_token: impl Into<String>) -> Result<Self, Error> {
        let token = access_token.into();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid("access_token", "not visible ASCII characters"));
        }
        check_length("access_token", &token)?;
        Self::of(account_sid.into(), Kind::Bearer { token })
    }

    /// Reads `TWILIO_ACCOUNT_SID`, and then `TWILIO_API_KEY` with `TWILIO_API_SECRET` or else
    /// `TWILIO_AUTH_TOKEN`.
    ///
    /// # Errors
    /// Where a variable is missing, which the error names, or one holds what the other constructors refuse.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| env::var(name).ok())
    }

    pub(crate) fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let read = |name: &'static str| {
            let value = lookup(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| Error::invalid(name, "the environment variable is not set"))
        };
        let account_sid = read("TWILIO_ACCOUNT_SID")?;
        sid::check("TWILIO_ACCOUNT_SID", "AC", &account_sid)?;
        if let Ok(key_sid) = read("TWILIO_API_KEY") {
            sid::check("TWILIO_API_KEY", "SK", &key_sid)?;
            let secret = secret("TWILIO_API_SECRET", read("TWILIO_API_SECRET")?)?;
            return Self::of(account_sid, Kind::ApiKey { key_sid, secret });
        }
        let token = secret("TWILIO_AUTH_TOKEN", read("TWILIO_AUTH_TOKEN")?)?;
        Self::of(account_sid, Kind::AuthToken { token })
    }

    /// The account that is named in the path of every call, unless a call names another.
    #[must_use]
    pub fn account_sid(&self) -> &str {
        &self.account_sid
    }

    fn of(account_sid: String, kind: Kind) -> Result<Self, Error> {
        sid::check("account_sid", "AC", &account_sid)?;
        Ok(Self { account_sid, kind })
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        match &self.kind {
            Kind::AuthToken { token } => basic(&self.account_sid, token),
            Kind::ApiKey { key_sid, secret } => basic(key_sid, secret),
            Kind::Bearer { token } => format!("Bearer {token}"),
        }
    }

    /// Masks the secret, bare or as it goes over the wire, in what a server sends back.
    pub(crate) fn redactor(&self) -> Redactor {
        let (Kind::AuthToken { token: bare }
        | Kind::ApiKey { secret: bare, .. }
        | Kind::Bearer { token: bare }) = &self.kind;
        let header = self.authorization();
        let sent = header.split_once(' ').map_or("", |(_, sent)| sent);
        let unpadded = sent.trim_end_matches('=');
        Redactor::new([sent.to_owned(), unpadded.to_owned(), bare.clone()])
    }
}

fn basic(user: &str, password: &str) -> String {
    // Neither kind of user can hold a colon: both are checked SIDs.
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

fn secret(field: &'static str, value: String) -> Result<String, Error> {
    if value.is_empty() {
        return Err(Error::invalid(field, "empty"));
    }
    if value.chars().any(char::is_control) {
        return Err(Error::invalid(field, "has a control character"));
    }
    check_length(field, &value)?;
    Ok(value)
}

fn check_length(field: &'static str, value: &str) -> Result<(), Error> {
    if value.len() > LONGEST {
        return Err(Error::invalid(field, "longer than 4,096 bytes"));
    }
    Ok(())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::AuthToken { .. } => "auth token",
            Kind::ApiKey { .. } => "API key",
            Kind::Bearer { .. } => "bearer token",
        };
        f.debug_struct("Credentials")
            .field("account_sid", &self.account_sid)
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const KEY: &str = "SK00000000000000000000000000000002";

    #[track_caller]
    fn refused(result: Result<Credentials, Error>, message: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("hush"));
    }

    #[test]
    fn headers() {
        let token = Credentials::auth_token(ACCOUNT, "hush").unwrap();
        assert_eq!(token.authorization(), "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpodXNo");
        let key = Credentials::api_key(ACCOUNT, KEY, "hush:é").unwrap();
        let sent = BASE64_STANDARD.encode(format!("{KEY}:hush:é"));
        assert_eq!(key.authorization(), format!("Basic {sent}"));
        assert_eq!(key.account_sid(), ACCOUNT);
        let bearer = Credentials::bearer(ACCOUNT, "hush").unwrap();
        assert_eq!(bearer.authorization(), "Bearer hush");
    }

    #[test]
    fn bad_ones_are_refused() {
        refused(Credentials::auth_token("AC", "hush"), "invalid account_sid: not AC and 32 hex digits");
        refused(
            Credentials::auth_token(format!("{}:", &ACCOUNT[..33]), "hush"),
            "invalid account_sid: not AC and 32 hex digits",
        );
        refused(Credentials::auth_token(ACCOUNT, ""), "invalid auth_token: empty");
        for bad in ["hush\n", "hu\rsh", "\0hush", "hush\u{7f}", "hush\u{85}"] {
            refused(Credentials::auth_token(ACCOUNT, bad), "invalid auth_token: has a control character");
            refused(Credentials::api_key(ACCOUNT, KEY, bad), "invalid api_secret: has a control character");
            refused(Credentials::bearer(ACCOUNT, bad), "invalid access_token: not visible ASCII characters");
        }
        refused(
            Credentials::api_key(ACCOUNT, "SK:hush", "hush"),
            "invalid api_key: not SK and 32 hex digits",
        );
        refused(Credentials::bearer(ACCOUNT, "hu sh"), "invalid access_token: not visible ASCII characters");
        let long = "x".repeat(4_097);
        refused(Credentials::bearer(ACCOUNT, &*long), "invalid access_token: longer than 4,096 bytes");
        refused(Credentials::auth_token(ACCOUNT, &*long), "invalid auth_token: longer than 4,096 bytes");
        refused(Credentials::bearer(ACCOUNT, ""), "invalid access_token: not visible ASCII characters");
    }

    #[test]
    fn environment() {
        let from = |pairs: &[(&str, &str)]| {
            Credentials::from_lookup(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let account = ("TWILIO_ACCOUNT_SID", ACCOUNT);
        let token = from(&[account, ("TWILIO_AUTH_TOKEN", "hush")]).unwrap();
        assert!(matches!(token.kind, Kind::AuthToken { .. }));
        let both =
            [account, ("TWILIO_API_KEY", KEY), ("TWILIO_API_SECRET", "x"), ("TWILIO_AUTH_TOKEN", "hush")];
        assert!(matches!(from(&both).unwrap().kind, Kind::ApiKey { .. }));
        for (pairs, message) in [
            (&[][..], "invalid TWILIO_ACCOUNT_SID: the environment variable is not set"),
            (
                &[("TWILIO_ACCOUNT_SID", "")],
                "invalid TWILIO_ACCOUNT_SID: the environment variable is not set",
            ),
            (&[("TWILIO_ACCOUNT_SID", "AC1")], "invalid TWILIO_ACCOUNT_SID: not AC and 32 hex digits"),
            (&[account], "invalid TWILIO_AUTH_TOKEN: the environment variable is not set"),
            (
                &[account, ("TWILIO_AUTH_TOKEN", "hush\n")],
                "invalid TWILIO_AUTH_TOKEN: has a control character",
            ),
            (
                &[account, ("TWILIO_API_KEY", KEY)],
                "invalid TWILIO_API_SECRET: the environment variable is not set",
            ),
            (
                &[account, ("TWILIO_API_KEY", "hush"), ("TWILIO_API_SECRET", "x")],
                "invalid TWILIO_API_KEY: not SK and 32 hex digits",
            ),
        ] {
            refused(from(pairs), message);
        }
    }

    #[test]
    fn nothing_shows_the_secret() {
        for (credentials, secret) in [
            (Credentials::auth_token(ACCOUNT, "hush").unwrap(), "hush"),
            (Credentials::api_key(ACCOUNT, KEY, "hush").unwrap(), "hush"),
            (Credentials::auth_token(ACCOUNT, "hush1").unwrap(), "hush1"),
            (Credentials::bearer(ACCOUNT, "hush").unwrap(), "hush"),
        ] {
            let shown = format!("{credentials:?} {credentials:#?}");
            assert!(!shown.contains("hush") && shown.contains(ACCOUNT), "{shown}");
            // The third one's base64 is padded; a server may leave that out.
            let unpadded = credentials.authorization().trim_end_matches('=').to_owned();
            assert!(!credentials.redactor().mask(&unpadded).contains(unpadded.split_once(' ').unwrap().1));
            let echoed = format!("you sent {} with {secret}", credentials.authorization());
            let masked = credentials.redactor().mask(&echoed);
            assert!(masked.ends_with(" [redacted] with [redacted]"), "{masked}");
        }
    }
}
