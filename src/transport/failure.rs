//! `Failure`: why there is no response, and whether the request may have been carried out.

use std::io;

use super::response::Response;
use super::shutdown::Shutdown;
use super::status;
use crate::error::{Error, ErrorKind, Outcome, Source};

/// There is no response.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// What arrived of the response: its head, or only its status, and the beginning of its body.
    pub(crate) partial: Option<Box<Response>>,
    /// Whether a kept connection had been closed. A new one may work at once.
    pub(crate) stale: bool,
}

impl Failure {
    /// Makes a failure from an error that ureq returned after it had a connection.
    pub(super) fn new(error: ureq::Error, partial: Option<Box<Response>>, shutdown: &Shutdown) -> Failure {
        use ErrorKind::{ConnectionLost, Timeout, UnexpectedResponse};
        if shutdown.is_down() {
            return Error::shut_down(Outcome::Unknown).into();
        }
        // If the head has arrived, the response is only incomplete.
        let happened = |incomplete: &str, nothing: &str| match &partial {
            Some(response) => format!("the response (HTTP {}) {incomplete}", response.status),
            None => nothing.to_owned(),
        };
        let (kind, retryable, message) = match &error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                (Timeout, true, happened("did not end in time", "no response in time"))
            }
            ureq::Error::Other(_) | ureq::Error::Io(_) => {
                (ConnectionLost, true, happened("was cut off", "the connection was lost"))
            }
            ureq::Error::LargeResponseHeader(..) => {
                (UnexpectedResponse, false, "the response's head is too large".to_owned())
            }
            // Something on the way has corrupted the connection.
            _ => (UnexpectedResponse, true, "the response cannot be read as HTTP".to_owned()),
        };
        let (source, partial, stale) = match error {
            // Only our kept connection returns it: ureq 3.5 itself never returns `Other`.
            ureq::Error::Other(source) => (source, partial, true),
            ureq::Error::Io(error) => (error.into(), partial, false),
            error => {
                let head_only =
                    || Some(Box::new(Response { status: status::take()?, ..Response::default() }));
                (error.into(), partial.or_else(head_only), false)
            }
        };
        let error = Error::new(kind, Outcome::Unknown, message).with_source(source);
        Self { error: error.retryable(retryable).timed_out(kind == Timeout), partial, stale }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, partial: None, stale: false }
    }
}

/// Why there is no connection.
pub(super) enum NotConnected {
    /// The name, the address, the socket or the proxy failed, or the time ran out.
    Failed(io::Error),
    /// The configuration cannot work, or the proxy refused.
    Impossible(Source),
    /// The server is not trusted, or both sides have no TLS version in common.
    Untrusted(Source),
}

impl NotConnected {
    /// Makes an error. `to` names the host, and the proxy if there is one.
    pub(super) fn into_error(self, to: &str) -> Error {
        let not_sent = |kind, missing| Error::new(kind, Outcome::NotSent, format!("no {missing} to {to}"));
        match self {
            Self::Failed(error) => {
                let timed_out = error.kind() == io::ErrorKind::TimedOut;
                let not_connected = not_sent(ErrorKind::Connect, "connection").with_source(error);
                not_connected.retryable(true).timed_out(timed_out)
            }
            Self::Impossible(source) => not_sent(ErrorKind::Connect, "connection").with_source(source),
            Self::Untrusted(source) => not_sent(ErrorKind::Tls, "secure connection").with_source(source),
        }
    }
}

impl From<io::Error> for NotConnected {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[track_caller]
    fn check(
        error: &Error,
        kind: ErrorKind,
        outcome: Outcome,
        retryable: bool,
        timed_out: bool,
        shown: &str,
    ) {
        assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{error}");
        assert_eq!((error.is_retryable(), error.is_timeout()), (retryable, timed_out), "{error}");
        assert_eq!(error.to_string(), shown);
    }

    #[test]
    fn without_a_connection_nothing_is_sent() {
        let timeout = io::ErrorKind::TimedOut.into();
        for (reason, kind, retryable, timed_out, shown) in [
            (io::Error::other("why").into(), ErrorKind::Connect, true, false, "no connection to a:1"),
            (NotConnected::Failed(timeout), ErrorKind::Connect, true, true, "no connection to a:1"),
            (
                NotConnected::Impossible("why".into()),
                ErrorKind::Connect,
                false,
                false,
                "no connection to a:1",
            ),
            (
                NotConnected::Untrusted("why".into()),
                ErrorKind::Tls,
                false,
                false,
                "no secure connection to a:1",
            ),
        ] {
            let error = reason.into_error("a:1");
            check(&error, kind, Outcome::NotSent, retryable, timed_out, shown);
            assert!(error.source().is_some());
        }
    }

    #[test]
    fn without_a_response_the_outcome_is_unknown() {
        use ErrorKind::{ConnectionLost, Timeout, UnexpectedResponse};
        let stale = || ureq::Error::Other("why".into());
        let lost = || ureq::Error::Io(io::Error::other("why"));
        let late = || ureq::Error::Io(io::ErrorKind::TimedOut.into());
        let large = || ureq::Error::LargeResponseHeader(2, 1);
        let not_http = || ureq::Error::BodyStalled;
        for (error, head, kind, retryable, shown) in [
            (stale(), false, ConnectionLost, true, "the connection was lost"),
            (lost(), false, ConnectionLost, true, "the connection was lost"),
            (lost(), true, ConnectionLost, true, "the response (HTTP 201) was cut off"),
            (late(), false, Timeout, true, "no response in time"),
            (late(), true, Timeout, true, "the response (HTTP 201) did not end in time"),
            (not_http(), true, UnexpectedResponse, true, "the response cannot be read as HTTP"),
            (large(), true, UnexpectedResponse, false, "the response's head is too large"),
            (large(), false, UnexpectedResponse, false, "the response's head is too large"),
        ] {
            let is_stale = matches!(error, ureq::Error::Other(_));
            let partial = head.then(|| Box::new(Response { status: 201, ..Response::default() }));
            let failure = Failure::new(error, partial, &Shutdown::default());
            check(&failure.error, kind, Outcome::Unknown, retryable, kind == Timeout, shown);
            assert_eq!((failure.stale, failure.partial.is_some()), (is_stale, head));
            assert!(failure.error.source().is_some());
        }
    }
}
