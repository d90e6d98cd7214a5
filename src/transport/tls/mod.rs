//! TLS over a stream, with the libraries that the features provide.

#[cfg(feature = "native-tls")]
mod native;
#[cfg(feature = "rustls")]
mod rustls;

use super::stream::TlsClient;
use crate::error::Error;

/// The TLS library, and which root certificates it trusts. See [`tls`](crate::PaymentsApiBuilder::tls).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tls {
    /// rustls with Mozilla's root certificates, which are compiled in. This is the default.
    #[cfg(feature = "rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
    Rustls,
    /// rustls with the operating system's root certificates.
    #[cfg(feature = "platform-verifier")]
    #[cfg_attr(docsrs, doc(cfg(feature = "platform-verifier")))]
    PlatformVerifier,
    /// The operating system's own library: OpenSSL, Secure Transport or SChannel, with TLS 1.2 or later. This is the
    /// default if the feature `rustls` is off.
    #[cfg(feature = "native-tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "native-tls")))]
    NativeTls,
}

impl Tls {
    /// Returns the default, or `None` in a build without TLS.
    #[allow(unreachable_code, clippy::needless_return, reason = "which line is last depends on the features")]
    pub(crate) fn default_choice() -> Option<Self> {
        #[cfg(feature = "rustls")]
        return Some(Self::Rustls);
        #[cfg(feature = "native-tls")]
        return Some(Self::NativeTls);
        None
    }

    /// Makes a configuration that trusts the usual root certificates and the extra ones, in PEM format.
    // Without TLS there is no library to pass the roots to.
    #[cfg_attr(not(any(feature = "rustls", feature = "native-tls")), allow(unused_variables))]
    pub(super) fn client(self, extra_roots: &[Vec<u8>]) -> Result<Box<dyn TlsClient>, Error> {
        match self {
            #[cfg(feature = "rustls")]
            Self::Rustls => Ok(Box::new(rustls::Client::new(extra_roots)?)),
            #[cfg(feature = "platform-verifier")]
            Self::PlatformVerifier => Ok(Box::new(rustls::Client::with_platform_verifier(extra_roots)?)),
            #[cfg(feature = "native-tls")]
            Self::NativeTls => Ok(Box::new(native::Client::new(extra_roots)?)),
        }
    }
}
