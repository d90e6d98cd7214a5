//! One HTTP request and its response, over connections that are kept. Only this folder uses `ureq::unversioned`.
//!
//! A connection is taken from the [`pool`], or opened by the [`connector`], before ureq runs. So if anything fails
//! before that, nothing was sent, and a call on a kept connection looks up no name and starts no thread. ureq speaks
//! HTTP over the connection, and knows neither addresses nor proxies nor deadlines. The [`connection`] keeps the
//! deadline, and sends head and body in one packet.

#![cfg_attr(not(any(feature = "rustls", feature = "native-tls")), allow(dead_code, reason = "TLS needs it"))]

mod body;
mod connection;
mod connector;
mod failure;
mod handover;
mod pool;
mod proxy;
mod race;
mod resolver;
mod response;
pub(crate) mod shutdown;
mod socket;
mod status;
mod stream;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use ureq::http::uri::{self, PathAndQuery};
use ureq::http::{HeaderValue, Method, Request, Uri};
use ureq::typestate::AgentScope;

use crate::error::Error;
use crate::text::url::is_loopback;
use connection::Connection;
use connector::Connector;
use handover::Handover;
use pool::Pool;
use shutdown::{Shutdown, deadline_in};

pub(crate) use failure::Failure;
pub(crate) use proxy::ProxyChoice;
pub(crate) use response::Response;
pub use tls::Tls;
pub(crate) use ureq::http::HeaderMap;

/// The error of a build without TLS if the base URL is https.
const NO_TLS: &str = "this build has no TLS: turn on the feature rustls or native-tls";

/// The settings of a transport, besides the base URL and the user agent.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) connect_timeout: Duration,
    pub(crate) proxy: ProxyChoice,
    pub(crate) tls: Option<Tls>,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) idle_connections: usize,
    /// How long an idle connection is kept.
    pub(crate) idle_lifetime: Duration,
}

/// Sends requests and reads responses, over kept connections.
pub(crate) struct Transport {
    agent: Agent,
    pool: Arc<Pool>,
    connector: Connector,
    headers: HeaderMap,
    base: Uri,
    connect_timeout: Duration,
    pub(crate) shutdown: Arc<Shutdown>,
}

impl Transport {
    /// `base_url` must be checked. It has a scheme and a host, and perhaps a port and a path.
    ///
    /// # Errors
    /// Returns an error that names the setter if a proxy, certificate or header cannot be used.
    pub(crate) fn new(base_url: &str, user_agent: &str, setup: &Setup) -> Result<Self, Error> {
        let base = Uri::try_from(base_url)
            .map_err(|error| Error::invalid("base_url", "not a URL").with_source(error))?;
        let secure = base.scheme_str() == Some("https");
        let tls = match (secure, setup.tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls.client(&setup.root_certificates)?),
            (true, None) => return Err(Error::invalid("tls", NO_TLS)),
        };
        let host = base.host().unwrap_or_default();
        let usual_port = if secure { 443 } else { 80 };
        let port = base.port_u16().unwrap_or(usual_port);
        // A proxy on another machine cannot reach this one, and would receive the credentials in plain text.
        let proxy = if is_loopback(host) { None } else { setup.proxy.proxy(host, port)? };
        let shutdown = Arc::new(Shutdown::default());
        let pool = Arc::new(Pool::new(setup.idle_connections, setup.idle_lifetime));
        let connector = Connector::new(host, port, tls, proxy, &pool, &shutdown);

        let config = config().max_response_header_size(connection::INPUT_MAX).build();
        let host_header = if port == usual_port { host.to_owned() } else { format!("{host}:{port}") };
        let headers = HeaderMap::from_iter([
            // The first four are those that ureq would otherwise make for each request.
            (HOST, header("base_url", &host_header)?),
            (USER_AGENT, header("user_agent_suffix", user_agent)?),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            // Each request has its own value. The place for it is made here, so that no map has to grow.
            (AUTHORIZATION, HeaderValue::from_static("")),
        ]);
        let agent = Agent::with_parts(config, Handover, Handover);
        let connect_timeout = setup.connect_timeout;
        Ok(Self { agent, pool, connector, headers, base, connect_timeout, shutdown })
    }

    /// Ends every request and refuses new ones.
    pub(crate) fn shutdown(&self) {
        self.shutdown.signal();
        self.pool.close();
    }

    /// Returns the path that all requests' paths begin with.
    pub(crate) fn base_path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    /// Opens a connection within a time, unless one is idle.
    pub(crate) fn connect(&self, time: Duration) -> Result<(), Error> {
        let deadline = deadline_in(time);
        let connection = self.pool.take(deadline).map_or_else(|| self.connector.connect(deadline), Ok);
        connection.map(Connection::release)
    }

    /// POSTs a form to a path within a time. If `fresh` is set, it uses a new connection.
    pub(crate) fn post(
        &self,
        path: String,
        form: &[u8],
        time: Duration,
        fresh: bool,
        authorization: &HeaderValue,
    ) -> Result<Response, Failure> {
        let deadline = deadline_in(time);
        let connection = self.connection(deadline, fresh)?;
        let failure = |error| Failure::new(error, None, &self.shutdown);
        let mut request = Request::new(form);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url(path).map_err(|error| failure(error.into()))?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(place) = request.headers_mut().get_mut(AUTHORIZATION) {
            place.clone_from(authorization);
        }
        let response = handover::run(&self.agent, request, connection);
        body::read(response.map_err(failure)?, &self.shutdown)
    }

    /// Returns a kept connection or a new one. If this fails, nothing was sent.
    fn connection(&self, deadline: Instant, fresh: bool) -> Result<Connection, Error> {
        if fresh {
            // A new connection is needed because a kept one failed. The others may have failed too.
            self.pool.clear();
        } else if let Some(connection) = self.pool.take(deadline) {
            return Ok(connection);
        }
        let connect_by = deadline.min(deadline_in(self.connect_timeout));
        let mut connection = self.connector.connect(connect_by)?;
        connection.set_deadline(deadline);
        Ok(connection)
    }

    /// Returns the URL of a path at the base URL's host. The other parts are shared, so only the path is parsed.
    fn url(&self, path: String) -> Result<Uri, ureq::http::Error> {
        let mut parts = uri::Parts::default();
        parts.scheme = self.base.scheme().cloned();
        parts.authority = self.base.authority().cloned();
        parts.path_and_query = Some(PathAndQuery::try_from(path)?);
        Ok(Uri::from_parts(parts)?)
    }
}

/// Begins a configuration of ureq that returns any response, and has no timeouts, proxy or pool.
pub(crate) fn config() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
}

fn header(field: &'static str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| Error::invalid(field, "not allowed in a header"))
}
