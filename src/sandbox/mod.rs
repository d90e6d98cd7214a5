//! The service on loopback, for your own tests: no account, no phone, no network.
//!
//! The API can only be tried on a live phone call with a payment connector behind it. The sandbox brings both.
//! [`Sandbox::start`] serves the two operations on a free port of 127.0.0.1, in threads of its own, until it is
//! dropped. It checks credentials, paths and parameters as the service does, responds in the service's JSON, keeps
//! sessions, and counts what was charged.
//!
//! ```
//! use twilio_payments::sandbox::Sandbox;
//! use twilio_payments::{Capture, CreatePaymentsParams, UpdatePaymentsParams};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start()?;
//! let call = sandbox.call().obliging(); // with a caller who answers everything
//! let api = sandbox.client();
//!
//! let url = "https://example.com/status";
//! let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
//! let session = api.create_payments(call.sid(), &start)?;
//! for capture in [
//!     Capture::PaymentCardNumber,
//!     Capture::ExpirationDate,
//!     Capture::SecurityCode,
//!     Capture::PostalCode,
//! ] {
//!     api.update_payments(call.sid(), &session.sid, &UpdatePaymentsParams::new_capture(url, capture))?;
//! }
//! let complete = UpdatePaymentsParams::new_complete(url);
//! api.update_payments(call.sid(), &session.sid, &complete)?;
//!
//! let transactions = sandbox.transactions();
//! assert_eq!(transactions.len(), 1);
//! assert_eq!(transactions[0].amount, Some("19.99".parse()?));
//! assert!(!sandbox.session(&session.sid).unwrap().is_open());
//! # Ok(())
//! # }
//! ```
//!
//! # Your own program against it
//!
//! Configure your program with [`base_url`](Sandbox::base_url), [`account_sid`](Sandbox::account_sid),
//! [`auth_token`](Sandbox::auth_token) and the SID of a [`call`](Sandbox::call), which can be
//! [yours](Sandbox::call_with_sid) if the program runs in another process. An [API key](Sandbox::api_key_sid) and a
//! [bearer token](Sandbox::access_token) are accepted as well, and paths may name a
//! [subaccount](Sandbox::subaccount_sid). The example `sandbox` of this crate prints all of these, for programs in
//! other languages.
//!
//! # What it refuses
//!
//! The codes are the service's. It documents no status for most of them; those have 400 here.
//!
//! | request | status | code |
//! |---|---|---|
//! | wrong credentials, or none | 401 | 20003 |
//! | another path; an account, call or session that it does not know | 404 | 20404 |
//! | a method other than POST | 405 | 20004 |
//! | a content type other than that of a form | 415 | 20415 |
//! | a call that has ended | 400 | 21220 |
//! | a missing, repeated or invalid parameter, which the message names | 400 | 64020 |
//! | an amount that is negative, too large, or has more decimals than its currency | 400 | 64003 |
//! | a payment connector that it does not know | 400 | 64004 |
//! | a token from a connector that makes none | 400 | 64005 |
//! | a type of token that the connector does not make | 400 | 64006 |
//! | a charge by a connector that makes none | 400 | 64007 |
//! | a currency that the connector does not accept | 400 | 64011 |
//! | a payment method that the connector does not accept | 400 | 64013 |
//! | `ach-debit` without the `AVSName` in `Parameter` that the connector needs | 400 | 64014 |
//! | `ach-debit` without `Parameter`, or without another value that the connector needs | 400 | 64015 |
//! | a `BankAccountType` for a card | 400 | 64017 |
//! | neither or both of `Capture` and `Status` | 400 | 64018 |
//! | a completion while something is still required; the session goes on | 400 | 64019 |
//! | a second session while one is open on the call | 400 | 64021 |
//! | an update of a session that is over; an idempotency key that was used for another request | 400 | 20409 |
//! | a request that [`Fault::TooManyRequests`] hits | 429 | 20429 |
//! | a request that [`Fault::ServerError`] or [`Fault::ServerErrorAfter`] hits | 500 | 20500 |
//!
//! What the service's published document leaves open is accepted: a query in the URL, and parameters that it does
//! not know. They are ignored, so a misspelt one has no effect:
//! [`ignored_parameters`](Sandbox::ignored_parameters) lists them.
//!
//! # Idempotency keys
//!
//! Nobody has documented what the service does with a key that was used before, so a program must be right in both
//! worlds. Test it in both: see [`IdempotencyKeys`].
//!
//! By default a request with a used key gets the stored response again, status and body, and has no second effect,
//! even if both arrive at the same time. *The same request* means the same path and the same fields with the same
//! values; their order does not matter. Another request with the same key is refused. Only successes are stored: a
//! refused request may be corrected and sent again under its key. Each account has its own keys.
//!
//! # Test that your program survives a lost response
//!
//! [`faults`](Sandbox::faults) makes things go wrong: once, as a list, aimed at an operation, or by chance with a
//! seed. Here the service carries the request out and the response gets lost; the client asks again with the same
//! key, and nothing happens twice.
//!
//! ```
//! use twilio_payments::CreatePaymentsParams;
//! use twilio_payments::sandbox::{Fault, Sandbox};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start()?;
//! let call = sandbox.call();
//! sandbox.faults().once(Fault::DropAfter);
//!
//! let params = CreatePaymentsParams::new("https://example.com/status");
//! let session = sandbox.client().create_payments(call.sid(), &params)?;
//!
//! assert_eq!(sandbox.request_count(), 2); // asked twice
//! assert_eq!(sandbox.sessions().len(), 1); // done once
//! assert_eq!(sandbox.sessions()[0].sid, session.sid);
//! # Ok(())
//! # }
//! ```
//!
//! # The caller
//!
//! The keypad of a [`call`](Sandbox::call) is yours: [`press`](Call::press) its keys when the caller is
//! [asked](Call::asking). An [obliging](Call::obliging) caller answers by themselves. What is typed is checked as the
//! service does: check digits, brands, expiry, the length of the security code and of the postal code, routing
//! numbers, second typings, and the time between two keys, for which a test need not wait: see
//! [`advance_clock`](Sandbox::advance_clock).
//!
//! What happens is POSTed to the session's `StatusCallback`, signed with the account's auth token and in order, but
//! only to http URLs on loopback. It is delivered as the service does: a failed delivery is repeated once, if there
//! was no connection, unless the URL's fragment asks for more. [`callbacks`](Sandbox::callbacks) has the record of it.
//! Words that this API does not document, such as `cancelled`, are off: see
//! [`undocumented_words`](SandboxBuilder::undocumented_words).
//!
//! # The payment connector
//!
//! Completing a session makes one [transaction](Sandbox::transactions), unless the connector declines: [`numbers`] has
//! test numbers, those that it declines among them. What it supports can be set, and it can be made to fail: see
//! [`PaymentConnector`].
//!
//! # What is kept
//!
//! Calls and transactions are kept as long as the sandbox runs. Of the sessions that have ended, the last 5000 are
//! kept with their callbacks and idempotency keys: see [`kept_sessions`](SandboxBuilder::kept_sessions).

mod builder;
mod call;
mod clock;
mod connector;
mod delivery;
mod failed_operation;
mod faults;
mod fields;
mod idempotency;
mod mint;
pub mod numbers;
mod parameters;
mod refusals;
mod service;
mod session;
mod store;
mod transaction;
mod views;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

pub use builder::SandboxBuilder;
pub use call::Call;
pub use connector::PaymentConnector;
pub use delivery::{Delivery, RecordedCallback};
pub use failed_operation::FailedOperation;
pub use faults::{Fault, FaultTarget, Faults, RandomFaults};
pub use idempotency::IdempotencyKeys;
pub use session::Asking;
pub use transaction::Transaction;
pub use views::Session;

use crate::client::{Credentials, PaymentsApi, PaymentsApiBuilder};
use crate::error::Error;
use crate::model::sid;
use crate::server::Server;
use service::Service;

/// A running sandbox; see the [module's documentation](self).
///
/// All methods may be called from any thread. Dropping it closes all connections and ends its threads.
#[must_use = "the sandbox ends when it is dropped"]
pub struct Sandbox {
    _server: Server,
    /// Lets the caller's waits end.
    clock: Option<JoinHandle<()>>,
    service: Arc<Service>,
    credentials: Credentials,
    base_url: String,
    client: PaymentsApi,
}

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1, with an account of its own.
    ///
    /// # Errors
    /// Returns an error if the system has no port or thread left.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Configures a sandbox.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// The URL that it is served at, such as `http://127.0.0.1:54321`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The SID of the account (`AC…`).
    #[must_use]
    pub fn account_sid(&self) -> &str {
        &self.service.accounts.account_sid
    }

    /// The account's auth token.
    #[must_use]
    pub fn auth_token(&self) -> &str {
        &self.service.accounts.auth_token
    }

    /// The SID of an API key of the account (`SK…`).
    #[must_use]
    pub fn api_key_sid(&self) -> &str {
        &self.service.accounts.api_key_sid
    }

    /// The API key's secret.
    #[must_use]
    pub fn api_key_secret(&self) -> &str {
        &self.service.accounts.api_key_secret
    }

    /// A bearer token that acts for the account.
    #[must_use]
    pub fn access_token(&self) -> &str {
        &self.service.accounts.access_token
    }

    /// The SID of a subaccount (`AC…`), which the account's credentials may name in the path.
    #[must_use]
    pub fn subaccount_sid(&self) -> &str {
        &self.service.accounts.subaccount_sid
    }

    /// Makes a live call of the account, with a caller whose keypad you work: see [`Call::press`] and
    /// [`Call::obliging`].
    pub fn call(&self) -> Call {
        self.add_call(self.account_sid(), mint::sid("CA"), None)
    }

    /// Makes a live call of the subaccount.
    pub fn subaccount_call(&self) -> Call {
        self.add_call(self.subaccount_sid(), mint::sid("CA"), None)
    }

    /// Makes a live call of the account with a SID of your own (`CA…`), so that a program in another process can
    /// know it beforehand. If there is a call with that SID already, this is that call.
    ///
    /// # Errors
    /// Returns an error if the SID is not `CA` and 32 hex digits.
    pub fn call_with_sid(&self, call_sid: &str) -> Result<Call, Error> {
        sid::check("call_sid", "CA", call_sid)?;
        Ok(self.add_call(self.account_sid(), call_sid.to_owned(), None))
    }

    /// Makes a live call of the account that is a leg of another. The service's responses and callbacks name that
    /// other call then, not this one.
    pub fn leg_of(&self, parent: &Call) -> Call {
        self.add_call(self.account_sid(), mint::sid("CA"), Some(parent.sid()))
    }

    fn add_call(&self, account_sid: &str, sid: String, parent: Option<&str>) -> Call {
        self.service.store.add_call(account_sid, &sid, parent);
        Call { sid, service: Arc::clone(&self.service) }
    }

    /// A new client of this sandbox, with the account's auth token and every default.
    #[must_use]
    pub fn client(&self) -> PaymentsApi {
        // Building one has worked when the sandbox was started.
        self.client_builder().build().unwrap_or_else(|_| self.client.clone())
    }

    /// Configures a client of this sandbox: credentials and base URL are set, the environment's proxy is not used.
    ///
    /// ```
    /// use twilio_payments::RetryPolicy;
    /// use twilio_payments::sandbox::Sandbox;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sandbox = Sandbox::start()?;
    /// let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn client_builder(&self) -> PaymentsApiBuilder {
        PaymentsApi::builder(self.credentials.clone()).base_url(&self.base_url).no_proxy()
    }

    /// A session as it is now; `None` if there is no such session.
    #[must_use]
    pub fn session(&self, sid: &str) -> Option<Session> {
        self.service.store.memory().sessions.get(sid).map(|session| session.view.clone())
    }

    /// All sessions as they are now, in the order of their creation.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.service.store.sessions()
    }

    /// What the payment connector did, in order.
    #[must_use]
    pub fn transactions(&self) -> Vec<Transaction> {
        self.service.store.memory().transactions.clone()
    }

    /// How many transactions there are, without copying them.
    #[must_use]
    pub fn transaction_count(&self) -> usize {
        self.service.store.memory().transactions.len()
    }

    /// The status callbacks of a session so far, in order, and what became of each.
    ///
    /// They are POSTed to the session's `StatusCallback` if that is an http URL on loopback, signed with the
    /// account's auth token. Those of any other URL are recorded only: the sandbox connects to nothing but this
    /// machine.
    ///
    /// They go out as the service sends them: each callback once, and once more if no connection was made; a
    /// response of 5xx is not repeated. The fragment of the URL can ask for more, as
    /// [`CallbackRetries`](crate::CallbackRetries) writes it. All attempts have the same
    /// `I-Twilio-Idempotency-Token`. A receiver that is slow to respond holds up its own session only, as long as no
    /// more than 31 others are slow too. Of a session, the latest 1,000 callbacks are kept.
    #[must_use]
    pub fn callbacks(&self, session_sid: &str) -> Vec<RecordedCallback> {
        self.service.store.sender.callbacks(session_sid)
    }

    /// The status callbacks of all sessions that are new since the last time, in the order in which they were
    /// made, waiting for `time` at the most until there is one. `seen` starts at 0 and is moved on.
    #[must_use]
    pub fn next_callbacks(&self, seen: &mut u64, time: Duration) -> Vec<RecordedCallback> {
        let (callbacks, made) = self.service.store.sender.wait_for_callbacks(*seen, time);
        *seen = made;
        callbacks
    }

    /// Waits until no callback is pending, for `time` at the most, and returns whether none is.
    #[must_use]
    pub fn wait_for_delivery(&self, time: Duration) -> bool {
        self.service.store.sender.wait_until_idle(time)
    }

    /// Sets the sandbox's clock forward, so that a test need not wait for a caller's time to run out. Dates are
    /// later after that, too.
    pub fn advance_clock(&self, by: Duration) {
        self.service.store.advance(by);
    }

    /// How many requests came, whatever became of them: refused ones, repeated ones and those that a fault
    /// hit are counted. What was not a complete HTTP request is not counted. Refusals and faults are also logged,
    /// at level info with the target `twilio_payments::sandbox`.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.service.requests.load(Ordering::Relaxed)
    }

    /// Sets what a payment connector supports and does from now on. A new sandbox has one that supports everything,
    /// `Default`.
    pub fn set_connector(&self, name: impl Into<String>, connector: PaymentConnector) {
        self.service.store.memory().connectors.insert(name.into(), connector);
    }

    /// The names of parameters that the service does not know, in the order in which they first came, each once.
    /// It ignores them, so a misspelt one has no effect: a test should find none here. The first 1000 are kept.
    #[must_use]
    pub fn ignored_parameters(&self) -> Vec<String> {
        self.service.store.memory().ignored.clone()
    }

    /// Makes things go wrong; see [`Fault`] for what can.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twilio_payments::sandbox::{Fault, RandomFaults, Sandbox};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let sandbox = Sandbox::start()?;
    /// let faults = sandbox.faults();
    /// faults.once(Fault::DropAfter);
    /// faults.list([Fault::Unavailable, Fault::TooManyRequests { retry_after: Duration::from_secs(1) }]);
    /// faults.at_random(RandomFaults::new(42, 0.3));
    /// faults.clear();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.service.faults.clone()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.service.store.stop();
        if let Some(clock) = self.clock.take() {
            let _ = clock.join();
        }
    }
}

impl fmt::Debug for Sandbox {
    /// Shows the URL and the account, and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("base_url", &self.base_url)
            .field("account_sid", &self.account_sid())
            .finish_non_exhaustive()
    }
}
