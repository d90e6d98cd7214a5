//! TLS over a stream, by whichever library the features bring.

#![cfg_attr(
    not(any(feature = "rustls", feature = "native-tls")),
    allow(
        dead_code,
        unused_imports,
        clippy::needless_pass_by_value,
        reason = "a build without TLS has the types, and no value of them"
    )
)]

#[cfg(feature = "native-tls")]
mod native;
#[cfg(feature = "rustls")]
mod rustls;

use super::failure::NotConnected;
use super::socket::Stream;
use crate::error::Error;

/// Which library speaks TLS, and whom it trusts. See [`tls`](crate::PaymentsApiBuilder::tls).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tls {
    /// rustls with the Mozilla root certificates that are compiled in. The default.
    #[cfg(feature = "rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
    Rustls,
    /// rustls, trusting what the operating system trusts.
    #[cfg(feature = "platform-verifier")]
    #[cfg_attr(docsrs, doc(cfg(feature = "platform-verifier")))]
    PlatformVerifier,
    /// The operating system's own library: OpenSSL, Secure Transport or SChannel.
    #[cfg(feature = "native-tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "native-tls")))]
    NativeTls,
}

impl Tls {
    /// The choice if none is made, or `None` in a build without TLS.
    #[allow(unreachable_code, clippy::needless_return, reason = "which line is last depends on the features")]
    pub(crate) fn default_choice() -> Option<Self> {
        #[cfg(feature = "rustls")]
        return Some(Self::Rustls);
        #[cfg(feature = "native-tls")]
        return Some(Self::NativeTls);
        None
    }
}

/// Opens TLS connections with one configuration.
pub(super) enum TlsClient {
    #[cfg(feature = "rustls")]
    Rustls(rustls::Client),
    #[cfg(feature = "native-tls")]
    Native(native::Client),
}

impl TlsClient {
    /// A configuration that trusts the usual roots and the extra ones, given as PEM.
    #[allow(unused_variables, reason = "a build without TLS has nothing to do with them")]
    pub(super) fn new(tls: Tls, extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        match tls {
            #[cfg(feature = "rustls")]
            Tls::Rustls => rustls::Client::new(extra_roots).map(Self::Rustls),
            #[cfg(feature = "platform-verifier")]
            Tls::PlatformVerifier => rustls::Client::with_platform_verifier(extra_roots).map(Self::Rustls),
            #[cfg(feature = "native-tls")]
            Tls::NativeTls => native::Client::new(extra_roots).map(Self::Native),
        }
    }

    /// Speaks TLS over a connected stream, within the deadline that is set on it.
    #[allow(unused_variables, reason = "a build without TLS has nothing to do with them")]
    pub(super) fn handshake(
        &self,
        host: &str,
        stream: Box<dyn Stream>,
    ) -> Result<Box<dyn Stream>, NotConnected> {
        match self {
            #[cfg(feature = "rustls")]
            Self::Rustls(client) => client.handshake(host, stream),
            #[cfg(feature = "native-tls")]
            Self::Native(client) => client.handshake(host, stream),
            #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
            _ => match *self {},
        }
    }
}
