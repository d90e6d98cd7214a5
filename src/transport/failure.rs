//! Why there is no response, and whether the request can have been carried out.

use std::io;

use super::Transport;
use super::connection::Stale;
use super::handover::noted_status;
use super::response::Response;
use crate::error::Source;
use crate::model::ResponseHeaders;

/// Why there is no response.
///
/// The head of a success may have come, and a beginning of its body: that is kept as `partial`.
pub(crate) enum Failure {
    /// There is no connection to a host: certainly not sent. Worth another attempt if `retry` is set.
    NotConnected { to: String, timeout: bool, retry: bool, source: Source },
    /// There is no TLS connection to a host: certainly not sent, and not worth another attempt.
    Tls { to: String, source: Source },
    /// A kept connection had been closed: on a new one it may work at once.
    Stale(Source),
    /// The connection ended before the response did.
    Lost { partial: Option<Box<Response>>, source: Source },
    /// The attempt's time ran out.
    Timeout { partial: Option<Box<Response>>, source: Source },
    /// What came is not HTTP: something on the way has broken the connection's order.
    NotHttp { partial: Option<Box<Response>>, source: Source },
    /// What came is HTTP, but cannot be read: it is too long, or compressed.
    Unreadable { reason: String, partial: Option<Box<Response>>, source: Option<Source> },
    /// The client was shut down, before or after something may have been sent.
    Shutdown { sent: bool },
}

/// Why there is no connection.
pub(super) enum NotConnected {
    /// The name, the address, the socket or the proxy failed, or the time ran out.
    Failed(io::Error),
    /// What is configured, or what the proxy wants, cannot work.
    Impossible(Source),
    /// The other side is not to be trusted, or speaks no TLS that this one does.
    #[cfg_attr(
        not(any(feature = "rustls", feature = "native-tls")),
        allow(dead_code, reason = "TLS needs it")
    )]
    Untrusted(Source),
}

impl NotConnected {
    /// `to` names the host, and the proxy on the way to it.
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
    /// What an error of ureq means, once it had a connection.
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

/// A response of which only the status could be read.
fn head_only() -> Option<Box<Response>> {
    let status = noted_status()?;
    Some(Box::new(Response {
        status,
        headers: ResponseHeaders::default(),
        body: Vec::new(),
        timed_out: false,
    }))
}
