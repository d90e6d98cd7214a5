//! `RecordedCallback`: the sandbox's record of each callback and its delivery.

use std::fmt;
use std::sync::Arc;

use form_urlencoded::Serializer;

use super::callback::Callback;
use crate::sandbox::fields::Fields;
use crate::text::form::pairs;
use crate::text::url_without_secrets;

/// A callback as it is kept. It is encoded, because many are kept and few are read.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) session: Arc<str>,
    pub(super) url: Arc<str>,
    pub(super) body: Box<str>,
    pub(super) token: Box<str>,
    pub(super) delivery: Delivery,
    pub(super) attempts: u32,
    pub(super) status: Option<u16>,
}

impl Record {
    pub(super) fn new(callback: Callback, token: String, sendable: bool) -> Self {
        let Callback { session, url, fields } = callback;
        let body = Serializer::new(String::new()).extend_pairs(fields.iter()).finish().into();
        let delivery = if sendable { Delivery::Pending } else { Delivery::NotSent };
        Self { session, url, body, token: token.into(), delivery, attempts: 0, status: None }
    }
}

/// A status callback that the sandbox made, and the state of its delivery.
///
/// `Debug` shows the names of the fields but not their values, because a token may be among them.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedCallback {
    record: Record,
    fields: Fields,
}

/// The state of a callback's delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// It is waiting for its turn or for another attempt.
    Pending,
    /// The response was 2xx.
    Delivered,
    /// The last attempt got another response, or none.
    Failed,
    /// It was not sent, because its URL is relative, is not http, or is not on loopback. The sandbox only connects to
    /// this machine.
    NotSent,
}

impl RecordedCallback {
    pub(super) fn new(record: &Record) -> Self {
        Self { record: record.clone(), fields: Fields::new(pairs(record.body.as_bytes())) }
    }

    /// The SID of the payment session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.record.session
    }

    /// The `StatusCallback` URL that was in force.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.record.url
    }

    /// The fields, as names and values, in the order of the body.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter()
    }

    /// The value of a field, which can be empty. `None` if the field is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// The body, form-encoded, as [`StatusCallback::parse`](crate::StatusCallback::parse) reads it.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.record.body
    }

    /// The `I-Twilio-Idempotency-Token` of all attempts.
    #[must_use]
    pub fn idempotency_token(&self) -> &str {
        &self.record.token
    }

    /// The state of its delivery.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.record.delivery
    }

    /// How many attempts were made so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.record.attempts
    }

    /// The HTTP status of the last attempt's response. `None` if it got none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.record.status
    }
}

impl fmt::Debug for RecordedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedCallback")
            .field("session", &self.session())
            .field("url", &url_without_secrets(self.url()))
            .field("fields", &self.fields)
            .field("delivery", &self.record.delivery)
            .field("attempts", &self.record.attempts)
            .field("status", &self.record.status)
            .finish_non_exhaustive()
    }
}
