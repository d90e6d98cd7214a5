//! What the program's processes do: load, store, send, and take responses and callbacks.

use std::time::Duration;

use twilio_payments::{PaymentFlow, PaymentsStatus, StatusCallback, Step};

use super::{History, Process, millis, time};
use crate::facts::{CAPTURES, Operation, Verdict, When};
use crate::service::{self, Mail, Request};

/// The largest size of a stored flow in these histories.
const LONGEST_STORED: usize = 8 * 1024;

impl History {
    /// Loads the stored flow, as another process would. Only sometimes it is really written and read, because that
    /// takes most of the test's time.
    pub(super) fn load(&mut self) -> Process {
        let (flow, facts) = self.stored.clone();
        self.loads += 1;
        if self.loads % 8 == 1 {
            let stored = serde_json::to_string(&flow).unwrap();
            let read: PaymentFlow = serde_json::from_str(&stored).unwrap();
            assert!(read == flow, "what is stored is read again");
            assert!(stored.len() < LONGEST_STORED, "{} bytes", stored.len());
        }
        let base = flow.revision();
        Process { flow, facts, base, pending: None }
    }

    pub(super) fn cancel(&mut self, index: usize) -> Verdict {
        record!(self, "the program cancels in process {index}");
        let process = &mut self.processes[index];
        if process.flow.ending().is_none() {
            process.facts.stopped = true;
        }
        process.flow.cancel();
        self.steps += 1;
        self.store(index).map(drop)
    }

    /// Stores the flow of a process if the stored one is the one that it began with. Otherwise the process stops, as it
    /// does if the store fails.
    pub(super) fn store(&mut self, index: usize) -> Result<bool, String> {
        let process = &mut self.processes[index];
        let compare = crate::COMPARE_REVISIONS;
        if compare && self.stored.0.revision() != process.base {
            self.conflicts += 1;
            let revision = self.stored.0.revision();
            record!(self, "process {index} cannot store: the revision is {revision}");
            self.processes.remove(index);
            return Ok(false);
        }
        if !self.calm && self.choices.chance(self.nature.crashes / 2) {
            record!(self, "process {index} cannot store, and stops");
            self.processes.remove(index);
            self.crashes += 1;
            return Ok(false);
        }
        if process.flow.revision() < process.base
            || (process.flow.revision() == process.base && compare && process.flow != self.stored.0)
        {
            return Err("the flow has changed, and its revision has not grown".to_owned());
        }
        process.base = process.flow.revision();
        self.stored = (process.flow.clone(), process.facts.clone());
        self.check_ending(index)?;
        Ok(true)
    }

    pub(super) fn check_ending(&self, index: usize) -> Verdict {
        let process = &self.processes[index];
        match process.flow.ending() {
            Some(ending) if process.pending.is_none() => {
                let when = When { now: self.now, tokenizes: self.tokenizes, limits: self.limits };
                process.facts.check(&ending.payment, ending.session, ending.session_sid.as_deref(), &when)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn step(&mut self, index: usize) -> Verdict {
        self.steps += 1;
        let now = self.now;
        let process = &mut self.processes[index];
        match process.flow.next(time(now)) {
            Step::Create(params) => self.send(index, &Request::Create(params)),
            Step::Update { sid, params } => self.send(index, &Request::Update { sid, params }),
            Step::WaitUntil(until) => {
                let until = millis(until);
                record!(self, "process {index} waits until {:?}", Duration::from_millis(until));
                process.facts.wait(until, now, &self.limits)?;
                if self.store(index)? { self.wait(index, until) } else { Ok(()) }
            }
            Step::Ended(ending) => {
                record!(self, "process {index} has ended: {:?}, {:?}", ending.payment, ending.session);
                self.store(index).map(drop)
            }
        }
    }

    /// Stores that a request is begun, and sends it.
    fn send(&mut self, index: usize, request: &Request) -> Verdict {
        record!(self, "process {index} begins {}", request.key());
        let operation = self.operation(index, request)?;
        let process = &mut self.processes[index];
        process.facts.begin(operation, self.now, &self.limits)?;
        if !self.store(index)? {
            return Ok(());
        }
        if self.chance(self.nature.crashes) {
            record!(self, "process {index} is killed before it sends");
            self.processes.remove(index);
            self.crashes += 1;
            return Ok(());
        }
        let (result, answer) = self.response_to(request);
        record!(self, "    … {answer:?}: {result:?}");
        self.processes[index].pending = Some((result, answer));
        Ok(())
    }

    /// The operation of a request, if its session and its key are correct.
    fn operation(&mut self, index: usize, request: &Request) -> Result<Operation, String> {
        let process = &self.processes[index];
        let key = process.flow.key();
        let (operation, expected, given) = match request {
            Request::Create(params) => {
                if self.created.get_or_insert_with(|| params.clone()) != params {
                    return Err("the creation is repeated with other params".to_owned());
                }
                (Operation::Create, key.to_owned(), &params.idempotency_key)
            }
            Request::Update { sid, params } => {
                if Some(sid) != process.facts.session.map(service::sid).as_ref() {
                    return Err(format!("an update of {sid}, which is not the flow's session"));
                }
                let operation = match (&params.capture, &params.status) {
                    (None, Some(PaymentsStatus::Complete)) => Operation::Complete,
                    (None, Some(PaymentsStatus::Cancel)) => Operation::Cancel,
                    (Some(capture), None) => {
                        let index = CAPTURES.iter().position(|name| *name == capture.as_str());
                        let index = index.ok_or_else(|| format!("{capture} was never required"))?;
                        let prefix = format!("{key}-{capture}-");
                        let number =
                            params.idempotency_key.strip_prefix(&prefix).and_then(|n| n.parse().ok());
                        Operation::Ask(index, number.unwrap_or(0))
                    }
                    _ => return Err(format!("an update that is no step: {params:?}")),
                };
                let suffix = match operation {
                    Operation::Complete => match process.facts.rounds() {
                        0 => "complete".to_owned(),
                        rounds => format!("complete-{}", rounds + 1),
                    },
                    Operation::Cancel => "cancel".to_owned(),
                    Operation::Ask(capture, number) => format!("{}-{number}", CAPTURES[capture]),
                    Operation::Create => String::new(),
                };
                (operation, format!("{key}-{suffix}"), &params.idempotency_key)
            }
        };
        if *given == expected { Ok(operation) } else { Err(format!("the key of {operation:?} is {given}")) }
    }

    pub(super) fn respond(&mut self, index: usize) -> Verdict {
        let process = &mut self.processes[index];
        let Some((result, answer)) = process.pending.take() else { return Ok(()) };
        record!(self, "process {index} has its response");
        if let (Ok(payments), Some(Operation::Create)) =
            (&result, process.facts.begun.last().map(|begun| begun.operation))
        {
            process.facts.create_session(self.service.session(&payments.sid));
        }
        process.flow.on_response(result);
        process.facts.answer(answer);
        self.steps += 1;
        self.check_ending(index)?;
        if self.choices.chance(300) {
            self.store(index)?;
        }
        Ok(())
    }

    /// Delivers a callback to a process, or to one that loads the stored flow, as a web server does.
    pub(super) fn deliver(&mut self, mail: usize, process: Option<usize>) -> Verdict {
        let (lost, repeated) = (self.chance(self.nature.losses), self.chance(self.nature.repeats));
        let copy = self.service.mail[mail].clone();
        if !repeated {
            self.service.mail.remove(mail);
        }
        if lost {
            let shown = self.show(&copy);
            record!(self, "lost: {}", shown);
            return Ok(());
        }
        let index = match process {
            Some(index) if !self.chance(self.nature.elsewhere) => index,
            _ => {
                let process = self.load();
                self.processes.push(process);
                self.processes.len() - 1
            }
        };
        let aside = process != Some(index);
        let shown = self.show(&copy);
        record!(self, "process {index} receives {}", shown);
        let process = &mut self.processes[index];
        let mine = match process.facts.session {
            Some(session) => session == copy.session,
            None => copy.url.contains(&process.flow.tag()),
        };
        let callback = StatusCallback::parse(copy.body.as_bytes()).unwrap().received_at(&copy.url);
        self.steps += 1;
        if process.flow.on_callback(&callback) != mine {
            return Err(format!(
                "the flow says that the callback is {}its own",
                if mine { "not " } else { "" }
            ));
        }
        if mine {
            process.facts.on_callback(&copy);
        }
        self.check_ending(index)?;
        let stored = self.store(index)?;
        if !stored && !repeated && self.choices.below(2) == 0 {
            // It was not acknowledged, and is sent again.
            self.service.mail.push(copy);
        }
        if aside && stored {
            self.processes.remove(index);
        }
        Ok(())
    }

    fn show(&self, mail: &Mail) -> String {
        let body = mail.body.split("&Sid=").nth(1).unwrap_or_default();
        let body = body.split_once('&').map_or("", |(_, rest)| rest);
        let tag = if mail.url.contains(&self.stored.0.tag()) { "ours" } else { "another's" };
        format!("session {} ({tag}): {body}", mail.session)
    }
}
