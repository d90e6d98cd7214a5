//! `PaymentFlow`: one payment as a value. Pure: no I/O, and no clock.

mod callbacks;
mod captures;
mod digest;
mod ending;
mod operation;
mod result;
mod settings;
mod state;
mod stored;
mod table;
mod tag;

use std::borrow::Borrow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::callback::StatusCallback;
use crate::error::Error;
use crate::model::Payments;
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};
use crate::text::Escaped;

pub use digest::ResponseDigest;
pub use ending::{Ending, NotPaidReason, PaymentEnding, SessionEnding};
use operation::Purpose;
use state::{Action, FlowLimits, State, Stop};
pub use tag::ReferencePlace;

/// How long after a request was begun its process counts as gone: twice the client's default deadline.
const RESPONSE_TIME: Duration = Duration::from_secs(60);

/// One payment, from the creation of its session to its result, as a value.
///
/// A flow does no I/O and reads no clock. [`next`](Self::next) returns what to do; the program does it and
/// reports to the flow what happened. So the flow can be stored before each request and after each callback. If
/// the program dies, it or another program continues with the flow that was stored last.
///
/// If you have a [`CallbackListener`](crate::CallbackListener), use [`GuidedPayment`](crate::GuidedPayment), which
/// is the loop below.
///
/// ```
/// # #[cfg(all(feature = "sandbox", feature = "listener"))] {
/// use std::time::SystemTime;
/// use twilio_payments::{CreatePaymentsParams, PaymentFlow, Step};
/// # use twilio_payments::{CallbackListener, SignatureValidator, sandbox::Sandbox};
///
/// # let sandbox = Sandbox::start()?;
/// # let (api, call) = (sandbox.client(), sandbox.call().obliging());
/// # let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
/// # let url = listener.status_callback_url();
/// # let mut stored = String::new();
/// # let mut store = |flow: &PaymentFlow| -> Result<(), serde_json::Error> {
/// #     stored = serde_json::to_string(flow)?;
/// #     Ok(())
/// # };
/// // First look for a stored flow of this order. If there is none:
/// let params = CreatePaymentsParams::new(url).idempotency_key("order-1066").charge_amount("19.99".parse()?);
/// let mut flow = PaymentFlow::new(call.sid(), params)?;
/// let ending = loop {
///     let step = flow.next(SystemTime::now());
///     store(&flow)?; // fails if another process has stored it since: then nothing is sent
///     match step {
///         Step::Create(params) => flow.on_response(api.create_payments(flow.call_sid(), &params)),
///         Step::Update { sid, params } => {
///             flow.on_response(api.update_payments(flow.call_sid(), &sid, &params));
///         }
///         Step::WaitUntil(time) => {
///             // A web server would return here, and continue when a callback arrives or the flow is due.
///             let time = time.duration_since(SystemTime::now()).unwrap_or_default();
///             // This listener is for one payment. If it were for more, a callback could be about another flow.
///             if let Ok(callback) = listener.recv_timeout(time) {
///                 flow.on_callback(&callback);
///             }
///         }
///         Step::Ended(ending) => break ending,
///     }
/// };
/// assert!(ending.is_success());
/// # assert_eq!(serde_json::from_str::<PaymentFlow>(&stored)?.ending(), Some(ending));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # How it ends
/// | what happened | the [ending](Ending) | what to do |
/// |---|---|---|
/// | the service reported `success` for this session, at any time | [`Paid`](PaymentEnding::Paid), [`Tokenized`](PaymentEnding::Tokenized) | deliver |
/// | the request to complete the session was never begun, or was certainly not carried out: it was not sent, or was refused with HTTP status 429 or error code 64019 | [`NotPaid`](PaymentEnding::NotPaid) | if you like, try again with a new flow and a new key |
/// | that request may have been carried out, and the service reported `payment-connector-error`, `validation-error`, `caller-hung-up` or `caller-interrupted-with-star` | [`Declined`](PaymentEnding::Declined) | as above; if the payment connector timed out, first search for the [reference](Self::reference) at the payment processor |
/// | that request may have been carried out, and anything else happened: it was refused because the session is over, no result came in time, or the service reported another result | [`Unknown`](PaymentEnding::Unknown) | do not charge again: wait for a callback, or search for the [reference](Self::reference) at the payment processor |
///
/// An ending also reports whether the session [is over](SessionEnding). A session that was not completed is
/// cancelled if its SID is known. A session that may have been completed is not cancelled, because it is not
/// known what that would cancel.
///
/// # If the program dies
/// The flow that is stored before a request is sent has the request marked as begun. If that request gets no
/// response, the flow returns it again with the same key; it is begun three times at most. It is not documented
/// whether the service replays the response to a used key or ignores the key, and the flow is right either way. If
/// the key is ignored, a repeated creation is refused while the first session is open, and its callbacks lead the
/// flow to that session; a repeated capture asks the caller again; and a repeated completion is refused if the
/// session is over. The flow assumes that a session charges at most once.
///
/// Store flows in a database or in files: anything that can compare the [`revision`](Self::revision) and replace
/// the value in one step. The example `crash_safe` does this with a file, and `web_server` with files that several
/// processes share. On a conflict, load the stored flow. If it [awaits](Self::awaited_key) the response that you
/// have, pass the response to it; otherwise drop the response.
///
/// # Finding the flow of a callback
/// The flow adds the query parameter `payment_flow` with its [tag](Self::tag) to the `StatusCallback` of its
/// requests. [`StatusCallback::tag`] returns it, so store the flow under its tag, or index it by tag. If the
/// response to the creation was lost, the tag alone identifies the session: a late callback of an earlier session
/// on the same call has another tag.
///
/// # What is stored
/// A flow is written and read by serde, in a self-describing format such as JSON. Later versions of this crate read
/// what this one writes; an earlier version refuses a flow that it could misread. A flow takes 1 to 2 KB besides its
/// params, and 80 KB at most, whatever the service sends. It holds the params as they are, and nothing that the caller
/// typed, not even masked. **After a tokenization, its ending holds the token and the profile**: protect it as you
/// protect those, and delete it once you have copied them. Keep a flow that ended as unknown until that is settled, and
/// others for a few days, since a late callback can still correct them.
///
/// # Keys
/// The payment's [key](Self::key) is the idempotency key of the params, unless [`new`](Self::new) has to make another.
/// Use each key for one flow only. A second flow with the same key can mistake the session of the first one for its
/// own, and does not know what the first one did: it can end as not paid although the first one was paid, or charge
/// again. So look for a stored flow first, and use a new key for each new try, such as `order-1066`, then
/// `order-1066-2`.
#[derive(Clone, PartialEq)]
pub struct PaymentFlow {
    call_sid: String,
    params: CreatePaymentsParams,
    place: ReferencePlace,
    limits: FlowLimits,
    revision: u64,
    state: State,
}

/// What to do next, as returned by [`PaymentFlow::next`](crate::PaymentFlow::next).
///
/// The request of a `Create` or `Update` is marked as begun in the flow: store the flow before sending the request.
/// No variants will be added, so a `match` can name all of them.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once, and a Box would be in the way")]
pub enum Step {
    /// Send [`create_payments`](crate::PaymentsApi::create_payments) with these params, and pass what it
    /// returns to [`on_response`](crate::PaymentFlow::on_response).
    Create(CreatePaymentsParams),
    /// Send [`update_payments`](crate::PaymentsApi::update_payments) with these params, and pass what it
    /// returns to [`on_response`](crate::PaymentFlow::on_response).
    Update {
        /// The SID of the session, `PK` and 32 hex digits.
        sid: String,
        /// What to send.
        params: UpdatePaymentsParams,
    },
    /// Wait for a callback, but no longer than until this time. Then call `next` again.
    WaitUntil(SystemTime),
    /// The payment has ended.
    Ended(Ending),
}

impl PaymentFlow {
    /// Returns what to do at the time `now`: send a request, wait, or stop because the payment has ended.
    ///
    /// This marks the request that it returns as begun. Store the flow before sending the request, and pass what
    /// the client returns to [`on_response`](Self::on_response). If `next` is called before that, the response
    /// counts as lost: the request may have been carried out, and is returned again with the same key. Each
    /// request is returned three times at most.
    ///
    /// Deadlines that have passed are applied first, as by [`on_timeout`](Self::on_timeout). They are points in time:
    /// if the clock is set back, a wait lasts longer by as much.
    pub fn next(&mut self, now: SystemTime) -> Step {
        let action = self.change(|state, limits| state.next(millis(now), limits));
        match action {
            Action::Send(purpose) => match &self.state.session {
                Some(sid) => Step::Update { sid: sid.clone(), params: self.update_params(purpose) },
                None => Step::Create(self.create_params()),
            },
            Action::Wait(time) => Step::WaitUntil(moment(time)),
            Action::End => Step::Ended(self.make_ending()),
        }
    }

    /// Takes what the client returned for the request that was begun last, as a value or a reference.
    ///
    /// If no request awaits a response, or the error is about a request with another idempotency key, the
    /// response is stale and changes nothing.
    pub fn on_response(&mut self, response: impl Borrow<Result<Payments, Error>>) {
        let awaited = self.awaited_key();
        let other_key =
            |error: &Error| error.idempotency_key().is_some_and(|key| Some(key) != awaited.as_deref());
        match response.borrow() {
            Ok(payments) => self.change(|state, _| state.accept(payments)),
            Err(error) if other_key(error) => {}
            Err(error) => self.change(|state, _| state.fail(ResponseDigest::of(error), error.was_refused())),
        }
    }

    /// Takes a callback, and returns whether it is about this flow's session.
    ///
    /// It is if its `Sid` is that of the session. While the session's SID is not known, because no response named it,
    /// the callback is about this flow if its [tag](StatusCallback::tag) is the [flow's](Self::tag), unless it names
    /// another account than the params do. This also holds if the creation was refused, since a signed callback with
    /// the tag shows that there is a session of this payment.
    ///
    /// Callbacks may be repeated, late or out of order, and may arrive before the response to the request that
    /// caused them. If the `DateUpdated` of a callback is older than the newest one, only its `Result` counts. A
    /// result also counts after the flow has ended: `success` corrects any ending, and a decline settles one that
    /// was unknown.
    pub fn on_callback(&mut self, callback: &StatusCallback) -> bool {
        let tagged = self.is_tagged(callback);
        self.change(|state, _| state.take_callback(callback, tagged))
    }

    /// Applies the deadlines that have passed at the time `now`, without beginning a request. It does nothing
    /// while a request awaits its response.
    pub fn on_timeout(&mut self, now: SystemTime) {
        self.change(|state, _| state.expire(millis(now)));
    }

    /// Stops the payment. If the request to complete the session was never begun, or was certainly not
    /// carried out, [`next`](Self::next) returns the request to cancel the session. Otherwise the payment may have
    /// happened: the flow begins no more requests, and waits for the result. If the flow has ended, this changes
    /// nothing.
    pub fn cancel(&mut self) {
        self.change(|state, _| {
            if !state.ended && state.stop.is_none() {
                state.stop = Some(Stop::Cancelled);
            }
        });
    }

    /// Returns when to call [`next`](Self::next) if no callback or response arrives first: a time in the past if there
    /// is something to do now, or `None` if the payment has ended and nothing is left to do.
    ///
    /// While a request awaits its response, this is 60 s after it was begun: the process that began it counts as
    /// gone from then on. A client with a longer timeout may still be waiting.
    pub fn due(&self) -> Option<SystemTime> {
        if self.state.in_flight.is_some() {
            return moment(self.state.begun_at).checked_add(RESPONSE_TIME);
        }
        // At the epoch no deadline has passed, and a deadline that would begin now is in the past.
        match self.state.clone().next(0, &self.limits) {
            Action::End if self.state.ended => None,
            Action::Wait(time) => Some(moment(time)),
            // An end is something to do as well: until `next` is called, there is no ending to read.
            Action::Send(_) | Action::End => Some(UNIX_EPOCH),
        }
    }

    /// Returns how the payment ended, or `None` if it has not. A callback that arrives later can still change the
    /// ending.
    pub fn ending(&self) -> Option<Ending> {
        self.state.ended.then(|| self.make_ending())
    }

    /// Returns the idempotency key of the request that was begun and has no response yet: the process that began it is
    /// either waiting for the response or gone.
    pub fn awaited_key(&self) -> Option<String> {
        self.state.in_flight.map(|purpose| self.operation_key(purpose))
    }

    /// Returns a number that grows with each change. Replace a stored flow only if it still has the revision that was
    /// loaded: then two processes that loaded the same flow cannot both continue it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the largest number of requests that [`next`](Self::next) can return, however often it is called:
    /// 3 × (1 creation + 16 captures × [`max_asks`](Self::max_asks) + 3 completions + 1 cancellation). A usual card
    /// payment takes 6.
    pub fn max_requests(&self) -> u64 {
        self.limits.max_requests()
    }

    /// Returns the payment's key: the idempotency key of the params that the flow was made with, or the one that
    /// [`new`](Self::new) made instead. The keys of its requests are derived from it. The creation has the key itself;
    /// the others have `{key}-{capture}-{number of the ask}`, `{key}-complete` and `{key}-cancel`. A completion after a
    /// refusal for something missing has `{key}-complete-2`, then `{key}-complete-3`.
    pub fn key(&self) -> &str {
        &self.params.idempotency_key
    }

    /// Returns the SID of the call, `CA` and 32 hex digits.
    pub fn call_sid(&self) -> &str {
        &self.call_sid
    }

    /// Returns the SID of the session, `PK` and 32 hex digits, once it is known.
    pub fn session_sid(&self) -> Option<&str> {
        self.state.session.as_deref()
    }

    /// Returns the tag by which callbacks find the flow, 32 hex digits: the value of the query parameter `payment_flow`
    /// that the flow adds to its `StatusCallback`. It is derived from the [key](Self::key) in the same way by every
    /// version of this crate, and is not a secret.
    pub fn tag(&self) -> String {
        tag::of(self.key())
    }

    /// Returns whether a callback has the flow's tag, and does not name another account than the params do.
    pub(crate) fn is_tagged(&self, callback: &StatusCallback) -> bool {
        let accounts = self.params.account_sid.as_ref().zip(callback.account_sid.as_ref());
        callback.tag() == Some(&self.tag())
            && accounts.is_none_or(|(own, other)| own.eq_ignore_ascii_case(other))
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut State, &FlowLimits) -> T) -> T {
        let before = self.state.clone();
        let out = change(&mut self.state, &self.limits);
        if self.state != before {
            self.revision = self.revision.saturating_add(1);
        }
        out
    }

    fn make_ending(&self) -> Ending {
        let charges = self.params.charge_amount.is_some_and(|amount| !amount.is_zero());
        Ending {
            payment: self.state.payment(charges),
            session: self.state.session_ending(),
            session_sid: self.state.session.clone(),
            call_sid: self.call_sid.clone(),
            key: self.key().to_owned(),
            reference: self.reference(),
        }
    }

    /// Returns the idempotency key of a request. It names what the request is for, so that a repeated request has the
    /// same key as the first time.
    fn operation_key(&self, purpose: Purpose) -> String {
        let key = self.key();
        match (purpose, &self.state.ask) {
            (Purpose::Capture, Some(ask)) => format!("{key}-{}-{}", ask.capture, ask.number),
            (Purpose::Create | Purpose::Capture, _) => key.to_owned(),
            (Purpose::Cancel, _) => format!("{key}-cancel"),
            (Purpose::Complete, _) if self.state.rounds == 0 => format!("{key}-complete"),
            // The service may replay the refusal that it stored under the key of the previous round.
            (Purpose::Complete, _) => format!("{key}-complete-{}", self.state.rounds.saturating_add(1)),
        }
    }

    fn update_params(&self, purpose: Purpose) -> UpdatePaymentsParams {
        let url = self.status_callback();
        let params = match (purpose, &self.state.ask) {
            (Purpose::Capture, Some(ask)) => UpdatePaymentsParams::new_capture(url, ask.capture.clone()),
            (Purpose::Complete, _) => UpdatePaymentsParams::new_complete(url),
            _ => UpdatePaymentsParams::new_cancel(url),
        };
        let mut params = params.idempotency_key(self.operation_key(purpose));
        params.account_sid.clone_from(&self.params.account_sid);
        params
    }
}

// It leaves out the token and the params.
debug_shows!(PaymentFlow, |flow|
    call_sid: flow.call_sid,
    key: Escaped(flow.key()),
    session_sid: flow.state.session,
    revision: flow.revision,
    awaited_key: flow.awaited_key(),
    ending: flow.ending(),
);

/// Returns the milliseconds since the Unix epoch; an earlier time counts as the epoch.
fn millis(time: SystemTime) -> u64 {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn moment(millis: u64) -> SystemTime {
    // If the system cannot represent the time, the epoch makes the program call `next` at once, which is harmless.
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
