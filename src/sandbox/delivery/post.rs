//! One POST over a plain connection to loopback, bounded in time and able to be broken off.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::target::Target;

/// How much of an answer is read at the most.
const ANSWER: usize = 64 * 1024;
/// How long one try to connect blocks, so that it can be broken off.
const SLICE: Duration = Duration::from_millis(100);
/// How long the rest of an answer is waited for, once its status is known.
const REST: Duration = Duration::from_millis(100);

/// Breaks off the exchange that another thread is in, and all that come after.
#[derive(Debug, Default)]
pub(super) struct Abort(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    aborted: bool,
    stream: Option<TcpStream>,
}

impl Abort {
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        state.aborted = true;
        if let Some(stream) = state.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn is_aborted(&self) -> bool {
        self.lock().aborted
    }

    /// Makes the stream one that [`abort`](Self::abort) breaks.
    fn watch(&self, stream: &TcpStream) -> io::Result<()> {
        let copy = stream.try_clone()?;
        let mut state = self.lock();
        if state.aborted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        state.stream = Some(copy);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends head and body, and gives the status of the answer.
///
/// # Errors
/// Where no connection came about in `connect`, or no status in `total`, which is counted from the start.
pub(super) fn post(
    target: &Target,
    request: &[u8],
    connect: Duration,
    total: Duration,
    abort: &Abort,
) -> io::Result<u16> {
    let start = Instant::now();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in &target.addresses {
        match open(address, connect.min(total).saturating_sub(start.elapsed()), abort) {
            Ok(stream) => {
                let status = exchange(&stream, request, start, total, abort);
                abort.lock().stream = None;
                return status;
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open(address: &SocketAddr, time: Duration, abort: &Abort) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        let left = time.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if abort.is_aborted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match TcpStream::connect_timeout(address, left.min(SLICE)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            other => return other,
        }
    }
}

fn exchange(
    mut stream: &TcpStream,
    request: &[u8],
    start: Instant,
    total: Duration,
    abort: &Abort,
) -> io::Result<u16> {
    abort.watch(stream)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(left(start, total)?))?;
    // A receiver that refuses early may close before it has read all: its answer counts.
    let written = stream.write_all(request);
    let mut answer = Answer::default();
    loop {
        if let Some(head) = answer.head()? {
            drain(stream, &mut answer, head.rest);
            return Ok(head.status);
        }
        stream.set_read_timeout(Some(left(start, total)?))?;
        if let Err(error) = answer.read(stream) {
            written?;
            return Err(error);
        }
    }
}

fn left(start: Instant, total: Duration) -> io::Result<Duration> {
    let left = total.saturating_sub(start.elapsed());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Reads what else there is, for a moment: closing earlier would look like a failure to the receiver.
fn drain(stream: &TcpStream, answer: &mut Answer, rest: Option<usize>) {
    let until = Instant::now() + REST;
    while rest.is_none_or(|rest| answer.bytes.len() < rest) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() || answer.read(stream).is_err() {
            return;
        }
    }
}

/// What has been received so far.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
}

/// The head of an answer, and at how many bytes received in all the answer is whole.
struct Head {
    status: u16,
    rest: Option<usize>,
}

impl Answer {
    fn read(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        let mut buffer = [0; 2048];
        if self.bytes.len() >= ANSWER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.bytes.extend(buffer.iter().take(count));
                Ok(())
            }
        }
    }

    /// The head, where it is whole; interim answers before it are dropped.
    fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if self.bytes.len() >= 5 && !self.bytes.starts_with(b"HTTP/") {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(None);
            };
            let end = end + 4;
            let head = String::from_utf8_lossy(self.bytes.get(..end).unwrap_or_default());
            let status = head.split(' ').nth(1).and_then(|word| word.get(..3)?.parse::<u16>().ok());
            let status = status.ok_or(io::ErrorKind::InvalidData)?;
            if !(100..200).contains(&status) {
                let length =
                    head.split("\r\n").filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
                        name.eq_ignore_ascii_case("content-length")
                            .then(|| value.trim().parse::<usize>().ok())?
                    });
                let length = if status == 204 { Some(0) } else { length };
                return Ok(Some(Head { status, rest: length.map(|length| end.saturating_add(length)) }));
            }
            self.bytes.drain(..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    #[test]
    fn no_more_is_read_than_an_answer_needs() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let writer = thread::spawn(move || (0..100_000).all(|_| other.write_all(&[b'x'; 1024]).is_ok()));
        let mut answer = Answer::default();
        let error = loop {
            if let Err(error) = answer.read(&stream) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!((ANSWER..ANSWER + 2048).contains(&answer.bytes.len()));
        drop(stream);
        assert!(!writer.join().unwrap());
    }

    #[test]
    fn nothing_is_opened_after_an_abort() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = Target::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let abort = Abort::default();
        abort.abort();
        let time = Duration::from_secs(10);
        let error = post(&target, b"", time, time, &abort).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
