//! The parameters of `UpdatePayments`.

use super::check;
use super::field::{self, Field, Stored, text};
use super::form::Form;
use super::key::MadeKey;
use super::operation::{keyed_setters, operation};
use crate::error::Error;
use crate::model::{Capture, PaymentsStatus};

/// The parameters of [`update_payments`](crate::PaymentsApi::update_payments): what to do next with a session.
///
/// One value is one operation. The idempotency key and serde work as for
/// [`CreatePaymentsParams`](crate::CreatePaymentsParams). Above all, keep the value that completes a session: calling
/// again with another value is another operation.
///
/// The constructors make the usual updates, and the public fields allow any other.
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
    /// The account in the path (`PathAccountSid` in the API's documentation): `AC` and 32 hex digits. Default: the
    /// client's own account.
    pub account_sid: Option<String>,
    /// `IdempotencyKey`: any text that is not empty. According to the API's documentation, calls with the same key make
    /// one transaction; how that is enforced, and for how long, is not documented. Every constructor makes a new key.
    pub idempotency_key: String,
    /// `StatusCallback`: the http or https URL, or the relative reference, that the service POSTs the callbacks of
    /// this update to.
    pub status_callback: String,
    /// `Capture`: the information that the caller is asked for.
    pub capture: Option<Capture>,
    /// `Status`: how to end the session.
    pub status: Option<PaymentsStatus>,
    made_key: MadeKey,
}

impl UpdatePaymentsParams {
    /// Makes an update that has neither a `Capture` nor a `Status` yet: set one of them. The other constructors do.
    pub fn new(status_callback: impl Into<String>) -> Self {
        Self::read(MadeKey::new(), status_callback.into(), &mut Stored::default())
    }

    /// Makes an update that asks the caller for one capture (`Capture`).
    pub fn new_capture(status_callback: impl Into<String>, capture: impl Into<Capture>) -> Self {
        Self { capture: Some(capture.into()), ..Self::new(status_callback) }
    }

    /// Makes the update that completes the session (`Status=complete`): it submits what was collected.
    pub fn new_complete(status_callback: impl Into<String>) -> Self {
        Self { status: Some(PaymentsStatus::Complete), ..Self::new(status_callback) }
    }

    /// Makes the update that cancels the session (`Status=cancel`): it discards what was collected.
    pub fn new_cancel(status_callback: impl Into<String>) -> Self {
        Self { status: Some(PaymentsStatus::Cancel), ..Self::new(status_callback) }
    }

    keyed_setters! {
        /// Sets [`capture`](#structfield.capture).
        capture(capture: impl Into<Capture>) = Some(capture.into());
        /// Sets [`status`](#structfield.status).
        status(status: impl Into<PaymentsStatus>) = Some(status.into());
    }

    /// Returns the exact form body that is sent. The client calls this itself.
    ///
    /// # Errors
    /// Returns an error that names the field if the `IdempotencyKey` is empty, or if the `StatusCallback` is empty,
    /// is neither an http(s) URL nor a relative reference, or has a character that is not allowed in a URL. Any
    /// combination of `Capture` and `Status` is accepted: the service checks it.
    pub fn to_form(&self) -> Result<String, Error> {
        check::common(&self.idempotency_key, &self.status_callback)?;
        Form::of(&self.fields())
    }

    /// Returns every field of the form.
    fn fields(&self) -> [(&'static str, Option<Field<'_>>); 4] {
        [
            ("IdempotencyKey", Some(Field::Text(&self.idempotency_key))),
            ("StatusCallback", Some(Field::Url(&self.status_callback))),
            ("Capture", text(self.capture.as_ref())),
            ("Status", text(self.status.as_ref())),
        ]
    }

    /// Takes the fields that are stored, and leaves the others unset.
    fn read(key: (MadeKey, String), status_callback: String, stored: &mut Stored) -> Self {
        let (made_key, idempotency_key) = key;
        let account_sid = stored.take(field::ACCOUNT_SID);
        let (capture, status) = (stored.take("Capture"), stored.take("Status"));
        Self { account_sid, idempotency_key, status_callback, capture, status, made_key }
    }
}

operation!(UpdatePaymentsParams);
