//! One connection as ureq sees it: buffers, and reads and writes that are as few as can be.

use std::fmt;
use std::io;
use std::time::Instant;

use ureq::unversioned::transport::time::Duration as UreqDuration;
use ureq::unversioned::transport::{Buffers, NextTimeout};

use super::socket::{Closed, Stream};

/// The room that is always free in the output buffer; no line of a request's head is longer.
const OUTPUT_ROOM: usize = 8 * 1024;

/// What an idle connection keeps of the output buffer: enough for the usual request and the room after it.
const OUTPUT_IDLE: usize = 12 * 1024;

/// What may wait in the output buffer for the rest of the request.
const OUTPUT_HELD: usize = 32 * 1024;

/// The input buffer as it is made. The usual answer needs a quarter of it.
const INPUT_SIZE: usize = 4 * 1024;

/// The most that the input buffer grows to, so the longest head of an answer.
pub(super) const INPUT_MAX: usize = 64 * 1024;

/// A connection to the service.
///
/// What ureq writes is held until it wants to read, so that the head and the body of a request leave in
/// one write: one packet, one TLS record.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    tls: bool,
    output: Vec<u8>,
    /// How many bytes of `output` wait to be sent.
    held: usize,
    input: Vec<u8>,
    /// The unconsumed part of `input`.
    start: usize,
    end: usize,
    /// Whether the last look at the input consumed something.
    progress: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was ever answered here.
    New,
    /// Something has come since the request.
    Answered,
    /// An earlier answer came, and nothing since.
    Kept,
}

/// A kept connection ended before the first byte of an answer: most likely it was closed while it was idle.
#[derive(Debug)]
pub(super) struct Stale(io::Error);

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kept connection was closed: {}", self.0)
    }
}

impl std::error::Error for Stale {}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, tls: bool) -> Self {
        Self {
            stream,
            tls,
            output: Vec::new(),
            held: 0,
            input: Vec::new(),
            start: 0,
            end: 0,
            progress: false,
            state: State::New,
        }
    }

    /// What is left where a connection was.
    pub(super) fn closed() -> Self {
        Self::new(Box::new(Closed), false)
    }

    fn set_deadline(&mut self, timeout: NextTimeout) {
        self.stream.set_deadline(match timeout.after {
            UreqDuration::Exact(after) => Instant::now().checked_add(after),
            UreqDuration::NotHappening => None,
        });
    }

    fn send_held(&mut self, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let held = std::mem::take(&mut self.held);
        let Some(bytes) = self.output.get(..held) else { return Ok(()) };
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| self.failure(error, timeout))
    }

    /// What a failed read or write means.
    fn failure(&self, error: io::Error, timeout: NextTimeout) -> ureq::Error {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        match error.kind() {
            io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
                if self.state == State::Kept =>
            {
                ureq::Error::Other(Box::new(Stale(error)))
            }
            // `from` brings out an error of ureq's own that a tunnel put in.
            _ => ureq::Error::from(error),
        }
    }
}

/// What ureq does with a connection.
impl Wire {
    pub(super) fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.held = self.held.saturating_add(amount).min(self.output.len());
        if self.held < OUTPUT_HELD {
            return Ok(());
        }
        self.set_deadline(timeout);
        self.send_held(timeout)
    }

    pub(super) fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.set_deadline(timeout);
        if self.held > 0 {
            self.send_held(timeout)?;
        }
        self.make_input_room();
        let Some(room) = self.input.get_mut(self.end..).filter(|room| !room.is_empty()) else {
            return Err(ureq::Error::LargeResponseHeader(self.input.len(), INPUT_MAX));
        };
        match self.stream.read(room) {
            Ok(0) if self.state == State::Kept => {
                Err(self.failure(io::ErrorKind::UnexpectedEof.into(), timeout))
            }
            Ok(amount) => {
                if amount > 0 {
                    self.state = State::Answered;
                }
                self.input_appended(amount);
                Ok(amount > 0)
            }
            Err(error) => Err(self.failure(error, timeout)),
        }
    }

    /// Makes the connection ready to be kept, and tells whether it may be: an answer must have come.
    pub(super) fn end_exchange(&mut self) -> bool {
        if self.state != State::Answered {
            return false;
        }
        self.state = State::Kept;
        // An unusual request or answer does not make an idle connection hold more.
        self.input.truncate(INPUT_SIZE);
        self.input.shrink_to(INPUT_SIZE);
        self.output.truncate(OUTPUT_IDLE);
        self.output.shrink_to(OUTPUT_IDLE);
        (self.start, self.end) = (0, 0);
        true
    }

    /// Whether a kept connection still stands, with nothing to read on it.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }
}

impl Wire {
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

impl Buffers for Wire {
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

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("tls", &self.tls).finish_non_exhaustive()
    }
}
