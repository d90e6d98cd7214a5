//! `ErrorKind`: what went wrong, in one word.

use std::fmt;

/// What went wrong. See [`Error::kind`](crate::Error::kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value was refused before anything was sent; [`Error::field`](crate::Error::field) names it.
    InvalidInput,
    /// No connection was established: the name was not found, nothing listens on the port, a proxy refused,
    /// or the time to connect ran out.
    Connect,
    /// A connection was established, but TLS failed: the certificate is not trusted, has expired or is for another
    /// name, both sides have no protocol version in common, or the server does not speak TLS.
    Tls,
    /// The connection was lost between the request and the end of the response.
    ConnectionLost,
    /// The time limit of the whole call, or of the last attempt, was reached before the response ended.
    Timeout,
    /// The API responded with a 4xx or 5xx status; [`Error::api_error`](crate::Error::api_error) has the details.
    Api,
    /// The response is a redirect, which is never followed; [`Error::location`](crate::Error::location) names the target.
    Redirect,
    /// The response is not a valid one of the API: it is not HTTP, is too large, or is a success without a session.
    UnexpectedResponse,
    /// The client was shut down.
    Shutdown,
    /// The [source of access tokens](crate::Credentials::bearer_source) failed; its error is this error's
    /// [`source`](std::error::Error::source).
    TokenSource,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InvalidInput => "invalid input",
            Self::Connect => "no connection",
            Self::Tls => "TLS failed",
            Self::ConnectionLost => "connection lost",
            Self::Timeout => "timed out",
            Self::Api => "error of the API",
            Self::Redirect => "redirect",
            Self::UnexpectedResponse => "unexpected response",
            Self::Shutdown => "client shut down",
            Self::TokenSource => "no access token",
        })
    }
}
