//! TLS servers with certificates that the tests make.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::serve;

pub type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub pem: String,
}

/// A certificate and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub enum Validity {
    Now,
    Past,
    Future,
}

/// How many authorities there are.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A unique name, because some libraries look authorities up by name.
        let name = format!("Authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names and addresses.
    pub fn issue(&self, names: &[&str], validity: Validity) -> Identity {
        let mut params = certificate_for(names);
        match validity {
            Validity::Now => {}
            Validity::Past => params.not_after = date_time_ymd(2020, 1, 1),
            Validity::Future => params.not_before = date_time_ymd(2999, 1, 1),
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Identity { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }
}

fn certificate_for(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

impl Identity {
    /// A self-signed certificate.
    pub fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = certificate_for(names).self_signed(&key).unwrap().der().clone();
        Self { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }

    pub fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key());
        Arc::new(config.unwrap())
    }
}

/// A TLS server that passes each connection to a function before its handshake.
pub fn serve_tls(
    config: Arc<ServerConfig>,
    each: impl Fn(TlsStream, usize) + Send + Sync + 'static,
) -> SocketAddr {
    serve(move |stream, index| {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        each(StreamOwned::new(connection, stream), index);
    })
}

/// Reads one request; `None` if the connection ends first.
pub fn read_request(stream: &mut TlsStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let amount = stream.read(&mut chunk).ok().filter(|&amount| amount > 0)?;
        bytes.extend_from_slice(&chunk[..amount]);
        // Every form ends with this.
        if bytes.ends_with(b"&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus") {
            return Some(bytes);
        }
    }
}

/// Sends text as a TLS record of its own.
pub fn send(stream: &mut TlsStream, text: &str) -> bool {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_ok()
}

/// Closes with TLS's `close_notify`.
pub fn close(mut stream: TlsStream) {
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// Passes bytes on to a server, and counts the records of application data that are sent to it.
pub fn counting_relay(server: SocketAddr) -> (SocketAddr, std::sync::mpsc::Receiver<usize>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let address = serve(move |mut client, _| {
        let mut server = TcpStream::connect(server).unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut header = [0; 5];
        while client.read_exact(&mut header).is_ok() {
            let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
            client.read_exact(&mut record).unwrap();
            if header[0] == 23 {
                let _ = sender.send(record.len());
            }
            server.write_all(&[&header[..], &record].concat()).unwrap();
        }
    });
    (address, receiver)
}

/// Makes a test of each function for each TLS library that the features provide.
macro_rules! with_each_library {
    (@$module:ident $tls:ident $($test:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test(super::Tls::$tls);
                }
            )+
        }
    };
    ($($test:ident)+) => {
        #[cfg(feature = "rustls")]
        with_each_library! { @by_rustls Rustls $($test)+ }
        #[cfg(feature = "native-tls")]
        with_each_library! { @by_native_tls NativeTls $($test)+ }
        #[cfg(feature = "platform-verifier")]
        with_each_library! { @by_platform_verifier PlatformVerifier $($test)+ }
    };
}

pub(crate) use with_each_library;
