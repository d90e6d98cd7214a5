//! One connection: reads requests and writes what the handler returns, until either side ends it.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Instant;

use super::peer::{read, write_all};
use super::registry::Connection;
use super::request::{Incoming, Stop};
use super::{PATIENCE, Reply, Response};

/// What one read takes at most.
const CHUNK: usize = 4096;

/// What is read at most after a last response, so that the peer gets to see that response.
const DRAINED: usize = 1024 * 1024;

/// Serves a connection to its end.
pub(super) fn serve(connection: &Connection) {
    // A response leaves at once.
    let _ = connection.stream.set_nodelay(true);
    let mut served = Served { connection, chunk: vec![0; CHUNK], input: Vec::new() };
    while let Ok(keep) = served.turn() {
        if !keep {
            return served.linger();
        }
    }
}

struct Served<'a> {
    connection: &'a Connection,
    chunk: Vec<u8>,
    /// What was read and not used.
    input: Vec<u8>,
}

impl Served<'_> {
    /// Serves one request. Returns whether another one may follow; if not, the peer is to close.
    ///
    /// # Errors
    /// `Ended` if the connection is to be closed at once.
    fn turn(&mut self) -> Result<bool, Stop> {
        let incoming = match self.request() {
            Err(Stop::Refused(status)) => {
                // The bytes that follow have no meaning.
                self.write(&Response::empty(status).to_bytes(Some("close"), false))?;
                return Ok(false);
            }
            result => result?,
        };
        self.connection.work()?;
        let head_only = incoming.request.method() == "HEAD";
        match (self.connection.shared.handler)(incoming.request) {
            Reply::Response(response) => {
                if !response.delay.is_zero() && !self.connection.shared.pause(response.delay) {
                    return Err(Stop::Ended);
                }
                let stopping = self.connection.shared.is_stopping();
                // A stopping server closes what waits for its peer, but not what has a response to send.
                if !stopping {
                    self.connection.wait()?;
                }
                let keep = incoming.keep && !response.last && !stopping;
                let connection = if keep { incoming.old.then_some("keep-alive") } else { Some("close") };
                self.write(&response.to_bytes(connection, head_only))?;
                Ok(keep)
            }
            #[cfg(feature = "sandbox")]
            Reply::Raw(bytes) => {
                self.connection.wait()?;
                self.write(&bytes)?;
                Err(Stop::Ended)
            }
            #[cfg(feature = "sandbox")]
            Reply::Reset => {
                let stream = socket2::SockRef::from(&self.connection.stream);
                let _ = stream.set_linger(Some(std::time::Duration::ZERO));
                Err(Stop::Ended)
            }
        }
    }

    /// Waits for the next request.
    fn request(&mut self) -> Result<Incoming, Stop> {
        let limits = &self.connection.shared.limits;
        let (mut incoming, mut began) = (None, None);
        self.connection.wait()?;
        // A server that stopped before has closed only what waited then.
        if self.connection.shared.is_stopping() {
            return Err(Stop::Ended);
        }
        loop {
            if incoming.is_none() {
                incoming = Incoming::take(&mut self.input, limits)?;
            }
            if let Some(mut request) = incoming.take() {
                if request.take_body(&mut self.input)? {
                    return Ok(request);
                }
                // A body that is coming already needs no invitation.
                if std::mem::take(&mut request.expects_continue) && self.input.is_empty() {
                    self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                }
                incoming = Some(request);
            }
            // Empty lines may come between two requests.
            let has_begun = incoming.is_some() || self.input.iter().any(|b| !matches!(b, b'\r' | b'\n'));
            if has_begun && began.is_none() {
                self.connection.wait()?;
                began = Some(Instant::now());
            }
            let time = match began {
                None => limits.idle_time,
                Some(began) => limits.request_time.saturating_sub(began.elapsed()),
            };
            match read(&self.connection.stream, &mut self.chunk, time) {
                Err(error) if error.kind() == ErrorKind::TimedOut && has_begun => {
                    return Err(Stop::Refused(408));
                }
                Ok(0) | Err(_) => return Err(Stop::Ended),
                Ok(count) => self.input.extend_from_slice(self.chunk.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Waits for the peer to close first. Closing with bytes unread would reset the connection, and the peer might
    /// never see the response.
    fn linger(&mut self) {
        let _ = self.connection.stream.shutdown(Shutdown::Write);
        let (began, mut drained) = (Instant::now(), 0);
        while drained < DRAINED {
            match read(&self.connection.stream, &mut self.chunk, PATIENCE.saturating_sub(began.elapsed())) {
                Ok(0) | Err(_) => return,
                Ok(count) => drained += count,
            }
        }
    }

    /// Writes everything, if the peer reads it in time.
    fn write(&self, bytes: &[u8]) -> Result<(), Stop> {
        let time = self.connection.shared.limits.request_time;
        Ok(write_all(&self.connection.stream, bytes, time)?)
    }
}
