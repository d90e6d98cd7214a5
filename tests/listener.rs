//! The listener over real sockets: what it answers, to whom it hands over, and what it withstands.

use std::collections::HashMap;
use std::io::{ErrorKind as Io, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use log::{LevelFilter, Log, Metadata, Record};
use twilio_payments::{
    CallbackErrorKind, CallbackListener, CallbackListenerBuilder, Event, SessionCallbacks,
    SignatureValidator, StatusCallback,
};

const TOKEN: &str = "a-secret-auth-token";
const PUBLIC: &str = "https://pay.example.com/status";
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);

/// Tests that need hundreds of sockets take turns, so that the usual limit on open files is enough.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn validator() -> SignatureValidator {
    SignatureValidator::new(TOKEN).unwrap()
}

fn listener() -> CallbackListener {
    CallbackListener::bind("127.0.0.1:0", PUBLIC, validator()).unwrap()
}

fn sid(n: usize) -> String {
    format!("PK{n:032x}")
}

/// A callback about a session, with a number to know it by.
fn body(session: usize, number: usize) -> String {
    format!("Sid={}&CallSid=CA1&Number={number}", sid(session))
}

fn number(callback: &StatusCallback) -> usize {
    callback.other("Number").unwrap().parse().unwrap()
}

/// A signed request, with further header lines.
fn post(path: &str, url: &str, headers: &str, body: &str) -> String {
    let signature = validator().sign(url, body.as_bytes());
    format!(
        "POST {path} HTTP/1.1\r\nHost: internal\r\nX-Twilio-Signature: {signature}\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn signed(body: &str) -> String {
    post("/status", PUBLIC, "", body)
}

fn with_token(token: &str, body: &str) -> String {
    post("/status", PUBLIC, &format!("I-Twilio-Idempotency-Token: {token}\r\n"), body)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends a request on an open connection, and gives the answer's head. The answers have no bodies.
fn ask(stream: &mut TcpStream, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    head(stream)
}

fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Err(Io::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(String::from_utf8(bytes).unwrap())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Sends a request on a connection of its own, and gives the answer's status.
fn send(listener: &CallbackListener, request: &str) -> u16 {
    status(&ask(&mut connect(listener.local_addr()), request).unwrap())
}

/// Runs a test that would hang where it fails, for half a minute at most.
fn in_time(test: fn()) {
    let (ended, end) = mpsc::channel();
    let thread = thread::spawn(move || {
        // Dropped also where the test panics.
        let _ended = ended;
        test();
    });
    let end: Result<(), _> = end.recv_timeout(3 * LONG);
    assert_eq!(end, Err(RecvTimeoutError::Disconnected), "still waiting");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_callback_arrives() {
    in_time(arrival);
}

fn arrival() {
    let listener = listener();
    let request = signed(&format!("Sid={}&Result=success&PaymentConfirmationCode=ch_1", sid(1)));
    let head = ask(&mut connect(listener.local_addr()), &request).unwrap();
    assert_eq!(head, "HTTP/1.1 204 No Content\r\n\r\n");
    let callback = listener.recv().unwrap();
    assert_eq!(callback.sid, sid(1));
    assert!(matches!(callback.event(), Event::Succeeded { confirmation_code: Some("ch_1"), .. }));
    assert!(listener.try_recv().is_none());
}

#[test]
fn what_is_no_callback_is_answered_and_not_handed_over() {
    let listener = listener();
    let good = body(1, 1);
    let other_token = SignatureValidator::new("other").unwrap().sign(PUBLIC, good.as_bytes());
    let right = validator().sign(PUBLIC, good.as_bytes());
    let plain = |method: &str, headers: &str, body: &str| {
        format!(
            "{method} /status HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let signature = |value: &str| format!("X-Twilio-Signature: {value}\r\n");
    for (what, request, expected) in [
        ("no signature", plain("POST", "", &good), 403),
        ("an empty signature", plain("POST", &signature(""), &good), 403),
        ("a malformed signature", plain("POST", &signature("x"), &good), 403),
        ("a signature that is no text", plain("POST", &signature("\u{e9}"), &good), 403),
        ("another token's signature", plain("POST", &signature(&other_token), &good), 403),
        ("another body's signature", plain("POST", &signature(&right), &body(1, 2)), 403),
        ("two signatures", plain("POST", &signature(&right).repeat(2), &good), 403),
        ("another URL", post("/status", "https://elsewhere.example/status", "", &good), 403),
        ("another query", post("/status?a=1", PUBLIC, "", &good), 403),
        ("no body", plain("POST", "", ""), 403),
        ("GET", plain("GET", &signature(&right), &good), 405),
        ("HEAD", plain("HEAD", "", ""), 405),
        ("PUT", plain("PUT", &signature(&right), &good), 405),
        ("DELETE", plain("DELETE", "", ""), 405),
        ("another of the service's callbacks", signed("CallSid=CA1&CallStatus=completed"), 400),
        ("a session that is none", signed("Sid=PK1"), 400),
        ("a target that is no path", post("https://pay.example.com/status", PUBLIC, "", &good), 400),
        ("no HTTP", "HELLO\r\n\r\n".to_owned(), 400),
        ("64 KiB and a byte", signed(&format!("{good}&{}", "x".repeat(64 * 1024 - good.len()))), 413),
        ("a large head", post("/status", PUBLIC, &format!("X: {}\r\n", "x".repeat(17_000)), &good), 431),
    ] {
        assert_eq!(send(&listener, &request), expected, "{what}");
    }
    let head = ask(&mut connect(listener.local_addr()), &plain("GET", "", "")).unwrap();
    assert!(head.contains("\r\nAllow: POST\r\n"), "{head}");
    assert!(listener.try_recv().is_none());
    // 64 KiB are taken.
    let large = format!("{good}&{}", "x".repeat(64 * 1024 - good.len() - 1));
    assert_eq!((large.len(), send(&listener, &signed(&large))), (64 * 1024, 204));
    assert_eq!(number(&listener.recv_timeout(LONG).unwrap()), 1);
}

#[test]
fn the_public_url_decides() {
    let good = body(1, 1);
    for (public, path, signed_url, expected) in [
        (PUBLIC, "/status", PUBLIC, 204),
        (PUBLIC, "/status", "https://pay.example.com:443/status", 204),
        (PUBLIC, "/rewritten/by/a/proxy", PUBLIC, 204),
        (PUBLIC, "/status?order=7", "https://pay.example.com/status?order=7", 204),
        (PUBLIC, "/status?order=8", "https://pay.example.com/status?order=7", 403),
        (PUBLIC, "/other", "https://pay.example.com/other", 403),
        ("https://pay.example.com", "/any/path?x=%20", "https://pay.example.com/any/path?x=%20", 204),
        ("https://pay.example.com", "/any/path?x=%20", "https://pay.example.com/any/path?x=+", 403),
        ("https://pay.example.com", "/", "https://pay.example.com", 204),
        ("https://example.com/hooks/", "/status", "https://example.com/hooks/status", 204),
        ("https://u:p@pay.example.com/status", "/status", "https://u:p@pay.example.com/status", 204),
        // What the request says of itself is not asked.
        (PUBLIC, "/status", "http://internal/status", 403),
    ] {
        let listener = CallbackListener::bind("127.0.0.1:0", public, validator()).unwrap();
        let forwarded = "X-Forwarded-Proto: http\r\nX-Forwarded-Host: internal\r\n";
        assert_eq!(send(&listener, &post(path, signed_url, forwarded, &good)), expected, "{public} {path}");
        assert_eq!(listener.try_recv().is_some(), expected == 204);
    }
    let local = CallbackListener::local(validator()).unwrap();
    let url = local.public_url().to_owned();
    assert_eq!(send(&local, &post("/", &url, "", &good)), 204);
    assert_eq!(send(&local, &post("/status?order=7", &format!("{url}status?order=7"), "", &good)), 204);
}

#[test]
fn sessions_get_their_own() {
    let listener = listener();
    // Before the view: one stays in the general queue, in its order.
    for (session, number) in [(1, 1), (2, 2), (1, 3), (3, 4)] {
        assert_eq!(send(&listener, &signed(&body(session, number))), 204);
    }
    let first = listener.session(&sid(1)).unwrap();
    let second = listener.session(&sid(2)).unwrap();
    // After it.
    for (session, number) in [(1, 5), (3, 6), (2, 7)] {
        assert_eq!(send(&listener, &signed(&body(session, number))), 204);
    }
    let numbers = |next: &dyn Fn() -> Option<StatusCallback>| -> Vec<usize> {
        std::iter::from_fn(next).map(|callback| number(&callback)).collect()
    };
    assert_eq!(first.sid(), sid(1));
    assert_eq!(numbers(&|| first.try_recv()), [1, 3, 5]);
    assert_eq!(numbers(&|| listener.try_recv()), [4, 6]);
    // What a view leaves is not lost, and takes its place among the others.
    for (session, number) in [(3, 8), (2, 9), (3, 10)] {
        assert_eq!(send(&listener, &signed(&body(session, number))), 204);
    }
    drop(second);
    assert_eq!(numbers(&|| listener.try_recv()), [2, 7, 8, 9, 10]);
    assert_eq!(send(&listener, &signed(&body(2, 11))), 204);
    assert_eq!(numbers(&|| listener.try_recv()), [11]);
    // Two views share, and the session is viewed as long as one lives.
    let again = listener.session(&sid(1)).unwrap();
    drop(first);
    assert_eq!(send(&listener, &signed(&body(1, 12))), 204);
    assert!(listener.try_recv().is_none());
    assert_eq!(numbers(&|| again.try_recv()), [12]);

    for wrong in ["", "PK1", "CA00000000000000000000000000000001"] {
        let error = listener.session(wrong).unwrap_err();
        assert_eq!(error.to_string(), "invalid Sid: not PK and 32 hex digits");
    }
}

#[test]
fn each_thread_waits_for_its_own_payment() {
    in_time(threads_with_payments);
}

fn threads_with_payments() {
    const SESSIONS: usize = 20;
    let listener = listener();
    thread::scope(|scope| {
        let views: Vec<_> = (0..SESSIONS).map(|n| listener.session(&sid(n)).unwrap()).collect();
        let waiting: Vec<_> = views
            .into_iter()
            .map(|view| {
                scope.spawn(move || view.iter().map(|callback| number(&callback)).collect::<Vec<_>>())
            })
            .collect();
        let mut stream = connect(listener.local_addr());
        for number in 0..5 {
            for session in 0..SESSIONS {
                let end = if number == 4 { "&Result=success" } else { "" };
                let request = signed(&format!("{}{end}", body(session, session * 10 + number)));
                assert_eq!(status(&ask(&mut stream, &request).unwrap()), 204);
            }
        }
        for (session, thread) in waiting.into_iter().enumerate() {
            let expected: Vec<_> = (0..5).map(|number| session * 10 + number).collect();
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
    assert!(listener.try_recv().is_none());
}

#[test]
fn a_repeated_delivery_is_handed_over_once() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(2).bind("127.0.0.1:0").unwrap();
    let received = || listener.try_recv().map(|callback| number(&callback));
    for _ in 0..3 {
        assert_eq!(send(&listener, &with_token("t-1", &body(1, 1))), 204);
    }
    assert_eq!((received(), received()), (Some(1), None));
    assert_eq!(send(&listener, &with_token("t-1", &body(1, 1))), 204);
    assert_eq!(received(), None);
    // Another delivery of the same words, and one without a token, are deliveries of their own.
    assert_eq!(send(&listener, &with_token("t-2", &body(1, 1))), 204);
    assert_eq!(send(&listener, &signed(&body(1, 1))), 204);
    // What was refused for want of room, or for its signature, was not taken.
    assert_eq!(send(&listener, &with_token("t-3", &body(1, 3))), 503);
    let forged = with_token("t-4", &body(1, 4)).replace("Number=4", "Number=5");
    assert_eq!(send(&listener, &forged), 403);
    assert_eq!((received(), received(), received()), (Some(1), Some(1), None));
    assert_eq!(send(&listener, &with_token("t-3", &body(1, 3))), 204);
    assert_eq!(send(&listener, &with_token("t-4", &body(1, 4))), 204);
    // Taken before counts also where there is no room for another.
    assert_eq!(send(&listener, &with_token("t-3", &body(1, 3))), 204);
    assert_eq!((received(), received(), received()), (Some(3), Some(4), None));
}

#[test]
fn a_full_queue_makes_the_service_try_again() {
    in_time(full_queue);
}

fn full_queue() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(3).bind("127.0.0.1:0").unwrap();
    // The views' callbacks count.
    let view = listener.session(&sid(1)).unwrap();
    for number in 0..3 {
        assert_eq!(send(&listener, &signed(&body(number % 2, number))), 204);
    }
    let head = ask(&mut connect(listener.local_addr()), &signed(&body(1, 4))).unwrap();
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nRetry-After: 1\r\n"), "{head}");
    assert_eq!(send(&listener, &signed(&body(2, 4))), 503);
    assert_eq!(view.recv().map(|callback| number(&callback)).unwrap(), 1);
    assert_eq!(send(&listener, &signed(&body(2, 4))), 204);
    drop(view);
    assert_eq!(send(&listener, &signed(&body(2, 5))), 503);
    let rest: Vec<_> = std::iter::from_fn(|| listener.try_recv()).map(|callback| number(&callback)).collect();
    assert_eq!(rest, [0, 2, 4]);
}

#[test]
fn waits_end_with_time_or_shutdown() {
    in_time(waits);
}

fn waits() {
    let listener = listener();
    let view = listener.session(&sid(1)).unwrap();
    let idle = listener.session(&sid(2)).unwrap();
    let begun = Instant::now();
    let short = Duration::from_millis(50);
    for error in [listener.recv_timeout(short).unwrap_err(), view.recv_timeout(short).unwrap_err()] {
        assert_eq!(error.kind(), CallbackErrorKind::Timeout);
        assert_eq!(error.to_string(), "no callback came in time");
    }
    assert!(begun.elapsed() >= 2 * short && begun.elapsed() < SECOND, "{:?}", begun.elapsed());

    let mut open = connect(listener.local_addr());
    assert_eq!(status(&ask(&mut open, &signed(&body(1, 1))).unwrap()), 204);
    thread::scope(|scope| {
        let waiting = [
            scope.spawn(|| listener.recv().unwrap_err()),
            scope.spawn(|| listener.recv_timeout(Duration::MAX).unwrap_err()),
            scope.spawn(|| idle.recv().unwrap_err()),
            scope.spawn(|| idle.recv_timeout(LONG * 6).unwrap_err()),
        ];
        let iterating = scope.spawn(|| listener.iter().count());
        thread::sleep(short);
        let begun = Instant::now();
        listener.shutdown();
        for thread in waiting {
            let error = thread.join().unwrap();
            assert_eq!(error.kind(), CallbackErrorKind::Closed);
            assert_eq!(error.to_string(), "the listener was shut down");
        }
        assert_eq!(iterating.join().unwrap(), 0);
        assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
    });
    // The port is closed; what had come can be read; a second shutdown does nothing.
    assert!(TcpStream::connect(listener.local_addr()).is_err());
    assert!(matches!(open.read(&mut [0]), Ok(0) | Err(_)));
    listener.shutdown();
    assert_eq!(view.iter().map(|callback| number(&callback)).collect::<Vec<_>>(), [1]);
    assert_eq!(view.recv().unwrap_err().kind(), CallbackErrorKind::Closed);
}

#[test]
fn dropping_wakes_the_views_and_frees_the_port() {
    in_time(drop_with_views);
}

fn drop_with_views() {
    let listener = listener();
    let address = listener.local_addr();
    let view = listener.session(&sid(1)).unwrap();
    let waiting = thread::spawn(move || view.recv().unwrap_err().kind());
    let idle = connect(address);
    // The view's thread is asleep by then.
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    drop(listener);
    assert_eq!(waiting.join().unwrap(), CallbackErrorKind::Closed);
    assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
    drop(idle);
    CallbackListener::bind(address, PUBLIC, validator()).unwrap();
}

#[test]
fn an_address_that_cannot_be_listened_on_is_an_error() {
    let taken = listener();
    let error = CallbackListener::bind(taken.local_addr(), PUBLIC, validator()).unwrap_err();
    assert_eq!(error.kind(), CallbackErrorKind::Listen);
    assert_eq!(error.to_string(), "cannot listen on the address");
    let source = std::error::Error::source(&error).unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), Io::AddrInUse);
    let error = CallbackListener::bind("127.0.0.1:0", "/status", validator()).unwrap_err();
    assert_eq!(error.to_string(), "invalid public_url: not an absolute URL");
}

#[test]
fn debug_shows_no_secret() {
    let url = "https://user:pass@pay.example.com/status?key=1";
    let builder = CallbackListener::builder(validator()).public_url(url);
    let listener = builder.clone().bind("127.0.0.1:0").unwrap();
    let view = listener.session(&sid(1)).unwrap();
    let shown = format!("{builder:?} {listener:?} {view:?}");
    for secret in [TOKEN, "pass", "key=1"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Keeps what is logged of callbacks to `log.example.com`, which one test alone uses, and of sessions.
struct Memory(Mutex<Vec<String>>);

static MEMORY: Memory = Memory(Mutex::new(Vec::new()));

impl Log for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        if line.contains("log.example.com") || line.contains(&sid(0x0010_9000)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn flush(&self) {}
}

#[test]
fn what_is_logged_shows_no_secret() {
    log::set_logger(&MEMORY).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let url = "https://user:pass@log.example.com/status?key=1";
    let listener = CallbackListener::bind("127.0.0.1:0", url, validator()).unwrap();
    let good = format!("{}&PaymentToken=tok_1&PaymentCardNumber=4242", body(0x0010_9000, 1));
    let other = "https://log.example.com/other";
    let arrived = "https://user:pass@log.example.com/status?key=2";
    for (request, expected) in [
        (post("/status?key=2", other, "", &good), 403),
        (post("/status", other, "", &good), 403),
        (post("/status?key=2", arrived, "", "CallSid=CA1&PaymentToken=tok_1"), 400),
        (post("/status?key=2", arrived, "I-Twilio-Idempotency-Token: t-1\r\n", &good), 204),
    ] {
        assert_eq!(send(&listener, &request), expected);
    }
    let lines = MEMORY.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let to = "callback to https://…@log.example.com/status?…";
    let target = "twilio_payments::listener";
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for (line, begin) in lines.iter().zip([
        format!("WARN {target} {to} refused: "),
        format!("WARN {target} {to} refused: "),
        format!("WARN {target} {to} not understood: "),
        format!("DEBUG {target} callback of {}: Taken", sid(0x0010_9000)),
    ]) {
        assert!(line.starts_with(&begin), "{line}");
        for secret in [TOKEN, "user", "pass", "key", "tok_1", "4242", "t-1"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn listeners_travel_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<CallbackListener>();
    check::<CallbackListenerBuilder>();
    check::<SessionCallbacks>();
}

/// What the process keeps in memory, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn nothing_that_was_taken_is_lost_under_load() {
    const CONNECTIONS: usize = 200;
    const EACH: usize = 50;
    let _turn = turn();
    // Less room than callbacks, so that some are turned away and sent again.
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(100).bind("127.0.0.1:0").unwrap();
    #[cfg(target_os = "linux")]
    let before = resident();
    let refused = AtomicUsize::new(0);
    let begun = Instant::now();
    let mut received: HashMap<usize, usize> = HashMap::new();
    thread::scope(|scope| {
        for client in 0..CONNECTIONS {
            let (address, refused) = (listener.local_addr(), &refused);
            thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn_scoped(scope, move || {
                    let mut stream = connect(address);
                    for n in 0..EACH {
                        let number = client * EACH + n;
                        let request = with_token(&format!("token-{number}"), &body(client, number));
                        while status(&ask(&mut stream, &request).unwrap()) != 204 {
                            refused.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                })
                .unwrap();
        }
        for _ in 0..CONNECTIONS * EACH {
            let callback = listener.recv_timeout(LONG * 3).unwrap();
            *received.entry(number(&callback)).or_default() += 1;
        }
    });
    assert!(listener.try_recv().is_none());
    assert_eq!(received.len(), CONNECTIONS * EACH);
    assert!(received.values().all(|times| *times == 1));
    eprintln!(
        "{} callbacks in {:?}, {} turned away meanwhile",
        CONNECTIONS * EACH,
        begun.elapsed(),
        refused.load(Ordering::Relaxed)
    );
    #[cfg(target_os = "linux")]
    {
        let grown = resident().saturating_sub(before);
        eprintln!("{grown} bytes more in memory");
        assert!(grown < 64 << 20, "{grown}");
    }
}

#[test]
fn nobody_reads_and_memory_stays_bounded() {
    const CAPACITY: usize = 20;
    const SENT: usize = 300;
    let _turn = turn();
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .capacity(CAPACITY)
        .bind("127.0.0.1:0")
        .unwrap();
    let large = "x".repeat(45_000);
    let (mut taken, mut refused) = (0, 0);
    let mut stream = connect(listener.local_addr());
    #[cfg(target_os = "linux")]
    let before = resident();
    for number in 0..SENT {
        match status(&ask(&mut stream, &signed(&format!("{}&{large}", body(1, number)))).unwrap()) {
            204 => taken += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((taken, refused), (CAPACITY, SENT - CAPACITY));
    // All these bodies would be 13 MB.
    #[cfg(target_os = "linux")]
    assert!(resident().saturating_sub(before) < 8 << 20);
    let numbers: Vec<_> =
        std::iter::from_fn(|| listener.try_recv()).map(|callback| number(&callback)).collect();
    assert_eq!(numbers, (0..CAPACITY).collect::<Vec<_>>());
}

#[test]
fn half_requests_do_not_stop_good_ones() {
    const HALF: usize = 500;
    let _turn = turn();
    let listener = listener();
    let whole = signed(&body(9, 9));
    let half = &whole[..whole.len() / 2];
    let idle: Vec<_> = (0..HALF)
        .map(|_| {
            let mut stream = connect(listener.local_addr());
            // Later ones may push earlier ones out at any time.
            let _ = stream.write_all(half.as_bytes());
            stream
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for number in 0..100 {
        let begun = Instant::now();
        assert_eq!(send(&listener, &signed(&body(1, number))), 204);
        assert_eq!(self::number(&listener.recv_timeout(SECOND).unwrap()), number);
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < SECOND, "{slowest:?}");
    eprintln!("slowest of 100 good callbacks beside {HALF} half ones: {slowest:?}");
    drop(idle);
    assert!(listener.try_recv().is_none());
}

#[test]
fn who_is_refused_has_one_answer_however_many_requests_it_sends() {
    let listener = listener();
    let get = "GET /status HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let unsigned = signed(&body(1, 1)).replace("X-Twilio-Signature", "X-Other");
    for (request, expected) in [
        (get, 405),
        (unsigned, 403),
        (signed("Sid=PK1"), 400),
        (post("https://pay.example.com/status", PUBLIC, "", &body(1, 1)), 400),
    ] {
        let mut stream = connect(listener.local_addr());
        stream.write_all((request + &signed(&body(1, 2))).as_bytes()).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert!(answers.starts_with(&format!("HTTP/1.1 {expected} ")), "{answers}");
        assert!(answers.contains("\r\nConnection: close\r\n"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{answers}");
    }
    assert!(listener.try_recv().is_none());
}

/// Sends requests and reads no answer, and comes again where it is thrown out, until told to stop.
fn flood(address: SocketAddr, requests: &str, stop: &AtomicBool) {
    let begun = Instant::now();
    let stop = || stop.load(Ordering::Relaxed) || begun.elapsed() > 3 * LONG;
    while !stop() {
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut sent = 0;
        while !stop() {
            match stream.write(&requests.as_bytes()[sent..]) {
                Ok(count) => sent = (sent + count) % requests.len(),
                Err(error) if matches!(error.kind(), Io::WouldBlock | Io::TimedOut) => {}
                Err(_) => break,
            }
        }
    }
}

#[test]
fn peers_that_do_not_read_do_not_stop_good_ones() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).connections(4).bind("127.0.0.1:0").unwrap();
    let anybody = "GET /status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    // Callbacks that were captured are not refused, so their connections are kept.
    let captured = with_token("t", &body(1, 1)).repeat(100);
    for requests in [&anybody, &captured] {
        let stop = AtomicBool::new(false);
        let took: Vec<_> = thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| flood(listener.local_addr(), requests, &stop));
            }
            // Until their buffers are full.
            thread::sleep(3 * SECOND);
            let took = (0..10).map(|number| {
                let begun = Instant::now();
                let request = signed(&body(2, number));
                // Those who are thrown out come back and take places as well: the service, too, tries again.
                let taken = (0..5).any(|_| {
                    let answer = ask(&mut connect(listener.local_addr()), &request);
                    answer.is_ok_and(|head| status(&head) == 204)
                });
                taken.then(|| begun.elapsed())
            });
            let took = took.collect();
            stop.store(true, Ordering::Relaxed);
            took
        });
        eprintln!("good callbacks beside peers that do not read: {took:?}");
        assert!(took.iter().all(|took| took.is_some_and(|took| took < 2 * SECOND)), "{took:?}");
    }
}

#[test]
fn a_slow_sender_is_cut_off_at_ten_seconds() {
    let listener = listener();
    let request = signed(&body(1, 1));
    let begun = Instant::now();
    // One sends half a request and stops, one goes on by a byte now and then.
    let mut stopped = connect(listener.local_addr());
    stopped.write_all(&request.as_bytes()[..40]).unwrap();
    let mut dripping = connect(listener.local_addr());
    let mut writer = dripping.try_clone().unwrap();
    let bytes = request.clone().into_bytes();
    let drip = thread::spawn(move || {
        for byte in bytes {
            if writer.write_all(&[byte]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(250));
        }
    });
    for stream in [&mut stopped, &mut dripping] {
        assert_eq!(status(&head(stream).unwrap()), 408);
        let after = begun.elapsed();
        assert!(after > Duration::from_millis(9_900) && after < Duration::from_secs(12), "{after:?}");
        let _ = stream.shutdown(Shutdown::Both);
    }
    drip.join().unwrap();
    assert!(listener.try_recv().is_none());
    // A prompt one is still served.
    assert_eq!(send(&listener, &request), 204);
}
