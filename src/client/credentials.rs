//! `Credentials`: how a client authenticates. Secrets are never shown.

use std::env;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crate::client::authorization::Authorization;
use crate::client::endpoint;
use crate::client::environment;
use crate::client::token_source::{AccessToken, TokenSource};
use crate::error::{Error, Source};
use crate::model::sid;

/// How a client authenticates, and in which region.
///
/// The secret is only written to the `Authorization` header, never to `Debug`, errors or logs.
///
/// Credentials belong to one region of the service: those of `us1` are refused (code 20003) in `ie1`. Credentials
/// [from the environment](Self::from_env) include the region; for others, set it with
/// [`PaymentsApiBuilder::region`](crate::PaymentsApiBuilder::region).
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
    kind: &'static str,
    pub(crate) secret: Secret,
    pub(crate) region: Option<String>,
    pub(crate) edge: Option<String>,
}

#[derive(Clone)]
pub(crate) enum Secret {
    Fixed(Arc<Authorization>),
    Source(Arc<TokenSource>),
}

impl Credentials {
    /// Makes credentials from the account's SID (`AC…`) and auth token, sent as HTTP Basic.
    ///
    /// # Errors
    /// Returns an error if the SID is not `AC` and 32 hex digits, or the token is empty, longer than 4,096
    /// bytes, or has a control character.
    pub fn auth_token(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Result<Self, Error> {
        Self::basic(account_sid.into(), None, "auth_token", auth_token.into())
    }

    /// Makes credentials from the SID of the account, and an API key (`SK…`) with its secret, sent as HTTP Basic.
    ///
    /// # Errors
    /// Returns an error if a SID is not `AC` or `SK` and 32 hex digits, or the secret is empty, longer than 4,096
    /// bytes, or has a control character.
    pub fn api_key(
        account_sid: impl Into<String>,
        api_key_sid: impl Into<String>,
        api_key_secret: impl Into<String>,
    ) -> Result<Self, Error> {
        let key_sid = api_key_sid.into();
        sid::check("api_key_sid", "SK", &key_sid)?;
        Self::basic(account_sid.into(), Some(&key_sid), "api_key_secret", api_key_secret.into())
    }

    /// Makes credentials from the SID of the account and an OAuth access token, sent as `Authorization: Bearer`.
    ///
    /// The service only accepts access tokens in the region `us1`. The token is never renewed: usually it is valid
    /// for an hour, and after that every request is refused with status 401. That is enough for a script. A program
    /// that runs longer needs [`bearer_source`](Self::bearer_source).
    ///
    /// # Errors
    /// Returns an error if the SID is not `AC` and 32 hex digits, or the token is empty, longer than 4,096 bytes, or
    /// has characters other than visible ASCII.
    pub fn bearer(account_sid: impl Into<String>, access_token: impl Into<String>) -> Result<Self, Error> {
        let secret = Secret::Fixed(Authorization::bearer(access_token.into())?);
        Self::of(account_sid.into(), "bearer token", secret)
    }

    /// Makes credentials from the SID of the account and a closure that returns OAuth access tokens.
    ///
    /// The closure returns a new token and its lifetime, usually from a client-credentials request (see the example
    /// `oauth`). The client calls it before its first request, and again
    /// * before a token expires: when a tenth of its lifetime is left, but at most 60 s. Until there is a new token,
    ///   other threads use the old one, and so does this thread if the closure fails;
    /// * after a response with status 401, once in a call; the request is then sent again at once.
    ///
    /// The closure is never called twice at the same time, however many threads share the client. Threads without a
    /// valid token wait for it, each until its own deadline. The closure is not interrupted, so it needs a timeout of
    /// its own, shorter than the client's.
    ///
    /// If the closure fails or panics, the call returns an error of kind
    /// [`TokenSource`](crate::ErrorKind::TokenSource), whose source is the closure's error. That error must not contain
    /// secrets, because `Debug` shows it.
    ///
    /// ```
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// use std::time::Duration;
    /// use twilio_payments::{AccessToken, Credentials, Error, PaymentsApi};
    ///
    /// let source = || AccessToken::new("from-the-token-endpoint", Duration::from_secs(3600));
    /// let credentials = Credentials::bearer_source("AC00000000000000000000000000000000", source)?;
    /// let api = PaymentsApi::builder(credentials).build()?;
    /// # }
    /// # Ok::<(), twilio_payments::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the SID is not `AC` and 32 hex digits.
    pub fn bearer_source<E: Into<Source>>(
        account_sid: impl Into<String>,
        mut source: impl FnMut() -> Result<AccessToken, E> + Send + 'static,
    ) -> Result<Self, Error> {
        let source = TokenSource::new(Box::new(move || source().map_err(Into::into)));
        Self::of(account_sid.into(), "source of bearer tokens", Secret::Source(Arc::new(source)))
    }

    /// Makes credentials from the environment variables `TWILIO_ACCOUNT_SID`, and either `TWILIO_API_KEY` and
    /// `TWILIO_API_SECRET` or, if `TWILIO_API_KEY` is not set, `TWILIO_AUTH_TOKEN`. Also reads `TWILIO_REGION` and
    /// `TWILIO_EDGE` if they are set.
    ///
    /// A client with these credentials uses their region and edge, unless its builder sets others.
    ///
    /// # Errors
    /// Returns an error that names the variable if one is missing, is not Unicode, or has a value that the other
    /// constructors or [`region`](crate::PaymentsApiBuilder::region) refuse.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(env::var_os)
    }

    fn from_variables(value: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, Error> {
        let invalid = |name| move |reason: &'static str| Error::invalid(name, reason);
        let read = |name| environment::optional(value(name)).map_err(invalid(name));
        let required = |name| environment::required(value(name)).map_err(invalid(name));
        let account_sid = required("TWILIO_ACCOUNT_SID")?;
        sid::check("TWILIO_ACCOUNT_SID", "AC", &account_sid)?;
        let key_sid = read("TWILIO_API_KEY")?;
        key_sid.as_deref().map_or(Ok(()), |key_sid| sid::check("TWILIO_API_KEY", "SK", key_sid))?;
        let secret = if key_sid.is_some() { "TWILIO_API_SECRET" } else { "TWILIO_AUTH_TOKEN" };
        let credentials = Self::basic(account_sid, key_sid.as_deref(), secret, required(secret)?)?;
        let (region, edge) = (read("TWILIO_REGION")?, read("TWILIO_EDGE")?);
        endpoint::regional(["TWILIO_REGION", "TWILIO_EDGE"], region.as_deref(), edge.as_deref())?;
        Ok(Self { region, edge, ..credentials })
    }

    /// Returns the account that is in the path of every request, unless its params name another.
    pub fn account_sid(&self) -> &str {
        &self.account_sid
    }

    /// Makes credentials for HTTP Basic with the account, or one of its keys, as the user.
    fn basic(
        account_sid: String,
        key_sid: Option<&str>,
        field: &'static str,
        password: String,
    ) -> Result<Self, Error> {
        let secret = Authorization::basic(key_sid.unwrap_or(&account_sid), field, password)?;
        let kind = if key_sid.is_some() { "API key" } else { "auth token" };
        Self::of(account_sid, kind, Secret::Fixed(secret))
    }

    fn of(account_sid: String, kind: &'static str, secret: Secret) -> Result<Self, Error> {
        sid::check("account_sid", "AC", &account_sid)?;
        Ok(Self { account_sid, kind, secret, region: None, edge: None })
    }
}

impl Secret {
    /// Returns the authorization for a request. If it comes from a source, it is a different one than `refused`, and
    /// the wait for it takes at most `left`, unless the source itself takes longer.
    ///
    /// # Errors
    /// Returns an error if the source fails or the time runs out.
    pub(crate) fn authorization(
        &self,
        refused: Option<&Arc<Authorization>>,
        left: Duration,
    ) -> Result<Arc<Authorization>, Error> {
        match self {
            Self::Fixed(authorization) => Ok(Arc::clone(authorization)),
            Self::Source(source) => source.authorization(refused, left),
        }
    }
}

debug_shows!(Credentials, |credentials|
    account_sid: credentials.account_sid,
    kind: credentials.kind,
    region: credentials.region,
    edge: credentials.edge,
);

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const KEY: &str = "SK00000000000000000000000000000002";

    #[track_caller]
    fn refused(result: Result<Credentials, Error>, message: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("hush"));
    }

    fn authorization(credentials: &Credentials) -> Arc<Authorization> {
        credentials.secret.authorization(None, Duration::ZERO).unwrap()
    }

    fn header(credentials: &Credentials) -> String {
        authorization(credentials).header.to_str().unwrap().to_owned()
    }

    #[test]
    fn headers() {
        let token = Credentials::auth_token(ACCOUNT, "hush").unwrap();
        assert_eq!(header(&token), "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpodXNo");
        let key = Credentials::api_key(ACCOUNT, KEY, "hush:é").unwrap();
        let sent = BASE64_STANDARD.encode(format!("{KEY}:hush:é"));
        assert_eq!(header(&key), format!("Basic {sent}"));
        assert_eq!(key.account_sid(), ACCOUNT);
        let bearer = Credentials::bearer(ACCOUNT, "hush").unwrap();
        assert_eq!(header(&bearer), "Bearer hush");
    }

    #[test]
    fn invalid_credentials_are_refused() {
        refused(Credentials::auth_token("AC", "hush"), "invalid account_sid: not AC and 32 hex digits");
        refused(
            Credentials::auth_token(format!("{}:", &ACCOUNT[..33]), "hush"),
            "invalid account_sid: not AC and 32 hex digits",
        );
        refused(Credentials::auth_token(ACCOUNT, ""), "invalid auth_token: empty");
        for bad in ["hush\n", "hu\rsh", "\0hush", "hush\u{7f}", "hush\u{85}"] {
            refused(Credentials::auth_token(ACCOUNT, bad), "invalid auth_token: has a control character");
            refused(
                Credentials::api_key(ACCOUNT, KEY, bad),
                "invalid api_key_secret: has a control character",
            );
            refused(
                Credentials::bearer(ACCOUNT, bad),
                "invalid access_token: empty, or not all visible ASCII",
            );
        }
        refused(
            Credentials::api_key(ACCOUNT, "SK:hush", "hush"),
            "invalid api_key_sid: not SK and 32 hex digits",
        );
        refused(
            Credentials::bearer(ACCOUNT, "hu sh"),
            "invalid access_token: empty, or not all visible ASCII",
        );
        let long = "x".repeat(4_097);
        refused(Credentials::bearer(ACCOUNT, &*long), "invalid access_token: longer than 4,096 bytes");
        refused(Credentials::auth_token(ACCOUNT, &*long), "invalid auth_token: longer than 4,096 bytes");
        refused(Credentials::bearer(ACCOUNT, ""), "invalid access_token: empty, or not all visible ASCII");
    }

    #[test]
    fn environment() {
        let from = |pairs: &[(&str, &str)]| {
            Credentials::from_variables(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        let account = ("TWILIO_ACCOUNT_SID", ACCOUNT);
        let token = from(&[account, ("TWILIO_AUTH_TOKEN", "hush")]).unwrap();
        assert_eq!(token.kind, "auth token");
        let both =
            [account, ("TWILIO_API_KEY", KEY), ("TWILIO_API_SECRET", "x"), ("TWILIO_AUTH_TOKEN", "hush")];
        assert_eq!(from(&both).unwrap().kind, "API key");
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
        let credentials = from(&[account, ("TWILIO_AUTH_TOKEN", "hush"), ("TWILIO_REGION", "ie1")]).unwrap();
        assert_eq!((credentials.region.as_deref(), credentials.edge), (Some("ie1"), None));
        for (name, value, message) in [
            ("TWILIO_REGION", "IE1", "invalid TWILIO_REGION: not lower-case letters, digits and hyphens"),
            ("TWILIO_REGION", "jp1", "invalid TWILIO_REGION: jp1 needs an edge: set TWILIO_EDGE"),
            ("TWILIO_EDGE", "roaming", "invalid TWILIO_EDGE: the edge roaming does not exist"),
        ] {
            refused(from(&[account, ("TWILIO_AUTH_TOKEN", "hush"), (name, value)]), message);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_value_that_is_not_unicode_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let all = [
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_API_KEY", KEY),
            ("TWILIO_API_SECRET", "x"),
            ("TWILIO_REGION", "ie1"),
            ("TWILIO_EDGE", "dublin"),
        ];
        for (odd, _) in all {
            let read = |name| {
                all.iter().find(|(key, _)| *key == name).map(|(_, value)| match name {
                    name if name == odd => OsString::from_vec(b"hush\xff".to_vec()),
                    _ => value.into(),
                })
            };
            let message = format!("invalid {odd}: the environment variable is not Unicode");
            refused(Credentials::from_variables(read), &message);
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
            // The Base64 of the third one is padded, and a server may leave the padding out.
            let header = header(&credentials);
            let authorization = authorization(&credentials);
            let unpadded = header.trim_end_matches('=').to_owned();
            assert!(!authorization.redactor.mask(&unpadded).contains(unpadded.split_once(' ').unwrap().1));
            let echoed = format!("you sent {header} with {secret}");
            let masked = authorization.redactor.mask(&echoed);
            assert!(masked.ends_with(" [redacted] with [redacted]"), "{masked}");
        }
    }
}
