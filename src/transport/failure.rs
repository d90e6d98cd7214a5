//! `Failure`: why there is no response, and whether the request may have been carried out.

use std::io;

use super::Transport;
use super::connection::Stale;
use super::handover::noted_status;
use super::response::Response;
use crate::error::Source;
use crate::model::ResponseHeaders;

/// Why there is no response.
///
/// The head of a success and the beginning of its body may have arrived; these are kept as `partial`.
pub(crate) enum Failure {
    /// There is no connection to a host, so nothing was sent. Another attempt can help if `retry` is set.
    NotConnected { to: String, timeout: bool, retry: bool, source: Source },
    /// There is no TLS connection to a host, so nothing was sent. Another attempt cannot help.
    Tls { to: String, source: Source },
    /// A kept connection had been closed. A new one may work at once.
    Stale(Source),
    /// The connection ended before the response did.
    Lost { partial: Option<Box<Response>>, source: Source },
    /// The attempt's time ran out.
    Timeout { partial: Option<Box<Response>>, source: Source },
    /// The response is not HTTP: something on the way has corrupted the connection.
    NotHttp { partial: Option<Box<Response>>, source: Source },
    /// The response is HTTP, but cannot be read because it is too long or compressed.
    Unreadable { reason: String, partial: Option<Box<Response>>, source: Option<Source> },
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
        match self {
            Self::Failed(error) => {
                let timeout = error.kind() == io::ErrorKind::TimedOut;
                Failure::NotConnected { to, timeout, retry: true, source: Box::new(error) }
            }
            Self::Impossible(source) => Failure::NotConnected { to, timeout: false, retry: false, source },
            Self::Untrusted(source) => Failure::Tls { to, source },
        }
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
        match error {
            _ if self.shutdown.is_down() => Failure::Shutdown { sent: true },
            ureq::Error::Other(source) if source.is::<Stale>() => Failure::Stale(source),
            ureq::Error::Other(source) => Failure::Lost { partial, source },
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Failure::Timeout { partial, source: Box::new(error) }
            }
            ureq::Error::Io(error) => Failure::Lost { partial, source: Box::new(error) },
            ureq::Error::LargeResponseHeader(..) => Failure::Unreadable {
                reason: "the response's head is too large".to_owned(),
                partial: partial.or_else(head_only),
                source: Some(Box::new(error)),
            },
            _ => Failure::NotHttp { partial: partial.or_else(head_only), source: Box::new(error) },
        }
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
