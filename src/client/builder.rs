//! The configuration of a client.

use std::env;
use std::fmt;
use std::time::Duration;

use crate::client::PaymentsApi;
use crate::client::credentials::Credentials;
use crate::client::endpoint;
use crate::client::retry::RetryPolicy;
use crate::error::Error;
use crate::transport::{ProxyChoice, Setup, Tls, Transport};

/// Configures a [`PaymentsApi`]. Made by [`PaymentsApi::builder`].
///
/// Every setter is for the whole client. What is not set has the default that the setter names.
///
/// ```
/// use std::time::Duration;
/// use twilio_payments::{Credentials, PaymentsApi};
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let credentials = Credentials::auth_token("AC00000000000000000000000000000000", "auth-token")?;
/// let api = PaymentsApi::builder(credentials)
///     .region("ie1")
///     .edge("dublin")
///     .timeout(Duration::from_secs(20))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PaymentsApiBuilder {
    credentials: Credentials,
    region: Option<String>,
    edge: Option<String>,
    base_url: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
    retry_policy: RetryPolicy,
    proxy: ProxyChoice,
    tls: Option<Tls>,
    root_certificates: Vec<Vec<u8>>,
    idle_connections: usize,
    idle_lifetime: Duration,
    user_agent_suffix: String,
}

impl PaymentsApiBuilder {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            region: None,
            edge: None,
            base_url: None,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            retry_policy: RetryPolicy::new(),
            proxy: ProxyChoice::Environment,
            tls: Tls::default_choice(),
            root_certificates: Vec::new(),
            idle_connections: 64,
            idle_lifetime: Duration::from_secs(300),
            user_agent_suffix: String::new(),
        }
    }

    /// Takes region and edge from `TWILIO_REGION` and `TWILIO_EDGE`, where they are set and not empty.
    ///
    /// # Errors
    /// Where one of them is not usable, naming the variable.
    pub(crate) fn regional_env(mut self) -> Result<Self, Error> {
        let read = |name| {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            value.map(|value| endpoint::check_label(name, &value).map(|()| value)).transpose()
        };
        self.region = read("TWILIO_REGION")?;
        self.edge = read("TWILIO_EDGE")?;
        Ok(self)
    }

    /// The region whose data centres process the call, such as `ie1`. Default: none, which means `us1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The edge location that the connection enters the service's network at, such as `dublin`. Default:
    /// none. An edge without a region means the region `us1`.
    pub fn edge(mut self, edge: impl Into<String>) -> Self {
        self.edge = Some(edge.into());
        self
    }

    /// The URL in front of `/2010-04-01/…`, for a sandbox or a gateway of one's own: https, or http to a
    /// loopback host. Default: `https://api.twilio.com` with region and edge in it. Region and edge have no
    /// effect beside it.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// How long a call may take in all: look-up, connection, every attempt and wait, and the answer.
    /// Default: 30 s. [`PaymentsApi::with_timeout`] gives a clone with another one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long one attempt may take to look the name up, connect, and agree on TLS. Default: 5 s. The
    /// call's timeout ends it earlier.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// What is tried again, and after how long. Default: [`RetryPolicy::new`].
    pub fn retry_policy(mut self, retry_policy: RetryPolicy) -> Self {
        self.retry_policy = retry_policy;
        self
    }

    /// The URL of an HTTP proxy: `http://…` or `https://…`, with user info if it asks for one. A proxy only ever
    /// tunnels, so it sees no credential of the API. A base URL on loopback is never proxied.
    ///
    /// Default: what the first of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY` names that is set and not empty
    /// when the client is built, in upper or lower case. `NO_PROXY` lists exceptions to these, separated by
    /// commas or spaces:
    ///
    /// | entry | goes without a proxy |
    /// |---|---|
    /// | `example.com`, `.example.com`, `*.example.com` | this host and every host beneath it |
    /// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | this address, if the base URL has it as its host |
    /// | `example.com:8443`, `[2001:db8::1]:8443` | the same, but on this port only |
    /// | `*` | everything |
    ///
    /// Case, a final dot and blanks around an entry do not matter. Ranges such as `10.0.0.0/8` name nothing. A
    /// proxy that is set here has no exceptions.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = ProxyChoice::Url(url.into());
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Which library speaks TLS. Default: rustls with the Mozilla roots, where the feature `rustls` is on,
    /// else the operating system's.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Trusts further root certificates, given as PEM, beside the usual ones: those of a gateway or of a
    /// proxy that opens TLS. May be called more than once. Default: none.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// How many connections are kept open while idle. Default: 64. With 0 each call opens its own, and
    /// [`connect`](PaymentsApi::connect) has no effect.
    ///
    /// All clones and threads share them; a thread gets the one that it used last, if that is free. There
    /// are never more than calls at the same time. If more threads than this call at the same time, some of
    /// them pay for a new connection, and a TLS handshake, on every call. An idle connection holds about
    /// 25 KiB over TLS.
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.idle_connections = connections;
        self
    }

    /// How long a connection is kept open while idle. Default: 5 minutes, which covers the time that a caller
    /// takes to type. Connections that are older are closed when the next call begins or ends.
    ///
    /// The server may close a connection earlier: that is noticed before a request is sent on it. The system
    /// checks every 15 s whether the other side is still there (TCP keep-alive), which also keeps the
    /// connection in the tables of routers. On Linux and Android, a request that the other side's system has
    /// not acknowledged after 3 s is sent again on a new connection.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.idle_lifetime = lifetime;
        self
    }

    /// What is added to the `User-Agent`, such as `my-shop/1.2`: up to 200 visible ASCII characters and
    /// spaces. Default: nothing.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent_suffix = suffix.into();
        self
    }

    /// Makes the client. Nothing is looked up or connected yet.
    ///
    /// # Errors
    /// Where a setting is not usable, naming its setter: a region or edge with other characters than
    /// lower-case letters, digits and hyphens; a base URL that is neither https nor http to a loopback
    /// host; a timeout of zero, that of an attempt included; a proxy that is not HTTP's; a root certificate that is no PEM; a suffix
    /// with control characters; an https base URL in a build without a TLS feature.
    pub fn build(self) -> Result<PaymentsApi, Error> {
        let base_url = match &self.base_url {
            Some(url) => endpoint::custom(url)?,
            None => endpoint::regional(self.region.as_deref(), self.edge.as_deref())?,
        };
        for (field, time) in [
            ("timeout", self.timeout),
            ("connect_timeout", self.connect_timeout),
            ("idle_lifetime", self.idle_lifetime),
            ("attempt_timeout", self.retry_policy.attempt_time(self.timeout)),
        ] {
            if time.is_zero() {
                return Err(Error::invalid(field, "zero"));
            }
        }
        let suffix = &self.user_agent_suffix;
        if suffix.len() > 200 || !suffix.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(Error::invalid(
                "user_agent_suffix",
                "not at most 200 visible ASCII characters and spaces",
            ));
        }
        let transport = Transport::new(&Setup {
            base_url,
            authorization: self.credentials.authorization(),
            user_agent: user_agent(suffix),
            connect_timeout: self.connect_timeout,
            proxy: self.proxy,
            tls: self.tls,
            root_certificates: self.root_certificates,
            idle_connections: self.idle_connections,
            idle_lifetime: self.idle_lifetime,
        })?;
        Ok(PaymentsApi::from_parts(&self.credentials, transport, self.retry_policy, self.timeout))
    }
}

fn user_agent(suffix: &str) -> String {
    let (version, os, arch) = (env!("CARGO_PKG_VERSION"), env::consts::OS, env::consts::ARCH);
    let own = format!("twilio-payments/{version} ({os} {arch})");
    match suffix.trim() {
        "" => own,
        suffix => format!("{own} {suffix}"),
    }
}

/// Leaves out the credentials, and the proxy, whose URL may hold a password.
impl fmt::Debug for PaymentsApiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentsApiBuilder")
            .field("credentials", &self.credentials)
            .field("region", &self.region)
            .field("edge", &self.edge)
            .field("base_url", &self.base_url.as_deref().map(crate::text::url_without_secrets))
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("retry_policy", &self.retry_policy)
            .field("tls", &self.tls)
            .field("idle_connections", &self.idle_connections)
            .field("idle_lifetime", &self.idle_lifetime)
            .field("user_agent_suffix", &self.user_agent_suffix)
            .finish_non_exhaustive()
    }
}
