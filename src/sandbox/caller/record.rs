//! What became of each callback: the sandbox's record, for tests to look at.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use form_urlencoded::Serializer;

use super::callback::{Callback, Params};
use crate::text::url_without_secrets;

/// A status callback that the sandbox made, and what became of it.
///
/// `Debug` shows the names of the fields but not their values, since a token may be among them.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedCallback {
    session: Arc<str>,
    url: Arc<str>,
    /// Encoded, since many are kept and few are looked at.
    body: Box<str>,
    token: Box<str>,
    pub(super) delivery: Delivery,
    pub(super) attempts: u32,
    pub(super) status: Option<u16>,
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// It waits for its turn or for another try.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// The receiver answered otherwise, or not at all, as often as it was tried.
    Failed,
    /// It was not sent: its URL is relative, is not http, or is not on loopback. The sandbox talks to
    /// nobody but this machine.
    NotSent,
}

impl RecordedCallback {
    pub(super) fn new(callback: Callback, token: String, sendable: bool) -> Self {
        let Callback { session, url, params } = callback;
        let body = Serializer::new(String::new()).extend_pairs(params).finish().into();
        let delivery = if sendable { Delivery::Pending } else { Delivery::NotSent };
        Self { session, url, body, token: token.into(), delivery, attempts: 0, status: None }
    }

    /// The SID of the payment session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The `StatusCallback` URL that was in force.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The fields, name and value, in their order in the body.
    pub fn fields(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.body.as_bytes())
    }

    /// The value of a field. `None` where it is not there; it may be there and empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.fields().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// The body, form-encoded, as [`StatusCallback::parse`](crate::StatusCallback::parse) reads it.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The `I-Twilio-Idempotency-Token` that all tries carry.
    #[must_use]
    pub fn idempotency_token(&self) -> &str {
        &self.token
    }

    /// What became of it.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// How often it was tried so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The HTTP status of the last answer. `None` where the last try, if any, got none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn params(&self) -> Params {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

impl fmt::Debug for RecordedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields().map(|(name, _)| name).collect();
        f.debug_struct("RecordedCallback")
            .field("session", &self.session())
            .field("url", &url_without_secrets(self.url()))
            .field("names", &names)
            .field("delivery", &self.delivery)
            .field("attempts", &self.attempts)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
