//! A session as a test looks at it.

use std::fmt;

use super::transaction::Transaction;
use crate::model::{Capture, PayResult};

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
    /// What the payment connector did; `None` unless the session ended with success.
    pub transaction: Option<Transaction>,
    /// The form fields that it was created with, decoded, in the order in which they were sent.
    pub parameters: Vec<(String, String)>,
    /// What the caller was asked for, in order; a capture that was asked for twice is here twice.
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
            .field("transaction", &self.transaction)
            .field("parameters", &names)
            .field("captures", &self.captures)
            .field("idempotency_keys", &self.idempotency_keys)
            .finish()
    }
}
