//! `Stream`: what a connection reads from and writes to.

use std::io::{self, Read, Write};
use std::time::Instant;

use super::failure::NotConnected;

/// The stream of a connection: a socket, a tunnel, or TLS over either.
pub(super) trait Stream: Read + Write + Send + Sync {
    /// Makes every later read and write fail with [`io::ErrorKind::TimedOut`] once this time has passed.
    fn set_deadline(&mut self, deadline: Instant);

    /// Sets whether reads wait for data. If they do not, they fail with [`io::ErrorKind::WouldBlock`].
    fn set_waiting(&mut self, waiting: bool);

    /// Returns whether the connection is open with nothing to read on it, as a kept one must be.
    fn is_quiet(&mut self) -> bool;
}

/// Returns whether a read without waiting finds neither data nor the end. It lets the TLS library process messages that
/// are not data.
pub(super) fn has_nothing_to_read(stream: &mut dyn Stream) -> bool {
    stream.set_waiting(false);
    let result = stream.read(&mut [0]);
    stream.set_waiting(true);
    result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Opens TLS connections with one configuration.
pub(super) trait TlsClient: Send + Sync {
    /// Does the TLS handshake over a connected stream, within the deadline that is set on it.
    fn handshake(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, NotConnected>;
}
