//! Faults: what can be made to go wrong between a program and the sandbox.

mod kind;
mod random;
mod target;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use kind::Fault;
pub use random::RandomFaults;
pub use target::FaultTarget;

use crate::sandbox::parameters::Form;
use crate::server::Request;
use random::Tries;
use target::Aimed;

/// Makes things go wrong: see [`Sandbox::faults`](super::Sandbox::faults).
///
/// A handle; clones act on the same sandbox. Faults strike whatever request comes, good or bad: those of the list
/// first, then those that are aimed at an operation, then those by chance.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    waiting: VecDeque<Fault>,
    random: Option<RandomFaults>,
    aimed: Vec<Aimed>,
    tries: Tries,
    injected: usize,
}

impl Faults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hits one request: the next, or the next after those that [`list`](Self::list) or this has put there.
    pub fn once(&self, fault: Fault) {
        self.list([fault]);
    }

    /// Hits the next requests, one after another.
    pub fn list(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan().waiting.extend(faults);
    }

    /// Hits one request of an operation: the first that the target fits and that no fault of the
    /// [`list`](Self::list) hits.
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
        self.plan().aimed.push(Aimed { target, fault, captures: Vec::new() });
    }

    /// Hits requests by chance from now on, in the place of an earlier plan.
    pub fn at_random(&self, faults: RandomFaults) {
        let mut plan = self.plan();
        plan.random = Some(faults);
        plan.tries = Tries::default();
    }

    /// Ends all faults, those that wait and those by chance.
    pub fn clear(&self) {
        let mut plan = self.plan();
        *plan = Plan { injected: plan.injected, ..Plan::default() };
    }

    /// How many requests were hit so far.
    #[must_use]
    pub fn injected(&self) -> usize {
        self.plan().injected
    }

    /// How many faults of the list, and aimed ones, have not struck yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let plan = self.plan();
        plan.waiting.len() + plan.aimed.len()
    }

    /// What hits this request.
    pub(super) fn next(&self, request: &Request) -> Option<Fault> {
        self.plan().next(request.target(), request.body())
    }
}

impl Plan {
    fn next(&mut self, path: &str, body: &[u8]) -> Option<Fault> {
        let fault = self.waiting.pop_front().or_else(|| {
            if self.aimed.is_empty() && self.random.is_none() {
                return None;
            }
            let form = Form::parse(body);
            // Each of them counts the request, even if another one strikes.
            let hits: Vec<bool> = self.aimed.iter_mut().map(|aimed| aimed.fits(path, &form)).collect();
            if let Some(index) = hits.iter().position(|hit| *hit) {
                return Some(self.aimed.remove(index).fault);
            }
            let random = self.random.as_ref()?;
            self.tries.next(random, form.get("IdempotencyKey").unwrap_or_default())
        });
        self.injected += usize::from(fault.is_some());
        fault
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan();
        f.debug_struct("Faults")
            .field("waiting", &plan.waiting)
            .field("aimed", &plan.aimed)
            .field("random", &plan.random)
            .field("injected", &plan.injected)
            .finish()
    }
}
