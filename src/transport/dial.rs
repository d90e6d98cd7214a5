//! How a connection comes about: name, address, socket, TLS. All of it before a byte of a request is sent,
//! so that whatever fails here has certainly not paid.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use ureq::ProxyProtocol;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Duration as UreqDuration;
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, ShutdownHandle};

use super::pool::{Lease, Pool};
use super::proxy::{NoTunnel, open_tunnel};
use super::socket::{Socket, Stream};
use super::tls::{Handshake, TlsClient};
use super::wire::Wire;
use crate::transport::shutdown::Shutdown;

/// How long a connection to a numeric address may block the calling thread itself before a helper takes
/// over; the usual one takes less.
const AT_ONCE: Duration = Duration::from_millis(20);

/// How often a thread that waits for a connection looks whether the client was shut down.
const LOOK: Duration = Duration::from_millis(20);

/// Why no connection came about. Travels through ureq as [`ureq::Error::Other`], and proves that nothing
/// was sent.
#[derive(Debug)]
pub(super) struct NotConnected {
    pub(super) why: Why,
    pub(super) source: ureq::Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The name, the address, the socket or the proxy.
    Connection,
    /// The proxy refused, or what is configured cannot work: no use in trying again.
    Setup,
    /// The certificate or the protocol.
    Tls,
    Timeout,
}

impl NotConnected {
    /// What a failed look-up, connect, read or write means before a connection stands.
    fn by(error: io::Error) -> Self {
        let why = if error.kind() == io::ErrorKind::TimedOut { Why::Timeout } else { Why::Connection };
        Self { why, source: ureq::Error::from(error) }
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for NotConnected {}

/// Looks up nothing: ureq asks it before every call, even where a kept connection will serve. The name is
/// looked up by [`Dial`], when a connection is really opened.
#[derive(Debug)]
pub(super) struct Later;

impl Resolver for Later {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// Opens connections.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) tls: Option<TlsClient>,
    pub(super) shutdown: Arc<Shutdown>,
    /// Set where the base URL is plain http: then no other address may ever see the credentials.
    pub(super) loopback_only: bool,
    pub(super) pool: Arc<Pool>,
}

impl Connector for Dial {
    type Out = Lease;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Lease>, ureq::Error> {
        let kept = if details.config.max_idle_age().is_zero() {
            // A new one is asked for, because one has failed. The others are as old.
            self.pool.clear();
            None
        } else {
            self.pool.take()
        };
        let wire = match kept {
            Some(wire) => wire,
            None => self.dial(details).map_err(|failure| ureq::Error::Other(Box::new(failure)))?,
        };
        Ok(Some(Lease::new(wire, &self.pool)))
    }
}

impl Dial {
    fn dial(&self, details: &ConnectionDetails) -> Result<Wire, NotConnected> {
        let deadline = match details.timeout.after {
            UreqDuration::Exact(after) => Instant::now().checked_add(after),
            UreqDuration::NotHappening => None,
        };
        let target = details.uri.host().unwrap_or_default();
        let default_port = if details.needs_tls() { 443 } else { 80 };
        let target_port = details.uri.port_u16().unwrap_or(default_port);
        let proxy = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));

        let (host, port) = proxy.map_or((target, target_port), |proxy| (proxy.host(), proxy.port()));
        let socket = Arc::new(self.open(host, port, deadline).map_err(NotConnected::by)?);
        let handle: Weak<dyn ShutdownHandle> =
            Arc::downgrade(&(Arc::clone(&socket) as Arc<dyn ShutdownHandle>));
        (details.register_shutdown)(handle)
            .map_err(|source| NotConnected { why: Why::Connection, source })?;
        let mut stream: Box<dyn Stream> = Box::new(Socket::new(socket, Arc::clone(&self.shutdown)));
        stream.set_deadline(deadline);

        if let Some(proxy) = proxy {
            if proxy.protocol() == ProxyProtocol::Https {
                stream = self.secured(proxy.host(), stream)?;
            }
            open_tunnel(&mut *stream, proxy, target, target_port).map_err(|failure| match failure {
                NoTunnel::Passing(error) => NotConnected::by(error),
                NoTunnel::Final(reason) => {
                    NotConnected { why: Why::Setup, source: io::Error::other(reason).into() }
                }
            })?;
        }
        let tls = details.needs_tls();
        if tls {
            stream = self.secured(target, stream)?;
        }
        Ok(Wire::new(stream, tls))
    }

    /// TLS with a host, over a stream that leads to it.
    fn secured(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, NotConnected> {
        let Some(tls) = &self.tls else {
            let source = ureq::Error::Tls("this build has no TLS: turn on a TLS feature");
            return Err(NotConnected { why: Why::Setup, source });
        };
        tls.handshake(host, stream).map_err(|failure| match failure {
            Handshake::Io(error) => NotConnected::by(error),
            Handshake::Refused(error) => {
                let source = ureq::Error::Other(error);
                NotConnected { why: Why::Tls, source }
            }
        })
    }

    /// Opens a socket to a host, without outliving the deadline or the client.
    fn open(&self, host: &str, port: u16, deadline: Option<Instant>) -> io::Result<TcpStream> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let loopback_only = self.loopback_only;

        if let Ok(ip) = host.parse::<IpAddr>() {
            let address = SocketAddr::new(ip, port);
            if loopback_only && !ip.is_loopback() {
                return Err(not_loopback());
            }
            let time = time_left(deadline)?.min(AT_ONCE);
            match TcpStream::connect_timeout(&address, time) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                result => return prepared(result?),
            }
        }

        // Neither a look-up nor a connect can be interrupted, so a thread of its own does both. It ends by
        // itself, at the deadline at the latest where the system's resolver does.
        let result = Arc::new(Handover::default());
        let (host, there) = (host.to_owned(), Arc::clone(&result));
        // Where the caller gave up, nobody takes the socket, and it is simply closed.
        let work = move || there.give(connect_any(&host, port, deadline, loopback_only));
        let worker = thread::Builder::new().name("twilio-payments-connect".to_owned()).spawn(work)?;
        loop {
            if self.shutdown.is_down() {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "the client is shut down"));
            }
            let ended = worker.is_finished();
            if let Some(result) = result.take_within(time_left(deadline)?.min(LOOK)) {
                return prepared(result?);
            }
            if ended {
                return Err(io::Error::other("the thread that connects ended"));
            }
        }
    }
}

/// Where one thread leaves a connection for another. (A channel would do too, at a hundredth of the size of
/// a small program.)
#[derive(Default)]
struct Handover {
    result: Mutex<Option<io::Result<TcpStream>>>,
    given: Condvar,
}

impl Handover {
    fn give(&self, result: io::Result<TcpStream>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.given.notify_one();
    }

    /// The result, as soon as it is there, or `None` after a time.
    fn take_within(&self, time: Duration) -> Option<io::Result<TcpStream>> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.given.wait_timeout_while(result, time, |result| result.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

/// Looks a name up and tries its addresses in turn; each gets half of the time that is left, the last all
/// of it.
fn connect_any(
    host: &str,
    port: u16,
    deadline: Option<Instant>,
    loopback_only: bool,
) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    if loopback_only && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(not_loopback());
    }
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let left = time_left(deadline)?;
        let time = if index + 1 < addresses.len() { left / 2 } else { left };
        match TcpStream::connect_timeout(address, time.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn not_loopback() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "plain http goes to loopback addresses only")
}

fn time_left(deadline: Option<Instant>) -> io::Result<Duration> {
    let Some(deadline) = deadline else { return Ok(Duration::from_secs(86_400)) };
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_connections_stay_on_this_machine() {
        // A numeric address stands for a name that leads there: nothing is connected.
        let deadline = Some(Instant::now() + Duration::from_secs(5));
        let error = connect_any("192.0.2.1", 9, deadline, true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
