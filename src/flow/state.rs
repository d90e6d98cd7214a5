//! `State`: what a flow knows, and what it does next.

use super::ResponseDigest;
use super::captures::MAX_CAPTURES;
use super::operation::{MAX_BEGINS, OperationState, Purpose};
use super::result::SessionResult;
use crate::model::{Capture, CaptureError, Payments};

/// How long to wait for the callbacks of a session if the response to its creation was lost: the service repeats
/// callbacks for up to 15 s.
const ADOPTION_TIME: u64 = 20_000;

/// How long to wait for the last callback of a session after the request to cancel it.
const CLOSING_TIME: u64 = 2_000;

/// How many times to complete a session if the service reports each time that something is missing.
const MAX_ROUNDS: u32 = 3;

/// The limits of a flow. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FlowLimits {
    pub(super) max_asks: u32,
    pub(super) capture_timeout: u64,
    pub(super) result_timeout: u64,
}

impl FlowLimits {
    /// Returns the largest number of requests that a flow can begin.
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
    /// The request that was begun and has no response yet.
    pub(super) in_flight: Option<Purpose>,
    pub(super) begun_at: u64,
    pub(super) create: OperationState,
    /// The request that makes the current ask.
    pub(super) capture: OperationState,
    pub(super) complete: OperationState,
    pub(super) cancel: OperationState,
    /// How many times the completion was certainly refused because something was missing.
    pub(super) rounds: u32,
    /// The capture that the caller is asked for now.
    pub(super) ask: Option<Ask>,
    /// How many times each capture was asked for.
    pub(super) asked: Vec<(Capture, u32)>,
    /// The captures that are still to be asked for.
    pub(super) left: Vec<Capture>,
    /// What the service last reported as required.
    pub(super) required: Option<Vec<Capture>>,
    /// The capture that failed last, and why; `None` if its time ran out.
    pub(super) failed: Option<(Capture, Option<CaptureError>)>,
    /// The date of the failure that was counted last.
    pub(super) failed_at: Option<u64>,
    /// The date of the newest callback.
    pub(super) newest: Option<u64>,
    /// When the wait for anything but a capture ends.
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
    /// The number of the ask among those for this capture, counted from 1.
    pub(super) number: u32,
    /// When it counts as failed.
    pub(super) deadline: u64,
    /// Whether a callback shows that the caller is being asked.
    pub(super) seen: bool,
    /// Whether the capture is in, or the ask has failed.
    pub(super) done: bool,
}

/// Why no more captures are asked for. `State::failed` and `State::refusal` have the details.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    Cancelled,
    CaptureFailed,
    StepFailed,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Send(Purpose),
    Wait(u64),
    End,
}

impl State {
    fn operation(&mut self, purpose: Purpose) -> &mut OperationState {
        match purpose {
            Purpose::Create => &mut self.create,
            Purpose::Capture => &mut self.capture,
            Purpose::Complete => &mut self.complete,
            Purpose::Cancel => &mut self.cancel,
        }
    }

    /// Returns whether no request about a session was begun before the session was known.
    pub(super) fn is_consistent(&self) -> bool {
        let begun = [&self.capture, &self.complete, &self.cancel].iter().any(|operation| operation.begun > 0);
        self.session.is_some() || !begun && self.in_flight.is_none_or(|purpose| purpose == Purpose::Create)
    }

    /// Returns whether a session may have been created.
    pub(super) fn may_be_created(&self) -> bool {
        self.in_flight == Some(Purpose::Create) || self.create.accepted || self.create.doubtful
    }

    /// Returns whether the session may have been completed.
    pub(super) fn may_be_completed(&self) -> bool {
        self.in_flight == Some(Purpose::Complete) || self.complete.accepted || self.complete.doubtful
    }

    /// Decides what comes next, and marks the request that it names as begun.
    pub(super) fn next(&mut self, now: u64, limits: &FlowLimits) -> Action {
        if let Some(purpose) = self.in_flight.take() {
            self.operation(purpose).lose_response();
        }
        self.expire(now);
        self.settle();
        let action = self.decide(now, limits);
        match action {
            Action::Send(purpose) => {
                let operation = self.operation(purpose);
                operation.begun = operation.begun.saturating_add(1);
                (self.in_flight, self.begun_at, self.deadline) = (Some(purpose), now, None);
            }
            Action::Wait(_) => {}
            Action::End => self.ended = true,
        }
        action
    }

    fn decide(&mut self, now: u64, limits: &FlowLimits) -> Action {
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

    /// Ends the flow if the service has reported the result. If the result is not a success and a request is under
    /// way, its response comes first, since it may settle more.
    pub(super) fn settle(&mut self) {
        let Some(result) = &self.result else { return };
        let settled = result.ends_session() || self.may_be_completed();
        self.ended |= result.is_success() || settled && self.in_flight.is_none();
    }

    /// Creates the session or, if it is not known which one was created, waits for a callback that names it.
    fn open(&mut self, now: u64, limits: &FlowLimits) -> Action {
        if self.create.begun == 0 || self.may_be_created() && self.create.can_repeat() {
            Action::Send(Purpose::Create)
        } else if self.may_be_created() {
            self.wait(now, ADOPTION_TIME.min(limits.result_timeout))
        } else {
            Action::End
        }
    }

    /// Asks for the captures that are left, then completes the session.
    fn collect(&mut self, now: u64, limits: &FlowLimits) -> Action {
        if let Some(ask) = self.ask.as_ref().filter(|ask| !ask.done) {
            let request = &self.capture;
            if !request.accepted && !ask.seen && request.can_repeat() {
                return Action::Send(Purpose::Capture);
            }
            let failed = !ask.seen && (request.is_refused() || !request.doubtful);
            match request.response.clone().filter(|_| failed) {
                Some(response) => self.stop_after(response),
                None => return Action::Wait(ask.deadline),
            }
        } else if let Some(capture) = self.left.first().cloned() {
            if self.ask_for(capture, now, limits) {
                return Action::Send(Purpose::Capture);
            }
        } else {
            match self.complete.response.clone().filter(|_| !self.complete.can_repeat()) {
                Some(response) => self.stop_after(response),
                None => return Action::Send(Purpose::Complete),
            }
        }
        self.close(now, limits)
    }

    /// Stops because a request was not carried out and will not be.
    fn stop_after(&mut self, response: ResponseDigest) {
        self.stop.get_or_insert(Stop::StepFailed);
        self.refusal = Some(response);
    }

    /// Begins the next ask for a capture, or stops if none is left. Returns whether it began one.
    fn ask_for(&mut self, capture: Capture, now: u64, limits: &FlowLimits) -> bool {
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
        self.capture = OperationState::default();
        true
    }

    /// Marks the current ask as failed. If the two entries for a capture differ, it is not known which one is wrong, so
    /// the first one is asked for again too.
    pub(super) fn fail_ask(&mut self, error: Option<CaptureError>) {
        let Some(ask) = self.ask.as_mut().filter(|ask| !ask.done) else { return };
        ask.done = true;
        let differ = error == Some(CaptureError::InputMatchingFailed);
        if let Some(first) = ask.capture.first_entry().filter(|first| differ && !self.left.contains(first)) {
            self.left.insert(0, first);
        }
        self.failed = Some((ask.capture.clone(), error));
    }

    /// Waits for the result of a session that may have been completed. Such a session is never cancelled, because
    /// it is not known what that would cancel.
    fn await_result(&mut self, now: u64, limits: &FlowLimits) -> Action {
        if self.ended {
            Action::End
        } else if self.stop.is_none() && self.complete.can_repeat() {
            Action::Send(Purpose::Complete)
        } else {
            self.wait(now, limits.result_timeout)
        }
    }

    /// Ends a flow that does not complete its session. Cancels the session if it may be open.
    fn close(&mut self, now: u64, limits: &FlowLimits) -> Action {
        if self.result.as_ref().is_some_and(SessionResult::ends_session) {
            Action::End
        } else if self.session.is_none() && self.may_be_created() && !self.ended {
            self.open(now, limits)
        } else if self.session.is_some() && self.cancel.can_repeat() {
            Action::Send(Purpose::Cancel)
        } else if self.session.is_none() || self.ended {
            Action::End
        } else {
            self.wait(now, CLOSING_TIME)
        }
    }

    /// Waits until `time` has passed since the wait began.
    fn wait(&mut self, now: u64, time: u64) -> Action {
        Action::Wait(*self.deadline.get_or_insert(now.saturating_add(time)))
    }

    /// Takes a success as the response to the request under way.
    pub(super) fn accept(&mut self, payments: &Payments) {
        let Some(purpose) = self.in_flight.take() else { return };
        let operation = self.operation(purpose);
        (operation.accepted, operation.response) = (true, None);
        if purpose == Purpose::Create {
            self.begin_session(&payments.sid);
        }
        self.settle();
    }

    /// Takes a failure as the response to the request under way, and whether an attempt was refused otherwise than
    /// with 429.
    pub(super) fn fail(&mut self, response: ResponseDigest, refused: bool) {
        let Some(purpose) = self.in_flight.take() else { return };
        let certain = match purpose {
            Purpose::Complete => response.is_certainly_not_completed(refused),
            _ => response.is_certain(),
        };
        let operation = self.operation(purpose);
        operation.doubtful |= !certain;
        operation.response = Some(response.clone());
        if purpose == Purpose::Complete && response.is_incomplete() && !self.may_be_completed() {
            self.collect_again(response);
        }
        self.settle();
    }

    /// Goes back to asking for captures if the service has reported which ones are missing; else stops.
    fn collect_again(&mut self, response: ResponseDigest) {
        self.rounds = self.rounds.saturating_add(1);
        match self.required.as_ref().filter(|required| !required.is_empty()) {
            Some(required) if self.rounds < MAX_ROUNDS => {
                self.left.clone_from(required);
                self.complete = OperationState::default();
            }
            _ => self.stop_after(response),
        }
    }

    /// Sets the session that the flow is about.
    pub(super) fn begin_session(&mut self, sid: &str) {
        if self.session.as_ref().is_none_or(|session| !session.eq_ignore_ascii_case(sid)) {
            self.session = Some(sid.to_owned());
            // What was reported about another session does not apply to this one; a success always counts.
            self.result = self.result.take().filter(SessionResult::is_success);
            (self.newest, self.required, self.ask) = (None, None, None);
        }
        self.deadline = None;
    }
}
