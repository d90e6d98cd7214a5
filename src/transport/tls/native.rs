//! TLS by the operating system's library.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector, TlsStream};

use crate::error::Error;
use crate::transport::failure::NotConnected;
use crate::transport::stream::{Stream, TlsClient, has_nothing_to_read};

pub(super) struct Client(TlsConnector);

impl Client {
    /// Trusts the operating system's root certificates and these.
    pub(super) fn new(extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        for pem in extra_roots.iter().flat_map(|pem| one_by_one(pem)) {
            let certificate = Certificate::from_pem(pem).map_err(|error| {
                Error::invalid("root_certificate", "not a PEM certificate").with_source(error)
            })?;
            builder.add_root_certificate(certificate);
        }
        let connector = builder.build().map_err(|error| {
            Error::invalid("tls", "the system's TLS library is not usable").with_source(error)
        })?;
        Ok(Self(connector))
    }
}

impl TlsClient for Client {
    fn handshake(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, NotConnected> {
        let broken = Arc::new(Mutex::new(None));
        let noting = Noting { stream, broken: Arc::clone(&broken) };
        self.0.connect(host, noting).map(|tls| Box::new(tls) as Box<dyn Stream>).map_err(|error| {
            let broken = *lock!(broken);
            match (broken, error) {
                (Some(kind), _) => NotConnected::Failed(kind.into()),
                (None, HandshakeError::Failure(error)) => NotConnected::Untrusted(Box::new(error)),
                // The stream never reports that it would block.
                (None, HandshakeError::WouldBlock(_)) => NotConnected::Failed(io::ErrorKind::TimedOut.into()),
            }
        })
    }
}

/// Splits PEM text into certificates, because the system's library would only read the first one.
fn one_by_one(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let mut rest = Some(pem);
    std::iter::from_fn(move || {
        let pem = rest?;
        let end = pem.windows(END.len()).position(|window| window == END).map(|start| start + END.len());
        let (certificate, after) = pem.split_at(end.unwrap_or(pem.len()));
        // Text after the last one is ignored; the library refuses text without any certificate.
        rest = Some(after).filter(|after| after.windows(END.len()).any(|window| window == END));
        Some(certificate)
    })
}

/// A stream that notes its errors, because the libraries report a lost connection and a refused certificate alike.
struct Noting {
    stream: Box<dyn Stream>,
    broken: Arc<Mutex<Option<io::ErrorKind>>>,
}

impl Noting {
    fn note(&self, kind: io::ErrorKind) {
        *lock!(self.broken) = Some(kind);
    }
}

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

impl io::Write for Noting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf).inspect_err(|error| self.note(error.kind()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Stream for TlsStream<Noting> {
    fn set_deadline(&mut self, deadline: Instant) {
        self.get_mut().stream.set_deadline(deadline);
    }

    fn set_waiting(&mut self, waiting: bool) {
        self.get_mut().stream.set_waiting(waiting);
    }

    fn is_quiet(&mut self) -> bool {
        // A check of the socket does not find data that is already decrypted, and what it finds may only be the tickets
        // that a server sends after the handshake.
        self.buffered_read_size().is_ok_and(|size| size == 0)
            && (self.get_mut().stream.is_quiet() || has_nothing_to_read(self))
    }
}
