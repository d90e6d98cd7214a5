//! Who receives which callback, how often, and what happens if nobody does.

use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use twilio_payments::{CallbackErrorKind, CallbackListener, StatusCallback};

use crate::support::callbacks::*;
use crate::support::records::logged_about;

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

    // Hex digits are the same in either case.
    let upper = listener.session(&sid(0xabc).to_uppercase()).unwrap();
    assert_eq!(send(&listener, &signed(&body(0xabc, 13))), 204);
    assert!(listener.try_recv().unwrap().is_none());
    assert_eq!(numbers(&|| upper.try_recv().unwrap()), [13]);

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
