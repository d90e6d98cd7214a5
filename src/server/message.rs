//! Requests and replies.

use std::borrow::Cow;
use std::time::Duration;

use ureq_proto::http::{HeaderMap, Method, StatusCode};

/// A complete request.
pub(crate) struct Request {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The method, such as `POST`.
    pub(crate) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path and the query, exactly as they were sent.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The first value of a header, whatever the case of its name; `None` also where it is no visible ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How many times a header was sent.
    pub(crate) fn header_count(&self, name: &str) -> usize {
        self.headers.get_all(name).iter().count()
    }

    /// The body, out of its transfer coding.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// What is done about a request.
pub(crate) enum Reply {
    /// An answer.
    Answer(Answer),
    /// These bytes, whatever they are, and then the connection is closed.
    #[cfg(feature = "sandbox")]
    Raw(Vec<u8>),
    /// Nothing: the connection is closed.
    #[cfg(feature = "sandbox")]
    Close,
    /// Nothing: the connection is reset, so that the peer sees an error instead of an end.
    #[cfg(feature = "sandbox")]
    Reset,
}

/// An answer. Its length and, where needed, `Connection` are added when it is sent.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: Cow<'static, [u8]>,
    pub(super) delay: Duration,
    pub(super) last: bool,
}

impl Answer {
    /// An answer without headers.
    pub(crate) fn new(status: u16, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO, last: false }
    }

    /// Adds a header. Its value must not hold control characters; where it does, the header is left out.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        let value = value.into();
        if !value.bytes().any(|b| b.is_ascii_control()) {
            self.headers.push((name, value));
        }
        self
    }

    /// Closes the connection after the answer, whatever the peer wants.
    #[cfg(feature = "listener")]
    pub(crate) fn last(mut self) -> Self {
        self.last = true;
        self
    }

    /// Waits before the answer is sent, on top of what was waited for already.
    #[cfg(feature = "sandbox")]
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = self.delay.saturating_add(delay);
        self
    }

    /// Writes the whole answer to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, connection: Option<&str>, head_only: bool) {
        let code = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(code.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(code.canonical_reason().unwrap_or_default().as_bytes());
        let mut header = |name: &str, value: &str| {
            for part in ["\r\n", name, ": ", value] {
                out.extend_from_slice(part.as_bytes());
            }
        };
        for (name, value) in &self.headers {
            header(name, value);
        }
        if let Some(connection) = connection {
            header("Connection", connection);
        }
        let bodiless = code == StatusCode::NO_CONTENT || code == StatusCode::NOT_MODIFIED;
        if !bodiless {
            header("Content-Length", &self.body.len().to_string());
        }
        out.extend_from_slice(b"\r\n\r\n");
        if !bodiless && !head_only {
            out.extend_from_slice(&self.body);
        }
    }
}
