//! `shutdown()` ends every call at once, wherever it blocks, and a dropped client leaves nothing behind.
//!
//! The tests allow a second, for busy machines; `--nocapture` shows how long it really took.

#[path = "it/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use support::faults::{Script, Step, hold};
use support::*;
use twilio_payments::*;

/// How long a shutdown may take on the busiest machine. Without it, a call would block for longer.
const LIMIT: Duration = Duration::from_secs(15);

fn small() -> CreatePaymentsParams {
    CreatePaymentsParams::new(CALLBACK)
}

/// Lets a call block, shuts the client down, and checks how the call ends.
fn interrupted(name: &str, api: &PaymentsApi, params: CreatePaymentsParams, outcome: Outcome, attempts: u32) {
    interrupted_when(|| (), name, api, params, outcome, attempts);
}

/// The same for a call that blocks only once `ready` has returned.
fn interrupted_when(
    ready: impl FnOnce(),
    name: &str,
    api: &PaymentsApi,
    params: CreatePaymentsParams,
    outcome: Outcome,
    attempts: u32,
) {
    let (sender, receiver) = mpsc::channel();
    let caller = api.clone();
    thread::spawn(move || {
        let result = caller.create_payments(CALL, &params);
        let _ = sender.send((result, Instant::now()));
    });
    ready();
    let early = receiver.recv_timeout(Duration::from_millis(400));
    assert!(early.is_err(), "{name}: does not block: {early:?}");
    let down = Instant::now();
    api.shutdown();
    let (result, ended) = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{name}: still blocks"));
    println!("{name}: {:.1} ms", ended.duration_since(down).as_secs_f64() * 1e3);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Shutdown, outcome), "{name}: {error:?}");
    assert_eq!((error.attempts(), error.is_timeout()), (attempts, false), "{name}: {error:?}");
    assert!(!error.is_retryable() && error.idempotency_key().is_some(), "{name}: {error:?}");
    unusable(name, api);
}

/// Checks that the client and its clones fail at once and send nothing.
fn unusable(name: &str, api: &PaymentsApi) {
    for api in [api.clone(), api.with_timeout(Duration::from_secs(5))] {
        let started = Instant::now();
        let error = api.create_payments(CALL, &small()).unwrap_err();
        assert!(started.elapsed() < LIMIT, "{name}");
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Shutdown, Outcome::NotSent), "{name}");
        assert_eq!(error.to_string(), "the client is shut down");
        assert_eq!(error.attempts(), 0);
    }
}

/// The builder of a client with long timeouts.
fn patient(base_url: &str) -> PaymentsApiBuilder {
    let long = Duration::from_secs(60);
    PaymentsApi::builder(Credentials::auth_token(ACCOUNT, TOKEN).unwrap())
        .base_url(base_url)
        .timeout(long)
        .connect_timeout(long)
        .retry_policy(RetryPolicy::new().attempt_timeout(None).base_delay(Duration::from_millis(1)))
}

#[test]
fn calls_on_a_connection() {
    let head = "HTTP/1.1 201 Created\r\n";
    let waits = response("429 Busy", "Retry-After: 30\r\n", "{}");
    let waits_too = response("503 Busy", "Retry-After: 30\r\n", "{}");
    let cases = [
        ("waiting for a response", vec![Step::Silence], Outcome::Unknown, 1),
        ("in a head", vec![Step::Stall(head.to_owned())], Outcome::Unknown, 1),
        ("in a body", vec![Step::Stall(format!("{head}Content-Length: 9\r\n\r\n{{"))], Outcome::Unknown, 1),
        (
            "in a chunk",
            vec![Step::Stall(format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{"))],
            Outcome::Unknown,
            1,
        ),
        ("in a body that a close ends", vec![Step::Stall(format!("{head}\r\n{{"))], Outcome::Unknown, 1),
        (
            "in the body of a refusal",
            vec![Step::Stall("HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n{".to_owned())],
            Outcome::Unknown,
            1,
        ),
        ("in the wait after a refusal", vec![Step::Respond(waits)], Outcome::Refused, 1),
        ("in the wait after a failure", vec![Step::Respond(waits_too)], Outcome::Unknown, 1),
        ("in a second attempt", vec![Step::CloseRead, Step::Silence], Outcome::Unknown, 2),
    ];
    thread::scope(|scope| {
        for (name, steps, outcome, attempts) in cases {
            // An attempt that is not interrupted ends by itself.
            let waits = name.starts_with("in the wait");
            let ended_before = if waits { 1 } else { attempts - 1 };
            scope.spawn(move || {
                let requests = steps.len();
                let script = Script::new(steps);
                let (sender, ended) = mpsc::channel();
                let api =
                    patient(&format!("http://{}", script.address)).on_attempt(move |_| _ = sender.send(()));
                let ready = || {
                    for _ in 0..requests {
                        script.requests.recv_timeout(LIMIT).unwrap();
                    }
                    for _ in 0..ended_before {
                        ended.recv_timeout(LIMIT).unwrap();
                    }
                };
                interrupted_when(ready, name, &api.build().unwrap(), small(), outcome, attempts);
            });
        }
        scope.spawn(|| {
            let script = Script::new([Step::created(), Step::Silence]);
            let api = patient(&format!("http://{}", script.address)).build().unwrap();
            api.create_payments(CALL, &small()).unwrap();
            interrupted("on a kept connection", &api, small(), Outcome::Unknown, 1);
            assert_eq!(script.connections(), 1);
        });
        scope.spawn(|| {
            let (sender, accepted) = mpsc::channel();
            let address = serve(move |stream, _| {
                let _ = sender.send(());
                thread::sleep(2 * LIMIT);
                drop(stream);
            });
            let api = patient(&format!("http://{address}")).build().unwrap();
            // The call blocks only after it has written the huge form, which takes a while.
            let huge = small().description("x".repeat(16 << 20));
            let ready = move || accepted.recv_timeout(Duration::from_secs(20)).unwrap();
            interrupted_when(ready, "sending a request", &api, huge, Outcome::Unknown, 1);
        });
    });
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn calls_that_connect() {
    let silent = serve(|mut stream, _| hold(&mut stream));
    let mut cases = vec![("in a TLS handshake", format!("https://{silent}"))];
    #[cfg(target_os = "linux")]
    let full = support::faults::FullQueue::new();
    #[cfg(target_os = "linux")]
    cases.extend([
        ("connecting", format!("http://{}", full.address)),
        ("connecting, by name", format!("http://localhost:{}", full.address.port())),
        ("connecting, before TLS", format!("https://{}", full.address)),
    ]);
    thread::scope(|scope| {
        for (name, base_url) in &cases {
            // It is certain that nothing was sent.
            scope.spawn(|| {
                interrupted(name, &patient(base_url).build().unwrap(), small(), Outcome::NotSent, 1);
            });
        }
    });
}

#[test]
fn every_thread_and_every_clone() {
    let script = Script::new([Step::Silence]);
    let api = patient(&format!("http://{}", script.address)).build().unwrap();
    let (sender, receiver) = mpsc::channel();
    for _ in 0..32 {
        let (api, sender) = (api.with_timeout(Duration::from_secs(50)), sender.clone());
        thread::spawn(move || drop(sender.send((api.create_payments(CALL, &small()), Instant::now()))));
    }
    for _ in 0..32 {
        script.requests.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    let down = Instant::now();
    api.clone().shutdown();
    let mut last = down;
    for _ in 0..32 {
        let (result, ended) = receiver.recv_timeout(LIMIT).unwrap();
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Shutdown);
        last = last.max(ended);
    }
    println!("32 threads: {:.1} ms", last.duration_since(down).as_secs_f64() * 1e3);
    api.shutdown();
    unusable("shut down twice", &api);
}

#[test]
fn shutdown_at_any_moment_gives_a_response_or_an_error() {
    for round in 0..60 {
        let script = Script::new([Step::created()]);
        let api = patient(&format!("http://{}", script.address)).build().unwrap();
        thread::scope(|scope| {
            let calls: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        loop {
                            match api.create_payments(CALL, &small()) {
                                Ok(session) => assert_eq!(session.sid, SESSION),
                                Err(error) => return error,
                            }
                        }
                    })
                })
                .collect();
            thread::sleep(Duration::from_micros(round * 150));
            api.shutdown();
            for call in calls {
                let error = call.join().unwrap();
                assert_eq!(error.kind(), ErrorKind::Shutdown, "{error:?}");
            }
        });
    }
}

#[test]
fn idle_connections_are_closed_with_the_client() {
    for shut_down in [true, false] {
        let (sender, closed) = mpsc::channel();
        let together = std::sync::Barrier::new(4);
        let address = serve(move |mut stream, _| {
            read_request(&mut stream).unwrap();
            together.wait();
            stream.write_all(created().as_bytes()).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let _ = sender.send(stream.read(&mut [0]).ok());
        });
        let api = patient(&format!("http://{address}")).build().unwrap();
        thread::scope(|scope| {
            (0..4).for_each(|_| {
                scope.spawn(|| api.create_payments(CALL, &small()).unwrap());
            });
        });
        if shut_down {
            api.shutdown();
        } else {
            drop(api.clone());
            assert!(closed.recv_timeout(Duration::from_millis(50)).is_err(), "a clone is still there");
            drop(api);
        }
        for _ in 0..4 {
            assert_eq!(closed.recv_timeout(LIMIT), Ok(Some(0)), "closed in an orderly way");
        }
    }
}

/// The number of threads that clients in this process have started, by their names.
#[cfg(target_os = "linux")]
fn own_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("twilio-payments")).count()
}

#[test]
#[cfg(target_os = "linux")]
fn no_thread_is_left() {
    // Only name look-ups use a thread, one for all calls that wait for the same name.
    let full = support::faults::FullQueue::new();
    let api = builder(full.address).connect_timeout(2 * LIMIT).build().unwrap();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| api.create_payments(CALL, &small()))).collect();
        thread::sleep(Duration::from_millis(300));
        api.shutdown();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap_err().kind(), ErrorKind::Shutdown);
        }
    });
    drop(api);
    // Other tests in this process may be looking a name up, which ends soon.
    let end = Instant::now() + Duration::from_secs(10);
    while own_threads() > 0 {
        assert!(Instant::now() < end, "{} threads are left", own_threads());
        thread::sleep(Duration::from_millis(20));
    }
}
