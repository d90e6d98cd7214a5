//! What the sandbox remembers: calls, sessions, stored answers, transactions. All of it behind one lock, so that
//! two requests with one idempotency key cannot both have an effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::line::Line;
use super::mint::Mint;
use super::parameters::{Create, Fields, Step, Update};
use super::refusal::Refusal;
use super::session::{Session, Transaction};

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

#[derive(Default)]
pub(super) struct State {
    mint: Mint,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    calls: HashMap<String, Call>,
    sessions: HashMap<String, Record>,
    /// The sessions' SIDs in the order of their creation.
    order: Vec<String>,
    /// By account and idempotency key.
    stored: HashMap<(String, String), Stored>,
    transactions: Vec<Transaction>,
}

struct Call {
    account_sid: String,
    live: bool,
    open_session: Option<String>,
}

struct Record {
    call_sid: String,
    created: String,
    fields: Arc<Fields>,
    captures: Vec<crate::values::Capture>,
    keys: Vec<String>,
    line: Line,
}

/// A carried-out request and its answer.
struct Stored {
    path: String,
    fields: Arc<Fields>,
    success: Success,
}

impl State {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mint(&self) -> &Mint {
        &self.mint
    }

    /// A new live call.
    pub(super) fn call(&self, account_sid: &str) -> String {
        let sid = self.mint.sid("CA");
        let call = Call { account_sid: account_sid.to_owned(), live: true, open_session: None };
        self.memory().calls.insert(sid.clone(), call);
        sid
    }

    /// Whether a call goes on.
    pub(super) fn is_live(&self, call_sid: &str) -> bool {
        self.memory().calls.get(call_sid).is_some_and(|call| call.live)
    }

    /// Ends a call, and with it the session on it.
    pub(super) fn hang_up(&self, call_sid: &str) {
        let mut memory = self.memory();
        let Some(call) = memory.calls.get_mut(call_sid) else { return };
        call.live = false;
        if let Some(sid) = call.open_session.clone() {
            if let Some(record) = memory.sessions.get_mut(&sid) {
                record.line.hang_up();
            }
            memory.settle(&sid);
        }
    }

    /// Creates a session.
    pub(super) fn create(
        &self,
        place: Place<'_>,
        fields: Fields,
        create: Result<Create, Refusal>,
        now: &str,
    ) -> Result<Success, Refusal> {
        let mut memory = self.memory();
        memory.find_call(place)?;
        let create = create?;
        let key = &create.common.idempotency_key;
        if let Some(success) = memory.replay(place, key, &fields)? {
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
        let fields = Arc::new(fields);
        let record = Record {
            call_sid: place.call_sid.to_owned(),
            created: now.to_owned(),
            fields: Arc::clone(&fields),
            captures: Vec::new(),
            keys: vec![key.clone()],
            line: Line::start(&create),
        };
        memory.sessions.insert(sid.clone(), record);
        memory.order.push(sid.clone());
        let success = Success { status: 201, body: resource(place, &sid, now, now) };
        memory.store(place, key, fields, &success);
        Ok(success)
    }

    /// Takes a session one step on.
    pub(super) fn update(
        &self,
        place: Place<'_>,
        sid: &str,
        fields: Fields,
        update: Result<Update, Refusal>,
        now: &str,
    ) -> Result<Success, Refusal> {
        let mut memory = self.memory();
        memory.find_call(place)?;
        memory.find_session(place, sid)?;
        let Update { common, step } = update?;
        let key = &common.idempotency_key;
        if let Some(success) = memory.replay(place, key, &fields)? {
            return Ok(success);
        }
        if !memory.find_call(place)?.live {
            return Err(Refusal::call_not_in_progress(place.call_sid));
        }
        let record = memory.find_session(place, sid)?;
        if let Some(result) = record.line.result() {
            return Err(Refusal::conflict(format!("Session {sid} is over: {result}")));
        }
        match step {
            Step::Capture(capture) => {
                let asked = record.line.capture(&capture, &common);
                asked.map_err(|reason| Refusal::invalid_parameter("Capture", &reason))?;
                record.captures.push(capture);
            }
            Step::Complete => {
                let completed = record.line.complete(&common);
                completed.map_err(|reason| Refusal::invalid_parameter("Status", &reason))?;
            }
            Step::Cancel => record.line.cancel(&common),
        }
        record.keys.push(key.clone());
        let success = Success { status: 202, body: resource(place, sid, &record.created, now) };
        memory.settle(sid);
        memory.store(place, key, Arc::new(fields), &success);
        Ok(success)
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
    fn replay(&self, place: Place<'_>, key: &str, fields: &Fields) -> Result<Option<Success>, Refusal> {
        let key = (place.account_sid.to_owned(), key.to_owned());
        match self.stored.get(&key) {
            None => Ok(None),
            Some(stored) if stored.path == place.path && stored.fields.is_same(fields) => {
                Ok(Some(stored.success.clone()))
            }
            Some(_) => Err(Refusal::conflict("The IdempotencyKey was used for another request")),
        }
    }

    fn store(&mut self, place: Place<'_>, key: &str, fields: Arc<Fields>, success: &Success) {
        let key = (place.account_sid.to_owned(), key.to_owned());
        let stored = Stored { path: place.path.to_owned(), fields, success: success.clone() };
        self.stored.insert(key, stored);
    }

    /// Takes over what a session's line brought about. To be called after whatever the line went through.
    fn settle(&mut self, sid: &str) {
        let Some(record) = self.sessions.get_mut(sid) else { return };
        if let Some(transaction) = record.line.take_transaction() {
            let (session_sid, call_sid) = (sid.to_owned(), record.call_sid.clone());
            self.transactions.push(Transaction { session_sid, call_sid, ..transaction });
        }
        if record.line.result().is_some()
            && let Some(call) = self.calls.get_mut(&record.call_sid)
            && call.open_session.as_deref() == Some(sid)
        {
            call.open_session = None;
        }
    }

    fn session(&self, sid: &str) -> Option<Session> {
        let record = self.sessions.get(sid)?;
        Some(Session {
            sid: sid.to_owned(),
            call_sid: record.call_sid.clone(),
            result: record.line.result().cloned(),
            parameters: record.fields.0.clone(),
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
