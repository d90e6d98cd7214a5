//! The listener over real sockets: its responses, and who receives which callback.

use std::io::{ErrorKind as Io, Read, Write};
use std::net::TcpStream;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use twilio_payments::{
    CallbackErrorKind, CallbackListener, CallbackListenerBuilder, Event, SessionCallbacks,
    SignatureValidator, StatusCallback,
};

use crate::support::TOKEN;
use crate::support::callbacks::*;
use crate::support::records::logged_about;

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
    assert!(listener.try_recv().unwrap().is_none());
}

#[test]
fn requests_that_are_not_callbacks_are_refused() {
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
        ("a signature that is not text", plain("POST", &signature("\u{e9}"), &good), 403),
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
        ("a session without a SID", signed("Sid=PK1"), 400),
        ("a target that is not a path", post("pay.example.com:443", PUBLIC, "", &good), 400),
        ("not HTTP", "HELLO\r\n\r\n".to_owned(), 400),
        ("64 KiB and a byte", signed(&format!("{good}&{}", "x".repeat(64 * 1024 - good.len()))), 413),
        ("a large head", post("/status", PUBLIC, &format!("X: {}\r\n", "x".repeat(17_000)), &good), 431),
    ] {
        assert_eq!(send(&listener, &request), expected, "{what}");
    }
    let head = ask(&mut connect(listener.local_addr()), &plain("GET", "", "")).unwrap();
    assert!(head.contains("\r\nAllow: POST\r\n"), "{head}");
    assert!(listener.try_recv().unwrap().is_none());
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
        // The target is a whole URL, of which the path and the query count.
        (PUBLIC, "http://internal/status", PUBLIC, 204),
        (PUBLIC, "https://internal:8443/status?order=7", "https://pay.example.com/status?order=7", 204),
        ("https://pay.example.com", "http://internal/any?x", "https://pay.example.com/any?x", 204),
        (PUBLIC, "/other", "https://pay.example.com/other", 403),
        ("https://pay.example.com", "/any/path?x=%20", "https://pay.example.com/any/path?x=%20", 204),
        ("https://pay.example.com", "/any/path?x=%20", "https://pay.example.com/any/path?x=+", 403),
        ("https://pay.example.com", "/", "https://pay.example.com", 204),
        ("https://example.com/hooks/", "/status", "https://example.com/hooks/status", 204),
        ("https://u:p@pay.example.com/status", "/status", "https://u:p@pay.example.com/status", 204),
        // Headers of the request do not count.
        (PUBLIC, "/status", "http://internal/status", 403),
    ] {
        let listener = CallbackListener::bind("127.0.0.1:0", public, validator()).unwrap();
        let forwarded = "X-Forwarded-Proto: http\r\nX-Forwarded-Host: internal\r\n";
        assert_eq!(send(&listener, &post(path, signed_url, forwarded, &good)), expected, "{public} {path}");
        assert_eq!(listener.try_recv().unwrap().is_some(), expected == 204);
    }
    let local = CallbackListener::local(validator()).unwrap();
    let url = local.public_url().to_owned();
    assert_eq!(send(&local, &post("/", &url, "", &good)), 204);
    assert_eq!(send(&local, &post("/status?order=7", &format!("{url}status?order=7"), "", &good)), 204);
}

#[test]
fn sessions_get_their_own_callbacks() {
    let listener = listener();
    // Before there is a view, a callback goes to the general queue.
    for (session, number) in [(1, 1), (2, 2), (1, 3), (3, 4)] {
        assert_eq!(send(&listener, &signed(&body(session, number))), 204);
    }
    let first = listener.session(&sid(1)).unwrap();
    let second = listener.session(&sid(2)).unwrap();
    // After that, it goes to the view.
    for (session, number) in [(1, 5), (3, 6), (2, 7)] {
        assert_eq!(send(&listener, &signed(&body(session, number))), 204);
    }
    let numbers = |next: &dyn Fn() -> Option<StatusCallback>| -> Vec<usize> {
        std::iter::from_fn(next).map(|callback| number(&callback)).collect()
    };
    assert_eq!(first.sid(), sid(1));
    assert_eq!(numbers(&|| first.try_recv().unwrap()), [1, 3, 5]);
    assert_eq!(numbers(&|| listener.try_recv().unwrap()), [4, 6]);
    // Callbacks that a view has not read are not lost, and keep their order among the others.
    for (session, number) in [(3, 8), (2, 9), (3, 10)] {
        assert_eq!(send(&listener, &signed(&body(session, number))), 204);
    }
    drop(second);
    assert_eq!(numbers(&|| listener.try_recv().unwrap()), [2, 7, 8, 9, 10]);
    assert_eq!(send(&listener, &signed(&body(2, 11))), 204);
    assert_eq!(numbers(&|| listener.try_recv().unwrap()), [11]);
    // Two views of a session share its callbacks, as long as one of them lives.
    let again = listener.session(&sid(1)).unwrap();
    drop(first);
    assert_eq!(send(&listener, &signed(&body(1, 12))), 204);
    assert!(listener.try_recv().unwrap().is_none());
    assert_eq!(numbers(&|| again.try_recv().unwrap()), [12]);

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
    assert!(listener.try_recv().unwrap().is_none());
}

#[test]
fn a_repeated_delivery_is_handed_over_once() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(2).bind("127.0.0.1:0").unwrap();
    let received = || listener.try_recv().unwrap().map(|callback| number(&callback));
    for _ in 0..3 {
        assert_eq!(send(&listener, &with_token("t-1", &body(1, 1))), 204);
    }
    assert_eq!((received(), received()), (Some(1), None));
    assert_eq!(send(&listener, &with_token("t-1", &body(1, 1))), 204);
    assert_eq!(received(), None);
    // The same body with another token, or without one, is another delivery.
    assert_eq!(send(&listener, &with_token("t-2", &body(1, 1))), 204);
    assert_eq!(send(&listener, &signed(&body(1, 1))), 204);
    // A callback that was refused, for lack of room or for its signature, can be delivered again.
    assert_eq!(send(&listener, &with_token("t-3", &body(1, 3))), 503);
    let forged = with_token("t-4", &body(1, 4)).replace("Number=4", "Number=5");
    assert_eq!(send(&listener, &forged), 403);
    assert_eq!((received(), received(), received()), (Some(1), Some(1), None));
    assert_eq!(send(&listener, &with_token("t-3", &body(1, 3))), 204);
    assert_eq!(send(&listener, &with_token("t-4", &body(1, 4))), 204);
    // A callback that was received before is recognized even if there is no room for another.
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
    // The callbacks of views count too.
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
    let rest: Vec<_> =
        std::iter::from_fn(|| listener.try_recv().unwrap()).map(|callback| number(&callback)).collect();
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
        assert_eq!(error.to_string(), "no callback arrived in time");
    }
    assert!(begun.elapsed() >= 2 * short && begun.elapsed() < LONG, "{:?}", begun.elapsed());

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
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    });
    // The port is closed, earlier callbacks can still be read, and a second shutdown does nothing.
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
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
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
    let builder = format!("{builder:?}");
    assert!(builder.starts_with("CallbackListenerBuilder { "), "{builder}");
    let address = listener.local_addr();
    let public_url = "\"https://…@pay.example.com/status?…\"";
    let listener = format!("{listener:?}");
    let expected =
        format!("CallbackListener {{ local_addr: {address}, public_url: {public_url}, held: 0, .. }}");
    assert_eq!(listener, expected);
    let view = format!("{view:?}");
    assert_eq!(view, format!("SessionCallbacks {{ sid: \"{}\", .. }}", sid(1)));
    for shown in [builder, listener, view] {
        for secret in [TOKEN, "pass", "key=1"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn what_is_logged_shows_no_secret() {
    let url = "https://user:pass@log.example.com/status?key=1";
    let listener = CallbackListener::bind("127.0.0.1:0", url, validator()).unwrap();
    let good = format!("{}&PaymentToken=tok_1&PaymentCardNumber=4242", body(0x0010_9000, 1));
    let other = "https://log.example.com/other";
    let arrived = "https://user:pass@log.example.com/status?key=2";
    let ((), lines) = logged_about(&["log.example.com", &sid(0x0010_9000)], || {
        for (request, expected) in [
            (post("/status?key=2", other, "", &good), 403),
            (post("/status", other, "", &good), 403),
            (post("/status?key=2", arrived, "", "CallSid=CA1&PaymentToken=tok_1"), 400),
            (post("/status?key=2", arrived, "I-Twilio-Idempotency-Token: t-1\r\n", &good), 204),
        ] {
            assert_eq!(send(&listener, &request), expected);
        }
        // The last record is written before its response.
    });
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
    fn check<T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
    check::<CallbackListener>();
    check::<CallbackListenerBuilder>();
    check::<SessionCallbacks>();
}

#[test]
fn a_refused_peer_gets_one_response_however_many_requests_it_sends() {
    let listener = listener();
    let get = "GET /status HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let unsigned = signed(&body(1, 1)).replace("X-Twilio-Signature", "X-Other");
    for (request, expected) in [
        (get, 405),
        (unsigned, 403),
        (signed("Sid=PK1"), 400),
        (post("pay.example.com:443", PUBLIC, "", &body(1, 1)), 400),
    ] {
        let mut stream = connect(listener.local_addr());
        stream.write_all((request + &signed(&body(1, 2))).as_bytes()).unwrap();
        let mut responses = String::new();
        stream.read_to_string(&mut responses).unwrap();
        assert!(responses.starts_with(&format!("HTTP/1.1 {expected} ")), "{responses}");
        assert!(responses.contains("\r\nConnection: close\r\n"), "{responses}");
        assert_eq!(responses.matches("HTTP/1.1").count(), 1, "{responses}");
    }
    assert!(listener.try_recv().unwrap().is_none());
}

/// A listener with a handler that fails while `fails` is set, and notes what it stores.
fn storing(fails: &Arc<AtomicBool>) -> (CallbackListener, Arc<Mutex<Vec<usize>>>) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let (fails, journal) = (Arc::clone(fails), Arc::clone(&stored));
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .capacity(2)
        .on_callback(move |callback| {
            if fails.load(Ordering::SeqCst) {
                assert!(number(callback) != 13, "asked for by the test");
                return Err("the disk is\nfull");
            }
            journal.lock().unwrap().push(number(callback));
            Ok(())
        })
        .bind("127.0.0.1:0")
        .unwrap();
    (listener, stored)
}

#[test]
fn a_callback_is_answered_after_the_handler_has_stored_it() {
    let fails = Arc::new(AtomicBool::new(true));
    let (listener, stored) = storing(&fails);
    let ((), lines) = logged_about(&[&sid(0x0010_9001)], || {
        assert_eq!(send(&listener, &with_token("t", &body(0x0010_9001, 12))), 500);
        assert_eq!(send(&listener, &with_token("t", &body(0x0010_9001, 13))), 500, "a panic");
    });
    let failed =
        format!("WARN twilio_payments::listener callback of {}: the handler failed: ", sid(0x0010_9001));
    assert!(lines.contains(&format!("{failed}the disk is\\nfull")), "{lines:?}");
    assert!(lines.contains(&format!("{failed}it panicked")), "{lines:?}");
    assert!(listener.try_recv().unwrap().is_none(), "nobody else receives it");
    assert!(stored.lock().unwrap().is_empty());

    // It is delivered again, and stored once.
    fails.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(send(&listener, &with_token("t", &body(0x0010_9001, 12))), 204);
    }
    assert_eq!(*stored.lock().unwrap(), [12]);
    assert_eq!(number(&listener.recv_timeout(LONG).unwrap()), 12);
    assert!(listener.try_recv().unwrap().is_none());

    // Stored callbacks need no reader: only the latest ones are kept.
    for number in 20..30 {
        assert_eq!(send(&listener, &signed(&body(1, number))), 204);
    }
    assert_eq!(stored.lock().unwrap()[1..], (20..30).collect::<Vec<_>>());
    let rest = std::iter::from_fn(|| listener.try_recv().unwrap()).map(|callback| number(&callback));
    assert_eq!(rest.collect::<Vec<_>>(), [28, 29]);
    assert_eq!(listener.discarded(), 8);
}

#[test]
fn a_connection_in_a_handler_is_not_closed_to_make_room() {
    let (entered, entries) = mpsc::sync_channel(2);
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .connections(2)
        .on_callback(move |callback| -> Result<(), mpsc::RecvTimeoutError> {
            if number(callback) == 1 {
                entered.send(()).unwrap();
                released.lock().unwrap().recv_timeout(LONG)?;
            }
            Ok(())
        })
        .bind("127.0.0.1:0")
        .unwrap();
    let mut busy = connect(listener.local_addr());
    busy.write_all(signed(&body(1, 1)).as_bytes()).unwrap();
    entries.recv_timeout(LONG).unwrap();
    // More idle connections than are allowed, and then a good one.
    let _idle: Vec<_> = (0..5).map(|_| connect(listener.local_addr())).collect();
    assert_eq!(send(&listener, &signed(&body(1, 2))), 204);
    release.send(()).unwrap();
    assert_eq!(status(&head(&mut busy).unwrap()), 204);
}

#[test]
fn shutting_down_lets_a_handler_finish() {
    let (entered, entries) = mpsc::sync_channel(1);
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .on_callback(move |_| -> Result<(), &str> {
            entered.send(()).unwrap();
            thread::sleep(Duration::from_millis(100));
            Ok(())
        })
        .bind("127.0.0.1:0")
        .unwrap();
    let mut stream = connect(listener.local_addr());
    stream.write_all(signed(&body(1, 1)).as_bytes()).unwrap();
    entries.recv_timeout(LONG).unwrap();
    listener.shutdown();
    // It was stored, so the service need not send it again.
    assert_eq!(status(&head(&mut stream).unwrap()), 204);
}

#[test]
fn a_repeat_has_the_same_token_and_the_same_words() {
    let listener = listener();
    let received = || listener.try_recv().unwrap().map(|callback| number(&callback));
    for (token, number, handed_over) in [
        ("t", 1, true),
        ("t", 1, false),
        // Another body with that token is not a repeat, and must not be lost.
        ("t", 2, true),
        ("t", 2, false),
        // An empty token is no token.
        ("", 3, true),
        ("", 4, true),
        ("", 4, true),
    ] {
        assert_eq!(send(&listener, &with_token(token, &body(1, number))), 204);
        assert_eq!(received(), handed_over.then_some(number), "{token:?} {number}");
    }
}

#[test]
fn callbacks_of_ended_sessions_make_room() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(4).bind("127.0.0.1:0").unwrap();
    let last = format!("{}&Result=success", body(1, 3));
    let view = listener.session(&sid(1)).unwrap();
    for body in [&body(1, 1), &body(1, 2), &last, &body(2, 4)] {
        assert_eq!(send(&listener, &signed(body)), 204);
    }
    // The view read nothing. Its session is over, so its callbacks make room, except the result.
    drop(view);
    let ((), lines) = logged_about(&["was discarded"], || {
        for (number, expected) in [(5, 204), (6, 204), (7, 503)] {
            assert_eq!(send(&listener, &signed(&body(2, number))), expected, "{number}");
        }
    });
    let discarded =
        "WARN twilio_payments::listener an unread callback was discarded to make room for another";
    assert!(lines.contains(&format!("{discarded}, 2 so far")), "{lines:?}");
    assert_eq!(listener.discarded(), 2);
    let rest = std::iter::from_fn(|| listener.try_recv().unwrap()).map(|callback| number(&callback));
    assert_eq!(rest.collect::<Vec<_>>(), [3, 4, 5, 6]);
}

#[test]
fn a_replayed_callback_with_other_tokens_does_not_fill_the_queue() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(10).bind("127.0.0.1:0").unwrap();
    let mut stream = connect(listener.local_addr());
    for n in 0..50 {
        let replayed = with_token(&format!("forged-{n}"), &body(1, 1));
        assert_eq!(status(&ask(&mut stream, &replayed).unwrap()), 204);
    }
    for number in 2..8 {
        assert_eq!(send(&listener, &signed(&body(1, number))), 204);
    }
    let rest = std::iter::from_fn(|| listener.try_recv().unwrap()).map(|callback| number(&callback));
    assert_eq!(rest.filter(|number| *number != 1).collect::<Vec<_>>(), (2..8).collect::<Vec<_>>());
}

#[test]
fn tokens_change_while_it_runs() {
    let listener = listener();
    let by = |token: &str, number| {
        let body = body(1, number);
        let signature = SignatureValidator::new(token).unwrap().sign(PUBLIC, body.as_bytes());
        format!(
            "POST /status HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(send(&listener, &by("subaccount", 1)), 403);
    listener.set_validator(validator().also("subaccount").unwrap());
    assert_eq!(send(&listener, &by("subaccount", 2)), 204);
    assert_eq!(send(&listener, &by(TOKEN, 3)), 204);
    listener.set_validator(SignatureValidator::new("subaccount").unwrap());
    assert_eq!(send(&listener, &by(TOKEN, 4)), 403);
}

#[test]
fn warnings_are_escaped_and_few() {
    let url = "https://few.example.com/";
    let listener = CallbackListener::bind("127.0.0.1:0", url, validator()).unwrap();
    let ((), lines) = logged_about(&["few.example.com"], || {
        for n in 0..15 {
            let request = post(&format!("/{n}\u{202e}"), "https://elsewhere.example", "", &body(1, 1));
            assert_eq!(send(&listener, &request), 403);
        }
    });
    assert_eq!(lines.len(), 10, "{lines:?}");
    assert!(lines[0].contains(r"https://few.example.com/0\u{202e} refused: "), "{lines:?}");
}

#[test]
fn the_url_for_the_service_asks_for_retries() {
    for (public, given) in [
        ("https://pay.example.com/status", "https://pay.example.com/status#rc=5&rp=all"),
        ("https://pay.example.com?shop=1", "https://pay.example.com?shop=1#rc=5&rp=all"),
        ("https://pay.example.com/status#rc=2", "https://pay.example.com/status#rc=2"),
    ] {
        let listener = CallbackListener::bind("127.0.0.1:0", public, validator()).unwrap();
        assert_eq!(listener.status_callback_url(), given);
        assert_eq!(listener.public_url(), public);
    }
}

#[test]
fn zero_is_refused() {
    for (builder, field) in [
        (CallbackListener::builder(validator()).capacity(0), "capacity"),
        (CallbackListener::builder(validator()).connections(0), "connections"),
    ] {
        let error = builder.bind("127.0.0.1:0").unwrap_err();
        assert_eq!((error.kind(), error.field()), (CallbackErrorKind::InvalidInput, Some(field)));
        assert_eq!(error.to_string(), format!("invalid {field}: zero"));
    }
}
