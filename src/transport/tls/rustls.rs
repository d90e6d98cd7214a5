//! TLS by rustls.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Instant;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned, WantsVerifier};

use crate::error::Error;
use crate::transport::failure::NotConnected;
use crate::transport::stream::{Stream, TlsClient, has_nothing_to_read};

pub(super) struct Client(Arc<ClientConfig>);

impl Client {
    /// Trusts Mozilla's root certificates and these.
    pub(super) fn new(extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in certificates(extra_roots)? {
            roots
                .add(certificate)
                .map_err(|error| Error::invalid("root_certificate", "not usable").with_source(error))?;
        }
        Ok(Self::of(builder()?.with_root_certificates(roots)))
    }

    /// Trusts the operating system's root certificates and these.
    #[cfg(feature = "platform-verifier")]
    pub(super) fn with_platform_verifier(extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = certificates(extra_roots)?;
        let verifier =
            rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider).map_err(|error| {
                Error::invalid("tls", "the platform's verifier is not usable").with_source(error)
            })?;
        // rustls calls every verifier except its own "dangerous"; this one checks everything that its own does.
        Ok(Self::of(builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier))))
    }

    fn of(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Self {
        Self(Arc::new(builder.with_no_client_auth()))
    }
}

impl TlsClient for Client {
    fn handshake(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, NotConnected> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| NotConnected::Untrusted(error.into()))?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name)
            .map_err(|error| NotConnected::Untrusted(error.into()))?;
        let mut tls = StreamOwned::new(connection, stream);
        while tls.conn.is_handshaking() {
            if let Err(error) = tls.conn.complete_io(&mut tls.sock) {
                let refused = error.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<rustls::Error>);
                return Err(if refused {
                    NotConnected::Untrusted(error.into())
                } else {
                    NotConnected::Failed(error)
                });
            }
        }
        Ok(Box::new(tls))
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    // The provider is set explicitly, so that a process-wide choice by another crate cannot make this fail.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::invalid("tls", "no protocol version is usable").with_source(error))
}

fn certificates(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let invalid = || Error::invalid("root_certificate", "not a PEM certificate");
    let mut found = Vec::new();
    for pem in pems {
        let before = found.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            found.push(certificate.map_err(|error| invalid().with_source(error))?);
        }
        if found.len() == before {
            return Err(invalid());
        }
    }
    Ok(found)
}

impl Stream for StreamOwned<ClientConnection, Box<dyn Stream>> {
    fn set_deadline(&mut self, deadline: Instant) {
        self.sock.set_deadline(deadline);
    }

    fn set_waiting(&mut self, waiting: bool) {
        self.sock.set_waiting(waiting);
    }

    fn is_quiet(&mut self) -> bool {
        // It wants to read unless some data is already decrypted, which a check of the socket does not find. What the
        // check finds may only be the tickets that a server sends after the handshake.
        self.conn.wants_read() && (self.sock.is_quiet() || has_nothing_to_read(self))
    }
}
