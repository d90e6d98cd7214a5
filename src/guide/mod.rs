//! A guided session: the two operations and the callbacks between them, for programs without an agent's screen.

mod captures;
mod open_session;

use std::fmt;
use std::time::Duration;

use crate::callback::{Event, StatusCallback};
use crate::client::PaymentsApi;
use crate::error::{Error, ErrorKind, Outcome};
use crate::listener::CallbackListener;
use crate::model::Payments;
use crate::model::{Capture, CaptureError};
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};
use captures::Pieces;
use open_session::OpenSession;

/// How long to wait for the service to say that it has ended a session, where it refuses a step.
const END_TIME: Duration = Duration::from_secs(2);

/// Takes one payment from its first question to its result.
///
/// It calls [`create_payments`](PaymentsApi::create_payments), then
/// [`update_payments`](PaymentsApi::update_payments) with one [`Capture`] after another, each when the
/// callbacks say that the one before is in, then once more to complete, and waits for the result. A piece
/// that cannot be taken is asked for again, up to a limit. On an error, and on a panic of the closure, it cancels,
/// so that no session stays open; only where the service cannot be reached at all may one, until the service
/// itself ends it with the call.
///
/// ```
/// use twilio_payments::{CallbackListener, CreatePaymentsParams, Ending, GuidedPayment, SignatureValidator};
/// # use twilio_payments::sandbox::Sandbox;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = Sandbox::start()?;
/// # let (api, call) = (sandbox.client(), sandbox.call().obliging());
/// # let auth_token = sandbox.auth_token();
/// let listener = CallbackListener::local(SignatureValidator::new(auth_token)?)?;
/// let params = CreatePaymentsParams::new(listener.public_url()).charge_amount("19.99".parse()?);
///
/// let ending = GuidedPayment::new(&api, &listener, params)
///     .on_callback(|callback| println!("{:?}", callback.event()))
///     .run(call.sid())?;
/// match ending {
///     Ending::Succeeded(callback) => println!("{:?}", callback.payment_confirmation_code),
///     other => println!("no payment: {other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens until `run` is called"]
pub struct GuidedPayment<'a> {
    api: &'a PaymentsApi,
    listener: &'a CallbackListener,
    params: CreatePaymentsParams,
    tries: u32,
    piece_timeout: Duration,
    result_timeout: Duration,
    on_callback: Box<dyn FnMut(&StatusCallback) + 'a>,
}

/// How a guided session ended, where no error did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// Charged, or tokenized: the last callback has the confirmation code or the token.
    Succeeded(StatusCallback),
    /// The service ended the session without a payment, as when the caller hangs up or the payment
    /// connector declines: the last callback says why.
    Failed(StatusCallback),
    /// The caller could not be brought to give a piece in the allowed number of tries. The session was
    /// cancelled; nothing was charged.
    #[non_exhaustive]
    GaveUp {
        /// The piece.
        capture: Capture,
        /// Why the last try failed; `None` where no callback came in time.
        reason: Option<CaptureError>,
    },
}

impl<'a> GuidedPayment<'a> {
    /// A payment with these parameters, whose `status_callback` must lead to the listener: usually it is
    /// [`CallbackListener::public_url`].
    pub fn new(api: &'a PaymentsApi, listener: &'a CallbackListener, params: CreatePaymentsParams) -> Self {
        Self {
            api,
            listener,
            params,
            tries: 3,
            piece_timeout: Duration::from_secs(120),
            result_timeout: Duration::from_secs(60),
            on_callback: Box::new(|_| {}),
        }
    }

    /// How often a piece is asked for before the session is given up. Default: 3; 0 counts as 1.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// How long to wait for a piece, from its question on. Default: 120 s. No answer counts as a failed
    /// try.
    pub fn piece_timeout(mut self, timeout: Duration) -> Self {
        self.piece_timeout = timeout;
        self
    }

    /// How long to wait for the result after the session was completed. Default: 60 s.
    pub fn result_timeout(mut self, timeout: Duration) -> Self {
        self.result_timeout = timeout;
        self
    }

    /// Sees each callback of the session, in order, before the guide acts on it. Default: nobody does.
    pub fn on_callback(mut self, see: impl FnMut(&StatusCallback) + 'a) -> Self {
        self.on_callback = Box::new(see);
        self
    }

    /// Takes the payment on a live call.
    ///
    /// # Errors
    /// Where one of the calls to the API fails for good; where the listener is shut down; where no result
    /// comes in time, of the kind [`Timeout`](ErrorKind::Timeout) and the outcome
    /// [`Unknown`](Outcome::Unknown), as the payment may have happened. The session is cancelled first, as far
    /// as it can be.
    pub fn run(mut self, call_sid: &str) -> Result<Ending, Error> {
        let session = self.create(call_sid)?;
        let mut open = OpenSession::new(self.api, call_sid, session.sid, &self.params);
        open.listen(self.listener)?;
        let see = &mut *self.on_callback;
        let mut left = Pieces::of(&self.params, self.tries);

        while let Some(capture) = left.next() {
            let ask = UpdatePaymentsParams::new_capture(&self.params.status_callback, capture.clone());
            if let Err(error) = open.update(ask) {
                return open.ended_instead(error, END_TIME, see);
            }
            let heard = open.hear(self.piece_timeout, see, |callback| match callback.event() {
                Event::Captured { capture: given, .. } => *given == capture,
                Event::CaptureFailed { capture: given, .. } => given.is_none_or(|given| *given == capture),
                _ => callback.is_final(),
            })?;
            let reason = match &heard {
                Some(callback) => match callback.event() {
                    Event::Captured { .. } => {
                        left.require(callback.required().unwrap_or_default());
                        continue;
                    }
                    Event::CaptureFailed { reason, .. } => Some(reason.clone()),
                    _ => return Ok(open.ended(callback.clone())),
                },
                None => None,
            };
            if !left.ask_again(&capture, reason.as_ref()) {
                return Ok(Ending::GaveUp { capture, reason });
            }
        }
        if let Some(capture) = left.hopeless() {
            return Ok(Ending::GaveUp { capture, reason: None });
        }

        let complete = UpdatePaymentsParams::new_complete(&self.params.status_callback);
        let key = complete.idempotency_key.clone();
        let completed = match open.update(complete) {
            Err(error) if error.outcome() != Outcome::Unknown => {
                return open.ended_instead(error, END_TIME, see);
            }
            // Where it is not known whether the request arrived, the result will tell.
            completed => completed,
        };
        match open.hear(self.result_timeout, see, StatusCallback::is_final)? {
            Some(callback) => Ok(open.ended(callback)),
            None => Err(completed
                .err()
                .unwrap_or_else(|| lost().with_attempts(1, Outcome::Unknown).with_idempotency_key(&key))),
        }
    }

    /// Creates the session. Where it is not known whether it was, the same request once more tells which one it
    /// is, so that it can be used or cancelled.
    fn create(&self, call_sid: &str) -> Result<Payments, Error> {
        match self.api.create_payments(call_sid, &self.params) {
            Err(error) if error.outcome() == Outcome::Unknown && error.kind() != ErrorKind::Shutdown => {
                self.api.create_payments(call_sid, &self.params)
            }
            created => created,
        }
    }
}

/// No result came.
fn lost() -> Error {
    let message = "the session was completed, and no result came in time";
    Error::new(ErrorKind::Timeout, Outcome::Unknown, message).timed_out()
}

impl fmt::Debug for GuidedPayment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuidedPayment")
            .field("params", &self.params)
            .field("tries", &self.tries)
            .field("piece_timeout", &self.piece_timeout)
            .field("result_timeout", &self.result_timeout)
            .finish_non_exhaustive()
    }
}
