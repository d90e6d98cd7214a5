//! The configuration of a client.

use std::env;
use std::fmt;
use std::time::Duration;

use crate::client::PaymentsApi;
use crate::client::attempts::Engine;
use crate::client::credentials::Credentials;
use crate::client::endpoint;
use crate::client::observer::{Attempt, Observer};
use crate::client::retry::RetryPolicy;
use crate::error::Error;
use crate::transport::{ProxyChoice, Setup, Tls, Transport};

/// Configures a [`PaymentsApi`]. Returned by [`PaymentsApi::builder`].
///
/// The setters apply to the whole client. A setting that is not set has the default that its setter names.
///
/// ```
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
/// use std::time::Duration;
/// use twilio_payments::{Credentials, PaymentsApi};
///
/// let credentials = Credentials::auth_token("AC00000000000000000000000000000000", "auth-token")?;
/// let api = PaymentsApi::builder(credentials)
///     .region("ie1")
///     .timeout(Duration::from_secs(20))
///     .build()?;
/// # }
/// # Ok::<(), twilio_payments::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PaymentsApiBuilder {
    credentials: Credentials,
    region: Option<String>,
    edge: Option<String>,
    base_url: Option<String>,
    user_agent_suffix: String,
    setup: Setup,
    timeout: Duration,
    retry_policy: RetryPolicy,
    observer: Option<Observer>,
}

impl PaymentsApiBuilder {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            region: credentials.region.clone(),
            edge: credentials.edge.clone(),
            credentials,
            base_url: None,
            user_agent_suffix: String::new(),
            setup: Setup {
                connect_timeout: Duration::from_secs(5),
                proxy: ProxyChoice::Environment,
                tls: Tls::default_choice(),
                root_certificates: Vec::new(),
                idle_connections: 64,
                idle_lifetime: Duration::from_secs(300),
            },
            timeout: Duration::from_secs(30),
            retry_policy: RetryPolicy::new(),
            observer: None,
        }
    }

    /// Configures a client with the credentials, region and edge of the environment:
    /// [`Credentials::from_env`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use twilio_payments::PaymentsApiBuilder;
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// let api = PaymentsApiBuilder::from_env()?.timeout(Duration::from_secs(20)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if a variable is missing or its value is not usable, naming the variable.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(Credentials::from_env()?))
    }

    /// The region that processes the call, such as `ie1`. Default: the region of the
    /// [credentials](Credentials::from_env), or else none, which means `us1`.
    ///
    /// Without an [`edge`](Self::edge), `ie1` means the edge `dublin` and `au1` means `sydney`. Any other region than
    /// `us1` needs an edge. Credentials belong to one region, and those of another are refused with the code 20003.
    ///
    /// The service offers payments in `us1`, `ie1` and `au1`. In the latter two, it offers the payment connectors
    /// Base Commerce, Braintree, `CardConnect`, Chase Paymentech, Generic and Shuttle, but neither Stripe nor Adyen.
    pub fn region(self, region: impl Into<String>) -> Self {
        Self { region: Some(region.into()), ..self }
    }

    /// The edge location at which the connection enters the service's network, such as `dublin`. Default: the edge
    /// of the [credentials](Credentials::from_env), or else the region's own. An edge without a region means the
    /// region `us1`.
    pub fn edge(self, edge: impl Into<String>) -> Self {
        Self { edge: Some(edge.into()), ..self }
    }

    /// The URL in front of `/2010-04-01/…`, for the sandbox or for a gateway: https, or http to a loopback host.
    /// Default: `https://api.twilio.com` with region and edge in it. With a base URL, region and edge have no
    /// effect.
    pub fn base_url(self, base_url: impl Into<String>) -> Self {
        Self { base_url: Some(base_url.into()), ..self }
    }

    /// How long a call may take in all: name look-up, connection, every attempt and wait, and the response.
    /// Default: 30 s. [`PaymentsApi::with_timeout`] returns a clone with another one.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long one attempt may take to look the name up, connect, and agree on TLS. Default: 5 s. The time of the
    /// attempt ends it earlier.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.setup.connect_timeout = connect_timeout;
        self
    }

    /// What is retried, after how long, and how much time each attempt gets. Default: [`RetryPolicy::new`].
    pub fn retry_policy(self, retry_policy: RetryPolicy) -> Self {
        Self { retry_policy, ..self }
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
        self.setup.proxy = ProxyChoice::Url(url.into());
        self
    }

    /// Uses no proxy, even if the environment names one.
    pub fn no_proxy(mut self) -> Self {
        self.setup.proxy = ProxyChoice::None;
        self
    }

    /// The library that speaks TLS. Default: rustls with the Mozilla roots if the feature `rustls` is on, or else
    /// the operating system's.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.setup.tls = Some(tls);
        self
    }

    /// Trusts further root certificates, given as PEM, beside the usual ones: those of a gateway or of a proxy that
    /// opens TLS. May be called more than once. Default: none.
    ///
    /// Do not use it to pin the service's own certificates: the service changes to another authority in January 2027,
    /// and a program that trusts only today's stops working then.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.setup.root_certificates.push(pem.into());
        self
    }

    /// How many connections are kept open while idle. Default: 64. With zero each call opens its own, and
    /// [`connect`](PaymentsApi::connect) has no effect.
    ///
    /// All clones and threads share them, and a thread gets the one that it used last if that is free. There are
    /// never more connections than calls at the same time. If more threads than this call at the same time, some
    /// of them pay for a new connection, with its TLS handshake, on every call. An idle connection takes about
    /// 25 KiB over TLS.
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.setup.idle_connections = connections;
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
        self.setup.idle_lifetime = lifetime;
        self
    }

    /// What is added to the `User-Agent` header, such as `my-shop/1.2`: up to 200 visible ASCII characters and
    /// spaces. Default: nothing.
    pub fn user_agent_suffix(self, suffix: impl Into<String>) -> Self {
        Self { user_agent_suffix: suffix.into(), ..self }
    }

    /// A closure that sees every [`Attempt`] when it is over, for metrics or tracing. Default: none.
    ///
    /// It runs on the thread that makes the call, which waits for it, so it should return quickly. A panic in it
    /// is caught and logged, and does not change what becomes of the call.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use twilio_payments::{CreatePaymentsParams, sandbox::Sandbox};
    ///
    /// let failures = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&failures);
    /// let sandbox = Sandbox::start()?;
    /// let api = sandbox
    ///     .client_builder()
    ///     .on_attempt(move |attempt| {
    ///         counter.fetch_add(u64::from(attempt.error_kind.is_some()), Ordering::Relaxed);
    ///     })
    ///     .build()?;
    /// api.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new("https://example.com/status"))?;
    /// assert_eq!(failures.load(Ordering::Relaxed), 0);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_attempt(self, observer: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Observer::new(observer)), ..self }
    }

    /// Builds the client. Nothing is looked up or connected yet.
    ///
    /// # Errors
    /// Returns an error if a setting is not usable, naming its setter: a region or edge with other characters than
    /// lower-case letters, digits and hyphens; a region without a known edge; the edge `roaming`; a base URL
    /// that is neither https nor http to a loopback host; a timeout of zero, including that of an attempt; a proxy
    /// that is not an HTTP proxy; a root certificate that is not PEM; a suffix with control characters; an https
    /// base URL in a build without a TLS feature.
    pub fn build(self) -> Result<PaymentsApi, Error> {
        let base_url = match &self.base_url {
            Some(url) => endpoint::custom(url)?,
            None => endpoint::regional(["region", "edge"], self.region.as_deref(), self.edge.as_deref())?,
        };
        for (field, time) in [
            ("timeout", Some(self.timeout)),
            ("connect_timeout", Some(self.setup.connect_timeout)),
            ("idle_lifetime", Some(self.setup.idle_lifetime)),
            ("attempt_timeout", self.retry_policy.attempt_timeout),
        ] {
            if time == Some(Duration::ZERO) {
                return Err(Error::invalid(field, "zero"));
            }
        }
        let suffix = &self.user_agent_suffix;
        if suffix.len() > 200 || !suffix.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            let reason = "not at most 200 visible ASCII characters and spaces";
            return Err(Error::invalid("user_agent_suffix", reason));
        }
        let engine = Engine {
            transport: Transport::new(&base_url, &user_agent(suffix), &self.setup)?,
            retry_policy: self.retry_policy,
            secret: self.credentials.secret.clone(),
            observer: self.observer,
        };
        Ok(PaymentsApi::from_parts(self.credentials.account_sid(), engine, self.timeout))
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

/// Leaves out the proxy: its URL may contain a password.
impl fmt::Debug for PaymentsApiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentsApiBuilder")
            .field("credentials", &self.credentials)
            .field("region", &self.region)
            .field("edge", &self.edge)
            .field("base_url", &self.base_url.as_deref().map(crate::text::url_without_secrets))
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.setup.connect_timeout)
            .field("retry_policy", &self.retry_policy)
            .field("tls", &self.setup.tls)
            .field("idle_connections", &self.setup.idle_connections)
            .field("idle_lifetime", &self.setup.idle_lifetime)
            .field("user_agent_suffix", &self.user_agent_suffix)
            .finish_non_exhaustive()
    }
}
