//! `CallbackListener`: receives status callbacks in a program that has no web server of its own.

mod builder;
mod handler;
mod public_url;
mod queue;
mod receiver;
mod recent;
mod session_callbacks;
#[cfg(test)]
mod tests;
mod warnings;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::callback::signature::SignatureValidator;
use crate::callback::{CallbackError, StatusCallback};
use crate::macros::debug_shows;
use crate::server::Server;
use crate::text::url_without_secrets;
use receiver::Receiver;

pub use builder::CallbackListenerBuilder;
pub(crate) use handler::{CallbackHandler, Registration};
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
/// // Pass `listener.status_callback_url()` to CreatePaymentsParams and UpdatePaymentsParams, and wait for the
/// // callbacks of the session:
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
/// The service signs the URL that it requests, and behind a proxy or a tunnel that is not the URL that arrives
/// here. So the listener has to know its public URL, and never believes what a request says about itself:
/// - A URL with a path, such as `https://pay.example.com/status`, is the one URL that every session uses as its
///   `StatusCallback`. A request is checked against it, whatever path arrives here, with the query that arrives:
///   `…/status?order=7` is valid too.
/// - A URL whose path is empty or ends with `/`, such as `https://pay.example.com`, is a base. The path and
///   query that arrive are appended, so each session can have a path of its own. If a proxy removes a prefix,
///   the base includes it: `https://example.com/hooks/`.
///
/// The listener speaks plain HTTP. Let a proxy in front of it end TLS: callbacks hold tokens and expiry dates.
///
/// # Responses
/// | status | sent for |
/// |---|---|
/// | 204 | a callback that was received, now or before |
/// | 400 | a request that is not HTTP, or a signed body that is not a status callback |
/// | 403 | a request without a valid `X-Twilio-Signature` |
/// | 405 | any method but POST |
/// | 408 | a request that took longer than 10 s to arrive |
/// | 413, 431 | a body over 64 KiB, a head over 16 KiB |
/// | 500 | a callback that the [handler](CallbackListenerBuilder::on_callback) could not store |
/// | 503 | a callback for which there is no room |
///
/// After a 4xx the connection is closed. The service repeats a callback that was answered 5xx only if the fragment
/// of its `StatusCallback` asks for that, as the one of [`status_callback_url`](Self::status_callback_url) does.
///
/// # If the program dies
/// Without a handler, 204 means that the callback is in this process's memory: what was not read when the process
/// dies is lost, and the service does not send it again. A program that must not lose a result stores each callback
/// in a [handler](CallbackListenerBuilder::on_callback), which runs before the response is sent.
///
/// # Who receives a callback
/// First the [handler](CallbackListenerBuilder::on_callback), if there is one. Then the
/// [`GuidedPayment`](crate::GuidedPayment) that it belongs to, or the [view of its session](Self::session), or else
/// [`recv`](Self::recv): exactly one of these, once. Callbacks are in the order of their arrival, which is not
/// always the order in which things happened.
///
/// A repeated delivery has the same `I-Twilio-Idempotency-Token` and the same signature, and is received once; the
/// latest 8,192 are remembered. The signature does not cover the token: an attacker who has captured a signed
/// callback can send it again with another token, and it is received again. So whatever a program does about a
/// callback should do no harm when it is done twice.
///
/// At most [4,096](CallbackListenerBuilder::capacity) callbacks wait to be read, including those of views. When
/// there is no room for another, the oldest leftover is discarded, logged and [counted](Self::discarded). Leftovers
/// are callbacks of sessions whose last callback has arrived (but not that last one, which has the result), callbacks
/// that nobody has read for 10 minutes, and further copies of one that waits. With a handler, which has stored them,
/// all are leftovers. Only if there is none, the new callback is answered 503.
///
/// # Threads
/// At most [256](CallbackListenerBuilder::connections) connections are open, each with a thread of 256 KiB
/// stack at most, and one thread more. When all are taken, the connection that has waited longest for its peer, to
/// send a complete request or to read a response, is closed to make room, so idle or slow peers cannot keep others
/// out. A connection whose callback is in a handler is never closed for that. A response must be read within 10 s.
/// The listener is `Send + Sync`; threads can share it by reference. Dropping it, or
/// [`shutdown`](Self::shutdown), closes the port and wakes every thread that waits.
pub struct CallbackListener {
    receiver: Arc<Receiver>,
    server: Mutex<Option<Server>>,
    address: SocketAddr,
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

    /// Builds a listener with custom limits or a handler.
    pub fn builder(validator: SignatureValidator) -> CallbackListenerBuilder {
        CallbackListenerBuilder::new(validator)
    }

    /// The public URL of this listener, as it was given.
    pub fn public_url(&self) -> &str {
        &self.receiver.url.given
    }

    /// The URL to pass as `StatusCallback`: the [public URL](Self::public_url) with the fragment `#rc=5&rp=all`,
    /// which asks the service to repeat a callback as often as it can; see [`CallbackRetries`] for what it does
    /// without. If the public URL has a fragment, that one is used.
    ///
    /// [`CallbackRetries`]: crate::CallbackRetries
    ///
    /// ```
    /// use twilio_payments::{CallbackListener, SignatureValidator};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let validator = SignatureValidator::new("auth-token")?;
    /// let listener = CallbackListener::bind("127.0.0.1:0", "https://pay.example.com/status", validator)?;
    /// assert_eq!(listener.status_callback_url(), "https://pay.example.com/status#rc=5&rp=all");
    /// # Ok(())
    /// # }
    /// ```
    pub fn status_callback_url(&self) -> &str {
        &self.receiver.url.for_service
    }

    /// The address that the listener is bound to, with the port that was chosen if it was 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Checks the requests that arrive from now on with another validator: to add the auth token of a subaccount, or
    /// to rotate a token, while payments are under way. During a rotation, give it both tokens.
    ///
    /// ```
    /// use twilio_payments::{CallbackListener, SignatureValidator};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let listener = CallbackListener::local(SignatureValidator::new("old-token")?)?;
    /// listener.set_validator(SignatureValidator::new("new-token")?.also("old-token")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_validator(&self, validator: SignatureValidator) {
        self.receiver.set_validator(validator);
    }

    /// The callbacks of one session, for a thread that waits for its own payment. Call it as soon as
    /// [`create_payments`](crate::PaymentsApi::create_payments) has returned the session's SID; callbacks that
    /// arrived before, and were not read yet, are in it.
    ///
    /// Two views of one session share its callbacks: each goes to one of them.
    ///
    /// # Errors
    /// Returns an error if `sid` is not `PK` and 32 hex digits: it could wait for ever.
    pub fn session(&self, sid: &str) -> Result<SessionCallbacks, CallbackError> {
        SessionCallbacks::new(Arc::clone(&self.receiver.queue), sid)
    }

    /// Registers a handler for the callbacks that belong to it. It is first given those that arrived already and wait
    /// for [`recv`](Self::recv), then, on the threads of their connections, those that arrive until the registration
    /// is dropped.
    ///
    /// # Errors
    /// Returns the handler's error if it failed for a callback that waited. That callback stays where it was.
    pub(crate) fn register(&self, handler: &Arc<dyn CallbackHandler>) -> Result<Registration, String> {
        self.receiver.queue.register(handler)
    }

    /// Waits for the next callback of any session that has no [view](Self::session), for as long as it takes.
    ///
    /// # Errors
    /// [`CallbackErrorKind::Closed`](crate::CallbackErrorKind::Closed) if the listener was shut down, and
    /// everything that it had received was read.
    pub fn recv(&self) -> Result<StatusCallback, CallbackError> {
        self.recv_timeout(Duration::MAX)
    }

    /// Waits for the next callback of any session that has no [view](Self::session), for up to `timeout`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`CallbackErrorKind::Timeout`](crate::CallbackErrorKind::Timeout) if none came
    /// in time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<StatusCallback, CallbackError> {
        self.receiver.queue.take(None, timeout)
    }

    /// Returns the next callback of any session that has no [view](Self::session), or `None` if there is none yet.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<StatusCallback>, CallbackError> {
        self.receiver.queue.try_take(None)
    }

    /// Waits for one callback after another of all sessions that have no [view](Self::session). Ends when the
    /// listener is shut down.
    pub fn iter(&self) -> impl Iterator<Item = StatusCallback> {
        std::iter::from_fn(|| self.recv().ok())
    }

    /// How many callbacks were discarded unread, to [make room](Self#who-receives-a-callback) for others.
    pub fn discarded(&self) -> u64 {
        self.receiver.queue.discarded()
    }

    /// Wakes every thread that waits for a callback, and closes the port and every connection. Waits for the
    /// server's threads and for the handlers that run to end: usually for some milliseconds, and for a second at
    /// most. What was received can still be read. Dropping the listener does the same.
    pub fn shutdown(&self) {
        self.receiver.queue.close();
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }
}

impl Drop for CallbackListener {
    fn drop(&mut self) {
        self.shutdown();
    }
}

debug_shows!(CallbackListener, |listener|
    local_addr: listener.address,
    public_url: url_without_secrets(listener.public_url()),
    held: listener.receiver.queue.held(),
);
