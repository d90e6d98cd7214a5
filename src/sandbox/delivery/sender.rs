//! Delivers callbacks: those of a session one after another, those of different sessions at the same time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;

use super::post::{self, Target};
use super::record::{Callback, Delivery, RecordedCallback};
use crate::callback::{CallbackError, CallbackFailure, CallbackRetries, SignatureValidator};
use crate::text::random::Uuid;

/// How many sessions are served at the same time, each by a thread that ends when there is nothing left to do.
const MOST_THREADS: usize = 32;
/// How many callbacks of a session are kept after they were delivered.
const MOST_KEPT: usize = 1000;
/// How long to wait before the second attempt. It doubles before each further attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// Delivers the sandbox's callbacks. Dropping it stops this, and pending callbacks are not delivered.
pub(crate) struct Sender(Arc<Shared>);

struct Shared {
    signer: SignatureValidator,
    /// The settings header that names the shared key, if callbacks are signed with one.
    settings: Option<String>,
    agent: Agent,
    state: Mutex<SenderState>,
    /// Notified of every change of the state.
    changed: Condvar,
}

#[derive(Default)]
struct SenderState {
    stopped: bool,
    /// How many callbacks were taken in total.
    taken: u64,
    /// How many of them are pending.
    pending: usize,
    threads: usize,
    /// How many threads are delivering.
    delivering: usize,
    sessions: HashMap<Arc<str>, SessionQueue>,
    /// The sessions with a pending callback that no thread has taken.
    ready: VecDeque<Arc<str>>,
}

/// The callbacks of a session.
#[derive(Default)]
struct SessionQueue {
    /// The number and the record of each.
    records: VecDeque<(u64, RecordedCallback)>,
    /// Whether the session is ready or being served by a thread.
    busy: bool,
    /// Whether to remove it as soon as it is not busy.
    forgotten: bool,
}

impl Sender {
    /// Makes a sender that signs with the account's auth token or, if there is one, a shared key, given as SID and
    /// secret.
    ///
    /// # Errors
    /// Returns an error if the token or secret cannot verify a signature.
    pub(crate) fn new(auth_token: &str, shared_key: Option<(&str, &str)>) -> Result<Self, CallbackError> {
        let signer = match shared_key {
            Some((_, secret)) => SignatureValidator::from_shared_key(secret)?,
            None => SignatureValidator::new(auth_token)?,
        };
        Ok(Self(Arc::new(Shared {
            signer,
            settings: shared_key.map(|(sid, _)| format!("key={sid},algorithm=HMAC_SHA256")),
            agent: post::agent(),
            state: Mutex::default(),
            changed: Condvar::new(),
        })))
    }

    /// Takes callbacks to deliver. Those of a session are delivered in the order in which they are passed.
    pub(crate) fn send(&self, callbacks: impl IntoIterator<Item = Callback>) {
        let mut state = lock!(self.0.state);
        for callback in callbacks {
            let sendable = !state.stopped && Target::of(&callback.url).is_some();
            let session = Arc::clone(&callback.session_sid);
            let number = state.taken;
            state.taken += 1;
            state.pending += usize::from(sendable);
            let queue = state.sessions.entry(Arc::clone(&session)).or_default();
            queue.keep(number, RecordedCallback::new(callback, Uuid::random().text(), sendable));
            if sendable && !queue.busy {
                queue.busy = true;
                state.ready.push_back(session);
            }
        }
        while state.threads < MOST_THREADS.min(state.delivering + state.ready.len()) {
            let own = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("sandbox-callbacks".to_owned());
            if let Err(error) = thread.spawn(move || own.run()) {
                // Threads that already run deliver it, or the next callback starts one.
                log::warn!("cannot start a thread for the sandbox's callbacks: {error}");
                break;
            }
            state.threads += 1;
        }
        self.0.changed.notify_all();
    }

    /// Returns the records of a session's callbacks so far, in order.
    pub(crate) fn callbacks(&self, session: &str) -> Vec<RecordedCallback> {
        let state = lock!(self.0.state);
        let records = state.sessions.get(session).into_iter().flat_map(|queue| &queue.records);
        records.map(|(_, record)| record.decoded()).collect()
    }

    /// Returns the callbacks of all sessions from the `from`-th on, in order, and how many were made in total. Waits
    /// for up to `time` until there is one.
    pub(crate) fn wait_for_callbacks(&self, from: u64, time: Duration) -> (Vec<RecordedCallback>, u64) {
        let nothing_new = |state: &mut SenderState| state.taken <= from && !state.stopped;
        let waited = self.0.changed.wait_timeout_while(lock!(self.0.state), time, nothing_new);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let queues = state.sessions.values().map(|queue| queue.records.iter().rev());
        let mut new: Vec<_> =
            queues.flat_map(|latest| latest.take_while(|(number, _)| *number >= from)).collect();
        new.sort_unstable_by_key(|(number, _)| *number);
        (new.into_iter().map(|(_, record)| record.decoded()).collect(), state.taken)
    }

    /// Forgets a session as soon as none of its callbacks is pending.
    pub(crate) fn forget(&self, session: &str) {
        let mut state = lock!(self.0.state);
        let Some(queue) = state.sessions.get_mut(session) else { return };
        queue.forgotten = true;
        if !queue.busy {
            state.sessions.remove(session);
        }
    }

    /// Waits for up to `time` until no callback is pending, and returns whether that is so.
    pub(crate) fn wait_until_idle(&self, time: Duration) -> bool {
        let waited = self.0.changed.wait_timeout_while(lock!(self.0.state), time, |state| state.pending > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.pending == 0
    }

    /// Stops all deliveries. Those under way are aborted, and their threads end.
    pub(crate) fn stop(&self) {
        let mut state = lock!(self.0.state);
        state.stopped = true;
        state.ready.clear();
        self.0.changed.notify_all();
        drop(state);
        // From now on, new connections fail too.
        self.0.agent.clone().shutdown();
        drop(self.0.changed.wait_while(lock!(self.0.state), |state| state.threads > 0));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop();
    }
}

impl SessionQueue {
    /// Adds a callback. If there are too many, drops the oldest ones that are no longer pending.
    fn keep(&mut self, number: u64, record: RecordedCallback) {
        self.records.push_back((number, record));
        while self.records.len() > MOST_KEPT
            && self.records.front().is_some_and(|(_, record)| record.delivery != Delivery::Pending)
        {
            self.records.pop_front();
        }
    }

    /// Returns the next callback to deliver.
    fn pending(&mut self) -> Option<&mut RecordedCallback> {
        self.records.iter_mut().map(|(_, record)| record).find(|record| record.delivery == Delivery::Pending)
    }
}

impl Shared {
    /// Delivers one callback of each ready session in turn, until none is ready.
    fn run(&self) {
        let mut state = lock!(self.state);
        while let Some(session) = state.ready.pop_front() {
            if let Some(record) = state.sessions.get_mut(&session).and_then(SessionQueue::pending).cloned() {
                state.delivering += 1;
                drop(state);
                self.deliver(&record);
                state = lock!(self.state);
                state.delivering -= 1;
            }
            if state.stopped {
                break;
            }
            let Some(queue) = state.sessions.get_mut(&session) else { continue };
            queue.busy = queue.pending().is_some();
            if queue.busy {
                state.ready.push_back(session);
            } else if queue.forgotten {
                state.sessions.remove(&session);
            }
        }
        state.threads -= 1;
        self.changed.notify_all();
    }

    /// Attempts a delivery as often as its URL asks for, and records the result.
    fn deliver(&self, record: &RecordedCallback) {
        let retries = CallbackRetries::of_url(&record.url);
        let ([connect, read, total], started) = (retries.timeouts(), Instant::now());
        let mut pause = PAUSE;
        for attempt in 1.. {
            let times = [connect, read, total.saturating_sub(started.elapsed())];
            let result = self.attempt(record, times);
            let failure = match result {
                Ok(200..=299) => None,
                Ok(400..=499) => Some(CallbackFailure::Status4xx),
                Ok(500..=599) => Some(CallbackFailure::Status5xx),
                Ok(_) => Some(CallbackFailure::Any),
                Err(failure) => Some(failure),
            };
            let again = |failure| retries.again(attempt, failure) && started.elapsed() + pause < total;
            let delivery = match failure {
                None => Delivery::Delivered,
                Some(failure) if again(failure) => Delivery::Pending,
                Some(_) => Delivery::Failed,
            };
            let mut state = lock!(self.state);
            if state.stopped {
                return;
            }
            if let Some(kept) = state.sessions.get_mut(&record.session_sid).and_then(SessionQueue::pending) {
                (kept.attempts, kept.status, kept.delivery) = (attempt, result.ok(), delivery);
            }
            self.changed.notify_all();
            if delivery != Delivery::Pending {
                state.pending = state.pending.saturating_sub(1);
                return;
            }
            drop(self.changed.wait_timeout_while(state, pause, |state| !state.stopped));
            pause *= 2;
        }
    }

    /// Signs and sends a callback, and returns the status of the response.
    fn attempt(&self, record: &RecordedCallback, times: [Duration; 3]) -> Result<u16, CallbackFailure> {
        let target = Target::of(&record.url).ok_or(CallbackFailure::Any)?;
        let (url, body) = (&target.signed, record.body.as_bytes());
        let mut headers = vec![("I-Twilio-Idempotency-Token", &*record.idempotency_token)];
        let signature = match &self.settings {
            Some(settings) => {
                headers.push(("X-Twilio-Webhooks-Signature-Settings", settings));
                self.signer.sign_sha256(url, body)
            }
            None => self.signer.sign(url, body),
        };
        headers.push((SignatureValidator::HEADER, &signature));
        post::post(&self.agent, &target, &headers, &record.body, times)
    }
}
