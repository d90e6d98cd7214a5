//! The callbacks that were received but not yet read, and who receives the next one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::digest;

use super::handler::{CallbackHandler, call};
use super::recent::Recent;
use crate::callback::{CallbackError, CallbackErrorKind, StatusCallback};

/// How many copies of one callback are kept if there is no room. An attacker can make any number of copies of a
/// captured callback by sending it with other tokens; the service rarely sends the same body twice.
const MAX_COPIES: usize = 2;

/// What distinguishes one delivery of a callback from another.
pub(super) struct DeliveryId {
    /// A hash of the idempotency token and the signature, which takes little space. `None` if there is no token.
    repeat: Option<Vec<u8>>,
    /// The signature, which stands for the URL and the body.
    signature: String,
}

impl DeliveryId {
    pub(super) fn new(token: Option<&str>, signature: String) -> Self {
        let repeat = token.filter(|token| !token.is_empty()).map(|token| {
            // Neither contains a line end.
            let both = [token, "\n", &signature].concat();
            digest::digest(&digest::SHA256, both.as_bytes()).as_ref().to_vec()
        });
        Self { repeat, signature }
    }
}

/// What to do with a callback.
pub(super) enum Receipt {
    /// It waits to be read. To make room for it, an older one may have been discarded.
    Queued { discarded: bool },
    /// It belongs to a registered handler, which must be called.
    Registered(Arc<dyn CallbackHandler>),
    /// It was received before.
    Repeated,
    /// There is no room for it, or the listener was shut down.
    NoRoom,
}

/// The callbacks that the server's threads have received, for their readers.
pub(super) struct Queue {
    pub(super) state: Mutex<QueueState>,
    /// Notified when a callback arrives, a view ends, or the listener is shut down.
    changed: Condvar,
    capacity: usize,
    /// After how long an unread callback may be discarded to make room.
    unread_time: Duration,
    /// Whether the program stores every callback before it gets here, so that any of them may be discarded.
    stored: bool,
}

#[derive(Default)]
pub(super) struct QueueState {
    /// In the order of arrival.
    unread: VecDeque<Unread>,
    /// How many views a session has, if it has any, by its SID in capitals.
    views: HashMap<String, usize>,
    pub(super) handlers: Vec<Arc<dyn CallbackHandler>>,
    /// The number of the latest callback.
    latest: u64,
    discarded: u64,
    received: Recent<Vec<u8>>,
    /// Sessions whose last callback has arrived.
    over: Recent<String>,
    closed: bool,
}

struct Unread {
    number: u64,
    arrived: Instant,
    signature: String,
    callback: StatusCallback,
}

impl QueueState {
    /// Returns whether a callback was received before.
    pub(super) fn is_repeat(&self, delivery: &DeliveryId) -> bool {
        delivery.repeat.as_ref().is_some_and(|repeat| self.received.contains(repeat))
    }

    /// Remembers that a callback was received.
    pub(super) fn note(&mut self, callback: &StatusCallback, delivery: &DeliveryId) {
        if let Some(repeat) = &delivery.repeat {
            self.received.insert(repeat);
        }
        if callback.is_final() {
            self.over.insert(&callback.sid);
        }
    }

    /// Takes the first callback of a kind out of the queue.
    fn take(&mut self, is_wanted: impl Fn(&Self, &StatusCallback) -> bool) -> Option<Unread> {
        let index = self.unread.iter().position(|unread| is_wanted(self, &unread.callback))?;
        self.unread.remove(index)
    }
}

impl Queue {
    pub(super) fn new(capacity: usize, unread_time: Duration, stored: bool) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), capacity, unread_time, stored }
    }

    /// Queues a callback, unless it belongs to a handler, was received before, or there is no room.
    pub(super) fn put(&self, callback: &StatusCallback, delivery: &DeliveryId) -> Receipt {
        let mut state = lock!(self.state);
        if state.is_repeat(delivery) {
            return Receipt::Repeated;
        }
        if let Some(handler) = state.handlers.iter().find(|handler| handler.is_for(callback)) {
            return Receipt::Registered(Arc::clone(handler));
        }
        let full = state.unread.len() >= self.capacity;
        let has_room = if state.closed { self.stored } else { !full || self.discard(&mut state) };
        if !has_room {
            return Receipt::NoRoom;
        }
        state.note(callback, delivery);
        // After the end nobody waits for the callback, but the program has stored it.
        if !state.closed {
            state.latest += 1;
            let unread = Unread {
                number: state.latest,
                arrived: Instant::now(),
                signature: delivery.signature.clone(),
                callback: callback.clone(),
            };
            state.unread.push_back(unread);
            self.changed.notify_all();
        }
        Receipt::Queued { discarded: full }
    }

    /// Discards the oldest callback that may be discarded: one of a session that is over, except its result; one that
    /// was not read for a long time; or a third copy of one that waits.
    fn discard(&self, state: &mut QueueState) -> bool {
        let now = Instant::now();
        let mut copies = HashMap::new();
        let leftover = state.unread.iter().position(|unread| {
            let copy = copies.entry(&unread.signature).or_insert(0);
            *copy += 1;
            self.stored
                || now.saturating_duration_since(unread.arrived) >= self.unread_time
                || (!unread.callback.is_final() && state.over.contains(&unread.callback.sid))
                || *copy > MAX_COPIES
        });
        let discarded = leftover.and_then(|index| state.unread.remove(index)).is_some();
        state.discarded += u64::from(discarded);
        discarded
    }

    /// Waits for the next callback of a session's views, or of all sessions without a view, for up to `timeout`, or
    /// forever if that is [`Duration::MAX`].
    ///
    /// # Errors
    /// Returns `Timeout` if no callback arrived in time, and `Closed` if there is none and none will arrive.
    pub(super) fn take(
        &self,
        session: Option<&str>,
        timeout: Duration,
    ) -> Result<StatusCallback, CallbackError> {
        // A time that the clock cannot represent never comes.
        let deadline = Instant::now().checked_add(timeout);
        let mut state = lock!(self.state);
        loop {
            let taken = state.take(|state, callback| match session {
                Some(sid) => callback.sid.eq_ignore_ascii_case(sid),
                None => !state.views.contains_key(&callback.sid.to_ascii_uppercase()),
            });
            if let Some(unread) = taken {
                return Ok(unread.callback);
            }
            if state.closed {
                return Err(CallbackError::new(CallbackErrorKind::Closed, "the listener was shut down"));
            }
            let left =
                deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(CallbackError::new(CallbackErrorKind::Timeout, "no callback arrived in time"));
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns the next callback like [`take`](Self::take), but only if there is one already.
    pub(super) fn try_take(&self, session: Option<&str>) -> Result<Option<StatusCallback>, CallbackError> {
        match self.take(session, Duration::ZERO) {
            Err(error) if error.kind() == CallbackErrorKind::Timeout => Ok(None),
            result => result.map(Some),
        }
    }

    /// Begins a view, which gets the session's callbacks from now on, including those that wait.
    pub(super) fn view(&self, sid: &str) {
        *lock!(self.state).views.entry(sid.to_ascii_uppercase()).or_default() += 1;
    }

    /// Ends a view. Callbacks that the last view of a session leaves can be read by others again.
    pub(super) fn end_view(&self, sid: &str) {
        let mut state = lock!(self.state);
        let sid = sid.to_ascii_uppercase();
        if let Some(views) = state.views.get_mut(&sid) {
            *views -= 1;
            if *views == 0 {
                state.views.remove(&sid);
                self.changed.notify_all();
            }
        }
    }

    /// Registers a handler, and passes the callbacks that already wait for it to it.
    ///
    /// # Errors
    /// Returns the handler's error, after which the handler is not registered. No callback is lost from the queue.
    pub(super) fn register(
        self: &Arc<Self>,
        handler: &Arc<dyn CallbackHandler>,
    ) -> Result<Registration, String> {
        lock!(self.state).handlers.push(Arc::clone(handler));
        let registration = Registration { queue: Arc::clone(self), handler: Arc::clone(handler) };
        loop {
            let mut state = lock!(self.state);
            let Some(unread) = state.take(|_, callback| handler.is_for(callback)) else {
                let closed = state.closed;
                drop(state);
                if closed {
                    handler.on_close();
                }
                return Ok(registration);
            };
            drop(state);
            if let Err(error) = call(|| handler.on_callback(&unread.callback)) {
                let mut state = lock!(self.state);
                let place = state.unread.partition_point(|other| other.number < unread.number);
                state.unread.insert(place, unread);
                self.changed.notify_all();
                return Err(error);
            }
        }
    }

    /// Stops queueing callbacks, and wakes every thread that waits for one.
    pub(super) fn close(&self) {
        let mut state = lock!(self.state);
        if !std::mem::replace(&mut state.closed, true) {
            self.changed.notify_all();
            let handlers = state.handlers.clone();
            drop(state);
            for handler in handlers {
                handler.on_close();
            }
        }
    }

    /// Returns how many callbacks wait to be read.
    pub(super) fn held(&self) -> usize {
        lock!(self.state).unread.len()
    }

    /// Returns how many unread callbacks were discarded.
    pub(super) fn discarded(&self) -> u64 {
        lock!(self.state).discarded
    }
}

/// The registration of a [`CallbackHandler`], which ends when this is dropped.
pub(crate) struct Registration {
    queue: Arc<Queue>,
    handler: Arc<dyn CallbackHandler>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock!(self.queue.state).handlers.retain(|other| !Arc::ptr_eq(other, &self.handler));
    }
}
