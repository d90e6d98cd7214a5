//! What a test can look at: sessions and transactions.

use std::fmt;

use super::session::Transaction as Effect;
use crate::model::Amount;
use crate::model::{Capture, PayResult, TokenType};

/// A payments session as the sandbox knows it, at the moment it was asked for.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The session's SID (`PK…`).
    pub sid: String,
    /// The SID of its call (`CA…`).
    pub call_sid: String,
    /// How it ended; `None` while it is open.
    pub result: Option<PayResult>,
    /// The form fields that it was created with, decoded, in the order in which they were sent.
    pub parameters: Vec<(String, String)>,
    /// What the caller was asked for, in order; a piece that was asked for twice is here twice.
    pub captures: Vec<Capture>,
    /// The idempotency keys of the requests that had an effect on it, in order: that of its creation first.
    /// A request that was sent again is here once.
    pub idempotency_keys: Vec<String>,
}

impl Session {
    /// Whether the session goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.result.is_none()
    }

    /// The value of a field that the session was created with, by its wire name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Session {
    /// Leaves out the values of the fields, which may be personal: it names them only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Session")
            .field("sid", &self.sid)
            .field("call_sid", &self.call_sid)
            .field("result", &self.result)
            .field("parameters", &names)
            .field("captures", &self.captures)
            .field("idempotency_keys", &self.idempotency_keys)
            .finish()
    }
}

/// What the sandbox's payment connector did: one charge, or one token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The SID of the session that it belongs to (`PK…`).
    pub session_sid: String,
    /// The SID of the call (`CA…`).
    pub call_sid: String,
    /// What was charged; `None` where the payment method was tokenized instead.
    pub amount: Option<Amount>,
    /// The currency of the charge, in capitals; `None` where nothing was charged.
    pub currency: Option<String>,
    /// The code of the charge, as the last callback gives it; `None` where nothing was charged.
    pub confirmation_code: Option<String>,
    /// The kind of token; `None` where the payment method was charged.
    pub token_type: Option<TokenType>,
    token: Option<String>,
}

impl Transaction {
    /// The token, as the last callback gives it; `None` where the payment method was charged. `Debug` leaves it
    /// out.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(super) fn new(session_sid: &str, call_sid: &str, effect: &Effect) -> Self {
        let mut transaction = Self {
            session_sid: session_sid.to_owned(),
            call_sid: call_sid.to_owned(),
            amount: None,
            currency: None,
            confirmation_code: None,
            token_type: None,
            token: None,
        };
        match effect {
            Effect::Charge { amount, currency, confirmation_code } => {
                transaction.amount = Some(*amount);
                transaction.currency = Some(currency.clone());
                transaction.confirmation_code = Some(confirmation_code.clone());
            }
            Effect::Token { token_type, token, .. } => {
                transaction.token_type = Some(token_type.clone());
                transaction.token = Some(token.clone());
            }
        }
        transaction
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("session_sid", &self.session_sid)
            .field("call_sid", &self.call_sid)
            .field("amount", &self.amount)
            .field("currency", &self.currency)
            .field("confirmation_code", &self.confirmation_code)
            .field("token_type", &self.token_type)
            .finish_non_exhaustive()
    }
}
