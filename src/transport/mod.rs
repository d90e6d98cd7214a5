//! One HTTP exchange. This folder is the only place that names ureq.
//!
//! ureq's own parts are replaced where its defaults would break a promise or cost time: the name is looked
//! up only when a connection is opened ([`dial`]), head and body leave together ([`wire`]), and a deadline
//! is kept with few system calls ([`socket`]), a proxy's included ([`proxy`]), and a connection goes back to the
//! thread that it comes from ([`pool`]). What is left to ureq is HTTP itself.

mod dial;
mod pool;
mod proxy;
pub(crate) mod shutdown;
mod socket;
mod tls;
mod wire;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use ureq::http::uri::{self, PathAndQuery};
use ureq::http::{HeaderValue, Method, Request, Uri};
use ureq::{Agent, Body, Proxy};

use crate::error::{Error, Source};
use crate::model::ResponseHeaders;
use crate::text::url::is_loopback;
use dial::{Dial, Later, NotConnected, Why};
use pool::Pool;
use shutdown::Shutdown;
use tls::TlsClient;
use wire::Stale;

pub use tls::Tls;
pub(crate) use ureq::http::HeaderMap;

/// The longest body of an answer that is read, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How near the usual time an attempt's time must be to count as it.
const SAME_TIME: Duration = Duration::from_millis(50);

/// No time is longer than a year: ureq adds it to the clock, and would panic where the sum is no time.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// What the transport is made of.
pub(crate) struct Setup {
    /// Scheme, host and port, and perhaps a path; checked.
    pub(crate) base_url: String,
    pub(crate) authorization: String,
    pub(crate) user_agent: String,
    /// The usual time of one attempt.
    pub(crate) attempt_time: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) proxy: ProxyChoice,
    pub(crate) tls: Option<Tls>,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) idle_connections: usize,
}

/// Where the proxy comes from.
#[derive(Clone)]
pub(crate) enum ProxyChoice {
    Environment,
    None,
    Url(String),
}

/// Sends requests and reads answers, over kept connections.
pub(crate) struct Transport {
    agent: Agent,
    pool: Arc<Pool>,
    headers: HeaderMap,
    base: Uri,
    attempt_time: Duration,
    shutdown: Arc<Shutdown>,
}

/// One answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ResponseHeaders,
    pub(crate) body: Vec<u8>,
    /// Whether the body is only the part of it that came in time. Never so of a success.
    pub(crate) timed_out: bool,
}

/// The part of a success that came, where its head did: nothing of it may be lost.
pub(crate) type Part = Option<Box<Answer>>;

/// Why there is no answer.
pub(crate) enum Failure {
    /// No connection: certainly not sent. Worth another try, unless it says otherwise.
    NotConnected { timeout: bool, retry: bool, source: Source },
    /// No TLS session: certainly not sent, and not worth another try.
    Tls(Source),
    /// A kept connection had been closed: on a new one it may work at once.
    Stale(Source),
    /// The connection ended before the answer did.
    Lost { part: Part, source: Source },
    /// The attempt's time ran out.
    Timeout { part: Part, source: Source },
    /// What came is no HTTP: something on the way has broken the connection's order.
    NoHttp { part: Part, source: Source },
    /// What came is HTTP, but not to be read: too long, or compressed.
    BadAnswer { reason: String, part: Part, source: Option<Source> },
    /// The client was shut down, before or after something may have been sent.
    Shutdown { sent: bool },
}

impl Transport {
    /// # Errors
    /// Where a proxy, certificate or header of the setup cannot be used, naming the setter.
    pub(crate) fn new(setup: &Setup) -> Result<Self, Error> {
        let base = Uri::try_from(setup.base_url.as_str())
            .map_err(|error| Error::invalid("base_url", "not a URL").with_source(error))?;
        let plain = base.scheme_str() == Some("http");
        let tls = match (plain, setup.tls) {
            (true, _) => None,
            (false, Some(tls)) => Some(TlsClient::new(tls, &setup.root_certificates)?),
            (false, None) => {
                return Err(Error::invalid(
                    "tls",
                    "this build has no TLS: turn on the feature rustls or native-tls",
                ));
            }
        };
        let attempt_time = setup.attempt_time.min(LONGEST);
        // A proxy elsewhere has no way to this machine, and would carry plain credentials off it.
        let local = base.host().is_some_and(is_loopback);
        let proxy = if local { None } else { proxy(&setup.proxy)? };
        let shutdown = Arc::new(Shutdown::default());
        let pool = Arc::new(Pool::new(setup.idle_connections));
        let dial =
            Dial { tls, shutdown: Arc::clone(&shutdown), loopback_only: plain, pool: Arc::clone(&pool) };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding("")
            .proxy(proxy)
            .timeout_global(Some(attempt_time))
            .timeout_connect(Some(setup.connect_timeout.min(LONGEST)))
            // Our own pool keeps them: ureq gives each one back at once.
            .max_idle_connections(0)
            .max_response_header_size(wire::INPUT_MAX)
            .user_agent(setup.user_agent.as_str())
            .build();
        let mut authorization = header("authorization", &setup.authorization)?;
        authorization.set_sensitive(true);
        let headers = [
            // What ureq would make of the URL anew for each request.
            (HOST, header("base_url", &host(&base))?),
            (USER_AGENT, header("user_agent_suffix", &setup.user_agent)?),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (AUTHORIZATION, authorization),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        ];
        let headers = HeaderMap::from_iter(headers);
        let agent = Agent::with_parts(config, dial, Later);
        Ok(Self { agent, pool, headers, base, attempt_time, shutdown })
    }

    pub(crate) fn shutdown_signal(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Ends every exchange and refuses new ones.
    pub(crate) fn shutdown(&self) {
        self.shutdown.signal();
        self.agent.clone().shutdown();
        self.pool.close();
    }

    /// The path that those of all requests begin with.
    pub(crate) fn base_path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    /// POSTs a form to a path, within a time; with `fresh`, on a new connection.
    pub(crate) fn post(
        &self,
        path: String,
        form: &[u8],
        time: Duration,
        fresh: bool,
    ) -> Result<Answer, Failure> {
        let time = time.min(LONGEST);
        let mut request = Request::new(form);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url(path).map_err(|error| self.failed(error.into(), None))?;
        request.headers_mut().clone_from(&self.headers);
        // The agent's own configuration is free; another must be copied.
        let usual = time <= self.attempt_time && time.saturating_add(SAME_TIME) >= self.attempt_time;
        let response = if usual && !fresh {
            self.agent.run(request)
        } else {
            let config = self.agent.configure_request(request).timeout_global(Some(time));
            let config = if fresh { config.max_idle_age(Duration::ZERO) } else { config };
            self.agent.run(config.build())
        };
        let (parts, body) = response.map_err(|error| self.failed(error, None))?.into_parts();
        self.read(ResponseHeaders(parts.headers), body, parts.status.as_u16())
    }

    /// A URL at the base's host. Its parts are shared with the base, and only the path is looked through.
    fn url(&self, path: String) -> Result<Uri, ureq::http::Error> {
        let mut parts = uri::Parts::default();
        parts.scheme = self.base.scheme().cloned();
        parts.authority = self.base.authority().cloned();
        parts.path_and_query = Some(PathAndQuery::try_from(path)?);
        Ok(Uri::from_parts(parts)?)
    }

    /// Reads a body of a bearable length; another is left unread, and its connection closed.
    ///
    /// What is no success is one answer with any body: it keeps what could be read.
    fn read(&self, headers: ResponseHeaders, mut body: Body, status: u16) -> Result<Answer, Failure> {
        let success = (200..=299).contains(&status);
        let length = body.content_length().and_then(|length| usize::try_from(length).ok());
        let too_long = length.is_some_and(|length| length > MAX_BODY);
        // What is refused for its length is not waited for.
        let limit = if success && too_long { 0 } else { MAX_BODY + 1 };
        let mut bytes = Vec::with_capacity(length.unwrap_or(0).min(limit));
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = body.as_reader().take(limit).read_to_end(&mut bytes);

        let coding = headers.0.get(CONTENT_ENCODING);
        let compressed = coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        let too_long = too_long || bytes.len() > MAX_BODY;
        let mut answer = Answer { status, headers, body: bytes, timed_out: false };
        let bad =
            |reason, answer| Err(Failure::BadAnswer { reason, part: Some(Box::new(answer)), source: None });
        match read {
            Ok(_) if success && compressed => {
                bad("the answer is compressed, which was not asked for".to_owned(), answer)
            }
            Ok(_) if success && too_long => {
                bad(format!("the answer is larger than {MAX_BODY} bytes"), answer)
            }
            Ok(_) => Ok(answer),
            Err(error) if success => Err(self.failed(error.into(), Some(Box::new(answer)))),
            Err(error) => match self.failed(error.into(), None) {
                down @ Failure::Shutdown { .. } => Err(down),
                cut => {
                    answer.timed_out = matches!(cut, Failure::Timeout { .. });
                    Ok(answer)
                }
            },
        }
    }

    fn failed(&self, error: ureq::Error, part: Part) -> Failure {
        let down = self.shutdown.is_down();
        match error {
            ureq::Error::Other(inner) => match inner.downcast::<NotConnected>() {
                Ok(_) if down => Failure::Shutdown { sent: false },
                Ok(failure) => not_connected(*failure),
                Err(_) if down => Failure::Shutdown { sent: true },
                Err(source) if source.is::<Stale>() => Failure::Stale(source),
                Err(source) => Failure::Lost { part, source },
            },
            _ if down => Failure::Shutdown { sent: true },
            ureq::Error::Timeout(_) => Failure::Timeout { part, source: Box::new(error) },
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Failure::Timeout { part, source: Box::new(error) }
            }
            ureq::Error::Io(error) => Failure::Lost { part, source: Box::new(error) },
            ureq::Error::LargeResponseHeader(..) => Failure::BadAnswer {
                reason: "the answer's head is too large".to_owned(),
                part,
                source: Some(Box::new(error)),
            },
            _ => Failure::NoHttp { part, source: Box::new(error) },
        }
    }
}

fn not_connected(failure: NotConnected) -> Failure {
    let why = failure.why;
    let source: Source = match failure.source {
        ureq::Error::Io(error) => Box::new(error),
        ureq::Error::Other(error) => error,
        other => Box::new(other),
    };
    match why {
        Why::Tls => Failure::Tls(source),
        Why::Timeout => Failure::NotConnected { timeout: true, retry: true, source },
        Why::Connection => Failure::NotConnected { timeout: false, retry: true, source },
        Why::Setup => Failure::NotConnected { timeout: false, retry: false, source },
    }
}

/// The `Host` header: the port is named where it is not the scheme's own.
fn host(base: &Uri) -> String {
    let host = base.host().unwrap_or_default();
    let usual = if base.scheme_str() == Some("https") { 443 } else { 80 };
    match base.port() {
        Some(port) if port.as_u16() != usual => format!("{host}:{port}"),
        _ => host.to_owned(),
    }
}

fn header(field: &'static str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| Error::invalid(field, "not possible in a header"))
}

/// The environment's proxy, with the exceptions of `NO_PROXY`.
///
/// # Errors
/// Where a variable is set and no proxy's URL: to go without would go round what somebody wanted.
fn environment_proxy() -> Result<Option<Proxy>, Error> {
    const NAMES: [&str; 6] =
        ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let Some(name) = NAMES.iter().find(|name| set(name)) else { return Ok(None) };
    let usable = std::env::var(name).is_ok_and(|url| Proxy::new(&url).is_ok());
    match Proxy::try_from_env().filter(|_| usable) {
        Some(proxy) => Ok(Some(proxy)),
        None => Err(Error::invalid(
            "proxy",
            format!("{name} in the environment is not the URL of a proxy; `no_proxy()` passes it by"),
        )),
    }
}

/// # Errors
/// Where the URL is not one of an HTTP proxy. SOCKS is refused rather than passed by in silence.
fn proxy(choice: &ProxyChoice) -> Result<Option<Proxy>, Error> {
    use ureq::ProxyProtocol::{Http, Https};
    let proxy = match choice {
        ProxyChoice::None => None,
        ProxyChoice::Environment => environment_proxy()?,
        // The error may repeat the URL, and with it a password: it is not passed on.
        ProxyChoice::Url(url) => {
            Some(Proxy::new(url).map_err(|_| Error::invalid("proxy", "not the URL of a proxy"))?)
        }
    };
    match proxy {
        Some(proxy) if !matches!(proxy.protocol(), Http | Https) => Err(Error::invalid(
            "proxy",
            "a SOCKS proxy, which is not supported; where it comes from the environment, `no_proxy()` passes it by",
        )),
        proxy => Ok(proxy),
    }
}
