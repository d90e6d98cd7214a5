//! The service on loopback. It sends the same response to every request, as fast as it can.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::{alloc, facts};

/// What a server has seen, and whether it holds its responses back.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// TLS records of application data that clients sent.
    pub(crate) records: AtomicUsize,
    /// If it is above zero, no response is sent before this many requests wait.
    gate: AtomicUsize,
    waiting: Mutex<usize>,
    all_here: Condvar,
}

impl Seen {
    /// Makes the next `count` requests wait for each other, so that there are as many connections.
    pub(crate) fn gather(&self, count: usize) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.gate.store(count, Ordering::SeqCst);
    }

    fn wait_for_others(&self) {
        let count = self.gate.load(Ordering::SeqCst);
        if count == 0 {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting += 1;
        if *waiting == count {
            self.gate.store(0, Ordering::SeqCst);
            self.all_here.notify_all();
        }
        while self.gate.load(Ordering::SeqCst) > 0 {
            waiting = self.all_here.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A server that runs as long as the process does.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The certificate to trust, as PEM; `None` for plain HTTP.
    pub(crate) pem: Option<String>,
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    /// Starts a server of plain HTTP.
    pub(crate) fn plain() -> Self {
        Self::start(None, None)
    }

    /// Starts a server of HTTPS, with a certificate for 127.0.0.1 that it makes itself.
    pub(crate) fn tls() -> Self {
        Self::tls_for(&["127.0.0.1"])
    }

    /// Starts a server of HTTPS, with a certificate for these names.
    pub(crate) fn tls_for(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certified = rcgen::generate_simple_self_signed(names).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        Self::start(Some(Arc::new(config)), Some(certified.cert.pem()))
    }

    /// The base URL.
    pub(crate) fn base_url(&self) -> String {
        let scheme = if self.pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    fn start(config: Option<Arc<rustls::ServerConfig>>, pem: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            alloc::uncounted();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (config, seen) = (config.clone(), Arc::clone(&shared));
                thread::spawn(move || {
                    alloc::uncounted();
                    stream.set_nodelay(true).unwrap();
                    match config {
                        None => serve(stream, &seen),
                        Some(config) => {
                            let session = rustls::ServerConnection::new(config).unwrap();
                            let stream =
                                Records { stream, seen: Arc::clone(&seen), left: 0, head: Vec::new() };
                            serve(rustls::StreamOwned::new(session, stream), &seen);
                        }
                    }
                });
            }
        });
        Self { address, pem, seen }
    }
}

/// Responds until the connection ends.
fn serve(mut stream: impl Read + Write, seen: &Seen) {
    let response = facts::response();
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => return,
            Ok(amount) => filled += amount,
        }
        if request_length(&buffer[..filled]).is_some_and(|length| filled >= length) {
            filled = 0;
            seen.requests.fetch_add(1, Ordering::Relaxed);
            seen.wait_for_others();
            if stream.write_all(&response).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }
}

/// The length of a request with its body, if its head is complete.
fn request_length(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let mut length = 0;
    let mut start = 0;
    loop {
        let line = bytes[start..].iter().position(|&b| b == b'\n')?;
        let line = &bytes[start..start + line];
        start += line.len() + 1;
        if line == b"\r" {
            return Some(start + length);
        }
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            length = line[NAME.len()..]
                .iter()
                .filter(|b| b.is_ascii_digit())
                .fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
        }
    }
}

/// Counts the TLS records in the bytes that are read.
struct Records {
    stream: TcpStream,
    seen: Arc<Seen>,
    /// How much of the current record is still missing.
    left: usize,
    head: Vec<u8>,
}

impl Read for Records {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let amount = self.stream.read(buf)?;
        let mut bytes = &buf[..amount];
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            let taken = (5 - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let [kind, _, _, high, low] = self.head[..] {
                // 23 is application data; TLS 1.3 also hides the last message of its handshake in it.
                self.seen.records.fetch_add(usize::from(kind == 23), Ordering::Relaxed);
                self.left = usize::from(high) << 8 | usize::from(low);
                self.head.clear();
            }
        }
        Ok(amount)
    }
}

impl Write for Records {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
