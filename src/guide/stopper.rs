//! `PaymentStopper`: stops a program's guided payments.

use std::sync::{Arc, Mutex, Weak};

/// Stops guided payments, for example before the program exits.
///
/// Make one for the program, pass it to each [`GuidedPayment`](crate::GuidedPayment), and call
/// [`stop`](Self::stop) in the handler of Ctrl-C or SIGTERM. All clones stop the same payments.
///
/// ```
/// use twilio_payments::PaymentStopper;
///
/// let stopper = PaymentStopper::new();
/// // In any number of threads: GuidedPayment::new(&api, &listener, flow).stopper(&stopper).run()
/// // In the signal handler:
/// stopper.stop();
/// ```
#[derive(Clone, Default)]
pub struct PaymentStopper(Arc<Mutex<Stoppable>>);

#[derive(Default)]
struct Stoppable {
    stopped: bool,
    payments: Vec<Weak<dyn StopPayment>>,
}

/// A payment that can be stopped.
pub(super) trait StopPayment: Send + Sync {
    fn stop(&self);
}

impl PaymentStopper {
    /// Makes a stopper that has no payments yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every payment that has this stopper, now or later, and returns at once. Join the threads that run
    /// the payments before the program ends.
    ///
    /// A payment whose session may have been completed waits for its result, up to its
    /// [`result_timeout`](crate::PaymentFlow::result_timeout). Any other payment cancels its session and ends as
    /// certainly not paid by its flow, usually within 2 s, since the service may still report how the session ended.
    /// At worst, this takes 32 s after the request that is under way, which itself takes up to the client's timeout.
    /// If the response to the creation was lost, the payment first finds out which session to cancel, which can take
    /// two more requests and 20 s.
    pub fn stop(&self) {
        let payments = {
            let mut stoppable = lock!(self.0);
            stoppable.stopped = true;
            std::mem::take(&mut stoppable.payments)
        };
        payments.iter().filter_map(Weak::upgrade).for_each(|payment| payment.stop());
    }

    pub(super) fn add(&self, payment: &Arc<dyn StopPayment>) {
        let mut stoppable = lock!(self.0);
        stoppable.payments.retain(|payment| payment.strong_count() > 0);
        if stoppable.stopped {
            payment.stop();
        } else {
            stoppable.payments.push(Arc::downgrade(payment));
        }
    }
}

debug_shows!(PaymentStopper, |_stopper|);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts how often it was stopped.
    #[derive(Default)]
    struct Payment(AtomicU32);

    impl StopPayment for Payment {
        fn stop(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn payment(stopper: &PaymentStopper) -> Arc<Payment> {
        let payment = Arc::new(Payment::default());
        stopper.add(&(Arc::clone(&payment) as _));
        payment
    }

    fn held(stopper: &PaymentStopper) -> usize {
        stopper.0.lock().unwrap().payments.len()
    }

    #[test]
    fn every_payment_is_stopped_once_whenever_it_begins() {
        let stopper = PaymentStopper::new();
        let before = [payment(&stopper), payment(&stopper.clone())];
        assert_eq!(before.each_ref().map(|payment| payment.0.load(Ordering::Relaxed)), [0, 0]);
        stopper.stop();
        let after = payment(&stopper);
        stopper.clone().stop();
        let [first, second] = before;
        let stops = [first, second, after].map(|payment| payment.0.load(Ordering::Relaxed));
        assert_eq!((stops, held(&stopper)), ([1, 1, 1], 0));
    }

    #[test]
    fn payments_that_have_ended_are_not_kept() {
        let stopper = PaymentStopper::new();
        let lasting = payment(&stopper);
        for _ in 0..100 {
            drop(payment(&stopper));
        }
        assert_eq!(held(&stopper), 2);
        stopper.stop();
        assert_eq!(lasting.0.load(Ordering::Relaxed), 1);
    }
}
