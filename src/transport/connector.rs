//! Opens connections: name, address, socket, proxy, TLS. All of this happens before a byte of a request is sent, so if
//! it fails, the request was certainly not sent.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ureq::{Proxy, ProxyProtocol};

use super::connection::Connection;
use super::failure::NotConnected;
use super::pool::Pool;
use super::proxy::tunnel;
use super::race;
use super::resolver::Resolver;
use super::shutdown::Shutdown;
use super::socket::{Socket, prepare};
use super::stream::{Stream, TlsClient};
use crate::error::{Error, Outcome};
use crate::text::url::without_brackets;

/// Opens connections to one host.
pub(super) struct Connector {
    /// Host, port and proxy, for errors.
    route: String,
    host: String,
    port: u16,
    /// `None` if the base URL is plain http. Then no address outside this machine may see the credentials.
    tls: Option<Box<dyn TlsClient>>,
    proxy: Option<Proxy>,
    /// Looks up the proxy or, if there is none, the host.
    resolver: Resolver,
    /// The last address that accepted.
    latest: Mutex<Option<SocketAddr>>,
    pool: Arc<Pool>,
    shutdown: Arc<Shutdown>,
}

impl Connector {
    pub(super) fn new(
        host: &str,
        port: u16,
        tls: Option<Box<dyn TlsClient>>,
        proxy: Option<Proxy>,
        pool: &Arc<Pool>,
        shutdown: &Arc<Shutdown>,
    ) -> Self {
        let mut route = format!("{host}:{port}");
        let mut first = (host, port);
        if let Some(proxy) = &proxy {
            first = (proxy.host(), proxy.port());
            route = format!("{route} through the proxy {}:{}", first.0, first.1);
        }
        Self {
            route,
            host: host.to_owned(),
            port,
            tls,
            resolver: Resolver::new(without_brackets(first.0), first.1, shutdown),
            proxy,
            latest: Mutex::default(),
            pool: Arc::clone(pool),
            shutdown: Arc::clone(shutdown),
        }
    }

    /// Opens a connection before the deadline.
    pub(super) fn connect(&self, deadline: Instant) -> Result<Connection, Error> {
        if !self.shutdown.is_down() {
            let result = self.establish(deadline);
            // The failure may be a consequence of a shutdown.
            if !self.shutdown.is_down() {
                return result.map_err(|reason| reason.into_error(&self.route));
            }
        }
        Err(Error::shut_down(Outcome::NotSent))
    }

    fn establish(&self, deadline: Instant) -> Result<Connection, NotConnected> {
        let socket = Arc::new(self.open(deadline)?);
        self.pool.register(&socket)?;
        let mut stream: Box<dyn Stream> = Box::new(Socket::new(socket, &self.shutdown, deadline));
        // Without TLS the host is this machine, to which no proxy leads.
        let Some(tls) = &self.tls else { return Ok(Connection::new(stream, false, &self.pool)) };
        if let Some(proxy) = &self.proxy {
            if proxy.protocol() == ProxyProtocol::Https {
                stream = tls.handshake(without_brackets(proxy.host()), stream)?;
            }
            tunnel::open(&mut *stream, proxy, &self.host, self.port)?;
        }
        stream = tls.handshake(without_brackets(&self.host), stream)?;
        Ok(Connection::new(stream, true, &self.pool))
    }

    /// Opens a socket that is connected to the proxy or the host.
    fn open(&self, deadline: Instant) -> io::Result<TcpStream> {
        let addresses = self.resolver.resolve(deadline)?;
        if self.tls.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
            let reason = "plain http is only allowed to loopback addresses";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let addresses = race::in_order(addresses, *lock!(self.latest));
        let stream = race::connect(&addresses, deadline, &self.shutdown)?;
        prepare(&stream)?;
        *lock!(self.latest) = stream.peer_addr().ok();
        Ok(stream)
    }
}
