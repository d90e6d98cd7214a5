//! What was received and not yet handed over, and who waits for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::repeats::{Seen, Token};
use crate::callback::{CallbackError, CallbackErrorKind, StatusCallback};

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It will be handed over.
    Taken,
    /// It was taken before.
    TakenBefore,
    /// There is no room for it, or nobody to hand it to any more.
    NoRoom,
}

/// The queues between the server's threads and the readers.
pub(super) struct Hub {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Default)]
struct State {
    /// Callbacks of sessions that nobody views.
    general: Queue,
    sessions: HashMap<String, Viewed>,
    /// How many callbacks are in all queues.
    held: usize,
    /// How many callbacks were ever taken.
    taken: u64,
    seen: Seen,
    closed: bool,
}

#[derive(Default)]
struct Queue {
    /// In the order in which they were taken, each with its number in that order.
    callbacks: VecDeque<(u64, StatusCallback)>,
    /// Each queue wakes its own readers only.
    arrived: Arc<Condvar>,
}

/// The queue of a session that is viewed.
#[derive(Default)]
struct Viewed {
    queue: Queue,
    views: usize,
}

impl State {
    /// The queue of a session's view, or the general one.
    fn queue(&mut self, session: Option<&str>) -> &mut Queue {
        match session.and_then(|sid| self.sessions.get_mut(sid)) {
            Some(viewed) => &mut viewed.queue,
            None => &mut self.general,
        }
    }
}

impl Hub {
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), capacity }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a callback, unless its token was seen or there is no room.
    pub(super) fn put(&self, callback: StatusCallback, token: Option<&Token>) -> Fate {
        let mut state = self.state();
        if token.is_some_and(|token| state.seen.contains(token)) {
            return Fate::TakenBefore;
        }
        if state.closed || state.held >= self.capacity {
            return Fate::NoRoom;
        }
        if let Some(token) = token {
            state.seen.insert(token);
        }
        state.held += 1;
        state.taken += 1;
        let number = state.taken;
        let queue = match state.sessions.get_mut(&callback.sid) {
            Some(viewed) => &mut viewed.queue,
            None => &mut state.general,
        };
        queue.callbacks.push_back((number, callback));
        queue.arrived.notify_one();
        Fate::Taken
    }

    /// The next callback of a session's view, or of the general queue, waited for until `deadline` or, where
    /// there is none, for ever.
    ///
    /// # Errors
    /// `Timeout` at the deadline, `Closed` if nothing is left and nothing will come.
    pub(super) fn take(
        &self,
        session: Option<&str>,
        deadline: Option<Instant>,
    ) -> Result<StatusCallback, CallbackError> {
        let mut state = self.state();
        loop {
            if let Some((_, callback)) = state.queue(session).callbacks.pop_front() {
                state.held -= 1;
                return Ok(callback);
            }
            if state.closed {
                return Err(CallbackError::new(CallbackErrorKind::Closed, "the listener was shut down"));
            }
            let arrived = Arc::clone(&state.queue(session).arrived);
            state = match deadline {
                None => arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        let late = "no callback came in time";
                        return Err(CallbackError::new(CallbackErrorKind::Timeout, late));
                    }
                    arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Begins a view: from now on the session's callbacks are its own, those in the general queue too.
    pub(super) fn view(&self, sid: &str) {
        let mut guard = self.state();
        let state = &mut *guard;
        let viewed = state.sessions.entry(sid.to_owned()).or_default();
        viewed.views += 1;
        if state.general.callbacks.iter().any(|(_, callback)| callback.sid == sid) {
            for (number, callback) in std::mem::take(&mut state.general.callbacks) {
                let of_view = callback.sid == sid;
                let queue = if of_view { &mut viewed.queue } else { &mut state.general };
                queue.callbacks.push_back((number, callback));
            }
            viewed.queue.arrived.notify_all();
        }
    }

    /// Ends a view. What the last one of a session leaves goes back to its place in the general queue.
    pub(super) fn end_view(&self, sid: &str) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(viewed) = state.sessions.get_mut(sid) else { return };
        viewed.views -= 1;
        if viewed.views > 0 {
            return;
        }
        if let Some(viewed) = state.sessions.remove(sid).filter(|viewed| !viewed.queue.callbacks.is_empty()) {
            state.general.callbacks.extend(viewed.queue.callbacks);
            // Two sorted runs, which this sort merges.
            state.general.callbacks.make_contiguous().sort_by_key(|(number, _)| *number);
            state.general.arrived.notify_all();
        }
    }

    /// Takes no callback any more, and wakes everyone who waits for one.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.general.arrived.notify_all();
        for viewed in state.sessions.values() {
            viewed.queue.arrived.notify_all();
        }
    }

    /// How many callbacks wait to be read.
    pub(super) fn held(&self) -> usize {
        self.state().held
    }
}

/// The end of a wait that begins now; none where it is further off than the clock reaches.
pub(super) fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put { session: usize, token: Option<usize> },
        View(usize),
        EndView(usize),
        Take(Option<usize>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3usize, prop::option::of(0..8usize))
                .prop_map(|(session, token)| Step::Put { session, token }),
            (0..3usize).prop_map(Step::View),
            (0..3usize).prop_map(Step::EndView),
            prop::option::of(0..3usize).prop_map(Step::Take),
        ]
    }

    fn sid(session: usize) -> String {
        format!("PK{session:032x}")
    }

    proptest! {
        /// Whatever views begin and end, each callback that is taken is handed over once, and those of a
        /// session to its views while there are any.
        #[test]
        fn each_is_handed_over_once(steps in prop::collection::vec(step(), 0..60)) {
            const CAPACITY: usize = 5;
            let hub = Hub::new(CAPACITY);
            let (mut views, mut tokens) = ([0; 3], Vec::new());
            let (mut waiting, mut next) = (Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Put { session, token } => {
                        let body = format!("Sid={}&Number={next}", sid(session));
                        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
                        let fate = hub.put(callback, token.map(|token| Token::new(&token.to_string())).as_ref());
                        let expected = match token {
                            Some(token) if tokens.contains(&token) => Fate::TakenBefore,
                            _ if waiting.len() == CAPACITY => Fate::NoRoom,
                            _ => Fate::Taken,
                        };
                        prop_assert_eq!(fate, expected);
                        if fate == Fate::Taken {
                            tokens.extend(token);
                            waiting.push((session, next));
                        }
                        next += 1;
                    }
                    Step::View(session) => {
                        hub.view(&sid(session));
                        views[session] += 1;
                    }
                    Step::EndView(session) if views[session] > 0 => {
                        hub.end_view(&sid(session));
                        views[session] -= 1;
                    }
                    Step::Take(Some(session)) if views[session] == 0 => {}
                    Step::EndView(_) => {}
                    Step::Take(from) => {
                        let taken = hub.take(from.map(sid).as_deref(), deadline(Duration::ZERO)).ok();
                        let ours = |session: usize| from.map_or(views[session] == 0, |from| from == session);
                        let Some(taken) = taken else {
                            prop_assert!(!waiting.iter().any(|(session, _)| ours(*session)));
                            continue;
                        };
                        let number = taken.other("Number").unwrap().parse::<usize>().unwrap();
                        let place = waiting.iter().position(|(_, waiting)| *waiting == number);
                        prop_assert!(place.is_some(), "{} was handed over before", number);
                        let (session, _) = waiting.remove(place.unwrap());
                        prop_assert!(ours(session));
                        prop_assert_eq!(taken.sid, sid(session));
                        // In the order of arrival, whatever views came and went.
                        prop_assert!(!waiting.iter().any(|(other, n)| ours(*other) && *n < number));
                    }
                }
                prop_assert_eq!(hub.held(), waiting.len());
            }
        }
    }
}
