//! `PaymentsApi`: the client and its two operations.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::client::PaymentsApiBuilder;
use crate::client::attempts::Attempts;
use crate::client::credentials::Credentials;
use crate::client::operation::Operation;
use crate::error::Error;
use crate::model::{Payments, PaymentsResponse};
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};

/// A client of the Payments API.
///
/// It is cheap to clone, and all clones share their connections. Any number of threads may use it at the same time,
/// either one value or clones.
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
/// // …the other captures, each when the callbacks report that the previous one is in…
/// # for capture in [Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode] {
/// #     api.update_payments(call_sid, &session.sid, &UpdatePaymentsParams::new_capture(url, capture))?;
/// # }
///
/// // Keep this in a variable: if the outcome is unknown, send the same value again, which has the same key.
/// let complete = UpdatePaymentsParams::new_complete(url);
/// api.update_payments(call_sid, &session.sid, &complete)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PaymentsApi {
    account_sid: Arc<str>,
    /// `AssertUnwindSafe` because the HTTP library does not promise it. After a panic, a connection that was in use is
    /// closed and not kept, and poisoned locks are used like others.
    attempts: Arc<AssertUnwindSafe<Attempts>>,
    timeout: Duration,
}

impl PaymentsApi {
    /// Makes a client with the account's SID and auth token, and defaults for everything else.
    ///
    /// # Errors
    /// Returns an error if the SID is not `AC` and 32 hex digits, if the token is empty, is longer than 4,096 bytes or
    /// has a control character, if the environment names a proxy that cannot be used, or if no TLS feature is on.
    pub fn new(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(Credentials::auth_token(account_sid, auth_token)?).build()
    }

    /// Makes a client with the credentials, region and edge in the environment, and defaults for everything else: see
    /// [`Credentials::from_env`].
    ///
    /// # Errors
    /// Returns an error that names the variable if one is missing or its value cannot be used, an error for `proxy` if
    /// the environment names a proxy that cannot be used, and one for `tls` if no TLS feature is on.
    pub fn from_env() -> Result<Self, Error> {
        PaymentsApiBuilder::from_env()?.build()
    }

    /// Returns a builder for a client with these credentials. It uses the credentials' region and edge if they have
    /// them: see [`Credentials::from_env`].
    pub fn builder(credentials: Credentials) -> PaymentsApiBuilder {
        PaymentsApiBuilder::new(credentials)
    }

    pub(crate) fn from_parts(account_sid: &str, attempts: Attempts, timeout: Duration) -> Self {
        Self { account_sid: account_sid.into(), attempts: Arc::new(AssertUnwindSafe(attempts)), timeout }
    }

    /// Starts a Payments session on a live call (`CreatePayments`).
    ///
    /// `call_sid` is the call whose caller types: `CA` and 32 hex digits. If the call has two legs, pass the caller's
    /// own leg, because digits arrive only from that leg. The response and the callbacks may name the parent leg
    /// instead.
    ///
    /// Every attempt, and every further call with the same `params`, sends the same idempotency key.
    ///
    /// # Errors
    /// Returns an error if a SID or a parameter is invalid, if the source of access tokens fails, if no connection can
    /// be opened or the connection is lost, if the deadline passes, if the client is shut down, if the API refuses the
    /// request, or if the response is not a Payments session. The table
    /// [What a fault looks like](crate#what-a-fault-looks-like) has the details. [`Error::outcome`] reports whether the
    /// session may have been started all the same.
    pub fn create_payments(&self, call_sid: &str, params: &CreatePaymentsParams) -> Result<Payments, Error> {
        self.create_payments_with_metadata(call_sid, params).map(|response| response.payments)
    }

    /// Does the same as [`create_payments`](Self::create_payments), and also returns status, headers, request id and
    /// number of attempts.
    ///
    /// # Errors
    /// Returns the same errors as [`create_payments`](Self::create_payments).
    pub fn create_payments_with_metadata(
        &self,
        call_sid: &str,
        params: &CreatePaymentsParams,
    ) -> Result<PaymentsResponse, Error> {
        let account_sid = params.account_sid.as_deref().unwrap_or(&self.account_sid);
        let operation = Operation { name: "CreatePayments", account_sid, call_sid, payments_sid: None };
        self.run(&operation, &params.idempotency_key, || params.to_form())
    }

    /// Updates a session (`UpdatePayments`): asks the caller for a capture, or completes or cancels the session.
    ///
    /// `call_sid` is the call that the session was started on, and `sid` is the session: `PK` and 32 hex digits.
    ///
    /// Every attempt, and every further call with the same `params`, sends the same idempotency key.
    ///
    /// # Errors
    /// Returns the same errors as [`create_payments`](Self::create_payments).
    pub fn update_payments(
        &self,
        call_sid: &str,
        sid: &str,
        params: &UpdatePaymentsParams,
    ) -> Result<Payments, Error> {
        self.update_payments_with_metadata(call_sid, sid, params).map(|response| response.payments)
    }

    /// Does the same as [`update_payments`](Self::update_payments), and also returns status, headers, request id and
    /// number of attempts.
    ///
    /// # Errors
    /// Returns the same errors as [`create_payments`](Self::create_payments).
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

    /// Returns a clone with another [`timeout`](PaymentsApiBuilder::timeout) for each call. It shares its connections
    /// with this client.
    ///
    /// With a timeout of zero, which may be what is left of a deadline, every call fails with a timeout, and nothing is
    /// sent.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Returns a clone with the shorter of `timeout` and this client's timeout.
    #[cfg(feature = "listener")]
    pub(crate) fn with_timeout_at_most(&self, timeout: Duration) -> Self {
        self.with_timeout(timeout.min(self.timeout))
    }

    /// Opens a connection for the next call, unless one is idle.
    ///
    /// The first call takes three round trips to the service: one each for TCP, TLS and the request. If you call this
    /// beforehand, for example while the agent is still talking, the first call takes only one. This is never
    /// necessary: if there is no connection, the next call opens one itself.
    ///
    /// It looks up the name, connects, and does the TLS handshake, within `timeout` and without retries. The builder's
    /// [`connect_timeout`](PaymentsApiBuilder::connect_timeout) does not apply.
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
    /// Returns an error if `timeout` is zero, if no connection can be opened in time, if the server is not trusted,
    /// or if the client is shut down. The outcome is always [`NotSent`](crate::Outcome::NotSent).
    pub fn connect(&self, timeout: Duration) -> Result<(), Error> {
        if timeout.is_zero() {
            return Err(Error::invalid("timeout", "zero"));
        }
        self.attempts.transport.connect(timeout)
    }

    /// Shuts down the client and all of its clones. Calls that block in other threads return at once with an error of
    /// kind [`Shutdown`](crate::ErrorKind::Shutdown), later calls fail at once, and all connections are closed.
    ///
    /// A request that is under way may still be carried out; the outcome of its error is then
    /// [`Unknown`](crate::Outcome::Unknown). A call that waits for its
    /// [source of access tokens](Credentials::bearer_source) returns only when the source does.
    pub fn shutdown(&self) {
        self.attempts.transport.shutdown();
    }

    /// Runs an operation, and adds the idempotency key to its errors.
    fn run(
        &self,
        operation: &Operation<'_>,
        idempotency_key: &str,
        form: impl FnOnce() -> Result<String, Error>,
    ) -> Result<PaymentsResponse, Error> {
        let form = operation.check().and_then(|()| form());
        let result = form.and_then(|form| self.attempts.run(operation, &form, self.timeout));
        result.map_err(|error| error.with_idempotency_key(idempotency_key))
    }
}

debug_shows!(PaymentsApi, |api| account_sid: api.account_sid, timeout: api.timeout);
