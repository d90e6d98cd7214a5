//! Configures a listener.

use std::fmt;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::CallbackListener;
use super::handler::OnCallback;
use super::public_url::PublicUrl;
use super::queue::Queue;
use super::receiver::Receiver;
use crate::callback::signature::SignatureValidator;
use crate::callback::{CallbackError, StatusCallback};
use crate::macros::{debug_shows, setters};
use crate::server::{Limits, Reply, Request, Server};
use crate::text::url_without_secrets;

/// How long a callback waits to be read before it may be discarded to make room.
const UNREAD_TIME: Duration = Duration::from_secs(600);

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
    on_callback: Option<OnCallback>,
}

impl CallbackListenerBuilder {
    pub(super) fn new(validator: SignatureValidator) -> Self {
        Self { validator, public_url: None, capacity: 4096, connections: 256, on_callback: None }
    }

    setters! {
        /// The URL under which the service reaches the listener; see [above](CallbackListener#which-url).
        /// Default: `http://` and the address that is bound, which serves on the same machine only.
        public_url(public_url: impl Into<String>) = Some(public_url.into());

        /// How many callbacks may wait to be read, in all, at least 1. Default: 4,096, which take about 8 MB.
        capacity(callbacks: usize) = callbacks;

        /// How many connections may be open, and so how many threads serve them, at least 1. Default: 256.
        connections(connections: usize) = connections;
    }

    /// Passes each callback to a handler before it is answered: to store it, so that nothing that the service was told
    /// is received can be lost. After `Ok` the service gets 204, and the callback is handed over
    /// [as usual](CallbackListener#who-receives-a-callback). After an error or a panic it gets 500, and nobody else
    /// receives the callback; the service sends it again if the fragment of its URL
    /// [asks for that](CallbackListener::status_callback_url). The error is logged as a warning. Default: no handler.
    ///
    /// The handler runs on the thread of the connection, so it runs for several callbacks at once. The service waits
    /// for the response for 15 s by default. A callback that was stored is not given to the handler again when it is
    /// repeated, except after a restart, if the repetition arrives while the handler is still busy with it, or if a
    /// [`GuidedPayment`](crate::GuidedPayment) could not store it afterwards: storing it twice must do no harm.
    ///
    /// ```
    /// use std::fs::OpenOptions;
    /// use std::io::Write;
    /// use twilio_payments::{CallbackListener, SignatureValidator};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join("twilio-payments-on-callback");
    /// let journal = OpenOptions::new().create(true).append(true).open(path)?;
    /// let listener = CallbackListener::builder(SignatureValidator::new("auth-token")?)
    ///     .on_callback(move |callback| {
    ///         writeln!(&journal, "{} {:?}", callback.sid, callback.result)?;
    ///         journal.sync_data()
    ///     })
    ///     .bind("127.0.0.1:0")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_callback<E: fmt::Display>(
        mut self,
        handler: impl Fn(&StatusCallback) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.on_callback = Some(OnCallback::new(handler));
        self
    }

    /// Listens on an address, such as `127.0.0.1:8080` behind a proxy on the same machine, or
    /// `0.0.0.0:8080`. Port 0 stands for any free one.
    ///
    /// # Errors
    /// - [`CallbackErrorKind::InvalidInput`]: the public URL is not an absolute http or https URL, or
    ///   `capacity` or `connections` is 0.
    /// - [`CallbackErrorKind::Listen`]: the address is taken, not this machine's, or not allowed.
    ///
    /// [`CallbackErrorKind::InvalidInput`]: crate::CallbackErrorKind::InvalidInput
    /// [`CallbackErrorKind::Listen`]: crate::CallbackErrorKind::Listen
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<CallbackListener, CallbackError> {
        // Wrong values are found before the port is taken.
        for (field, value) in [("capacity", self.capacity), ("connections", self.connections)] {
            if value == 0 {
                return Err(CallbackError::invalid(field, "zero"));
            }
        }
        let public_url = self.public_url.map(PublicUrl::new).transpose()?;
        let socket = TcpListener::bind(address).map_err(CallbackError::listen)?;
        let address = socket.local_addr().map_err(CallbackError::listen)?;
        let public_url = match public_url {
            Some(url) => url,
            None => PublicUrl::new(format!("http://{address}/"))?,
        };
        let queue = Arc::new(Queue::new(self.capacity, UNREAD_TIME, self.on_callback.is_some()));
        let receiver = Arc::new(Receiver::new(queue, public_url, self.on_callback, self.validator));
        let serving = Arc::clone(&receiver);
        let handler = move |request: Request| Reply::Response(serving.respond(&request));
        let limits = Limits { max_connections: self.connections, ..Limits::default() };
        let server = Server::start(socket, limits, Arc::new(handler)).map_err(CallbackError::listen)?;
        let address = server.address();
        Ok(CallbackListener { receiver, server: Mutex::new(Some(server)), address })
    }
}

// Leaves out user info and query of the public URL, and the auth tokens.
debug_shows!(CallbackListenerBuilder, |builder|
    public_url: builder.public_url.as_deref().map(url_without_secrets),
    capacity: builder.capacity,
    connections: builder.connections,
    on_callback: builder.on_callback.is_some(),
);
