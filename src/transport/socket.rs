//! A TCP connection that keeps a deadline with few system calls.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::shutdown::Shutdown;
use super::stream::Stream;

/// How much later than the deadline a blocked read or write may wake. Within this, the timeout of the socket is not set
/// again. Systems round such timeouts to a few milliseconds anyway.
const SLACK: Duration = Duration::from_millis(2);

/// How long a silence lasts before the system checks whether the other side is still there, and how long it waits
/// between checks. This also keeps routers on the way from dropping the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many checks may go without a reply before the system closes the connection.
const PROBES: u32 = 3;

/// How long the other system may take to acknowledge data that was sent. A connection that a router has dropped is
/// given up after this time, and does not use up the time of the attempt.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// Prepares a new socket, so that small packets are sent at once and a dead connection is noticed.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let times = TcpKeepalive::new().with_time(KEEP_ALIVE);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple",
        windows
    ))]
    let times = times.with_interval(KEEP_ALIVE).with_retries(PROBES);
    socket.set_tcp_keepalive(&times)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

/// A TCP socket with a deadline.
pub(super) struct Socket {
    /// The pool has a weak reference to it, and closes it at shutdown while a call blocks on it.
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

/// Returns whether there is neither data nor an end nor an error on a socket.
fn is_socket_quiet(stream: &TcpStream) -> bool {
    peek(stream).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Peeks at the input without waiting, in one system call.
#[cfg(unix)]
fn peek(stream: &TcpStream) -> io::Result<usize> {
    let mut byte = [MaybeUninit::uninit()];
    SockRef::from(stream).recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT)
}

/// Peeks at the input without waiting.
#[cfg(not(unix))]
fn peek(stream: &TcpStream) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let found = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    found
}

/// Returns the timeout to set on a socket, or `None` if the one that is set is good enough.
///
/// It may be longer than needed by the slack. It may also be shorter, because the read or write then checks the clock
/// and waits again; it is only set again if that would happen often.
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

/// Returns what an error of a read or write means: `Ok` if only the socket's timeout passed or a signal arrived.
fn ignore_interruption(error: io::Error) -> io::Result<()> {
    use io::ErrorKind::{Interrupted, NotConnected, TimedOut, WouldBlock};
    match error.kind() {
        Interrupted | WouldBlock => Ok(()),
        // This is how Windows reports that the socket's timeout passed.
        TimedOut if cfg!(windows) => Ok(()),
        // On other systems it means that the system gave up the connection, which is not the deadline.
        TimedOut => Err(io::Error::new(NotConnected, error)),
        _ => Err(error),
    }
}

/// Sets a socket's timeout. macOS refuses this if the other side has closed the connection, although data that it sent
/// before can still be read. Reads and writes do not wait in that case.
fn set_unless_closed(set: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match set() {
        Err(error) if cfg!(target_vendor = "apple") && error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.waiting && is_socket_quiet(&self.stream) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            if let timeout @ Some(_) = timeout_to_set(self.deadline, self.read_timeout)? {
                set_unless_closed(|| self.stream.set_read_timeout(timeout))?;
                self.read_timeout = timeout;
            }
            match (&*self.stream).read(buf) {
                Err(error) => ignore_interruption(error)?,
                // The server did not close the connection, so this does not complete a response.
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
                set_unless_closed(|| self.stream.set_write_timeout(timeout))?;
                self.write_timeout = timeout;
            }
            match (&*self.stream).write(buf) {
                Err(error) => ignore_interruption(error)?,
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
        is_socket_quiet(&self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::has_nothing_to_read;

    #[test]
    fn timeouts_are_only_set_when_needed() {
        let within = |millis| Instant::now() + Duration::from_millis(millis);
        let set = Duration::from_millis;
        assert!(timeout_to_set(within(1000), None).unwrap().is_some());
        for (left, already, wanted) in [
            (60_000, 60_000, false),
            (60_000, 50_000, false),
            (60_000, 60_100, true),
            (60_000, 20_000, true),
            // A short deadline must not wait for the rest of a long timeout.
            (1, 50, true),
            (1, 10_000, true),
        ] {
            let anew = timeout_to_set(within(left), Some(set(already))).unwrap().is_some();
            assert_eq!(anew, wanted, "{left} ms left, {already} ms set");
        }
        let error = timeout_to_set(within(0), Some(set(5))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// A connected pair: this side and the other side.
    fn pair() -> (Socket, TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        prepare(&stream).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        (Socket::new(Arc::new(stream), &Arc::default(), deadline), listener.accept().unwrap().0)
    }

    #[test]
    fn socket_options_are_set() {
        let (socket, _other) = pair();
        assert!(socket.stream.nodelay().unwrap());
        let socket = SockRef::from(&*socket.stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(15));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(15));
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(3)));
        }
    }

    #[test]
    fn a_check_neither_waits_nor_consumes() {
        let (mut socket, mut other) = pair();
        assert!(socket.is_quiet() && has_nothing_to_read(&mut socket));
        other.write_all(b"ab").unwrap();
        while socket.is_quiet() {}
        assert!(!socket.is_quiet() && !has_nothing_to_read(&mut socket), "a byte was read");
        let mut rest = [0; 2];
        assert_eq!(socket.read(&mut rest).unwrap(), 1);
        assert_eq!(rest[0], b'b');
        assert!(socket.is_quiet());
        drop(other);
        while socket.is_quiet() {}
        assert!(!has_nothing_to_read(&mut socket));
        assert_eq!(socket.read(&mut rest).unwrap(), 0);
    }

    #[test]
    fn a_deadline_of_a_millisecond_is_kept_after_a_longer_one() {
        let (mut socket, _other) = pair();
        let time = Duration::from_millis(1);
        // The best of several, because the machine may be busy.
        let late = (0..10).map(|_| {
            socket.set_deadline(Instant::now() + Duration::from_millis(60));
            assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::TimedOut);
            let started = Instant::now();
            socket.set_deadline(started + time);
            assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::TimedOut);
            started.elapsed().checked_sub(time).expect("not before its time")
        });
        let best = late.min().unwrap();
        assert!(best < Duration::from_millis(15), "{best:?} late");
    }

    #[test]
    fn a_dead_connection_is_not_a_deadline() {
        for (kind, meaning) in [
            (io::ErrorKind::WouldBlock, None),
            (io::ErrorKind::Interrupted, None),
            (io::ErrorKind::ConnectionReset, Some(io::ErrorKind::ConnectionReset)),
            (io::ErrorKind::ConnectionAborted, Some(io::ErrorKind::ConnectionAborted)),
            (io::ErrorKind::TimedOut, if cfg!(windows) { None } else { Some(io::ErrorKind::NotConnected) }),
        ] {
            assert_eq!(ignore_interruption(kind.into()).err().map(|error| error.kind()), meaning, "{kind:?}");
        }
    }
}
