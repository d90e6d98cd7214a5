//! `State`: what a flow knows, and what follows from it.

use super::captures::MAX_CAPTURES;
use super::operation::Operation;
use super::{Ending, NotPaidReason, PaymentEnding, ResponseDigest, SessionEnding};
use crate::model::{Capture, CaptureError, PayResult, Payments};

/// How long a session whose creation was not answered is given to report itself: the service repeats its
/// callbacks for up to 15 s.
const ADOPTION_TIME: u64 = 20_000;

/// How long the last callback of a session is awaited that was cancelled, or refuses to be.
const CLOSING_TIME: u64 = 2_000;

/// How many times a session is completed anew after the service reported that something is missing.
const MAX_ROUNDS: u32 = 3;

/// What bounds a flow. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) max_asks: u32,
    pub(super) capture_timeout: u64,
    pub(super) result_timeout: u64,
}

impl Limits {
    /// The largest number of requests that a flow can begin.
    pub(super) fn max_requests(&self) -> u64 {
        let asks = u64::from(self.max_asks).saturating_mul(MAX_CAPTURES as u64);
        let operations = asks.saturating_add(2).saturating_add(u64::from(MAX_ROUNDS));
        operations.saturating_mul(u64::from(super::operation::MAX_BEGINS))
    }
}

/// What a flow knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// The SID of the session, once it is known.
    pub(super) session: Option<String>,
    pub(super) create: Operation,
    /// The capture that the caller is asked for now.
    pub(super) ask: Option<Ask>,
    /// How many times each capture was asked for.
    pub(super) asked: Vec<(Capture, u32)>,
    /// What is still to be asked for.
    pub(super) left: Vec<Capture>,
    /// What the service reported last to be still required.
    pub(super) required: Option<Vec<Capture>>,
    /// What failed last, and why; no reason if the time ran out.
    pub(super) failed: Option<(Capture, Option<CaptureError>)>,
    /// The date of the failure that was counted last.
    pub(super) failed_at: Option<u64>,
    /// The date of the newest callback.
    pub(super) newest: Option<u64>,
    /// How many times the completion was certainly refused because something was missing.
    pub(super) rounds: u32,
    pub(super) complete: Operation,
    pub(super) cancel: Operation,
    /// Why no more captures are asked for.
    pub(super) stop: Option<NotPaidReason>,
    pub(super) result: Option<SessionResult>,
    pub(super) ended: bool,
}

/// One ask for one capture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) capture: Capture,
    /// Which ask for this capture it is, counted from 1.
    pub(super) number: u32,
    pub(super) operation: Operation,
    /// When it counts as failed, in milliseconds.
    pub(super) deadline: u64,
    /// Whether a callback shows that the caller is being asked.
    pub(super) seen: bool,
    /// Whether the capture is in, or the ask has failed.
    pub(super) done: bool,
}

/// The result of the session, as the service reported it.
#[derive(Clone, PartialEq)]
pub(super) struct SessionResult {
    pub(super) result: PayResult,
    pub(super) confirmation_code: Option<String>,
    pub(super) token: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) code: Option<u32>,
    pub(super) error: Option<String>,
    pub(super) connector_error: Option<String>,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Create,
    Capture,
    Complete,
    Cancel,
    Wait(u64),
    End,
}

impl State {
    pub(super) fn new(left: Vec<Capture>) -> Self {
        Self {
            session: None,
            create: Operation::default(),
            ask: None,
            asked: Vec::new(),
            left,
            required: None,
            failed: None,
            failed_at: None,
            newest: None,
            rounds: 0,
            complete: Operation::default(),
            cancel: Operation::default(),
            stop: None,
            result: None,
            ended: false,
        }
    }

    /// The request that is begun and not answered.
    pub(super) fn in_flight(&self) -> Option<&Operation> {
        let ask = self.ask.as_ref().map(|ask| &ask.operation);
        [Some(&self.create), ask, Some(&self.complete), Some(&self.cancel)]
            .into_iter()
            .flatten()
            .find(|operation| operation.in_flight)
    }

    /// What kind of request is begun and not answered, if one is.
    pub(super) fn in_flight_action(&self) -> Action {
        if self.complete.in_flight {
            Action::Complete
        } else if self.cancel.in_flight {
            Action::Cancel
        } else if self.create.in_flight {
            Action::Create
        } else {
            Action::Capture
        }
    }

    /// The request under way was accepted.
    pub(super) fn accept(&mut self, payments: &Payments) {
        if self.create.in_flight {
            self.create.accept();
            self.begin_session(&payments.sid);
        } else if self.complete.in_flight {
            self.complete.accept();
        } else if self.cancel.in_flight {
            self.cancel.accept();
        } else if let Some(ask) = &mut self.ask {
            ask.operation.accept();
        }
        self.settle();
    }

    /// The request under way failed.
    pub(super) fn fail(&mut self, response: ResponseDigest) {
        let certain = response.is_certain();
        if self.create.in_flight {
            self.create.fail(response, certain);
        } else if self.complete.in_flight {
            self.fail_complete(response);
        } else if self.cancel.in_flight {
            self.cancel.fail(response, certain);
        } else if let Some(ask) = &mut self.ask {
            ask.operation.fail(response, certain);
        }
        self.settle();
    }

    /// Decides what comes next, and marks the request that it names as begun.
    pub(super) fn next(&mut self, now: u64, limits: &Limits) -> Action {
        self.create.lose_response();
        self.complete.lose_response();
        self.cancel.lose_response();
        if let Some(ask) = &mut self.ask {
            ask.operation.lose_response();
        }
        self.expire(now);
        self.settle();
        let action = self.decide(now, limits);
        match action {
            Action::Create => self.create.begin(now),
            Action::Capture => {
                if let Some(ask) = &mut self.ask {
                    ask.operation.begin(now);
                }
            }
            Action::Complete => self.complete.begin(now),
            Action::Cancel => self.cancel.begin(now),
            Action::Wait(_) => {}
            Action::End => self.ended = true,
        }
        action
    }

    fn decide(&mut self, now: u64, limits: &Limits) -> Action {
        if self.complete.may_have_happened() {
            self.await_result(now, limits)
        } else if self.ended || self.stop.is_some() || self.result.is_some() {
            self.close(now, limits)
        } else if self.session.is_none() {
            self.open(now, limits)
        } else {
            self.collect(now, limits)
        }
    }

    /// Applies the deadlines that have passed.
    pub(super) fn expire(&mut self, now: u64) {
        if self.in_flight().is_some() {
            return;
        }
        if self.ask.as_ref().is_some_and(|ask| !ask.done && ask.deadline <= now) {
            self.fail_ask(None);
        }
        let passed = |operation: &Operation| operation.deadline.is_some_and(|deadline| deadline <= now);
        if passed(&self.create) || passed(&self.complete) || passed(&self.cancel) {
            self.ended = true;
        }
    }

    /// Ends the flow if the service has reported how. A result that is no success waits for the response to
    /// the request under way, which may settle more.
    pub(super) fn settle(&mut self) {
        let Some(result) = &self.result else { return };
        let settled = result.is_known() || self.complete.may_have_happened();
        if result.is_success() || settled && self.in_flight().is_none() {
            self.ended = true;
        }
    }

    /// Creates the session or, if it is not known which one was created, waits for it to report itself.
    fn open(&mut self, now: u64, limits: &Limits) -> Action {
        let create = &mut self.create;
        if create.begun == 0 || create.may_have_happened() && create.can_repeat() {
            return Action::Create;
        }
        if !create.may_have_happened() || self.ended {
            return Action::End;
        }
        let time = ADOPTION_TIME.min(limits.result_timeout);
        Action::Wait(*create.deadline.get_or_insert(now.saturating_add(time)))
    }

    /// Asks for what is left, then completes.
    fn collect(&mut self, now: u64, limits: &Limits) -> Action {
        if let Some(ask) = self.ask.as_ref().filter(|ask| !ask.done) {
            let operation = &ask.operation;
            if operation.accepted || ask.seen {
                return Action::Wait(ask.deadline);
            }
            if operation.can_repeat() {
                return Action::Capture;
            }
            match &operation.response {
                Some(response) if operation.is_refused() || !operation.may_have_happened() => {
                    self.stop = Some(NotPaidReason::StepFailed(response.clone()));
                    return self.close(now, limits);
                }
                _ => return Action::Wait(ask.deadline),
            }
        }
        if let Some(capture) = self.left.first().cloned() {
            return if self.ask_for(capture, now, limits) {
                Action::Capture
            } else {
                self.close(now, limits)
            };
        }
        match &self.complete.response {
            Some(response) if !self.complete.can_repeat() => {
                self.stop = Some(NotPaidReason::StepFailed(response.clone()));
                self.close(now, limits)
            }
            _ => Action::Complete,
        }
    }

    /// Makes the next ask for a capture, or stops if there were enough of them.
    fn ask_for(&mut self, capture: Capture, now: u64, limits: &Limits) -> bool {
        let known = self.asked.iter().position(|(asked, _)| *asked == capture);
        if known.is_none() && self.asked.len() < MAX_CAPTURES {
            self.asked.push((capture.clone(), 0));
        }
        let count = self.asked.iter_mut().find(|(asked, _)| *asked == capture).map(|(_, count)| count);
        match count {
            Some(count) if *count < limits.max_asks => {
                *count += 1;
                let deadline = now.saturating_add(limits.capture_timeout);
                let operation = Operation::default();
                self.ask =
                    Some(Ask { capture, number: *count, operation, deadline, seen: false, done: false });
                true
            }
            _ => {
                let error = self.failed.take().filter(|(failed, _)| *failed == capture);
                let error = error.and_then(|(_, error)| error);
                self.stop = Some(NotPaidReason::CaptureFailed { capture, error });
                false
            }
        }
    }

    /// The ask under way failed. If two typings differ it is not known which one was wrong, so the first is
    /// asked for again too.
    pub(super) fn fail_ask(&mut self, error: Option<CaptureError>) {
        let Some(ask) = self.ask.as_mut().filter(|ask| !ask.done) else { return };
        ask.done = true;
        if error == Some(CaptureError::InputMatchingFailed) {
            let first = super::captures::first_typing(&ask.capture);
            if let Some(first) = first.filter(|first| !self.left.contains(first)) {
                self.left.insert(0, first.clone());
            }
        }
        self.failed = Some((ask.capture.clone(), error));
    }

    /// Waits for the result of a session that may have been completed. It is never cancelled: it is not
    /// known what that would cancel.
    fn await_result(&mut self, now: u64, limits: &Limits) -> Action {
        if self.ended {
            return Action::End;
        }
        if self.stop.is_none() && self.complete.can_repeat() {
            return Action::Complete;
        }
        let deadline = &mut self.complete.deadline;
        Action::Wait(*deadline.get_or_insert(now.saturating_add(limits.result_timeout)))
    }

    /// Ends a flow that does not complete its session: cancels the session if it may be open.
    fn close(&mut self, now: u64, limits: &Limits) -> Action {
        if self.result.as_ref().is_some_and(SessionResult::is_known) {
            return Action::End;
        }
        if self.session.is_none() {
            let unknown = self.create.may_have_happened() && !self.ended;
            return if unknown { self.open(now, limits) } else { Action::End };
        }
        if self.cancel.can_repeat() {
            return Action::Cancel;
        }
        if self.ended {
            return Action::End;
        }
        Action::Wait(*self.cancel.deadline.get_or_insert(now.saturating_add(CLOSING_TIME)))
    }

    /// Takes the response to the completion that is under way.
    fn fail_complete(&mut self, response: ResponseDigest) {
        let certain = response.is_certainly_not_completed();
        let incomplete = response.is_incomplete();
        self.complete.fail(response.clone(), certain);
        if !incomplete || self.complete.may_have_happened() {
            return;
        }
        self.rounds = self.rounds.saturating_add(1);
        match &self.required {
            Some(required) if !required.is_empty() && self.rounds < MAX_ROUNDS => {
                self.left.clone_from(required);
                self.complete = Operation::default();
            }
            _ => self.stop = self.stop.take().or(Some(NotPaidReason::StepFailed(response))),
        }
    }

    /// What the table of endings makes of what is known now.
    pub(super) fn payment(&self, charges: bool) -> PaymentEnding {
        let completed = self.complete.may_have_happened();
        match &self.result {
            Some(SessionResult { result: PayResult::Success, confirmation_code, token, profile, .. }) => {
                if charges {
                    PaymentEnding::Paid { confirmation_code: confirmation_code.clone() }
                } else {
                    PaymentEnding::Tokenized { token: token.clone(), profile: profile.clone() }
                }
            }
            Some(heard) if completed && heard.is_decline() => PaymentEnding::Declined {
                result: heard.result.clone(),
                code: heard.code,
                error: heard.error.clone(),
                connector_error: heard.connector_error.clone(),
            },
            heard if completed => PaymentEnding::Unknown {
                result: heard.as_ref().map(|heard| heard.result.clone()),
                response: self.complete.response.clone(),
            },
            _ => PaymentEnding::NotPaid(self.reason()),
        }
    }

    fn reason(&self) -> NotPaidReason {
        match (&self.stop, &self.result) {
            (Some(stop @ (NotPaidReason::Cancelled | NotPaidReason::CaptureFailed { .. })), _) => {
                stop.clone()
            }
            (_, Some(heard)) => NotPaidReason::SessionEnded(heard.result.clone()),
            (Some(stop), None) => stop.clone(),
            (None, None) => NotPaidReason::CreateFailed(self.create.response.clone()),
        }
    }

    pub(super) fn session_ending(&self) -> SessionEnding {
        match &self.result {
            Some(heard) if heard.is_cancelled() => SessionEnding::Cancelled,
            Some(heard) if heard.is_known() => SessionEnding::Over,
            _ if self.cancel.accepted => SessionEnding::Cancelled,
            _ if self.session.is_none() && !self.create.may_have_happened() => SessionEnding::NotOpened,
            _ => SessionEnding::PerhapsOpen,
        }
    }

    pub(super) fn ending(
        &self,
        call_sid: &str,
        key: &str,
        reference: Option<String>,
        charges: bool,
    ) -> Ending {
        Ending {
            payment: self.payment(charges),
            session: self.session_ending(),
            session_sid: self.session.clone(),
            call_sid: call_sid.to_owned(),
            key: key.to_owned(),
            reference,
        }
    }
}

impl SessionResult {
    pub(super) fn is_success(&self) -> bool {
        self.result == PayResult::Success
    }

    /// Whether the service uses the word to report that nothing was charged.
    fn is_decline(&self) -> bool {
        matches!(
            self.result,
            PayResult::PaymentConnectorError
                | PayResult::ValidationError
                | PayResult::CallerHungUp
                | PayResult::CallerInterruptedWithStar
        )
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.result.as_str(), "cancelled" | "canceled")
    }

    /// Whether it is certain that the session is over: a word that this version does not know may mean
    /// something else.
    fn is_known(&self) -> bool {
        self.is_cancelled() || !matches!(self.result, PayResult::Other(_))
    }
}

impl std::fmt::Debug for SessionResult {
    /// Leaves out the token and the profile.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionResult").field("result", &self.result).finish_non_exhaustive()
    }
}
