//! `Failure`: why there is no response, and whether the request may have been carried out.

use std::io;

use super::Transport;
use super::connection::Stale;
use super::handover::noted_status;
use super::response::Response;
use crate::error::Source;
use crate::model::ResponseHeaders;

/// There is no response.
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    /// The head of a success, if it has come, and a beginning of its body.
    pub(crate) partial: Option<Box<Response>>,
    pub(crate) source: Option<Source>,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There is no connection to a host, so nothing was sent. Another attempt can help if `retry` is set.
    NotConnected { to: String, timeout: bool, retry: bool },
    /// There is no TLS connection to a host, so nothing was sent. Another attempt cannot help.
    Tls { to: String },
    /// A kept connection had been closed. A new one may work at once.
    Stale,
    /// The connection ended before the response did.
    Lost,
    /// The attempt's time ran out.
    Timeout,
    /// The response is not HTTP: something on the way has corrupted the connection.
    NotHttp,
    /// The response is HTTP, but cannot be read because it is too long or compressed.
    Unreadable(String),
    /// The client was shut down, before or after something may have been sent.
    Shutdown { sent: bool },
}

/// Why there is no connection.
pub(super) enum NotConnected {
    /// The name, the address, the socket or the proxy failed, or the time ran out.
    Failed(io::Error),
    /// The configuration cannot work, or the proxy refused.
    Impossible(Source),
    /// The server is not trusted, or both sides have no TLS version in common.
    #[cfg_attr(
        not(any(feature = "rustls", feature = "native-tls")),
        allow(dead_code, reason = "TLS needs it")
    )]
    Untrusted(Source),
}

impl NotConnected {
    /// `to` names the host, and the proxy if there is one.
    pub(super) fn to(self, to: &str) -> Failure {
        let to = to.to_owned();
        let (reason, source) = match self {
            Self::Failed(error) => {
                let timeout = error.kind() == io::ErrorKind::TimedOut;
                (Reason::NotConnected { to, timeout, retry: true }, error.into())
            }
            Self::Impossible(source) => (Reason::NotConnected { to, timeout: false, retry: false }, source),
            Self::Untrusted(source) => (Reason::Tls { to }, source),
        };
        Failure { reason, partial: None, source: Some(source) }
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self { reason, partial: None, source: None }
    }
}

impl From<io::Error> for NotConnected {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Transport {
    /// Makes a failure from an error that ureq returned after it had a connection.
    pub(super) fn failure(&self, error: ureq::Error, partial: Option<Box<Response>>) -> Failure {
        let reason = match &error {
            _ if self.shutdown.is_down() => return Reason::Shutdown { sent: true }.into(),
            ureq::Error::Other(source) if source.is::<Stale>() => Reason::Stale,
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Reason::Timeout,
            ureq::Error::Other(_) | ureq::Error::Io(_) => Reason::Lost,
            ureq::Error::LargeResponseHeader(..) => {
                Reason::Unreadable("the response's head is too large".to_owned())
            }
            _ => Reason::NotHttp,
        };
        let (source, partial) = match error {
            ureq::Error::Other(source) => (source, partial),
            ureq::Error::Io(error) => (error.into(), partial),
            error => (error.into(), partial.or_else(head_only)),
        };
        Failure { reason, partial, source: Some(source) }
    }
}

/// Makes a response of which only the status could be read.
fn head_only() -> Option<Box<Response>> {
    let status = noted_status()?;
    Some(Box::new(Response {
        status,
        headers: ResponseHeaders::default(),
        body: Vec::new(),
        timed_out: false,
    }))
}
