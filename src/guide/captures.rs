//! What is still to be asked for.

use std::collections::{HashMap, VecDeque};

use crate::model::{Capture, CaptureError, PaymentMethod};
use crate::params::CreatePaymentsParams;

/// The pieces that are still to be asked for, in order, and how often each has failed.
pub(super) struct Pieces {
    left: VecDeque<Capture>,
    asked: HashMap<Capture, Count>,
    tries: u32,
}

/// How often a piece was asked for, and how often it failed.
#[derive(Default)]
struct Count {
    asked: u32,
    failed: u32,
}

impl Pieces {
    /// What the parameters of a session let expect.
    pub(super) fn of(params: &CreatePaymentsParams, tries: u32) -> Self {
        let wanted = match params.payment_method {
            Some(PaymentMethod::AchDebit) => {
                vec![(Capture::BankRoutingNumber, true), (Capture::BankAccountNumber, true)]
            }
            _ => vec![
                (Capture::PaymentCardNumber, true),
                (Capture::ExpirationDate, true),
                (Capture::SecurityCode, params.security_code != Some(false)),
                (Capture::PostalCode, params.postal_code != Some(false)),
            ],
        };
        let mut left = VecDeque::new();
        for (capture, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
            let twice = params.require_matching_inputs.contains(&capture);
            let second = matcher(&capture).filter(|_| twice);
            left.push_back(capture);
            left.extend(second);
        }
        Self { left, asked: HashMap::new(), tries: tries.max(1) }
    }

    /// The next piece to ask for, if any is left that there is hope of.
    pub(super) fn next(&mut self) -> Option<Capture> {
        let capture = self.left.front()?.clone();
        // A first typing is asked for again with each second one that fails: twice the tries are enough for all.
        let most = self.tries.saturating_mul(2);
        let count = self.count(&capture);
        if count.asked >= most {
            return None;
        }
        count.asked += 1;
        self.left.pop_front()
    }

    /// The piece that was asked for as often as it may be, and is required all the same.
    pub(super) fn hopeless(&self) -> Option<Capture> {
        self.left.front().cloned()
    }

    /// Adds what the service requires beyond expectation.
    pub(super) fn require(&mut self, required: &[Capture]) {
        for capture in required {
            if !self.left.contains(capture) {
                self.left.push_back(capture.clone());
            }
        }
    }

    /// Counts a failure and puts the piece first again, or tells that it failed as often as it may. Where two
    /// typings differ it is not known which one was wrong, so the first is asked for again too.
    pub(super) fn ask_again(&mut self, capture: &Capture, reason: Option<&CaptureError>) -> bool {
        let tries = self.tries;
        let count = self.count(capture);
        count.failed += 1;
        if count.failed >= tries {
            return false;
        }
        self.left.push_front(capture.clone());
        let first = Capture::KNOWN.iter().find(|first| matcher(first).as_ref() == Some(capture));
        if let Some(first) = first.filter(|_| reason == Some(&CaptureError::InputMatchingFailed)) {
            self.left.push_front(first.clone());
        }
        true
    }

    fn count(&mut self, capture: &Capture) -> &mut Count {
        self.asked.entry(capture.clone()).or_default()
    }
}

/// The second typing of a piece.
fn matcher(capture: &Capture) -> Option<Capture> {
    match capture {
        Capture::PaymentCardNumber => Some(Capture::PaymentCardNumberMatcher),
        Capture::ExpirationDate => Some(Capture::ExpirationDateMatcher),
        Capture::SecurityCode => Some(Capture::SecurityCodeMatcher),
        Capture::PostalCode => Some(Capture::PostalCodeMatcher),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pieces: &Pieces) -> Vec<&str> {
        pieces.left.iter().map(Capture::as_str).collect()
    }

    #[test]
    fn what_is_asked_for() {
        let card = CreatePaymentsParams::new("/status");
        let all = ["payment-card-number", "expiration-date", "security-code", "postal-code"];
        assert_eq!(names(&Pieces::of(&card, 3)), all);
        let less = card.clone().security_code(false).postal_code(false);
        assert_eq!(names(&Pieces::of(&less, 3)), &all[..2]);
        let twice = less.require_matching_inputs([Capture::ExpirationDate, Capture::PostalCode]);
        let expected = ["payment-card-number", "expiration-date", "expiration-date-matcher"];
        assert_eq!(names(&Pieces::of(&twice, 3)), expected);
        let bank = card.payment_method(PaymentMethod::AchDebit);
        let mut pieces = Pieces::of(&bank, 3);
        assert_eq!(names(&pieces), ["bank-routing-number", "bank-account-number"]);
        pieces.next();
        pieces.require(&[Capture::BankAccountNumber, Capture::from("pin")]);
        assert_eq!(names(&pieces), ["bank-account-number", "pin"]);
    }

    #[test]
    fn what_fails_is_asked_for_again() {
        let mut pieces = Pieces::of(&CreatePaymentsParams::new("/status"), 2);
        pieces.left.clear();
        let differ = Some(&CaptureError::InputMatchingFailed);
        assert!(pieces.ask_again(&Capture::PostalCode, differ));
        assert_eq!(names(&pieces), ["postal-code"]);
        assert!(!pieces.ask_again(&Capture::PostalCode, differ), "the second failure of two tries");
        assert!(pieces.ask_again(&Capture::ExpirationDateMatcher, differ));
        assert_eq!(names(&pieces)[..2], ["expiration-date", "expiration-date-matcher"]);
        assert!(pieces.ask_again(&Capture::SecurityCodeMatcher, None));
        assert_eq!(names(&pieces)[..2], ["security-code-matcher", "expiration-date"]);
    }

    #[test]
    fn nothing_is_asked_for_without_end() {
        let mut pieces = Pieces::of(&CreatePaymentsParams::new("/status"), 3);
        pieces.left.clear();
        for _ in 0..6 {
            pieces.require(&[Capture::from("pin")]);
            assert_eq!((pieces.next(), pieces.hopeless()), (Some(Capture::from("pin")), None));
        }
        pieces.require(&[Capture::from("pin")]);
        assert_eq!((pieces.next(), pieces.hopeless()), (None, Some(Capture::from("pin"))));
    }
}
