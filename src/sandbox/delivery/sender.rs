//! Delivers callbacks: one thread, in order within a session, tried again as the service does.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::callback::Callback;
use super::post::{self, Abort};
use super::record::{Delivery, Record, RecordedCallback};
use super::target::{Target, without_fragment};
use crate::callback::SignatureValidator;

/// How hard a delivery is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryPolicy {
    /// How often in all; at least once.
    pub(crate) attempts: u32,
    /// How long to wait before the second try; doubled before each one after it.
    pub(crate) backoff: Duration,
    /// How long connecting may take, of the time of a try.
    pub(crate) connect: Duration,
    /// How long one try may take, to the status of the answer.
    pub(crate) total: Duration,
}

impl DeliveryPolicy {
    /// How long to wait after this many tries.
    fn pause(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        self.backoff.saturating_mul(1 << doublings).min(Duration::from_secs(3600))
    }
}

/// The service's timeouts, and a few tries soon after one another.
impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            backoff: Duration::from_millis(100),
            connect: Duration::from_secs(5),
            total: Duration::from_secs(15),
        }
    }
}

/// The sandbox's deliverer of callbacks. Stops when dropped; what is pending then stays undelivered.
pub(crate) struct Sender {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    auth_token: String,
    policy: DeliveryPolicy,
    tokens: RandomState,
    abort: Abort,
    state: Mutex<State>,
    /// Told of every change of the state.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// How many callbacks were ever taken.
    taken: u64,
    /// How many of them are pending.
    pending: usize,
    sessions: HashMap<Arc<str>, Queue>,
    /// The sessions whose first pending callback can go now, the earliest callback first.
    ready: BTreeMap<u64, Arc<str>>,
    /// The sessions whose first pending callback must wait for its next try.
    waiting: BTreeMap<(Instant, u64), Arc<str>>,
}

#[derive(Default)]
struct Queue {
    /// The number that each was taken under, and what became of it.
    records: Vec<(u64, Record)>,
    /// The first that is not dealt with.
    next: usize,
    /// Whether that one is ready, waiting or under way.
    scheduled: bool,
}

/// One try to make.
struct Job {
    session: Arc<str>,
    number: u64,
    target: Target,
    request: Vec<u8>,
}

impl Sender {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub(crate) fn start(auth_token: &str, policy: DeliveryPolicy) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            auth_token: auth_token.to_owned(),
            policy,
            tokens: RandomState::new(),
            abort: Abort::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("sandbox-callbacks".to_owned()).spawn(move || own.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Takes callbacks over. Those of a session are delivered in the order in which they are handed in.
    pub(crate) fn send(&self, callbacks: impl IntoIterator<Item = Callback>) {
        let mut state = self.shared.lock();
        for callback in callbacks {
            let number = state.taken;
            state.taken += 1;
            let sendable = Target::parse(&callback.url).is_some();
            state.pending += usize::from(sendable);
            let session = Arc::clone(&callback.session);
            let record = Record::new(callback, self.shared.token(number), sendable);
            state.sessions.entry(Arc::clone(&session)).or_default().records.push((number, record));
            state.schedule(&session);
        }
        self.shared.changed.notify_all();
    }

    /// What became of the callbacks of a session so far, in order.
    pub(crate) fn callbacks(&self, session: &str) -> Vec<RecordedCallback> {
        let state = self.shared.lock();
        let queue = state.sessions.get(session);
        queue
            .map(|queue| queue.records.iter().map(|(_, record)| RecordedCallback::new(record)).collect())
            .unwrap_or_default()
    }

    /// Forgets the callbacks of a session that are dealt with.
    pub(crate) fn forget(&self, session: &str) {
        let mut state = self.shared.lock();
        if state.sessions.get(session).is_some_and(|queue| !queue.scheduled) {
            state.sessions.remove(session);
        }
    }

    /// The callbacks of all sessions from the `from`-th on, in order, waiting up to a time until there is one;
    /// and how many were ever made.
    pub(crate) fn wait_for_callbacks(&self, from: u64, time: Duration) -> (Vec<RecordedCallback>, u64) {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, time, |state| state.taken <= from && !state.stopped);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let records = state.sessions.values().flat_map(|queue| &queue.records);
        let mut new: Vec<_> = records.filter(|(number, _)| *number >= from).collect();
        new.sort_unstable_by_key(|(number, _)| *number);
        (new.into_iter().map(|(_, record)| RecordedCallback::new(record)).collect(), state.taken)
    }

    /// Stops the deliveries for good.
    pub(crate) fn stop(&self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        self.shared.abort.abort();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Waits until nothing is pending, for `time` at the most. Whether it came to that.
    pub(crate) fn wait_until_idle(&self, time: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, time, |state| state.pending > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.pending == 0
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Sender")
            .field("policy", &self.shared.policy)
            .field("taken", &state.taken)
            .field("pending", &state.pending)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Sees to it that the first pending callback of a session has its turn.
    fn schedule(&mut self, session: &Arc<str>) {
        let Some(queue) = self.sessions.get_mut(session).filter(|queue| !queue.scheduled) else { return };
        while let Some((number, record)) = queue.records.get(queue.next) {
            if record.delivery == Delivery::Pending {
                queue.scheduled = true;
                self.ready.insert(*number, Arc::clone(session));
                return;
            }
            queue.next += 1;
        }
    }

    /// Makes ready what has waited long enough; how long the others must wait.
    fn wake(&mut self, now: Instant) -> Option<Duration> {
        while let Some(first) = self.waiting.first_entry() {
            let (due, number) = *first.key();
            if due > now {
                return Some(due - now);
            }
            let session = first.remove();
            self.ready.insert(number, session);
        }
        None
    }

    fn head(&mut self, session: &str) -> Option<&mut Record> {
        let queue = self.sessions.get_mut(session)?;
        queue.records.get_mut(queue.next).map(|(_, record)| record)
    }

    /// Enters what came of a try.
    fn settle(&mut self, job: &Job, status: Option<u16>, policy: &DeliveryPolicy) {
        let Some(record) = self.head(&job.session) else { return };
        record.attempts = record.attempts.saturating_add(1);
        record.status = status;
        let again = status.is_none_or(|status| status >= 500) && record.attempts < policy.attempts;
        if again {
            let due = Instant::now() + policy.pause(record.attempts);
            self.waiting.insert((due, job.number), Arc::clone(&job.session));
            return;
        }
        let delivered = status.is_some_and(|status| (200..300).contains(&status));
        record.delivery = if delivered { Delivery::Delivered } else { Delivery::Failed };
        self.pending = self.pending.saturating_sub(1);
        if let Some(queue) = self.sessions.get_mut(&job.session) {
            queue.scheduled = false;
        }
        self.schedule(&job.session);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some(job) = self.next_job() {
            let DeliveryPolicy { connect, total, .. } = self.policy;
            let status = post::post(&job.target, &job.request, connect, total, &self.abort).ok();
            let mut state = self.lock();
            if state.stopped {
                return;
            }
            state.settle(&job, status, &self.policy);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next try to make; `None` where the sender stops.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let wait = state.wake(Instant::now());
            if let Some((number, session)) = state.ready.pop_first() {
                if let Some(job) = state.head(&session).and_then(|record| self.job(record, &session, number))
                {
                    return Some(job);
                }
                continue;
            }
            state = match wait {
                Some(time) => {
                    let waited = self.changed.wait_timeout(state, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn job(&self, record: &Record, session: &Arc<str>, number: u64) -> Option<Job> {
        let target = Target::parse(&record.url)?;
        let body = &record.body;
        let validator = SignatureValidator::new(&self.auth_token).ok()?;
        let signature = validator.sign(without_fragment(&record.url), body.as_bytes());
        let mut head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: twilio-payments-sandbox/{}\r\nAccept: */*\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nContent-Length: {}\r\n\
             X-Twilio-Signature: {signature}\r\nI-Twilio-Idempotency-Token: {}\r\nConnection: close\r\n",
            target.path,
            target.host,
            env!("CARGO_PKG_VERSION"),
            body.len(),
            record.token,
        );
        if let Some(authorization) = &target.authorization {
            head.extend(["Authorization: ", authorization, "\r\n"]);
        }
        let request = [head.as_bytes(), b"\r\n", body.as_bytes()].concat();
        Some(Job { session: Arc::clone(session), number, target, request })
    }

    /// A token in the form of a UUID, another for each number and each sandbox.
    fn token(&self, number: u64) -> String {
        let (high, low) = (self.tokens.hash_one((number, 0)), self.tokens.hash_one((number, 1)));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let millis = |n| Duration::from_millis(n);
        let hour = Duration::from_secs(3600);
        for (backoff, attempts, expected) in [
            (millis(100), 1, millis(100)),
            (millis(100), 2, millis(200)),
            (millis(100), 3, millis(400)),
            (millis(100), 4, millis(800)),
            (millis(100), 16, millis(3_276_800)),
            (millis(100), 17, hour),
            (millis(1), 17, millis(65_536)),
            (millis(1), u32::MAX, millis(65_536)),
            (millis(100), u32::MAX, hour),
            (hour * 2, 1, hour),
            (Duration::MAX, 9, hour),
            (Duration::ZERO, 9, Duration::ZERO),
        ] {
            let policy = DeliveryPolicy { backoff, ..DeliveryPolicy::default() };
            assert_eq!(policy.pause(attempts), expected, "{backoff:?} after {attempts}");
        }
    }

    #[test]
    fn a_failed_try_is_due_again_after_its_pause() {
        let policy = DeliveryPolicy { backoff: Duration::from_secs(60), ..DeliveryPolicy::default() };
        let (session, url) = (Arc::<str>::from("PK1"), "http://127.0.0.1/");
        let callback = Callback { session: Arc::clone(&session), url: url.into(), params: Vec::new() };
        let mut state = State { pending: 1, ..State::default() };
        let record = Record::new(callback, "token".to_owned(), true);
        state.sessions.entry(Arc::clone(&session)).or_default().records.push((0, record));
        state.schedule(&session);
        for (attempts, pause) in [(1, 60), (2, 120), (3, 240)] {
            let (number, session) = state.ready.pop_first().unwrap();
            let job = Job { session, number, target: Target::parse(url).unwrap(), request: Vec::new() };
            let before = Instant::now();
            state.settle(&job, Some(500), &policy);
            let after = Instant::now();
            let pause = Duration::from_secs(pause);
            let (due, _) = *state.waiting.first_key_value().unwrap().0;
            assert!(due >= before + pause && due <= after + pause, "after try {attempts}");
            assert_eq!(state.head("PK1").unwrap().attempts, attempts);
            // Not before it is due.
            assert!(state.wake(before).is_some() && state.ready.is_empty());
            assert_eq!(state.wake(due), None);
            assert_eq!(state.pending, 1);
        }
        let (number, session) = state.ready.pop_first().unwrap();
        let job = Job { session, number, target: Target::parse(url).unwrap(), request: Vec::new() };
        state.settle(&job, None, &policy);
        assert!(state.waiting.is_empty() && state.ready.is_empty());
        assert_eq!((state.pending, state.head("PK1").is_some()), (0, false));
    }
}
