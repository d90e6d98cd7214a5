//! What a test can look at: sessions and transactions.

use std::fmt;

use crate::amount::Amount;
use crate::values::{Capture, PayResult};

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Transaction {
    /// A charge, or else a token. Whose it is, is filled in by who knows.
    pub(super) fn new(charge: Option<(Amount, String)>) -> Self {
        let (amount, currency) = charge.unzip();
        Self { session_sid: String::new(), call_sid: String::new(), amount, currency }
    }
}
