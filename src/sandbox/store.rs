//! What the sandbox remembers: calls, sessions, stored answers, transactions. All of it behind one lock, so that
//! two requests with one idempotency key cannot both have an effect.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::call::Line;
use super::delivery::{Callback, DeliveryPolicy, RecordedCallback, Sender};
use super::mint::Mint;
use super::parameters::{Create, Fields, Step, Update};
use super::refusals::Refusal;
use super::session::{Asking, Clock};
use super::views::{Session, Transaction};
use crate::model::Capture;
use crate::text::date::rfc_2822;

/// A success, as it goes out the first time and every time that its request is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Success {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Where a request goes: its path, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    pub(super) account_sid: &'a str,
    pub(super) call_sid: &'a str,
    /// `None` for a creation.
    pub(super) sid: Option<&'a str>,
}

pub(super) struct State {
    mint: Mint,
    clock: Clock,
    sender: Sender,
    memory: Mutex<Memory>,
    /// Told of every change of the memory.
    changed: Condvar,
    /// Told where the clock must look earlier than it meant to.
    due: Condvar,
}

#[derive(Default)]
struct Memory {
    calls: HashMap<String, Call>,
    sessions: HashMap<String, Record>,
    /// The sessions' SIDs in the order of their creation.
    order: Vec<String>,
    /// By account, and then by idempotency key.
    stored: HashMap<String, HashMap<String, Stored>>,
    transactions: Vec<Transaction>,
    /// The SIDs of the open sessions.
    open: HashSet<String>,
    /// When the clock looks again.
    next_tick: Option<Duration>,
    stopped: bool,
}

struct Call {
    account_sid: String,
    live: bool,
    /// Whether the caller answers by himself.
    obliging: bool,
    open_session: Option<String>,
}

struct Record {
    call_sid: String,
    created: String,
    body: Arc<[u8]>,
    captures: Vec<Capture>,
    keys: Vec<String>,
    line: Line,
}

/// A carried-out request and its answer.
struct Stored {
    path: String,
    body: Arc<[u8]>,
    success: Success,
}

impl State {
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn new(mint: Mint, auth_token: &str, delivery: DeliveryPolicy) -> io::Result<Self> {
        Ok(Self {
            mint,
            clock: Clock::new(),
            sender: Sender::start(auth_token, delivery)?,
            memory: Mutex::default(),
            changed: Condvar::new(),
            due: Condvar::new(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mint(&self) -> &Mint {
        &self.mint
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// A new live call.
    pub(super) fn call(&self, account_sid: &str) -> String {
        let sid = self.mint.sid("CA");
        let account_sid = account_sid.to_owned();
        let call = Call { account_sid, live: true, obliging: false, open_session: None };
        self.memory().calls.insert(sid.clone(), call);
        sid
    }

    /// Whether a call goes on.
    pub(super) fn is_live(&self, call_sid: &str) -> bool {
        self.memory().calls.get(call_sid).is_some_and(|call| call.live)
    }

    /// Makes the caller answer by himself from now on.
    pub(super) fn oblige(&self, call_sid: &str) {
        if let Some(call) = self.memory().calls.get_mut(call_sid) {
            call.obliging = true;
        }
        self.on_call(call_sid, Line::oblige);
    }

    /// The caller presses keys.
    pub(super) fn press(&self, call_sid: &str, keys: &str) {
        self.on_call(call_sid, |line, now| line.press(keys, now));
    }

    /// Ends a call, and with it the session on it.
    pub(super) fn hang_up(&self, call_sid: &str) {
        if let Some(call) = self.memory().calls.get_mut(call_sid) {
            call.live = false;
        }
        self.on_call(call_sid, Line::hang_up);
        // Also where no session is open: somebody may wait for the caller to be asked.
        self.changed.notify_all();
    }

    /// Lets something happen to the open session of a call, if there is one.
    fn on_call(&self, call_sid: &str, happen: impl FnOnce(&mut Line, Duration) -> Vec<Callback>) {
        let mut memory = self.memory();
        let sid = memory.calls.get(call_sid).and_then(|call| call.open_session.clone());
        let Some(sid) = sid else { return };
        if let Some(record) = memory.sessions.get_mut(&sid) {
            let callbacks = happen(&mut record.line, self.clock.now());
            self.settle(&mut memory, &sid, callbacks);
        }
    }

    /// What the caller is asked, waiting up to a time until he is asked something.
    pub(super) fn asking(&self, call_sid: &str, time: Duration) -> Option<Asking> {
        let end = Instant::now().checked_add(time);
        let mut memory = self.memory();
        loop {
            if let Some(asking) = memory.asking(call_sid) {
                return Some(asking);
            }
            let left = end.map_or(time, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() || memory.stopped || !memory.calls.get(call_sid).is_some_and(|call| call.live) {
                return None;
            }
            let waited = self.changed.wait_timeout(memory, left);
            memory = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sets the clock forward.
    pub(super) fn advance(&self, by: Duration) {
        let held = self.memory();
        self.clock.advance(by);
        drop(held);
        self.due.notify_all();
    }

    /// Lets waits that are over have their effect, until [`stop`](Self::stop) is called. For a thread.
    pub(super) fn run_clock(&self) {
        let mut memory = self.memory();
        while !memory.stopped {
            let open: Vec<String> = memory.open.iter().cloned().collect();
            let mut next = None;
            for sid in open {
                let Some(record) = memory.sessions.get_mut(&sid) else { continue };
                let callbacks = record.line.tick(self.clock.now());
                next = [next, record.line.next_deadline()].into_iter().flatten().min();
                if !callbacks.is_empty() {
                    self.settle(&mut memory, &sid, callbacks);
                }
            }
            memory.next_tick = next;
            memory = match next {
                Some(deadline) => {
                    let time = deadline.saturating_sub(self.clock.now()).max(Duration::from_millis(1));
                    let waited = self.due.wait_timeout(memory, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.due.wait(memory).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Stops the clock and the delivery of callbacks.
    pub(super) fn stop(&self) {
        self.memory().stopped = true;
        self.changed.notify_all();
        self.due.notify_all();
        self.sender.stop();
    }

    /// The stored answer to a request that was carried out before, byte for byte: the usual repetition, which needs
    /// no second look at its parameters.
    pub(super) fn repeated(&self, place: Place<'_>, body: &[u8]) -> Option<Success> {
        let (_, key) = form_urlencoded::parse(body).find(|(name, _)| name == "IdempotencyKey")?;
        let memory = self.memory();
        let stored = memory.stored.get(place.account_sid)?.get(key.as_ref())?;
        (stored.path == place.path && *stored.body == *body).then(|| stored.success.clone())
    }

    /// Creates a session.
    pub(super) fn create(
        &self,
        place: Place<'_>,
        body: &[u8],
        create: Result<Create, Refusal>,
    ) -> Result<Success, Refusal> {
        let mut memory = self.memory();
        memory.find_call(place)?;
        let create = create?;
        let key = &create.common.idempotency_key;
        if let Some(success) = memory.replay(place, key, body)? {
            return Ok(success);
        }
        let call = memory.find_call(place)?;
        if !call.live {
            return Err(Refusal::call_not_in_progress(place.call_sid));
        }
        if let Some(open) = &call.open_session {
            return Err(Refusal::conflict(format!("Session {open} is in progress on the call")));
        }
        let sid = self.mint.sid("PK");
        call.open_session = Some(sid.clone());
        let body: Arc<[u8]> = body.into();
        let now = self.clock.now();
        let date = rfc_2822(now);
        let (line, started) = Line::start(place, &sid, &create, now);
        let record = Record {
            call_sid: place.call_sid.to_owned(),
            created: date.clone(),
            body: Arc::clone(&body),
            captures: Vec::new(),
            keys: vec![key.clone()],
            line,
        };
        memory.sessions.insert(sid.clone(), record);
        memory.order.push(sid.clone());
        memory.open.insert(sid.clone());
        let success = Success { status: 201, body: resource(place, &sid, &date, &date) };
        memory.store(place, key, body, &success);
        self.settle(&mut memory, &sid, vec![started]);
        Ok(success)
    }

    /// Takes a session one step on.
    pub(super) fn update(
        &self,
        place: Place<'_>,
        sid: &str,
        body: &[u8],
        update: Result<Update, Refusal>,
    ) -> Result<Success, Refusal> {
        let mut memory = self.memory();
        memory.find_call(place)?;
        memory.find_session(place, sid)?;
        let Update { common, step } = update?;
        let key = &common.idempotency_key;
        if let Some(success) = memory.replay(place, key, body)? {
            return Ok(success);
        }
        let call = memory.find_call(place)?;
        if !call.live {
            return Err(Refusal::call_not_in_progress(place.call_sid));
        }
        let obliging = call.obliging;
        let record = memory.find_session(place, sid)?;
        if let Some(result) = record.line.result() {
            return Err(Refusal::conflict(format!("Session {sid} is over: {result}")));
        }
        let (url, now) = (&common.status_callback, self.clock.now());
        let (stepped, field) = match &step {
            Step::Capture(capture) => (record.line.capture(capture, url, now), "Capture"),
            Step::Complete => (record.line.complete(url, now), "Status"),
            Step::Cancel => (record.line.cancel(url, now), "Status"),
        };
        let mut callbacks =
            stepped.map_err(|refusal| Refusal::invalid_parameter(field, &refusal.to_string()))?;
        if obliging {
            callbacks.extend(record.line.oblige(now));
        }
        if let Step::Capture(capture) = step {
            record.captures.push(capture);
        }
        record.keys.push(key.clone());
        let success = Success { status: 202, body: resource(place, sid, &record.created, &rfc_2822(now)) };
        memory.store(place, key, body.into(), &success);
        self.settle(&mut memory, sid, callbacks);
        Ok(success)
    }

    /// Takes over what a session went through: its callbacks go out, a transaction is counted, and when it is
    /// over the call is free. The memory stays locked, so that callbacks keep the order of events.
    fn settle(&self, memory: &mut Memory, sid: &str, callbacks: Vec<Callback>) {
        self.sender.send(callbacks);
        let deadline = memory.settle(sid);
        if deadline.is_some_and(|deadline| memory.next_tick.is_none_or(|tick| deadline < tick)) {
            self.due.notify_all();
        }
        self.changed.notify_all();
    }

    /// The callbacks of a session, in order.
    pub(super) fn callbacks(&self, sid: &str) -> Vec<RecordedCallback> {
        self.sender.callbacks(sid)
    }

    /// A session, if there is one.
    pub(super) fn session(&self, sid: &str) -> Option<Session> {
        self.memory().session(sid)
    }

    /// All sessions, in the order of their creation.
    pub(super) fn sessions(&self) -> Vec<Session> {
        let memory = self.memory();
        memory.order.iter().filter_map(|sid| memory.session(sid)).collect()
    }

    pub(super) fn transactions(&self) -> Vec<Transaction> {
        self.memory().transactions.clone()
    }

    pub(super) fn transaction_count(&self) -> usize {
        self.memory().transactions.len()
    }
}

impl Memory {
    fn find_call(&mut self, place: Place<'_>) -> Result<&mut Call, Refusal> {
        let call = self.calls.get_mut(place.call_sid).filter(|call| call.account_sid == place.account_sid);
        call.ok_or_else(|| Refusal::not_found(place.path))
    }

    fn find_session(&mut self, place: Place<'_>, sid: &str) -> Result<&mut Record, Refusal> {
        let record = self.sessions.get_mut(sid).filter(|record| record.call_sid == place.call_sid);
        record.ok_or_else(|| Refusal::not_found(place.path))
    }

    /// The stored answer, where this request was carried out before.
    fn replay(&self, place: Place<'_>, key: &str, body: &[u8]) -> Result<Option<Success>, Refusal> {
        match self.stored.get(place.account_sid).and_then(|of_account| of_account.get(key)) {
            None => Ok(None),
            Some(stored) if stored.path == place.path && Fields::are_same(&stored.body, body) => {
                Ok(Some(stored.success.clone()))
            }
            Some(_) => Err(Refusal::conflict("The IdempotencyKey was used for another request")),
        }
    }

    fn store(&mut self, place: Place<'_>, key: &str, body: Arc<[u8]>, success: &Success) {
        let stored = Stored { path: place.path.to_owned(), body, success: success.clone() };
        self.stored.entry(place.account_sid.to_owned()).or_default().insert(key.to_owned(), stored);
    }

    /// Takes over a session's end, where it has come; else tells when the session needs the clock.
    fn settle(&mut self, sid: &str) -> Option<Duration> {
        let record = self.sessions.get_mut(sid)?;
        self.transactions.extend(record.line.take_transaction());
        if record.line.result().is_some() {
            self.open.remove(sid);
            if let Some(call) = self.calls.get_mut(&record.call_sid) {
                call.open_session.take_if(|open| open == sid);
            }
        }
        record.line.next_deadline()
    }

    fn asking(&self, call_sid: &str) -> Option<Asking> {
        let sid = self.calls.get(call_sid)?.open_session.as_ref()?;
        self.sessions.get(sid)?.line.asking()
    }

    fn session(&self, sid: &str) -> Option<Session> {
        let record = self.sessions.get(sid)?;
        Some(Session {
            sid: sid.to_owned(),
            call_sid: record.call_sid.clone(),
            result: record.line.result().cloned(),
            parameters: Fields::parse(&record.body).into_owned(),
            captures: record.captures.clone(),
            idempotency_keys: record.keys.clone(),
        })
    }
}

/// The resource as JSON. Nothing in it needs escaping: SIDs were checked, dates are ours.
fn resource(place: Place<'_>, sid: &str, created: &str, updated: &str) -> String {
    let Place { account_sid, call_sid, .. } = place;
    format!(
        "{{\"account_sid\":\"{account_sid}\",\"call_sid\":\"{call_sid}\",\"date_created\":\"{created}\",\
         \"date_updated\":\"{updated}\",\"sid\":\"{sid}\",\
         \"uri\":\"/2010-04-01/Accounts/{account_sid}/Calls/{call_sid}/Payments/{sid}.json\"}}"
    )
}
