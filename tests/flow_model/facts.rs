//! The facts that a flow was given, and the ending that must follow from them by the table of endings. They are
//! computed from the requests that the stored flow has begun, the responses to them, and the callbacks that the flow
//! received, never from the flow's own state.

use twilio_payments::{NotPaidReason, PaymentEnding, SessionEnding};

use super::service::Mail;

pub type Verdict = Result<(), String>;

pub const CAPTURES: [&str; 10] = [
    "payment-card-number",
    "expiration-date",
    "security-code",
    "postal-code",
    "payment-card-number-matcher",
    "expiration-date-matcher",
    "security-code-matcher",
    "postal-code-matcher",
    "bank-routing-number",
    "bank-account-number",
];

/// The results with which the service reports that nothing was charged.
const DECLINES: [&str; 4] =
    ["payment-connector-error", "validation-error", "caller-hung-up", "caller-interrupted-with-star"];

/// What an ending depends on, beside the facts.
pub struct When {
    pub now: u64,
    pub tokenizes: bool,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    /// The index of a capture, and the number of the ask.
    Ask(usize, u32),
    Complete,
    Cancel,
}

/// The results after which a session is certainly over.
const ENDS: [&str; 8] = [
    "success",
    "payment-connector-error",
    "validation-error",
    "caller-hung-up",
    "caller-interrupted-with-star",
    "internal-error",
    "cancelled",
    "too-many-failed-attempts",
];

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    NotSent,
    Refused(u16, i64),
    Unknown,
}

impl Answer {
    /// Whether it proves that a request to complete was not carried out.
    fn certainly_not_completed(self) -> bool {
        matches!(self, Self::NotSent | Self::Refused(429, _) | Self::Refused(_, 64019))
    }

    fn certainly_not_created(self) -> bool {
        matches!(self, Self::NotSent | Self::Refused(..))
    }
}

/// A request that was begun in the stored flow.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub operation: Operation,
    at: u64,
    pub answer: Option<Answer>,
}

/// What is known about the money; see the table of endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Money {
    Paid,
    NotPaid,
    Declined,
    Unknown,
}

/// The facts that one line of stored flows was given.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub begun: Vec<Begun>,
    pub awaits: bool,
    /// The session, by its number at the service.
    pub session: Option<usize>,
    pub results: Vec<&'static str>,
    /// Whether the program has cancelled.
    pub stopped: bool,
    newest: u64,
    /// The last wait: after how many requests, whether the program had cancelled, and until when.
    wait: Option<(usize, bool, u64)>,
    /// Whether the current ask has failed, or its capture was in. Then it may be asked for again, if a callback
    /// reports that it is required.
    ask_done: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_asks: u32,
    pub capture_timeout: u64,
    pub result_timeout: u64,
    pub max_requests: u64,
}

impl Facts {
    fn answers(&self, operation: Operation) -> impl Iterator<Item = Option<Answer>> {
        self.begun.iter().filter(move |begun| begun.operation == operation).map(|begun| begun.answer)
    }

    fn last_of(&self, operation: Operation) -> Option<&Begun> {
        self.begun.iter().rev().find(|begun| begun.operation == operation)
    }

    fn first_of(&self, operation: Operation) -> Option<&Begun> {
        self.begun.iter().find(|begun| begun.operation == operation)
    }

    /// Whether complete may have been carried out.
    pub fn perhaps_completed(&self) -> bool {
        self.answers(Operation::Complete).any(|answer| !answer.is_some_and(Answer::certainly_not_completed))
    }

    pub fn money(&self) -> Money {
        if self.results.contains(&"success") {
            Money::Paid
        } else if !self.perhaps_completed() {
            Money::NotPaid
        } else if self.results.iter().any(|result| DECLINES.contains(result)) {
            Money::Declined
        } else {
            Money::Unknown
        }
    }

    fn is_over(&self) -> bool {
        self.results.iter().any(|result| ENDS.contains(result))
    }

    /// How many times complete was certainly refused because something was missing.
    pub fn rounds(&self) -> usize {
        self.answers(Operation::Complete)
            .filter(|answer| matches!(answer, Some(Answer::Refused(_, 64019))))
            .count()
    }

    fn session_ending(&self) -> SessionEnding {
        let first = |wanted: &[&str]| self.results.iter().find(|result| wanted.contains(result)).copied();
        match first(&["success"]).or(first(&DECLINES)).or(first(&ENDS)) {
            Some("cancelled") => return SessionEnding::Cancelled,
            Some(_) => return SessionEnding::Over,
            None => {}
        }
        if self.answers(Operation::Cancel).any(|answer| answer == Some(Answer::Done)) {
            return SessionEnding::Cancelled;
        }
        let created = |answer: Option<Answer>| !answer.is_some_and(Answer::certainly_not_created);
        if self.session.is_none() && !self.answers(Operation::Create).any(created) {
            return SessionEnding::NotOpened;
        }
        SessionEnding::PerhapsOpen
    }

    /// Takes a wait, whose end must not move: callbacks and crashes do not restart it.
    pub fn wait(&mut self, until: u64, now: u64, limits: &Limits) -> Verdict {
        if until <= now {
            return Err("the flow waits for a time that is past".to_owned());
        }
        let (begun, stopped) = (self.begun.len(), self.stopped);
        match self.wait {
            Some((before, cancelled, end)) if (before, cancelled) == (begun, stopped) && until != end => {
                return Err("the time that the flow waits for has moved".to_owned());
            }
            _ => {}
        }
        self.wait = Some((begun, stopped, until));
        let last = self.begun.last().map(|begun| begun.operation);
        let result = if last == Some(Operation::Complete) { limits.result_timeout } else { 20_000 };
        // After a 64019 the flow goes back to its last ask, if the caller is still asked.
        let ask = self.begun.iter().rev().find(|begun| matches!(begun.operation, Operation::Ask(..)));
        let asks = matches!(last, Some(Operation::Ask(..))) || !self.perhaps_completed();
        let first = ask.filter(|_| asks).and_then(|ask| self.first_of(ask.operation));
        let longest = first.map_or(0, |first| first.at + limits.capture_timeout).max(now + result);
        if until > longest { Err("the flow waits for too long".to_owned()) } else { Ok(()) }
    }

    /// Takes a request that was begun, and checks that the rules allow it.
    pub fn begin(&mut self, operation: Operation, now: u64, limits: &Limits) -> Verdict {
        let refuse = |reason: &str| Err(format!("{operation:?} was begun {reason}"));
        if self.is_over() || (!self.results.is_empty() && operation != Operation::Cancel) {
            return refuse("after the session's result had arrived");
        }
        let cancelled = self.last_of(Operation::Cancel).is_some();
        match operation {
            Operation::Create if self.session.is_some() => return refuse("though the session is known"),
            Operation::Cancel if self.perhaps_completed() => {
                return refuse("though complete may have been carried out");
            }
            Operation::Complete | Operation::Ask(..) if cancelled => return refuse("after cancel was"),
            Operation::Complete | Operation::Ask(..) if self.stopped => {
                return refuse("after the program cancelled");
            }
            _ => {}
        }
        if operation != Operation::Create && self.session.is_none() {
            return refuse("without a session");
        }
        if let Operation::Ask(capture, number) = operation {
            self.begin_ask(capture, number, now, limits)?;
        }
        self.begun.push(Begun { operation, at: now, answer: None });
        self.awaits = true;
        if u64::try_from(self.begun.len()).unwrap() > limits.max_requests {
            return refuse("beyond the largest number of requests");
        }
        Ok(())
    }

    fn begin_ask(&mut self, capture: usize, number: u32, now: u64, limits: &Limits) -> Verdict {
        let refuse =
            |reason: &str| Err(format!("{} was asked for, number {number}, {reason}", CAPTURES[capture]));
        let asks = self.begun.iter().filter_map(|begun| match begun.operation {
            Operation::Ask(other, number) if other == capture => Some(number),
            _ => None,
        });
        let asked = asks.max().unwrap_or(0);
        if number == 0 || number > limits.max_asks {
            return refuse("beyond the largest number of asks");
        }
        if number != asked && number != asked + 1 {
            return refuse("out of turn");
        }
        if number == asked {
            return Ok(());
        }
        // Another ask needs a reason: the previous one has failed.
        let first = self.first_of(Operation::Ask(capture, asked));
        if let (Some(first), Some(last)) = (first, self.last_of(Operation::Ask(capture, asked))) {
            let late = now >= first.at + limits.capture_timeout;
            let refused = !matches!(last.answer, Some(Answer::Done));
            let again = self.answers(Operation::Complete).any(|answer| answer.is_some());
            if !(self.ask_done || late || refused || again) {
                return refuse("though the ask before has not failed");
            }
        }
        self.ask_done = false;
        Ok(())
    }

    pub fn answer(&mut self, answer: Answer) {
        self.awaits = false;
        if let Some(last) = self.begun.last_mut() {
            last.answer = Some(answer);
        }
    }

    /// Takes the session that a response names. If another one was adopted, that one is over.
    pub fn create_session(&mut self, session: Option<usize>) {
        if self.session != session {
            self.session = session;
            self.results.retain(|result| *result == "success");
            self.newest = 0;
        }
    }

    /// Takes a callback that is this flow's.
    pub fn on_callback(&mut self, mail: &Mail) {
        self.session.get_or_insert(mail.session);
        self.results.extend(mail.result);
        // Only an older callback does not count, but a failure fails only one ask.
        let fresh = mail.date.is_none_or(|date| date >= self.newest);
        let new = mail.date.is_none_or(|date| date > self.newest);
        self.newest = self.newest.max(mail.date.unwrap_or(0));
        let asked = self.begun.iter().rev().find_map(|begun| match begun.operation {
            Operation::Ask(capture, _) => Some(CAPTURES[capture]),
            _ => None,
        });
        let Some(asked) = asked.filter(|_| fresh) else { return };
        let field = |name: &str| {
            let fields = mail.body.split('&').filter_map(|field| field.split_once('='));
            fields.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let about = field("Capture") == Some(asked);
        let failed = field("ErrorType").is_some();
        let required = field("Required").filter(|required| !(failed && required.is_empty()));
        let left = required.is_some_and(|required| !required.split(',').any(|name| name == asked));
        let whole = about && field("PartialResult") == Some("false");
        self.ask_done |= left || whole || (about && new && failed);
    }

    /// Checks that an ending is the one in the table.
    pub fn check(
        &self,
        payment: &PaymentEnding,
        session: SessionEnding,
        sid: Option<&str>,
        when: &When,
    ) -> Verdict {
        let money = match payment {
            PaymentEnding::Paid { .. } if !when.tokenizes => Money::Paid,
            PaymentEnding::Tokenized { .. } if when.tokenizes => Money::Paid,
            PaymentEnding::NotPaid(_) => Money::NotPaid,
            PaymentEnding::Declined { .. } => Money::Declined,
            PaymentEnding::Unknown { .. } => Money::Unknown,
            other => return Err(format!("the ending is {other:?}")),
        };
        if money != self.money() {
            return Err(format!("the ending is {money:?}, and must be {:?}: ({payment:?})", self.money()));
        }
        let expected = self.session_ending();
        if session != expected {
            return Err(format!("the session is {session:?}, and must be {expected:?}: ({payment:?})"));
        }
        if sid.map(str::to_owned) != self.session.map(super::service::sid) {
            return Err(format!("the ending names another session: ({sid:?})"));
        }
        self.check_particulars(payment, when)
    }

    fn check_particulars(&self, payment: &PaymentEnding, when: &When) -> Verdict {
        match payment {
            PaymentEnding::Paid { confirmation_code: Some(code), .. } if code == "ch_1" => Ok(()),
            PaymentEnding::Tokenized { token: Some(token), profile: Some(profile), .. }
                if token == "tok_1" && profile == "cus_1" =>
            {
                Ok(())
            }
            PaymentEnding::NotPaid(reason) => self.check_reason(reason, &when.limits),
            PaymentEnding::Declined { result, .. } if self.results.contains(&result.as_str()) => Ok(()),
            PaymentEnding::Unknown { result: Some(result), .. }
                if self.results.contains(&result.as_str()) =>
            {
                Ok(())
            }
            PaymentEnding::Unknown { result: None, .. } if self.results.is_empty() => {
                let first = self.first_of(Operation::Complete);
                match first {
                    Some(first) if when.now < first.at + when.limits.result_timeout => {
                        Err("it is unknown before the time for the result is up".to_owned())
                    }
                    _ => Ok(()),
                }
            }
            other => Err(format!("what it names was not received: {other:?}")),
        }
    }

    /// Whether there was a reason to give up.
    fn check_reason(&self, reason: &NotPaidReason, limits: &Limits) -> Verdict {
        let refused = |begun: &Begun| begun.answer != Some(Answer::Done);
        let holds = match reason {
            NotPaidReason::Cancelled => self.stopped || self.results.contains(&"cancelled"),
            NotPaidReason::CreateFailed(_) => {
                self.answers(Operation::Create).all(|a| a != Some(Answer::Done))
            }
            NotPaidReason::CaptureFailed { capture, .. } => {
                let capture = CAPTURES.iter().position(|name| *name == capture.as_str()).unwrap();
                self.last_of(Operation::Ask(capture, limits.max_asks)).is_some()
            }
            NotPaidReason::StepFailed(_) => self.begun.iter().any(|begun| match begun.operation {
                Operation::Ask(..) | Operation::Complete => refused(begun),
                _ => false,
            }),
            NotPaidReason::SessionEnded(result) => self.results.contains(&result.as_str()),
            _ => false,
        };
        if holds { Ok(()) } else { Err(format!("nothing that happened is a reason for {reason:?}")) }
    }

    /// Checks that cancel was begun, and failed each time.
    pub fn check_cancelled_in_vain(&self) -> Verdict {
        let cancels = self.answers(Operation::Cancel).count();
        let refused = |answer| matches!(answer, Some(Answer::Refused(status, _)) if status != 429);
        if cancels >= 3 || (cancels > 0 && self.answers(Operation::Cancel).any(refused)) {
            return Ok(());
        }
        Err(format!("the session is open, and cancel was begun {cancels} times"))
    }
}
