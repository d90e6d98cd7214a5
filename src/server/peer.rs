//! The socket of a connection, read and written within a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Reads from and writes to a peer. The timeouts of the socket are set from what is left before each read and write,
/// unless they are right already: a request on a kept connection costs one read and one write, and no other system
/// call.
pub(super) struct Peer<'a> {
    stream: &'a TcpStream,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl<'a> Peer<'a> {
    pub(super) fn new(stream: &'a TcpStream) -> Self {
        // A response leaves at once.
        let _ = stream.set_nodelay(true);
        Self { stream, read_timeout: Duration::ZERO, write_timeout: Duration::ZERO }
    }

    /// Reads what comes first within `time`; 0 at the end of the connection.
    ///
    /// # Errors
    /// `TimedOut` if nothing came in time, or the socket's own error.
    pub(super) fn read(&mut self, into: &mut [u8], time: Duration) -> io::Result<usize> {
        if time.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        if self.read_timeout != time {
            // On some systems this fails once the peer has closed; the read does not block then.
            let _ = self.stream.set_read_timeout(Some(time));
            self.read_timeout = time;
        }
        loop {
            match self.stream.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
                result => return result,
            }
        }
    }

    /// Writes everything within `time`.
    ///
    /// # Errors
    /// `TimedOut` if the peer did not read in time, or the socket's own error.
    pub(super) fn write_all(&mut self, mut bytes: &[u8], time: Duration) -> io::Result<()> {
        let began = Instant::now();
        let mut left = time;
        while !bytes.is_empty() {
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            if self.write_timeout != left {
                let _ = self.stream.set_write_timeout(Some(left));
                self.write_timeout = left;
            }
            match self.stream.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            left = time.saturating_sub(began.elapsed());
        }
        Ok(())
    }
}
