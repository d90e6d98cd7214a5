//! `Fault`: what can go wrong with one request.

use std::time::Duration;

use crate::sandbox::refusals::{self, Refusal};
use crate::server::{Reply, Response};

/// A failure of one request.
///
/// Faults differ in whether the sandbox carries out the request, as [`is_carried_out`](Self::is_carried_out) reports.
/// If not, the program must send the request again; if it does, sending it again must not repeat its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is closed without a response, and the request is **not** carried out.
    DropBefore,
    /// The request is carried out, and the connection is closed without a response.
    DropAfter,
    /// The connection is reset, and the request is **not** carried out.
    ResetBefore,
    /// The request is carried out, and the connection is reset.
    ResetAfter,
    /// The request is carried out, and the connection is closed in the middle of the response's body.
    Truncate,
    /// The request is carried out, and the response is not HTTP.
    Garbage,
    /// The request is carried out at once, and its response is held back for this long.
    Delay(Duration),
    /// Status 429 with `Retry-After`, in whole seconds; the request is **not** carried out.
    TooManyRequests {
        /// How long to ask the program to wait. Fractions of a second are rounded up.
        retry_after: Duration,
    },
    /// Status 500 with the service's JSON; the request is **not** carried out.
    ServerError,
    /// The request is carried out, but the response is status 500 and the service's JSON.
    ServerErrorAfter,
    /// Status 503 with an HTML page, as from a gateway in front; the request is **not** carried out.
    Unavailable,
}

impl Fault {
    /// Returns whether the sandbox carries out the request.
    ///
    /// ```
    /// use twilio_payments::sandbox::Fault;
    ///
    /// assert!(!Fault::DropBefore.is_carried_out());
    /// assert!(Fault::DropAfter.is_carried_out());
    /// ```
    pub fn is_carried_out(self) -> bool {
        use Fault::{DropBefore, ResetBefore, ServerError, TooManyRequests, Unavailable};
        !matches!(self, DropBefore | ResetBefore | TooManyRequests { .. } | ServerError | Unavailable)
    }

    /// Returns the reply that replaces the response, which is only made if the request is carried out.
    pub(crate) fn reply(self, respond: impl FnOnce() -> Response, request_id: String) -> Reply {
        let response = if self.is_carried_out() { respond() } else { Response::new(500, &b""[..]) };
        let with_id = |response: Response| Reply::Response(response.header("Twilio-Request-Id", request_id));
        match self {
            Self::DropBefore | Self::DropAfter => Reply::Raw(Vec::new()),
            Self::ResetBefore | Self::ResetAfter => Reply::Reset,
            Self::Truncate => {
                let mut whole = response.to_bytes(None, false);
                let head = response.to_bytes(None, true);
                whole.truncate(usize::midpoint(head.len(), whole.len()));
                Reply::Raw(whole)
            }
            Self::Garbage => Reply::Raw(b"\x16\x03\x03 \xff\xfe this is not HTTP\r\n\r\n".to_vec()),
            Self::Delay(delay) => Reply::Response(response.after(delay)),
            Self::TooManyRequests { retry_after } => {
                let seconds = retry_after.as_secs();
                let seconds = seconds.saturating_add(u64::from(retry_after.subsec_nanos() > 0));
                let refusal = Refusal::new(&refusals::TOO_MANY_REQUESTS, "Too Many Requests");
                with_id(refusal.response().header("Retry-After", seconds.to_string()))
            }
            Self::ServerError | Self::ServerErrorAfter => {
                with_id(Refusal::new(&refusals::SERVER_ERROR, "Internal Server Error").response())
            }
            Self::Unavailable => {
                let page = "<html><head><title>503</title></head><body>Service Unavailable</body></html>\n";
                Reply::Response(Response::new(503, page.as_bytes()).header("Content-Type", "text/html"))
            }
        }
    }
}
