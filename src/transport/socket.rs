//! A TCP connection that obeys a deadline, at the price of few system calls.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::transport::shutdown::Shutdown;

/// How much later than the deadline a blocked read or write may wake: what is set on the socket already is
/// left alone within this.
const SLACK: Duration = Duration::from_millis(50);

/// What carries the bytes of a connection: a socket, a tunnel, or TLS over either.
pub(super) trait Stream: Read + Write + Send + Sync {
    /// Lets every later read and write fail with [`io::ErrorKind::TimedOut`] once the time has come.
    fn set_deadline(&mut self, deadline: Option<Instant>);

    /// Whether the connection stands open with nothing to read on it, as a kept one must.
    fn is_quiet(&mut self) -> bool;
}

/// A TCP socket with a deadline.
pub(super) struct Socket {
    /// Shared (weakly) with the agent, whose shutdown closes it while a call blocks on it.
    stream: Arc<TcpStream>,
    shutdown: Arc<Shutdown>,
    deadline: Option<Instant>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Socket {
    pub(super) fn new(stream: Arc<TcpStream>, shutdown: Arc<Shutdown>) -> Self {
        Self { stream, shutdown, deadline: None, read_timeout: None, write_timeout: None }
    }
}

/// What to do about the timeout that is set on a socket.
#[derive(Debug, PartialEq)]
enum Change {
    Keep,
    To(Option<Duration>),
}

/// Whether the timeout that is set on the socket will do; `Err` where the deadline has passed.
///
/// One that is set a little too long is fine, within the slack. One that is set too short is fine too: the
/// caller looks at the clock and waits again; only where that would be often is it set anew.
fn timeout_to_set(deadline: Option<Instant>, set: Option<Duration>) -> io::Result<Change> {
    let Some(deadline) = deadline else { return Ok(set.map_or(Change::Keep, |_| Change::To(None))) };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    match set {
        Some(set) if set <= left.saturating_add(SLACK) && set >= left / 2 => Ok(Change::Keep),
        _ => Ok(Change::To(Some(left.max(Duration::from_millis(1))))),
    }
}

/// Whether an error only says that the socket's own timeout passed, or that a signal came.
fn is_pause(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Change::To(timeout) = timeout_to_set(self.deadline, self.read_timeout)? {
                self.stream.set_read_timeout(timeout)?;
                self.read_timeout = timeout;
            }
            match (&*self.stream).read(buf) {
                Err(error) if is_pause(&error) => {}
                // It was not the server that ended what it says: no answer is complete by this.
                Ok(0) if self.shutdown.is_down() => return Err(io::ErrorKind::NotConnected.into()),
                result => return result,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            if let Change::To(timeout) = timeout_to_set(self.deadline, self.write_timeout)? {
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
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    fn is_quiet(&mut self) -> bool {
        let quiet = |stream: &TcpStream| -> io::Result<bool> {
            stream.set_nonblocking(true)?;
            let waiting = stream.peek(&mut [0]);
            stream.set_nonblocking(false)?;
            // Anything but "nothing yet" is an end, an error, or bytes that nobody asked for.
            Ok(matches!(waiting, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
        };
        quiet(&self.stream).unwrap_or(false)
    }
}

/// No connection.
pub(super) struct Closed;

impl Read for Closed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Closed {
    fn set_deadline(&mut self, _: Option<Instant>) {}

    fn is_quiet(&mut self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_set_when_needed_only() {
        let within = |millis| Some(Instant::now() + Duration::from_millis(millis));
        let set = Duration::from_millis;
        assert_eq!(timeout_to_set(None, None).unwrap(), Change::Keep);
        assert_eq!(timeout_to_set(None, Some(set(5))).unwrap(), Change::To(None));
        assert!(matches!(timeout_to_set(within(1000), None).unwrap(), Change::To(Some(_))));
        for (left, already, wanted) in [
            (1000, 1000, false),
            (1000, 1040, false),
            (1000, 600, false),
            (1000, 1100, true),
            (1000, 400, true),
        ] {
            let anew = timeout_to_set(within(left), Some(set(already))).unwrap() != Change::Keep;
            assert_eq!(anew, wanted, "{left} ms left, {already} ms set");
        }
        let error = timeout_to_set(within(0), Some(set(5))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
