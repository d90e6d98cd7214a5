//! The client: the two operations.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::PaymentsApiBuilder;
use crate::client::attempts::{Caller, Operation};
use crate::client::credentials::Credentials;
use crate::client::retry::RetryPolicy;
use crate::error::Error;
use crate::model::{Payments, PaymentsResponse};
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};
use crate::transport::Transport;

/// A client of the Payments API.
///
/// It is cheap to clone, and every clone shares the same connections. Any number of threads may call at
/// once, through one value or through clones.
///
/// ```
/// use twilio_payments::{Capture, CreatePaymentsParams, UpdatePaymentsParams};
/// # use twilio_payments::sandbox::Sandbox;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = Sandbox::start()?;
/// # let (api, call) = (sandbox.client(), sandbox.call());
/// # let call_sid = call.sid();
/// let url = "https://example.com/pay/status";
/// let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
/// let session = api.create_payments(call_sid, &start)?;
///
/// let ask = UpdatePaymentsParams::new_capture(url, Capture::PaymentCardNumber);
/// api.update_payments(call_sid, &session.sid, &ask)?;
/// // …the other pieces, each when the status callbacks say that the one before is in…
/// api.update_payments(call_sid, &session.sid, &UpdatePaymentsParams::new_complete(url))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PaymentsApi {
    shared: Arc<Shared>,
    timeout: Duration,
}

struct Shared {
    account_sid: String,
    caller: Caller,
}

impl PaymentsApi {
    /// A client with the account's SID and auth token, and every default.
    ///
    /// # Errors
    /// Where the SID is not `AC` and 32 hex digits, the token is empty or holds a control character, or the
    /// environment names a proxy that cannot be used.
    pub fn new(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(Credentials::auth_token(account_sid, auth_token)?).build()
    }

    /// A client with what the environment gives: `TWILIO_ACCOUNT_SID`; then `TWILIO_API_KEY` and
    /// `TWILIO_API_SECRET`, or else `TWILIO_AUTH_TOKEN`; and `TWILIO_REGION` and `TWILIO_EDGE`.
    ///
    /// # Errors
    /// Where a variable is missing, which the error names, or its value is not usable.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder(Credentials::from_env()?).regional_env()?.build()
    }

    /// Configures a client.
    pub fn builder(credentials: Credentials) -> PaymentsApiBuilder {
        PaymentsApiBuilder::new(credentials)
    }

    pub(crate) fn from_parts(
        credentials: &Credentials,
        transport: Transport,
        retry_policy: RetryPolicy,
        timeout: Duration,
    ) -> Self {
        let caller = Caller::new(transport, retry_policy, credentials.redactor());
        let account_sid = credentials.account_sid().to_owned();
        Self { shared: Arc::new(Shared { account_sid, caller }), timeout }
    }

    /// Starts a payments session on a live call (`CreatePayments`).
    ///
    /// `call_sid` is the call whose caller will type: `CA` and 32 hex digits.
    ///
    /// Calling again with the same `params` is the same operation: it starts at most one session.
    ///
    /// # Errors
    /// Where a SID or a parameter is refused before it is sent; where no connection comes about or it is
    /// lost; where the deadline passes; where the API refuses; where it answers with something that is no
    /// payment. [`Error::outcome`] says whether the session may have been started all the same.
    pub fn create_payments(&self, call_sid: &str, params: &CreatePaymentsParams) -> Result<Payments, Error> {
        self.create_payments_with_metadata(call_sid, params).map(|with| with.payments)
    }

    /// [`create_payments`](Self::create_payments), together with status, headers, request id and attempts.
    ///
    /// # Errors
    /// As [`create_payments`](Self::create_payments).
    pub fn create_payments_with_metadata(
        &self,
        call_sid: &str,
        params: &CreatePaymentsParams,
    ) -> Result<PaymentsResponse, Error> {
        self.call(
            &Operation {
                name: "CreatePayments",
                account_sid: self.account_sid(params.account_sid.as_deref()),
                call_sid,
                payments_sid: None,
            },
            &params.idempotency_key,
            || params.to_form(),
        )
    }

    /// Takes a session one step on (`UpdatePayments`): asks the caller for a piece of information, or
    /// completes or cancels.
    ///
    /// `call_sid` is the call that the session was started on, `sid` is the session's: `PK` and 32 hex
    /// digits.
    ///
    /// Calling again with the same `params` is the same operation.
    ///
    /// # Errors
    /// As [`create_payments`](Self::create_payments).
    pub fn update_payments(
        &self,
        call_sid: &str,
        sid: &str,
        params: &UpdatePaymentsParams,
    ) -> Result<Payments, Error> {
        self.update_payments_with_metadata(call_sid, sid, params).map(|with| with.payments)
    }

    /// [`update_payments`](Self::update_payments), together with status, headers, request id and attempts.
    ///
    /// # Errors
    /// As [`create_payments`](Self::create_payments).
    pub fn update_payments_with_metadata(
        &self,
        call_sid: &str,
        sid: &str,
        params: &UpdatePaymentsParams,
    ) -> Result<PaymentsResponse, Error> {
        self.call(
            &Operation {
                name: "UpdatePayments",
                account_sid: self.account_sid(params.account_sid.as_deref()),
                call_sid,
                payments_sid: Some(sid),
            },
            &params.idempotency_key,
            || params.to_form(),
        )
    }

    /// A clone whose calls may take another time in all. Connections stay shared.
    ///
    /// A time of zero lets every call fail with a timeout.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), timeout }
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
        self.shared.caller.connect(timeout)
    }

    /// Ends the client and every clone of it: calls that block in other threads return at once with an
    /// error of the kind [`Shutdown`](crate::ErrorKind::Shutdown), later ones fail at once, and all
    /// connections are closed.
    pub fn shutdown(&self) {
        self.shared.caller.shutdown();
    }

    /// The account in the path: the one that a call names, or the client's.
    fn account_sid<'a>(&'a self, named: Option<&'a str>) -> &'a str {
        named.unwrap_or(&self.shared.account_sid)
    }

    fn call(
        &self,
        operation: &Operation<'_>,
        idempotency_key: &str,
        form: impl FnOnce() -> Result<String, Error>,
    ) -> Result<PaymentsResponse, Error> {
        let form = operation.check().and_then(|()| form()).map_err(|error| {
            let outcome = error.outcome();
            error.after(0, outcome, idempotency_key)
        })?;
        self.shared.caller.call(operation, &form, idempotency_key, self.timeout)
    }
}

impl fmt::Debug for PaymentsApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentsApi")
            .field("account_sid", &self.shared.account_sid)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
