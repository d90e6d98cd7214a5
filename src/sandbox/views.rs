//! What tests look at: a session, and what the payment connector did.

use super::fields::Fields;
use super::mint;
use super::parameters::CreateParameters;
use crate::model::{Amount, Capture, PayResult, TokenType};
use crate::text::Withheld;

/// A Payments session of the sandbox, at the moment when it was returned.
///
/// `Debug` shows the names of the fields that it was created with, but not their values, which may be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The SID of the session (`PK…`).
    pub sid: String,
    /// The SID of its call (`CA…`).
    pub call_sid: String,
    /// How it ended; `None` while it is open.
    pub result: Option<PayResult>,
    /// The charge or token; `None` unless the session succeeded.
    pub transaction: Option<Transaction>,
    /// The form fields that it was created with.
    pub(super) parameters: Fields,
    /// The captures that the caller was asked for, in order. One that was asked for twice is listed twice.
    pub captures: Vec<Capture>,
    /// The idempotency keys of the requests that had an effect on the session, in order, beginning with its creation. A
    /// request that was sent again is listed once.
    pub idempotency_keys: Vec<String>,
}

impl Session {
    /// Returns whether the session is still open.
    pub fn is_open(&self) -> bool {
        self.result.is_none()
    }

    /// Returns the decoded value of a form field of the session's creation, by its wire name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }
}

/// One charge or one token of the sandbox's payment connector.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The SID of the session that it belongs to (`PK…`).
    pub session_sid: String,
    /// The SID of the call (`CA…`).
    pub call_sid: String,
    /// The amount that was charged; `None` if the payment method was tokenized instead.
    pub amount: Option<Amount>,
    /// The currency of the charge, in capitals; `None` if nothing was charged.
    pub currency: Option<String>,
    /// The code of the charge, as in the last callback; `None` if nothing was charged.
    pub confirmation_code: Option<String>,
    /// The kind of token; `None` if the payment method was charged.
    pub token_type: Option<TokenType>,
    token: Option<Withheld>,
    profile_id: Option<Withheld>,
}

impl Transaction {
    /// Returns the token, as in the last callback; `None` if the payment method was charged. `Debug` does not show it.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(Withheld::as_str)
    }

    /// Returns the customer's record, as in the last callback (`ProfileId`).
    pub(super) fn profile_id(&self) -> Option<&str> {
        self.profile_id.as_ref().map(Withheld::as_str)
    }

    /// Charges or tokenizes, depending on the parameters.
    pub(super) fn new(session_sid: &str, call_sid: &str, parameters: &CreateParameters) -> Self {
        let charge = parameters.charge();
        let token_type = charge.is_none().then(|| parameters.token_type.clone());
        let token_prefix = if token_type == Some(TokenType::PaymentMethod) { "pm" } else { "tok" };
        let made = |prefix| format!("{prefix}_{}", mint::secret());
        Self {
            session_sid: session_sid.to_owned(),
            call_sid: call_sid.to_owned(),
            amount: charge,
            currency: charge.map(|_| parameters.currency.clone()),
            confirmation_code: charge.map(|_| made("ch")),
            token: token_type.as_ref().map(|_| Withheld(made(token_prefix))),
            profile_id: token_type.as_ref().map(|_| Withheld(made("cus"))),
            token_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::parameters::Form;
    use std::collections::HashSet;

    #[test]
    fn references_are_distinct() {
        let token = CreateParameters::read(&Form::parse(b"IdempotencyKey=k&StatusCallback=/")).unwrap();
        let charge = CreateParameters { charge_amount: Some("1".parse().unwrap()), ..token.clone() };
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let (token, charge) =
                (Transaction::new("PK1", "CA1", &token), Transaction::new("PK1", "CA1", &charge));
            for (prefix, reference) in [
                ("tok", token.token()),
                ("cus", token.profile_id()),
                ("ch", charge.confirmation_code.as_deref()),
            ] {
                let reference = reference.unwrap();
                assert!(reference.starts_with(prefix), "{reference}");
                assert_eq!(reference.len(), prefix.len() + 33);
                assert!(seen.insert(reference.to_owned()));
            }
        }
    }

    #[test]
    fn debug_hides_tokens() {
        let parameters = CreateParameters::read(&Form::parse(b"IdempotencyKey=k&StatusCallback=/")).unwrap();
        let token = Transaction::new("PK1", "CA1", &parameters);
        let shown = format!("{token:?}");
        assert!(shown.contains("Reusable") && token.token().is_some(), "{shown}");
        for secret in [token.token(), token.profile_id()] {
            assert!(!shown.contains(secret.unwrap()), "{shown}");
        }
    }
}
