//! The session, driven by agent and caller. Its callbacks are read by the crate's own parser.

mod ach;
mod any_keys;
mod card;
mod ending;
mod wire;

use std::time::Duration;

use super::*;
use crate::callback::StatusCallback;
use crate::model::Amount;
use crate::model::{Capture, CaptureError, PayResult, PaymentMethod};
use crate::sandbox::connector::PaymentConnector;
use crate::sandbox::delivery::Callback;
use crate::sandbox::fields::Fields;
use crate::sandbox::numbers;
use crate::sandbox::parameters::{CreateParameters, Form, SessionIds, UpdateKind, UpdateParameters};
use crate::sandbox::refusals::Refusal;

const URL: &str = "http://127.0.0.1:1/status";
/// 22 November 2026, 09:00 UTC.
const START: Duration = Duration::from_secs(1_795_338_000);

/// A session with a clock of its own.
pub(in crate::sandbox) struct Desk {
    session: PaySession,
    now: Duration,
    /// All callbacks so far.
    pub(in crate::sandbox) sent: Vec<Callback>,
}

pub(in crate::sandbox) fn settings() -> CreateParameters {
    CreateParameters {
        charge_amount: Some("9.99".parse::<Amount>().unwrap()),
        ..CreateParameters::read(&Form::parse(format!("IdempotencyKey=k&StatusCallback={URL}").as_bytes()))
            .unwrap()
    }
}

fn ach() -> CreateParameters {
    CreateParameters { payment_method: PaymentMethod::AchDebit, ..settings() }
}

fn sid(prefix: &str) -> String {
    format!("{prefix}{}", "a".repeat(32))
}

impl Desk {
    /// A session with undocumented values.
    pub(in crate::sandbox) fn new(parameters: CreateParameters) -> Self {
        Self::with(parameters, Undocumented { words: true, max_failed_attempts: None })
    }

    fn with(parameters: CreateParameters, undocumented: Undocumented) -> Self {
        let ids = SessionIds { account_sid: sid("AC"), call_sid: sid("CA"), sid: sid("PK").into() };
        let (session, first) =
            PaySession::start(ids, &sid("CA"), parameters, Fields::default(), undocumented, START);
        Self { session, now: START, sent: vec![first] }
    }

    fn keep(&mut self, callbacks: Vec<Callback>) -> usize {
        let count = callbacks.len();
        self.sent.extend(callbacks);
        count
    }

    fn update(&mut self, kind: UpdateKind) -> Result<usize, Refusal> {
        self.update_at(URL, kind)
    }

    /// Sends an update, and returns how many callbacks it made.
    fn update_at(&mut self, url: &str, kind: UpdateKind) -> Result<usize, Refusal> {
        let lapsed = self.wait(Duration::ZERO);
        let update =
            UpdateParameters { idempotency_key: "k".to_owned(), status_callback: url.to_owned(), kind };
        let callbacks = self.session.update(&update, &PaymentConnector::new(), self.now)?;
        Ok(lapsed + self.keep(callbacks))
    }

    /// Asks for a capture, and returns how many callbacks that made.
    #[track_caller]
    fn ask(&mut self, capture: &Capture) -> usize {
        self.update(UpdateKind::Capture(capture.clone())).unwrap()
    }

    /// Types with a tenth of a second between keys, and returns how many callbacks that made.
    fn press(&mut self, keys: &str) -> usize {
        keys.chars()
            .map(|key| {
                self.now += Duration::from_millis(100);
                let lapsed = self.wait(Duration::ZERO);
                let callbacks = self.session.key(key, self.now);
                lapsed + self.keep(callbacks)
            })
            .sum()
    }

    /// Waits and then ticks, and returns how many callbacks that made.
    fn wait(&mut self, time: Duration) -> usize {
        self.now += time;
        let callbacks = self.session.tick(self.now);
        self.keep(callbacks)
    }

    pub(in crate::sandbox) fn complete(&mut self) -> usize {
        self.update(UpdateKind::Complete).unwrap()
    }

    /// Asks for captures and types what an obliging caller would, until nothing is required.
    pub(in crate::sandbox) fn collect(&mut self) {
        for _ in 0..20 {
            let Some(capture) = self.session.required().into_iter().next() else { return };
            self.ask(&capture);
            let keys = self.session.keys_for(&Answers::default(), self.now).unwrap();
            self.press(&keys);
        }
        panic!("still required: {:?}", self.session.required());
    }

    /// The last callback, as a program reads it.
    fn last(&self) -> StatusCallback {
        parse(self.sent.last().unwrap())
    }

    fn error(&self) -> Option<CaptureError> {
        self.last().error_type
    }

    fn result(&self) -> Option<PayResult> {
        let result = self.session.view.result.clone();
        assert_eq!(result.is_some(), self.last().is_final());
        assert_eq!(result, self.last().result);
        result
    }
}

fn body(callback: &Callback) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(callback.fields.iter()).finish()
}

pub(in crate::sandbox) fn parse(callback: &Callback) -> StatusCallback {
    StatusCallback::parse(body(callback).as_bytes()).unwrap()
}
