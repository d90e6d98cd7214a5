//! The payment connector: what becomes of a completed session. It knows a few test numbers and says yes
//! to the rest.

use std::fmt;

use super::numbers;
use crate::model::Amount;
use crate::model::TokenType;

/// The one effect that a session can have.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// Money was taken.
    Charge {
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: String,
        /// The connector's receipt.
        confirmation_code: String,
    },
    /// The card or account was stored.
    Token {
        /// For how many payments.
        token_type: TokenType,
        /// The stored card or account.
        token: String,
        /// The stored customer.
        profile_id: String,
    },
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Charge { amount, currency, confirmation_code } => f
                .debug_struct("Charge")
                .field("amount", amount)
                .field("currency", currency)
                .field("confirmation_code", confirmation_code)
                .finish(),
            Self::Token { token_type, .. } => {
                f.debug_struct("Token").field("token_type", token_type).finish_non_exhaustive()
            }
        }
    }
}

/// Why the connector did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// For people (`PaymentError`).
    pub(super) message: &'static str,
    /// The gateway's own code (`ConnectorError`).
    pub(super) code: &'static str,
}

/// What the connector thinks of a card or account number.
///
/// # Errors
/// Where it is one of the numbers that stand for a failure.
pub(super) fn judge(number: &str) -> Result<(), Refused> {
    let (message, code) = match number {
        numbers::DECLINED => ("card is declined", "card_declined"),
        numbers::INSUFFICIENT_FUNDS => ("card is declined", "insufficient_funds"),
        numbers::BANK_ACCOUNT_CLOSED => ("bank account is declined", "account_closed"),
        numbers::BANK_INSUFFICIENT_FUNDS => ("bank account is declined", "insufficient_funds"),
        numbers::CONNECTOR_OUTAGE | numbers::BANK_OUTAGE => {
            ("payment gateway did not answer", "processing_error")
        }
        _ => return Ok(()),
    };
    Err(Refused { message, code })
}

/// A receipt or token: the same for the same session, and another for any other.
pub(super) fn reference(prefix: &str, session: &str) -> String {
    let hash = |salt: &str| {
        [prefix, salt, session]
            .iter()
            .flat_map(|part| part.bytes())
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    };
    format!("{prefix}_{:016x}{:016x}", hash("+"), hash("-"))
}

#[cfg(test)]
mod tests {
    use super::super::{bank, cards};
    use super::*;
    use crate::model::CardType;
    use std::collections::HashSet;

    #[test]
    fn verdicts() {
        for (number, code) in [
            (numbers::VISA, None),
            (numbers::MASTERCARD, None),
            (numbers::AMEX, None),
            (numbers::BANK_ACCOUNT, None),
            ("4111111111111111", None),
            (numbers::DECLINED, Some("card_declined")),
            (numbers::INSUFFICIENT_FUNDS, Some("insufficient_funds")),
            (numbers::CONNECTOR_OUTAGE, Some("processing_error")),
            (numbers::BANK_ACCOUNT_CLOSED, Some("account_closed")),
            (numbers::BANK_INSUFFICIENT_FUNDS, Some("insufficient_funds")),
            (numbers::BANK_OUTAGE, Some("processing_error")),
        ] {
            assert_eq!(judge(number).err().map(|refused| refused.code), code, "{number}");
        }
    }

    #[test]
    fn the_public_numbers_pass_the_checks() {
        use CardType::{Amex, DinersClub, Discover, Enroute, Jcb, Maestro, Mastercard, Visa};
        for (number, card) in [
            (numbers::VISA, Visa),
            (numbers::MASTERCARD, Mastercard),
            (numbers::AMEX, Amex),
            (numbers::DISCOVER, Discover),
            (numbers::JCB, Jcb),
            (numbers::DINERS_CLUB, DinersClub),
            (numbers::MAESTRO, Maestro),
            (numbers::ENROUTE, Enroute),
            (numbers::DECLINED, Visa),
            (numbers::INSUFFICIENT_FUNDS, Visa),
            (numbers::CONNECTOR_OUTAGE, Visa),
        ] {
            assert_eq!(cards::check(number, CardType::KNOWN), Ok(card), "{number}");
            assert!(cards::is_full(number), "{number}");
        }
        assert!(bank::is_routing_number(numbers::BANK_ROUTING_NUMBER));
        for number in [
            numbers::BANK_ACCOUNT,
            numbers::BANK_ACCOUNT_CLOSED,
            numbers::BANK_INSUFFICIENT_FUNDS,
            numbers::BANK_OUTAGE,
        ] {
            assert!(bank::is_account_number(number), "{number}");
        }
    }

    #[test]
    fn references_are_stable_and_distinct() {
        let mut seen = HashSet::new();
        for session in 0..10_000 {
            let sid = format!("PK{session:032x}");
            for prefix in ["ch", "tok", "cus"] {
                let reference = reference(prefix, &sid);
                assert_eq!(reference, super::reference(prefix, &sid));
                assert_eq!(reference.len(), prefix.len() + 33);
                assert!(seen.insert(reference));
            }
        }
    }

    #[test]
    fn debug_hides_tokens() {
        let token = Transaction::Token {
            token_type: TokenType::Reusable,
            token: "tok_hush".to_owned(),
            profile_id: "cus_hush".to_owned(),
        };
        assert_eq!(format!("{token:?}"), "Token { token_type: Reusable, .. }");
    }
}
