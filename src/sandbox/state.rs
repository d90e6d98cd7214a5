//! What the sandbox remembers: calls, sessions, stored answers, transactions. All of it behind one lock, so that
//! two requests with one idempotency key cannot both have an effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::date;
use super::line::Line;
use super::mint::Mint;
use super::parameters::{Create, Fields, Step, Update};
use super::refusal::Refusal;
use super::session::{Session, Transaction};
use crate::values::Capture;

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
    /// By account, and then by idempotency key.
    stored: HashMap<String, HashMap<String, Stored>>,
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
        let now = now();
        let record = Record {
            call_sid: place.call_sid.to_owned(),
            created: now.clone(),
            body: Arc::clone(&body),
            captures: Vec::new(),
            keys: vec![key.clone()],
            line: Line::start(&create),
        };
        memory.sessions.insert(sid.clone(), record);
        memory.order.push(sid.clone());
        let success = Success { status: 201, body: resource(place, &sid, &now, &now) };
        memory.store(place, key, body, &success);
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
        let success = Success { status: 202, body: resource(place, sid, &record.created, &now()) };
        memory.settle(sid);
        memory.store(place, key, body.into(), &success);
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

    /// Takes over what a session's line brought about. To be called after whatever the line went through.
    fn settle(&mut self, sid: &str) {
        let Some(record) = self.sessions.get_mut(sid) else { return };
        if let Some(transaction) = record.line.take_transaction() {
            let (session_sid, call_sid) = (sid.to_owned(), record.call_sid.clone());
            self.transactions.push(Transaction { session_sid, call_sid, ..transaction });
        }
        if record.line.result().is_some() {
            if let Some(call) = self.calls.get_mut(&record.call_sid) {
                call.open_session.take_if(|open| open == sid);
            }
        }
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

/// The date of an answer.
fn now() -> String {
    date::rfc_2822(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
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
