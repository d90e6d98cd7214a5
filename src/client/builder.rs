//! The configuration of a client.

use std::env;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::client::PaymentsApi;
use crate::client::attempts::Attempts;
use crate::client::credentials::Credentials;
use crate::client::endpoint;
use crate::client::observer::{Attempt, Observer};
use crate::client::retry::RetryPolicy;
use crate::error::Error;
use crate::text::url_without_secrets;
use crate::transport::{ProxyChoice, Setup, Tls, Transport};

/// Configures a [`PaymentsApi`]. Returned by [`PaymentsApi::builder`].
///
/// Each setter names its default. The settings apply to the whole client.
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
    on_attempt: Option<Observer>,
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
            on_attempt: None,
        }
    }

    /// Makes a builder with the credentials, region and edge in the environment: see
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
    /// Returns an error that names the variable if one is missing or its value cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(Credentials::from_env()?))
    }

    setters! {
        /// Sets the region that processes the requests, such as `ie1`. Default: the region of the
        /// [credentials](Credentials::from_env) or, if they have none, `us1`.
        ///
        /// Without an [`edge`](Self::edge), `ie1` uses the edge `dublin` and `au1` uses `sydney`. Other regions, except
        /// `us1`, need an edge. Credentials belong to one region, and are refused with code 20003 in another.
        ///
        /// The service offers payments in `us1`, `ie1` and `au1`. In the latter two, it offers the payment connectors
        /// Base Commerce, Braintree, `CardConnect`, Chase Paymentech, Generic and Shuttle, but neither Stripe nor
        /// Adyen.
        region(region: impl Into<String>) = Some(region.into());

        /// Sets the edge location at which the connection enters the service's network, such as `dublin`. Default: the
        /// edge of the [credentials](Credentials::from_env) or, if they have none, that of the region. With an edge but
        /// no region, the region is `us1`.
        edge(edge: impl Into<String>) = Some(edge.into());

        /// Sets the base URL, to which `/2010-04-01/…` is appended, for the sandbox or a gateway. It must be https, or
        /// http to a loopback host. Default: `https://api.twilio.com`, with region and edge in it. If a base URL is
        /// set, region and edge have no effect.
        base_url(base_url: impl Into<String>) = Some(base_url.into());

        /// Sets how long a call may take in total, including name look-up, connection, every attempt and wait, and the
        /// response. Default: 30 s. [`PaymentsApi::with_timeout`] returns a clone with a different timeout.
        timeout(timeout: Duration) = timeout;

        /// Sets how long one attempt may take to look up the name, connect, and do the TLS handshake. Default: 5 s. The
        /// time limit of the attempt can end this earlier.
        connect_timeout(connect_timeout: Duration) in setup = connect_timeout;

        /// Sets how often to retry, how long to wait before each retry, and how much time each attempt gets. Default:
        /// [`RetryPolicy::new`].
        retry_policy(retry_policy: RetryPolicy) = retry_policy;

        /// Sets the URL of an HTTP proxy: `http://…` or `https://…`, with user info if the proxy requires it.
        /// Connections are tunnelled through the proxy, so it never sees the API's credentials. A base URL on loopback
        /// is never proxied.
        ///
        /// Default: the value of the first of the environment variables `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY`, in
        /// upper or lower case, that is set and not empty when the client is built. `NO_PROXY` lists exceptions,
        /// separated by commas or spaces:
        ///
        /// | entry | what is not proxied |
        /// |---|---|
        /// | `example.com`, `.example.com`, `*.example.com` | this host and its subdomains |
        /// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | this address, if the base URL has it as its host |
        /// | `example.com:8443`, `[2001:db8::1]:8443` | the same, but on this port only |
        /// | `*` | everything |
        ///
        /// Case, a final dot, and spaces around an entry are ignored. Ranges such as `10.0.0.0/8` are not supported.
        /// There are no exceptions to a proxy that is set with this method.
        proxy(url: impl Into<String>) in setup = ProxyChoice::Url(url.into());

        /// Sets the TLS library. Default: rustls with Mozilla's root certificates if the feature `rustls` is on,
        /// otherwise the operating system's library.
        tls(tls: Tls) in setup = Some(tls);

        /// Sets how many idle connections are kept. Default: 64. With zero, each call opens its own connection, and
        /// [`connect`](PaymentsApi::connect) has no effect.
        ///
        /// All clones and threads share the connections, and a thread gets the one that it used last if it is free. If
        /// more threads than this make calls at the same time, some of them open a new connection, with a TLS
        /// handshake, for every call. An idle TLS connection takes about 25 KiB of memory.
        idle_connections(connections: usize) in setup = connections;

        /// Sets how long an idle connection is kept. Default: 5 minutes, which is longer than callers usually take to
        /// type. Older connections are closed when the next call begins or ends.
        ///
        /// The server may close a connection earlier, which is noticed before a request is sent on it. The system
        /// checks every 15 s whether the other side is still there (TCP keep-alive), which also keeps routers from
        /// dropping the connection. On Linux and Android, a request that the other side has not acknowledged after 3 s
        /// is sent again on a new connection.
        idle_lifetime(lifetime: Duration) in setup = lifetime;

        /// Sets what is added to the `User-Agent` header, such as `my-shop/1.2`: up to 200 visible ASCII characters and
        /// spaces. Default: nothing.
        user_agent_suffix(suffix: impl Into<String>) = suffix.into();

        /// Sets a closure that is called with every [`Attempt`] when it is over, for metrics or tracing. Default: none.
        ///
        /// It runs on the thread that makes the call, which waits for it, so it should return quickly. A panic in it is
        /// caught and logged, and does not change the result of the call.
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
        on_attempt(observer: impl Fn(&Attempt<'_>) + Send + Sync + 'static) =
            Some(Arc::new(AssertUnwindSafe(Box::new(observer))));
    }

    /// Uses no proxy, even if the environment names one.
    pub fn no_proxy(mut self) -> Self {
        self.setup.proxy = ProxyChoice::None;
        self
    }

    /// Trusts further root certificates, in PEM format, in addition to the usual ones: for example those of a gateway,
    /// or of a proxy that intercepts TLS. May be called more than once. Default: none.
    ///
    /// Do not use this to pin the service's own certificates: the service may change to another authority, and a
    /// program that trusts only today's authority then stops working.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.setup.root_certificates.push(pem.into());
        self
    }

    /// Builds the client. It does not look up the name or connect yet.
    ///
    /// # Errors
    /// Returns an error that names the setter if a setting cannot be used: a region or edge with characters other
    /// than lower-case letters, digits and hyphens; a region that needs an edge; the edge `roaming`; a base URL that
    /// is neither https nor http to a loopback host; a timeout or lifetime of zero; a proxy that is not an HTTP
    /// proxy; a root certificate that is not PEM; a suffix that is too long or has other characters; or an https base
    /// URL in a build without a TLS feature.
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
        let attempts = Attempts {
            transport: Transport::new(&base_url, &user_agent(suffix), &self.setup)?,
            retry_policy: self.retry_policy,
            secret: self.credentials.secret.clone(),
            observer: self.on_attempt,
        };
        Ok(PaymentsApi::from_parts(self.credentials.account_sid(), attempts, self.timeout))
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

// Leaves out the proxy, whose URL may contain a password.
debug_shows!(PaymentsApiBuilder, |builder|
    credentials: builder.credentials,
    region: builder.region,
    edge: builder.edge,
    base_url: builder.base_url.as_deref().map(url_without_secrets),
    timeout: builder.timeout,
    connect_timeout: builder.setup.connect_timeout,
    retry_policy: builder.retry_policy,
    tls: builder.setup.tls,
    idle_connections: builder.setup.idle_connections,
    idle_lifetime: builder.setup.idle_lifetime,
    user_agent_suffix: builder.user_agent_suffix,
);
