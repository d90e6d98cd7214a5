//! The open connections, so that one can be closed to make room, and all when the server stops; and what else their
//! threads share.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::interruption::Interruption;
use super::limits::Limits;
use super::request::Request;
use super::response::Reply;

/// The state of a connection, in the order in which connections are closed to make room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Activity {
    /// It was closed to make room, and its thread will end soon.
    Closed,
    /// It has waited since then for the peer to send or read something.
    Waiting(Instant),
    /// Its thread has not begun yet, or the handler has a request. It must not be closed now, because a request may
    /// already have arrived.
    Busy,
}

/// The open connections by number, and whether the server is stopping.
#[derive(Default)]
pub(super) struct Registry {
    open: HashMap<u64, (Arc<TcpStream>, Activity)>,
    latest: u64,
    pub(super) stopping: bool,
}

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Adds a connection, and returns its number.
    pub(super) fn add(&mut self, stream: &Arc<TcpStream>) -> u64 {
        self.latest += 1;
        self.open.insert(self.latest, (Arc::clone(stream), Activity::Busy));
        self.latest
    }

    /// Closes the connection that has waited longest for its peer, unless one that was closed will end soon.
    pub(super) fn make_room(&mut self) {
        if let Some((stream, activity)) = self.open.values_mut().min_by_key(|(_, activity)| *activity) {
            close_waiting(stream, activity);
        }
    }

    /// Closes every connection that waits for its peer, and refuses new ones.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        for (stream, activity) in self.open.values_mut() {
            close_waiting(stream, activity);
        }
    }

    /// Closes every connection.
    pub(super) fn close_all(&self) {
        for (stream, _) in self.open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn close_waiting(stream: &TcpStream, activity: &mut Activity) {
    if matches!(activity, Activity::Waiting(_)) {
        *activity = Activity::Closed;
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Returns the reply to a request. It is called from many threads at the same time.
pub(super) type Handler = dyn Fn(Request) -> Reply + Send + Sync;

/// The state that the threads of a server share.
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) handler: Arc<Handler>,
    pub(super) registry: Mutex<Registry>,
    /// Notified when a connection ends or the server stops.
    pub(super) changed: Condvar,
}

impl Shared {
    /// Waits, and returns false if the server stopped meanwhile.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let wait = self.changed.wait_timeout_while(lock!(self.registry), time, |registry| !registry.stopping);
        !wait.unwrap_or_else(PoisonError::into_inner).0.stopping
    }
}

/// A registered connection. Dropping this removes it from the registry, which must not be locked then.
pub(super) struct OpenConnection {
    pub(super) number: u64,
    pub(super) stream: Arc<TcpStream>,
    pub(super) shared: Arc<Shared>,
}

impl OpenConnection {
    /// Notes that the connection waits for its peer from now on.
    pub(super) fn set_waiting(&self) -> Result<(), Interruption> {
        self.enter(Activity::Waiting(Instant::now()))
    }

    /// Notes that the handler has a request of the connection from now on.
    pub(super) fn set_busy(&self) -> Result<(), Interruption> {
        self.enter(Activity::Busy)
    }

    fn enter(&self, next: Activity) -> Result<(), Interruption> {
        match lock!(self.shared.registry).open.get_mut(&self.number) {
            Some((_, activity)) if *activity != Activity::Closed => {
                *activity = next;
                Ok(())
            }
            _ => Err(Interruption::Ended),
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        lock!(self.shared.registry).open.remove(&self.number);
        self.shared.changed.notify_all();
    }
}
