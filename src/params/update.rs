//! What an update sends.

use std::fmt;

use super::check;
use crate::error::Error;
use crate::model::{Capture, PaymentsStatus};
use crate::params::form::Form;
use crate::text::random::Uuid;
use crate::text::url_without_secrets;

/// What [`update_payments`](crate::PaymentsApi::update_payments) sends: the next step of a session.
///
/// One value is one step, as one [`CreatePaymentsParams`](crate::CreatePaymentsParams) is one session. The constructors make the steps
/// that make sense; the public fields allow any other.
///
/// ```
/// use twilio_payments::{Capture, UpdatePaymentsParams};
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let url = "https://example.com/pay/status";
/// let ask = UpdatePaymentsParams::new_capture(url, Capture::ExpirationDate).idempotency_key("k1");
/// assert_eq!(
///     ask.to_form()?,
///     "IdempotencyKey=k1&StatusCallback=https%3A%2F%2Fexample.com%2Fpay%2Fstatus&Capture=expiration-date"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatePaymentsParams {
    /// The account in the path (the document's `PathAccountSid`): `AC` and 32 hex digits. Default: the
    /// client's own.
    pub account_sid: Option<String>,
    /// `IdempotencyKey`: any text but the empty one; the service carries out a key at most once. Made new
    /// by every constructor.
    pub idempotency_key: String,
    /// `StatusCallback`: the http or https URL, or the relative reference, that the service POSTs the
    /// progress of this step to.
    pub status_callback: String,
    /// `Capture`: the piece of information that the caller is asked for.
    pub capture: Option<Capture>,
    /// `Status`: ends the session.
    pub status: Option<PaymentsStatus>,
}

impl UpdatePaymentsParams {
    /// A new step with a new idempotency key that neither captures nor ends: set one of the fields. The
    /// other constructors do.
    #[must_use]
    pub fn new(status_callback: impl Into<String>) -> Self {
        Self {
            account_sid: None,
            idempotency_key: Uuid::random().to_string(),
            status_callback: status_callback.into(),
            capture: None,
            status: None,
        }
    }

    /// A step that asks the caller for a piece of information (`Capture`).
    #[must_use]
    pub fn new_capture(status_callback: impl Into<String>, capture: impl Into<Capture>) -> Self {
        Self { capture: Some(capture.into()), ..Self::new(status_callback) }
    }

    /// The step that submits what was collected (`Status=complete`).
    #[must_use]
    pub fn new_complete(status_callback: impl Into<String>) -> Self {
        Self { status: Some(PaymentsStatus::Complete), ..Self::new(status_callback) }
    }

    /// The step that drops what was collected (`Status=cancel`).
    #[must_use]
    pub fn new_cancel(status_callback: impl Into<String>) -> Self {
        Self { status: Some(PaymentsStatus::Cancel), ..Self::new(status_callback) }
    }

    /// Sets [`account_sid`](#structfield.account_sid), the document's `PathAccountSid`.
    #[must_use]
    pub fn account_sid(mut self, account_sid: impl Into<String>) -> Self {
        self.account_sid = Some(account_sid.into());
        self
    }

    /// Sets [`status_callback`](#structfield.status_callback).
    #[must_use]
    pub fn status_callback(mut self, status_callback: impl Into<String>) -> Self {
        self.status_callback = status_callback.into();
        self
    }

    /// Sets [`capture`](#structfield.capture).
    #[must_use]
    pub fn capture(mut self, capture: impl Into<Capture>) -> Self {
        self.capture = Some(capture.into());
        self
    }

    /// Sets [`status`](#structfield.status).
    #[must_use]
    pub fn status(mut self, status: impl Into<PaymentsStatus>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Replaces the [`idempotency_key`](#structfield.idempotency_key) by one of your own.
    #[must_use]
    pub fn idempotency_key(mut self, idempotency_key: impl Into<String>) -> Self {
        self.idempotency_key = idempotency_key.into();
        self
    }

    /// The form body that is sent, to the byte. The client calls this itself.
    ///
    /// # Errors
    /// Where the `IdempotencyKey` is empty, or the `StatusCallback` is empty, or neither an http(s) URL
    /// nor a relative reference. Any pair of `Capture` and `Status` goes through: the service judges it.
    pub fn to_form(&self) -> Result<String, Error> {
        check::common(&self.idempotency_key, &self.status_callback)
            .map_err(|error| error.before_sending(&self.idempotency_key))?;
        let mut form = Form::new();
        form.text("IdempotencyKey", Some(&self.idempotency_key));
        form.text("StatusCallback", Some(&self.status_callback));
        form.text("Capture", self.capture.as_ref().map(Capture::as_str));
        form.text("Status", self.status.as_ref().map(PaymentsStatus::as_str));
        Ok(form.finish())
    }
}

impl fmt::Debug for UpdatePaymentsParams {
    /// Leaves out the URL's user and query, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdatePaymentsParams")
            .field("account_sid", &self.account_sid)
            .field("idempotency_key", &self.idempotency_key)
            .field("status_callback", &url_without_secrets(&self.status_callback))
            .field("capture", &self.capture)
            .field("status", &self.status)
            .finish()
    }
}
