//! A random history of one payment: a program in one or two processes, the service, the network between them, and
//! the caller.

use std::time::{Duration, SystemTime};

use twilio_payments::{CreatePaymentsParams, Error, PaymentFlow, Payments};

use crate::choices::Choices;
use crate::facts::{Answer, Facts, Limits, Money, Verdict, When};
use crate::nature::{self, Earlier, Nature};
use crate::service::{self, Request, Service, State};

/// Records what happens, at no cost unless it is to be shown.
macro_rules! record {
    ($self:ident, $($text:tt)*) => {
        if let Some(recorded) = &mut $self.recorded {
            let time = Duration::from_millis($self.now);
            recorded.push(format!("{time:>10?}  {}", format_args!($($text)*)));
        }
    };
}

mod network;
mod program;

/// After how many turns everything goes well, and after how many the history must have ended.
const TURNS: u32 = 250;
const CALM_TURNS: u32 = 1_500;

/// A flow in a process, the facts that it was given, and the revision that its store expects to find.
struct Process {
    flow: PaymentFlow,
    facts: Facts,
    base: u64,
    /// What the client will return.
    pending: Option<(Result<Payments, Error>, Answer)>,
}

/// What a history was like, for statistics.
pub struct Summary {
    pub steps: u64,
    pub money: Money,
    pub requests: u64,
    pub crashes: u64,
    pub conflicts: u64,
    pub calm: bool,
}

pub struct History {
    choices: Choices,
    nature: Nature,
    limits: Limits,
    tokenizes: bool,
    created: Option<CreatePaymentsParams>,
    service: Service,
    /// Requests that the client has given up, and that the service has not seen yet.
    late: Vec<Request>,
    stored: (PaymentFlow, Facts),
    processes: Vec<Process>,
    /// Milliseconds since the history began.
    now: u64,
    calm: bool,
    steps: u64,
    loads: u64,
    crashes: u64,
    conflicts: u64,
    /// What happened, if it is to be shown.
    recorded: Option<Vec<String>>,
}

fn time(now: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000) + Duration::from_millis(now)
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(time(0)).unwrap_or_default();
    u64::try_from(since.as_nanos().div_ceil(1_000_000)).unwrap()
}

impl History {
    pub fn new(mut choices: Choices, recorded: bool) -> Self {
        let nature = Nature::choose(&mut choices);
        let params = nature::params(&mut choices);
        let tokenizes = params.charge_amount.is_none();
        let (capture_timeout, result_timeout) =
            (choices.one_of(&[120_000, 20_000]), choices.one_of(&[60_000, 5_000]));
        let max_asks = choices.one_of(&[3, 1, 2]);
        let flow = PaymentFlow::new(crate::CALL, params)
            .and_then(|flow| flow.max_asks(max_asks))
            .and_then(|flow| flow.capture_timeout(Duration::from_millis(capture_timeout)))
            .and_then(|flow| flow.result_timeout(Duration::from_millis(result_timeout)))
            .unwrap();
        let limits = Limits { max_asks, capture_timeout, result_timeout, max_requests: flow.max_requests() };
        let mut history = Self {
            service: Service::new(nature.service),
            choices,
            nature,
            limits,
            tokenizes,
            created: None,
            late: Vec::new(),
            stored: (flow, Facts::default()),
            processes: Vec::new(),
            now: 0,
            calm: false,
            steps: 0,
            loads: 0,
            crashes: 0,
            conflicts: 0,
            recorded: recorded.then(Vec::new),
        };
        history.open_earlier_session();
        history
    }

    /// Puts callbacks of an earlier session on the call, which is not this flow's, under way.
    fn open_earlier_session(&mut self) {
        let earlier = self.nature.earlier;
        if earlier == Earlier::None {
            return;
        }
        let url = self.choices.one_of(&[
            "https://example.com/pay",
            "https://example.com/pay?payment_flow=00000000000000000000000000000000",
        ]);
        let tokenizes = self.choices.below(2) == 1;
        let service = &mut self.service;
        let index = service.open(url, Vec::new(), tokenizes);
        match earlier {
            Earlier::Paid => service.end(index, "success", true),
            Earlier::Completing => service.sessions[index].state = service::State::Completing,
            _ => {}
        }
    }

    /// Runs the history to its end. Also returns the tape of its choices and what happened.
    pub fn run(mut self) -> (Result<Summary, String>, Vec<u32>, Vec<String>) {
        record!(self, "{:?}", self.nature);
        let verdict = self.play();
        if let Err(reason) = &verdict {
            record!(self, "WRONG: {reason}");
        }
        let summary = Summary {
            steps: self.steps,
            money: self.stored.1.money(),
            requests: self.service.requests,
            crashes: self.crashes,
            conflicts: self.conflicts,
            calm: self.nature.is_calm(),
        };
        (verdict.map(|()| summary), self.choices.into_tape(), self.recorded.unwrap_or_default())
    }

    fn play(&mut self) -> Verdict {
        for turn in 0..TURNS + CALM_TURNS {
            self.calm = turn >= TURNS;
            if self.has_ended() {
                self.aftermath()?;
                return self.check_end();
            }
            self.turn()?;
        }
        Err("the flow does not end".to_owned())
    }

    fn has_ended(&self) -> bool {
        self.stored.0.ending().is_some() && self.processes.iter().all(|process| process.pending.is_none())
    }

    /// True in this many of a thousand cases, but never in a calm history.
    fn chance(&mut self, thousandths: u32) -> bool {
        !self.calm && self.choices.chance(thousandths)
    }

    fn turn(&mut self) -> Verdict {
        self.disturb()?;
        if self.processes.is_empty() || (self.processes.len() < 2 && self.nature.two && self.chance(100)) {
            let process = self.load();
            record!(self, "a process loads revision {}", process.base);
            self.processes.push(process);
            if self.crashes > 0 && self.chance(self.nature.cancels * 10) {
                // A process that finds a payment half done does not always continue it.
                return self.cancel(self.processes.len() - 1);
            }
        }
        let index = if self.processes.len() > 1 { self.choices.index(self.processes.len()) } else { 0 };
        if self.processes[index].pending.is_none() {
            return self.step(index);
        }
        if !self.service.mail.is_empty() && self.chance(self.nature.early) {
            let mail = self.choices.index(self.service.mail.len());
            return self.deliver(mail, Some(index));
        }
        self.respond(index)
    }

    /// Lets things happen by themselves between two steps.
    fn disturb(&mut self) -> Verdict {
        if !self.processes.is_empty() && self.chance(self.nature.crashes) {
            let index = self.choices.index(self.processes.len());
            record!(self, "process {index} is killed");
            self.processes.remove(index);
            self.crashes += 1;
        }
        if !self.late.is_empty() && (self.calm || self.chance(100)) {
            let index = self.choices.index(self.late.len());
            let request = self.late.remove(index);
            let reply = self.service.take(&request);
            record!(self, "a late request arrives: {} → {reply:?}", request.key());
        }
        if !self.service.call_is_over && self.chance(self.nature.hang_ups) {
            record!(self, "the caller hangs up");
            self.service.hang_up();
        }
        if !self.service.sessions.is_empty() && self.chance(self.nature.interrupts) {
            let index = self.choices.index(self.service.sessions.len());
            match (self.service.sessions[index].state, self.choices.below(2)) {
                (State::Open, 0) => {
                    record!(self, "the caller presses the star in session {index}");
                    self.service.end(index, "caller-interrupted-with-star", false);
                }
                (State::Open, _) => self.service.reports_session_in_progress(index),
                _ => {}
            }
        }
        if !self.processes.is_empty() && self.chance(self.nature.cancels) {
            let index = self.choices.index(self.processes.len());
            self.cancel(index)?;
        }
        Ok(())
    }

    /// Waits for a callback or a time.
    fn wait(&mut self, index: usize, until: u64) -> Verdict {
        let unusual = self.chance(self.nature.impatient);
        let choice = if unusual { self.choices.one_of(&[6, 6, 6, 7, 7, 7, 8, 9]) } else { 0 };
        match choice {
            0 if !self.service.mail.is_empty() => self.deliver(0, Some(index)),
            0 | 6 if self.act() => Ok(()),
            7 if !self.service.mail.is_empty() => {
                let mail = self.choices.index(self.service.mail.len());
                self.deliver(mail, Some(index))
            }
            8 => {
                self.now += u64::from(self.choices.below(u32::try_from(until - self.now).unwrap()));
                Ok(())
            }
            _ => {
                self.now = until;
                if self.choices.below(2) == 1 {
                    self.steps += 1;
                    let now = time(self.now);
                    self.processes[index].flow.on_timeout(now);
                    return self.check_ending(index);
                }
                Ok(())
            }
        }
    }

    /// Lets the caller or the connector do something, if one of them has something to do.
    fn act(&mut self) -> bool {
        let busy = |session: &service::Session| session.asked.is_some() || session.state == State::Completing;
        let busy: Vec<usize> = (0..self.service.sessions.len())
            .rev()
            .filter(|index| busy(&self.service.sessions[*index]))
            .collect();
        if busy.is_empty() {
            return false;
        }
        let index = busy[self.choices.index(busy.len())];
        self.now += u64::from(self.choices.below(3000));
        if self.service.sessions[index].state == State::Completing {
            let nasty = self.chance(self.nature.declines);
            let (result, charges) =
                if nasty { self.choices.one_of(&nature::RESULTS) } else { ("success", true) };
            record!(self, "session {index} ends: {result}{}", if charges { ", charged" } else { "" });
            self.service.end(index, result, charges);
            if nasty && self.choices.chance(200) {
                // A second result, as after a timeout of the connector.
                let (result, charges) =
                    self.choices.one_of(&[("success", true), ("payment-connector-error", false)]);
                let charges = charges && self.service.sessions[index].charges == 0;
                record!(self, "… and then: {result}");
                self.service.end(index, result, charges);
            }
            return true;
        }
        let nasty = self.chance(self.nature.nasty);
        match if nasty { 1 + self.choices.below(4) } else { 0 } {
            0 => self.service.caller_types(index),
            1 => self.service.caller_fails(index, "input-timeout"),
            2 if self.service.fails_to_match(index) => {}
            2 => self.service.caller_fails(index, "invalid-card-number"),
            3 => self.service.caller_begins(index),
            _ => self.service.sessions[index].asked = None,
        }
        record!(self, "the caller acts in session {index}");
        true
    }

    /// Delivers what still arrives after the flow has ended.
    fn aftermath(&mut self) -> Verdict {
        self.processes.clear();
        record!(self, "the stored flow has ended");
        for _ in 0..10 {
            for request in std::mem::take(&mut self.late) {
                let reply = self.service.take(&request);
                record!(self, "a late request arrives: {} → {reply:?}", request.key());
            }
            if self.choices.chance(900) {
                self.act();
            }
            if !self.service.mail.is_empty() && self.choices.chance(800) {
                let mail = self.choices.index(self.service.mail.len());
                self.deliver(mail, None)?;
                self.processes.clear();
            }
        }
        // A process that loads an ended flow carries out what it still returns.
        self.calm = true;
        for _ in 0..20 {
            if self.processes.is_empty() {
                let process = self.load();
                self.processes.push(process);
            }
            if self.processes[0].pending.is_some() {
                self.respond(0)?;
                continue;
            }
            let before = self.stored.0.revision();
            self.step(0)?;
            if self.stored.0.revision() == before && self.stored.0.due().is_none() {
                break;
            }
        }
        Ok(())
    }

    fn check_end(&mut self) -> Verdict {
        let (flow, facts) = &self.stored;
        if self.nature.is_calm() && facts.money() != Money::Paid {
            return Err("nothing went wrong, and the payment is not paid".to_owned());
        }
        let ending = flow.ending().ok_or("an ended flow has not ended any more")?;
        let when = When { now: self.now, tokenizes: self.tokenizes, limits: self.limits };
        facts.check(&ending.payment, ending.session, ending.session_sid.as_deref(), &when)?;
        let tag = flow.tag();
        let ours = |session: &&service::Session| session.url.contains(&tag);
        let charges: u32 = self.service.sessions.iter().filter(ours).map(|session| session.charges).sum();
        if charges > 1 || (ending.is_not_paid() && charges > 0) || (ending.is_success() && charges != 1) {
            return Err(format!("{charges} charges, and the flow says {:?}", ending.payment));
        }
        if self.service.requests > self.limits.max_requests * 2 {
            return Err(format!("{} requests were sent", self.service.requests));
        }
        if let Some(session) = facts.session {
            if self.service.sessions[session].state == State::Open && !facts.perhaps_completed() {
                facts.check_cancelled_in_vain()?;
            }
        }
        Ok(())
    }
}
