//! The open connections: only so that one can be closed to make room, and all when the server stops.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Shared;
use super::request::Stop;

/// A connection, as all threads see it.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    state: Mutex<State>,
}

/// In the order in which connections make room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Closed to make room; its thread is about to end.
    Closed,
    /// The peer must send or read something, and has been waited for since then.
    Waiting(Instant),
    /// The handler has a request. Nobody closes the connection now.
    Busy,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, state: Mutex::new(State::Waiting(Instant::now())) }
    }

    /// The peer is waited for from now on.
    pub(super) fn wait(&self) -> Result<(), Stop> {
        self.enter(State::Waiting(Instant::now()))
    }

    /// The handler has the connection from now on.
    pub(super) fn work(&self) -> Result<(), Stop> {
        self.enter(State::Busy)
    }

    fn enter(&self, next: State) -> Result<(), Stop> {
        let mut state = self.state();
        if *state == State::Closed {
            return Err(Stop::Ended);
        }
        *state = next;
        Ok(())
    }

    /// Closes the connection, unless it is no longer in the state that was seen.
    fn close(&self, seen: State) -> bool {
        let mut state = self.state();
        let closes = *state == seen;
        if closes {
            *state = State::Closed;
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        closes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open connections.
#[derive(Default)]
pub(super) struct Registry(Vec<Arc<Connection>>);

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Closes the connection that has waited longest for its peer, unless one that was closed is about to end.
    pub(super) fn make_room(&self) {
        loop {
            let states = self.0.iter().map(|connection| (*connection.state(), connection));
            match states.min_by_key(|(state, _)| *state) {
                // Its peer did its part meanwhile: choose another one.
                Some((state @ State::Waiting(_), connection)) if !connection.close(state) => {}
                _ => return,
            }
        }
    }

    /// Closes every connection that waits for its peer.
    pub(super) fn close_waiting(&self) {
        for connection in &self.0 {
            let state = *connection.state();
            if state != State::Busy {
                connection.close(state);
            }
        }
    }

    /// Closes every connection.
    pub(super) fn close_all(&self) {
        for connection in &self.0 {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }
}

/// A connection's place in the registry, which it leaves when this is dropped: never while the registry is locked.
pub(super) struct Entry {
    pub(super) connection: Arc<Connection>,
    pub(super) shared: Arc<Shared>,
}

impl Entry {
    pub(super) fn new(connection: Arc<Connection>, shared: Arc<Shared>) -> Self {
        shared.registry().0.push(Arc::clone(&connection));
        Self { connection, shared }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.registry().0.retain(|connection| !Arc::ptr_eq(connection, &self.connection));
        self.shared.changed.notify_all();
    }
}
