//! A session as a test looks at it.

use super::fields::Fields;
use super::transaction::Transaction;
use crate::model::{Capture, PayResult};

/// A payments session as the sandbox knows it, at the moment it was asked for.
///
/// `Debug` shows the names of the fields that it was created with but not their values, which may be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The form fields that it was created with.
    pub(super) parameters: Fields,
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

    /// The decoded value of a form field that the session was created with, by its wire name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }
}
