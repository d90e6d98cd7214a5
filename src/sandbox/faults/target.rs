//! `FaultTarget`: faults that are aimed at an operation.

use super::Fault;
use crate::sandbox::parameters::Form;

/// Which request an aimed fault hits; see [`Faults::aim`](super::Faults::aim).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultTarget {
    /// The creation of a session.
    Create,
    /// The request for a session's n-th capture, counted from 1 since the fault was aimed. A request that is sent again
    /// with its key is counted once.
    Capture(usize),
    /// The request to complete a session.
    Complete,
    /// The request to cancel a session.
    Cancel,
}

/// A fault that waits for its request.
#[derive(Debug)]
pub(super) struct WaitingFault {
    /// `None` if any request fits.
    target: Option<FaultTarget>,
    pub(super) fault: Fault,
    /// The requests for captures so far: path, key and capture of each.
    captures: Vec<[String; 3]>,
}

impl WaitingFault {
    pub(super) fn new(target: Option<FaultTarget>, fault: Fault) -> Self {
        Self { target, fault, captures: Vec::new() }
    }

    /// Counts the request, and returns whether it fits.
    pub(super) fn fits(&mut self, path: &str, form: &Form<'_>) -> bool {
        let (capture, status) = (form.get("Capture"), form.get("Status"));
        match self.target {
            None => true,
            Some(FaultTarget::Create) => !path.contains("/Payments/"),
            Some(FaultTarget::Complete) => status == Some("complete"),
            Some(FaultTarget::Cancel) => status == Some("cancel"),
            Some(FaultTarget::Capture(number)) => capture.is_some_and(|capture| {
                let key = form.get("IdempotencyKey").unwrap_or_default();
                let request = [path, key, capture].map(str::to_owned);
                if !self.captures.contains(&request) {
                    self.captures.push(request.clone());
                }
                let mut of_session = self.captures.iter().filter(|[other, ..]| other == path);
                of_session.position(|other| *other == request).is_some_and(|index| index + 1 == number)
            }),
        }
    }
}
