//! How a connection comes about: name, address, socket, proxy, TLS. All of it before a byte of a request is
//! sent, so whatever fails here has certainly not paid.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ureq::{Proxy, ProxyProtocol};

use super::connection::Connection;
use super::failure::Failure;
use super::pool::Pool;
use super::proxy::tunnel;
use super::race;
use super::resolver::Resolver;
use super::shutdown::Shutdown;
use super::socket::{Socket, Stream};
use super::tls::{Handshake, TlsClient};

/// Opens connections to one host.
pub(super) struct Connector {
    host: String,
    port: u16,
    /// `None` if the base URL is plain http: then no address off this machine may ever see the credentials.
    tls: Option<TlsClient>,
    proxy: Option<Proxy>,
    /// Of the proxy, or else of the host.
    resolver: Resolver,
    /// The address that accepted last.
    latest: Mutex<Option<SocketAddr>>,
    pool: Arc<Pool>,
    shutdown: Arc<Shutdown>,
}

impl Connector {
    pub(super) fn new(
        host: &str,
        port: u16,
        tls: Option<TlsClient>,
        proxy: Option<Proxy>,
        pool: &Arc<Pool>,
        shutdown: &Arc<Shutdown>,
    ) -> Self {
        let (first_host, first_port) =
            proxy.as_ref().map_or((host, port), |proxy| (proxy.host(), proxy.port()));
        Self {
            host: host.to_owned(),
            port,
            tls,
            resolver: Resolver::new(without_brackets(first_host), first_port, shutdown),
            proxy,
            latest: Mutex::default(),
            pool: Arc::clone(pool),
            shutdown: Arc::clone(shutdown),
        }
    }

    /// A new connection, if there is one before the deadline.
    pub(super) fn connect(&self, deadline: Instant) -> Result<Connection, Failure> {
        let result = self.establish(deadline);
        // Whatever else has failed may have failed because of it.
        if self.shutdown.is_down() { Err(Failure::Shutdown { sent: false }) } else { result }
    }

    fn establish(&self, deadline: Instant) -> Result<Connection, Failure> {
        let socket = Arc::new(self.open(deadline).map_err(Failure::connecting)?);
        if !self.pool.register(&socket) {
            return Err(Failure::Shutdown { sent: false });
        }
        let mut stream: Box<dyn Stream> = Box::new(Socket::new(socket, &self.shutdown, deadline));
        if let Some(proxy) = &self.proxy {
            if proxy.protocol() == ProxyProtocol::Https {
                stream = self.secure(proxy.host(), stream)?;
            }
            tunnel::open(&mut *stream, proxy, &self.host, self.port)?;
        }
        if self.tls.is_some() {
            stream = self.secure(&self.host, stream)?;
        }
        Ok(Connection::new(stream, self.tls.is_some(), &self.pool))
    }

    /// A socket that is connected with the proxy or the host.
    fn open(&self, deadline: Instant) -> io::Result<TcpStream> {
        let addresses = self.resolver.resolve(deadline)?;
        if self.tls.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
            let reason = "plain http goes to loopback addresses only";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let latest = || self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = race::in_order(addresses, *latest());
        let stream = race::connect(&addresses, deadline, &self.shutdown)?;
        stream.set_nodelay(true)?;
        *latest() = stream.peer_addr().ok();
        Ok(stream)
    }

    /// TLS with a host, over a stream that leads to it.
    fn secure(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, Failure> {
        let Some(tls) = &self.tls else {
            return Err(Failure::setup("this build has no TLS: turn on a TLS feature"));
        };
        tls.handshake(without_brackets(host), stream).map_err(|failure| match failure {
            Handshake::Io(error) => Failure::connecting(error),
            Handshake::Refused(error) => Failure::Tls(error),
        })
    }
}

/// A host as a URL has it, without the brackets of an IPv6 address.
pub(super) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("host", &self.host).finish_non_exhaustive()
    }
}
