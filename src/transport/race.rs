//! Connects to the first of a host's addresses that accepts (RFC 8305).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::shutdown::Shutdown;

/// How long to wait for an address before the next one is tried too.
const STAGGER: Duration = Duration::from_millis(250);

/// The shortest time between two checks of a pending connection.
const SHORTEST_CHECK: Duration = Duration::from_micros(100);

/// The longest time between two checks of a pending connection.
const LONGEST_CHECK: Duration = Duration::from_millis(5);

/// The next check comes when the wait has grown by one part in this many, so checking adds at most that to the time to
/// connect.
const GROWTH_DIVISOR: u32 = 32;

/// Returns the addresses in the order in which to try them: the last one that accepted, then both families in turn,
/// beginning with the system's choice.
pub(super) fn in_order(addresses: Vec<SocketAddr>, latest: Option<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut ordered = Vec::new();
    while one.len() + other.len() > 0 {
        ordered.extend(one.next());
        ordered.extend(other.next());
    }
    if let Some(index) = ordered.iter().position(|&address| Some(address) == latest) {
        let address = ordered.remove(index);
        ordered.insert(0, address);
    }
    ordered
}

/// Connects to the first address that accepts.
///
/// The next one is tried as soon as one has failed, or after a quarter of a second, or earlier if the deadline would
/// otherwise pass before the last one is tried. The other connections that were begun are closed.
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
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no address accepted in time"));
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
        while let Some(socket) = pending.get(index) {
            match is_connected(socket) {
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
        let until_check = (begun.elapsed() / GROWTH_DIVISOR).clamp(SHORTEST_CHECK, LONGEST_CHECK);
        let sleep = until_check.min(left).min(next.saturating_duration_since(Instant::now()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    const LONG: Duration = Duration::from_secs(20);

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// A socket with a port of its own that does not listen.
    fn deaf() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    /// An address that refuses until the tests end: nobody else can get its port.
    fn refusing() -> SocketAddr {
        let (socket, address) = deaf();
        std::mem::forget(socket);
        address
    }

    /// An address that neither accepts nor refuses while the sockets are kept, because its queue is full.
    #[cfg(target_os = "linux")]
    fn dead() -> (Socket, TcpStream, SocketAddr) {
        let (socket, address) = deaf();
        socket.listen(0).unwrap();
        (socket, TcpStream::connect(address).unwrap(), address)
    }

    fn race(addresses: &[SocketAddr], time: Duration) -> (io::Result<TcpStream>, Duration) {
        let started = Instant::now();
        let result = connect(addresses, started + time, &Shutdown::default());
        (result, started.elapsed())
    }

    #[track_caller]
    fn wins(winner: SocketAddr, addresses: &[SocketAddr], time: Duration) -> Duration {
        let (stream, elapsed) = race(addresses, time);
        assert_eq!(stream.unwrap().peer_addr().unwrap(), winner);
        elapsed
    }

    #[test]
    fn addresses_take_turns_by_family() {
        let address = |name: &str| -> SocketAddr {
            match name.strip_prefix('v') {
                Some(last) => format!("[2001:db8::{last}]:443").parse().unwrap(),
                None => format!("192.0.2.{name}:443").parse().unwrap(),
            }
        };
        for (given, latest, ordered) in [
            ("", "", ""),
            ("1 2", "", "1 2"),
            ("v1 v2 v3 1 2", "", "v1 1 v2 2 v3"),
            ("1 2 v1", "", "1 v1 2"),
            ("v1 1", "1", "1 v1"),
            ("v1 v2 1 2", "v2", "v2 v1 1 2"),
            ("1 2", "3", "1 2"),
        ] {
            let list = |names: &str| names.split_whitespace().map(address).collect::<Vec<_>>();
            let latest = list(latest).first().copied();
            assert_eq!(in_order(list(given), latest), list(ordered), "{given}: {latest:?}");
        }
    }

    #[test]
    fn a_refusal_does_not_wait() {
        let (_listener, living) = listener();
        wins(living, &[living], LONG);
        let mut addresses: Vec<_> = (0..8).map(|_| refusing()).collect();
        addresses.push(living);
        let elapsed = wins(living, &addresses, LONG);
        assert!(elapsed < 8 * STAGGER, "{elapsed:?}");
        // Nothing listens there, or there is no IPv6 at all.
        let six = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, refusing().port()));
        wins(living, &[six, living], LONG);

        let (failure, elapsed) = race(&[six, refusing()], LONG);
        assert_ne!(failure.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(elapsed < LONG, "{elapsed:?}");
        assert_eq!(race(&[], LONG).0.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn dead_addresses_do_not_hold_up_the_living() {
        let (_listener, living) = listener();
        let (_socket, _stream, gone) = dead();
        let elapsed = wins(living, &[gone, living], LONG);
        assert!(elapsed >= STAGGER && elapsed < LONG / 4, "{elapsed:?}");

        let mut addresses = vec![gone; 10];
        addresses.push(living);
        let elapsed = wins(living, &addresses, LONG);
        assert!(elapsed >= 10 * STAGGER && elapsed < LONG / 2, "{elapsed:?}");
        // If the time is shorter, each address gets its share.
        wins(living, &addresses, 5 * STAGGER);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_race_without_a_winner_ends() {
        let (_socket, _stream, gone) = dead();
        for time in [Duration::from_millis(1), Duration::from_millis(600)] {
            let (failure, elapsed) = race(&[gone, refusing(), gone], time);
            assert_eq!(failure.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(elapsed >= time && elapsed < LONG, "{elapsed:?}");
        }
        let shutdown = Shutdown::default();
        thread::scope(|scope| {
            let race = scope.spawn(|| connect(&[gone, gone], Instant::now() + 3 * LONG, &shutdown));
            thread::sleep(STAGGER / 5);
            shutdown.signal();
            let started = Instant::now();
            assert_eq!(race.join().unwrap().unwrap_err().kind(), io::ErrorKind::NotConnected);
            assert!(started.elapsed() < LONG);
        });
    }
}
