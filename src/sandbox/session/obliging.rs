//! A caller who answers everything with good test values.

use std::collections::HashMap;
use std::time::Duration;

use super::cards;
use super::kind::CaptureKind;
use super::machine::{Asking, PaySession};
use crate::model::{Capture, CardType};
use crate::sandbox::delivery::Callback;
use crate::sandbox::numbers;
use crate::text::date::Civil;

/// The answers of an obliging caller: the keys to press for some captures. For others, the keys are a good test value.
pub(crate) type Answers = HashMap<Capture, String>;

impl PaySession {
    /// Types the answer to what is asked, as a caller who has every answer ready.
    pub(crate) fn oblige(&mut self, answers: &Answers, now: Duration) -> Vec<Callback> {
        self.keys_for(answers, now).map(|keys| self.press(&keys, now)).unwrap_or_default()
    }

    /// Returns the keys for what the session asks for at `now`, with `#` at the end if the entry would not end by
    /// itself. `None` if it asks for nothing.
    pub(super) fn keys_for(&self, answers: &Answers, now: Duration) -> Option<String> {
        let capture = match self.asking()? {
            Asking::Confirmation => return Some("1".to_owned()),
            Asking::Capture(capture) => capture,
        };
        let (kind, second) = CaptureKind::of(&capture)?;
        let mut keys = match (answers.get(&capture), self.collected.get(kind)) {
            (Some(given), _) => given.clone(),
            (None, Some(before)) if second => before.to_owned(),
            _ => good_value(self, &capture, now)?,
        };
        let digits: String = keys.chars().filter(char::is_ascii_digit).collect();
        if !self.collected.is_full(kind, &digits, &self.parameters) {
            keys.push('#');
        }
        Some(keys)
    }
}

fn good_value(session: &PaySession, capture: &Capture, now: Duration) -> Option<String> {
    let parameters = &session.parameters;
    Some(match capture {
        Capture::PaymentCardNumber => card_number(&parameters.valid_card_types)?.to_owned(),
        Capture::ExpirationDate => {
            // December of the year after next, which is still in the future when a test's log is read later.
            format!("12{:02}", (Civil::new(now).year + 2) % 100)
        }
        Capture::SecurityCode => "1234".get(..session.collected.security_code_length())?.to_owned(),
        Capture::PostalCode => {
            let zeros = parameters.min_postal_code_length.min(64).saturating_sub(5);
            format!("94109{}", "0".repeat(zeros))
        }
        Capture::BankRoutingNumber => numbers::BANK_ROUTING_NUMBER.to_owned(),
        Capture::BankAccountNumber => numbers::BANK_ACCOUNT.to_owned(),
        _ => return None,
    })
}

/// Returns a number of a brand that the session accepts.
fn card_number(accepted: &[CardType]) -> Option<&'static str> {
    use numbers::{AMEX, DINERS_CLUB, DISCOVER, ENROUTE, JCB, MAESTRO, MASTERCARD, VISA};
    let numbers = [VISA, MASTERCARD, AMEX, DISCOVER, JCB, DINERS_CLUB, MAESTRO, ENROUTE];
    numbers.into_iter().find(|number| cards::check(number, accepted).is_ok())
}
