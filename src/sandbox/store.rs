//! The sandbox's memory: calls, sessions, stored responses and transactions. One lock protects all of it, so that two
//! requests with the same idempotency key cannot both have an effect.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use super::delivery::{Callback, Sender};
use super::idempotency::Responses;
use super::parameters::{CreateParameters, Form, RequestPath, SessionIds, UpdateParameters};
use super::refusals::{self, Refusal};
use super::session::{Answers, Asking, PaySession, Undocumented};
use super::{IdempotencyKeys, PaymentConnector, Transaction, mint};
use crate::server::Response;

/// How many names of ignored parameters are kept.
const MOST_IGNORED: usize = 1000;

pub(super) struct Store {
    pub(super) sender: Sender,
    undocumented: Undocumented,
    /// How many ended sessions are kept.
    kept_sessions: usize,
    pub(super) memory: Mutex<Memory>,
    /// Notified when the memory changes.
    changed: Condvar,
    /// Notified when the clock's thread must wake earlier than planned.
    pub(super) due: Condvar,
}

#[derive(Default)]
pub(super) struct Memory {
    pub(super) clock: Clock,
    calls: HashMap<String, StoredCall>,
    pub(super) sessions: HashMap<String, PaySession>,
    /// The sessions' SIDs in the order of their creation.
    pub(super) order: VecDeque<String>,
    /// The SIDs of the ended sessions that are kept, the oldest end first.
    ended: VecDeque<String>,
    responses: Responses,
    pub(super) transactions: Vec<Transaction>,
    /// The SIDs of the open sessions.
    open: BTreeSet<String>,
    /// By name.
    pub(super) connectors: HashMap<String, PaymentConnector>,
    /// The names of parameters that were ignored, each once.
    pub(super) ignored: Vec<String>,
    /// When the clock's thread wakes.
    next_tick: Option<Duration>,
    stopped: bool,
}

struct StoredCall {
    account_sid: String,
    /// The call of which this one is a leg.
    parent: Option<String>,
    live: bool,
    /// The caller's answers, if they answer by themselves.
    answers: Option<Answers>,
    open_session: Option<String>,
}

impl Store {
    pub(super) fn new(
        sender: Sender,
        keys: IdempotencyKeys,
        undocumented: Undocumented,
        kept_sessions: usize,
    ) -> Self {
        let connectors = HashMap::from([("Default".to_owned(), PaymentConnector::new())]);
        let mut memory = Memory { connectors, ..Memory::default() };
        memory.responses.keys = keys;
        let (memory, changed, due) = (Mutex::new(memory), Condvar::new(), Condvar::new());
        Self { sender, undocumented, kept_sessions, memory, changed, due }
    }

    /// Makes a live call, unless there is one with this SID.
    pub(super) fn add_call(&self, account_sid: &str, call_sid: &str, parent: Option<&str>) {
        let (account_sid, parent) = (account_sid.to_owned(), parent.map(str::to_owned));
        let call = StoredCall { account_sid, parent, live: true, answers: None, open_session: None };
        lock!(self.memory).calls.entry(call_sid.to_owned()).or_insert(call);
    }

    /// Makes the caller answer by themselves from now on.
    pub(super) fn oblige(&self, call_sid: &str, answers: &Answers) {
        if let Some(call) = lock!(self.memory).calls.get_mut(call_sid) {
            call.answers = Some(answers.clone());
        }
        self.on_call(call_sid, |session, now| session.oblige(answers, now));
    }

    /// Ends a call, and with it the session on it.
    pub(super) fn hang_up(&self, call_sid: &str) {
        if let Some(call) = lock!(self.memory).calls.get_mut(call_sid) {
            call.live = false;
        }
        self.on_call(call_sid, PaySession::hang_up);
        // Even if no session is open, because a test may wait for the caller to be asked.
        self.changed.notify_all();
    }

    /// Applies a change to the open session of a call, if there is one.
    pub(super) fn on_call(
        &self,
        call_sid: &str,
        happen: impl FnOnce(&mut PaySession, Duration) -> Vec<Callback>,
    ) {
        let mut memory = lock!(self.memory);
        let sid = memory.calls.get(call_sid).and_then(|call| call.open_session.clone());
        if let Some(sid) = sid {
            let now = memory.clock.now();
            self.drive(&mut memory, &sid, |session| session.tick(now));
            self.drive(&mut memory, &sid, |session| happen(session, now));
        }
    }

    /// Returns what the caller is asked for. Waits for up to `time` until they are asked for something.
    pub(super) fn asking(&self, call_sid: &str, time: Duration) -> Option<Asking> {
        let not_yet = |memory: &mut Memory| {
            memory.asking(call_sid).is_none() && memory.is_live(call_sid) && !memory.stopped
        };
        let waited = self.changed.wait_timeout_while(lock!(self.memory), time, not_yet);
        waited.unwrap_or_else(PoisonError::into_inner).0.asking(call_sid)
    }

    /// Applies the end of waits until [`stop`](Self::stop) is called. A thread runs this.
    pub(super) fn run_clock(&self) {
        let mut memory = lock!(self.memory);
        while !memory.stopped {
            memory.next_tick = None;
            for sid in memory.open.clone() {
                let now = memory.clock.now();
                self.drive(&mut memory, &sid, |session| session.tick(now));
            }
            memory = match memory.next_tick {
                Some(deadline) => {
                    let time = deadline.saturating_sub(memory.clock.now()).max(Duration::from_millis(1));
                    let waited = self.due.wait_timeout(memory, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.due.wait(memory).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Stops the clock and the delivery of callbacks.
    pub(super) fn stop(&self) {
        lock!(self.memory).stopped = true;
        self.changed.notify_all();
        self.due.notify_all();
        self.sender.stop();
    }

    /// Creates a session.
    pub(super) fn create(&self, path: RequestPath<'_>, form: Form<'_>) -> Result<Response, Refusal> {
        let mut memory = lock!(self.memory);
        memory.call_of(path)?;
        let parameters = CreateParameters::read(&form)?;
        let key = parameters.idempotency_key.clone();
        if let Some(success) = memory.responses.replay(path, &key, form.body)? {
            return Ok(success);
        }
        let call = memory.live_call_of(path)?;
        if let Some(open) = &call.open_session {
            let message = format!("Session {open} is in progress on the call");
            return Err(Refusal::new(&refusals::SESSION_OPEN, message));
        }
        let shown_call = call.parent.clone().unwrap_or_else(|| path.call_sid.to_owned());
        memory.connector(&parameters.payment_connector)?.check(&parameters)?;
        memory.ignore(form.ignored());
        let sid = mint::sid("PK");
        memory.live_call_of(path)?.open_session = Some(sid.clone());
        let account_sid = path.account_sid.to_owned();
        let ids = SessionIds { account_sid, call_sid: shown_call, sid: sid.as_str().into() };
        let (body, fields, now) = (form.body, form.into_fields(), memory.clock.now());
        let (session, started) =
            PaySession::start(ids, path.call_sid, parameters, fields, self.undocumented, now);
        let success = Response::json(201, session.resource(now));
        memory.sessions.insert(sid.clone(), session);
        memory.order.push_back(sid.clone());
        memory.open.insert(sid.clone());
        memory.responses.keep(path, key, body, &success);
        self.drive(&mut memory, &sid, |_| vec![started]);
        Ok(success)
    }

    /// Updates a session.
    pub(super) fn update(
        &self,
        path: RequestPath<'_>,
        sid: &str,
        form: &Form<'_>,
    ) -> Result<Response, Refusal> {
        let mut memory = lock!(self.memory);
        memory.call_of(path)?;
        memory.session_of(path, sid)?;
        let update = UpdateParameters::read(form)?;
        if let Some(success) = memory.responses.replay(path, &update.idempotency_key, form.body)? {
            return Ok(success);
        }
        let answers = memory.live_call_of(path)?.answers.clone();
        let now = memory.clock.now();
        self.drive(&mut memory, sid, |session| session.tick(now));
        memory.ignore(form.ignored());
        let name = memory.session_of(path, sid)?.parameters.payment_connector.clone();
        let connector = memory.connector(&name)?.clone();
        let session = memory.session_of(path, sid)?;
        let mut callbacks = session.update(&update, &connector, now)?;
        if let Some(answers) = answers {
            callbacks.extend(session.oblige(&answers, now));
        }
        let success = Response::json(202, session.resource(now));
        memory.responses.keep(path, update.idempotency_key, form.body, &success);
        self.drive(&mut memory, sid, |_| callbacks);
        Ok(success)
    }

    /// Applies what happened in a session: sends its callbacks, counts a transaction, and frees the call when the
    /// session is over. The memory stays locked, so that callbacks are in the order of events.
    fn drive(&self, memory: &mut Memory, sid: &str, happen: impl FnOnce(&mut PaySession) -> Vec<Callback>) {
        let Some(session) = memory.sessions.get_mut(sid) else { return };
        let callbacks = happen(session);
        let deadline = session.next_deadline();
        if !session.view.is_open() && memory.open.remove(sid) {
            memory.transactions.extend(session.view.transaction.clone());
            if let Some(call) = memory.calls.get_mut(&session.view.call_sid) {
                call.open_session.take_if(|open| open == sid);
            }
            memory.ended.push_back(sid.to_owned());
        }
        if deadline.is_some_and(|deadline| memory.next_tick.is_none_or(|tick| deadline < tick)) {
            memory.next_tick = deadline;
            self.due.notify_all();
        }
        if !callbacks.is_empty() {
            self.sender.send(callbacks);
            self.changed.notify_all();
        }
        while memory.ended.len() > self.kept_sessions {
            let Some(oldest) = memory.ended.pop_front() else { break };
            memory.forget(&oldest);
            self.sender.forget(&oldest);
        }
    }
}

impl Memory {
    pub(super) fn is_live(&self, call_sid: &str) -> bool {
        self.calls.get(call_sid).is_some_and(|call| call.live)
    }

    fn call_of(&mut self, path: RequestPath<'_>) -> Result<&mut StoredCall, Refusal> {
        let call = self.calls.get_mut(path.call_sid).filter(|call| call.account_sid == path.account_sid);
        call.ok_or_else(|| Refusal::not_found(path.path))
    }

    fn live_call_of(&mut self, path: RequestPath<'_>) -> Result<&mut StoredCall, Refusal> {
        let over = Refusal::new(&refusals::CALL_OVER, format!("Call {} is not in progress", path.call_sid));
        let call = self.call_of(path)?;
        if call.live { Ok(call) } else { Err(over) }
    }

    fn connector(&self, name: &str) -> Result<&PaymentConnector, Refusal> {
        let unknown = || Refusal::new(&refusals::CONNECTOR, format!("There is no payment connector {name}"));
        self.connectors.get(name).ok_or_else(unknown)
    }

    /// Remembers parameters that were ignored.
    fn ignore<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if self.ignored.len() < MOST_IGNORED && !self.ignored.iter().any(|other| other == name) {
                self.ignored.push(name.to_owned());
            }
        }
    }

    fn session_of(&mut self, path: RequestPath<'_>, sid: &str) -> Result<&mut PaySession, Refusal> {
        let session = self.sessions.get_mut(sid).filter(|session| session.view.call_sid == path.call_sid);
        session.ok_or_else(|| Refusal::not_found(path.path))
    }

    /// Forgets an ended session and its idempotency keys.
    fn forget(&mut self, sid: &str) {
        if let Some(session) = self.sessions.remove(sid) {
            self.responses.forget(&session.ids.account_sid, &session.view.idempotency_keys);
        }
        if let Some(index) = self.order.iter().position(|other| other == sid) {
            self.order.remove(index);
        }
    }

    fn asking(&self, call_sid: &str) -> Option<Asking> {
        let sid = self.calls.get(call_sid)?.open_session.as_ref()?;
        self.sessions.get(sid)?.asking()
    }
}
