//! The client's two operations.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::client::PaymentsApiBuilder;
use crate::client::attempts::Engine;
use crate::client::credentials::Credentials;
use crate::client::operation::Operation;
use crate::error::Error;
use crate::model::{Payments, PaymentsResponse};
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};

/// A client of the Payments API.
///
/// It is cheap to clone, and all clones share the same connections. Any number of threads may call it at the same
/// time, through one value or through clones.
///
/// ```
/// # #[cfg(feature = "sandbox")] {
/// use twilio_payments::{Capture, CreatePaymentsParams, UpdatePaymentsParams};
/// # use twilio_payments::sandbox::Sandbox;
///
/// # let sandbox = Sandbox::start()?;
/// # let (api, call) = (sandbox.client(), sandbox.call().obliging());
/// # let call_sid = call.sid();
/// let url = "https://example.com/pay/status";
/// let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
/// let session = api.create_payments(call_sid, &start)?;
///
/// let ask = UpdatePaymentsParams::new_capture(url, Capture::PaymentCardNumber);
/// api.update_payments(call_sid, &session.sid, &ask)?;
/// // …the other captures, each when the callbacks report that the one before is in…
/// # for capture in [Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode] {
/// #     api.update_payments(call_sid, &session.sid, &UpdatePaymentsParams::new_capture(url, capture))?;
/// # }
///
/// // Kept in a variable: if the outcome is unknown, the same value is sent again, with the same key.
/// let complete = UpdatePaymentsParams::new_complete(url);
/// api.update_payments(call_sid, &session.sid, &complete)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PaymentsApi {
    account_sid: Arc<str>,
    /// `AssertUnwindSafe`, since the HTTP library does not promise it: after a panic, a connection that was in use
    /// is closed rather than kept, and every lock is taken whether it is poisoned or not.
    engine: Arc<AssertUnwindSafe<Engine>>,
    timeout: Duration,
}

impl PaymentsApi {
    /// A client with the account's SID and auth token, and every default.
    ///
    /// # Errors
    /// Returns an error if the SID is not `AC` and 32 hex digits, if the token is empty or has a control
    /// character, or if the environment names a proxy that cannot be used.
    pub fn new(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(Credentials::auth_token(account_sid, auth_token)?).build()
    }

    /// A client that is configured by the environment: [`PaymentsApiBuilder::from_env`], and every other default.
    ///
    /// # Errors
    /// Returns an error if a variable is missing or its value is not usable, naming the variable.
    pub fn from_env() -> Result<Self, Error> {
        PaymentsApiBuilder::from_env()?.build()
    }

    /// Configures a client with these credentials. Region and edge are those of the credentials, if they know
    /// them: see [`Credentials::from_env`].
    pub fn builder(credentials: Credentials) -> PaymentsApiBuilder {
        PaymentsApiBuilder::new(credentials)
    }

    pub(crate) fn from_parts(account_sid: &str, engine: Engine, timeout: Duration) -> Self {
        Self { account_sid: account_sid.into(), engine: Arc::new(AssertUnwindSafe(engine)), timeout }
    }

    /// Starts a payments session on a live call (`CreatePayments`).
    ///
    /// `call_sid` is the call whose caller will type: `CA` and 32 hex digits. Of a call with two legs it is the
    /// leg on which the caller's keypad is heard, which is the caller's own. The response and the callbacks may
    /// name the parent leg instead.
    ///
    /// Every attempt, and every further call with the same `params`, sends the same idempotency key.
    ///
    /// # Errors
    /// Returns an error if a SID or a parameter is refused before it is sent, no connection can be opened or it is
    /// lost, the deadline passes, the API refuses, or the response is not a payment.
    /// [`Error::outcome`] reports whether the session may have been started nevertheless.
    pub fn create_payments(&self, call_sid: &str, params: &CreatePaymentsParams) -> Result<Payments, Error> {
        self.create_payments_with_metadata(call_sid, params).map(|response| response.payments)
    }

    /// [`create_payments`](Self::create_payments), with status, headers, request id and attempts.
    ///
    /// # Errors
    /// As [`create_payments`](Self::create_payments).
    pub fn create_payments_with_metadata(
        &self,
        call_sid: &str,
        params: &CreatePaymentsParams,
    ) -> Result<PaymentsResponse, Error> {
        let account_sid = params.account_sid.as_deref().unwrap_or(&self.account_sid);
        let operation = Operation { name: "CreatePayments", account_sid, call_sid, payments_sid: None };
        self.run(&operation, &params.idempotency_key, || params.to_form())
    }

    /// Takes a session one step on (`UpdatePayments`): asks the caller for a capture, or completes or cancels the
    /// session.
    ///
    /// `call_sid` is the call that the session was started on, and `sid` is the session's own: `PK` and 32 hex
    /// digits.
    ///
    /// Every attempt, and every further call with the same `params`, sends the same idempotency key.
    ///
    /// # Errors
    /// As [`create_payments`](Self::create_payments).
    pub fn update_payments(
        &self,
        call_sid: &str,
        sid: &str,
        params: &UpdatePaymentsParams,
    ) -> Result<Payments, Error> {
        self.update_payments_with_metadata(call_sid, sid, params).map(|response| response.payments)
    }

    /// [`update_payments`](Self::update_payments), with status, headers, request id and attempts.
    ///
    /// # Errors
    /// As [`create_payments`](Self::create_payments).
    pub fn update_payments_with_metadata(
        &self,
        call_sid: &str,
        sid: &str,
        params: &UpdatePaymentsParams,
    ) -> Result<PaymentsResponse, Error> {
        let account_sid = params.account_sid.as_deref().unwrap_or(&self.account_sid);
        let operation = Operation { name: "UpdatePayments", account_sid, call_sid, payments_sid: Some(sid) };
        self.run(&operation, &params.idempotency_key, || params.to_form())
    }

    /// Returns a clone whose calls may take another time in all. Connections stay shared.
    ///
    /// With a time of zero, as what is left of a deadline may be, every call fails with a timeout, and nothing is
    /// sent.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// A clone whose calls take no longer than `timeout`, and no longer than this one's.
    #[cfg(feature = "listener")]
    pub(crate) fn with_timeout_at_most(&self, timeout: Duration) -> Self {
        self.with_timeout(timeout.min(self.timeout))
    }

    /// Opens a connection ahead of the next call, unless one is idle, and keeps it for that call.
    ///
    /// The first call of a payment takes three round trips to the service: one for TCP, one for TLS, one for
    /// the request. Called while the agent is still talking, this leaves one. It is never necessary; if it
    /// fails, the next call tries by itself.
    ///
    /// It looks the name up, connects, and agrees on TLS, once and within `timeout`. The builder's
    /// [`connect_timeout`](PaymentsApiBuilder::connect_timeout) does not shorten that.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use twilio_payments::PaymentsApi;
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// let api = PaymentsApi::from_env()?;
    /// if let Err(error) = api.connect(Duration::from_secs(5)) {
    ///     eprintln!("no connection yet: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if `timeout` is zero, no connection can be opened in time, the other side is not to be
    /// trusted, or the client is shut down. The outcome is always [`NotSent`](crate::Outcome::NotSent).
    pub fn connect(&self, timeout: Duration) -> Result<(), Error> {
        if timeout.is_zero() {
            return Err(Error::invalid("timeout", "zero"));
        }
        self.engine.connect(timeout)
    }

    /// Ends the client and all of its clones: calls that block in other threads return at once with an error of
    /// the kind [`Shutdown`](crate::ErrorKind::Shutdown), later ones fail at once, and all connections are closed.
    ///
    /// A request that is under way may still be carried out: the outcome of its error is then
    /// [`Unknown`](crate::Outcome::Unknown). Only a call that waits for its
    /// [source of access tokens](Credentials::bearer_source) returns later, when the source does.
    pub fn shutdown(&self) {
        self.engine.transport.shutdown();
    }

    /// Runs an operation. Its errors get the idempotency key here, and nowhere else.
    fn run(
        &self,
        operation: &Operation<'_>,
        idempotency_key: &str,
        form: impl FnOnce() -> Result<String, Error>,
    ) -> Result<PaymentsResponse, Error> {
        let form = operation.check().and_then(|()| form());
        let result = form.and_then(|form| self.engine.run(operation, &form, self.timeout));
        result.map_err(|error| error.with_idempotency_key(idempotency_key))
    }
}

impl fmt::Debug for PaymentsApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentsApi")
            .field("account_sid", &self.account_sid)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
