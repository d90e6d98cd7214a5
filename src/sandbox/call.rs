//! `Call`: a call, and the caller on it.

use std::sync::Arc;
use std::time::Duration;

use super::service::Service;
use super::session::Asking;
use crate::model::Capture;

/// A phone call in the [`Sandbox`](super::Sandbox), with a caller. Clones are the same call.
///
/// Dropping it does not end the call; [`hang_up`](Self::hang_up) does.
///
/// ```
/// use twilio_payments::CreatePaymentsParams;
/// use twilio_payments::sandbox::Sandbox;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = Sandbox::start()?;
/// let call = sandbox.call();
/// call.hang_up();
///
/// let params = CreatePaymentsParams::new("https://example.com/status");
/// let error = sandbox.client().create_payments(call.sid(), &params).unwrap_err();
/// assert_eq!(error.api_error().and_then(|api| api.code), Some(21220));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Call {
    pub(super) sid: String,
    pub(super) service: Arc<Service>,
}

impl Call {
    /// Returns the SID of the call (`CA…`).
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Returns whether the call is in progress.
    pub fn is_live(&self) -> bool {
        lock!(self.service.store.memory).is_live(&self.sid)
    }

    /// Presses keys as the caller, one after another: digits, `#` to end an entry, `*` to end the session. Other
    /// characters are ignored, so that a number may be written in groups. Keys only have an effect while the caller is
    /// [asked](Self::asking) for something.
    ///
    /// ```
    /// use twilio_payments::sandbox::Sandbox;
    /// use twilio_payments::{Capture, CreatePaymentsParams, UpdatePaymentsParams};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sandbox = Sandbox::start()?;
    /// let (api, call) = (sandbox.client(), sandbox.call());
    /// let url = "https://example.com/status";
    /// let session = api.create_payments(call.sid(), &CreatePaymentsParams::new(url))?;
    /// let ask = UpdatePaymentsParams::new_capture(url, Capture::PaymentCardNumber);
    /// api.update_payments(call.sid(), &session.sid, &ask)?;
    ///
    /// call.press("4242 4242 4242 4242");
    ///
    /// let callbacks = sandbox.callbacks(&session.sid);
    /// let last = callbacks.last().ok_or("no callback")?;
    /// assert_eq!(last.get("PaymentCardNumber"), Some("xxxxxxxxxxxx4242"));
    /// assert_eq!(last.get("PartialResult"), Some("false"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn press(&self, keys: &str) {
        self.service.store.on_call(&self.sid, |session, now| session.press(keys, now));
    }

    /// Makes the caller answer everything at once with good test values, so that a test need not press keys. If the
    /// caller is being asked for something now, they answer that too.
    pub fn obliging(self) -> Self {
        self.obliging_with([] as [(Capture, String); 0])
    }

    /// Does the same as [`obliging`](Self::obliging), but with the keys to press for some captures. `#` is added if the
    /// entry would not end by itself, so empty keys mean that the caller has no answer. The caller confirms if asked
    /// to.
    ///
    /// ```
    /// use twilio_payments::Capture;
    /// use twilio_payments::sandbox::{Sandbox, numbers};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let sandbox = Sandbox::start()?;
    /// let call = sandbox.call().obliging_with([(Capture::PaymentCardNumber, numbers::DECLINED)]);
    /// # let _ = call;
    /// # Ok(())
    /// # }
    /// ```
    pub fn obliging_with(self, answers: impl IntoIterator<Item = (Capture, impl Into<String>)>) -> Self {
        let answers = answers.into_iter().map(|(capture, keys)| (capture, keys.into())).collect();
        self.service.store.oblige(&self.sid, &answers);
        self
    }

    /// Returns what the caller is being asked for, if anything.
    pub fn asking(&self) -> Option<Asking> {
        self.wait_until_asked(Duration::ZERO)
    }

    /// Waits for up to `time` until the caller is asked for something. Returns `None` if they are not, or if the call
    /// ends.
    pub fn wait_until_asked(&self, time: Duration) -> Option<Asking> {
        self.service.store.asking(&self.sid, time)
    }

    /// Hangs up as the caller. The call ends, and an open session on it ends without a transaction.
    pub fn hang_up(&self) {
        self.service.store.hang_up(&self.sid);
    }
}

debug_shows!(Call, |call| sid: call.sid, live: call.is_live());
