//! `CallbackListener`: receives status callbacks in a program that has no web server of its own.

mod public_url;
mod queue;
mod repeats;
mod session_callbacks;

use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::callback::signature::SignatureValidator;
use crate::callback::{CallbackError, CallbackErrorKind, StatusCallback};
use crate::model::sid;
use crate::server::{Limits, Reply, Request, Response, Server};
use crate::text::url_without_secrets;
use public_url::PublicUrl;
use queue::{Fate, Hub, deadline};
use repeats::Token;

pub use session_callbacks::SessionCallbacks;

/// Receives status callbacks: a small HTTP server that verifies what is sent to it and hands it over to the
/// threads that wait.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpStream};
/// use std::time::Duration;
/// use twilio_payments::{CallbackListener, Event, SignatureValidator};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let validator = SignatureValidator::new("auth-token")?;
/// # let signature = validator.sign("https://pay.example.com/status",
/// #     b"Sid=PK00000000000000000000000000000000&Result=success&PaymentConfirmationCode=ch_1");
/// let listener = CallbackListener::bind("127.0.0.1:0", "https://pay.example.com/status", validator)?;
/// // Give `listener.public_url()` to CreatePaymentsParams and UpdatePaymentsParams. Then wait for what
/// // the service says of a session:
/// # let body = "Sid=PK00000000000000000000000000000000&Result=success&PaymentConfirmationCode=ch_1";
/// # let mut stream = TcpStream::connect(listener.local_addr())?;
/// # write!(stream, "POST /status HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: {signature}\r\n\
/// #     Content-Length: {}\r\n\r\n{body}", body.len())?;
/// let session = listener.session("PK00000000000000000000000000000000")?;
/// let callback = session.recv_timeout(Duration::from_secs(60))?;
/// assert!(matches!(callback.event(), Event::Succeeded { confirmation_code: Some("ch_1"), .. }));
/// # Ok(())
/// # }
/// ```
///
/// # Which URL
/// The service signs the URL that it requests, and behind a proxy or a tunnel that is not what arrives here.
/// So the listener is told its public URL, and never believes what a request says about itself:
/// - A URL with a path, such as `https://pay.example.com/status`, is the one URL that every session gives as
///   its `StatusCallback`. A request is checked against it, whatever path arrives here, with the query that
///   arrives: `…/status?order=7` may be given too.
/// - A URL whose path is empty or ends with `/`, such as `https://pay.example.com`, is a base. The path and
///   query that arrive are appended, so each session may have a path of its own. Where a proxy takes a
///   prefix away, the base has it: `https://example.com/hooks/`.
///
/// The listener speaks plain HTTP. Let a proxy in front of it end TLS: callbacks hold tokens and expiry dates.
///
/// # What it answers
/// | answer | to |
/// |---|---|
/// | 204 | a callback that was taken, or had been taken before |
/// | 400 | no HTTP, or a signed body that is no status callback |
/// | 403 | a request without a right `X-Twilio-Signature` |
/// | 405 | any method but POST |
/// | 408 | a request that took longer than 10 s to arrive |
/// | 413, 431 | a body over 64 KiB, a head over 16 KiB |
/// | 503 | a callback for which there is no room, so that the service sends it again |
///
/// After a 4xx the connection is closed.
///
/// # What is handed over
/// Each callback once: to the [view of its session](Self::session) if there is one, else to
/// [`recv`](Self::recv). A callback that is delivered again, which its `I-Twilio-Idempotency-Token` tells, is
/// taken once; the latest 8,192 tokens are remembered. The signature does not cover that token: who has captured
/// a signed callback can send it again with another token, and it is handed over again. So what a program does
/// about a callback should do no harm when it is done twice. Callbacks are in the order of their arrival, which
/// is not always the order of what happened.
///
/// At most [4,096](CallbackListenerBuilder::capacity) callbacks wait to be read; those of views count too. A
/// program that reads views only should still look into [`try_recv`](Self::try_recv) now and then: what belongs
/// to no view waits there.
///
/// # Threads
/// At most [256](CallbackListenerBuilder::connections) connections are open, each with a thread of 256 KiB
/// stack at most, and two threads more. When all are taken, the connection that has waited longest for its peer, to
/// send a complete request or to read an answer, makes room, so idle or slow peers cannot keep others out. An
/// answer must be read within 10 s.
/// The listener is `Send + Sync`; threads can share it by reference. Dropping it, or
/// [`shutdown`](Self::shutdown), closes the port and wakes every thread that waits.
pub struct CallbackListener {
    hub: Arc<Hub>,
    server: Mutex<Option<Server>>,
    address: SocketAddr,
    public_url: PublicUrl,
}

/// Configures a [`CallbackListener`]. Made by [`CallbackListener::builder`].
///
/// ```
/// use twilio_payments::{CallbackListener, SignatureValidator};
///
/// # fn main() -> Result<(), twilio_payments::CallbackError> {
/// let listener = CallbackListener::builder(SignatureValidator::new("auth-token")?)
///     .public_url("https://pay.example.com/status")
///     .capacity(100)
///     .connections(20)
///     .bind("127.0.0.1:0")?;
/// assert_eq!(listener.public_url(), "https://pay.example.com/status");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `bind` is called"]
pub struct CallbackListenerBuilder {
    validator: SignatureValidator,
    public_url: Option<String>,
    capacity: usize,
    connections: usize,
}

impl CallbackListenerBuilder {
    /// The URL under which the service reaches the listener; see [above](CallbackListener#which-url).
    /// Default: `http://` and the address that is bound, which serves on the same machine only.
    pub fn public_url(mut self, public_url: impl Into<String>) -> Self {
        self.public_url = Some(public_url.into());
        self
    }

    /// How many callbacks may wait to be read, in all; further ones are answered 503. At least 1. Default:
    /// 4,096, which take about 8 MB.
    pub fn capacity(mut self, callbacks: usize) -> Self {
        self.capacity = callbacks.max(1);
        self
    }

    /// How many connections may be open, and so how many threads serve them. At least 1. Default: 256.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Listens on an address, such as `127.0.0.1:8080` behind a proxy on the same machine, or
    /// `0.0.0.0:8080`. Port 0 takes any free one.
    ///
    /// # Errors
    /// - [`CallbackErrorKind::InvalidInput`]: the public URL is not an absolute http or https URL.
    /// - [`CallbackErrorKind::Listen`]: the address is taken, not this machine's, or not allowed.
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<CallbackListener, CallbackError> {
        // A wrong URL is found before the port is taken.
        let public_url = self.public_url.map(PublicUrl::new).transpose()?;
        let socket = TcpListener::bind(address).map_err(CallbackError::listen)?;
        let address = socket.local_addr().map_err(CallbackError::listen)?;
        let public_url = match public_url {
            Some(url) => url,
            None => PublicUrl::new(format!("http://{address}/"))?,
        };
        let hub = Arc::new(Hub::new(self.capacity));
        let limits = Limits { max_connections: self.connections, ..Limits::default() };
        let receiver = Receiver { hub: Arc::clone(&hub), validator: self.validator, url: public_url.clone() };
        let handler = move |request: Request| Reply::Response(receiver.answer(&request));
        let server = Server::start(socket, limits, Arc::new(handler)).map_err(CallbackError::listen)?;
        let address = server.address();
        Ok(CallbackListener { hub, server: Mutex::new(Some(server)), address, public_url })
    }
}

/// Leaves out user info and query of the public URL, and the auth tokens.
impl fmt::Debug for CallbackListenerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackListenerBuilder")
            .field("public_url", &self.public_url.as_deref().map(url_without_secrets))
            .field("capacity", &self.capacity)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl CallbackListener {
    /// Listens on an address for callbacks to `public_url`. See [above](Self#which-url) for that URL, and
    /// [`builder`](Self::builder) for more choices.
    ///
    /// # Errors
    /// As [`CallbackListenerBuilder::bind`].
    pub fn bind(
        address: impl ToSocketAddrs,
        public_url: impl Into<String>,
        validator: SignatureValidator,
    ) -> Result<Self, CallbackError> {
        Self::builder(validator).public_url(public_url).bind(address)
    }

    /// Listens on a free port of `127.0.0.1`, and takes that for its public URL: for tests, and for the
    /// sandbox.
    ///
    /// # Errors
    /// As [`CallbackListenerBuilder::bind`].
    ///
    /// ```
    /// use twilio_payments::{CallbackListener, SignatureValidator};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let listener = CallbackListener::local(SignatureValidator::new("auth-token")?)?;
    /// assert_eq!(listener.public_url(), format!("http://{}/", listener.local_addr()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn local(validator: SignatureValidator) -> Result<Self, CallbackError> {
        Self::builder(validator).bind("127.0.0.1:0")
    }

    /// The way to a listener with other limits.
    pub fn builder(validator: SignatureValidator) -> CallbackListenerBuilder {
        CallbackListenerBuilder { validator, public_url: None, capacity: 4096, connections: 256 }
    }

    /// The URL under which the service reaches this listener, as it was given: what belongs into
    /// `StatusCallback`. A query may be appended; to a base, a path too.
    #[must_use]
    pub fn public_url(&self) -> &str {
        self.public_url.as_str()
    }

    /// The address that is listened on, with the port that was chosen where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The callbacks of one session, for a thread that waits for its own payment. Make it as soon as
    /// [`create_payments`](crate::PaymentsApi::create_payments) has told the session's SID; what came before,
    /// and was not read yet, is in it.
    ///
    /// Two views of one session share its callbacks: each goes to one of them.
    ///
    /// # Errors
    /// Where `sid` is not `PK` and 32 hex digits: it could wait for ever.
    pub fn session(&self, sid: &str) -> Result<SessionCallbacks, CallbackError> {
        if !sid::is("PK", sid) {
            return Err(CallbackError::invalid("Sid", "not PK and 32 hex digits"));
        }
        Ok(SessionCallbacks::new(Arc::clone(&self.hub), sid))
    }

    /// The next callback of any session that has no [view](Self::session), waited for as long as it takes.
    ///
    /// # Errors
    /// [`CallbackErrorKind::Closed`] where the listener was shut down, and everything received was read.
    pub fn recv(&self) -> Result<StatusCallback, CallbackError> {
        self.hub.take(None, None)
    }

    /// The next callback of any session that has no [view](Self::session), waited for up to `timeout`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`CallbackErrorKind::Timeout`] where none came in time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<StatusCallback, CallbackError> {
        self.hub.take(None, deadline(timeout))
    }

    /// The next callback of any session that has no [view](Self::session), if there is one already.
    #[must_use]
    pub fn try_recv(&self) -> Option<StatusCallback> {
        self.recv_timeout(Duration::ZERO).ok()
    }

    /// The callbacks of all sessions that have no [view](Self::session), each waited for as long as it
    /// takes. Ends when the listener is shut down.
    pub fn iter(&self) -> impl Iterator<Item = StatusCallback> {
        std::iter::from_fn(|| self.recv().ok())
    }

    /// Wakes every thread that waits for a callback, and closes the port and every connection. Waits for the
    /// server's threads to end: usually for some milliseconds, and for a second at most. What was received can
    /// still be read. Dropping the listener does the same.
    pub fn shutdown(&self) {
        self.hub.close();
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }
}

impl Drop for CallbackListener {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for CallbackListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackListener")
            .field("local_addr", &self.address)
            .field("public_url", &url_without_secrets(self.public_url()))
            .field("held", &self.hub.held())
            .finish_non_exhaustive()
    }
}

/// The server's side: what is done about a request.
struct Receiver {
    hub: Arc<Hub>,
    validator: SignatureValidator,
    url: PublicUrl,
}

impl Receiver {
    fn answer(&self, request: &Request) -> Response {
        let empty = |status| Response::new(status, &b""[..]);
        // Who sends what is no callback gets one answer, however many requests came at once.
        let refusal = |status| empty(status).last();
        if request.method() != "POST" {
            return refusal(405).header("Allow", "POST");
        }
        // The other forms of a target are for proxies.
        if !request.target().starts_with('/') {
            return refusal(400);
        }
        let url = self.url.requested(request.target());
        // Of two signatures, none is right.
        let signature = request
            .header(SignatureValidator::HEADER)
            .filter(|_| request.header_count(SignatureValidator::HEADER) == 1);
        match self.validator.receive(&url, request.body(), signature) {
            Err(error) if error.kind() == CallbackErrorKind::Signature => {
                log::warn!("callback to {} refused: {error}", url_without_secrets(&url));
                refusal(403)
            }
            Err(error) => {
                log::warn!("callback to {} not understood: {error}", url_without_secrets(&url));
                refusal(400)
            }
            Ok(callback) => {
                let token = request.header("I-Twilio-Idempotency-Token").map(Token::new);
                let sid = callback.sid.clone();
                let fate = self.hub.put(callback, token.as_ref());
                log::debug!("callback of {sid}: {fate:?}");
                match fate {
                    Fate::Taken | Fate::TakenBefore => empty(204),
                    Fate::NoRoom => empty(503).header("Retry-After", "1"),
                }
            }
        }
    }
}
