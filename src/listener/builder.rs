//! `CallbackListenerBuilder`: configures a listener.

use std::fmt;
use std::net::{TcpListener, ToSocketAddrs};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use super::CallbackListener;
use super::handler::OnCallback;
use super::public_url::PublicUrl;
use super::queue::Queue;
use super::receiver::Receiver;
use super::warnings::Warnings;
use crate::callback::signature::SignatureValidator;
use crate::callback::{CallbackError, StatusCallback};
use crate::server::{Limits, Reply, Request, Server};
use crate::text::url_without_secrets;

/// After how long an unread callback may be discarded to make room.
const UNREAD_TIME: Duration = Duration::from_secs(600);

/// Configures a [`CallbackListener`]. Returned by [`CallbackListener::builder`].
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
        /// Sets the URL at which the service reaches the listener: see [Which URL](CallbackListener#which-url).
        /// Default: `http://` and the bound address, which only works on the same machine.
        public_url(public_url: impl Into<String>) = Some(public_url.into());

        /// Sets how many callbacks may wait to be read in total, 1 or more. Default: 4,096, which take about 8 MB.
        capacity(callbacks: usize) = callbacks;

        /// Sets how many connections may be open, 1 or more. Each has a thread. Default: 256.
        connections(connections: usize) = connections;
    }

    /// Sets a handler, which receives each callback before the service gets a response. Use it to store callbacks, so
    /// that no acknowledged callback is lost. Default: no handler.
    ///
    /// If the handler returns `Ok`, the service gets 204, and the callback is passed on [as
    /// usual](CallbackListener#who-receives-a-callback). If it returns an error or panics, the service gets 500, and
    /// the callback is not passed on. The service sends it again if the fragment of its URL [asks for
    /// that](CallbackListener::status_callback_url). The error is logged as a warning.
    ///
    /// The handler runs on the thread of the connection, so it can run for several callbacks at the same time. By
    /// default, the service waits 15 s for the response. The handler may receive a callback more than once: after a
    /// restart, if a repeated delivery arrives while the handler is still running, or if a
    /// [`GuidedPayment`](crate::GuidedPayment) could not store the callback afterwards. So storing a callback twice
    /// must do no harm.
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
        // So that listeners can be used across `catch_unwind`. Panics of the closure are caught.
        let handler = AssertUnwindSafe(handler);
        self.on_callback =
            Some(Arc::new(move |callback| (*handler)(callback).map_err(|error| error.to_string())));
        self
    }

    /// Binds the listener to an address, such as `127.0.0.1:8080` behind a proxy on the same machine, or
    /// `0.0.0.0:8080`. Port 0 means any free port.
    ///
    /// # Errors
    /// - Returns an error of kind [`CallbackErrorKind::InvalidInput`] if the public URL is not an absolute http or
    ///   https URL, or if `capacity` or `connections` is 0.
    /// - Returns an error of kind [`CallbackErrorKind::Listen`] if the address cannot be resolved, is in use, is not
    ///   one of this machine, or is not allowed, or if the system cannot start a thread.
    ///
    /// [`CallbackErrorKind::InvalidInput`]: crate::CallbackErrorKind::InvalidInput
    /// [`CallbackErrorKind::Listen`]: crate::CallbackErrorKind::Listen
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<CallbackListener, CallbackError> {
        // Check the values before binding the port.
        for (field, value) in [("capacity", self.capacity), ("connections", self.connections)] {
            if value == 0 {
                return Err(CallbackError::invalid(field, "zero"));
            }
        }
        let public_url = self.public_url.map(PublicUrl::new).transpose()?;
        let addresses =
            address.to_socket_addrs().map_err(|error| CallbackError::listen("the address", error))?;
        let addresses: Vec<_> = addresses.collect();
        let failed = |error| CallbackError::listen(format_args!("{addresses:?}"), error);
        let socket = TcpListener::bind(&*addresses).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let public_url = public_url.map_or_else(|| PublicUrl::new(format!("http://{address}/")), Ok)?;
        let queue = Arc::new(Queue::new(self.capacity, UNREAD_TIME, self.on_callback.is_some()));
        let (on_callback, validator) = (self.on_callback, RwLock::new(self.validator));
        let warnings = Warnings::default();
        let receiver = Arc::new(Receiver { queue, url: public_url, on_callback, validator, warnings });
        let serving = Arc::clone(&receiver);
        let handler = move |request: Request| Reply::Response(serving.respond(&request));
        let limits = Limits { max_connections: self.connections, ..Limits::default() };
        let server = Server::start(socket, limits, Arc::new(handler)).map_err(failed)?;
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
