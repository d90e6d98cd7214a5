//! `RecordedCallback`: the sandbox's record of each callback and its delivery.

use std::sync::Arc;

use form_urlencoded::Serializer;

use crate::sandbox::fields::Fields;
use crate::text::form::pairs;
use crate::text::url_without_secrets;

/// A status callback to be sent. It has no `Debug`, because the URL may contain credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Callback {
    /// The SID of the Payments session.
    pub(crate) session_sid: Arc<str>,
    /// The `StatusCallback` that was in force.
    pub(crate) url: Arc<str>,
    pub(crate) fields: Fields,
}

/// A status callback that the sandbox made, and the state of its delivery.
///
/// `Debug` shows the names of the fields but not their values, because a token may be among them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCallback {
    /// The SID of the Payments session.
    pub session_sid: Arc<str>,
    /// The `StatusCallback` URL that was in force.
    pub url: Arc<str>,
    /// The body, form-encoded, as [`StatusCallback::parse`](crate::StatusCallback::parse) reads it.
    pub body: Box<str>,
    /// The `I-Twilio-Idempotency-Token` of all attempts.
    pub idempotency_token: Box<str>,
    /// The state of its delivery.
    pub delivery: Delivery,
    /// How many attempts were made so far.
    pub attempts: u32,
    /// The HTTP status of the last attempt's response. `None` if it got none.
    pub status: Option<u16>,
    /// Decoded only when a record is returned, because many are kept.
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
    pub(super) fn new(callback: Callback, token: String, sendable: bool) -> Self {
        let Callback { session_sid, url, fields } = callback;
        let body = Serializer::new(String::new()).extend_pairs(fields.iter()).finish().into();
        let delivery = if sendable { Delivery::Pending } else { Delivery::NotSent };
        let (idempotency_token, fields) = (token.into(), Fields::default());
        Self { session_sid, url, body, idempotency_token, delivery, attempts: 0, status: None, fields }
    }

    /// Returns a copy whose fields are decoded.
    pub(super) fn decoded(&self) -> Self {
        Self { fields: Fields::new(pairs(self.body.as_bytes())), ..self.clone() }
    }

    /// Returns the fields, as names and values, in the order of the body.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter()
    }

    /// Returns the value of a field, which can be empty. `None` if the field is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

debug_shows!(RecordedCallback, |record|
    session_sid: record.session_sid,
    url: url_without_secrets(&record.url),
    fields: record.fields,
    delivery: record.delivery,
    attempts: record.attempts,
    status: record.status,
);
