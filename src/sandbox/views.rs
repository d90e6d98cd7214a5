//! A session as a test sees it.

use super::fields::Fields;
use super::transaction::Transaction;
use crate::model::{Capture, PayResult};

/// A payments session of the sandbox, at the moment when it was returned.
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
    /// Whether the session is still open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.result.is_none()
    }

    /// The decoded value of a form field of the session's creation, by its wire name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }
}
