//! The open connections, what each is doing, and which must end.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Limits, PATIENCE, Shared, connection};

/// Enough for a handler that parses JSON to its depth limit, in a debug build. Only touched pages cost memory.
const STACK: usize = 256 * 1024;

/// What a connection is doing. Its own thread moves it from one to the next; the watcher and the accepting
/// thread may only move it to one of the last two, after which its thread ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of a request has come.
    Idle,
    /// A part of a request has come.
    Reading,
    /// A request is complete and the handler has it. Nobody else ends it.
    Busy,
    /// An answer is on its way to the peer, which may be slow to read it.
    Writing,
    /// A last answer is out; what still comes is thrown away.
    Draining,
    /// The request took too long: it is to be answered 408.
    Overdue,
    /// To be closed at once.
    Ended,
}

/// A phase and the time of its start, in one word, so that they change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    pub(super) fn new(phase: Phase, since: u64) -> Self {
        Self((since << 3) | phase as u64)
    }

    pub(super) fn phase(self) -> Phase {
        match self.0 & 7 {
            0 => Phase::Idle,
            1 => Phase::Reading,
            2 => Phase::Busy,
            3 => Phase::Writing,
            4 => Phase::Draining,
            5 => Phase::Overdue,
            _ => Phase::Ended,
        }
    }

    fn since(self) -> u64 {
        self.0 >> 3
    }
}

/// A connection, as seen by all threads.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    state: AtomicU64,
}

impl Connection {
    pub(super) fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// Moves from one state to another; fails where another thread was quicker.
    pub(super) fn enter(&self, from: State, to: State) -> Result<State, State> {
        match self.state.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(to),
            Err(found) => Err(State(found)),
        }
    }

    /// Ends the connection, unless it has left the state that was seen.
    fn end(&self, seen: State) -> bool {
        let ended = self.enter(seen, State::new(Phase::Ended, seen.since())).is_ok();
        if ended {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        ended
    }
}

#[derive(Default)]
pub(super) struct Registry {
    pub(super) stopping: bool,
    open: HashMap<u64, (Arc<Connection>, JoinHandle<()>)>,
    ended: Vec<JoinHandle<()>>,
    next: u64,
}

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Threads that are past their last use of the server; joining them takes no time.
    pub(super) fn take_ended(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.ended)
    }

    /// Gives a connection its thread. Where the system has none to give, the connection is dropped.
    pub(super) fn start(&mut self, stream: TcpStream, shared: &Arc<Shared>) {
        let idle = State::new(Phase::Idle, shared.now());
        let connection = Arc::new(Connection { stream, state: AtomicU64::new(idle.0) });
        let id = self.next;
        self.next += 1;
        let entry = Entry { id, shared: Arc::clone(shared) };
        let its = Arc::clone(&connection);
        let spawned = thread::Builder::new().stack_size(STACK).spawn(move || {
            // Moved in, so that it is dropped last and also when a handler panics.
            let entry = entry;
            connection::serve(&entry.shared, its);
        });
        if let Ok(thread) = spawned {
            self.open.insert(id, (connection, thread));
        }
    }

    /// Ends the connection that has waited longest for its peer, if there is one.
    pub(super) fn evict(&mut self) {
        loop {
            let all = self.open.values().map(|(connection, _)| (connection, connection.state()));
            let waiting = all.filter(|(_, state)| state.phase() != Phase::Busy);
            // One that is on its way out already comes first.
            let longest = waiting.min_by_key(|(_, state)| (state.phase() != Phase::Ended, state.since()));
            match longest {
                Some((connection, state)) if state.phase() != Phase::Ended => {
                    // Where its peer did its part meanwhile, the next one goes.
                    if connection.end(state) {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Ends whatever has lasted too long.
    pub(super) fn end_overdue(&mut self, now: u64, limits: &Limits) {
        for (connection, _) in self.open.values() {
            let state = connection.state();
            let limit = match state.phase() {
                Phase::Idle => limits.idle_time,
                Phase::Reading | Phase::Writing => limits.request_time,
                Phase::Draining => PATIENCE,
                Phase::Busy | Phase::Overdue | Phase::Ended => continue,
            };
            if Duration::from_millis(now.saturating_sub(state.since())) < limit {
                continue;
            }
            if state.phase() == Phase::Reading {
                if connection.enter(state, State::new(Phase::Overdue, now)).is_ok() {
                    let _ = connection.stream.shutdown(Shutdown::Read);
                }
            } else {
                connection.end(state);
            }
        }
    }

    /// Ends every connection, and lets no other begin.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        for (connection, _) in self.open.values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }
}

/// A connection's place in the registry, given back when dropped.
struct Entry {
    id: u64,
    shared: Arc<Shared>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut registry = self.shared.registry();
        if let Some((_, thread)) = registry.open.remove(&self.id) {
            registry.ended.push(thread);
        }
        drop(registry);
        self.shared.freed.notify_all();
    }
}
