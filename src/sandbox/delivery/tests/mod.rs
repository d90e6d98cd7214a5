//! Delivery over real sockets.

mod receiver;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::SignatureValidator;
use crate::sandbox::fields::Fields;
use crate::sandbox::session::tests::{Desk, parse, settings};
use receiver::{Receiver, Reply, Request, status};

const TOKEN: &str = "auth-token";
const SOON: Duration = Duration::from_secs(20);

/// A fragment that asks for a retry after any failure.
const RETRY: &str = "#rc=2&rp=all";

fn sender() -> Sender {
    Sender::new(TOKEN, None).unwrap()
}

/// The number-th callback of a session.
fn callback(session: &str, url: &str, number: usize) -> Callback {
    let fields = Fields::new([("Sid", session), ("Number", &number.to_string())]);
    Callback { session_sid: session.into(), url: url.into(), fields }
}

fn field(request: &Request, name: &str) -> String {
    let found = form_urlencoded::parse(request.body.as_bytes()).find(|(field, _)| field == name);
    found.unwrap().1.into_owned()
}

#[test]
fn the_exact_request() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender();
    let url = receiver.url("/status?order=7&a=b+c#part").replace("127", "user:p%40ss@127");
    let params = [("Sid", "PK1"), ("Text", "a b&ü="), ("Empty", ""), ("A", "first by name")];
    let fields = Fields::new(params);
    sender.send([Callback { session_sid: "PK1".into(), url: url.as_str().into(), fields }]);
    assert!(sender.wait_until_idle(SOON));
    let [request] = &receiver.requests()[..] else { panic!("not one request") };
    let [record] = &sender.callbacks("PK1")[..] else { panic!("not one record") };
    let signature = request.header("X-Twilio-Signature").unwrap();
    let (first, headers) = request.head.split_once("\r\n").unwrap();
    assert_eq!(first, "POST /status?order=7&a=b+c HTTP/1.1");
    let headers = headers.split("\r\n").filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_lowercase(), value)).collect();
    let expected = [
        ("accept", "*/*"),
        ("authorization", "Basic dXNlcjpwQHNz"),
        ("connection", "close"),
        ("content-length", "51"),
        ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
        ("host", &receiver.url("").replace("http://", "")),
        ("i-twilio-idempotency-token", &*record.idempotency_token),
        ("user-agent", concat!("twilio-payments-sandbox/", env!("CARGO_PKG_VERSION"))),
        ("x-twilio-signature", signature),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(request.body, "Sid=PK1&Text=a+b%26%C3%BC%3D&Empty=&A=first+by+name");
    assert_eq!(&*record.body, request.body);
    let validator = SignatureValidator::new(TOKEN).unwrap();
    let requested = url.strip_suffix("#part").unwrap();
    validator.validate(requested, request.body.as_bytes(), Some(signature)).unwrap();
    let other = SignatureValidator::new("another").unwrap();
    other.validate(requested, request.body.as_bytes(), Some(signature)).unwrap_err();
    assert_eq!((record.delivery, record.attempts, record.status), (Delivery::Delivered, 1, Some(200)));
    assert_eq!((&*record.session_sid, &*record.url), ("PK1", url.as_str()));
    for (name, value) in [("Text", Some("a b&ü=")), ("Empty", Some("")), ("None", None)] {
        assert_eq!(record.get(name), value);
    }
    let shown = format!("{record:?}");
    assert!(!shown.contains("p%40ss") && !shown.contains("first by") && !shown.contains(TOKEN), "{shown}");
}

/// What a receiver does, and the state of the delivery, by default and if the URL asks for retries.
#[test]
fn responses() {
    use Delivery::{Delivered, Failed};
    let raw = |text: &str| Reply::Raw(text.as_bytes().to_vec());
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (reply, delivery, status) in [
        (status(200), Delivered, Some(200)),
        (status(204), Delivered, Some(204)),
        (status(299), Delivered, Some(299)),
        (status(302), Failed, Some(302)),
        (status(400), Failed, Some(400)),
        (status(403), Failed, Some(403)),
        (status(429), Failed, Some(429)),
        (status(500), Failed, Some(500)),
        (status(503), Failed, Some(503)),
        (Reply::Drop, Failed, None),
        (Reply::Keep(Vec::new()), Failed, None),
        (Reply::Keep(b"HTTP/1.1 200 OK\r\nContent-".to_vec()), Failed, None),
        (Reply::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec()), Delivered, Some(200)),
        (raw("SSH-2.0-OpenSSH_9.2\r\n"), Failed, None),
        (raw("HTTP/1.1 abc\r\n\r\n"), Failed, None),
        (raw("HTTP/1.1\r\n\r\n"), Failed, None),
        (raw("HTTP/1.0 200\r\n\r\n"), Delivered, Some(200)),
        (raw(&format!("HTTP/1.1 100 Continue\r\n\r\n{ok}")), Delivered, Some(200)),
        (raw(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(20)), Failed, None),
        (raw(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(200_000))), Delivered, Some(200)),
        (raw(&format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(20_000))), Failed, None),
        (Reply::Drip(ok.as_bytes().to_vec()), Delivered, Some(200)),
    ] {
        let case = format!("{reply:?}");
        let case = &case[..case.len().min(200)];
        // If no response comes, the timeout is short; if one comes, it is long enough for any machine.
        let silent = status.is_none() && matches!(reply, Reply::Keep(_));
        let times = if silent { "&rt=150" } else { "" };
        let receiver = Receiver::start(move |_, _| reply.clone());
        let sender = sender();
        let urls = [format!("/#x{times}"), format!("/{RETRY}{times}")].map(|rest| receiver.url(&rest));
        for (url, retries) in urls.iter().zip([0, 2]) {
            sender.send([callback(url, url, 0)]);
            assert!(sender.wait_until_idle(SOON), "{case}");
            let record = &sender.callbacks(url)[0];
            let attempts = if delivery == Delivered { 1 } else { 1 + retries };
            assert_eq!(
                (record.delivery, record.attempts, record.status),
                (delivery, attempts, status),
                "{case} {url}"
            );
            let tokens = receiver.requests().into_iter().filter(|request| field(request, "Sid") == *url);
            let tokens =
                tokens.map(|request| request.header("I-Twilio-Idempotency-Token").unwrap().to_owned());
            assert_eq!(
                tokens.collect::<Vec<_>>(),
                vec![&*record.idempotency_token; usize::try_from(attempts).unwrap()],
                "{case} {url}"
            );
        }
    }
}

/// The URL must ask for retries, by kind of failure. By default there is one, if no connection was made.
#[test]
fn retries_are_those_that_the_url_asks_for() {
    // Bound, so that nobody else gets the port, but not listening.
    let deaf = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    deaf.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let closed = format!("http://{}/", deaf.local_addr().unwrap().as_socket().unwrap());
    let refusing = Receiver::start(|_, _| status(403));
    let failing = Receiver::start(|_, _| status(500));
    let silent = Receiver::start(|_, _| Reply::Keep(Vec::new()));
    let (refusing, failing, silent) = (refusing.url("/"), failing.url("/"), silent.url("/"));
    for (base, fragment, attempts, status) in [
        (&closed, "", 2, None),
        (&closed, "#rc=0", 1, None),
        (&closed, "#rc=3&rp=ct", 4, None),
        (&closed, "#rc=3&rp=5xx,rt", 1, None),
        // The pause before the second attempt would be longer than all attempts may take.
        (&closed, "#rc=5&rp=all&tt=100", 1, None),
        (&failing, "#rc=1", 1, Some(500)),
        (&failing, "#rp=5xx", 2, Some(500)),
        (&failing, "#rc=2&rp=ct%2C5xx", 3, Some(500)),
        (&failing, "#rc=2&rp=4xx", 1, Some(500)),
        (&refusing, "#rc=2&rp=4xx", 3, Some(403)),
        (&refusing, "#rc=2&rp=5xx", 1, Some(403)),
        (&silent, "#rt=100", 1, None),
        (&silent, "#rp=rt&rt=100", 2, None),
    ] {
        let sender = sender();
        sender.send([callback("PK1", &format!("{base}{fragment}"), 0)]);
        assert!(sender.wait_until_idle(SOON), "{base}{fragment}");
        let record = &sender.callbacks("PK1")[0];
        assert_eq!(
            (record.delivery, record.attempts, record.status),
            (Delivery::Failed, attempts, status),
            "{base}{fragment}"
        );
    }
}

/// A URL without a path is requested and signed with `/`.
#[test]
fn a_url_without_a_path_is_signed_as_it_is_requested() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender();
    sender.send([callback("PK1", &receiver.url("?order=7"), 0)]);
    assert!(sender.wait_until_idle(SOON));
    let request = receiver.requests().remove(0);
    assert!(request.head.starts_with("POST /?order=7 HTTP/1.1\r\n"), "{}", request.head);
    let signed =
        SignatureValidator::new(TOKEN).unwrap().sign(&receiver.url("/?order=7"), request.body.as_bytes());
    assert_eq!(request.header("X-Twilio-Signature"), Some(signed.as_str()));
}

/// With a shared key, a second header names the key and the algorithm.
#[test]
fn a_shared_key_signs_if_there_is_one() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = Sender::new(TOKEN, Some(("webhooks_sharedkey_1", "shared"))).unwrap();
    let url = receiver.url("/status");
    sender.send([callback("PK1", &url, 0)]);
    assert!(sender.wait_until_idle(SOON));
    let request = receiver.requests().remove(0);
    let settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256";
    assert_eq!(request.header("X-Twilio-Webhooks-Signature-Settings"), Some(settings));
    let signature = request.header("X-Twilio-Signature");
    let validate =
        |validator: SignatureValidator| validator.validate(&url, request.body.as_bytes(), signature);
    assert!(validate(SignatureValidator::from_shared_key("shared").unwrap()).is_ok());
    assert!(validate(SignatureValidator::new(TOKEN).unwrap()).is_err());
    assert_eq!(Sender::new("", None).err().unwrap().field(), Some("auth_token"));
    assert_eq!(Sender::new(TOKEN, Some(("", ""))).err().unwrap().field(), Some("shared_key"));
}

#[test]
fn failures_do_not_change_the_order_of_a_session() {
    // Every other request fails in one way or another.
    let receiver = Receiver::start(|number, _| match number % 4 {
        0 => status(500),
        2 => Reply::Drop,
        _ => status(200),
    });
    let sender = sender();
    sender.send((0..10).map(|number| callback("PK1", &receiver.url(&format!("/{RETRY}")), number)));
    assert!(sender.wait_until_idle(SOON));
    let numbers: Vec<_> = receiver.requests().iter().map(|request| field(request, "Number")).collect();
    let twice: Vec<_> = (0..10).flat_map(|number| [number.to_string(), number.to_string()]).collect();
    assert_eq!(numbers, twice);
    for record in sender.callbacks("PK1") {
        assert_eq!((record.delivery, record.attempts), (Delivery::Delivered, 2));
    }
}

#[test]
fn a_failed_callback_does_not_hold_up_the_next() {
    let receiver =
        Receiver::start(|_, request| if field(request, "Number") == "0" { status(500) } else { status(200) });
    let sender = sender();
    // Both at once: the second does not shorten the first one's wait.
    let url = receiver.url(&format!("/{RETRY}"));
    sender.send([callback("PK1", &url, 0), callback("PK1", &url, 1)]);
    assert!(sender.wait_until_idle(SOON));
    let numbers: Vec<_> = receiver.requests().iter().map(|request| field(request, "Number")).collect();
    assert_eq!(numbers, ["0", "0", "0", "1"]);
    let became: Vec<_> = sender.callbacks("PK1").iter().map(|record| record.delivery).collect();
    assert_eq!(became, [Delivery::Failed, Delivery::Delivered]);
}

/// A slow receiver only delays its own session.
#[test]
fn a_session_that_waits_does_not_hold_up_others() {
    // Accepts and never answers.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    sender.send((0..2).map(|number| callback("PK1", &url, number)));
    let _held_up = silent.accept().unwrap();
    sender.send((0..5).map(|number| callback("PK2", &receiver.url("/"), number)));
    let start = Instant::now();
    while sender.callbacks("PK2").iter().any(|record| record.delivery == Delivery::Pending) {
        assert!(start.elapsed() < SOON);
        thread::sleep(Duration::from_millis(2));
    }
    for waiting in sender.callbacks("PK1") {
        assert_eq!((waiting.delivery, waiting.attempts), (Delivery::Pending, 0));
    }
    assert!(!sender.wait_until_idle(Duration::from_millis(10)));
}

#[test]
fn news_can_be_waited_for() {
    let sender = sender();
    let nothing = (0, 0);
    let seen = |from, time| {
        let (callbacks, made) = sender.wait_for_callbacks(from, time);
        (callbacks.len(), made)
    };
    assert_eq!(seen(0, Duration::ZERO), nothing);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| seen(0, Duration::from_secs(600)));
        sender.send([callback("PK1", "/status", 0)]);
        assert_eq!(waiting.join().unwrap(), (1, 1));
        let waiting = scope.spawn(|| seen(1, Duration::from_secs(600)));
        sender.send([callback("PK2", "/status", 0), callback("PK1", "/status", 1)]);
        assert_eq!(waiting.join().unwrap(), (2, 3));
        assert_eq!(seen(3, Duration::ZERO), (0, 3));
        let waiting = scope.spawn(|| seen(3, Duration::from_secs(600)));
        sender.stop();
        assert_eq!(waiting.join().unwrap(), (0, 3));
    });
    let sessions: Vec<_> = sender.wait_for_callbacks(0, Duration::ZERO).0;
    let sessions: Vec<_> = sessions.iter().map(|record| &*record.session_sid).collect();
    assert_eq!(sessions, ["PK1", "PK2", "PK1"], "in the order in which they were made");
}

#[test]
fn what_is_kept_is_bounded() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender();
    sender.send((0..1100).map(|number| callback("PK1", "/status", number)));
    let records = sender.callbacks("PK1");
    assert_eq!((records.len(), records[0].get("Number")), (1000, Some("100")));
    sender.send([callback("PK2", &receiver.url("/"), 0)]);
    sender.forget("PK1");
    // What is pending is delivered first.
    sender.forget("PK2");
    sender.forget("PK3");
    assert!(sender.wait_until_idle(SOON));
    assert_eq!(receiver.requests().len(), 1);
    let start = Instant::now();
    while !sender.wait_for_callbacks(0, Duration::ZERO).0.is_empty() {
        assert!(start.elapsed() < SOON);
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn callbacks_only_go_to_loopback() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender();
    let urls = [
        "https://example.com/status".to_owned(),
        "/status".to_owned(),
        receiver.url("/").replace("http:", "https:"),
        receiver.url("/").replace("127.0.0.1", "example.com"),
        receiver.url("/a b"),
    ];
    sender.send(urls.iter().map(|url| callback("PK1", url, 0)));
    assert!(sender.wait_until_idle(Duration::ZERO));
    for record in sender.callbacks("PK1") {
        assert_eq!((record.delivery, record.attempts, record.status), (Delivery::NotSent, 0, None));
    }
    // They do not hold up one that can be delivered.
    sender.send([callback("PK1", &receiver.url("/"), 1), callback("PK1", "/status", 2)]);
    assert!(sender.wait_until_idle(SOON));
    let became: Vec<_> = sender.callbacks("PK1").iter().map(|record| record.delivery).collect();
    assert_eq!(became[4..], [Delivery::NotSent, Delivery::Delivered, Delivery::NotSent]);
    assert_eq!(receiver.requests().len(), 1);
    assert!(sender.callbacks("PK2").is_empty());
}

#[test]
fn stopping_aborts_deliveries() {
    // Accepts and never answers.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sender = sender();
    sender.send([callback("PK1", &format!("http://{}/", silent.local_addr().unwrap()), 0)]);
    let (stream, _) = silent.accept().unwrap();
    thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    drop(sender);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(stream);
}

#[test]
fn many_sessions_lose_nothing() {
    let receiver = Receiver::start(|number, _| if number % 10 == 9 { status(503) } else { status(200) });
    let sender = sender();
    thread::scope(|scope| {
        for part in 0..4 {
            let (sender, receiver) = (&sender, &receiver);
            scope.spawn(move || {
                for number in 0..10 {
                    for session in 0..25 {
                        sender.send([callback(
                            &format!("PK{part}-{session}"),
                            &receiver.url("/#rc=5&rp=all"),
                            number,
                        )]);
                    }
                }
            });
        }
    });
    assert!(sender.wait_until_idle(Duration::from_secs(60)));
    let mut arrived: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for request in receiver.requests() {
        let token = request.header("I-Twilio-Idempotency-Token").unwrap().to_owned();
        arrived.entry(field(&request, "Sid")).or_default().push((field(&request, "Number"), token));
    }
    assert_eq!(arrived.len(), 100);
    let mut tokens = HashSet::new();
    for mut callbacks in arrived.into_values() {
        callbacks.dedup();
        let numbers: Vec<_> = callbacks.iter().map(|(number, _)| number.parse::<usize>().unwrap()).collect();
        assert_eq!(numbers, (0..10).collect::<Vec<_>>());
        assert!(callbacks.into_iter().all(|(_, token)| tokens.insert(token)));
    }
    let records = sender.wait_for_callbacks(0, Duration::ZERO).0;
    assert_eq!(records.len(), 1000);
    assert!(records.iter().all(|record| record.delivery == Delivery::Delivered));
}

#[test]
fn a_session_is_delivered_as_it_was_made() {
    let receiver = Receiver::start(|_, _| status(200));
    let url = receiver.url("/status");
    let sender = sender();
    let mut desk = Desk::new(settings());
    desk.collect();
    desk.complete();
    for callback in &mut desk.sent {
        callback.url = url.as_str().into();
    }
    sender.send(desk.sent.clone());
    assert!(sender.wait_until_idle(SOON));
    let validator = SignatureValidator::new(TOKEN).unwrap();
    let requests = receiver.requests();
    assert_eq!(requests.len(), desk.sent.len());
    for (request, callback) in requests.iter().zip(&desk.sent) {
        let signature = request.header("X-Twilio-Signature");
        let read = validator.receive(&url, request.body.as_bytes(), signature).unwrap();
        assert_eq!(read, parse(callback));
    }
    let shapes = |token: &str| {
        let lengths: Vec<_> = token.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && token.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
    };
    assert!(
        sender.wait_for_callbacks(0, Duration::ZERO).0.iter().all(|record| shapes(&record.idempotency_token))
    );
}
