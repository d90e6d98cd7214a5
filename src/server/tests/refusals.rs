//! Which requests are accepted, and which are refused.

use proptest::prelude::*;

use super::*;
use crate::server::pieces::check_requests;

#[test]
fn a_request_may_arrive_in_any_pieces() {
    let server = start(Limits::default(), echo);
    let chunked = "\r\nPUT /p HTTP/1.1\r\nhOST: x\r\ntransfer-Encoding: Chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n";
    let twice = chunked.repeat(2) + &post("/q", "end");
    for size in [1, 2, 3, 7, 64, 10_000] {
        let mut stream = connect(&server);
        for piece in twice.as_bytes().chunks(size) {
            stream.write_all(piece).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let expected = ok("PUT /p abc0123456789").repeat(2) + &ok("POST /q end");
        assert_eq!(rest(&stream), expected, "in pieces of {size}");
    }
}

#[test]
fn a_body_belongs_to_its_request_whatever_the_method() {
    let server = start(Limits::default(), echo);
    let hidden = "POST /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    for method in ["GET", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let request = post("/", hidden).replacen("POST", method, 1);
        assert_eq!(responses_to(&server, request), ok(&format!("{method} / {hidden}")));
    }
    assert_eq!(
        responses_to(&server, post("/", hidden).replacen("POST", "HEAD", 1)).matches("HTTP/1.1").count(),
        1
    );
    // A request without a length has no body.
    assert_eq!(responses_to(&server, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"), ok("POST / "));
}

#[test]
fn bytes_that_are_not_a_request_are_refused() {
    let called = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&called);
    let server = start(Limits { max_head: 1000, ..Limits::default() }, move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        echo(request)
    });
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1000));
    let endless = "G".repeat(5000);
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a:b\r\n".repeat(200));
    let trailer = format!("{}0\r\nT: {}", "@", "t".repeat(5000));
    let extension = format!("@3;{}", "x".repeat(20_000));
    let extensions = format!("@{}", "1;xxxxxxxxxxxxx\r\na\r\n".repeat(1000));
    for (status, request) in [
        (400, "SSH-2.0-OpenSSH_9.2\r\n"),
        (400, "\x16\x03\x01\x02\0\x01\0\n"),
        (400, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
        (400, "GET /\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
        (400, "*Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        (400, "*Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        (400, "*Content-Length: 3, 3\r\n\r\nabc"),
        (400, "*Content-Length: +3\r\n\r\nabc"),
        (400, "*Content-Length: -3\r\n\r\nabc"),
        (400, "*Content-Length: 0x3\r\n\r\nabc"),
        (400, "*Content-Length:\r\n\r\nabc"),
        (413, "*Content-Length: 99999999999999999999999\r\n\r\nabc"),
        (413, "*Content-Length: 65537\r\n\r\nabc"),
        (400, "*Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "*Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "*Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (400, "*Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        (400, "*Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        (400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "@zz\r\nabc\r\n"),
        (400, "@-1\r\nabc\r\n"),
        (400, "@3\r\nabcd\r\n0\r\n\r\n"),
        (413, "@fffffffffffffffff\r\nabc\r\n"),
        (400, "@+3\r\nabc\r\n0\r\n\r\n"),
        (400, "@0x3\r\nabc\r\n0\r\n\r\n"),
        (400, "@ 3\r\nabc\r\n0\r\n\r\n"),
        (400, "@3 \r\nabc\r\n0\r\n\r\n"),
        (400, "@\r\n3\r\nabc\r\n0\r\n\r\n"),
        (400, "@;a\r\nabc\r\n0\r\n\r\n"),
        (400, "@3;a\nabc\r\n0\r\n\r\n"),
        (400, "@3;a\n\r\nabc\r\n0\r\n\r\n"),
        (400, "@3;a\rb\r\nabc\r\n0\r\n\r\n"),
        (400, "@3;a\0\r\nabc\r\n0\r\n\r\n"),
        (400, "@3\nabc\r\n0\r\n\r\n"),
        (400, "@3\r\nabc\n0\r\n\r\n"),
        (400, "@3\r\nabc\r\n0\n\n"),
        (400, "@3\r\nabc\r\n0\r\nT: t\r\n\r\n"),
        (400, "@3\r\nabc\r\n0\r\nno trailer\r\n\r\n"),
        (413, &extension),
        (413, &extensions),
        (400, &trailer),
        (431, &long),
        (431, &endless),
        (431, &many),
    ] {
        let request = request
            .replace('*', "POST / HTTP/1.1\r\nHost: x\r\n")
            .replace('@', "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        // The bytes after a bad request must not be read as a request.
        let reply = responses_to(&server, request.clone() + &post("/smuggled", ""));
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?} got {reply:?}");
        assert!(
            reply.ends_with("\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            "{request:?} got {reply:?}"
        );
    }
    assert_eq!(called.load(Ordering::SeqCst), 0);
    // Half a request gets no response.
    assert_eq!(responses_to(&server, "GET / HTTP/1.1\r\nHost: x\r\n"), "");
    assert_eq!(responses_to(&server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"), "");
    assert_eq!(called.load(Ordering::SeqCst), 0);
    assert_eq!(responses_to(&server, post("/", "")), ok("POST / "));
}

#[test]
fn a_head_without_an_end_is_refused_at_once() {
    let server = start(Limits { max_head: 1000, ..Limits::default() }, echo);
    for line in ["GET /", "a: b\r\n"] {
        let mut stream = connect(&server);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nA: ").unwrap();
        stream.write_all(line.repeat(2000 / line.len()).as_bytes()).unwrap();
        assert!(response(&mut stream).0.starts_with("HTTP/1.1 431 "), "{line:?}");
    }
}

#[test]
fn a_large_body_is_refused_without_reading_it() {
    let server = start(Limits { max_body: 1000, ..Limits::default() }, echo);
    assert_eq!(
        responses_to(&server, post("/", &"z".repeat(1000))),
        ok(&format!("POST / {}", "z".repeat(1000)))
    );
    let announced = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n";
    let mut waiting = connect(&server);
    waiting.write_all(announced.as_bytes()).unwrap();
    assert!(response(&mut waiting).0.starts_with("HTTP/1.1 413 "));
    // The peer is still sending its body when the response comes, and gets it all the same.
    let mut stream = connect(&server);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..200 {
        stream.write_all(format!("400\r\n{}\r\n", "z".repeat(1024)).as_bytes()).unwrap();
    }
    assert!(response(&mut stream).0.starts_with("HTTP/1.1 413 "));
    // A peer that does not stop is disconnected.
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(&[b'z'; 1 << 14]).is_ok() {
        sent += 1 << 14;
    }
    assert!(sent < 64 << 20);
}

#[test]
fn a_header_cannot_be_injected() {
    let server = start(Limits::default(), |request| {
        let value = String::from_utf8_lossy(&request.body).into_owned();
        Reply::Response(Response::new(200, &b""[..]).header("A", value).header("B", "b"))
    });
    let reply = responses_to(&server, post("/", "x\r\nSet-Cookie: y"));
    assert_eq!(reply, "HTTP/1.1 200 OK\r\nB: b\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn a_target_may_be_a_whole_url() {
    let server = start(Limits::default(), echo);
    for (target, taken) in [
        ("http://example.com/a?b=c%2F", "/a?b=c%2F"),
        ("HTTPS://u:p@example.com:8443/a/", "/a/"),
        ("http://example.com", "/"),
        ("http://example.com?b", "/?b"),
        ("http://[::1]/a?http://b/", "/a?http://b/"),
        ("/http://b/", "/http://b/"),
        ("//a/b", "//a/b"),
    ] {
        assert_eq!(responses_to(&server, post(target, "")), ok(&format!("POST {taken} ")), "{target}");
    }
    for target in
        ["http:///a", "http://?a", "ftp://example.com/", "example.com:443", "a", "*", "http:/a", "?a"]
    {
        let reply = responses_to(&server, post(target, ""));
        assert!(reply.starts_with("HTTP/1.1 400 "), "{target}: {reply}");
    }
    let all = post("*", "").replacen("POST", "OPTIONS", 1);
    assert_eq!(responses_to(&server, all), ok("OPTIONS * "));
}

#[test]
fn trailers_are_refused_at_once() {
    let server = start(Limits::default(), echo);
    let mut stream = connect(&server);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n").unwrap();
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all("A: b\r\n".repeat(1000).as_bytes()).is_ok() {
        sent += 6000;
    }
    assert!(sent < 16 << 20, "{sent} bytes of trailers were taken");
}

/// Texts that requests consist of, and some that do not belong there.
const WORDS: [&str; 26] = [
    "POST /a?b HTTP/1.1\r\nHost: x\r\n",
    "GET http://h/a HTTP/1.0\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 300\r\n",
    "Content-Length: 301\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "abc",
    "abc\r\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "0",
    "1",
    "fff",
    ";x",
    " ",
    ":",
    "\0",
    "\u{e9}",
];

proptest! {
    #[test]
    fn requests_are_the_same_in_whatever_pieces_they_come(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..30),
        size in 1..40usize,
    ) {
        check_requests(words.concat().as_bytes(), size);
    }
}
