//! One connection: reads requests and writes what the handler returns, until either side ends it.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::peer::Peer;
use super::reader::RequestReader;
use super::registry::Connection;
use super::request::{Head, Refusal};
use super::{PATIENCE, Reply, Response, Shared};

/// What one read takes at most.
const CHUNK: usize = 4096;

/// What is read at most after a last response, so that the peer gets to see that response.
const DRAINED: usize = 1024 * 1024;

/// Serves a connection to its end.
pub(super) fn serve(shared: &Shared, connection: &Connection) {
    let stream = &connection.stream;
    let mut served = Served {
        shared,
        connection,
        stream,
        peer: Peer::new(stream),
        chunk: vec![0; CHUNK],
        input: Vec::new(),
        output: Vec::new(),
    };
    while let Ok(next) = served.turn() {
        match next {
            Next::Keep => {}
            Next::Linger => return served.linger(),
            #[cfg(feature = "sandbox")]
            Next::Close => return,
            #[cfg(feature = "sandbox")]
            Next::Reset => return served.reset(),
        }
    }
}

/// What becomes of the connection after a request.
enum Next {
    Keep,
    /// Closes once the peer has had the response.
    Linger,
    #[cfg(feature = "sandbox")]
    Close,
    #[cfg(feature = "sandbox")]
    Reset,
}

/// The connection has ended: by the peer, by its silence, or to make room.
pub(super) struct Ended;

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Why there is no request.
enum NoRequest {
    Ended,
    Refused(Refusal),
}

impl<E: Into<Ended>> From<E> for NoRequest {
    fn from(_: E) -> Self {
        Self::Ended
    }
}

impl From<Refusal> for NoRequest {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

struct Served<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    stream: &'a TcpStream,
    peer: Peer<'a>,
    chunk: Vec<u8>,
    /// What was read and not used.
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Served<'_> {
    /// One request and its reply.
    fn turn(&mut self) -> Result<Next, Ended> {
        let Head { request, keep, old, .. } = match self.request() {
            Ok(head) => head,
            Err(NoRequest::Ended) => return Err(Ended),
            Err(NoRequest::Refused(refusal)) => return self.refuse(refusal),
        };
        self.connection.work()?;
        let head_only = request.method() == "HEAD";
        match (self.shared.handler)(request) {
            Reply::Response(response) => {
                if !response.delay.is_zero() && !self.shared.pause(response.delay) {
                    return Err(Ended);
                }
                let stopping = self.shared.is_stopping();
                // A stopping server closes what waits for its peer, and not what has a response to send.
                if !stopping {
                    self.connection.wait()?;
                }
                let keep = keep && !response.last && !stopping;
                let connection = if !keep { Some("close") } else { old.then_some("keep-alive") };
                self.send(&response, connection, head_only)?;
                Ok(if keep { Next::Keep } else { Next::Linger })
            }
            #[cfg(feature = "sandbox")]
            Reply::Raw(bytes) => {
                self.connection.wait()?;
                self.peer.write_all(&bytes, self.shared.limits.request_time)?;
                Ok(Next::Close)
            }
            #[cfg(feature = "sandbox")]
            Reply::Close => Ok(Next::Close),
            #[cfg(feature = "sandbox")]
            Reply::Reset => Ok(Next::Reset),
        }
    }

    /// The next request, complete.
    fn request(&mut self) -> Result<Head, NoRequest> {
        let limits = &self.shared.limits;
        let mut reader = RequestReader::default();
        self.connection.wait()?;
        let mut began = None;
        loop {
            if let Some(head) = reader.read(&mut self.input, limits)? {
                return Ok(head);
            }
            // A body that is coming already needs no invitation.
            if reader.must_continue() && self.input.is_empty() {
                self.peer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n", limits.request_time)?;
            }
            if began.is_none() && reader.has_begun(&self.input) {
                self.connection.wait()?;
                began = Some(Instant::now());
            }
            let time = match began {
                None => limits.idle_time,
                Some(began) => limits.request_time.saturating_sub(began.elapsed()),
            };
            match self.peer.read(&mut self.chunk, time) {
                Ok(0) => return Err(NoRequest::Ended),
                Ok(count) => self.input.extend_from_slice(self.chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::TimedOut && began.is_some() => {
                    return Err(Refusal(408).into());
                }
                Err(_) => return Err(NoRequest::Ended),
            }
        }
    }

    /// Answers what is not a request, and closes: the bytes that follow it have no meaning.
    fn refuse(&mut self, refusal: Refusal) -> Result<Next, Ended> {
        self.connection.wait()?;
        self.send(&Response::empty(refusal.0), Some("close"), false)?;
        Ok(Next::Linger)
    }

    /// Waits for the peer to close first. Closing with bytes unread would reset the connection, and the peer might
    /// never see the response.
    fn linger(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        if self.connection.wait().is_err() {
            return;
        }
        let (began, mut drained) = (Instant::now(), 0);
        while drained < DRAINED {
            match self.peer.read(&mut self.chunk, PATIENCE.saturating_sub(began.elapsed())) {
                Ok(0) | Err(_) => return,
                Ok(count) => drained += count,
            }
        }
    }

    /// Sends a response with a single write.
    fn send(&mut self, response: &Response, connection: Option<&str>, head_only: bool) -> Result<(), Ended> {
        self.output.clear();
        response.write(&mut self.output, connection, head_only);
        Ok(self.peer.write_all(&self.output, self.shared.limits.request_time)?)
    }

    /// Closes so that the peer sees a reset.
    #[cfg(feature = "sandbox")]
    fn reset(&self) {
        let _ = socket2::SockRef::from(self.stream).set_linger(Some(std::time::Duration::ZERO));
    }
}
