//! What the tests over sockets share: a server that sends prepared responses and records its requests.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "each test file takes a part of it"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use twilio_payments::{Credentials, PaymentsApi, PaymentsApiBuilder};

pub mod callbacks;
pub mod faults;
pub mod records;
pub mod tls;

pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const CALL: &str = "CA00000000000000000000000000000002";
pub const SESSION: &str = "PK00000000000000000000000000000003";
pub const TOKEN: &str = "a-secret-auth-token";
pub const CALLBACK: &str = "https://example.com/status";

/// A server that passes each connection to a function in a thread of its own, and runs until the test ends.
pub fn serve(each: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let each = std::sync::Arc::new(each);
    thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let each = std::sync::Arc::clone(&each);
            thread::spawn(move || each(stream.unwrap(), index));
        }
    });
    address
}

/// Reads one request with a Content-Length; `None` if the connection ends first.
pub fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let amount = stream.read(&mut chunk).ok().filter(|&amount| amount > 0)?;
        bytes.extend_from_slice(&chunk[..amount]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text[..head]
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse::<usize>().unwrap());
            if bytes.len() >= head + 4 + length {
                return Some(bytes);
            }
        }
    }
}

/// The body of a success.
pub fn payments_json() -> String {
    format!(r#"{{"account_sid":"{ACCOUNT}","call_sid":"{CALL}","sid":"{SESSION}"}}"#)
}

/// A whole response.
pub fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// The whole response of a successful creation.
pub fn created() -> String {
    response("201 Created", "Content-Type: application/json\r\n", &payments_json())
}

/// A server that sends these responses in turn, repeats the last one, and reports each request.
pub fn scripted<T: Into<Vec<u8>>>(answers: impl IntoIterator<Item = T>) -> (SocketAddr, Receiver<Vec<u8>>) {
    let answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
    let (sender, receiver) = mpsc::channel();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let address = serve(move |mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(answers.len() - 1);
            let _ = sender.send(request);
            if stream.write_all(&answers[index]).is_err() {
                break;
            }
        }
    });
    (address, receiver)
}

pub fn builder(address: SocketAddr) -> PaymentsApiBuilder {
    PaymentsApi::builder(Credentials::auth_token(ACCOUNT, TOKEN).unwrap())
        .base_url(format!("http://{address}"))
}

pub fn client(address: SocketAddr) -> PaymentsApi {
    builder(address).build().unwrap()
}
