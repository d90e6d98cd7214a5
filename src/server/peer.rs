//! Reads and writes the socket of a connection within a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Reads the next bytes within `time`. Returns 0 at the end of the connection.
///
/// # Errors
/// Returns `TimedOut` if nothing arrived in time, or the socket's error.
pub(super) fn read(mut stream: &TcpStream, into: &mut [u8], time: Duration) -> io::Result<usize> {
    if time.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    // On some systems this fails if the peer has closed; then the read does not block.
    let _ = stream.set_read_timeout(Some(time));
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
            result => return result,
        }
    }
}

/// Writes all bytes within `time`.
///
/// # Errors
/// Returns `TimedOut` if the peer did not read in time, or the socket's error.
pub(super) fn write_all(mut stream: &TcpStream, mut bytes: &[u8], time: Duration) -> io::Result<()> {
    let began = Instant::now();
    while !bytes.is_empty() {
        let left = time.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let _ = stream.set_write_timeout(Some(left));
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
