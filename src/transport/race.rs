//! Connects to whichever of a host's addresses is the first to accept (RFC 8305).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::shutdown::Shutdown;

/// After how long without success the next address is tried beside the others.
const STAGGER: Duration = Duration::from_millis(250);

/// How often a pending connection is looked at, at least and at most.
const LOOK: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(5));

/// The next look comes when the wait has grown by this part of it, so the time to connect does too, at most.
const PART: u32 = 32;

/// The order in which addresses are tried: the one that accepted last, then both families by turns, beginning
/// with the system's choice.
pub(super) fn in_order(addresses: Vec<SocketAddr>, latest: Option<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut ordered = Vec::new();
    loop {
        let before = ordered.len();
        ordered.extend(one.next());
        ordered.extend(other.next());
        if ordered.len() == before {
            break;
        }
    }
    if let Some(index) = ordered.iter().position(|&address| Some(address) == latest) {
        let address = ordered.remove(index);
        ordered.insert(0, address);
    }
    ordered
}

/// Connects to the first address that accepts.
///
/// A further one is tried as soon as one has failed, or after a quarter of a second, or earlier if otherwise
/// the deadline came before the last one's turn. What was begun and did not win is closed.
pub(super) fn connect(
    addresses: &[SocketAddr],
    deadline: Instant,
    shutdown: &Shutdown,
) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut pending: Vec<Socket> = Vec::new();
    let mut waiting = addresses.iter();
    let (mut begun, mut next) = (Instant::now(), Instant::now());
    loop {
        let now = Instant::now();
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no address has accepted in time"));
        }
        if now >= next {
            match waiting.next().map(|&address| begin(address)) {
                Some(Ok(started)) => {
                    pending.push(started);
                    begun = now;
                    let shares = u32::try_from(waiting.len()).unwrap_or(u32::MAX).saturating_add(1);
                    next = now + STAGGER.min(left / shares);
                }
                Some(Err(error)) => {
                    failure = error;
                    continue;
                }
                None if pending.is_empty() => return Err(failure),
                None => next = deadline,
            }
        }
        let mut index = 0;
        while let Some(attempt) = pending.get(index) {
            match is_connected(attempt) {
                Ok(false) => index += 1,
                Ok(true) => {
                    let socket = pending.swap_remove(index);
                    socket.set_nonblocking(false)?;
                    return Ok(socket.into());
                }
                Err(error) => {
                    pending.swap_remove(index);
                    failure = error;
                    next = now;
                }
            }
        }
        let look = (begun.elapsed() / PART).clamp(LOOK.0, LOOK.1);
        let sleep = look.min(left).min(next.saturating_duration_since(Instant::now()));
        if !sleep.is_zero() && !shutdown.sleep(sleep) {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the client is shut down"));
        }
    }
}

fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket),
    }
}

#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

#[cfg(not(unix))]
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

fn is_connected(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        result => result.map(|_| true),
    }
}
