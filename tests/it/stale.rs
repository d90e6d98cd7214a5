//! Kept connections that the server has closed: the program never notices.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::support::faults::{Script, Step, done};
use crate::support::*;
use twilio_payments::*;

fn create(api: &PaymentsApi) -> Result<PaymentsResponse, Error> {
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK).idempotency_key("k"))
}

/// The default policy, and the one without retries.
fn policies() -> [RetryPolicy; 2] {
    [RetryPolicy::new(), RetryPolicy::none()]
}

#[test]
fn closed_while_idle() {
    for policy in policies() {
        let script = Script::new([Step::RespondAndClose(created())]);
        let api = builder(script.address).retry_policy(policy).build().unwrap();
        for _ in 0..3 {
            assert_eq!(create(&api).unwrap().metadata.attempts, 1, "noticed before anything is sent");
            done(&script.closed);
        }
        assert_eq!((script.connections(), script.equal_requests()), (3, 3));
    }
}

#[test]
fn closed_after_the_next_request_was_sent() {
    for policy in policies() {
        for (close, requests) in [(Step::CloseRead, 3), (Step::CloseUnread, 2)] {
            let script = Script::new([Step::created(), close.clone(), Step::created()]);
            let api = builder(script.address).retry_policy(policy).build().unwrap();
            assert_eq!(create(&api).unwrap().metadata.attempts, 1);
            let again = create(&api).unwrap_or_else(|error| panic!("{close:?}: {error}"));
            assert_eq!(again.metadata.attempts, 2);
            assert_eq!((script.connections(), script.equal_requests()), (2, requests), "{close:?}");
        }
    }
}

#[test]
fn a_replacement_does_not_count_as_a_retry() {
    let script = Script::new([
        Step::created(),
        Step::CloseRead,
        Step::status(500),
        Step::status(503),
        Step::created(),
        Step::CloseRead,
        Step::status(500),
    ]);
    let policy = RetryPolicy::new().base_delay(Duration::from_millis(1));
    let api = builder(script.address).retry_policy(policy).build().unwrap();
    create(&api).unwrap();
    assert_eq!(create(&api).unwrap().metadata.attempts, 4, "one replacement and two retries");

    // Without retries the connection is replaced too, and the second response counts. The lost request may have
    // been carried out.
    let script = Script::new([Step::created(), Step::CloseRead, Step::status(404)]);
    let api = builder(script.address).retry_policy(RetryPolicy::none()).build().unwrap();
    create(&api).unwrap();
    let error = create(&api).unwrap_err();
    assert_eq!((error.status(), error.attempts(), error.outcome()), (Some(404), 2, Outcome::Unknown));
}

#[test]
fn only_a_kept_connection_is_replaced() {
    // The loss of a new connection is an ordinary failure, and RetryPolicy::none() reports it.
    for steps in [vec![Step::CloseRead], vec![Step::created(), Step::CloseRead, Step::CloseRead]] {
        let script = Script::new(steps.clone());
        let api = builder(script.address).retry_policy(RetryPolicy::none()).build().unwrap();
        let error = (1..steps.len().max(2)).find_map(|_| create(&api).err()).expect("a failure");
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::ConnectionLost, Outcome::Unknown));
        assert_eq!(error.attempts() as usize, steps.len().min(2));
    }
    // Nor is a connection replaced if a response had begun: the server had received that attempt.
    let begun = Step::Break("HTTP/1.1 201".to_owned());
    let script = Script::new([Step::created(), begun, Step::created()]);
    let api = builder(script.address).retry_policy(RetryPolicy::none()).build().unwrap();
    create(&api).unwrap();
    assert_eq!(create(&api).unwrap_err().kind(), ErrorKind::ConnectionLost);
}

/// Answers once on each connection, to all of `count` at the same time, and closes a connection when it
/// has read a second request.
fn lets_die(count: usize) -> std::net::SocketAddr {
    let together = Arc::new(Barrier::new(count));
    serve(move |mut stream: TcpStream, index| {
        if read_request(&mut stream).is_some() {
            if index < count {
                together.wait();
            }
            stream.write_all(created().as_bytes()).unwrap();
            if index < count {
                read_request(&mut stream);
            } else {
                while read_request(&mut stream).is_some() {
                    stream.write_all(created().as_bytes()).unwrap();
                }
            }
        }
    })
}

fn all_at_once(api: &PaymentsApi, count: usize) -> Vec<u32> {
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..count).map(|_| scope.spawn(|| create(api))).collect();
        calls.into_iter().map(|call| call.join().unwrap().unwrap().metadata.attempts).collect()
    })
}

#[test]
fn eight_dead_connections_at_once() {
    for policy in policies() {
        // One call after another.
        let api = builder(lets_die(8)).retry_policy(policy).build().unwrap();
        assert_eq!(all_at_once(&api, 8), [1; 8], "eight connections are kept");
        assert_eq!(
            create(&api).unwrap().metadata.attempts,
            2,
            "replaced by a new one, not by the next dead one"
        );
        for _ in 0..8 {
            assert_eq!(create(&api).unwrap().metadata.attempts, 1, "the other dead ones are gone");
        }
        // All at the same time.
        let api = builder(lets_die(8)).retry_policy(policy).build().unwrap();
        assert_eq!(all_at_once(&api, 8), [1; 8]);
        let attempts = all_at_once(&api, 8);
        assert!(attempts.iter().all(|&attempts| attempts <= 2), "{attempts:?}");
    }
}

#[test]
fn many_closed_while_idle() {
    // There are more than the pool checks before a new one is opened anyway.
    const COUNT: usize = 70;
    let together = Barrier::new(COUNT);
    let (sender, closed) = std::sync::mpsc::channel();
    let address = serve(move |mut stream, index| {
        while read_request(&mut stream).is_some() {
            if index < COUNT {
                together.wait();
            }
            stream.write_all(created().as_bytes()).unwrap();
            if index < COUNT {
                drop(stream);
                let _ = sender.send(());
                return;
            }
        }
    });
    let api = builder(address).idle_connections(COUNT).retry_policy(RetryPolicy::none()).build().unwrap();
    assert_eq!(all_at_once(&api, COUNT), [1; COUNT]);
    (1..COUNT).for_each(|_| closed.recv().unwrap());
    done(&closed);
    for _ in 0..3 {
        assert_eq!(create(&api).unwrap().metadata.attempts, 1, "noticed before anything is sent");
    }
}

#[test]
fn closed_at_any_moment() {
    // The server closes within a few microseconds of its response, so that the check of the connection, the write or
    // the read notices it.
    let address = serve(|mut stream, index| {
        if read_request(&mut stream).is_some() {
            let _ = stream.write_all(created().as_bytes());
            std::thread::sleep(Duration::from_micros(index as u64 * 37 % 400));
        }
    });
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    for call in 0..600 {
        let response = create(&api).unwrap_or_else(|error| panic!("call {call}: {error:?}"));
        assert!(response.metadata.attempts <= 2);
    }
}
