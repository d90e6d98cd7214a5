//! The server over real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{Handler, Limits, PATIENCE, Reply, Request, Response, Server};

const SHORT: Duration = Duration::from_millis(150);

fn start(limits: Limits, handler: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(TcpListener::bind("127.0.0.1:0").unwrap(), limits, Arc::new(handler)).unwrap()
}

/// Answers with what came: method, target, body.
#[allow(clippy::needless_pass_by_value, reason = "a handler takes its request")]
fn echo(request: Request) -> Reply {
    let text = format!("{} {} ", request.method(), request.target());
    let body = [text.as_bytes(), request.body()].concat();
    Reply::Response(Response::new(200, body).header("X-Case", "Kept"))
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Everything until the end of the connection.
fn rest(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Sends, closes the sending side, and gives everything that comes back.
fn exchange(server: &Server, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(server);
    stream.write_all(bytes.as_ref()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    rest(&stream)
}

/// One answer of a kept connection: head and body.
fn answer(stream: &mut TcpStream) -> (String, String) {
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
        let (head, text) = answer(&mut stream);
        assert_eq!(head + &text, ok(&format!("POST /a?b=c%2F {body}")));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_answer_leaves_in_one_piece() {
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
    let answers: String = (0..300).map(|n| ok(&format!("POST /{n} {}", "y".repeat(n)))).collect();
    assert_eq!(exchange(&server, requests), answers);
}

#[test]
fn a_request_may_come_in_any_pieces() {
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
        assert_eq!(exchange(&server, request), ok(&format!("{method} / {hidden}")));
    }
    assert_eq!(
        exchange(&server, post("/", hidden).replacen("POST", "HEAD", 1)).matches("HTTP/1.1").count(),
        1
    );
    // No announced body is none.
    assert_eq!(exchange(&server, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"), ok("POST / "));
}

#[test]
fn head_is_answered_without_a_body() {
    let server = start(Limits::default(), echo);
    let reply = exchange(&server, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2));
    assert_eq!(reply, "HTTP/1.1 200 OK\r\nX-Case: Kept\r\nContent-Length: 8\r\n\r\n".repeat(2));
}

#[test]
fn who_closes() {
    let server = start(Limits::default(), echo);
    for (head, connection) in [
        ("HTTP/1.1\r\nHost: x", None),
        ("HTTP/1.1\r\nHost: x\r\nConnection: close", Some("close")),
        ("HTTP/1.1\r\nHost: x\r\nConnection: foo, CLOSE", Some("close")),
        ("HTTP/1.1\r\nHost: x\r\nConnection: keep-alive", None),
        ("HTTP/1.0", Some("close")),
        ("HTTP/1.0\r\nConnection: Keep-Alive", Some("keep-alive")),
        ("HTTP/1.0\r\nConnection: keep-alive, close", Some("close")),
    ] {
        let mut stream = connect(&server);
        stream.write_all(format!("GET / {head}\r\n\r\n").as_bytes()).unwrap();
        let (answered, _) = answer(&mut stream);
        let said = answered.lines().find_map(|line| line.strip_prefix("Connection: "));
        assert_eq!(said, connection, "{head}");
        if connection == Some("close") {
            assert_eq!(rest(&stream), "", "{head}");
        } else {
            stream.write_all(post("/again", "").as_bytes()).unwrap();
            assert_eq!(answer(&mut stream).1, "POST /again ", "{head}");
        }
    }
}

#[test]
fn continue_is_said_when_awaited() {
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
        assert_eq!(answer(&mut stream).1, "POST / abc");
    }
    // A body that is here already, or too large, gets no such answer; nor does HTTP/1.0.
    let eager = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(exchange(&server, eager), ok("POST / abc"));
    let large = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n";
    assert!(exchange(&server, large).starts_with("HTTP/1.1 413 "));
    let mut old = connect(&server);
    old.write_all(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").unwrap();
    thread::sleep(SHORT);
    old.write_all(b"abc").unwrap();
    assert!(rest(&old).starts_with("HTTP/1.1 200 "));
}

#[test]
fn what_is_no_request_is_refused() {
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
        // What follows a bad request must not be taken for one.
        let reply = exchange(&server, request.clone() + &post("/smuggled", ""));
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?} got {reply:?}");
        assert!(
            reply.ends_with("\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            "{request:?} got {reply:?}"
        );
    }
    assert_eq!(called.load(Ordering::SeqCst), 0);
    // Half a request is nobody's.
    assert_eq!(exchange(&server, "GET / HTTP/1.1\r\nHost: x\r\n"), "");
    assert_eq!(exchange(&server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"), "");
    assert_eq!(called.load(Ordering::SeqCst), 0);
    assert_eq!(exchange(&server, post("/", "")), ok("POST / "));
}

#[test]
fn a_head_without_end_is_not_waited_for() {
    let server = start(Limits { max_head: 1000, ..Limits::default() }, echo);
    for line in ["GET /", "a: b\r\n"] {
        let mut stream = connect(&server);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nA: ").unwrap();
        stream.write_all(line.repeat(2000 / line.len()).as_bytes()).unwrap();
        assert!(answer(&mut stream).0.starts_with("HTTP/1.1 431 "), "{line:?}");
    }
}

#[test]
fn who_does_not_leave_after_a_last_answer_is_left() {
    let server = start(Limits::default(), echo);
    let mut streams = [connect(&server), connect(&server)];
    for (stream, request) in streams.iter_mut().zip(["no request\r\n", "GET / HTTP/1.0\r\n\r\n"]) {
        stream.write_all(request.as_bytes()).unwrap();
        answer(stream);
    }
    let begun = Instant::now();
    while server.connections() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(10));
    }
    drop(streams);
}

#[test]
fn a_large_body_is_refused_without_reading_it() {
    let server = start(Limits { max_body: 1000, ..Limits::default() }, echo);
    assert_eq!(exchange(&server, post("/", &"z".repeat(1000))), ok(&format!("POST / {}", "z".repeat(1000))));
    let announced = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n";
    let mut waiting = connect(&server);
    waiting.write_all(announced.as_bytes()).unwrap();
    assert!(answer(&mut waiting).0.starts_with("HTTP/1.1 413 "));
    // The sender is in the midst of its body when the answer comes, and still gets it.
    let mut stream = connect(&server);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..200 {
        stream.write_all(format!("400\r\n{}\r\n", "z".repeat(1024)).as_bytes()).unwrap();
    }
    assert!(answer(&mut stream).0.starts_with("HTTP/1.1 413 "));
    // One that does not stop is cut off.
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(&[b'z'; 1 << 14]).is_ok() {
        sent += 1 << 14;
    }
    assert!(sent < 64 << 20);
}

#[test]
fn a_slow_sender_is_cut_off() {
    let server = start(Limits { request_time: SHORT, ..Limits::default() }, echo);
    for request in [
        "POST / HTTP/1.1\r\nHost: x\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nbbbbbbbbbbbbbbbb",
    ] {
        let mut stream = connect(&server);
        let begun = Instant::now();
        let mut sender = stream.try_clone().unwrap();
        let dripping = thread::spawn(move || {
            // Quick at first, then a byte now and then for a second.
            let (quick, slow) = request.split_at(request.len() - 20);
            sender.write_all(quick.as_bytes()).unwrap();
            for byte in slow.bytes() {
                thread::sleep(SHORT / 3);
                if sender.write_all(&[byte]).is_err() {
                    break;
                }
            }
        });
        assert!(answer(&mut stream).0.starts_with("HTTP/1.1 408 "), "{request:?}");
        let took = begun.elapsed();
        assert!(took >= SHORT && took < Duration::from_secs(5), "{took:?}");
        dripping.join().unwrap();
    }
    // A request in time on a connection that is older than a request may be.
    let mut stream = connect(&server);
    for _ in 0..3 {
        thread::sleep(SHORT * 2);
        stream.write_all(post("/", "").as_bytes()).unwrap();
        assert_eq!(answer(&mut stream).1, "POST / ");
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let server = start(Limits { idle_time: SHORT, ..Limits::default() }, echo);
    let begun = Instant::now();
    let silent = connect(&server);
    let mut used = connect(&server);
    used.write_all(post("/", "").as_bytes()).unwrap();
    answer(&mut used);
    assert_eq!(rest(&silent) + &rest(&used), "");
    let took = begun.elapsed();
    assert!(took >= SHORT && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn those_that_wait_longest_make_room() {
    let server = start(Limits { max_connections: 4, ..Limits::default() }, echo);
    let mut kept: Vec<_> = (0..4).map(|_| connect(&server)).collect();
    for stream in &mut kept {
        stream.write_all(post("/", "").as_bytes()).unwrap();
        answer(stream);
        thread::sleep(Duration::from_millis(5));
    }
    // The first is used again, so the second has now waited longest.
    kept[0].write_all(post("/", "").as_bytes()).unwrap();
    answer(&mut kept[0]);
    assert_eq!(exchange(&server, post("/new", "")), ok("POST /new "));
    assert_eq!(rest(&kept[1]), "");
    for stream in [0, 2, 3] {
        kept[stream].write_all(post("/still", "").as_bytes()).unwrap();
        assert_eq!(answer(&mut kept[stream]).1, "POST /still ", "{stream}");
    }
}

#[test]
fn half_requests_do_not_stop_good_ones() {
    let server = start(Limits { max_connections: 256, ..Limits::default() }, echo);
    let half: Vec<_> = (0..600)
        .map(|n| {
            let mut stream = connect(&server);
            let _ =
                stream.write_all(if n % 3 == 0 { b"" } else { b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le" });
            stream
        })
        .collect();
    let begun = Instant::now();

    for n in 0..100 {
        assert_eq!(exchange(&server, post(&format!("/{n}"), "")), ok(&format!("POST /{n} ")));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(server.connections() <= 256);
    drop(half);
}

#[test]
fn a_request_that_the_handler_has_is_never_evicted() {
    let (entered, entries) = mpsc::sync_channel(2);
    let (release, released) = mpsc::channel();
    let released = std::sync::Mutex::new(released);
    let server = start(Limits { max_connections: 2, ..Limits::default() }, move |request| {
        if request.target() == "/slow" {
            entered.send(()).unwrap();
            released.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
        }
        echo(request)
    });
    let mut busy = [connect(&server), connect(&server)];
    for stream in &mut busy {
        stream.write_all(post("/slow", "").as_bytes()).unwrap();
        entries.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    // All places are taken by requests at work: the next connection waits.
    let mut next = connect(&server);
    next.write_all(post("/next", "").as_bytes()).unwrap();
    next.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(next.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    release.send(()).unwrap();
    release.send(()).unwrap();
    for stream in &mut busy {
        assert_eq!(answer(stream).1, "POST /slow ");
    }
    next.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(answer(&mut next).1, "POST /next ");
}

const LARGE_SIZE: usize = 16 << 20;

/// Answers `/large` with more than the buffers of both sides hold, and echoes the rest.
#[allow(clippy::needless_pass_by_value, reason = "a handler takes its request")]
fn large(request: Request) -> Reply {
    // Zeros, so that they take no room in the binary.
    static LARGE: [u8; LARGE_SIZE] = [0; LARGE_SIZE];
    if request.target() == "/large" { Reply::Response(Response::new(200, &LARGE[..])) } else { echo(request) }
}

/// Asks for the large answer, and waits until it begins to come.
fn ask_large(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(post("/large", "").repeat(3).as_bytes()).unwrap();
    stream.read_exact(&mut [0; 15]).unwrap();
    stream
}

#[test]
fn those_that_do_not_read_make_room() {
    let server = start(Limits { max_connections: 4, ..Limits::default() }, large);
    let deaf: Vec<_> = (0..4).map(|_| ask_large(&server)).collect();
    for n in 0..20 {
        let begun = Instant::now();
        assert_eq!(exchange(&server, post(&format!("/{n}"), "")), ok(&format!("POST /{n} ")));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    // Those that are left do not hold up the end either.
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    drop(deaf);
}

#[test]
fn a_slow_reader_is_cut_off() {
    let server = start(Limits { request_time: SHORT * 2, ..Limits::default() }, large);
    let mut stream = ask_large(&server);
    let begun = Instant::now();
    let (mut chunk, mut received) = (vec![0; 1 << 15], 0);
    // Each read makes room for a write; all of them would take 10 s at this pace.
    while server.connections() > 0 {
        received += stream.read(&mut chunk).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{received}");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
    assert!(received < LARGE_SIZE / 2, "{received}");
    // Who reads as it comes gets all of it, as often as it asks.
    let server = start(Limits::default(), large);
    let mut prompt = connect(&server);
    for _ in 0..2 {
        prompt.write_all(post("/large", "").as_bytes()).unwrap();
        assert_eq!(answer(&mut prompt).1.len(), LARGE_SIZE);
    }
}

#[test]
fn a_handler_that_hangs_holds_up_the_end_for_a_second() {
    let (entered, entries) = mpsc::sync_channel(1);
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let server = start(Limits::default(), move |request| {
        entered.send(()).unwrap();
        let _ = released.lock().unwrap().recv_timeout(Duration::from_secs(20));
        echo(request)
    });
    let mut stream = connect(&server);
    stream.write_all(post("/", "").as_bytes()).unwrap();
    entries.recv_timeout(Duration::from_secs(10)).unwrap();
    let begun = Instant::now();
    drop(server);
    let took = begun.elapsed();
    assert!(took >= PATIENCE && took < PATIENCE * 3 / 2, "{took:?}");
    drop(release);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

#[cfg(feature = "sandbox")]
#[test]
fn replies_that_are_no_answers() {
    let server = start(Limits::default(), |request| match request.target() {
        "/close" => Reply::Raw(Vec::new()),
        "/reset" => Reply::Reset,
        "/raw" => Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()),
        "/late" => Reply::Response(Response::new(204, &b""[..]).after(SHORT)),
        _ => echo(request),
    });
    assert_eq!(exchange(&server, post("/close", "")), "");
    assert_eq!(exchange(&server, post("/raw", "")), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    let mut stream = connect(&server);
    stream.write_all(post("/reset", "").as_bytes()).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let begun = Instant::now();
    assert_eq!(exchange(&server, post("/late", "")), "HTTP/1.1 204 No Content\r\n\r\n");
    assert!(begun.elapsed() >= SHORT);
}

#[test]
fn a_header_cannot_be_injected() {
    let server = start(Limits::default(), |request| {
        let value = String::from_utf8_lossy(request.body()).into_owned();
        Reply::Response(Response::new(200, &b""[..]).header("A", value).header("B", "b"))
    });
    let reply = exchange(&server, post("/", "x\r\nSet-Cookie: y"));
    assert_eq!(reply, "HTTP/1.1 200 OK\r\nB: b\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn headers_are_found_whatever_their_case() {
    let server = start(Limits::default(), |request| {
        let text = format!(
            "{:?} {} {:?}",
            request.header("x-ONE"),
            request.header_count("X-Two"),
            request.header("x")
        );
        Reply::Response(Response::new(200, text.into_bytes()))
    });
    let reply = exchange(
        &server,
        "GET / HTTP/1.1\r\nHost: h\r\nX-One:  a b \r\nx-two: 1\r\nX-TWO: 2\r\nx: \u{e9}\r\n\r\n",
    );
    assert!(reply.ends_with("\r\n\r\nSome(\"a b\") 2 None"), "{reply}");
}

#[test]
fn a_panicking_handler_costs_its_connection_only() {
    let server = start(Limits::default(), |request| {
        assert!(request.target() != "/panic", "asked for by the test");
        echo(request)
    });
    let mut other = connect(&server);
    other.write_all(post("/", "").as_bytes()).unwrap();
    answer(&mut other);
    assert_eq!(exchange(&server, post("/panic", "")), "");
    other.write_all(post("/", "").as_bytes()).unwrap();
    assert_eq!(answer(&mut other).1, "POST / ");
    assert_eq!(server.connections(), 1);
}

#[test]
fn many_clients_at_once() {
    let server = start(Limits::default(), echo);
    thread::scope(|scope| {
        for client in 0..64 {
            let server = &server;
            scope.spawn(move || {
                let mut stream = connect(server);
                for n in 0..50 {
                    let target = format!("/{client}/{n}");
                    stream.write_all(post(&target, "").as_bytes()).unwrap();
                    assert_eq!(answer(&mut stream).1, format!("POST {target} "));
                }
            });
        }
    });
}

#[test]
fn dropping_ends_everything() {
    let handler: Arc<Handler> = Arc::new(|request: Request| match request.target() {
        #[cfg(feature = "sandbox")]
        "/late" => Reply::Response(Response::new(200, &b""[..]).after(Duration::from_secs(60))),
        _ => echo(request),
    });
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let server =
            Server::start(TcpListener::bind(address).unwrap(), Limits::default(), Arc::clone(&handler))
                .unwrap();
        let port = server.address().port();
        let client = || {
            let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream
        };
        let mut streams = [client(), client(), client(), client()];
        for (stream, bytes) in streams.iter_mut().zip(["", "POST", &post("/late", ""), &post("/", "")]) {
            stream.write_all(bytes.as_bytes()).unwrap();
        }
        answer(&mut streams[3]);
        while server.connections() < 4 {
            thread::sleep(Duration::from_millis(1));
        }
        let begun = Instant::now();
        drop(server);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        TcpListener::bind(("127.0.0.1", port)).unwrap();
        // Every thread held the handler, through what the server's threads share.
        assert_eq!(Arc::strong_count(&handler), 1);
        for stream in &mut streams {
            assert!(matches!(stream.read(&mut [0; 4096]), Ok(0 | 1..) | Err(_)));
        }
    }
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
        assert_eq!(exchange(&server, post(target, "")), ok(&format!("POST {taken} ")), "{target}");
    }
    for target in
        ["http:///a", "http://?a", "ftp://example.com/", "example.com:443", "a", "*", "http:/a", "?a"]
    {
        let reply = exchange(&server, post(target, ""));
        assert!(reply.starts_with("HTTP/1.1 400 "), "{target}: {reply}");
    }
    let all = post("*", "").replacen("POST", "OPTIONS", 1);
    assert_eq!(exchange(&server, all), ok("OPTIONS * "));
}

#[test]
fn trailers_are_refused_while_they_come() {
    let server = start(Limits::default(), echo);
    let mut stream = connect(&server);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n").unwrap();
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all("A: b\r\n".repeat(1000).as_bytes()).is_ok() {
        sent += 6000;
    }
    assert!(sent < 16 << 20, "{sent} bytes of trailers were taken");
}

#[test]
fn a_connection_without_a_thread_is_closed() {
    // More than any system can map, so that no thread can be started.
    let server = start(Limits { stack: 1 << 46, ..Limits::default() }, echo);
    for _ in 0..3 {
        assert_eq!(rest(&connect(&server)), "");
    }
    assert_eq!(server.connections(), 0);
    drop(server);
}
