//! `SandboxBuilder`: configures and starts a sandbox.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::delivery::Sender;
use super::service::{Accounts, Service};
use super::session::Undocumented;
use super::store::Store;
use super::{Faults, IdempotencyKeys, Sandbox, mint};
use crate::client::{Credentials, PaymentsApi};
use crate::error::Error;
use crate::server::{Limits, Request, Server};
use crate::text::Withheld;

/// Configures a [`Sandbox`]. Returned by [`Sandbox::builder`].
///
/// ```
/// use twilio_payments::sandbox::Sandbox;
///
/// # fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::builder()
///     .account_sid("AC00000000000000000000000000000001")
///     .auth_token("only-for-tests")
///     .start()?;
/// assert_eq!(sandbox.account_sid(), "AC00000000000000000000000000000001");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SandboxBuilder {
    port: u16,
    account_sid: Option<String>,
    auth_token: Option<Withheld>,
    shared_key: Option<Withheld>,
    idempotency_keys: IdempotencyKeys,
    undocumented_words: bool,
    max_failed_attempts: Option<u32>,
    kept_sessions: Option<usize>,
}

impl SandboxBuilder {
    setters! {
        /// Sets the port on 127.0.0.1. Default: 0, which lets the system choose a free one.
        port(port: u16) = port;

        /// Sets the SID of the account: `AC` and 32 hex digits. Default: a new one.
        account_sid(account_sid: impl Into<String>) = Some(account_sid.into());

        /// Sets the account's auth token: text that is not empty, without white space or control characters. Default: a
        /// new one.
        auth_token(auth_token: impl Into<String>) = Some(Withheld(auth_token.into()));

        /// Sets a shared key with which status callbacks are signed, by HMAC-SHA256, instead of the auth token. The
        /// service does this if the account has a Webhook Rule with a `SharedKey`. Verify such callbacks with
        /// [`SignatureValidator::with_shared_key`](crate::SignatureValidator::with_shared_key). Default: none.
        shared_key(secret: impl Into<String>) = Some(Withheld(secret.into()));

        /// Sets whether a request whose idempotency key was used before gets the stored response or is carried out
        /// again. Default: [`Replayed`](IdempotencyKeys::Replayed).
        idempotency_keys(keys: IdempotencyKeys) = keys;

        /// Sets whether callbacks have values that are seen but not documented for this API: `Result=cancelled` after a
        /// cancellation or if the caller does not confirm, and `Attempt` after a failed entry. Default: false.
        undocumented_words(words: bool) = words;

        /// Sets after how many failed entries for one capture, 1 or more, a session ends with
        /// `too-many-failed-attempts`. The verb `<Pay>` does this, but it is not documented for this API. Default: no
        /// limit.
        max_failed_attempts(attempts: u32) = Some(attempts);

        /// Sets how many ended sessions are kept, 1 or more. Older ones are forgotten with their callbacks and
        /// idempotency keys, but their transactions are kept. Default: 5000. A kept session takes about 33 KB, a
        /// forgotten one 1 KB.
        kept_sessions(sessions: usize) = Some(sessions);
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    /// Returns an error if the port is in use, if the system cannot start a thread, or if a setting is invalid: the
    /// account's SID, token or shared key, or a zero. The error names the setting.
    pub fn start(self) -> io::Result<Sandbox> {
        let invalid = |error| io::Error::new(ErrorKind::InvalidInput, error);
        let accounts = Accounts {
            account_sid: self.account_sid.unwrap_or_else(|| mint::sid("AC")),
            auth_token: self.auth_token.map_or_else(mint::secret, |token| token.as_str().to_owned()),
            api_key_sid: mint::sid("SK"),
            api_key_secret: mint::secret(),
            access_token: mint::secret(),
            subaccount_sid: mint::sid("AC"),
        };
        let credentials =
            Credentials::auth_token(&accounts.account_sid, &accounts.auth_token).map_err(invalid)?;
        for (name, zero) in [
            ("kept_sessions", self.kept_sessions == Some(0)),
            ("max_failed_attempts", self.max_failed_attempts == Some(0)),
        ] {
            if zero {
                return Err(invalid(Error::invalid(name, "zero")));
            }
        }
        let key_sid = format!("webhooks_sharedkey_{}", mint::secret());
        let shared_key = self.shared_key.as_ref().map(|secret| (key_sid.as_str(), secret.as_str()));
        let sender = Sender::new(&accounts.auth_token, shared_key)
            .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let kept_sessions = self.kept_sessions.unwrap_or(5_000);
        let (words, max_failed_attempts) = (self.undocumented_words, self.max_failed_attempts);
        let undocumented = Undocumented { words, max_failed_attempts };
        let store = Store::new(sender, self.idempotency_keys, undocumented, kept_sessions);
        let (faults, requests) = (Faults::default(), AtomicUsize::new(0));
        let service = Arc::new(Service { accounts, store, faults, requests });

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let limits = Limits { max_body: 1024 * 1024, ..Limits::default() };
        let serving = Arc::clone(&service);
        let server =
            Server::start(listener, limits, Arc::new(move |request: Request| serving.reply(&request)))?;
        let base_url = format!("http://{}", server.address);
        let client = PaymentsApi::builder(credentials.clone()).base_url(&base_url).no_proxy();
        let client = client.build().map_err(io::Error::other)?;
        let ticking = Arc::clone(&service);
        let clock = thread::Builder::new().name("sandbox-clock".to_owned());
        let clock = Some(clock.spawn(move || ticking.store.run_clock())?);
        Ok(Sandbox { _server: server, clock, service, credentials, base_url, client })
    }
}
