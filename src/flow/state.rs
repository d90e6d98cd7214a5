//! `State`: what a flow knows, and what it does next.

use super::ResponseDigest;
use super::captures::{MAX_CAPTURES, first_typing};
use super::operation::{Kind, MAX_BEGINS, Operation};
use super::table::SessionResult;
use crate::model::{Capture, CaptureError, Payments};

/// How long to wait for callbacks of a session if the response to its creation was lost: the service repeats its
/// callbacks for up to 15 s.
const ADOPTION_TIME: u64 = 20_000;

/// How long the last callback of a session is awaited that was cancelled, or refuses to be.
const CLOSING_TIME: u64 = 2_000;

/// How many times a session is completed, if the service reports each time that something is missing.
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
        asks.saturating_add(2 + u64::from(MAX_ROUNDS)).saturating_mul(u64::from(MAX_BEGINS))
    }
}

/// What a flow knows. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// The SID of the session, once it is known.
    pub(super) session: Option<String>,
    /// The request that is begun and not answered.
    pub(super) in_flight: Option<Kind>,
    pub(super) begun_at: u64,
    pub(super) create: Operation,
    /// The request of the ask.
    pub(super) capture: Operation,
    pub(super) complete: Operation,
    pub(super) cancel: Operation,
    /// How many times the completion was certainly refused because something was missing.
    pub(super) rounds: u32,
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
    /// Until when a callback is awaited that is not about a capture.
    pub(super) deadline: Option<u64>,
    /// Why no more captures are asked for.
    pub(super) stop: Option<Stop>,
    /// The response that made the flow stop.
    pub(super) refusal: Option<ResponseDigest>,
    pub(super) result: Option<SessionResult>,
    pub(super) ended: bool,
}

/// One ask for one capture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) capture: Capture,
    /// Which ask for this capture it is, counted from 1.
    pub(super) number: u32,
    /// When it counts as failed.
    pub(super) deadline: u64,
    /// Whether a callback shows that the caller is being asked.
    pub(super) seen: bool,
    /// Whether the capture is in, or the ask has failed.
    pub(super) done: bool,
}

/// Why no more captures are asked for. What failed is beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    Cancelled,
    CaptureFailed,
    StepFailed,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Send(Kind),
    Wait(u64),
    End,
}

impl State {
    fn operation(&mut self, kind: Kind) -> &mut Operation {
        match kind {
            Kind::Create => &mut self.create,
            Kind::Capture => &mut self.capture,
            Kind::Complete => &mut self.complete,
            Kind::Cancel => &mut self.cancel,
        }
    }

    /// Whether a session may have been created.
    pub(super) fn may_be_created(&self) -> bool {
        self.in_flight == Some(Kind::Create) || self.create.accepted || self.create.doubtful
    }

    /// Whether the session may have been completed.
    pub(super) fn may_be_completed(&self) -> bool {
        self.in_flight == Some(Kind::Complete) || self.complete.accepted || self.complete.doubtful
    }

    /// Decides what comes next, and marks the request that it names as begun.
    pub(super) fn next(&mut self, now: u64, limits: &Limits) -> Action {
        if let Some(kind) = self.in_flight.take() {
            self.operation(kind).lose_response();
        }
        self.expire(now);
        self.settle();
        let action = self.decide(now, limits);
        match action {
            Action::Send(kind) => {
                let operation = self.operation(kind);
                operation.begun = operation.begun.saturating_add(1);
                (self.in_flight, self.begun_at, self.deadline) = (Some(kind), now, None);
            }
            Action::Wait(_) => {}
            Action::End => self.ended = true,
        }
        action
    }

    fn decide(&mut self, now: u64, limits: &Limits) -> Action {
        if self.may_be_completed() {
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
        if self.in_flight.is_some() {
            return;
        }
        if self.ask.as_ref().is_some_and(|ask| ask.deadline <= now) {
            self.fail_ask(None);
        }
        self.ended |= self.deadline.is_some_and(|deadline| deadline <= now);
    }

    /// Ends the flow if the service has reported how. A result that is not a success waits for the response
    /// to the request under way, which may settle more.
    pub(super) fn settle(&mut self) {
        let Some(result) = &self.result else { return };
        let settled = result.is_known() || self.may_be_completed();
        self.ended |= result.is_success() || settled && self.in_flight.is_none();
    }

    /// Creates the session or, if it is not known which one was created, waits for it to report itself.
    fn open(&mut self, now: u64, limits: &Limits) -> Action {
        if self.create.begun == 0 || self.may_be_created() && self.create.can_repeat() {
            Action::Send(Kind::Create)
        } else if self.may_be_created() {
            self.wait(now, ADOPTION_TIME.min(limits.result_timeout))
        } else {
            Action::End
        }
    }

    /// Asks for what is left, then completes.
    fn collect(&mut self, now: u64, limits: &Limits) -> Action {
        if let Some(ask) = self.ask.as_ref().filter(|ask| !ask.done) {
            let request = &self.capture;
            if !request.accepted && !ask.seen && request.can_repeat() {
                return Action::Send(Kind::Capture);
            }
            let failed = !ask.seen && (request.is_refused() || !request.doubtful);
            match request.response.clone().filter(|_| failed) {
                Some(response) => self.stop_after(response),
                None => return Action::Wait(ask.deadline),
            }
        } else if let Some(capture) = self.left.first().cloned() {
            if self.ask_for(capture, now, limits) {
                return Action::Send(Kind::Capture);
            }
        } else {
            match self.complete.response.clone().filter(|_| !self.complete.can_repeat()) {
                Some(response) => self.stop_after(response),
                None => return Action::Send(Kind::Complete),
            }
        }
        self.close(now, limits)
    }

    /// A request was not carried out, and will not be.
    fn stop_after(&mut self, response: ResponseDigest) {
        self.stop.get_or_insert(Stop::StepFailed);
        self.refusal = Some(response);
    }

    /// Makes the next ask for a capture, or stops if there were enough of them.
    fn ask_for(&mut self, capture: Capture, now: u64, limits: &Limits) -> bool {
        let known = self.asked.iter().any(|(asked, _)| *asked == capture);
        if !known && self.asked.len() < MAX_CAPTURES {
            self.asked.push((capture.clone(), 0));
        }
        let asks = self.asked.iter_mut().find(|(asked, count)| *asked == capture && *count < limits.max_asks);
        let Some((_, count)) = asks else {
            self.stop = Some(Stop::CaptureFailed);
            self.failed =
                self.failed.take().filter(|(failed, _)| *failed == capture).or(Some((capture, None)));
            return false;
        };
        *count = count.saturating_add(1);
        let deadline = now.saturating_add(limits.capture_timeout);
        self.ask = Some(Ask { capture, number: *count, deadline, seen: false, done: false });
        self.capture = Operation::default();
        true
    }

    /// The ask under way failed. If two typings differ it is not known which one was wrong, so the first is
    /// asked for again too.
    pub(super) fn fail_ask(&mut self, error: Option<CaptureError>) {
        let Some(ask) = self.ask.as_mut().filter(|ask| !ask.done) else { return };
        ask.done = true;
        let differ = error == Some(CaptureError::InputMatchingFailed);
        if let Some(first) = first_typing(&ask.capture).filter(|first| differ && !self.left.contains(first)) {
            self.left.insert(0, first);
        }
        self.failed = Some((ask.capture.clone(), error));
    }

    /// Waits for the result of a session that may have been completed. It is never cancelled: it is not
    /// known what that would cancel.
    fn await_result(&mut self, now: u64, limits: &Limits) -> Action {
        if self.ended {
            Action::End
        } else if self.stop.is_none() && self.complete.can_repeat() {
            Action::Send(Kind::Complete)
        } else {
            self.wait(now, limits.result_timeout)
        }
    }

    /// Ends a flow that does not complete its session: cancels the session if it may be open.
    fn close(&mut self, now: u64, limits: &Limits) -> Action {
        if self.result.as_ref().is_some_and(SessionResult::is_known) {
            Action::End
        } else if self.session.is_none() && self.may_be_created() && !self.ended {
            self.open(now, limits)
        } else if self.session.is_some() && self.cancel.can_repeat() {
            Action::Send(Kind::Cancel)
        } else if self.session.is_none() || self.ended {
            Action::End
        } else {
            self.wait(now, CLOSING_TIME)
        }
    }

    /// Waits for `time` from the first call on.
    fn wait(&mut self, now: u64, time: u64) -> Action {
        Action::Wait(*self.deadline.get_or_insert(now.saturating_add(time)))
    }

    /// The request under way was accepted.
    pub(super) fn accept(&mut self, payments: &Payments) {
        let Some(kind) = self.in_flight.take() else { return };
        let operation = self.operation(kind);
        (operation.accepted, operation.response) = (true, None);
        if kind == Kind::Create {
            self.begin_session(&payments.sid);
        }
        self.settle();
    }

    /// The request under way failed.
    pub(super) fn fail(&mut self, response: ResponseDigest) {
        let Some(kind) = self.in_flight.take() else { return };
        let certain = match kind {
            Kind::Complete => response.is_certainly_not_completed(),
            _ => response.is_certain(),
        };
        let operation = self.operation(kind);
        operation.doubtful |= !certain;
        operation.response = Some(response.clone());
        if kind == Kind::Complete && response.is_incomplete() && !self.may_be_completed() {
            self.collect_again(response);
        }
        self.settle();
    }

    /// Something is missing that the service requires: goes back to asking for it, if it is known what.
    fn collect_again(&mut self, response: ResponseDigest) {
        self.rounds = self.rounds.saturating_add(1);
        match self.required.as_ref().filter(|required| !required.is_empty()) {
            Some(required) if self.rounds < MAX_ROUNDS => {
                self.left.clone_from(required);
                self.complete = Operation::default();
            }
            _ => self.stop_after(response),
        }
    }

    /// The session is known from now on.
    pub(super) fn begin_session(&mut self, sid: &str) {
        if self.session.as_deref() != Some(sid) {
            self.session = Some(sid.to_owned());
            // What was reported of another session says nothing about this one.
            self.result = self.result.take().filter(SessionResult::is_success);
            (self.newest, self.required, self.ask) = (None, None, None);
        }
        self.deadline = None;
    }
}
