//! Anything that can happen to a stored payment: responses, callbacks, timeouts and crashes in any order.
//!
//! The first byte of the input chooses the payment. The rest is a history with one event per line: see `happen`.

#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use twilio_payments::sandbox::FailedOperation;
use twilio_payments::{
    Capture, CreatePaymentsParams, Ending, Error, ErrorKind, Outcome, PayResult, PaymentEnding, PaymentFlow,
    PaymentMethod, Payments, PaymentsStatus, StatusCallback, Step,
};

const CALL: &str = "CA00000000000000000000000000000001";
const SESSION: &str = "PK00000000000000000000000000000002";
const OTHER: &str = "PK00000000000000000000000000000003";

/// What the target knows about the payment. It is stored with the flow, so that a crash resets both.
#[derive(Clone, Default)]
struct Facts {
    requests: u64,
    /// The request that was begun and has no response yet, and whether it completes the session.
    begun: Option<bool>,
    /// Whether the completion may have been carried out, according to the responses so far.
    completed: bool,
    success: bool,
    decline: bool,
}

struct History {
    flow: PaymentFlow,
    facts: Facts,
    stored: (String, Facts),
    stored_revision: u64,
    size: usize,
    now: SystemTime,
    create_key: String,
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, events)) = input.split_first() else { return };
    let mut history = History::new(*choice);
    for event in events.split(|byte| *byte == b'\n').take(200) {
        let Some((event, rest)) = event.split_first() else { continue };
        history.happen(*event, rest);
        history.check();
    }
    let _ = format!("{:?} {:?}", history.flow, history.flow.due());
});

impl History {
    fn new(choice: u8) -> Self {
        let mut params =
            CreatePaymentsParams::new("https://example.com/status").idempotency_key("order-1066");
        if choice & 1 == 0 {
            params = params.charge_amount("19.99".parse().unwrap());
        }
        if choice & 2 != 0 {
            params =
                params.payment_method(PaymentMethod::AchDebit).parameter(json!({"AVSName": "A. Customer"}));
        }
        if choice & 4 != 0 {
            params = params.require_matching_inputs([Capture::PaymentCardNumber, Capture::PostalCode]);
        }
        params = params.security_code(choice & 8 == 0).confirmation(choice & 16 != 0);
        let flow = PaymentFlow::new(CALL, params).unwrap().max_asks(1 + u32::from(choice >> 6)).unwrap();
        let text = serde_json::to_string(&flow).unwrap();
        let (facts, now) = (Facts::default(), UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let (size, create_key, stored_revision) = (text.len(), flow.key().to_owned(), flow.revision());
        Self { flow, stored: (text, facts.clone()), stored_revision, facts, size, now, create_key }
    }

    fn happen(&mut self, event: u8, rest: &[u8]) {
        let number = rest.first().map_or(0, |byte| byte % 32);
        match event {
            // The program continues, and stores the flow.
            b'n' => self.next(),
            // Time passes.
            b't' => self.now += Duration::from_millis(1 << number.min(20)),
            // The request under way gets a response, and the program stores that or dies before it can.
            b'o' => self.respond(Ok(()), true),
            b'O' => self.respond(Ok(()), false),
            b'r' => self.respond(Err(number), true),
            b'R' => self.respond(Err(number), false),
            // The program is killed, and another one continues with the stored flow.
            b'x' => {
                self.flow = serde_json::from_str(&self.stored.0).unwrap();
                assert_eq!(self.flow.revision(), self.stored_revision);
                self.facts = self.stored.1.clone();
            }
            b'k' => self.flow.cancel(),
            b'e' => self.flow.on_timeout(self.now),
            // A callback of this session, with the flow's tag; one of another session; one without a tag.
            b'b' => self.receive(&form(SESSION, rest), true),
            b'f' => self.receive(&form(OTHER, rest), false),
            b's' => self.receive(rest, false),
            _ => {}
        }
    }

    fn next(&mut self) {
        let before = self.flow.revision();
        if let Some(completes) = self.facts.begun.take() {
            // The response counts as lost.
            self.facts.completed |= completes;
        }
        let step = self.flow.next(self.now);
        assert!(self.flow.revision() >= before);
        match step {
            Step::Create(params) => {
                assert_eq!(params.idempotency_key, self.create_key);
                self.begin(false);
            }
            Step::Update { sid, params } => {
                assert_eq!(Some(sid.as_str()), self.flow.session_sid());
                assert_ne!(params.idempotency_key, self.create_key);
                let completes = params.status == Some(PaymentsStatus::Complete);
                assert!(completes || !self.facts.completed, "no other request once it may be completed");
                self.begin(completes);
            }
            Step::WaitUntil(time) => assert!(time > self.now, "a wait for what is to come"),
            Step::Ended(ending) => assert_eq!(self.flow.ending(), Some(ending)),
        }
        self.store();
    }

    fn begin(&mut self, completes: bool) {
        self.facts.begun = Some(completes);
        self.facts.requests += 1;
        assert!(self.facts.requests <= self.flow.max_requests(), "{} requests", self.facts.requests);
    }

    fn respond(&mut self, response: Result<(), u8>, stored: bool) {
        let Some(key) = self.flow.awaited_key() else {
            assert!(self.facts.begun.is_none());
            return;
        };
        let completes = self.facts.begun.take().expect("what is awaited was begun");
        let response = match response {
            Ok(()) => Ok(Payments::from_json(json!({ "sid": SESSION }).to_string().as_bytes()).unwrap()),
            Err(number) => Err(failure(number, &key)),
        };
        self.facts.completed |= completes && response.as_ref().err().is_none_or(may_be_carried_out);
        self.flow.on_response(response);
        if stored {
            self.store();
        }
    }

    fn receive(&mut self, body: &[u8], tagged: bool) {
        let Ok(callback) = StatusCallback::parse(body) else { return };
        let query = if tagged { format!("?payment_flow={}", self.flow.tag()) } else { String::new() };
        let callback = callback.received_at(&format!("https://example.com/status{query}"));
        let ours = self.flow.on_callback(&callback);
        assert!(!ours || self.flow.session_sid() == Some(&callback.sid));
        if ours {
            self.facts.success |= callback.result == Some(PayResult::Success);
            self.facts.decline |= matches!(
                callback.result,
                Some(
                    PayResult::PaymentConnectorError
                        | PayResult::ValidationError
                        | PayResult::CallerHungUp
                        | PayResult::CallerInterruptedWithStar
                )
            );
            self.store();
        }
    }

    fn store(&mut self) {
        if self.flow.revision() == self.stored_revision {
            self.stored.1 = self.facts.clone();
            return;
        }
        self.stored_revision = self.flow.revision();
        let text = serde_json::to_string(&self.flow).unwrap();
        assert_eq!(serde_json::from_str::<PaymentFlow>(&text).unwrap(), self.flow, "what is stored");
        assert!(text.len() < self.size + 64 * 1024, "{} bytes", text.len());
        self.stored = (text, self.facts.clone());
    }

    /// The table of endings.
    fn check(&self) {
        let Some(ending) = self.flow.ending() else { return };
        let completed = self.facts.completed || self.facts.begun == Some(true);
        let as_the_table_says = match &ending.payment {
            PaymentEnding::Paid { .. } | PaymentEnding::Tokenized { .. } => self.facts.success,
            _ if self.facts.success => false,
            PaymentEnding::NotPaid(_) => !completed,
            PaymentEnding::Declined { .. } => completed && self.facts.decline,
            _ => completed && !self.facts.decline,
        };
        assert!(as_the_table_says, "{}", shown(&ending));
    }
}

fn shown(ending: &Ending) -> String {
    format!("{ending} {ending:?}")
}

fn failure(number: u8, key: &str) -> Error {
    let status = FailedOperation::status;
    let failed = match number {
        0 | 10 => FailedOperation::not_sent(),
        1 => FailedOperation::lost(),
        2 => FailedOperation::timed_out(),
        3 | 4 => status(429),
        5 | 6 => status(400).code(64019),
        7 => status(400).code(64021),
        8 => status(400).code(20409),
        9 => status(404).code(20404),
        other => status([400, 401, 408, 409, 425, 499, 500, 503][usize::from(other % 8)]),
    };
    let error = failed.error(key);
    // An earlier attempt may say more than the last one.
    match number {
        4 | 6 => error.after_earlier(&FailedOperation::lost().error(key)),
        10 => error.after_earlier(&status(429).error(key)),
        _ => error,
    }
}

/// Whether a completion that failed in this way may have been carried out, by the table of endings.
fn may_be_carried_out(error: &Error) -> bool {
    let code = error.api_error().and_then(|api| api.code);
    match error.outcome() {
        Outcome::Unknown => true,
        Outcome::NotSent => false,
        Outcome::Refused => {
            error.kind() == ErrorKind::Api && error.status() != Some(429) && code != Some(64019)
        }
    }
}

fn form(sid: &str, rest: &[u8]) -> Vec<u8> {
    [b"Sid=", sid.as_bytes(), b"&", rest].concat()
}
