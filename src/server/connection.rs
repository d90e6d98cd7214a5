//! One connection: reads requests and writes what the handler replies, until either side has had enough.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use ureq_proto::Error;
use ureq_proto::http::{HeaderMap, Method, Version, header};
use ureq_proto::server::state::RecvBody;
use ureq_proto::server::{RecvRequestResult, Reply as Exchange};

use super::registry::{Connection, Phase, State};
use super::{Answer, Reply, Request, Shared};

/// Room for the usual request at once. Grows up to the limit of a head where needed.
const BUFFER: usize = 4096;

/// What is read at the most after a last answer, so that the peer gets to see that answer.
const DRAINED: usize = 1024 * 1024;

/// Serves a connection to its end.
pub(super) fn serve(shared: &Shared, connection: Arc<Connection>) {
    let state = connection.state();
    let (input, output) = (vec![0; BUFFER], Vec::with_capacity(1024));
    let mut talk = Talk { shared, connection, state, input, start: 0, end: 0, output };
    while let Ok(next) = talk.turn() {
        match next {
            Next::Keep => {}
            Next::Linger => return talk.linger(),
            #[cfg(feature = "sandbox")]
            Next::Close => return,
            #[cfg(feature = "sandbox")]
            Next::Reset => return talk.reset(),
        }
    }
}

/// What becomes of the connection after a request.
enum Next {
    Keep,
    /// Close, but see to it that the peer gets the answer.
    Linger,
    #[cfg(feature = "sandbox")]
    Close,
    #[cfg(feature = "sandbox")]
    Reset,
}

/// The connection has ended, by the peer or by another thread.
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Why no request came about.
enum Trouble {
    Gone,
    /// To be answered with this status, and closed.
    Refused(u16),
}

impl From<Gone> for Trouble {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Refused(if error == Error::HttpParseTooManyHeaders { 431 } else { 400 })
    }
}

/// How the peer wants the connection to go on.
#[derive(Clone, Copy)]
struct Manner {
    keep: bool,
    /// HTTP/1.0 must be told that the connection is kept.
    old: bool,
}

struct Talk<'a> {
    shared: &'a Shared,
    connection: Arc<Connection>,
    state: State,
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
}

impl Talk<'_> {
    /// One request and its reply.
    fn turn(&mut self) -> Result<Next, Gone> {
        let (request, manner) = match self.request() {
            Ok(request) => request,
            Err(Trouble::Gone) => return Err(Gone),
            Err(Trouble::Refused(status)) => return self.refuse(status),
        };
        self.enter(Phase::Busy, 0)?;
        let head_only = request.method == Method::HEAD;
        match (self.shared.handler)(request) {
            Reply::Answer(answer) => {
                if !answer.delay.is_zero() && !self.shared.pause(answer.delay) {
                    return Err(Gone);
                }
                let keep = manner.keep && !answer.last;
                let connection = match manner {
                    _ if !keep => Some("close"),
                    Manner { old: true, .. } => Some("keep-alive"),
                    Manner { .. } => None,
                };
                self.enter(Phase::Writing, self.shared.now())?;
                self.send(&answer, connection, head_only)?;
                let next = if keep { Phase::Idle } else { Phase::Draining };
                self.enter(next, self.shared.now())?;
                Ok(if keep { Next::Keep } else { Next::Linger })
            }
            #[cfg(feature = "sandbox")]
            Reply::Raw(bytes) => {
                self.enter(Phase::Writing, self.shared.now())?;
                (&self.connection.stream).write_all(&bytes)?;
                Ok(Next::Close)
            }
            #[cfg(feature = "sandbox")]
            Reply::Close => Ok(Next::Close),
            #[cfg(feature = "sandbox")]
            Reply::Reset => Ok(Next::Reset),
        }
    }

    /// The next request, complete.
    fn request(&mut self) -> Result<(Request, Manner), Trouble> {
        let mut fresh = self.start;
        loop {
            // Empty lines before a request are passed over, as the standard advises.
            while matches!(self.pending().first(), Some(b'\r' | b'\n')) {
                self.start += 1;
            }
            // A head can only be complete, or wrong, where a new line ended: trying at each byte of a slow
            // sender would be quadratic.
            if self.input.get(fresh.max(self.start)..self.end).is_some_and(|new| new.contains(&b'\n')) {
                if let Some(request) = self.parsed()? {
                    return Ok(request);
                }
            }
            let pending = self.pending().len();
            if pending >= self.shared.limits.max_head {
                return Err(Trouble::Refused(431));
            }
            if pending > 0 && self.state.phase() == Phase::Idle {
                self.enter(Phase::Reading, self.shared.now())?;
            }
            if !self.fill()? {
                return Err(Trouble::Gone);
            }
            fresh = self.start + pending;
        }
    }

    /// The request that starts the pending bytes, if its head is complete; its body is waited for.
    fn parsed(&mut self) -> Result<Option<(Request, Manner)>, Trouble> {
        let mut exchange = Exchange::new()?;
        // A body belongs to the request that announces it, whatever the method.
        exchange.force_recv_body();
        let (used, head) = exchange.try_request(self.pending())?;
        let Some(head) = head else { return Ok(None) };
        let limits = &self.shared.limits;
        if used > limits.max_head {
            return Err(Trouble::Refused(431));
        }
        let target = target(self.pending().get(..used).unwrap_or_default()).ok_or(Trouble::Refused(400))?;
        self.start += used;

        let (parts, ()) = head.into_parts();
        let old = parts.version == Version::HTTP_10;
        let framed = framing(&parts.headers, old, limits.max_body)?;
        let close = has_token(&parts.headers, &header::CONNECTION, "close");
        let keep = !close && (!old || has_token(&parts.headers, &header::CONNECTION, "keep-alive"));

        let body = match exchange.proceed() {
            Some(RecvRequestResult::RecvBody(exchange)) if framed => self.body(exchange)?,
            Some(RecvRequestResult::Send100(exchange)) if framed => {
                let mut interim = [0; 64];
                let (length, exchange) = exchange.accept(&mut interim)?;
                // Needless where the body is coming already, and unknown to HTTP/1.0.
                if self.pending().is_empty() && !old {
                    (&self.connection.stream)
                        .write_all(interim.get(..length).unwrap_or_default())
                        .map_err(Gone::from)?;
                }
                self.body(exchange)?
            }
            _ => Vec::new(),
        };
        let request = Request { method: parts.method, target, headers: parts.headers, body };
        Ok(Some((request, Manner { keep, old })))
    }

    fn body(&mut self, mut exchange: Exchange<RecvBody>) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        loop {
            let pending = self.input.get(self.start..self.end).unwrap_or_default();
            let length = body.len();
            body.resize(length + pending.len(), 0);
            let (used, written) = exchange.read(pending, body.get_mut(length..).unwrap_or_default())?;
            let stuck = used == 0 && pending.len() >= BUFFER;
            body.truncate(length + written);
            self.start += used;
            if body.len() > self.shared.limits.max_body {
                return Err(Trouble::Refused(413));
            }
            if exchange.is_ended() {
                return Ok(body);
            }
            if stuck {
                return Err(Trouble::Refused(400)); // a chunk's line or trailer without an end
            }
            // A chunk's end may be read before the next one's start: look again before waiting.
            if used > 0 && !self.pending().is_empty() {
                continue;
            }
            if self.state.phase() == Phase::Idle {
                self.enter(Phase::Reading, self.shared.now())?;
            }
            if !self.fill()? {
                return Err(Trouble::Gone);
            }
        }
    }

    /// What was read and not used.
    fn pending(&self) -> &[u8] {
        self.input.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads more; false at the end of the connection.
    fn fill(&mut self) -> Result<bool, Trouble> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.input.len() && self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
        let room = self.input.get_mut(self.end..).unwrap_or_default();
        let count = read(&self.connection, room)?;
        self.end += count;
        if count == 0 && self.connection.state().phase() == Phase::Overdue {
            self.state = self.connection.state();
            return Err(Trouble::Refused(408));
        }
        Ok(count > 0)
    }

    /// Answers what is no request, and closes: after it the bytes that follow have no meaning.
    fn refuse(&mut self, status: u16) -> Result<Next, Gone> {
        self.enter(Phase::Draining, self.shared.now())?;
        self.send(&Answer::new(status, &b""[..]), Some("close"), false)?;
        Ok(Next::Linger)
    }

    /// Waits for the peer to close first. Closing with bytes unread would reset the connection, and the peer
    /// might never see the answer.
    fn linger(&mut self) {
        let _ = self.connection.stream.shutdown(Shutdown::Write);
        let mut drained = 0;
        while drained < DRAINED {
            match read(&self.connection, &mut self.input) {
                Ok(0) | Err(Gone) => return,
                Ok(count) => drained += count,
            }
        }
    }

    /// Sends an answer in one piece.
    fn send(&mut self, answer: &Answer, connection: Option<&str>, head_only: bool) -> Result<(), Gone> {
        self.output.clear();
        answer.write(&mut self.output, connection, head_only);
        Ok((&self.connection.stream).write_all(&self.output)?)
    }

    fn enter(&mut self, phase: Phase, now: u64) -> Result<(), Gone> {
        self.state = self.connection.enter(self.state, State::new(phase, now)).map_err(|_| Gone)?;
        Ok(())
    }

    /// Closes so that the peer sees a reset.
    #[cfg(feature = "sandbox")]
    fn reset(&self) {
        let _ = socket2::SockRef::from(&self.connection.stream).set_linger(Some(std::time::Duration::ZERO));
    }
}

fn read(connection: &Connection, into: &mut [u8]) -> Result<usize, Gone> {
    loop {
        match (&connection.stream).read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return Ok(result?),
        }
    }
}

/// The target as it was sent: the second word of the first line.
fn target(head: &[u8]) -> Option<String> {
    let line = head.split(|&b| b == b'\r' || b == b'\n').next()?;
    let target = line.split(|&b| b == b' ').nth(1)?;
    String::from_utf8(target.to_vec()).ok()
}

/// Whether a body follows. Everything about which a proxy in front could think otherwise is refused.
fn framing(headers: &HeaderMap, old: bool, max_body: usize) -> Result<bool, Trouble> {
    const BAD: Trouble = Trouble::Refused(400);
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && !old) {
        return Err(BAD);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lengths.next(), lengths.next(), codings.next(), codings.next()) {
        (None, None, None, None) => Ok(false),
        (Some(length), None, None, None) => {
            let digits = length.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            // Digits that do not fit are a length beyond any limit.
            match digits.filter(|text| !text.is_empty()).map(str::parse::<u64>) {
                None => Err(BAD),
                Some(Ok(length)) if u64::try_from(max_body).is_ok_and(|limit| length <= limit) => Ok(true),
                Some(_) => Err(Trouble::Refused(413)),
            }
        }
        (None, None, Some(coding), None) if !old && coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(true)
        }
        _ => Err(BAD),
    }
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}
