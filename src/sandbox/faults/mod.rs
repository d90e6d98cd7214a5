//! Faults between a program and the sandbox.

mod kind;
mod random;
mod target;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

pub use kind::Fault;
pub use random::RandomFaults;
pub use target::FaultTarget;

use crate::sandbox::parameters::Form;
use crate::server::Request;
use random::Requests;
use target::WaitingFault;

/// Makes requests fail: see [`Sandbox::faults`](super::Sandbox::faults).
///
/// A handle; its clones act on the same sandbox. A fault hits any request that fits, valid or not. Waiting faults come
/// first, in their order; a random fault is considered only if no waiting one fits.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    waiting: Vec<WaitingFault>,
    random: Option<(RandomFaults, Requests)>,
    injected: usize,
}

impl Faults {
    /// Hits one request: the next one or, if faults from this method or [`list`](Self::list) are waiting, the next one
    /// after those.
    pub fn once(&self, fault: Fault) {
        self.list([fault]);
    }

    /// Hits the next requests, one after another.
    pub fn list(&self, faults: impl IntoIterator<Item = Fault>) {
        lock!(self.plan).waiting.extend(faults.into_iter().map(|fault| WaitingFault::new(None, fault)));
    }

    /// Hits one request of an operation: the first one that fits the target and is not hit by a fault that waited
    /// before.
    ///
    /// ```
    /// use twilio_payments::sandbox::{Fault, FaultTarget, Sandbox};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let sandbox = Sandbox::start()?;
    /// // The payment is carried out, and its response is lost.
    /// sandbox.faults().aim(FaultTarget::Complete, Fault::DropAfter);
    /// # Ok(())
    /// # }
    /// ```
    pub fn aim(&self, target: FaultTarget, fault: Fault) {
        lock!(self.plan).waiting.push(WaitingFault::new(Some(target), fault));
    }

    /// Hits requests at random from now on. This replaces earlier random faults.
    pub fn at_random(&self, faults: RandomFaults) {
        lock!(self.plan).random = Some((faults, Requests::default()));
    }

    /// Removes all faults, both waiting and random ones.
    pub fn clear(&self) {
        let mut plan = lock!(self.plan);
        *plan = Plan { injected: plan.injected, ..Plan::default() };
    }

    /// Returns how many requests were hit so far.
    pub fn injected(&self) -> usize {
        lock!(self.plan).injected
    }

    /// Returns how many faults of the list, and aimed ones, have not hit a request yet.
    pub fn waiting(&self) -> usize {
        lock!(self.plan).waiting.len()
    }

    /// Returns the fault that hits this request, if any.
    pub(super) fn next(&self, request: &Request) -> Option<Fault> {
        lock!(self.plan).next(&request.target, &request.body)
    }
}

impl Plan {
    fn next(&mut self, path: &str, body: &[u8]) -> Option<Fault> {
        if self.waiting.is_empty() && self.random.is_none() {
            return None;
        }
        let form = Form::parse(body);
        // Each of them counts the request, even if another one hits it.
        let fit: Vec<bool> = self.waiting.iter_mut().map(|waiting| waiting.fits(path, &form)).collect();
        let fault = match (fit.iter().position(|fits| *fits), &mut self.random) {
            (Some(index), _) => Some(self.waiting.remove(index).fault),
            (None, Some((random, requests))) => {
                random.next(requests, form.get("IdempotencyKey").unwrap_or_default())
            }
            (None, None) => None,
        };
        self.injected += usize::from(fault.is_some());
        fault
    }
}
