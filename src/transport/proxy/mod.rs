//! The choice of a proxy.

mod no_proxy;
pub(super) mod tunnel;

use std::borrow::Cow;
use std::env;

use ureq::Proxy;
use ureq::ProxyProtocol::{Http, Https};

use crate::error::Error;

/// The source of a proxy's configuration.
#[derive(Clone)]
pub(crate) enum ProxyChoice {
    Environment,
    None,
    Url(String),
}

impl ProxyChoice {
    /// Returns the proxy for a host.
    ///
    /// # Errors
    /// Returns an error if the URL is not that of an HTTP proxy. SOCKS is refused, not silently ignored.
    pub(super) fn proxy(&self, host: &str, port: u16) -> Result<Option<Proxy>, Error> {
        let proxy = match self {
            Self::None => None,
            Self::Environment if is_exception(host, port)? => None,
            Self::Environment => environment_proxy()?,
            // The error may contain the URL and a password in it, so it is not passed on.
            Self::Url(url) => Some(Proxy::new(url).map_err(|_| invalid("not the URL of a proxy"))?),
        };
        match proxy {
            Some(proxy) if !matches!(proxy.protocol(), Http | Https) => Err(invalid(
                "a SOCKS proxy, which is not supported; if the environment sets it, call `no_proxy()` \
                 to ignore it",
            )),
            proxy => Ok(proxy),
        }
    }
}

/// Returns the proxy that the environment names.
///
/// # Errors
/// Returns an error if a variable is set but is not the URL of a proxy. Connecting without a proxy would not be what
/// the user wanted.
fn environment_proxy() -> Result<Option<Proxy>, Error> {
    const NAMES: [&str; 6] =
        ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let Some(name) = NAMES.iter().find(|name| set(name)) else { return Ok(None) };
    let proxy = env::var(name).ok().and_then(|url| Proxy::new(&url).ok());
    let reason = "is not the URL of a proxy; call `no_proxy()` to ignore it";
    proxy.map(Some).ok_or_else(|| invalid(format!("{name} in the environment {reason}")))
}

/// Returns whether the environment names a host as an exception.
fn is_exception(host: &str, port: u16) -> Result<bool, Error> {
    let Some(list) = ["NO_PROXY", "no_proxy"].iter().find_map(env::var_os) else { return Ok(false) };
    let list = list.to_str().ok_or_else(|| invalid("NO_PROXY in the environment is not Unicode"))?;
    Ok(no_proxy::includes(list, host, port))
}

fn invalid(reason: impl Into<Cow<'static, str>>) -> Error {
    Error::invalid("proxy", reason)
}
