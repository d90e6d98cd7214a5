//! `Driver`: what a guided payment's own thread shares with the threads of the listener's connections.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::stopper::Stop;
use crate::callback::StatusCallback;
use crate::error::Error;
use crate::flow::{Ending, PaymentFlow, Step};
use crate::listener::CallbackHandler;
use crate::model::Payments;

pub(super) type Store<E> = Box<dyn FnMut(&PaymentFlow) -> Result<(), E> + Send>;
pub(super) type Observer = Box<dyn FnMut(&StatusCallback) + Send>;

/// A flow, with a lock that is never held while a request is under way.
pub(super) struct Driver<E> {
    state: Mutex<State<E>>,
    /// A callback arrived, or the payment is to stop.
    news: Condvar,
    /// Held while a callback is handled, from before the flow changes until the observer has returned. So the
    /// observer sees callbacks in the order in which the flow does.
    observer: Mutex<Observer>,
    tag: String,
    /// The session's SID. It has a lock of its own because the listener must not wait for the store.
    session_sid: Mutex<Option<String>>,
}

struct State<E> {
    flow: PaymentFlow,
    store: Store<E>,
    /// The revision that was stored last.
    stored: Option<u64>,
    /// Whether the flow could not be stored: then nothing is sent, and no callback is acknowledged.
    failed: bool,
    /// Why, if that happened for a callback.
    failure: Option<E>,
    /// Whether the listener was shut down.
    closed: bool,
}

impl<E> State<E> {
    /// Stores the flow if it has changed.
    fn store(&mut self) -> Result<(), E> {
        let revision = self.flow.revision();
        if self.stored != Some(revision) {
            (self.store)(&self.flow).inspect_err(|_| self.failed = true)?;
            self.stored = Some(revision);
        }
        Ok(())
    }
}

impl<E> Driver<E> {
    pub(super) fn new(flow: PaymentFlow, store: Store<E>, observer: Observer) -> Self {
        let (tag, session_sid) = (flow.tag(), Mutex::new(flow.session_sid().map(str::to_owned)));
        let state = State { flow, store, stored: None, failed: false, failure: None, closed: false };
        Self {
            state: Mutex::new(state),
            news: Condvar::new(),
            observer: Mutex::new(observer),
            tag,
            session_sid,
        }
    }

    /// Returns the next request, stored as begun, or the ending. Until there is one, waits for callbacks.
    ///
    /// # Errors
    /// What the store returned, for this step or for a callback.
    pub(super) fn next(&self) -> Result<Step, E> {
        loop {
            self.wait_for_observer();
            let mut state = lock(&self.state);
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            let now = SystemTime::now();
            let step = state.flow.next(now);
            state.store()?;
            match step {
                // No callback will come.
                Step::WaitUntil(time) if state.closed => state.flow.on_timeout(time),
                Step::WaitUntil(time) => {
                    let time = time.duration_since(now).unwrap_or_default().max(Duration::from_millis(1));
                    drop(self.news.wait_timeout(state, time));
                }
                step => return Ok(step),
            }
        }
    }

    pub(super) fn on_response(&self, response: Result<Payments, Error>) {
        let mut state = lock(&self.state);
        state.flow.on_response(response);
        self.publish(&state);
    }

    /// Returns how the payment ended, when no callback is being handled any more.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.wait_for_observer();
        lock(&self.state).flow.ending()
    }

    /// What is decided is decided after the observer has returned, so that it can still change something.
    fn wait_for_observer(&self) {
        drop(lock(&self.observer));
    }

    fn publish(&self, state: &State<E>) {
        *lock(&self.session_sid) = state.flow.session_sid().map(str::to_owned);
    }
}

impl<E: Send> CallbackHandler for Driver<E> {
    fn is_for(&self, callback: &StatusCallback) -> bool {
        callback.tag() == Some(&self.tag) || lock(&self.session_sid).as_ref() == Some(&callback.sid)
    }

    fn on_callback(&self, callback: &StatusCallback) -> Result<(), String> {
        let mut observer = lock(&self.observer);
        let mut state = lock(&self.state);
        if !state.failed && state.flow.on_callback(callback) {
            state.failure = state.store().err();
            self.publish(&state);
            if !state.failed {
                drop(state);
                // The observer only looks on: it must not cost anybody a payment.
                if catch_unwind(AssertUnwindSafe(|| observer(callback))).is_err() {
                    log::error!("the observer of a guided payment panicked; the payment goes on");
                }
                self.news.notify_all();
                return Ok(());
            }
            self.news.notify_all();
        }
        if state.failed { Err("the payment could not be stored".to_owned()) } else { Ok(()) }
    }

    fn on_close(&self) {
        lock(&self.state).closed = true;
        self.stop();
    }
}

impl<E: Send> Stop for Driver<E> {
    fn stop(&self) {
        lock(&self.state).flow.cancel();
        self.news.notify_all();
    }
}

/// A panic of the store or the observer leaves no value half changed that is used afterwards.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
