//! The service, as a value: sessions on one call, what they charge, and the callbacks that they send.

use std::collections::HashMap;

use twilio_payments::{CreatePaymentsParams, PaymentsStatus, UpdatePaymentsParams};

/// What the service is like in one history.
#[allow(clippy::struct_excessive_bools, reason = "they have nothing to do with each other")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Nature {
    /// Whether the response to a repeated idempotency key is replayed; otherwise keys are ignored.
    pub replays: bool,
    /// Whether refusals are replayed too.
    pub replays_refusals: bool,
    /// How many of a thousand callbacks have no `DateUpdated`.
    pub undated: u32,
    /// How many of a thousand captures it reports to be in and then requires again.
    pub forgets: u32,
    /// Whether a capture that is in is required again if it is asked for again.
    pub asks_anew: bool,
    /// Whether callbacks omit `Required`.
    pub omits_required: bool,
    /// Whether callbacks about failed entries have an empty `Required`.
    pub empties_required: bool,
    /// Whether callbacks omit `PartialResult`, unless they omit `Required`.
    pub omits_partial: bool,
}

#[allow(clippy::large_enum_variant, reason = "few of them exist at once")]
#[derive(Clone, Debug)]
pub enum Request {
    Create(CreatePaymentsParams),
    Update { sid: String, params: UpdatePaymentsParams },
}

impl Request {
    pub fn key(&self) -> &str {
        match self {
            Self::Create(params) => &params.idempotency_key,
            Self::Update { params, .. } => &params.idempotency_key,
        }
    }
}

/// The service's response: a session's SID, or a status and a code.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Done(String),
    Refused(u16, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// Completed; the connector has not responded.
    Completing,
    Over,
}

pub struct Session {
    pub state: State,
    /// The `StatusCallback` of the last request.
    pub url: String,
    pub missing: Vec<String>,
    /// What the caller is asked for, and the key of the request.
    pub asked: Option<String>,
    pub charges: u32,
    tokenizes: bool,
}

/// A callback under way.
#[derive(Clone, Debug)]
pub struct Mail {
    pub session: usize,
    pub url: String,
    pub body: String,
    /// `Result`, if it has one.
    pub result: Option<&'static str>,
    /// `DateUpdated`, as a number.
    pub date: Option<u64>,
}

pub struct Service {
    pub nature: Nature,
    pub sessions: Vec<Session>,
    pub mail: Vec<Mail>,
    pub call_is_over: bool,
    /// How many requests arrived.
    pub requests: u64,
    answered: HashMap<String, Reply>,
    ticks: u64,
}

pub fn sid(session: usize) -> String {
    format!("PK{:032x}", session + 1)
}

impl Service {
    pub fn new(nature: Nature) -> Self {
        Self {
            nature,
            sessions: Vec::new(),
            mail: Vec::new(),
            call_is_over: false,
            requests: 0,
            answered: HashMap::new(),
            ticks: 0,
        }
    }

    pub fn session(&self, sid: &str) -> Option<usize> {
        let number = usize::from_str_radix(sid.strip_prefix("PK")?, 16).ok()?;
        number.checked_sub(1).filter(|index| *index < self.sessions.len())
    }

    /// Carries a request out, or refuses it.
    pub fn take(&mut self, request: &Request) -> Reply {
        self.requests += 1;
        if let Some(reply) = self.answered.get(request.key()).filter(|_| self.nature.replays) {
            return reply.clone();
        }
        let reply = match request {
            Request::Create(params) => self.create(params),
            Request::Update { sid, params } => self.update(sid, params),
        };
        if self.nature.replays_refusals || matches!(reply, Reply::Done(_)) {
            self.answered.insert(request.key().to_owned(), reply.clone());
        }
        reply
    }

    fn create(&mut self, params: &CreatePaymentsParams) -> Reply {
        if self.call_is_over {
            return Reply::Refused(400, 21220);
        }
        if self.sessions.iter().any(|session| session.state != State::Over) {
            return Reply::Refused(400, 64021);
        }
        let mut missing: Vec<String> = Vec::new();
        if params.payment_method.as_ref().is_some_and(|method| method.as_str() == "ach-debit") {
            missing.extend(["bank-routing-number", "bank-account-number"].map(str::to_owned));
        } else {
            let optional = [("security-code", params.security_code), ("postal-code", params.postal_code)];
            missing.extend(["payment-card-number", "expiration-date"].map(str::to_owned));
            missing.extend(
                optional
                    .iter()
                    .filter(|(_, wanted)| *wanted != Some(false))
                    .map(|(name, _)| (*name).to_owned()),
            );
            for name in missing.clone() {
                if params.require_matching_inputs.iter().any(|capture| capture.as_str() == name) {
                    missing.push(format!("{name}-matcher"));
                }
            }
        }
        let tokenizes = params.charge_amount.is_none();
        Reply::Done(sid(self.open(&params.status_callback, missing, tokenizes)))
    }

    /// Opens a session, and sends its first callback.
    pub fn open(&mut self, url: &str, missing: Vec<String>, tokenizes: bool) -> usize {
        let (state, url) = (State::Open, url.to_owned());
        self.sessions.push(Session { state, url, missing, asked: None, charges: 0, tokenizes });
        let session = self.sessions.len() - 1;
        let created = self.date();
        self.send(session, &format!("&DateCreated={created}&PaymentConnector=Default"), None, None);
        session
    }

    fn update(&mut self, sid: &str, params: &UpdatePaymentsParams) -> Reply {
        let Some(index) = self.session(sid) else { return Reply::Refused(404, 20404) };
        let session = &mut self.sessions[index];
        if session.state != State::Open {
            return Reply::Refused(400, 64020);
        }
        params.status_callback.clone_into(&mut session.url);
        match (&params.capture, &params.status) {
            (Some(capture), None) => {
                let capture = capture.as_str().to_owned();
                if self.nature.asks_anew && !session.missing.contains(&capture) {
                    session.missing.push(capture.clone());
                }
                session.asked = Some(capture.clone());
                let fields = format!("&Capture={capture}{}&PartialResult=true", self.required(index));
                self.send_dated(index, &fields, None);
            }
            (None, Some(PaymentsStatus::Complete)) => {
                if !session.missing.is_empty() {
                    return Reply::Refused(400, 64019);
                }
                session.state = State::Completing;
            }
            (None, Some(PaymentsStatus::Cancel)) => self.end(index, "cancelled", false),
            _ => return Reply::Refused(400, 64018),
        }
        Reply::Done(sid.to_owned())
    }

    fn required(&self, session: usize) -> String {
        if self.nature.omits_required {
            return String::new();
        }
        format!("&Required={}", self.sessions[session].missing.join(","))
    }

    /// The caller types what was asked for.
    pub fn caller_types(&mut self, index: usize) {
        let session = &mut self.sessions[index];
        let Some(capture) = session.asked.take() else { return };
        session.missing.retain(|missing| *missing != capture);
        let partial = if self.nature.omits_partial && !self.nature.omits_required {
            ""
        } else {
            "&PartialResult=false"
        };
        let shown = match capture.trim_end_matches("-matcher") {
            "payment-card-number" => "&PaymentCardNumber=xxxxxxxxxxxx1111",
            "expiration-date" => "&ExpirationDate=1230",
            "security-code" => "&SecurityCode=xxx",
            "postal-code" => "&PaymentCardPostalCode=94109",
            "bank-routing-number" => "&BankRoutingNumber=021000021",
            _ => "&BankAccountNumber=*******92",
        };
        let fields = format!("&Capture={capture}{}{partial}{shown}", self.required(index));
        self.send_dated(index, &fields, None);
        if self.chance(self.nature.forgets, 104_729) {
            self.sessions[index].missing.push(capture);
            let fields = format!("&Required={}", self.sessions[index].missing.join(","));
            self.send_dated(index, &fields, None);
        }
    }

    /// True in a share of cases that is independent of the rest of the history.
    fn chance(&self, thousandths: u32, salt: u64) -> bool {
        self.ticks * salt % 1000 < u64::from(thousandths)
    }

    /// The caller has typed a digit of what was asked for.
    pub fn caller_begins(&mut self, index: usize) {
        let Some(capture) = self.sessions[index].asked.clone() else { return };
        let fields = format!("&Capture={capture}{}&PartialResult=true", self.required(index));
        self.send_dated(index, &fields, None);
    }

    /// The caller types something wrong, or nothing.
    pub fn caller_fails(&mut self, index: usize, error: &str) {
        let Some(capture) = self.sessions[index].asked.take() else { return };
        let required =
            if self.nature.empties_required { "&Required=".to_owned() } else { self.required(index) };
        let fields = format!("&Capture={capture}{required}&ErrorType={error}");
        self.send_dated(index, &fields, None);
    }

    /// The caller types something else the second time, if they are asked for a second entry. Both must then be typed
    /// again.
    pub fn fails_to_match(&mut self, index: usize) -> bool {
        let session = &mut self.sessions[index];
        let asked = session.asked.as_deref().unwrap_or_default();
        let Some(first) = asked.strip_suffix("-matcher").map(str::to_owned) else { return false };
        session.missing.insert(0, first);
        self.caller_fails(index, "input-matching-failed");
        true
    }

    /// Reports to this session that the start of another one was refused.
    pub fn reports_session_in_progress(&mut self, index: usize) {
        self.send_dated(index, "&ErrorType=session-in-progress", None);
    }

    pub fn end(&mut self, index: usize, result: &'static str, charges: bool) {
        let session = &mut self.sessions[index];
        session.state = State::Over;
        session.asked = None;
        session.charges += u32::from(charges);
        let money = match (matches!(result, "success" | "Success" | "approved"), session.tokenizes) {
            (false, _) => "&PaymentConfirmationCode=&PaymentToken=&ProfileId=",
            (true, false) => "&PaymentConfirmationCode=ch_1&PaymentToken=&ProfileId=",
            (true, true) => "&PaymentConfirmationCode=&PaymentToken=tok_1&ProfileId=cus_1",
        };
        self.send_dated(index, &format!("&Result={result}{money}"), Some(result));
    }

    pub fn hang_up(&mut self) {
        self.call_is_over = true;
        for index in 0..self.sessions.len() {
            if self.sessions[index].state == State::Open {
                self.end(index, "caller-hung-up", false);
            }
        }
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    fn date(&mut self) -> String {
        date(self.tick())
    }

    fn send_dated(&mut self, session: usize, fields: &str, result: Option<&'static str>) {
        let tick = self.tick();
        let dated = !self.chance(self.nature.undated, 7919);
        let fields = if dated { format!("&DateUpdated={}{fields}", date(tick)) } else { fields.to_owned() };
        self.send(session, &fields, result, dated.then_some(tick));
    }

    fn send(&mut self, session: usize, fields: &str, result: Option<&'static str>, date: Option<u64>) {
        let body =
            format!("AccountSid={}&CallSid={}&Sid={}{fields}", super::ACCOUNT, super::CALL, sid(session));
        let url = self.sessions[session].url.clone();
        self.mail.push(Mail { session, url, body, result, date });
    }
}

/// A moment of 24 November 2026, in ISO 8601.
fn date(tick: u64) -> String {
    let millis = 36_000_000 + tick * 37;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("2026-11-24T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}
