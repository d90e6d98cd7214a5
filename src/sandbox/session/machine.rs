//! One Payments session as a pure state machine, without a clock, thread or socket.
//!
//! Times are since the Unix epoch, and are used for the dates of callbacks and for deadlines. Call
//! [`tick`](PaySession::tick) before anything else that happens at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::collected::Collected;
use super::kind::{ACCOUNT_NUMBER, CARD_NUMBER, CaptureKind, Kind, SECURITY_CODE};
use crate::model::{Capture, CaptureError, PayResult};
use crate::sandbox::connector::{PaymentConnector, PaymentFailure};
use crate::sandbox::delivery::Callback;
use crate::sandbox::fields::Fields;
use crate::sandbox::parameters::{CreateParameters, SessionIds, UpdateKind, UpdateParameters};
use crate::sandbox::refusals::{self, Refusal};
use crate::sandbox::views::{Session, Transaction};
use crate::text::date::{Civil, rfc_2822};

/// The least time that a caller gets for the first key, because they must find the card first.
const FIRST_KEY: Duration = Duration::from_secs(60);

/// What the session waits for.
enum Stage {
    /// For the agent.
    Open,
    /// For the caller to type something, or to type it again.
    Capturing { kind: Kind, second: bool, digits: String, deadline: Duration },
    /// For the caller's 1 or 2; the connector's verdict is known.
    Confirming { verdict: Result<(), PaymentFailure>, deadline: Duration },
    /// For nothing: it is over.
    Ended,
}

/// What the caller is being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asking {
    /// To type this capture.
    Capture(Capture),
    /// To confirm with 1, or to cancel with 2.
    Confirmation,
}

/// Behaviour that is not documented for this API, and off by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Undocumented {
    /// Whether callbacks have values that are seen but not documented: `Result=cancelled` and `Attempt`.
    pub(crate) words: bool,
    /// After how many failed entries for one capture the session ends with `too-many-failed-attempts`.
    pub(crate) max_failed_attempts: Option<u32>,
}

/// The state of a capture.
pub(super) enum CaptureProgress<'a> {
    /// These digits have been typed so far.
    Typing(&'a str),
    /// The digits are valid.
    Taken,
    /// The digits are not valid, or the caller was not asked.
    Failed { typed: &'a str, error: CaptureError, attempt: Option<u32> },
}

/// What the connector did, or why it did nothing.
pub(super) type Effect = Result<Transaction, PaymentFailure>;

/// A Payments session. Its methods return the callbacks to send, in order.
pub(crate) struct PaySession {
    pub(crate) ids: SessionIds,
    pub(crate) parameters: CreateParameters,
    undocumented: Undocumented,
    pub(super) created: Duration,
    /// The current `StatusCallback`.
    pub(super) url: Arc<str>,
    pub(super) collected: Collected,
    /// How often each kind failed since it was last valid.
    failures: HashMap<Capture, u32>,
    stage: Stage,
    /// The view of the session for tests.
    pub(crate) view: Session,
}

impl PaySession {
    /// Starts a session. The callback announces it.
    pub(crate) fn start(
        ids: SessionIds,
        call_sid: &str,
        parameters: CreateParameters,
        form: Fields,
        undocumented: Undocumented,
        now: Duration,
    ) -> (Self, Callback) {
        let view = Session {
            sid: ids.sid.to_string(),
            call_sid: call_sid.to_owned(),
            result: None,
            transaction: None,
            parameters: form,
            captures: Vec::new(),
            idempotency_keys: vec![parameters.idempotency_key.clone()],
        };
        let session = Self {
            url: parameters.status_callback.as_str().into(),
            ids,
            parameters,
            undocumented,
            created: now,
            collected: Collected::default(),
            failures: HashMap::new(),
            stage: Stage::Open,
            view,
        };
        let callback = session.callback(session.common());
        (session, callback)
    }

    /// Updates the session. This ends a wait for the caller, and callbacks go to the new URL.
    ///
    /// # Errors
    /// Returns a refusal if the session is over, if something is still required before it can be completed, or if the
    /// capture does not belong to its payment method or need not be typed twice. In that case, nothing has changed.
    pub(crate) fn update(
        &mut self,
        update: &UpdateParameters,
        connector: &PaymentConnector,
        now: Duration,
    ) -> Result<Vec<Callback>, Refusal> {
        if let Some(result) = &self.view.result {
            let message = format!("Session {} is over: {result}", self.ids.sid);
            return Err(Refusal::new(&refusals::CONFLICT, message));
        }
        let required = self.required();
        let asked = match &update.kind {
            UpdateKind::Capture(capture) => Some((capture, self.allowed(capture)?)),
            UpdateKind::Complete if !required.is_empty() => {
                let names: Vec<_> = required.iter().map(Capture::as_str).collect();
                let message = format!("Still required: {}", names.join(", "));
                return Err(Refusal::new(&refusals::INCOMPLETE, message));
            }
            UpdateKind::Complete | UpdateKind::Cancel => None,
        };
        self.url = update.status_callback.as_str().into();
        self.stage = Stage::Open;
        self.view.idempotency_keys.push(update.idempotency_key.clone());
        Ok(match (asked, &update.kind) {
            (Some((capture, (kind, second))), _) => {
                self.view.captures.push(capture.clone());
                vec![self.ask(kind, second, now)]
            }
            (None, UpdateKind::Cancel) => self.fail(PayResult::Cancelled, PaymentFailure::default(), now),
            (None, _) => self.complete(connector, now),
        })
    }

    fn allowed(&self, capture: &Capture) -> Result<(Kind, bool), Refusal> {
        let invalid = |reason| Refusal::invalid_parameter("Capture", reason);
        let (kind, second) = CaptureKind::of(capture).ok_or_else(|| invalid("not one of its values"))?;
        if !CaptureKind::all_of(&self.parameters).contains(&kind) {
            return Err(invalid("the capture does not belong to the session's payment method"));
        }
        if second && !kind.is_matched(&self.parameters) {
            return Err(invalid("the session does not require matching inputs for the capture"));
        }
        Ok((kind, second))
    }

    /// Asks the caller for a capture, which replaces what was typed for it before.
    fn ask(&mut self, kind: Kind, second: bool, now: Duration) -> Callback {
        let early = if second && self.collected.get(kind).is_none() {
            Some(CaptureError::InputMatchingFailed)
        } else if kind == &SECURITY_CODE && self.collected.card_type().is_none() {
            Some(CaptureError::InvalidCardNumberSecurityCodeCaptureSequence)
        } else {
            None
        };
        if let Some(error) = early {
            // The caller is not asked, so this does not count as an attempt.
            let failed = CaptureProgress::Failed { typed: "", error, attempt: None };
            return self.progress(kind, second, &failed, now);
        }
        if second {
            self.collected.set_matched(kind, false);
        } else {
            self.collected.forget(kind);
        }
        let deadline = self.first_key(now);
        self.stage = Stage::Capturing { kind, second, digits: String::new(), deadline };
        self.progress(kind, second, &CaptureProgress::Typing(""), now)
    }

    /// Sends what was collected to the connector, or asks the caller to confirm first.
    fn complete(&mut self, connector: &PaymentConnector, now: Duration) -> Vec<Callback> {
        let number = if self.parameters.is_ach() { &ACCOUNT_NUMBER } else { &CARD_NUMBER };
        let number = self.collected.get(number).unwrap_or_default();
        let verdict = connector.judge(number, &self.parameters);
        if self.parameters.confirmation {
            self.stage = Stage::Confirming { verdict, deadline: self.first_key(now) };
            return Vec::new();
        }
        self.submit(verdict, now)
    }

    /// Presses keys as the caller, one after another.
    pub(crate) fn press(&mut self, keys: &str, now: Duration) -> Vec<Callback> {
        keys.chars().flat_map(|key| self.key(key, now)).collect()
    }

    /// Takes a key of the caller: a digit, `*` or `#`. Other keys, and keys that the session does not wait for, have no
    /// effect.
    pub(crate) fn key(&mut self, key: char, now: Duration) -> Vec<Callback> {
        match (key, &mut self.stage) {
            (_, Stage::Ended) => Vec::new(),
            ('*', _) => self.fail(PayResult::CallerInterruptedWithStar, PaymentFailure::default(), now),
            ('#', Stage::Capturing { .. }) => self.finish_entry(now),
            ('0'..='9', Stage::Capturing { kind, second, digits, deadline }) => {
                digits.push(key);
                if self.collected.is_full(kind, digits, &self.parameters) {
                    return self.finish_entry(now);
                }
                *deadline = now.saturating_add(self.parameters.timeout);
                let (kind, second, digits) = (*kind, *second, digits.clone());
                vec![self.progress(kind, second, &CaptureProgress::Typing(&digits), now)]
            }
            ('1', Stage::Confirming { verdict, .. }) => {
                let verdict = verdict.clone();
                self.submit(verdict, now)
            }
            ('2', Stage::Confirming { .. }) => {
                self.fail(PayResult::Cancelled, PaymentFailure::new("not confirmed by the caller"), now)
            }
            _ => Vec::new(),
        }
    }

    /// Applies the end of a wait. Call this when [`next_deadline`](Self::next_deadline) has passed; at any other time
    /// it does nothing.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<Callback> {
        match &self.stage {
            Stage::Capturing { deadline, .. } if *deadline <= now => self.finish_entry(now),
            Stage::Confirming { deadline, .. } if *deadline <= now => {
                self.fail(PayResult::Cancelled, PaymentFailure::new(CaptureError::InputTimeout.as_str()), now)
            }
            _ => Vec::new(),
        }
    }

    /// Ends the session because the caller hangs up.
    pub(crate) fn hang_up(&mut self, now: Duration) -> Vec<Callback> {
        match self.stage {
            Stage::Ended => Vec::new(),
            _ => self.fail(PayResult::CallerHungUp, PaymentFailure::default(), now),
        }
    }

    /// Returns when [`tick`](Self::tick) is due.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Capturing { deadline, .. } | Stage::Confirming { deadline, .. } => Some(deadline),
            Stage::Open | Stage::Ended => None,
        }
    }

    /// Returns what the caller is being asked for.
    pub(crate) fn asking(&self) -> Option<Asking> {
        match self.stage {
            Stage::Capturing { kind, second, .. } => Some(Asking::Capture(kind.named(second))),
            Stage::Confirming { .. } => Some(Asking::Confirmation),
            Stage::Open | Stage::Ended => None,
        }
    }

    /// Returns what remains to be collected, in the order in which the service names it.
    pub(crate) fn required(&self) -> Vec<Capture> {
        self.collected.required(&self.parameters)
    }

    /// Returns the resource as JSON. Nothing in it needs to be escaped: SIDs were checked, and dates are made here.
    pub(crate) fn resource(&self, now: Duration) -> String {
        let SessionIds { account_sid, call_sid, sid } = &self.ids;
        let (created, updated) = (rfc_2822(self.created), rfc_2822(now));
        format!(
            "{{\"account_sid\":\"{account_sid}\",\"call_sid\":\"{call_sid}\",\"date_created\":\"{created}\",\
             \"date_updated\":\"{updated}\",\"sid\":\"{sid}\",\
             \"uri\":\"/2010-04-01/Accounts/{account_sid}/Calls/{call_sid}/Payments/{sid}.json\"}}"
        )
    }

    fn first_key(&self, now: Duration) -> Duration {
        now.saturating_add(FIRST_KEY.max(self.parameters.timeout))
    }

    /// Checks the entry when it is complete.
    fn finish_entry(&mut self, now: Duration) -> Vec<Callback> {
        let Stage::Capturing { kind, second, digits, .. } = &mut self.stage else { return Vec::new() };
        let (kind, second, digits) = (*kind, *second, std::mem::take(digits));
        self.stage = Stage::Open;
        let taken = if digits.is_empty() {
            Err(CaptureError::InputTimeout)
        } else if !second {
            self.collected.take(kind, &digits, &self.parameters, Civil::new(now))
        } else if self.collected.get(kind) == Some(digits.as_str()) {
            self.collected.set_matched(kind, true);
            Ok(())
        } else {
            // It is not known which of the two is wrong, so both must be typed again.
            self.collected.forget(kind);
            Err(CaptureError::InputMatchingFailed)
        };
        let Err(error) = taken else {
            self.failures.remove(&kind.capture);
            return vec![self.progress(kind, second, &CaptureProgress::Taken, now)];
        };
        let failures = self.failures.entry(kind.capture.clone()).or_default();
        *failures = failures.saturating_add(1);
        let failures = *failures;
        let failure = PaymentFailure::new(error.as_str());
        let attempt = self.undocumented.words.then_some(failures);
        let failed = CaptureProgress::Failed { typed: &digits, error, attempt };
        let mut out = vec![self.progress(kind, second, &failed, now)];
        if self.undocumented.max_failed_attempts.is_some_and(|most| failures >= most) {
            out.extend(self.fail(PayResult::TooManyFailedAttempts, failure, now));
        }
        out
    }

    /// Ends the session with the connector's result.
    fn submit(&mut self, verdict: Result<(), PaymentFailure>, now: Duration) -> Vec<Callback> {
        let result = if verdict.is_ok() { PayResult::Success } else { PayResult::PaymentConnectorError };
        let effect =
            verdict.map(|()| Transaction::new(&self.view.sid, &self.view.call_sid, &self.parameters));
        self.end(result, effect, now)
    }

    /// Ends the session without an effect.
    fn fail(&mut self, result: PayResult, failure: PaymentFailure, now: Duration) -> Vec<Callback> {
        self.end(result, Err(failure), now)
    }

    fn end(&mut self, result: PayResult, effect: Effect, now: Duration) -> Vec<Callback> {
        let documented = result != PayResult::Cancelled || self.undocumented.words;
        let last = self.ended(documented.then_some(&result), &effect, now);
        self.stage = Stage::Ended;
        self.view.result = Some(result);
        self.view.transaction = effect.ok();
        vec![last]
    }
}
