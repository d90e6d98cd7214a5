//! `CallbackListener`: receives status callbacks in a program that has no web server.

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
use crate::model::sid;
use crate::server::Server;
use crate::text::url_without_secrets;
use receiver::Receiver;

pub use builder::CallbackListenerBuilder;
pub(crate) use handler::CallbackHandler;
pub(crate) use queue::Registration;
pub use session_callbacks::SessionCallbacks;

/// Receives status callbacks: a small HTTP server that verifies them and passes them to the threads that wait for them.
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
/// // session's callbacks:
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
/// The service signs the URL that it requests. Behind a proxy or a tunnel, that is not the URL that arrives here, so
/// the listener must know its public URL. It does not trust what a request says about itself.
/// - A URL with a path, such as `https://pay.example.com/status`, is the one that every session uses as its
///   `StatusCallback`. Requests are checked against this URL with the query that arrives, so `…/status?order=7` is
///   valid too. The path that arrives does not matter.
/// - A URL whose path is empty or ends with `/`, such as `https://pay.example.com`, is a base URL. The path and query
///   that arrive are appended, so each session can have its own path. If a proxy removes a prefix, include it in the
///   base URL: `https://example.com/hooks/`.
///
/// The listener speaks plain HTTP. Let a proxy in front of it do TLS, because callbacks contain tokens and expiration
/// dates.
///
/// # Responses
/// | status | sent for |
/// |---|---|
/// | 204 | a callback that was received, now or before |
/// | 400 | a request that is not HTTP, or a signed body that is not a status callback |
/// | 403 | a request without a valid `X-Twilio-Signature` |
/// | 405 | a method other than POST |
/// | 408 | a request that took longer than 10 s to arrive |
/// | 413, 431 | a body over 64 KiB; a head over 16 KiB or with more than 100 headers |
/// | 500 | a callback that the [handler](CallbackListenerBuilder::on_callback) could not store |
/// | 503 | a callback for which there is no room |
///
/// After a 4xx the connection is closed. The service repeats a callback that got a 5xx response only if the fragment of
/// its `StatusCallback` asks for that, as in [`status_callback_url`](Self::status_callback_url).
///
/// # If the program dies
/// Without a handler, 204 only means that the callback is in the memory of this process. If the process dies before the
/// callback was read, it is lost, and the service does not send it again. To never lose a result, store each callback
/// in a [handler](CallbackListenerBuilder::on_callback), which runs before the response is sent.
///
/// # Who receives a callback
/// First the [handler](CallbackListenerBuilder::on_callback) receives it, if there is one. Then exactly one of these
/// receives it, once: the [`GuidedPayment`](crate::GuidedPayment) that it belongs to, or the [view of its
/// session](Self::session), or else [`recv`](Self::recv). Callbacks are in the order of their arrival, which is not
/// always the order in which things happened.
///
/// A repeated delivery has the same `I-Twilio-Idempotency-Token` and the same signature, and is received once. The
/// latest 8,192 are remembered. The signature does not cover the token, so an attacker who has captured a signed
/// callback can send it again with another token, and it is received again. So receiving a callback twice must do no
/// harm.
///
/// At most [4,096](CallbackListenerBuilder::capacity) callbacks wait to be read, including those of views. If there is
/// no room for another one, the oldest callback that can be spared is discarded, logged and [counted](Self::discarded).
/// Callbacks that can be spared are those of a session whose last callback has arrived (but not the last one, which has
/// the result), those that were not read for 10 minutes, and the third and later copies of a waiting callback. With a
/// handler, any callback can be spared, because the handler has stored it. If none can, the new callback gets a 503
/// response.
///
/// # Threads
/// At most [256](CallbackListenerBuilder::connections) connections are open. Each has a thread with a stack of 256
/// KiB, and one more thread accepts connections. If all connections are in use, the one that has waited longest for
/// its peer to send a complete request or to read a response is closed, so idle or slow peers cannot keep others out.
/// A connection whose callback is in a handler is never closed for this. A response must be read within 10 s.
///
/// Threads can share a listener by reference. Dropping it, or calling [`shutdown`](Self::shutdown), closes the port and
/// wakes every thread that waits.
pub struct CallbackListener {
    receiver: Arc<Receiver>,
    server: Mutex<Option<Server>>,
    address: SocketAddr,
}

impl CallbackListener {
    /// Makes a listener for callbacks to `public_url`, bound to an address. See [Which URL](Self#which-url) for the
    /// URL, and [`builder`](Self::builder) for more settings.
    ///
    /// # Errors
    /// Returns the same errors as [`CallbackListenerBuilder::bind`].
    pub fn bind(
        address: impl ToSocketAddrs,
        public_url: impl Into<String>,
        validator: SignatureValidator,
    ) -> Result<Self, CallbackError> {
        Self::builder(validator).public_url(public_url).bind(address)
    }

    /// Makes a listener for tests and for the sandbox, bound to a free port of `127.0.0.1`, which is also its public
    /// URL.
    ///
    /// # Errors
    /// Returns the same errors as [`CallbackListenerBuilder::bind`].
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

    /// Returns a builder for a listener with other limits or a handler.
    pub fn builder(validator: SignatureValidator) -> CallbackListenerBuilder {
        CallbackListenerBuilder::new(validator)
    }

    /// Returns the public URL of this listener, as it was set.
    pub fn public_url(&self) -> &str {
        &self.receiver.url.given
    }

    /// Returns the URL to pass as `StatusCallback`: the [public URL](Self::public_url) with the fragment
    /// `#rc=5&rp=all`, which asks the service to repeat callbacks as often as it can. See [`CallbackRetries`] for its
    /// default. If the public URL has a fragment, it is used instead.
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

    /// Returns the address that the listener is bound to. If the port was 0, this has the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the validator for requests that arrive from now on. Use it to add the auth token of a subaccount, or to
    /// rotate a token while payments are under way. During a rotation, the validator needs both tokens. Accounts that do
    /// not trust each other need [validators](SignatureValidator#which-tokens-and-keys), and listeners, of their own.
    ///
    /// ```
    /// use twilio_payments::{CallbackListener, SignatureValidator};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let listener = CallbackListener::local(SignatureValidator::new("old-token")?)?;
    /// listener.set_validator(SignatureValidator::new("new-token")?.with_auth_token("old-token")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_validator(&self, validator: SignatureValidator) {
        *self.receiver.validator.write().unwrap_or_else(PoisonError::into_inner) = validator;
    }

    /// Returns a view of one session's callbacks, for a thread that waits for its own payment. Call this as soon as
    /// [`create_payments`](crate::PaymentsApi::create_payments) has returned the SID of the session. The view also
    /// receives callbacks that arrived before and were not read yet.
    ///
    /// Two views of the same session share its callbacks: each callback goes to one of them.
    ///
    /// # Errors
    /// Returns an error if `sid` is not `PK` and 32 hex digits, because such a view would never receive a callback.
    pub fn session(&self, sid: &str) -> Result<SessionCallbacks, CallbackError> {
        if !sid::is("PK", sid) {
            return Err(CallbackError::invalid("Sid", "not PK and 32 hex digits"));
        }
        let queue = Arc::clone(&self.receiver.queue);
        queue.view(sid);
        Ok(SessionCallbacks { queue, sid: sid.to_owned() })
    }

    /// Registers a handler for the callbacks that belong to it. It first receives those that already wait for
    /// [`recv`](Self::recv), then, on the threads of their connections, those that arrive until the registration is
    /// dropped.
    ///
    /// # Errors
    /// Returns the handler's error if it failed for a callback that waited. That callback then still waits.
    pub(crate) fn register(&self, handler: &Arc<dyn CallbackHandler>) -> Result<Registration, String> {
        self.receiver.queue.register(handler)
    }

    /// Waits for the next callback of any session that has no [view](Self::session), without a time limit.
    ///
    /// # Errors
    /// Returns an error of kind [`Closed`](crate::CallbackErrorKind::Closed) if the listener was shut down, and every
    /// callback that it had received was read.
    pub fn recv(&self) -> Result<StatusCallback, CallbackError> {
        self.recv_timeout(Duration::MAX)
    }

    /// Waits for the next callback of any session that has no [view](Self::session), for up to `timeout`.
    ///
    /// # Errors
    /// Returns the same errors as [`recv`](Self::recv), and one of kind
    /// [`Timeout`](crate::CallbackErrorKind::Timeout) if no callback arrived in time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<StatusCallback, CallbackError> {
        self.receiver.queue.take(None, timeout)
    }

    /// Returns the next callback of any session that has no [view](Self::session), or `None` if there is none yet.
    ///
    /// # Errors
    /// Returns the same errors as [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<StatusCallback>, CallbackError> {
        self.receiver.queue.try_take(None)
    }

    /// Returns an iterator that waits for one callback after another, of all sessions that have no
    /// [view](Self::session). It ends when the listener is shut down.
    pub fn iter(&self) -> impl Iterator<Item = StatusCallback> {
        std::iter::from_fn(|| self.recv().ok())
    }

    /// Returns how many unread callbacks were discarded to [make room](Self#who-receives-a-callback) for others.
    pub fn discarded(&self) -> u64 {
        self.receiver.queue.discarded()
    }

    /// Wakes every thread that waits for a callback, and closes the port and every connection. It waits until the
    /// listener's threads and running handlers have ended, which usually takes a few milliseconds, but for no longer
    /// than a second. Callbacks that were received can still be read. Dropping the listener does the same.
    pub fn shutdown(&self) {
        self.receiver.queue.close();
        let server = lock!(self.server).take();
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
