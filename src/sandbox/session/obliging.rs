//! A caller who answers rightly whatever is asked.

use std::time::Duration;

use super::capture::Piece;
use super::cards;
use super::numbers;
use super::session::PaySession;
use super::update::Asking;
use crate::model::{Capture, CardType};
use crate::text::date::Civil;

/// The keys with which an obliging caller answers what the session asks at `now`, `#` at the end where
/// the entry would not end by itself. `None` where nothing is asked.
pub(crate) fn answer(session: &PaySession, now: Duration) -> Option<String> {
    let capture = match session.asking()? {
        Asking::ToConfirm => return Some("1".to_owned()),
        Asking::For(capture) => capture,
    };
    let (piece, second) = Piece::of(&capture)?;
    let mut keys = match session.collected().get(piece) {
        Some(before) if second => before.to_owned(),
        _ => value(session, &capture, now)?,
    };
    if !session.collected().is_full(piece, &keys, session.settings()) {
        keys.push('#');
    }
    Some(keys)
}

/// A good value for a capture.
fn value(session: &PaySession, capture: &Capture, now: Duration) -> Option<String> {
    let settings = session.settings();
    Some(match capture {
        Capture::PaymentCardNumber => card_number(&settings.valid_card_types).to_owned(),
        Capture::ExpirationDate => {
            // December of the year after next: in the future for whoever reads it later in a test's log.
            format!("12{:02}", (Civil::new(now).year + 2) % 100)
        }
        Capture::SecurityCode => {
            let length = session.collected().card_type().map_or(3, cards::security_code_length);
            "1234".get(..length)?.to_owned()
        }
        Capture::PostalCode => {
            let mut code = "94109".to_owned();
            while code.len() < settings.min_postal_code_length().min(64) {
                code.push('0');
            }
            code
        }
        Capture::BankRoutingNumber => numbers::BANK_ROUTING_NUMBER.to_owned(),
        Capture::BankAccountNumber => numbers::BANK_ACCOUNT.to_owned(),
        _ => return None,
    })
}

/// A number of the first brand that the session accepts.
fn card_number(accepted: &[CardType]) -> &'static str {
    match accepted.first() {
        Some(CardType::Mastercard) => numbers::MASTERCARD,
        Some(CardType::Amex | CardType::Optima) => numbers::AMEX,
        Some(CardType::Maestro) => numbers::MAESTRO,
        Some(CardType::Discover) => numbers::DISCOVER,
        Some(CardType::Jcb) => numbers::JCB,
        Some(CardType::DinersClub) => numbers::DINERS_CLUB,
        Some(CardType::Enroute) => numbers::ENROUTE,
        _ => numbers::VISA,
    }
}
