//! Delivery over real sockets.

mod receiver;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::SignatureValidator;
use crate::sandbox::session::tests::{Desk, parse, settings};
use receiver::{Receiver, Reply, Request, status};

const TOKEN: &str = "auth-token";
const SOON: Duration = Duration::from_secs(20);

fn policy() -> DeliveryPolicy {
    DeliveryPolicy {
        attempts: 3,
        backoff: Duration::from_millis(20),
        connect: Duration::from_secs(5),
        total: Duration::from_secs(10),
    }
}

fn sender(policy: DeliveryPolicy) -> Sender {
    Sender::start(TOKEN, policy).unwrap()
}

/// The number-th callback of a session.
fn callback(session: &str, url: &str, number: usize) -> Callback {
    let params = vec![("Sid".to_owned(), session.to_owned()), ("Number".to_owned(), number.to_string())];
    Callback { session: session.into(), url: url.into(), params }
}

fn field(request: &Request, name: &str) -> String {
    let found = form_urlencoded::parse(request.body.as_bytes()).find(|(field, _)| field == name);
    found.unwrap().1.into_owned()
}

#[test]
fn the_request_to_the_letter() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender(policy());
    let url = receiver.url("/status?order=7&a=b+c#part").replace("127", "user:p%40ss@127");
    let params = [("Sid", "PK1"), ("Text", "a b&ü="), ("Empty", ""), ("A", "first by name")];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    sender.send([Callback { session: "PK1".into(), url: url.as_str().into(), params }]);
    assert!(sender.wait_until_idle(SOON));
    let [request] = &receiver.requests()[..] else { panic!("not one request") };
    let [record] = &sender.callbacks("PK1")[..] else { panic!("not one record") };
    let signature = request.header("X-Twilio-Signature").unwrap();
    let host = receiver.url("").replace("http://", "");
    assert_eq!(
        request.head,
        format!(
            "POST /status?order=7&a=b+c HTTP/1.1\r\nHost: {host}\r\nUser-Agent: twilio-payments-sandbox/{}\r\n\
             Accept: */*\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n\
             Content-Length: 51\r\nX-Twilio-Signature: {signature}\r\nI-Twilio-Idempotency-Token: {}\r\n\
             Connection: close\r\nAuthorization: Basic dXNlcjpwQHNz",
            env!("CARGO_PKG_VERSION"),
            record.idempotency_token()
        )
    );
    assert_eq!(request.body, "Sid=PK1&Text=a+b%26%C3%BC%3D&Empty=&A=first+by+name");
    assert_eq!(record.body(), request.body);
    let validator = SignatureValidator::new(TOKEN).unwrap();
    let requested = url.strip_suffix("#part").unwrap();
    validator.validate(requested, request.body.as_bytes(), Some(signature)).unwrap();
    let other = SignatureValidator::new("another").unwrap();
    other.validate(requested, request.body.as_bytes(), Some(signature)).unwrap_err();
    assert_eq!((record.delivery(), record.attempts(), record.status()), (Delivery::Delivered, 1, Some(200)));
    assert_eq!((record.session(), record.url()), ("PK1", url.as_str()));
    for (name, value) in [("Text", Some("a b&ü=")), ("Empty", Some("")), ("None", None)] {
        assert_eq!(record.get(name), value);
    }
    let shown = format!("{record:?} {sender:?}");
    assert!(!shown.contains("p%40ss") && !shown.contains("first by") && !shown.contains(TOKEN), "{shown}");
}

/// What a receiver does, and what then becomes of the callback.
#[test]
fn answers() {
    let raw = |text: &str| Reply::Raw(text.as_bytes().to_vec());
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (reply, delivery, attempts, answered) in [
        (status(200), Delivery::Delivered, 1, Some(200)),
        (status(204), Delivery::Delivered, 1, Some(204)),
        (status(299), Delivery::Delivered, 1, Some(299)),
        (status(302), Delivery::Failed, 1, Some(302)),
        (status(400), Delivery::Failed, 1, Some(400)),
        (status(403), Delivery::Failed, 1, Some(403)),
        (status(429), Delivery::Failed, 1, Some(429)),
        (status(500), Delivery::Failed, 3, Some(500)),
        (status(503), Delivery::Failed, 3, Some(503)),
        (Reply::Drop, Delivery::Failed, 3, None),
        (Reply::Keep(Vec::new()), Delivery::Failed, 3, None),
        (Reply::Keep(b"HTTP/1.1 200 OK\r\nContent-".to_vec()), Delivery::Failed, 3, None),
        (
            Reply::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec()),
            Delivery::Delivered,
            1,
            Some(200),
        ),
        (raw("SSH-2.0-OpenSSH_9.2\r\n"), Delivery::Failed, 3, None),
        (raw("HTTP/1.1 abc\r\n\r\n"), Delivery::Failed, 3, None),
        (raw("HTTP/1.1\r\n\r\n"), Delivery::Failed, 3, None),
        (raw("HTTP/1.0 200\r\n\r\n"), Delivery::Delivered, 1, Some(200)),
        (raw(&format!("HTTP/1.1 100 Continue\r\n\r\n{ok}")), Delivery::Delivered, 1, Some(200)),
        (raw(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(20)), Delivery::Failed, 3, None),
        (raw(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(200_000))), Delivery::Delivered, 1, Some(200)),
        (raw(&format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(20_000))), Delivery::Failed, 3, None),
        (Reply::Drip(ok.as_bytes().to_vec()), Delivery::Delivered, 1, Some(200)),
    ] {
        let case = format!("{reply:?}");
        let case = &case[..case.len().min(200)];
        // Where the answer does not come, the less time the better; where it comes, no machine is too slow.
        let silent = answered.is_none() && matches!(reply, Reply::Keep(_));
        let total = if silent { Duration::from_millis(150) } else { Duration::from_secs(10) };
        let receiver = Receiver::start(move |_, _| reply.clone());
        let sender = sender(DeliveryPolicy { total, ..policy() });
        sender.send([callback("PK1", &receiver.url("/"), 0)]);
        assert!(sender.wait_until_idle(SOON), "{case}");
        let record = &sender.callbacks("PK1")[0];
        assert_eq!(
            (record.delivery(), record.attempts(), record.status()),
            (delivery, attempts, answered),
            "{case}"
        );
        let tokens: HashSet<_> = receiver
            .requests()
            .iter()
            .map(|request| request.header("I-Twilio-Idempotency-Token").unwrap().to_owned())
            .collect();
        assert_eq!(tokens.into_iter().collect::<Vec<_>>(), [record.idempotency_token()], "{case}");
        assert_eq!(receiver.requests().len(), usize::try_from(attempts).unwrap(), "{case}");
    }
}

#[test]
fn the_order_of_a_session_outlasts_failures() {
    // Every other request fails in one way or another.
    let receiver = Receiver::start(|number, _| match number % 4 {
        0 => status(500),
        2 => Reply::Drop,
        _ => status(200),
    });
    let sender = sender(policy());
    sender.send((0..10).map(|number| callback("PK1", &receiver.url("/"), number)));
    assert!(sender.wait_until_idle(SOON));
    let numbers: Vec<_> = receiver.requests().iter().map(|request| field(request, "Number")).collect();
    let twice: Vec<_> = (0..10).flat_map(|number| [number.to_string(), number.to_string()]).collect();
    assert_eq!(numbers, twice);
    for record in sender.callbacks("PK1") {
        assert_eq!((record.delivery(), record.attempts()), (Delivery::Delivered, 2));
    }
}

#[test]
fn one_given_up_does_not_hold_up_the_next() {
    let receiver =
        Receiver::start(|_, request| if field(request, "Number") == "0" { status(500) } else { status(200) });
    let sender = sender(policy());
    sender.send([callback("PK1", &receiver.url("/"), 0), callback("PK1", &receiver.url("/"), 1)]);
    assert!(sender.wait_until_idle(SOON));
    let numbers: Vec<_> = receiver.requests().iter().map(|request| field(request, "Number")).collect();
    assert_eq!(numbers, ["0", "0", "0", "1"]);
    let became: Vec<_> = sender.callbacks("PK1").iter().map(RecordedCallback::delivery).collect();
    assert_eq!(became, [Delivery::Failed, Delivery::Delivered]);
}

#[test]
fn a_session_that_waits_does_not_hold_up_others() {
    let receiver =
        Receiver::start(|_, request| if field(request, "Sid") == "PK1" { status(500) } else { status(200) });
    let sender = sender(DeliveryPolicy { attempts: 2, backoff: Duration::from_secs(600), ..policy() });
    sender.send([callback("PK1", &receiver.url("/"), 0)]);
    sender.send((0..5).map(|number| callback("PK2", &receiver.url("/"), number)));
    let start = Instant::now();
    while sender.callbacks("PK2").iter().any(|record| record.delivery() == Delivery::Pending) {
        assert!(start.elapsed() < SOON);
        thread::sleep(Duration::from_millis(2));
    }
    let waiting = &sender.callbacks("PK1")[0];
    assert_eq!((waiting.delivery(), waiting.attempts(), waiting.status()), (Delivery::Pending, 1, Some(500)));
    assert!(!sender.wait_until_idle(Duration::from_millis(10)));
    // Stopping does not wait for the next try.
    let start = Instant::now();
    drop(sender);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_new_callback_does_not_hurry_the_one_before_it() {
    let receiver = Receiver::start(|_, _| status(500));
    let sender = sender(DeliveryPolicy { attempts: 2, backoff: Duration::from_secs(600), ..policy() });
    sender.send([callback("PK1", &receiver.url("/"), 0)]);
    let start = Instant::now();
    while sender.callbacks("PK1")[0].attempts() == 0 {
        assert!(start.elapsed() < SOON);
        thread::sleep(Duration::from_millis(2));
    }
    sender.send([callback("PK1", &receiver.url("/"), 1)]);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn only_loopback_is_talked_to() {
    let receiver = Receiver::start(|_, _| status(200));
    let sender = sender(policy());
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
        assert_eq!((record.delivery(), record.attempts(), record.status()), (Delivery::NotSent, 0, None));
    }
    // They are no hindrance to one that can go.
    sender.send([callback("PK1", &receiver.url("/"), 1), callback("PK1", "/status", 2)]);
    assert!(sender.wait_until_idle(SOON));
    let became: Vec<_> = sender.callbacks("PK1").iter().map(RecordedCallback::delivery).collect();
    assert_eq!(became[4..], [Delivery::NotSent, Delivery::Delivered, Delivery::NotSent]);
    assert_eq!(receiver.requests().len(), 1);
    assert!(sender.callbacks("PK2").is_empty());
}

#[test]
fn nobody_listens() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let sender = sender(policy());
    sender.send([callback("PK1", &format!("http://{closed}/"), 0)]);
    assert!(sender.wait_until_idle(SOON));
    let record = &sender.callbacks("PK1")[0];
    assert_eq!((record.delivery(), record.attempts(), record.status()), (Delivery::Failed, 3, None));
}

#[test]
fn stopping_breaks_off_what_is_under_way() {
    // Accepts and never answers.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sender = sender(DeliveryPolicy { total: Duration::from_secs(600), ..policy() });
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
    let sender = sender(DeliveryPolicy { attempts: 10, backoff: Duration::from_millis(1), ..policy() });
    thread::scope(|scope| {
        for part in 0..4 {
            let (sender, receiver) = (&sender, &receiver);
            scope.spawn(move || {
                for number in 0..10 {
                    for session in 0..25 {
                        sender.send([callback(&format!("PK{part}-{session}"), &receiver.url("/"), number)]);
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
    assert!(records.iter().all(|record| record.delivery() == Delivery::Delivered));
}

#[test]
fn a_session_is_delivered_as_it_was_made() {
    let receiver = Receiver::start(|_, _| status(200));
    let url = receiver.url("/status");
    let sender = sender(policy());
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
        sender
            .wait_for_callbacks(0, Duration::ZERO)
            .0
            .iter()
            .all(|record| shapes(record.idempotency_token()))
    );
}
