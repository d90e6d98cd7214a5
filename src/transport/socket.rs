//! A TCP connection that obeys a deadline, at the price of few system calls.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(unix)]
use socket2::SockRef;

use super::shutdown::Shutdown;

/// How much later than the deadline a blocked read or write may wake: what is set on the socket already is
/// left alone within this. Systems count such timeouts in steps of some milliseconds anyway.
const SLACK: Duration = Duration::from_millis(2);

/// What carries the bytes of a connection: a socket, a tunnel, or TLS over either.
pub(super) trait Stream: Read + Write + Send + Sync {
    /// Lets every later read and write fail with [`io::ErrorKind::TimedOut`] once the time has come.
    fn set_deadline(&mut self, deadline: Instant);

    /// Whether reads wait for data. Those that do not fail with [`io::ErrorKind::WouldBlock`].
    fn set_waiting(&mut self, waiting: bool);

    /// Whether the connection stands open with nothing to read on it, as a kept one must.
    fn is_quiet(&mut self) -> bool;
}

/// Whether a read without waiting finds neither data nor an end. It takes in what TLS libraries exchange
/// between themselves.
pub(super) fn has_nothing_to_read(stream: &mut dyn Stream) -> bool {
    stream.set_waiting(false);
    let result = stream.read(&mut [0]);
    stream.set_waiting(true);
    result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// A TCP socket with a deadline.
pub(super) struct Socket {
    /// Shared (weakly) with the pool, whose shutdown closes it while a call blocks on it.
    stream: Arc<TcpStream>,
    shutdown: Arc<Shutdown>,
    deadline: Instant,
    waiting: bool,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Socket {
    pub(super) fn new(stream: Arc<TcpStream>, shutdown: &Arc<Shutdown>, deadline: Instant) -> Self {
        let shutdown = Arc::clone(shutdown);
        Self { stream, shutdown, deadline, waiting: true, read_timeout: None, write_timeout: None }
    }
}

/// Whether there is neither data nor an end nor an error on a socket.
fn has_nothing(stream: &TcpStream) -> bool {
    peek(stream).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Looks at what is there, without waiting: one system call.
#[cfg(unix)]
fn peek(stream: &TcpStream) -> io::Result<usize> {
    let mut byte = [MaybeUninit::uninit()];
    SockRef::from(stream).recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT)
}

/// Looks at what is there, without waiting.
#[cfg(not(unix))]
fn peek(stream: &TcpStream) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let found = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    found
}

/// The timeout to set on a socket instead of the one that is set, if that will not do.
///
/// One that is a little too long is fine, within the slack. One that is too short is fine too: the read or
/// write looks at the clock and waits again; only if that would be often is it set anew.
///
/// # Errors
/// Returns an error of the kind [`io::ErrorKind::TimedOut`] if the deadline has passed.
fn timeout_to_set(deadline: Instant, set: Option<Duration>) -> io::Result<Option<Duration>> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let will_do = |set| set <= left.saturating_add(SLACK) && set >= left / 2;
    Ok(if set.is_some_and(will_do) { None } else { Some(left.max(Duration::from_millis(1))) })
}

/// Whether an error only says that the socket's own timeout passed, or that a signal came.
fn is_pause(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.waiting && has_nothing(&self.stream) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            if let timeout @ Some(_) = timeout_to_set(self.deadline, self.read_timeout)? {
                self.stream.set_read_timeout(timeout)?;
                self.read_timeout = timeout;
            }
            match (&*self.stream).read(buf) {
                Err(error) if is_pause(&error) => {}
                // It was not the server that ended what it says: no response is complete by this.
                Ok(0) if self.shutdown.is_down() => return Err(io::ErrorKind::NotConnected.into()),
                result => return result,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            if let timeout @ Some(_) = timeout_to_set(self.deadline, self.write_timeout)? {
                self.stream.set_write_timeout(timeout)?;
                self.write_timeout = timeout;
            }
            match (&*self.stream).write(buf) {
                Err(error) if is_pause(&error) => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Socket {
    fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn set_waiting(&mut self, waiting: bool) {
        self.waiting = waiting;
    }

    fn is_quiet(&mut self) -> bool {
        has_nothing(&self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_set_when_needed_only() {
        let within = |millis| Instant::now() + Duration::from_millis(millis);
        let set = Duration::from_millis;
        assert!(timeout_to_set(within(1000), None).unwrap().is_some());
        for (left, already, wanted) in [
            (60_000, 60_000, false),
            (60_000, 50_000, false),
            (60_000, 60_100, true),
            (60_000, 20_000, true),
            // A short deadline does not wait for what is left of a long timeout.
            (1, 50, true),
            (1, 10_000, true),
        ] {
            let anew = timeout_to_set(within(left), Some(set(already))).unwrap().is_some();
            assert_eq!(anew, wanted, "{left} ms left, {already} ms set");
        }
        let error = timeout_to_set(within(0), Some(set(5))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
