//! What the network does to a request: what the client returns, and whether the service carries it out.

use twilio_payments::sandbox::FailedOperation;
use twilio_payments::{Error, Payments};

use super::History;
use crate::facts::Answer;
use crate::service::{Reply, Request};

impl History {
    /// Sends a request through the network, and returns what the client returns.
    pub(super) fn response_to(&mut self, request: &Request) -> (Result<Payments, Error>, Answer) {
        let key = request.key();
        let lost = FailedOperation::lost().error(key);
        let limited = FailedOperation::status(429).code(20429);
        let unknown = |failed: FailedOperation| (Err(failed.error(key)), Answer::Unknown);
        // The client makes two attempts, and the first one is lost.
        let after_lost =
            |failed: FailedOperation| (Err(failed.error(key).after_earlier(&lost)), Answer::Unknown);
        let fault = if self.chance(self.nature.faults) { 1 + self.choices.below(13) } else { 0 };
        match fault {
            0 => {}
            1 => {
                self.service.take(request);
                return unknown(FailedOperation::lost());
            }
            2 => return unknown(FailedOperation::lost()),
            3 => return (Err(FailedOperation::not_sent().error(key)), Answer::NotSent),
            4 => {
                return (Err(limited.error(key)), Answer::Refused(429, 20429));
            }
            5 => {
                self.late.push(request.clone());
                return unknown(FailedOperation::timed_out());
            }
            6..=9 => {
                if self.choices.below(2) == 0 {
                    self.service.take(request);
                }
                return match fault {
                    6 => unknown(FailedOperation::status(self.choices.one_of(&[500, 502, 503, 504]))),
                    7 => unknown(FailedOperation::status(self.choices.one_of(&[408, 409, 425, 499]))),
                    8 => after_lost(limited),
                    _ => after_lost(FailedOperation::not_sent()),
                };
            }
            10 => {
                let (status, code) =
                    self.choices.one_of(&[(401, 20003), (403, 20006), (404, 20404), (400, 64020)]);
                return (
                    Err(FailedOperation::status(status).code(code).error(key)),
                    Answer::Refused(status, code),
                );
            }
            11 => {
                let failed = FailedOperation::not_sent().error(key);
                return (Err(failed.after_earlier(&limited.error(key))), Answer::Refused(429, 20429));
            }
            // An attempt is lost before the one that gets a response.
            12 => drop(self.service.take(request)),
            _ => self.late.push(request.clone()),
        }
        match self.service.take(request) {
            Reply::Done(sid) => (Ok(Payments::new(sid)), Answer::Done),
            Reply::Refused(status, code) if fault == 0 => {
                let error = FailedOperation::status(status).code(code).error(key);
                (Err(error), Answer::Refused(status, code))
            }
            Reply::Refused(status, code) => after_lost(FailedOperation::status(status).code(code)),
        }
    }
}
