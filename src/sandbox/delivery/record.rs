//! What became of each callback: the sandbox's record, for tests to look at.

use std::sync::Arc;

use form_urlencoded::Serializer;

use crate::macros::debug_shows;
use crate::sandbox::fields::Fields;
use crate::text::form::pairs;
use crate::text::url_without_secrets;

/// A status callback that is to be sent. It has no `Debug`: the URL may have credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Callback {
    /// The SID of the payment session.
    pub(crate) session: Arc<str>,
    /// The `StatusCallback` that was in force.
    pub(crate) url: Arc<str>,
    pub(crate) fields: Fields,
}

/// A status callback that the sandbox made, and what became of it.
///
/// `Debug` shows the names of the fields but not their values, since a token may be among them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCallback {
    /// The SID of the payment session.
    pub session: Arc<str>,
    /// The `StatusCallback` URL that was in force.
    pub url: Arc<str>,
    /// The body, form-encoded, as [`StatusCallback::parse`](crate::StatusCallback::parse) reads it.
    pub body: Box<str>,
    /// The `I-Twilio-Idempotency-Token` that all attempts carry.
    pub idempotency_token: Box<str>,
    /// What became of it.
    pub delivery: Delivery,
    /// How many attempts there were so far.
    pub attempts: u32,
    /// The HTTP status of the last attempt's response. `None` if it got none.
    pub status: Option<u16>,
    /// Decoded only for whoever looks at it: many are kept.
    fields: Fields,
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// It waits for its turn or for another attempt.
    Pending,
    /// The response was 2xx.
    Delivered,
    /// The last attempt had another response, or none.
    Failed,
    /// It was not sent: its URL is relative, is not http, or is not on loopback. The sandbox talks to
    /// nobody but this machine.
    NotSent,
}

impl RecordedCallback {
    pub(super) fn new(callback: Callback, token: String, sendable: bool) -> Self {
        let Callback { session, url, fields } = callback;
        let body = Serializer::new(String::new()).extend_pairs(fields.iter()).finish().into();
        let delivery = if sendable { Delivery::Pending } else { Delivery::NotSent };
        let (idempotency_token, fields) = (token.into(), Fields::default());
        Self { session, url, body, idempotency_token, delivery, attempts: 0, status: None, fields }
    }

    /// A copy to look at.
    pub(super) fn decoded(&self) -> Self {
        Self { fields: Fields::new(pairs(self.body.as_bytes())), ..self.clone() }
    }

    /// The fields, name and value, in their order in the body.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter()
    }

    /// The value of a field. `None` if it is not there; it can be there and empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

debug_shows!(RecordedCallback, |record|
    session: record.session,
    url: url_without_secrets(&record.url),
    fields: record.fields,
    delivery: record.delivery,
    attempts: record.attempts,
    status: record.status,
);
