//! What an update sends.

use super::check;
use super::field::{self, Field, Stored, text};
use super::form::Form;
use super::key::MadeKey;
use super::operation::{operation, setters};
use crate::error::Error;
use crate::model::{Capture, PaymentsStatus};

/// What [`update_payments`](crate::PaymentsApi::update_payments) sends: the next step of a session.
///
/// One value is one operation: about its key, and about serde, everything that
/// [`CreatePaymentsParams`](crate::CreatePaymentsParams) says holds here, too. Above all, keep the value that completes
/// a session: calling again with another value is another operation.
///
/// The constructors make the steps that make sense; the public fields allow any other.
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
    /// `IdempotencyKey`: any text but the empty one, by which the service can recognize that two requests are one
    /// operation. Every constructor makes a new one.
    pub idempotency_key: String,
    /// `StatusCallback`: the http or https URL, or the relative reference, that the service POSTs the
    /// progress of this step to.
    pub status_callback: String,
    /// `Capture`: what the caller is asked for.
    pub capture: Option<Capture>,
    /// `Status`: ends the session.
    pub status: Option<PaymentsStatus>,
    made_key: MadeKey,
}

impl UpdatePaymentsParams {
    /// A new step with a new idempotency key that neither captures nor ends: set one of the fields. The
    /// other constructors do.
    pub fn new(status_callback: impl Into<String>) -> Self {
        Self::read(MadeKey::new(), status_callback.into(), &mut Stored::default())
    }

    /// A step that asks the caller for one capture (`Capture`).
    pub fn new_capture(status_callback: impl Into<String>, capture: impl Into<Capture>) -> Self {
        Self { capture: Some(capture.into()), ..Self::new(status_callback) }
    }

    /// The step that submits the collected information (`Status=complete`).
    pub fn new_complete(status_callback: impl Into<String>) -> Self {
        Self { status: Some(PaymentsStatus::Complete), ..Self::new(status_callback) }
    }

    /// The step that discards the collected information (`Status=cancel`).
    pub fn new_cancel(status_callback: impl Into<String>) -> Self {
        Self { status: Some(PaymentsStatus::Cancel), ..Self::new(status_callback) }
    }

    setters! {
        /// Sets [`capture`](#structfield.capture).
        capture(capture: impl Into<Capture>) = Some(capture.into());
        /// Sets [`status`](#structfield.status).
        status(status: impl Into<PaymentsStatus>) = Some(status.into());
    }

    /// Returns the form body that is sent, to the byte. The client calls this itself.
    ///
    /// # Errors
    /// Returns an error that names the field if the `IdempotencyKey` is empty, or if the `StatusCallback` is empty,
    /// neither an http(s) URL nor a relative reference, or has a character that a URL cannot have. Any pair of
    /// `Capture` and `Status` is accepted: the service judges it.
    pub fn to_form(&self) -> Result<String, Error> {
        let checked = check::common(&self.idempotency_key, &self.status_callback);
        checked.and_then(|()| Form::of(&self.fields()))
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
