//! One connection: reads requests and writes the handler's responses, until either side closes it.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Instant;

use super::interruption::Interruption;
use super::limits::PATIENCE;
use super::peer::{read, write_all};
use super::registry::OpenConnection;
use super::request::Incoming;
use super::response::{Reply, Response};

/// The largest size of one read.
const CHUNK: usize = 4096;

/// How much is read at most after the last response, so that the peer can read that response.
const DRAINED: usize = 1024 * 1024;

/// Serves a connection to its end.
pub(super) fn serve(connection: &OpenConnection) {
    // Responses are sent at once.
    let _ = connection.stream.set_nodelay(true);
    let mut served = Served { connection, chunk: vec![0; CHUNK], input: Vec::new() };
    while let Ok(keep) = served.turn() {
        if !keep {
            return served.linger();
        }
    }
}

struct Served<'a> {
    connection: &'a OpenConnection,
    chunk: Vec<u8>,
    /// The bytes that were read but not used.
    input: Vec<u8>,
}

impl Served<'_> {
    /// Serves one request. Returns whether another one may follow; if not, the peer should close.
    ///
    /// # Errors
    /// Returns `Ended` if the connection must be closed at once.
    fn turn(&mut self) -> Result<bool, Interruption> {
        let incoming = match self.request() {
            Err(Interruption::Refused(status)) => {
                // The bytes that follow are meaningless.
                self.write(&Response::empty(status).to_bytes(Some("close"), false))?;
                return Ok(false);
            }
            result => result?,
        };
        self.connection.set_busy()?;
        let head_only = incoming.request.method == "HEAD";
        match (self.connection.shared.handler)(incoming.request) {
            Reply::Response(response) => {
                if !response.delay.is_zero() && !self.connection.shared.pause(response.delay) {
                    return Err(Interruption::Ended);
                }
                let stopping = lock!(self.connection.shared.registry).stopping;
                // A stopping server closes connections that wait for their peer, but not those with a response to send.
                if !stopping {
                    self.connection.set_waiting()?;
                }
                let keep = incoming.keep && !response.last && !stopping;
                let connection =
                    if keep { incoming.is_http_1_0.then_some("keep-alive") } else { Some("close") };
                self.write(&response.to_bytes(connection, head_only))?;
                Ok(keep)
            }
            #[cfg(feature = "sandbox")]
            Reply::Raw(bytes) => {
                self.connection.set_waiting()?;
                self.write(&bytes)?;
                Err(Interruption::Ended)
            }
            #[cfg(feature = "sandbox")]
            Reply::Reset => {
                let stream = socket2::SockRef::from(&self.connection.stream);
                let _ = stream.set_linger(Some(std::time::Duration::ZERO));
                Err(Interruption::Ended)
            }
        }
    }

    /// Waits for the next request.
    fn request(&mut self) -> Result<Incoming, Interruption> {
        let limits = &self.connection.shared.limits;
        let (mut incoming, mut began) = (None, None);
        self.connection.set_waiting()?;
        // If the server stopped before, it only closed connections that were waiting then.
        if lock!(self.connection.shared.registry).stopping {
            return Err(Interruption::Ended);
        }
        loop {
            if incoming.is_none() {
                incoming = Incoming::take(&mut self.input, limits)?;
            }
            if let Some(mut request) = incoming.take() {
                if request.take_body(&mut self.input)? {
                    return Ok(request);
                }
                // A body that already arrives needs no `100 Continue`.
                if std::mem::take(&mut request.expects_continue) && self.input.is_empty() {
                    self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                }
                incoming = Some(request);
            }
            // Empty lines may be between two requests.
            let has_begun = incoming.is_some() || self.input.iter().any(|b| !matches!(b, b'\r' | b'\n'));
            if has_begun && began.is_none() {
                self.connection.set_waiting()?;
                began = Some(Instant::now());
            }
            let time = match began {
                None => limits.idle_time,
                Some(began) => limits.request_time.saturating_sub(began.elapsed()),
            };
            match read(&self.connection.stream, &mut self.chunk, time) {
                Err(error) if error.kind() == ErrorKind::TimedOut && has_begun => {
                    return Err(Interruption::Refused(408));
                }
                Ok(0) | Err(_) => return Err(Interruption::Ended),
                Ok(count) => self.input.extend_from_slice(self.chunk.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Waits for the peer to close first. Closing with unread bytes would reset the connection, and the peer might not
    /// get the response.
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

    /// Writes all bytes, if the peer reads them in time.
    fn write(&self, bytes: &[u8]) -> Result<(), Interruption> {
        let time = self.connection.shared.limits.request_time;
        Ok(write_all(&self.connection.stream, bytes, time)?)
    }
}
