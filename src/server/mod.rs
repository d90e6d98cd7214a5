//! A small blocking HTTP/1.1 server over std sockets, for the sandbox and the callback listener.
//!
//! One thread accepts connections, and each connection has a thread of its own. Every read and write has a deadline,
//! which the timeouts of the socket enforce.

mod chunked;
mod connection;
mod interruption;
mod limits;
mod peer;
#[cfg(any(test, fuzzing))]
#[path = "tests/pieces.rs"]
mod pieces;
mod registry;
mod request;
mod response;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(crate) use limits::Limits;
pub(crate) use request::Request;
pub(crate) use response::{Reply, Response};

#[cfg(fuzzing)]
pub use pieces::check_requests;

use limits::PATIENCE;
use registry::{Handler, OpenConnection, Shared};

/// A running server. Dropping it closes every connection and ends every thread.
pub(crate) struct Server {
    shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves the connections of `listener` with `handler`.
    ///
    /// # Errors
    /// Returns an error if the listener has no address, or the system cannot start a thread.
    pub(crate) fn start(listener: TcpListener, limits: Limits, handler: Arc<Handler>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // std lets 128 connections wait to be accepted. In a larger burst, clients lose a second or more.
        socket2::SockRef::from(&listener).listen(1024)?;
        let shared =
            Arc::new(Shared { limits, handler, registry: Mutex::default(), changed: Condvar::new() });
        let accepts = Arc::clone(&shared);
        let accepting = thread::Builder::new().spawn(move || accept(&listener, &accepts))?;
        Ok(Self { shared, address, accepting })
    }

    /// Returns how many connections are open.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        lock!(self.shared.registry).len()
    }

    /// Connects to itself, because std has no other way to wake a thread that accepts.
    fn wake_accepting(&self, deadline: Instant) {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        while !self.accepting.is_finished() && Instant::now() < deadline {
            let _ = TcpStream::connect_timeout(&SocketAddr::new(ip, self.address.port()), PATIENCE / 20);
            thread::sleep(PATIENCE / 200);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        lock!(self.shared.registry).stop();
        self.shared.changed.notify_all();
        self.wake_accepting(deadline);
        let left = deadline.saturating_duration_since(Instant::now());
        let registry = lock!(self.shared.registry);
        let ended = self.shared.changed.wait_timeout_while(registry, left, |registry| registry.len() > 0);
        ended.unwrap_or_else(PoisonError::into_inner).0.close_all();
        // A thread that has left the registry only has to drop its reference to the server.
        while Arc::strong_count(&self.shared) > 1 && Instant::now() < deadline {
            thread::yield_now();
        }
    }
}

/// Accepts connections until the server stops.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if lock!(shared.registry).stopping {
            return;
        }
        match accepted {
            Ok((stream, _)) => admit(stream, shared),
            // The peer closed before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                // Most likely there are no file handles left: free one, and let its thread end.
                lock!(shared.registry).make_room();
                shared.pause(Duration::from_millis(10));
            }
        }
    }
}

/// Starts the thread of a connection as soon as there is room.
fn admit(stream: TcpStream, shared: &Arc<Shared>) {
    let stream = Arc::new(stream);
    let mut room = shared.limits.max_connections;
    while room > 0 {
        let mut registry = lock!(shared.registry);
        while registry.len() >= room && !registry.stopping {
            registry.make_room();
            // The limit also applies to threads, so wait until the thread of the closed connection has ended.
            let wait = shared.changed.wait_timeout(registry, Duration::from_millis(50));
            registry = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        if registry.stopping {
            return;
        }
        // If the system cannot start a thread, another connection is closed, as if the limit were reached.
        room = registry.len();
        let number = registry.add(&stream);
        drop(registry);
        // The connection moves into the thread, so that it is dropped last there even if a handler panics. If there is
        // no thread, it is dropped here, while the registry is not locked.
        let connection = OpenConnection { number, stream: Arc::clone(&stream), shared: Arc::clone(shared) };
        match (shared.limits.thread)(room).spawn(move || connection::serve(&connection)) {
            Ok(_) => return,
            Err(error) => log::warn!("cannot start a thread for a connection: {error}"),
        }
    }
}
