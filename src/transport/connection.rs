//! A connection as ureq sees it: buffers, with as few reads and writes as possible.

use std::io;
use std::mem;
use std::process;
use std::sync::{Arc, Weak};
use std::time::Instant;

use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::status;
use super::stream::Stream;

/// The space that is always free in the output buffer. No line of a request's head is longer.
const OUTPUT_ROOM: usize = 8 * 1024;

/// How much of the output buffer an idle connection keeps: enough for a usual request and the free space after it.
const OUTPUT_IDLE: usize = 12 * 1024;

/// How much may wait in the output buffer for the rest of the request.
const OUTPUT_HELD: usize = 32 * 1024;

/// The initial size of the input buffer. A usual response needs a quarter of it.
const INPUT_SIZE: usize = 4 * 1024;

/// The largest size of the input buffer, and so the longest head of a response.
pub(super) const INPUT_MAX: usize = 64 * 1024;

/// A connection to the service, idle or in use.
///
/// Output is held back until ureq wants to read, so that the head and the body of a request are sent in one
/// write: one packet, one TLS record. After the response the connection returns to its pool.
#[derive(Default)]
pub(super) struct Connection {
    /// `None` once the connection has returned to the pool, which leaves ureq with an empty shell.
    stream: Option<Box<dyn Stream>>,
    tls: bool,
    /// The process that opened it.
    pub(super) process: u32,
    pool: Option<Weak<dyn Keep>>,
    output: Vec<u8>,
    /// How many bytes of `output` wait to be sent.
    held: usize,
    input: Vec<u8>,
    /// The unconsumed part of `input`.
    start: usize,
    end: usize,
    /// Whether ureq consumed something when it last read the input.
    progress: bool,
    phase: Phase,
}

/// Keeps connections that are not in use.
pub(super) trait Keep: Send + Sync {
    fn keep(&self, connection: Connection);
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// It was opened for this request, and nothing has arrived yet.
    #[default]
    New,
    /// It was idle before this request, and nothing has arrived since.
    Kept,
    /// Something has arrived since the request.
    Responded,
}

impl Connection {
    /// Makes a connection that returns to `pool` when it is not in use.
    pub(super) fn new(stream: Box<dyn Stream>, tls: bool, pool: &Arc<impl Keep + 'static>) -> Self {
        let (stream, process, pool) = (Some(stream), process::id(), Arc::downgrade(pool));
        Self { stream, tls, process, pool: Some(pool), ..Self::default() }
    }

    /// Makes every later read and write fail with [`io::ErrorKind::TimedOut`] once this time has passed.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        if let Some(stream) = &mut self.stream {
            stream.set_deadline(deadline);
        }
    }

    /// Returns whether the connection is still open, with nothing to read on it.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.stream.as_mut().is_some_and(|stream| stream.is_quiet())
    }

    /// Returns the connection to its pool.
    pub(super) fn release(mut self) {
        if let Some(pool) = self.pool.as_ref().and_then(Weak::upgrade) {
            self.phase = Phase::Kept;
            // An idle connection keeps no more memory after an unusual request or response.
            self.input.truncate(INPUT_SIZE);
            self.input.shrink_to(INPUT_SIZE);
            self.output.truncate(OUTPUT_IDLE);
            self.output.shrink_to(OUTPUT_IDLE);
            (self.start, self.end) = (0, 0);
            pool.keep(self);
        }
    }

    fn send_held(&mut self) -> Result<(), ureq::Error> {
        let held = mem::take(&mut self.held);
        let (Some(stream), Some(bytes)) = (&mut self.stream, self.output.get(..held)) else { return Ok(()) };
        let sent = stream.write_all(bytes).and_then(|()| stream.flush());
        sent.map_err(|error| self.failure(error))
    }

    /// Returns what a failed read or write means. A kept connection that ends before the first byte of a response was
    /// most likely closed while it was idle.
    fn failure(&self, error: io::Error) -> ureq::Error {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkDown, NetworkUnreachable,
            NotConnected, UnexpectedEof,
        };
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | HostUnreachable | NetworkDown
            | NetworkUnreachable | NotConnected | UnexpectedEof
                if self.phase == Phase::Kept =>
            {
                // ureq itself has no such error, so `failure` recognizes it.
                ureq::Error::Other(format!("the kept connection was closed: {error}").into())
            }
            _ => ureq::Error::Io(error),
        }
    }

    fn make_output_room(&mut self) {
        let wanted = self.held.saturating_add(OUTPUT_ROOM);
        if let Some(missing) = wanted.checked_sub(self.output.len()) {
            self.output.reserve_exact(missing);
            self.output.resize(wanted, 0);
        }
    }

    fn make_input_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.input.len() {
            if self.start > 0 {
                self.input.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                let size = self.input.len().saturating_mul(2).clamp(INPUT_SIZE, INPUT_MAX);
                self.input.resize(size, 0);
            }
        }
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.held = self.held.saturating_add(amount).min(self.output.len());
        if self.held < OUTPUT_HELD { Ok(()) } else { self.send_held() }
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        if self.held > 0 {
            self.send_held()?;
        }
        self.make_input_room();
        let Some(room) = self.input.get_mut(self.end..).filter(|room| !room.is_empty()) else {
            return Err(ureq::Error::LargeResponseHeader(self.input.len(), INPUT_MAX));
        };
        let Some(stream) = &mut self.stream else { return Ok(false) };
        match stream.read(room) {
            Ok(0) if self.phase == Phase::Kept => Err(self.failure(io::ErrorKind::UnexpectedEof.into())),
            Ok(amount) => {
                if amount > 0 {
                    self.phase = Phase::Responded;
                }
                self.input_appended(amount);
                status::note(self.input.get(self.start..self.end).unwrap_or_default());
                Ok(amount > 0)
            }
            Err(error) => Err(self.failure(error)),
        }
    }

    /// ureq asks this when it has read a response to its end, and would then keep the connection itself.
    fn is_open(&mut self) -> bool {
        if self.phase == Phase::Responded {
            mem::take(self).release();
        }
        false
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

impl Buffers for Connection {
    fn output(&mut self) -> &mut [u8] {
        self.make_output_room();
        self.output.get_mut(self.held..).unwrap_or_default()
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.start..self.end).unwrap_or_default()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_input_room();
        self.input.get_mut(self.end..).unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.end = self.end.saturating_add(amount).min(self.input.len());
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.start = self.start.saturating_add(amount).min(self.end);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_input_room();
        self.make_output_room();
        let tmp = self.input.get_mut(self.end..).unwrap_or_default();
        (tmp, self.output.get_mut(self.held..).unwrap_or_default())
    }

    fn can_use_input(&self) -> bool {
        self.progress && self.start < self.end
    }
}

debug_shows!(Connection, |connection| tls: connection.tls);
