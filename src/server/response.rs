//! The reply that a handler returns for a request.

use std::borrow::Cow;
use std::time::Duration;

use ureq::http::StatusCode;

/// How to reply to a request.
pub(crate) enum Reply {
    Response(Response),
    /// Sends these bytes, whatever they are, and closes the connection. There may be none.
    #[cfg(feature = "sandbox")]
    Raw(Vec<u8>),
    /// Sends nothing and resets the connection, so that the peer sees an error instead of an end.
    #[cfg(feature = "sandbox")]
    Reset,
}

/// A response. Its length and, if needed, `Connection` are added when it is sent.
#[derive(Clone)]
pub(crate) struct Response {
    status: u16,
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: Cow<'static, [u8]>,
    pub(super) delay: Duration,
    pub(super) last: bool,
}

impl Response {
    /// Makes a response without headers.
    pub(crate) fn new(status: u16, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO, last: false }
    }

    /// Makes a response without headers and body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, &b""[..])
    }

    /// Adds a header. If its value contains control characters, it is left out.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        let value = value.into();
        if !value.bytes().any(|b| b.is_ascii_control()) {
            self.headers.push((name, value));
        }
        self
    }

    /// Makes a response of JSON.
    #[cfg(feature = "sandbox")]
    pub(crate) fn json(status: u16, body: String) -> Self {
        Self::new(status, body.into_bytes()).header("Content-Type", "application/json")
    }

    /// Closes the connection after the response, even if the peer wants to keep it.
    #[cfg(feature = "listener")]
    pub(crate) fn last(mut self) -> Self {
        self.last = true;
        self
    }

    /// Adds to the wait before the response is sent.
    #[cfg(feature = "sandbox")]
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = self.delay.saturating_add(delay);
        self
    }

    /// Returns the whole response as it is sent.
    pub(crate) fn to_bytes(&self, connection: Option<&str>, head_only: bool) -> Vec<u8> {
        let code = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let has_body = code != StatusCode::NO_CONTENT && code != StatusCode::NOT_MODIFIED;
        let mut head =
            format!("HTTP/1.1 {} {}\r\n", code.as_str(), code.canonical_reason().unwrap_or_default());
        let length = has_body.then(|| self.body.len().to_string());
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_ref()));
        let added = [
            connection.map(|value| ("Connection", value)),
            length.as_deref().map(|value| ("Content-Length", value)),
        ];
        for (name, value) in own.chain(added.into_iter().flatten()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if has_body && !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}
