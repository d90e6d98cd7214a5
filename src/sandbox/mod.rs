//! The service on loopback, for your own tests. It needs no account, phone or network.
//!
//! The real API can only be used on a live phone call with a payment connector. The sandbox has both.
//! [`Sandbox::start`] serves the two operations on a free port of 127.0.0.1, in its own threads, until it is dropped.
//! It checks credentials, paths and parameters like the service, responds with the same JSON, keeps sessions, and
//! counts what was charged.
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
//! # Using it with your program
//!
//! Configure your program with [`base_url`](Sandbox::base_url), [`account_sid`](Sandbox::account_sid),
//! [`auth_token`](Sandbox::auth_token) and the SID of a [`call`](Sandbox::call). If the program runs in another
//! process, you can [choose the SID](Sandbox::call_with_sid). An [API key](Sandbox::api_key_sid) and a [bearer
//! token](Sandbox::access_token) are accepted too, and paths may name a [subaccount](Sandbox::subaccount_sid). The
//! example `sandbox` prints most of these, for programs in other languages.
//!
//! # What it refuses
//!
//! The codes are those that the service documents, except 20004, 20415 and 20500, which follow its pattern. It does not
//! document the status of most codes, which have 400 here.
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
//! A query in the URL and unknown parameters are ignored, as by the service. A misspelled parameter has no effect:
//! [`ignored_parameters`](Sandbox::ignored_parameters) lists them.
//!
//! # Idempotency keys
//!
//! It is not documented how the service treats a key that was used before, so a program must be right whether the
//! service replays the response or ignores the key. Test both: see [`IdempotencyKeys`].
//!
//! By default, if a request is repeated with the same key, it gets the stored status and body again and has no second
//! effect, even if both requests arrive at the same time. A repeated request has the same path, and the same fields
//! with the same values in any order. Any other request with the same key is refused. Only successes are stored, so a
//! refused request may be corrected and sent again with its key. Each account has its own keys.
//!
//! # Testing lost responses
//!
//! [`faults`](Sandbox::faults) makes requests fail: once, as a list, aimed at an operation, or at random with a seed.
//! In this example, the service carries out the request, but the response is lost. The client repeats the request with
//! the same key, and nothing happens twice.
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
//! You play the caller of a [`call`](Sandbox::call): [`press`](Call::press) keys when the caller is
//! [asked](Call::asking) for something. An [obliging](Call::obliging) caller answers by themselves. Entries are checked
//! as by the service: check digits, brands, expiration dates, the length of security codes and postal codes, routing
//! numbers, second entries, and the time between two keys. A test need not wait for that time: see
//! [`advance_clock`](Sandbox::advance_clock).
//!
//! The sandbox POSTs callbacks to the session's `StatusCallback`, in order and signed with the account's auth token,
//! but only to http URLs on loopback. They are delivered as by the service: if no connection was made, a delivery is
//! repeated once, unless the fragment of the URL asks for more. [`callbacks`](Sandbox::callbacks) returns a record of
//! them. Values that are not documented for this API, such as `cancelled`, are off by default: see
//! [`undocumented_words`](SandboxBuilder::undocumented_words).
//!
//! # The payment connector
//!
//! Completing a session makes one [transaction](Sandbox::transactions), unless the connector declines. [`numbers`] has
//! test numbers, including some that are declined. You can set what the connector supports, and make it fail: see
//! [`PaymentConnector`].
//!
//! # What is kept
//!
//! Calls and transactions are kept as long as the sandbox runs. The last 5000 sessions that have ended are kept with
//! their callbacks and idempotency keys: see [`kept_sessions`](SandboxBuilder::kept_sessions).

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
mod views;

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
pub use views::{Session, Transaction};

use crate::client::{Credentials, PaymentsApi, PaymentsApiBuilder};
use crate::error::Error;
use crate::model::sid;
use crate::server::Server;
use service::Service;

/// A running sandbox. See the [module documentation](self).
///
/// All methods may be called from any thread. Dropping it closes all connections and ends its threads.
#[must_use = "the sandbox ends when it is dropped"]
pub struct Sandbox {
    _server: Server,
    /// Ends the caller's waits when their time has come.
    clock: Option<JoinHandle<()>>,
    service: Arc<Service>,
    credentials: Credentials,
    base_url: String,
    client: PaymentsApi,
}

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1, with a new account.
    ///
    /// # Errors
    /// Returns an error if the system has no free port or cannot start a thread.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Returns a builder for a sandbox with other settings.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Returns the base URL, such as `http://127.0.0.1:54321`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the SID of the account (`AC…`).
    pub fn account_sid(&self) -> &str {
        &self.service.accounts.account_sid
    }

    /// Returns the account's auth token.
    pub fn auth_token(&self) -> &str {
        &self.service.accounts.auth_token
    }

    /// Returns the SID of an API key of the account (`SK…`).
    pub fn api_key_sid(&self) -> &str {
        &self.service.accounts.api_key_sid
    }

    /// Returns the API key's secret.
    pub fn api_key_secret(&self) -> &str {
        &self.service.accounts.api_key_secret
    }

    /// Returns a bearer token that acts for the account.
    pub fn access_token(&self) -> &str {
        &self.service.accounts.access_token
    }

    /// Returns the SID of a subaccount (`AC…`), which requests with the account's credentials may name in the path.
    pub fn subaccount_sid(&self) -> &str {
        &self.service.accounts.subaccount_sid
    }

    /// Makes a live call of the account, with a caller that you play: see [`Call::press`] and [`Call::obliging`].
    pub fn call(&self) -> Call {
        self.add_call(self.account_sid(), mint::sid("CA"), None)
    }

    /// Makes a live call of the subaccount.
    pub fn subaccount_call(&self) -> Call {
        self.add_call(self.subaccount_sid(), mint::sid("CA"), None)
    }

    /// Makes a live call of the account with this SID (`CA…`), so that a program in another process can know it in
    /// advance. If there already is a call with this SID, returns that call.
    ///
    /// # Errors
    /// Returns an error if the SID is not `CA` and 32 hex digits.
    pub fn call_with_sid(&self, call_sid: &str) -> Result<Call, Error> {
        sid::check("call_sid", "CA", call_sid)?;
        Ok(self.add_call(self.account_sid(), call_sid.to_owned(), None))
    }

    /// Makes a live call of the account that is a leg of another call. Responses and callbacks then name that other
    /// call instead of this one.
    pub fn leg_of(&self, parent: &Call) -> Call {
        self.add_call(self.account_sid(), mint::sid("CA"), Some(parent.sid()))
    }

    fn add_call(&self, account_sid: &str, sid: String, parent: Option<&str>) -> Call {
        self.service.store.add_call(account_sid, &sid, parent);
        Call { sid, service: Arc::clone(&self.service) }
    }

    /// Makes a client of this sandbox, with the account's auth token and default settings.
    pub fn client(&self) -> PaymentsApi {
        // Building one worked when the sandbox was started.
        self.client_builder().build().unwrap_or_else(|_| self.client.clone())
    }

    /// Returns a builder for a client of this sandbox. Credentials and base URL are set, and no proxy is used.
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

    /// Returns a session as it is now, or `None` if the sandbox does not know its SID.
    pub fn session(&self, sid: &str) -> Option<Session> {
        lock!(self.service.store.memory).sessions.get(sid).map(|session| session.view.clone())
    }

    /// Returns all sessions as they are now, in the order of their creation.
    pub fn sessions(&self) -> Vec<Session> {
        let memory = lock!(self.service.store.memory);
        let sessions = memory.order.iter().filter_map(|sid| memory.sessions.get(sid));
        sessions.map(|session| session.view.clone()).collect()
    }

    /// Returns what the payment connector charged and tokenized, in order.
    pub fn transactions(&self) -> Vec<Transaction> {
        lock!(self.service.store.memory).transactions.clone()
    }

    /// Returns how many transactions there are. This does not copy them.
    pub fn transaction_count(&self) -> usize {
        lock!(self.service.store.memory).transactions.len()
    }

    /// Returns the status callbacks of a session so far, in order, and the state of their delivery.
    ///
    /// They are POSTed to the session's `StatusCallback` if it is an http URL on loopback, signed with the account's
    /// auth token. Callbacks for any other URL are only recorded, because the sandbox only connects to this machine.
    ///
    /// They are sent as by the service: once, and once more if no connection was made. A callback that gets a 5xx
    /// response is not repeated. The fragment of the URL can ask for more: see
    /// [`CallbackRetries`](crate::CallbackRetries). All attempts have the same `I-Twilio-Idempotency-Token`. A slow
    /// receiver only delays its own session, unless more than 31 others are slow too. The latest 1,000 callbacks of a
    /// session are kept.
    pub fn callbacks(&self, session_sid: &str) -> Vec<RecordedCallback> {
        self.service.store.sender.callbacks(session_sid)
    }

    /// Returns the status callbacks of all sessions that were made since the last call, in order. Waits for up to
    /// `time` until there is one. `seen` must be 0 at first, and is updated by each call.
    #[must_use]
    pub fn next_callbacks(&self, seen: &mut u64, time: Duration) -> Vec<RecordedCallback> {
        let (callbacks, made) = self.service.store.sender.wait_for_callbacks(*seen, time);
        *seen = made;
        callbacks
    }

    /// Waits for up to `time` until no callback is pending, and returns whether that is so.
    #[must_use]
    pub fn wait_for_delivery(&self, time: Duration) -> bool {
        self.service.store.sender.wait_until_idle(time)
    }

    /// Sets the sandbox's clock forward, so that a test need not wait for a caller's timeout. This also affects dates.
    pub fn advance_clock(&self, by: Duration) {
        lock!(self.service.store.memory).clock.advance(by);
        self.service.store.due.notify_all();
    }

    /// Returns how many requests arrived, including refused ones, repeated ones and those that a fault hit. Incomplete
    /// HTTP requests are not counted. Refusals and faults are also logged, at level info with the target
    /// `twilio_payments::sandbox`.
    pub fn request_count(&self) -> usize {
        self.service.requests.load(Ordering::Relaxed)
    }

    /// Sets what the payment connector of this name supports and does from now on. A new sandbox has a connector
    /// `Default` that supports everything.
    pub fn set_connector(&self, name: impl Into<String>, connector: PaymentConnector) {
        lock!(self.service.store.memory).connectors.insert(name.into(), connector);
    }

    /// Returns the names of unknown parameters that were sent, each once, in the order of their first occurrence.
    /// They are ignored, so a misspelled one has no effect: a test should check that there are none. The first 1000
    /// are kept.
    pub fn ignored_parameters(&self) -> Vec<String> {
        lock!(self.service.store.memory).ignored.clone()
    }

    /// Returns a handle to make requests fail. See [`Fault`] for the ways in which they can.
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

// Shows the URL and the account, and no secret.
debug_shows!(Sandbox, |sandbox| base_url: sandbox.base_url, account_sid: sandbox.account_sid());
