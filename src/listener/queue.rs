//! The callbacks that were received and not yet read, and who receives the next one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::digest;

use super::handler::{CallbackHandler, Registration};
use super::recent::Recent;
use crate::callback::{CallbackError, CallbackErrorKind, StatusCallback};

/// How many copies of one callback are kept if there is no room. An attacker can make any number of a captured one, by
/// sending it with other tokens; the service does not send the same words often.
const MAX_COPIES: usize = 2;

/// What tells one delivery of a callback from another.
pub(super) struct Delivery {
    /// A hash of the idempotency token and the signature, so that each takes the same little space. `None` without
    /// a token.
    repeat: Option<[u8; digest::SHA256_OUTPUT_LEN]>,
    /// The signature, which stands for the URL and the body.
    signature: String,
}

impl Delivery {
    pub(super) fn new(token: Option<&str>, signature: String) -> Self {
        let repeat = token.filter(|token| !token.is_empty()).map(|token| {
            let mut hash = [0; digest::SHA256_OUTPUT_LEN];
            // Neither has a line end in it.
            let both = [token, "\n", &signature].concat();
            hash.copy_from_slice(digest::digest(&digest::SHA256, both.as_bytes()).as_ref());
            hash
        });
        Self { repeat, signature }
    }
}

/// What becomes of a callback.
pub(super) enum Receipt {
    /// It waits to be read. To make room for it, an older one may have been discarded.
    Queued { discarded: bool },
    /// It is for a registered handler, which must be called.
    Registered(Arc<dyn CallbackHandler>, StatusCallback),
    /// It was received before.
    Repeated,
    /// There is no room for it, or the listener was shut down.
    NoRoom,
}

/// The queues between the server's threads and the readers.
pub(super) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    /// After this time, an unread callback may be discarded to make room.
    unread_time: Duration,
    /// The program stores every callback before it comes here, so any of them may be discarded.
    stored: bool,
}

#[derive(Default)]
struct State {
    /// Callbacks of sessions without a view.
    general: Unread,
    sessions: HashMap<String, Viewed>,
    handlers: Vec<(u64, Arc<dyn CallbackHandler>)>,
    /// How many callbacks are in all queues.
    held: usize,
    discarded: u64,
    /// The number of the latest callback or handler.
    latest: u64,
    received: Recent<[u8; digest::SHA256_OUTPUT_LEN]>,
    /// Sessions whose last callback has arrived.
    over: Recent<String>,
    closed: bool,
}

struct Waiting {
    /// Its place in the order of arrival.
    number: u64,
    arrived: Instant,
    signature: String,
    callback: StatusCallback,
}

#[derive(Default)]
struct Unread {
    /// In the order of arrival.
    callbacks: VecDeque<Waiting>,
    /// Each queue wakes its own readers only.
    changed: Arc<Condvar>,
}

impl Unread {
    /// Puts a callback in its place.
    fn insert(&mut self, waiting: Waiting) {
        let place = self.callbacks.partition_point(|other| other.number < waiting.number);
        self.callbacks.insert(place, waiting);
        self.changed.notify_one();
    }
}

/// The queue of a session with views.
#[derive(Default)]
struct Viewed {
    unread: Unread,
    views: usize,
}

impl State {
    /// The queue of a session's views, or the general one.
    fn unread(&mut self, session: Option<&str>) -> &mut Unread {
        match session.and_then(|sid| self.sessions.get_mut(sid)) {
            Some(viewed) => &mut viewed.unread,
            None => &mut self.general,
        }
    }

    fn next_number(&mut self) -> u64 {
        self.latest += 1;
        self.latest
    }

    fn is_repeat(&self, delivery: &Delivery) -> bool {
        delivery.repeat.as_ref().is_some_and(|repeat| self.received.contains(repeat))
    }

    /// Remembers that a callback was received.
    fn note(&mut self, callback: &StatusCallback, delivery: &Delivery) {
        if let Some(repeat) = &delivery.repeat {
            self.received.insert(repeat);
        }
        if callback.is_final() {
            self.over.insert(&callback.sid);
        }
    }

    /// Puts a callback in its place in the queue of its session's views, or in the general one.
    fn insert(&mut self, waiting: Waiting) {
        let unread = match self.sessions.get_mut(&waiting.callback.sid) {
            Some(viewed) => &mut viewed.unread,
            None => &mut self.general,
        };
        unread.insert(waiting);
    }

    /// Takes what is for a view or a handler out of the general queue.
    fn split_off(&mut self, is_for: impl Fn(&StatusCallback) -> bool) -> VecDeque<Waiting> {
        let all = std::mem::take(&mut self.general.callbacks);
        let (taken, others) = all.into_iter().partition(|waiting| is_for(&waiting.callback));
        self.general.callbacks = others;
        taken
    }
}

impl Queue {
    pub(super) fn new(capacity: usize, unread_time: Duration, stored: bool) -> Self {
        Self { state: Mutex::default(), capacity, unread_time, stored }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a callback was received before.
    pub(super) fn is_repeat(&self, delivery: &Delivery) -> bool {
        self.state().is_repeat(delivery)
    }

    /// Remembers a callback that a handler received.
    pub(super) fn note(&self, callback: &StatusCallback, delivery: &Delivery) {
        self.state().note(callback, delivery);
    }

    /// Queues a callback, unless it is for a handler, was received before, or there is no room.
    pub(super) fn put(&self, callback: StatusCallback, delivery: &Delivery) -> Receipt {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.is_repeat(delivery) {
            return Receipt::Repeated;
        }
        if let Some((_, handler)) = state.handlers.iter().find(|(_, handler)| handler.is_for(&callback)) {
            return Receipt::Registered(Arc::clone(handler), callback);
        }
        let full = state.held >= self.capacity;
        let has_room = if state.closed { self.stored } else { !full || self.discard(state) };
        if !has_room {
            return Receipt::NoRoom;
        }
        state.note(&callback, delivery);
        if state.closed {
            // Nobody waits for it any more, but the program has it.
            return Receipt::Queued { discarded: false };
        }
        state.held += 1;
        let number = state.next_number();
        let signature = delivery.signature.clone();
        state.insert(Waiting { number, arrived: Instant::now(), signature, callback });
        Receipt::Queued { discarded: full }
    }

    /// Discards the oldest callback that may be: one of a session that is over, except its result; one that nobody has
    /// read for long; or a third copy of one that waits.
    fn discard(&self, state: &mut State) -> bool {
        let now = Instant::now();
        let over = &state.over;
        let find = |unread: &Unread| {
            let mut copies = HashMap::new();
            unread.callbacks.iter().enumerate().find_map(|(index, waiting)| {
                let callback = &waiting.callback;
                let copy = copies.entry(waiting.signature.as_str()).or_insert(0);
                *copy += 1;
                let leftover = self.stored
                    || now.saturating_duration_since(waiting.arrived) >= self.unread_time
                    || (!callback.is_final() && over.contains(&callback.sid))
                    || *copy > MAX_COPIES;
                leftover.then_some((waiting.number, index))
            })
        };
        let views = state.sessions.iter().map(|(sid, viewed)| (Some(sid), &viewed.unread));
        let all = std::iter::once((None, &state.general)).chain(views);
        let oldest = all.filter_map(|(sid, unread)| find(unread).map(|found| (found, sid.cloned()))).min();
        let Some(((_, index), sid)) = oldest else { return false };
        state.unread(sid.as_deref()).callbacks.remove(index);
        state.held -= 1;
        state.discarded += 1;
        true
    }

    /// The next callback of a session's views, or of the general queue, waited for until `deadline` or, if there is
    /// none, for ever.
    ///
    /// # Errors
    /// `Timeout` at the deadline; `Closed` if nothing is left and nothing will come.
    pub(super) fn take(
        &self,
        session: Option<&str>,
        deadline: Option<Instant>,
    ) -> Result<StatusCallback, CallbackError> {
        let mut state = self.state();
        loop {
            if let Some(waiting) = state.unread(session).callbacks.pop_front() {
                state.held -= 1;
                return Ok(waiting.callback);
            }
            if state.closed {
                return Err(CallbackError::new(CallbackErrorKind::Closed, "the listener was shut down"));
            }
            let changed = Arc::clone(&state.unread(session).changed);
            state = match deadline {
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        let message = "no callback came in time";
                        return Err(CallbackError::new(CallbackErrorKind::Timeout, message));
                    }
                    changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The next callback, as [`take`](Self::take), if there is one already.
    pub(super) fn try_take(&self, session: Option<&str>) -> Result<Option<StatusCallback>, CallbackError> {
        match self.take(session, Some(Instant::now())) {
            Err(error) if error.kind() == CallbackErrorKind::Timeout => Ok(None),
            result => result.map(Some),
        }
    }

    /// Begins a view: from now on the session's callbacks are its own, including those in the general queue.
    pub(super) fn view(&self, sid: &str) {
        let mut state = self.state();
        state.sessions.entry(sid.to_owned()).or_default().views += 1;
        for waiting in state.split_off(|callback| callback.sid == sid) {
            state.insert(waiting);
        }
    }

    /// Ends a view. What the last one of a session leaves returns to its place in the general queue.
    pub(super) fn end_view(&self, sid: &str) {
        let mut state = self.state();
        let Some(viewed) = state.sessions.get_mut(sid) else { return };
        viewed.views -= 1;
        if viewed.views > 0 {
            return;
        }
        let left = state.sessions.remove(sid).map(|viewed| viewed.unread.callbacks).unwrap_or_default();
        for waiting in left {
            state.insert(waiting);
        }
    }

    /// Registers a handler, and gives it what the general queue holds for it.
    ///
    /// # Errors
    /// The handler's own error, after which it is not registered and nothing is lost from the queue.
    pub(super) fn register(
        self: &Arc<Self>,
        handler: &Arc<dyn CallbackHandler>,
    ) -> Result<Registration, String> {
        let mut state = self.state();
        let number = state.next_number();
        state.handlers.push((number, Arc::clone(handler)));
        let mut early = state.split_off(|callback| handler.is_for(callback));
        let closed = state.closed;
        drop(state);
        let registration = Registration { queue: Arc::clone(self), number };
        while let Some(waiting) = early.front() {
            if let Err(error) = super::handler::call(|| handler.on_callback(&waiting.callback)) {
                drop(registration);
                let mut state = self.state();
                early.into_iter().for_each(|waiting| state.insert(waiting));
                return Err(error);
            }
            early.pop_front();
            self.state().held -= 1;
        }
        if closed {
            handler.on_close();
        }
        Ok(registration)
    }

    pub(super) fn unregister(&self, number: u64) {
        self.state().handlers.retain(|(other, _)| *other != number);
    }

    /// Queues no callback any more, and wakes everyone who waits for one.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        state.general.changed.notify_all();
        for viewed in state.sessions.values() {
            viewed.unread.changed.notify_all();
        }
        let handlers = state.handlers.clone();
        drop(state);
        for (_, handler) in handlers {
            handler.on_close();
        }
    }

    /// How many callbacks wait to be read.
    pub(super) fn held(&self) -> usize {
        self.state().held
    }

    /// How many callbacks were discarded unread.
    pub(super) fn discarded(&self) -> u64 {
        self.state().discarded
    }
}

/// The end of a wait that begins now; `None` if it is further off than the clock reaches.
pub(super) fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
