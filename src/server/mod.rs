//! A small blocking HTTP/1.1 server over std sockets: what the sandbox and the callback listener answer with.
//!
//! A thread for each connection, and two more: one accepts, one watches the time. Sockets keep their
//! blocking reads without a timeout; the watcher wakes a read that lasts too long by shutting the socket down.
//! So a request on a kept connection costs one read and one write, and no other system call.

mod connection;
mod message;
mod registry;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(crate) use message::{Answer, Reply, Request};

use registry::Registry;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once. When all are taken, the one that has waited longest for its peer, to send a
    /// complete request or to read an answer, makes room for the next.
    pub(crate) max_connections: usize,
    /// Bytes of a request's body; a longer one is answered 413 and not read to its end.
    pub(crate) max_body: usize,
    /// Bytes of a request's line and headers; a longer head is answered 431.
    pub(crate) max_head: usize,
    /// From a request's first byte to its last; a slower one is answered 408. Also how long the peer may take
    /// to read an answer, from its first byte to its last; a slower one is cut off.
    pub(crate) request_time: Duration,
    /// How long a connection may stay open with no request on it.
    pub(crate) idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_body: 64 * 1024,
            max_head: 16 * 1024,
            request_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
        }
    }
}

/// Gives the answer to a request. Called from many threads at once.
pub(crate) type Handler = dyn Fn(Request) -> Reply + Send + Sync;

/// A running server. Dropping it closes every connection and ends every thread.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
    watching: Option<JoinHandle<()>>,
}

/// What the threads of a server share.
struct Shared {
    limits: Limits,
    handler: Arc<Handler>,
    started: Instant,
    registry: Mutex<Registry>,
    /// A connection ended.
    freed: Condvar,
    /// The server stops, or has its first connection.
    roused: Condvar,
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the server started.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits; false where the server stopped meanwhile.
    fn pause(&self, time: Duration) -> bool {
        let wait = self.roused.wait_timeout_while(self.registry(), time, |registry| !registry.stopping);
        !wait.unwrap_or_else(PoisonError::into_inner).0.stopping
    }
}

impl Server {
    /// Serves what comes to `listener` with `handler`.
    ///
    /// # Errors
    /// Where the listener has no address, or the system gives no thread.
    pub(crate) fn start(listener: TcpListener, limits: Limits, handler: Arc<Handler>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // std lets 128 connections wait to be accepted; beyond that, clients of a burst lose a second or more.
        socket2::SockRef::from(&listener).listen(1024)?;
        let shared = Arc::new(Shared {
            limits,
            handler,
            started: Instant::now(),
            registry: Mutex::new(Registry::default()),
            freed: Condvar::new(),
            roused: Condvar::new(),
        });
        let mut server = Self { shared: Arc::clone(&shared), address, accepting: None, watching: None };
        let watched = Arc::clone(&shared);
        server.watching = Some(thread::Builder::new().spawn(move || watch(&watched))?);
        // On an error here the drop of `server` ends the watcher.
        server.accepting = Some(thread::Builder::new().spawn(move || accept(&listener, &shared))?);
        Ok(server)
    }

    /// The address that is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.shared.registry().len()
    }

    /// A listener cannot be woken otherwise with std alone: connect to it.
    fn wake_accepting(&self, thread: &JoinHandle<()>, deadline: Instant) -> bool {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        while !thread.is_finished() && Instant::now() < deadline {
            let _ = TcpStream::connect_timeout(&SocketAddr::new(ip, self.address.port()), PATIENCE / 20);
            for _ in 0..10 {
                if thread.is_finished() {
                    break;
                }
                thread::sleep(PATIENCE / 200);
            }
        }
        thread.is_finished()
    }
}

/// How long a stopping server waits in all for threads that do not end; then it leaves them to end by
/// themselves. Also how long a peer has to leave after a last answer.
const PATIENCE: Duration = Duration::from_secs(1);

impl Drop for Server {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        self.shared.registry().stop();
        self.shared.roused.notify_all();
        self.shared.freed.notify_all();
        if let Some(thread) = self.accepting.take() {
            if self.wake_accepting(&thread, deadline) {
                let _ = thread.join();
            }
        }
        if let Some(thread) = self.watching.take() {
            let _ = thread.join();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let wait =
            self.shared.freed.wait_timeout_while(self.shared.registry(), left, |registry| registry.len() > 0);
        let ended = wait.unwrap_or_else(PoisonError::into_inner).0.take_ended();
        for thread in ended {
            let _ = thread.join();
        }
    }
}

/// Takes connections until the server stops.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.registry().stopping {
            return;
        }
        match accepted {
            Ok((stream, _)) => admit(stream, shared),
            // The peer was gone before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(_) => {
                // Out of file handles, most likely: free one, and give the thread that has it time to end.
                shared.registry().evict();
                shared.pause(Duration::from_millis(10));
            }
        }
    }
}

/// Gives a connection its thread, when there is room.
fn admit(stream: TcpStream, shared: &Arc<Shared>) {
    let prepared = stream.set_nodelay(true).and_then(|()| {
        stream.set_write_timeout(Some(shared.limits.request_time.max(Duration::from_millis(1))))
    });
    if prepared.is_err() {
        return;
    }
    for thread in shared.registry().take_ended() {
        let _ = thread.join();
    }
    let mut registry = shared.registry();
    while registry.len() >= shared.limits.max_connections && !registry.stopping {
        registry.evict();
        // The limit is on threads too: wait until the evicted one is gone.
        let wait = shared.freed.wait_timeout(registry, Duration::from_millis(50));
        registry = wait.unwrap_or_else(PoisonError::into_inner).0;
    }
    if registry.stopping {
        return;
    }
    let first = registry.len() == 0;
    registry.start(stream, shared);
    drop(registry);
    if first {
        shared.roused.notify_all();
    }
}

/// Ends what lasts too long, until the server stops.
fn watch(shared: &Shared) {
    let shortest = shared.limits.request_time.min(shared.limits.idle_time);
    let tick = (shortest / 10).clamp(Duration::from_millis(5), Duration::from_millis(250));
    let mut registry = shared.registry();
    while !registry.stopping {
        registry.end_overdue(shared.now(), &shared.limits);
        registry = if registry.len() == 0 {
            shared.roused.wait(registry).unwrap_or_else(PoisonError::into_inner)
        } else {
            shared.roused.wait_timeout(registry, tick).unwrap_or_else(PoisonError::into_inner).0
        };
    }
}
