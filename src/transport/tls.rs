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

use std::fmt;
use std::io;
use std::sync::Arc;
#[cfg(feature = "native-tls")]
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

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
    /// The choice where none is made, or `None` in a build without TLS.
    #[allow(unreachable_code, clippy::needless_return, reason = "which line is last depends on the features")]
    pub(crate) fn default_choice() -> Option<Self> {
        #[cfg(feature = "rustls")]
        return Some(Self::Rustls);
        #[cfg(feature = "native-tls")]
        return Some(Self::NativeTls);
        None
    }
}

/// Why a handshake failed.
pub(super) enum Handshake {
    /// The connection broke or the time ran out.
    Io(io::Error),
    /// The other side is not to be trusted, or speaks no TLS that this one does.
    Refused(Box<dyn std::error::Error + Send + Sync>),
}

/// Makes TLS sessions with one configuration.
pub(super) struct TlsClient(Library);

enum Library {
    #[cfg(feature = "rustls")]
    Rustls(Arc<rustls::ClientConfig>),
    #[cfg(feature = "native-tls")]
    Native(Arc<native_tls::TlsConnector>),
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

impl TlsClient {
    /// A configuration that trusts the usual roots and the extra ones, given as PEM.
    #[allow(unused_variables, reason = "a build without TLS has nothing to do with them")]
    pub(super) fn new(tls: Tls, extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        match tls {
            #[cfg(feature = "rustls")]
            Tls::Rustls => {
                let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
                for certificate in certificates(extra_roots)? {
                    roots.add(certificate).map_err(|error| {
                        Error::invalid("root_certificate", "not usable").with_source(error)
                    })?;
                }
                let config = rustls_builder()?.with_root_certificates(roots).with_no_client_auth();
                Ok(Self(Library::Rustls(Arc::new(config))))
            }
            #[cfg(feature = "platform-verifier")]
            Tls::PlatformVerifier => {
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
                    certificates(extra_roots)?,
                    provider,
                )
                .map_err(|error| {
                    Error::invalid("tls", "the platform's verifier is not usable").with_source(error)
                })?;
                // "Dangerous" is rustls' word for any verifier but its own; this one checks all that it does.
                let config = rustls_builder()?
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
                    .with_no_client_auth();
                Ok(Self(Library::Rustls(Arc::new(config))))
            }
            #[cfg(feature = "native-tls")]
            Tls::NativeTls => {
                let mut builder = native_tls::TlsConnector::builder();
                builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
                for pem in extra_roots.iter().flat_map(|pem| one_by_one(pem)) {
                    let certificate = native_tls::Certificate::from_pem(pem).map_err(|error| {
                        Error::invalid("root_certificate", "not a PEM certificate").with_source(error)
                    })?;
                    builder.add_root_certificate(certificate);
                }
                let connector = builder.build().map_err(|error| {
                    Error::invalid("tls", "the system's TLS library is not usable").with_source(error)
                })?;
                Ok(Self(Library::Native(Arc::new(connector))))
            }
        }
    }

    /// Speaks TLS over a connected stream, with the deadline that is set on it.
    #[allow(unused_variables, reason = "a build without TLS has nothing to do with them")]
    pub(super) fn handshake(
        &self,
        host: &str,
        stream: Box<dyn Stream>,
    ) -> Result<Box<dyn Stream>, Handshake> {
        match &self.0 {
            #[cfg(feature = "rustls")]
            Library::Rustls(config) => {
                let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                let name = rustls::pki_types::ServerName::try_from(bare.to_owned())
                    .map_err(|error| Handshake::Refused(Box::new(error)))?;
                let connection = rustls::ClientConnection::new(Arc::clone(config), name)
                    .map_err(|error| Handshake::Refused(Box::new(error)))?;
                let mut session = rustls::StreamOwned::new(connection, stream);
                while session.conn.is_handshaking() {
                    if let Err(error) = session.conn.complete_io(&mut session.sock) {
                        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                        let refused = inner.is_some();
                        return Err(if refused {
                            Handshake::Refused(Box::new(error))
                        } else {
                            Handshake::Io(error)
                        });
                    }
                }
                Ok(Box::new(session))
            }
            #[cfg(feature = "native-tls")]
            Library::Native(connector) => {
                let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                let broken = Arc::new(Mutex::new(None));
                let result = connector.connect(bare, Noting { stream, broken: Arc::clone(&broken) });
                result.map(|session| Box::new(session) as Box<dyn Stream>).map_err(|error| {
                    let broken = *broken.lock().unwrap_or_else(PoisonError::into_inner);
                    match (broken, error) {
                        (Some(kind), _) => Handshake::Io(kind.into()),
                        (None, native_tls::HandshakeError::Failure(error)) => {
                            Handshake::Refused(Box::new(error))
                        }
                        // The stream never says "would block".
                        (None, native_tls::HandshakeError::WouldBlock(_)) => {
                            Handshake::Io(io::ErrorKind::TimedOut.into())
                        }
                    }
                })
            }
            #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
            _ => match self.0 {},
        }
    }
}

/// Cuts PEM text after each certificate: of several, the system's library would read the first only.
#[cfg(feature = "native-tls")]
fn one_by_one(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let mut rest = Some(pem);
    std::iter::from_fn(move || {
        let pem = rest?;
        let end = pem.windows(END.len()).position(|window| window == END).map(|start| start + END.len());
        let (certificate, after) = pem.split_at(end.unwrap_or(pem.len()));
        // What follows the last one is of no interest; text without any is for the library to refuse.
        rest = Some(after).filter(|after| after.windows(END.len()).any(|window| window == END));
        Some(certificate)
    })
}

#[cfg(feature = "rustls")]
fn rustls_builder() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Error> {
    // The provider is named, so that a process-wide choice of another crate cannot make this fail.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::invalid("tls", "no protocol version is usable").with_source(error))
}

#[cfg(feature = "rustls")]
fn certificates(pems: &[Vec<u8>]) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Error> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let mut found = Vec::new();
    for pem in pems {
        let before = found.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            found.push(certificate.map_err(|error| {
                Error::invalid("root_certificate", "not a PEM certificate").with_source(error)
            })?);
        }
        if found.len() == before {
            return Err(Error::invalid("root_certificate", "not a PEM certificate"));
        }
    }
    Ok(found)
}

#[cfg(feature = "rustls")]
impl Stream for rustls::StreamOwned<rustls::ClientConnection, Box<dyn Stream>> {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.sock.set_deadline(deadline);
    }

    fn is_quiet(&mut self) -> bool {
        // It wants to read unless there is something decrypted already, which no look at the socket finds.
        self.conn.wants_read() && self.sock.is_quiet()
    }
}

/// A stream that notes how it broke: the libraries report a broken connection and a refused certificate alike.
#[cfg(feature = "native-tls")]
struct Noting {
    stream: Box<dyn Stream>,
    broken: Arc<Mutex<Option<io::ErrorKind>>>,
}

#[cfg(feature = "native-tls")]
impl Noting {
    fn note(&self, kind: io::ErrorKind) {
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
    }
}

#[cfg(feature = "native-tls")]
impl io::Read for Noting {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(buf);
        match &result {
            Ok(0) => self.note(io::ErrorKind::UnexpectedEof),
            Ok(_) => {}
            Err(error) => self.note(error.kind()),
        }
        result
    }
}

#[cfg(feature = "native-tls")]
impl io::Write for Noting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf).inspect_err(|error| self.note(error.kind()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(feature = "native-tls")]
impl Stream for native_tls::TlsStream<Noting> {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.get_mut().stream.set_deadline(deadline);
    }

    fn is_quiet(&mut self) -> bool {
        // What is decrypted already, no look at the socket finds.
        self.buffered_read_size().is_ok_and(|size| size == 0) && self.get_mut().stream.is_quiet()
    }
}
