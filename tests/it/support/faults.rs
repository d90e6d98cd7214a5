//! Servers that fail in a chosen way.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{created, read_request, serve};

/// What a server does with one request.
#[derive(Clone, Debug)]
pub enum Step {
    /// Answers, and keeps the connection open.
    Respond(String),
    /// Answers, and closes in an orderly way.
    RespondAndClose(String),
    /// Waits for the first bytes of the request, and closes without reading them: a reset.
    CloseUnread,
    /// Reads the request, and closes.
    CloseRead,
    /// Reads the request, sends this beginning of a response, and closes.
    Break(String),
    /// Reads the request, and is then silent until the client gives up.
    Silence,
    /// Reads the request, sends this beginning of a response, and is then silent.
    Stall(String),
}

impl Step {
    /// An empty response with this status.
    pub fn status(status: u16) -> Self {
        Self::Respond(super::response(&format!("{status} Status"), "", "{}"))
    }

    /// A correct response to a creation.
    pub fn created() -> Self {
        Self::Respond(created())
    }
}

/// A server that takes one step for each request, and repeats the last one.
pub struct Script {
    pub address: SocketAddr,
    /// The requests that were read whole, in order.
    pub requests: Receiver<Vec<u8>>,
    /// A signal for each connection that the server has closed.
    pub closed: Receiver<()>,
    connections: Arc<AtomicUsize>,
}

impl Script {
    pub fn new(steps: impl Into<Vec<Step>>) -> Self {
        let steps = steps.into();
        let next = Mutex::new(0);
        let take = move || {
            let mut next = next.lock().unwrap();
            let step = steps[(*next).min(steps.len() - 1)].clone();
            *next += 1;
            step
        };
        let (sender, requests) = mpsc::channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let (ended, closed) = mpsc::channel();
        let address = serve(move |mut stream, _| {
            count.fetch_add(1, Ordering::SeqCst);
            run(&mut stream, &take, &sender);
            drop(stream);
            let _ = ended.send(());
        });
        Self { address, requests, closed, connections }
    }

    /// How many connections were accepted up to now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests up to now, which must all be equal, by their number.
    #[track_caller]
    pub fn equal_requests(&self) -> usize {
        let requests: Vec<_> = self.requests.try_iter().collect();
        assert!(requests.windows(2).all(|pair| pair[0] == pair[1]), "every attempt sends the same bytes");
        requests.len()
    }
}

/// Serves one connection.
fn run(stream: &mut TcpStream, take: &impl Fn() -> Step, sender: &mpsc::Sender<Vec<u8>>) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A step is taken only when a request arrives, so that an idle connection takes none.
    while stream.peek(&mut [0]).is_ok_and(|amount| amount > 0) {
        let step = take();
        if matches!(step, Step::CloseUnread) {
            return;
        }
        let Some(request) = read_request(stream) else { return };
        let _ = sender.send(request);
        match step {
            Step::Respond(response) => {
                if stream.write_all(response.as_bytes()).is_err() {
                    return;
                }
            }
            Step::RespondAndClose(bytes) | Step::Break(bytes) => {
                let _ = stream.write_all(bytes.as_bytes());
                return;
            }
            Step::CloseUnread | Step::CloseRead => return,
            Step::Silence => return hold(stream),
            Step::Stall(bytes) => {
                let _ = stream.write_all(bytes.as_bytes());
                return hold(stream);
            }
        }
    }
}

/// Waits until a server signals that it has done something, and then a little longer, so that it arrives here.
pub fn done<T>(signals: &Receiver<T>) {
    signals.recv_timeout(Duration::from_secs(20)).expect("a signal of the server");
    thread::sleep(Duration::from_millis(20));
}

/// Keeps a connection open and ignores what arrives, until the client closes it.
pub fn hold(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    while stream.read(&mut [0; 4096]).is_ok_and(|amount| amount > 0) {}
}

/// A socket with a port of its own that does not listen yet.
pub fn deaf() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// An address that refuses connections. It does so until the tests end: nobody else can get its port.
pub fn nobody() -> SocketAddr {
    let (socket, address) = deaf();
    std::mem::forget(socket);
    address
}

/// An address that neither accepts nor refuses: its queue of connections is full.
#[cfg(target_os = "linux")]
pub struct FullQueue {
    pub address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

#[cfg(target_os = "linux")]
impl FullQueue {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            waiting.push(stream);
        }
        Self { address, _listener: listener, _waiting: waiting }
    }
}

/// Runs a closure in another thread and measures it, so that a hang fails the test instead of blocking it.
#[track_caller]
pub fn within<T: Send + 'static>(
    limit: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> (T, Duration) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let started = Instant::now();
        let result = work();
        let _ = sender.send((result, started.elapsed()));
    });
    receiver.recv_timeout(limit).unwrap_or_else(|error| panic!("{name}: not over after {limit:?}: {error}"))
}
