//! The server over real sockets.

mod limits;
mod refusals;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{Handler, Limits, PATIENCE, Reply, Request, Response, Server};

const SHORT: Duration = Duration::from_millis(150);

/// Longer than any machine needs, and much longer than a test waits.
const LONG: Duration = Duration::from_secs(60);

fn start(limits: Limits, handler: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(TcpListener::bind("127.0.0.1:0").unwrap(), limits, Arc::new(handler)).unwrap()
}

/// Responds with the method, target and body of the request.
#[allow(clippy::needless_pass_by_value, reason = "a handler takes its request")]
fn echo(request: Request) -> Reply {
    let text = format!("{} {} ", request.method, request.target);
    let body = [text.as_bytes(), &request.body].concat();
    Reply::Response(Response::new(200, body).header("X-Case", "Kept"))
}

#[track_caller]
fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Everything until the end of the connection.
#[track_caller]
fn rest(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Sends, closes the sending side, and returns the whole response.
#[track_caller]
fn responses_to(server: &Server, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(server);
    stream.write_all(bytes.as_ref()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    rest(&stream)
}

/// One response on a kept connection: head and body.
#[track_caller]
fn response(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut one).unwrap();
        bytes.push(one[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn post(target: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nX-Case: Kept\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_connection_is_kept() {
    let server = start(Limits::default(), echo);
    let mut stream = connect(&server);
    for round in 0..3 {
        let body = "x".repeat(round * 5_000);
        stream.write_all(post("/a?b=c%2F", &body).as_bytes()).unwrap();
        let (head, text) = response(&mut stream);
        assert_eq!(head + &text, ok(&format!("POST /a?b=c%2F {body}")));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_response_is_sent_in_one_piece() {
    let server = start(Limits::default(), echo);
    let mut stream = connect(&server);
    let mut bytes = [0; 4096];
    for _ in 0..50 {
        stream.write_all(post("/", "body").as_bytes()).unwrap();
        let count = stream.read(&mut bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes[..count]), ok("POST / body"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = start(Limits::default(), echo);
    let requests: String = (0..300).map(|n| post(&format!("/{n}"), &"y".repeat(n))).collect();
    let responses: String = (0..300).map(|n| ok(&format!("POST /{n} {}", "y".repeat(n)))).collect();
    assert_eq!(responses_to(&server, requests), responses);
}

#[test]
fn head_is_answered_without_a_body() {
    let server = start(Limits::default(), echo);
    let reply = responses_to(&server, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2));
    assert_eq!(reply, "HTTP/1.1 200 OK\r\nX-Case: Kept\r\nContent-Length: 8\r\n\r\n".repeat(2));
}

#[test]
fn connections_are_closed_as_the_request_asks() {
    let server = start(Limits::default(), echo);
    for (request, connection) in [
        ("HTTP/1.1\r\nHost: x", None),
        ("HTTP/1.1\r\nHost: x\r\nConnection: close", Some("close")),
        ("HTTP/1.1\r\nHost: x\r\nConnection: foo, CLOSE", Some("close")),
        ("HTTP/1.1\r\nHost: x\r\nConnection: keep-alive", None),
        ("HTTP/1.0", Some("close")),
        ("HTTP/1.0\r\nConnection: Keep-Alive", Some("keep-alive")),
        ("HTTP/1.0\r\nConnection: keep-alive, close", Some("close")),
    ] {
        let mut stream = connect(&server);
        stream.write_all(format!("GET / {request}\r\n\r\n").as_bytes()).unwrap();
        let (head, _) = response(&mut stream);
        let said = head.lines().find_map(|line| line.strip_prefix("Connection: "));
        assert_eq!(said, connection, "{request}");
        if connection == Some("close") {
            assert_eq!(rest(&stream), "", "{request}");
        } else {
            stream.write_all(post("/again", "").as_bytes()).unwrap();
            assert_eq!(response(&mut stream).1, "POST /again ", "{request}");
        }
    }
}

#[test]
fn continue_is_sent_if_the_peer_waits_for_it() {
    let server = start(Limits { max_body: 10, ..Limits::default() }, echo);
    for framing in ["Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut stream = connect(&server);
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n{framing}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        let body = if framing.starts_with('C') { "abc" } else { "3\r\nabc\r\n0\r\n\r\n" };
        stream.write_all(body.as_bytes()).unwrap();
        assert_eq!(response(&mut stream).1, "POST / abc");
    }
    // It is not sent if the body has already arrived or is too large, nor for HTTP/1.0.
    let eager = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(responses_to(&server, eager), ok("POST / abc"));
    let large = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n";
    assert!(responses_to(&server, large).starts_with("HTTP/1.1 413 "));
    let mut old = connect(&server);
    old.write_all(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").unwrap();
    thread::sleep(SHORT);
    old.write_all(b"abc").unwrap();
    assert!(rest(&old).starts_with("HTTP/1.1 200 "));
}

#[cfg(feature = "sandbox")]
#[test]
fn replies_that_are_not_responses() {
    let server = start(Limits::default(), |request| match request.target.as_str() {
        "/close" => Reply::Raw(Vec::new()),
        "/reset" => Reply::Reset,
        "/raw" => Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()),
        "/late" => Reply::Response(Response::new(204, &b""[..]).after(SHORT)),
        _ => echo(request),
    });
    assert_eq!(responses_to(&server, post("/close", "")), "");
    assert_eq!(responses_to(&server, post("/raw", "")), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    let mut stream = connect(&server);
    stream.write_all(post("/reset", "").as_bytes()).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let begun = Instant::now();
    assert_eq!(responses_to(&server, post("/late", "")), "HTTP/1.1 204 No Content\r\n\r\n");
    assert!(begun.elapsed() >= SHORT);
}

#[test]
fn headers_are_found_whatever_their_case() {
    let server = start(Limits::default(), |request| {
        let text = format!(
            "{:?} {} {:?}",
            request.header("x-ONE"),
            request.values("X-Two").count(),
            request.header("x")
        );
        Reply::Response(Response::new(200, text.into_bytes()))
    });
    let reply = responses_to(
        &server,
        "GET / HTTP/1.1\r\nHost: h\r\nX-One:  a b \r\nx-two: 1\r\nX-TWO: 2\r\nx: \u{e9}\r\n\r\n",
    );
    assert!(reply.ends_with("\r\n\r\nSome(\"a b\") 2 None"), "{reply}");
}
