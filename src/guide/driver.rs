//! `Driver`: what a guided payment's own thread shares with the threads of the listener's connections.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use super::stopper::StopPayment;
use crate::callback::StatusCallback;
use crate::error::Error;
use crate::flow::{Ending, PaymentFlow, Step};
use crate::listener::CallbackHandler;
use crate::model::Payments;

pub(super) type Store<E> = Box<dyn FnMut(&PaymentFlow) -> Result<(), E> + Send>;
pub(super) type Observer = Box<dyn FnMut(&StatusCallback) + Send>;

/// A flow, with a lock that is never held while a request is under way.
pub(super) struct Driver<E> {
    state: Mutex<DriverState<E>>,
    /// Signals that `next` has yet to see. They have a lock of their own because the store may stop the payment.
    signals: Mutex<Signals>,
    /// Notified when a signal is set.
    signalled: Condvar,
    /// Locked while a callback is handled, from before the flow changes until the observer has returned, so that the
    /// observer sees callbacks in the same order as the flow.
    observer: Mutex<Observer>,
    /// The flow as it was at first. Its tag and its account do not change, so no lock is needed to read them.
    origin: PaymentFlow,
    /// The session's SID. It has a lock of its own because the listener must not wait for the store.
    session_sid: Mutex<Option<String>>,
}

struct DriverState<E> {
    flow: PaymentFlow,
    store: Store<E>,
    /// The revision that was stored last.
    stored: Option<u64>,
    /// Whether the flow could not be stored. If so, nothing is sent, and no callback is acknowledged.
    failed: bool,
    /// The store's error or panic, if it failed for a callback.
    failure: Option<thread::Result<E>>,
    /// Whether the payment has ended, so that callbacks are no longer taken.
    finished: bool,
}

#[derive(Clone, Copy, Default)]
struct Signals {
    /// Something has happened since `next` last looked.
    news: bool,
    /// The payment must stop.
    stopped: bool,
    /// The listener was shut down, so no callback will arrive.
    closed: bool,
}

impl<E> DriverState<E> {
    /// Stores the flow if it has changed.
    fn store(&mut self) -> Result<(), E> {
        let revision = self.flow.revision();
        if self.stored != Some(revision) {
            // Set before the call because the store may panic.
            self.failed = true;
            (self.store)(&self.flow)?;
            (self.failed, self.stored) = (false, Some(revision));
        }
        Ok(())
    }
}

impl<E> Driver<E> {
    pub(super) fn new(flow: PaymentFlow, store: Store<E>, observer: Observer) -> Self {
        let (origin, session_sid) = (flow.clone(), Mutex::new(flow.session_sid().map(str::to_owned)));
        let state = DriverState { flow, store, stored: None, failed: false, failure: None, finished: false };
        Self {
            state: Mutex::new(state),
            signals: Mutex::default(),
            signalled: Condvar::new(),
            observer: Mutex::new(observer),
            origin,
            session_sid,
        }
    }

    /// Waits until there is a next request or an ending, and returns it. A request that it returns has been stored as
    /// begun. Returns `WaitUntil` if `quiet` passes without a callback.
    ///
    /// # Errors
    /// Returns the store's error, for this step or for a callback.
    ///
    /// # Panics
    /// Panics if the store panicked for a callback.
    pub(super) fn next(&self, quiet: Option<Duration>) -> Result<Step, E> {
        loop {
            // So that the observer can still stop the payment before the next step.
            drop(lock!(self.observer));
            let mut state = lock!(self.state);
            match state.failure.take() {
                None => {}
                Some(Ok(error)) => return Err(error),
                Some(Err(panic)) => {
                    drop(state);
                    resume_unwind(panic)
                }
            }
            lock!(self.signals).news = false;
            let signals = *lock!(self.signals);
            if signals.stopped {
                state.flow.cancel();
            }
            let now = SystemTime::now();
            let step = state.flow.next(now);
            state.store()?;
            let Step::WaitUntil(time) = step else { return Ok(step) };
            if signals.closed {
                state.flow.on_timeout(time);
                continue;
            }
            drop(state);
            let left = time.duration_since(now).unwrap_or_default().max(Duration::from_millis(1));
            let quiet = quiet.filter(|quiet| *quiet < left);
            let (signals, time) = (lock!(self.signals), quiet.unwrap_or(left));
            let waited = self.signalled.wait_timeout_while(signals, time, |signals| !signals.news);
            if !waited.unwrap_or_else(PoisonError::into_inner).0.news && quiet.is_some() {
                return Ok(step);
            }
        }
    }

    fn signal(&self, set: impl FnOnce(&mut Signals)) {
        let mut signals = lock!(self.signals);
        set(&mut signals);
        signals.news = true;
        drop(signals);
        self.signalled.notify_all();
    }

    pub(super) fn on_response(&self, response: Result<Payments, Error>) {
        let mut state = lock!(self.state);
        state.flow.on_response(response);
        self.publish(&state);
    }

    /// Waits until no callback is being handled, and returns how the payment ended. From then on, callbacks are not
    /// taken. Call this after the handler was removed from the listener.
    pub(super) fn finish(&self) -> Option<Ending> {
        let _no_callback = lock!(self.observer);
        let mut state = lock!(self.state);
        state.finished = true;
        state.flow.ending()
    }

    fn publish(&self, state: &DriverState<E>) {
        *lock!(self.session_sid) = state.flow.session_sid().map(str::to_owned);
    }
}

impl<E: Send> CallbackHandler for Driver<E> {
    fn is_for(&self, callback: &StatusCallback) -> bool {
        match &*lock!(self.session_sid) {
            Some(session_sid) => session_sid.eq_ignore_ascii_case(&callback.sid),
            None => self.origin.is_tagged(callback),
        }
    }

    fn on_callback(&self, callback: &StatusCallback) -> Result<bool, String> {
        let mut observer = lock!(self.observer);
        let mut state = lock!(self.state);
        if state.finished {
            return Ok(false);
        }
        if !state.failed {
            if !state.flow.on_callback(callback) {
                return Ok(true);
            }
            state.failure = match catch_unwind(AssertUnwindSafe(|| state.store())) {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(Ok(error)),
                Err(panic) => Some(Err(panic)),
            };
            self.publish(&state);
        }
        let failed = state.failed;
        drop(state);
        // A panic of the observer must not end the payment.
        if !failed && catch_unwind(AssertUnwindSafe(|| observer(callback))).is_err() {
            log::error!("the observer of a guided payment panicked; the payment goes on");
        }
        self.signal(|_| {});
        if failed { Err("the payment could not be stored".to_owned()) } else { Ok(true) }
    }

    fn on_close(&self) {
        self.signal(|signals| (signals.stopped, signals.closed) = (true, true));
    }
}

impl<E: Send> StopPayment for Driver<E> {
    fn stop(&self) {
        self.signal(|signals| signals.stopped = true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::model::PaymentsStatus;
    use crate::params::CreatePaymentsParams;

    const SID: &str = "PK00000000000000000000000000000001";

    fn params() -> CreatePaymentsParams {
        CreatePaymentsParams::new("https://pay.example.com/").idempotency_key("order-1")
    }

    fn driver() -> Driver<()> {
        driver_of(params())
    }

    fn driver_of(params: CreatePaymentsParams) -> Driver<()> {
        let flow = PaymentFlow::new("CA00000000000000000000000000000001", params).unwrap();
        Driver::new(flow, Box::new(|_| Ok(())), Box::new(|_| {}))
    }

    fn started(driver: &Driver<()>) -> StatusCallback {
        let url = format!("https://pay.example.com/?payment_flow={}", driver.origin.tag());
        StatusCallback::parse(format!("Sid={SID}").as_bytes()).unwrap().received_at(&url)
    }

    #[test]
    fn a_callback_is_for_the_payment_by_its_tag_or_its_session() {
        let untagged = StatusCallback::parse(format!("Sid={SID}").as_bytes()).unwrap();
        let other = untagged.clone().received_at("https://pay.example.com/?payment_flow=0");
        let is_for = |driver: &Driver<()>| [&started(driver), &untagged, &other].map(|c| driver.is_for(c));
        // The session is known from a callback, or from a response.
        let by_callback: fn(&Driver<()>) =
            |driver| assert_eq!(driver.on_callback(&started(driver)), Ok(true));
        for learn in [by_callback, |driver| driver.on_response(Ok(created()))] {
            let driver = driver();
            assert!(matches!(driver.next(None), Ok(Step::Create(_))));
            assert_eq!(is_for(&driver), [true, false, false]);
            learn(&driver);
            assert_eq!(is_for(&driver), [true, true, true]);
            // Once the session is known, the tag does not matter: the listener hands the callback out.
            let another = StatusCallback::parse(b"Sid=PK00000000000000000000000000000002").unwrap();
            let tagged =
                another.clone().received_at(&format!("https://x/?payment_flow={}", driver.origin.tag()));
            assert_eq!([&another, &tagged].map(|callback| driver.is_for(callback)), [false, false]);
        }
    }

    #[test]
    fn a_callback_with_the_tag_is_for_the_account_of_the_params() {
        let account_sid = |number| format!("AC{number:032}");
        let driver = driver_of(params().account_sid(account_sid(1)));
        for (account_sid, expected) in
            [(Some(account_sid(1)), true), (Some(account_sid(2)), false), (None, true)]
        {
            let mut callback = started(&driver);
            callback.account_sid = account_sid;
            assert_eq!(driver.is_for(&callback), expected, "{callback:?}");
        }
    }

    #[test]
    fn no_callback_is_taken_after_the_end() {
        let driver = driver();
        let callback = started(&driver);
        assert!(matches!(driver.next(None), Ok(Step::Create(_))));
        assert_eq!(driver.on_callback(&callback), Ok(true));
        driver.finish();
        let revision = lock!(driver.state).flow.revision();
        assert_eq!(driver.on_callback(&callback), Ok(false));
        assert_eq!(lock!(driver.state).flow.revision(), revision);
    }

    fn created() -> Payments {
        Payments::from_json(format!(r#"{{"sid":"{SID}"}}"#).as_bytes()).unwrap()
    }

    /// A payment whose caller is asked for the card number, for so long.
    fn asking(time: Duration) -> Driver<()> {
        let mut driver = driver();
        let state = driver.state.get_mut().unwrap();
        state.flow = state.flow.clone().capture_timeout(time).unwrap();
        let callback = started(&driver);
        assert!(matches!(driver.next(None), Ok(Step::Create(_))));
        assert_eq!(driver.on_callback(&callback), Ok(true));
        assert!(matches!(driver.next(None), Ok(Step::Update { .. })));
        driver.on_response(Ok(created()));
        driver
    }

    #[test]
    fn a_wait_that_gets_long_is_reported() {
        let driver = asking(Duration::from_secs(120));
        let quiet = Some(Duration::from_millis(1));
        assert!(matches!(driver.next(quiet), Ok(Step::WaitUntil(_))));
        // A signal comes first.
        driver.stop();
        assert!(matches!(driver.next(quiet), Ok(Step::Update { .. })));
    }

    #[test]
    fn a_wait_that_ends_is_not_reported() {
        // By time, whether or not that is sooner than what is reported.
        for quiet in [None, Some(Duration::from_secs(60))] {
            let driver = asking(Duration::from_millis(20));
            assert!(matches!(driver.next(quiet), Ok(Step::Update { .. })));
        }
        // By a callback.
        let driver = asking(Duration::from_secs(120));
        let typed = format!("Sid={SID}&Capture=payment-card-number&PartialResult=false");
        let typed = StatusCallback::parse(typed.as_bytes()).unwrap();
        thread::scope(|scope| {
            let next = scope.spawn(|| driver.next(Some(Duration::from_secs(60))));
            // Usually the other thread waits by then.
            thread::sleep(Duration::from_millis(50));
            assert_eq!(driver.on_callback(&typed), Ok(true));
            assert!(matches!(next.join().unwrap(), Ok(Step::Update { .. })));
        });
    }

    #[test]
    fn the_observer_can_still_change_what_comes_next() {
        let mut driver = driver();
        let (entered, has_entered) = mpsc::channel();
        let (leave, may_leave) = mpsc::channel();
        let observe = move |_: &StatusCallback| {
            entered.send(()).unwrap();
            may_leave.recv().unwrap();
        };
        driver.observer = Mutex::new(Box::new(observe));
        let callback = started(&driver);
        assert!(matches!(driver.next(None), Ok(Step::Create(_))));
        thread::scope(|scope| {
            scope.spawn(|| driver.on_callback(&callback));
            has_entered.recv().unwrap();
            let next = scope.spawn(|| driver.next(None));
            thread::sleep(Duration::from_millis(50));
            driver.stop();
            leave.send(()).unwrap();
            let Ok(Step::Update { params, .. }) = next.join().unwrap() else { panic!() };
            assert_eq!(params.status, Some(PaymentsStatus::Cancel));
        });
    }
}
