//! One payment session on a call, as the caller and the agent drive it. Pure: no clock, thread or socket.
//!
//! Times are given as time since the Unix epoch; they serve for the dates of callbacks and for deadlines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::capture::{Collected, Piece};
use super::connector::{self, Transaction};
use super::fields::{Ending, Fields, Progress};
use super::settings::Settings;
use super::update::{Asking, Refusal};
use crate::model::{Capture, CaptureError, PayResult, TokenType};
use crate::sandbox::delivery::{Callback, Params};
use crate::text::date::Civil;

/// The service's error code where the connector refused to charge.
const CHARGE_REJECTED: u32 = 64008;
/// The service's error code where the connector refused to make a token.
const TOKEN_REJECTED: u32 = 64010;

/// What the session waits for.
enum Stage {
    /// For the agent.
    Open,
    /// For the caller to type a piece, or to type it again.
    Capturing { piece: Piece, second: bool, digits: String, deadline: Duration },
    /// For the caller's 1 or 2.
    Confirming { deadline: Duration },
    /// For nothing any more.
    Ended(PayResult),
}

/// A payment session. Each method gives the callbacks to send, in order.
pub(crate) struct PaySession {
    settings: Settings,
    sid: Arc<str>,
    created: Duration,
    url: Arc<str>,
    collected: Collected,
    /// How often each piece failed since it was last good.
    failures: BTreeMap<Piece, u32>,
    stage: Stage,
    transaction: Option<Transaction>,
}

impl PaySession {
    /// Begins a session: the first callback says that it is there.
    pub(crate) fn start(settings: Settings, url: &str, now: Duration) -> (Self, Callback) {
        let session = Self {
            sid: settings.sid.as_str().into(),
            settings,
            created: now,
            url: url.into(),
            collected: Collected::default(),
            failures: BTreeMap::new(),
            stage: Stage::Open,
            transaction: None,
        };
        let callback = session.callback(session.fields(now).started());
        (session, callback)
    }

    /// Asks the caller for a piece, from now on in the place of what was typed for it before.
    ///
    /// # Errors
    /// Where the update itself is wrong; nothing has changed then.
    pub(crate) fn capture(
        &mut self,
        capture: &Capture,
        url: &str,
        now: Duration,
    ) -> Result<Vec<Callback>, Refusal> {
        let (piece, second) = Piece::of(capture).ok_or(Refusal::UnknownCapture)?;
        if !Piece::of_method(self.settings.is_ach()).contains(&piece) {
            return Err(Refusal::OtherMethod);
        }
        if second && !self.settings.is_matched(piece) {
            return Err(Refusal::NotMatched);
        }
        let (mut out, open) = self.update(url, now)?;
        if !open {
            return Ok(out);
        }
        let early = if second && self.collected.get(piece).is_none() {
            Some(CaptureError::InputMatchingFailed)
        } else if piece == Piece::SecurityCode && self.collected.card_type().is_none() {
            Some(CaptureError::InvalidCardNumberSecurityCodeCaptureSequence)
        } else {
            None
        };
        if early.is_some() {
            // The caller is not asked, so it is no attempt of theirs.
            out.push(self.progress(piece, second, "", false, early, None, now));
            return Ok(out);
        }
        if second {
            self.collected.set_matched(piece, false);
        } else {
            self.collected.forget(piece);
        }
        let deadline = now.saturating_add(self.settings.first_key());
        self.stage = Stage::Capturing { piece, second, digits: String::new(), deadline };
        out.push(self.progress(piece, second, "", true, None, None, now));
        Ok(out)
    }

    /// The caller presses a key: a digit, `*` or `#`. Keys that nobody waits for do nothing, nor do others.
    pub(crate) fn key(&mut self, key: char, now: Duration) -> Vec<Callback> {
        let mut out = self.tick(now);
        match (key, &mut self.stage) {
            (_, Stage::Ended(_)) => {}
            ('*', _) => out.push(self.end(PayResult::CallerInterruptedWithStar, &Ending::plain(), now)),
            ('#', Stage::Capturing { .. }) => out.extend(self.settle(now)),
            ('0'..='9', Stage::Capturing { piece, second, digits, deadline }) => {
                digits.push(key);
                if self.collected.is_full(*piece, digits, &self.settings) {
                    out.extend(self.settle(now));
                } else {
                    *deadline = now.saturating_add(self.settings.timeout);
                    let (piece, second, digits) = (*piece, *second, digits.clone());
                    out.push(self.progress(piece, second, &digits, true, None, None, now));
                }
            }
            ('1', Stage::Confirming { .. }) => out.push(self.submit(now)),
            ('2', Stage::Confirming { .. }) => {
                let ending = Ending::failed("not confirmed by the caller");
                out.push(self.end(PayResult::Cancelled, &ending, now));
            }
            _ => {}
        }
        out
    }

    /// Lets a wait that is over have its effect. To be called when [`next_deadline`](Self::next_deadline)
    /// has come; at any other time it does nothing.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<Callback> {
        if self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.lapse(now)
        } else {
            Vec::new()
        }
    }

    /// Ends the present wait for a key, as if its time were over.
    pub(crate) fn lapse(&mut self, now: Duration) -> Vec<Callback> {
        match &self.stage {
            Stage::Capturing { .. } => self.settle(now),
            Stage::Confirming { .. } => {
                let ending = Ending::failed(CaptureError::InputTimeout.as_str());
                vec![self.end(PayResult::Cancelled, &ending, now)]
            }
            Stage::Open | Stage::Ended(_) => Vec::new(),
        }
    }

    /// Sends what was collected to the connector, or asks the caller to confirm first. Where something is
    /// missing the session ends with a validation error.
    ///
    /// # Errors
    /// Where the session is over.
    pub(crate) fn complete(&mut self, url: &str, now: Duration) -> Result<Vec<Callback>, Refusal> {
        let (mut out, open) = self.update(url, now)?;
        if !open {
            return Ok(out);
        }
        let required = self.required();
        if !required.is_empty() {
            let names: Vec<_> = required.iter().map(Capture::as_str).collect();
            let ending = Ending::failed(format!("missing: {}", names.join(", ")));
            out.push(self.end(PayResult::ValidationError, &ending, now));
        } else if self.settings.confirmation {
            self.stage = Stage::Confirming { deadline: now.saturating_add(self.settings.first_key()) };
        } else {
            out.push(self.submit(now));
        }
        Ok(out)
    }

    /// Ends the session without an effect.
    ///
    /// # Errors
    /// Where the session is over.
    pub(crate) fn cancel(&mut self, url: &str, now: Duration) -> Result<Vec<Callback>, Refusal> {
        let (mut out, open) = self.update(url, now)?;
        if open {
            out.push(self.end(PayResult::Cancelled, &Ending::plain(), now));
        }
        Ok(out)
    }

    /// The caller hangs up.
    pub(crate) fn hang_up(&mut self, now: Duration) -> Vec<Callback> {
        let mut out = self.tick(now);
        if self.result().is_none() {
            out.push(self.end(PayResult::CallerHungUp, &Ending::plain(), now));
        }
        out
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Capturing { deadline, .. } | Stage::Confirming { deadline } => Some(deadline),
            Stage::Open | Stage::Ended(_) => None,
        }
    }

    /// What the caller is asked at the moment.
    pub(crate) fn asking(&self) -> Option<Asking> {
        match self.stage {
            Stage::Capturing { piece, second, .. } => Some(Asking::For(piece.named(second))),
            Stage::Confirming { .. } => Some(Asking::ToConfirm),
            Stage::Open | Stage::Ended(_) => None,
        }
    }

    /// What remains to be collected, in the order in which the service names it.
    pub(crate) fn required(&self) -> Vec<Capture> {
        let mut required = Vec::new();
        for piece in self.settings.wanted() {
            if self.collected.get(piece).is_none() {
                required.push(piece.capture());
            }
            if self.settings.is_matched(piece) && !self.collected.is_matched(piece) {
                required.extend(piece.matcher());
            }
        }
        required
    }

    /// How the session ended, where it did.
    pub(crate) fn result(&self) -> Option<&PayResult> {
        match &self.stage {
            Stage::Ended(result) => Some(result),
            _ => None,
        }
    }

    /// The one effect of the session, where it had one.
    pub(crate) fn transaction(&self) -> Option<&Transaction> {
        self.transaction.as_ref()
    }

    /// What the session was created with.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn collected(&self) -> &Collected {
        &self.collected
    }

    /// What every update does: a wait that is over has its effect first, one that is not is given up.
    /// Gives the callbacks of that, and whether the session is still open.
    fn update(&mut self, url: &str, now: Duration) -> Result<(Vec<Callback>, bool), Refusal> {
        let out = self.tick(now);
        match self.result() {
            Some(_) if out.is_empty() => Err(Refusal::Ended),
            Some(_) => Ok((out, false)),
            None => {
                self.url = url.into();
                self.stage = Stage::Open;
                Ok((out, true))
            }
        }
    }

    /// The caller is done with the piece: it is good or it is not.
    fn settle(&mut self, now: Duration) -> Vec<Callback> {
        let (piece, second, digits) = match std::mem::replace(&mut self.stage, Stage::Open) {
            Stage::Capturing { piece, second, digits, .. } => (piece, second, digits),
            other => {
                self.stage = other;
                return Vec::new();
            }
        };
        let settled = if digits.is_empty() {
            Err(CaptureError::InputTimeout)
        } else if !second {
            self.collected.take(piece, &digits, &self.settings, Civil::new(now))
        } else if self.collected.get(piece) == Some(digits.as_str()) {
            self.collected.set_matched(piece, true);
            Ok(())
        } else {
            // It is not known which of the two is the wrong one: both are typed again.
            self.collected.forget(piece);
            Err(CaptureError::InputMatchingFailed)
        };
        let Err(error) = settled else {
            self.failures.remove(&piece);
            return vec![self.progress(piece, second, "", false, None, None, now)];
        };
        let failures = self.failures.entry(piece).or_default();
        *failures = failures.saturating_add(1);
        let attempt = *failures;
        let ending = Ending::failed(error.as_str());
        let mut out = vec![self.progress(piece, second, &digits, false, Some(error), Some(attempt), now)];
        if self.settings.max_attempts.is_some_and(|most| attempt >= most) {
            out.push(self.end(PayResult::TooManyFailedAttempts, &ending, now));
        }
        out
    }

    /// Asks the connector.
    fn submit(&mut self, now: Duration) -> Callback {
        let settings = &self.settings;
        let number = if settings.is_ach() { Piece::AccountNumber } else { Piece::CardNumber };
        let number = self.collected.get(number).unwrap_or_default();
        if let Err(refused) = connector::judge(number) {
            let code = if settings.charge().is_some() { CHARGE_REJECTED } else { TOKEN_REJECTED };
            let ending = Ending::Failed {
                message: refused.message.to_owned(),
                code: Some(code),
                connector: refused.code,
            };
            return self.end(PayResult::PaymentConnectorError, &ending, now);
        }
        let transaction = if let Some(amount) = settings.charge() {
            Transaction::Charge {
                amount,
                currency: settings.currency.clone(),
                confirmation_code: connector::reference("ch", &settings.sid),
            }
        } else {
            let prefix = if settings.token_type == TokenType::PaymentMethod { "pm" } else { "tok" };
            Transaction::Token {
                token_type: settings.token_type.clone(),
                token: connector::reference(prefix, &settings.sid),
                profile_id: connector::reference("cus", &settings.sid),
            }
        };
        let callback = self.end(PayResult::Success, &Ending::Done(&transaction), now);
        self.transaction = Some(transaction);
        callback
    }

    fn end(&mut self, result: PayResult, ending: &Ending<'_>, now: Duration) -> Callback {
        let callback = self.callback(self.fields(now).ended(&result, ending));
        self.stage = Stage::Ended(result);
        callback
    }

    #[allow(clippy::too_many_arguments, reason = "a private shorthand for the one struct that it fills")]
    fn progress(
        &self,
        piece: Piece,
        second: bool,
        typed: &str,
        partial: bool,
        error: Option<CaptureError>,
        attempt: Option<u32>,
        now: Duration,
    ) -> Callback {
        let required = self.required();
        let capture = piece.named(second);
        let progress = Progress { piece, capture, typed, partial, error, attempt, required };
        self.callback(self.fields(now).progress(&progress))
    }

    fn fields(&self, now: Duration) -> Fields<'_> {
        Fields { settings: &self.settings, collected: &self.collected, created: self.created, now }
    }

    fn callback(&self, params: Params) -> Callback {
        Callback { session: Arc::clone(&self.sid), url: Arc::clone(&self.url), params }
    }
}

/// What was typed is not shown.
impl fmt::Debug for PaySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaySession")
            .field("sid", &self.sid)
            .field("asking", &self.asking())
            .field("required", &self.required())
            .field("result", &self.result())
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}
