//! A guided session: the two operations and the callbacks between them, for programs without an agent's screen.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use crate::api::PaymentsApi;
use crate::error::{Error, ErrorKind, Outcome};
use crate::listener::{CallbackListener, SessionCallbacks};
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};
use crate::status_callback::{Event, StatusCallback};
use crate::values::{Capture, ErrorType, PaymentMethod};

/// How long the cancellation of an abandoned session may take.
const CANCEL_TIME: Duration = Duration::from_secs(10);

/// Takes one payment from its first question to its result.
///
/// It calls [`create_payments`](PaymentsApi::create_payments), then
/// [`update_payments`](PaymentsApi::update_payments) with one [`Capture`] after another, each when the
/// callbacks say that the one before is in, then once more to complete, and waits for the result. A piece
/// that cannot be taken is asked for again, up to a limit. On an error, and when it is dropped midway, as by a
/// panic, it cancels, so that no session stays open.
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
        reason: Option<ErrorType>,
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
        let session = self.api.create_payments(call_sid, &self.params)?;
        let callbacks = self.listener.session(&session.sid)?;
        let mut open =
            OpenSession { api: self.api, call_sid, sid: session.sid, params: &self.params, over: false };
        let mut left = Pieces::of(&self.params);

        while let Some(capture) = left.next() {
            open.update(UpdatePaymentsParams::capture(&self.params.status_callback, capture.clone()))?;
            let heard =
                hear(&callbacks, self.piece_timeout, &mut self.on_callback, |callback| {
                    match callback.event() {
                        Event::Captured { capture: given, .. } => *given == capture,
                        Event::CaptureFailed { capture: given, .. } => {
                            given.is_none_or(|given| *given == capture)
                        }
                        _ => callback.is_final(),
                    }
                })?;
            let reason = match &heard {
                Some(callback) => match callback.event() {
                    Event::Captured { .. } => {
                        left.require(callback.required());
                        continue;
                    }
                    Event::CaptureFailed { reason, .. } => Some(reason.clone()),
                    _ => return Ok(open.ended(callback.clone())),
                },
                None => None,
            };
            if left.failed(&capture) >= self.tries {
                return Ok(Ending::GaveUp { capture, reason });
            }
            left.ask_again(capture, reason.as_ref());
        }

        let complete = UpdatePaymentsParams::complete(&self.params.status_callback);
        let key = complete.idempotency_key.clone();
        // Where it is not known whether the request arrived, the result will tell.
        let completed = match open.update(complete) {
            Err(error) if error.outcome() != Outcome::Unknown => return Err(error),
            completed => completed,
        };
        let is_final = StatusCallback::is_final;
        match hear(&callbacks, self.result_timeout, &mut self.on_callback, is_final)? {
            Some(callback) => Ok(open.ended(callback)),
            None => Err(completed.err().unwrap_or_else(|| lost().after(1, Outcome::Unknown, &key))),
        }
    }
}

/// No result came.
fn lost() -> Error {
    let message = "the session was completed, and no result came in time";
    Error::new(ErrorKind::Timeout, Outcome::Unknown, message).timed_out()
}

/// Waits for a callback of a kind, showing each that comes; `None` where none came in time.
fn hear(
    callbacks: &SessionCallbacks,
    timeout: Duration,
    see: &mut dyn FnMut(&StatusCallback),
    wanted: impl Fn(&StatusCallback) -> bool,
) -> Result<Option<StatusCallback>, Error> {
    let started = Instant::now();
    loop {
        match callbacks.recv_timeout(timeout.saturating_sub(started.elapsed())) {
            Ok(callback) => {
                see(&callback);
                if wanted(&callback) {
                    return Ok(Some(callback));
                }
            }
            Err(error) if error.is_timeout() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// A session that is cancelled when it is dropped before its end.
struct OpenSession<'a> {
    api: &'a PaymentsApi,
    call_sid: &'a str,
    sid: String,
    params: &'a CreatePaymentsParams,
    over: bool,
}

impl OpenSession<'_> {
    fn update(&self, mut params: UpdatePaymentsParams) -> Result<(), Error> {
        params.account_sid.clone_from(&self.params.account_sid);
        self.api.update_payments(self.call_sid, &self.sid, &params).map(drop)
    }

    fn ended(&mut self, callback: StatusCallback) -> Ending {
        self.over = true;
        match callback.event() {
            Event::Succeeded { .. } => Ending::Succeeded(callback),
            _ => Ending::Failed(callback),
        }
    }
}

impl Drop for OpenSession<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut params = UpdatePaymentsParams::cancel(&self.params.status_callback);
        params.account_sid.clone_from(&self.params.account_sid);
        let api = self.api.with_timeout(CANCEL_TIME);
        if let Err(error) = api.update_payments(self.call_sid, &self.sid, &params) {
            // Nobody is left to tell: the session may have ended by itself, or the service ends it in time.
            log::warn!("a payments session could not be cancelled: {error}");
        }
    }
}

/// The pieces that are still to be asked for, in order, and how often each has failed.
struct Pieces {
    left: VecDeque<Capture>,
    failures: Vec<(Capture, u32)>,
}

impl Pieces {
    /// What the parameters of a session let expect.
    fn of(params: &CreatePaymentsParams) -> Self {
        let wanted = match params.payment_method {
            Some(PaymentMethod::AchDebit) => {
                vec![(Capture::BankRoutingNumber, true), (Capture::BankAccountNumber, true)]
            }
            _ => vec![
                (Capture::PaymentCardNumber, true),
                (Capture::ExpirationDate, true),
                (Capture::SecurityCode, params.security_code != Some(false)),
                (Capture::PostalCode, params.postal_code != Some(false)),
            ],
        };
        let mut left = VecDeque::new();
        for (capture, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
            let twice = params.require_matching_inputs.contains(&capture);
            let second = matcher(&capture).filter(|_| twice);
            left.push_back(capture);
            left.extend(second);
        }
        Self { left, failures: Vec::new() }
    }

    fn next(&mut self) -> Option<Capture> {
        self.left.pop_front()
    }

    /// Adds what the service requires beyond expectation.
    fn require(&mut self, required: &[Capture]) {
        for capture in required {
            if !self.left.contains(capture) {
                self.left.push_back(capture.clone());
            }
        }
    }

    /// Counts a failure; how many there are now.
    fn failed(&mut self, capture: &Capture) -> u32 {
        if let Some((_, count)) = self.failures.iter_mut().find(|(failed, _)| failed == capture) {
            *count = count.saturating_add(1);
            return *count;
        }
        self.failures.push((capture.clone(), 1));
        1
    }

    /// Puts a failed piece first again. Where two typings differ it is not known which one was wrong, so the
    /// first is asked for again too.
    fn ask_again(&mut self, capture: Capture, reason: Option<&ErrorType>) {
        let first = Capture::KNOWN.iter().find(|first| matcher(first).as_ref() == Some(&capture));
        self.left.push_front(capture);
        if let Some(first) = first.filter(|_| reason == Some(&ErrorType::InputMatchingFailed)) {
            self.left.push_front(first.clone());
        }
    }
}

/// The second typing of a piece.
fn matcher(capture: &Capture) -> Option<Capture> {
    match capture {
        Capture::PaymentCardNumber => Some(Capture::PaymentCardNumberMatcher),
        Capture::ExpirationDate => Some(Capture::ExpirationDateMatcher),
        Capture::SecurityCode => Some(Capture::SecurityCodeMatcher),
        Capture::PostalCode => Some(Capture::PostalCodeMatcher),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pieces: &Pieces) -> Vec<&str> {
        pieces.left.iter().map(Capture::as_str).collect()
    }

    #[test]
    fn what_is_asked_for() {
        let card = CreatePaymentsParams::new("/status");
        let all = ["payment-card-number", "expiration-date", "security-code", "postal-code"];
        assert_eq!(names(&Pieces::of(&card)), all);
        let less = card.clone().security_code(false).postal_code(false);
        assert_eq!(names(&Pieces::of(&less)), &all[..2]);
        let twice = less.require_matching_inputs([Capture::ExpirationDate, Capture::PostalCode]);
        assert_eq!(
            names(&Pieces::of(&twice)),
            ["payment-card-number", "expiration-date", "expiration-date-matcher"]
        );
        let bank = card.payment_method(PaymentMethod::AchDebit);
        let mut pieces = Pieces::of(&bank);
        assert_eq!(names(&pieces), ["bank-routing-number", "bank-account-number"]);
        pieces.next();
        pieces.require(&[Capture::BankAccountNumber, Capture::from("pin")]);
        assert_eq!(names(&pieces), ["bank-account-number", "pin"]);
        assert_eq!((pieces.failed(&Capture::PostalCode), pieces.failed(&Capture::PostalCode)), (1, 2));
        assert_eq!(pieces.failed(&Capture::SecurityCode), 1);
        pieces.ask_again(Capture::PostalCode, Some(&ErrorType::InputMatchingFailed));
        assert_eq!(names(&pieces), ["postal-code", "bank-account-number", "pin"]);
        pieces.ask_again(Capture::ExpirationDateMatcher, Some(&ErrorType::InputMatchingFailed));
        assert_eq!(names(&pieces)[..2], ["expiration-date", "expiration-date-matcher"]);
    }
}
