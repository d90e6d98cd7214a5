//! What the tests of the listener share: signed callbacks, and a simple HTTP client.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use twilio_payments::{CallbackListener, SignatureValidator, StatusCallback};

use super::TOKEN;

pub const PUBLIC: &str = "https://pay.example.com/status";
pub const SECOND: Duration = Duration::from_secs(1);
pub const LONG: Duration = Duration::from_secs(10);

pub fn validator() -> SignatureValidator {
    SignatureValidator::new(TOKEN).unwrap()
}

pub fn listener() -> CallbackListener {
    CallbackListener::bind("127.0.0.1:0", PUBLIC, validator()).unwrap()
}

pub fn sid(n: usize) -> String {
    format!("PK{n:032x}")
}

/// A callback about a session, with a number to recognize it by.
pub fn body(session: usize, number: usize) -> String {
    format!("Sid={}&CallSid=CA1&Number={number}", sid(session))
}

#[track_caller]
pub fn number(callback: &StatusCallback) -> usize {
    callback.other("Number").unwrap().parse().unwrap()
}

/// A signed request, with further header lines.
pub fn post(path: &str, url: &str, headers: &str, body: &str) -> String {
    let signature = validator().sign(url, body.as_bytes());
    format!(
        "POST {path} HTTP/1.1\r\nHost: internal\r\nX-Twilio-Signature: {signature}\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn signed(body: &str) -> String {
    post("/status", PUBLIC, "", body)
}

pub fn with_token(token: &str, body: &str) -> String {
    post("/status", PUBLIC, &format!("I-Twilio-Idempotency-Token: {token}\r\n"), body)
}

#[track_caller]
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends a request on an open connection, and returns the head of the response. The responses have no bodies.
#[track_caller]
pub fn ask(stream: &mut TcpStream, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    head(stream)
}

#[track_caller]
pub fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(String::from_utf8(bytes).unwrap())
}

#[track_caller]
pub fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Sends a request on a connection of its own, and returns the status of the response.
#[track_caller]
pub fn send(listener: &CallbackListener, request: &str) -> u16 {
    status(&ask(&mut connect(listener.local_addr()), request).unwrap())
}

/// Runs a test that would hang if it failed, for half a minute at most.
#[track_caller]
pub fn in_time(test: fn()) {
    let (ended, end) = mpsc::channel();
    let thread = thread::spawn(move || {
        // Dropped even if the test panics.
        let _ended = ended;
        test();
    });
    let end: Result<(), _> = end.recv_timeout(3 * LONG);
    assert_eq!(end, Err(RecvTimeoutError::Disconnected), "still waiting");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
