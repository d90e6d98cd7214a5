//! Every call ends when its time is up, whatever the server does.
//!
//! A call that ends more than a second after its deadline, which a busy machine can cause, is made again: without a
//! deadline it would be late each time. `--nocapture` shows how long it really took.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::faults::{Script, Step, hold, within};
use crate::support::*;
use twilio_payments::*;

/// The timeout of a call, unless a case needs another one.
const DEADLINE: Duration = Duration::from_millis(700);

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_secs(1);

/// How much earlier it may end, because clocks are not exact.
const EARLY: Duration = Duration::from_millis(5);

fn small() -> CreatePaymentsParams {
    CreatePaymentsParams::new(CALLBACK)
}

/// Params whose form is larger than the buffers of both sides.
fn huge() -> CreatePaymentsParams {
    small().description("x".repeat(16 << 20))
}

/// A server that reads the request, sends `first`, and then repeats the bytes of `then`, with a pause before each.
fn drip(first: &'static str, then: &'static str, pause: Duration) -> SocketAddr {
    serve(move |mut stream, _| {
        read_request(&mut stream);
        if stream.write_all(first.as_bytes()).is_err() {
            return;
        }
        for byte in then.bytes().cycle() {
            thread::sleep(pause);
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    })
}

struct Case {
    name: &'static str,
    base_url: String,
    params: CreatePaymentsParams,
    deadline: Duration,
    kind: ErrorKind,
    outcome: Outcome,
}

fn case(name: &'static str, address: SocketAddr) -> Case {
    Case {
        name,
        base_url: format!("http://{address}"),
        params: small(),
        deadline: DEADLINE,
        kind: ErrorKind::Timeout,
        outcome: Outcome::Unknown,
    }
}

/// A case in which no connection is established.
fn unconnected(name: &'static str, base_url: String) -> Case {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    Case { base_url, kind: ErrorKind::Connect, outcome: Outcome::NotSent, ..case(name, nowhere) }
}

/// Makes all calls at the same time, each with a client of its own.
fn all_end(cases: Vec<Case>) {
    let calls: Vec<_> = cases.into_iter().map(|case| thread::spawn(move || ends(case))).collect();
    let failed = calls.into_iter().filter_map(|call| call.join().err()).count();
    assert_eq!(failed, 0, "cases failed");
}

/// Makes a call that must not end later than this, and measures it.
#[track_caller]
fn punctual<T: Send + 'static>(
    limit: Duration,
    name: &str,
    call: impl Fn() -> T + Clone + Send + 'static,
) -> (T, Duration) {
    for _ in 0..5 {
        let (result, elapsed) = within(6 * limit, name, call.clone());
        if elapsed <= limit {
            return (result, elapsed);
        }
        println!("{name}: late, {elapsed:?}");
    }
    panic!("{name}: not over after {limit:?}, five times");
}

fn ends(case: Case) {
    let Case { name, base_url, params, deadline, kind, outcome } = case;
    let credentials = Credentials::auth_token(ACCOUNT, TOKEN).unwrap();
    let api = PaymentsApi::builder(credentials).base_url(base_url).timeout(deadline).build().unwrap();
    // In a debug build, writing a huge form takes a while before the clock starts, and longer if the machine is busy.
    let started = Instant::now();
    params.to_form().unwrap();
    let writing = started.elapsed();
    let limit = deadline + TOLERANCE + 10 * writing;
    let (result, elapsed) = punctual(limit, name, move || api.create_payments(CALL, &params));
    let error = result.unwrap_err();
    println!("{name}: {:.1} ms over", elapsed.saturating_sub(deadline + writing).as_secs_f64() * 1e3);
    assert!(elapsed + EARLY >= deadline, "{name}: too early, {elapsed:?}: {error}");
    assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{name}: {error:?}");
    assert!(error.is_timeout() && error.is_retryable(), "{name}: {error:?}");
    assert_eq!(error.attempts(), 1, "{name}: {error:?}");
    assert!(error.idempotency_key().is_some());
}

#[test]
fn whatever_the_server_does() {
    let second = Duration::from_secs(1);
    let often = Duration::from_millis(20);
    let head = "HTTP/1.1 201 Created\r\nX-A: ";
    let length = "HTTP/1.1 201 Created\r\nContent-Length: 4000\r\n\r\n";
    let chunked = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
    let closing = "HTTP/1.1 201 Created\r\n\r\n";
    let long = Duration::from_millis(2300);
    all_end(vec![
        case(
            "silence after accepting",
            serve(|stream, _| {
                thread::sleep(Duration::from_secs(5));
                drop(stream);
            }),
        ),
        case("silence after the request", Script::new([Step::Silence]).address),
        case("silence in the status line", Script::new([Step::Stall("HTTP/1.1 2".to_owned())]).address),
        case("silence in the head", Script::new([Step::Stall(head.to_owned())]).address),
        case("silence after the head", Script::new([Step::Stall(length.to_owned())]).address),
        case("silence in the body", Script::new([Step::Stall(format!("{length}{{"))]).address),
        case("silence in a chunk", Script::new([Step::Stall(format!("{chunked}5\r\n{{"))]).address),
        case(
            "silence before the last chunk",
            Script::new([Step::Stall(format!("{chunked}1\r\n{{\r\n"))]).address,
        ),
        case(
            "silence in a body that a close ends",
            Script::new([Step::Stall(format!("{closing}{{"))]).address,
        ),
        Case { deadline: long, ..case("a byte a second in the head", drip(head, "a", second)) },
        Case { deadline: long, ..case("a byte a second in the body", drip(length, " ", second)) },
        case("a byte now and then in the head", drip(head, "a", often)),
        case("headers without end", drip(head, "a\r\nX-A: ", Duration::from_millis(2))),
        case("a byte now and then in the body", drip(length, " ", often)),
        case("a byte now and then in a chunk", drip(chunked, "1\r\n \r\n", often)),
        case(
            "trailers without end",
            drip("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", often),
        ),
        case("a byte now and then, ended by a close", drip(closing, " ", often)),
        case(
            "100 Continue now and then",
            drip("", "HTTP/1.1 100 Continue\r\n\r\n", Duration::from_millis(2)),
        ),
        case(
            "100 Continue without a pause",
            serve(|mut stream, _| {
                read_request(&mut stream);
                while stream.write_all("HTTP/1.1 100 Continue\r\n\r\n".repeat(100).as_bytes()).is_ok() {}
            }),
        ),
        case(
            "103 Early Hints now and then",
            drip("", "HTTP/1.1 103 Hints\r\nA: b\r\n\r\n", Duration::from_millis(2)),
        ),
    ]);
}

#[test]
fn a_request_that_the_server_does_not_read() {
    all_end(vec![
        Case {
            params: huge(),
            ..case(
                "a request that is never read",
                serve(|stream, _| {
                    thread::sleep(Duration::from_secs(8));
                    drop(stream);
                }),
            )
        },
        Case {
            params: huge(),
            deadline: Duration::from_secs(2),
            ..case(
                "a request that is read slowly",
                serve(|mut stream: TcpStream, _| {
                    let mut chunk = vec![0; 16_384];
                    while stream.read(&mut chunk).is_ok_and(|amount| amount > 0) {
                        thread::sleep(Duration::from_millis(20));
                    }
                }),
            )
        },
    ]);
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_connection_that_is_never_established() {
    let silent = serve(|mut stream, _| hold(&mut stream));
    // The beginning of a TLS record that never ends.
    let dripping = serve(|mut stream, _| {
        let _ = stream.write_all(&[22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc, 3, 3]);
        while stream.write_all(&[7]).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut cases = vec![
        unconnected("a TLS handshake that stalls", format!("https://{silent}")),
        unconnected("a TLS handshake of a byte now and then", format!("https://{dripping}")),
        unconnected("a TLS handshake that stalls, by name", format!("https://localhost:{}", silent.port())),
    ];
    #[cfg(target_os = "linux")]
    let full = crate::support::faults::FullQueue::new();
    #[cfg(target_os = "linux")]
    cases.extend([
        unconnected("a full queue of connections", format!("http://{}", full.address)),
        unconnected("a full queue, by name", format!("http://localhost:{}", full.address.port())),
        unconnected("a full queue, before TLS", format!("https://{}", full.address)),
    ]);
    all_end(cases);
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn connect_timeout_ends_an_attempt_to_connect() {
    let silent = serve(|mut stream, _| hold(&mut stream));
    let mut base_urls = vec![format!("https://{silent}")];
    #[cfg(target_os = "linux")]
    let full = crate::support::faults::FullQueue::new();
    #[cfg(target_os = "linux")]
    base_urls.push(format!("http://{}", full.address));
    for base_url in base_urls {
        for (retries, attempts) in [(0, 1), (2, 3)] {
            let policy = RetryPolicy::new().max_retries(retries).base_delay(Duration::ZERO);
            let time = Duration::from_millis(200);
            let api = builder(silent).base_url(base_url.clone()).retry_policy(policy);
            let api = api.connect_timeout(time).build().unwrap();
            let (result, elapsed) = punctual((time + TOLERANCE) * attempts, &base_url, move || {
                api.create_payments(CALL, &small())
            });
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotSent));
            assert_eq!(error.attempts(), attempts, "{error}");
            assert!(error.is_timeout() && error.is_retryable());
            assert!(elapsed + EARLY >= time * attempts, "{elapsed:?}");
        }
    }
    // It does not limit the wait for the response.
    let slow = serve(|mut stream, _| {
        read_request(&mut stream);
        thread::sleep(Duration::from_millis(400));
        stream.write_all(created().as_bytes()).unwrap();
    });
    let api = builder(slow).connect_timeout(Duration::from_millis(100)).build().unwrap();
    api.create_payments(CALL, &small()).unwrap();
}

#[test]
fn a_clone_may_have_another_timeout() {
    let address = serve(|mut stream, _| {
        while read_request(&mut stream).is_some() {
            thread::sleep(Duration::from_millis(400));
            let _ = stream.write_all(created().as_bytes());
        }
    });
    let api = builder(address).timeout(Duration::from_millis(100)).build().unwrap();
    let (result, elapsed) = {
        let api = api.clone();
        punctual(TOLERANCE, "short", move || api.create_payments(CALL, &small()))
    };
    let error = result.unwrap_err();
    assert!(error.is_timeout() && elapsed >= Duration::from_millis(95), "{elapsed:?}: {error}");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Timeout, "no response in time; it is not known whether the request was carried out",)
    );
    for longer in [Duration::from_secs(20), Duration::from_secs(u64::MAX), Duration::MAX] {
        api.with_timeout(longer).create_payments(CALL, &small()).unwrap();
    }
    assert!(api.create_payments(CALL, &small()).unwrap_err().is_timeout(), "the original is unchanged");
    let error = api.with_timeout(Duration::ZERO).create_payments(CALL, &small()).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotSent));
    assert_eq!((error.attempts(), error.is_timeout()), (0, true));
}

#[test]
fn times_beyond_every_clock_set_no_limit() {
    let script = Script::new([Step::created(), Step::CloseRead, Step::created()]);
    for policy in [RetryPolicy::none(), RetryPolicy::new().attempt_timeout(Some(Duration::MAX))] {
        let api = builder(script.address)
            .timeout(Duration::MAX)
            .connect_timeout(Duration::MAX)
            .retry_policy(policy)
            .build()
            .unwrap();
        api.create_payments(CALL, &small()).unwrap();
        api.create_payments(CALL, &small()).unwrap();
    }
}

#[test]
fn an_attempt_that_times_out_leaves_time_for_the_next() {
    let script = Script::new([Step::Silence, Step::created()]);
    let policy = RetryPolicy::new().attempt_timeout(Some(Duration::from_secs(3)));
    let api = builder(script.address).retry_policy(policy).build().unwrap();
    let response = api.create_payments_with_metadata(CALL, &small()).unwrap();
    assert_eq!((response.metadata.attempts, script.equal_requests()), (2, 2));
    assert!(response.metadata.elapsed + EARLY >= Duration::from_secs(3));

    // The deadline ends the last attempt, however long it might take by itself.
    let script = Script::new([Step::Silence]);
    let policy = policy.max_retries(100).base_delay(Duration::ZERO);
    let policy = policy.attempt_timeout(Some(Duration::from_secs(1)));
    let deadline = Duration::from_millis(2_500);
    let api = builder(script.address).retry_policy(policy).timeout(deadline).build().unwrap();
    let (result, elapsed) =
        punctual(deadline + TOLERANCE, "attempts", move || api.create_payments(CALL, &small()));
    let error = result.unwrap_err();
    assert!(elapsed + EARLY >= deadline);
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    // Two if this thread woke half a second late.
    assert!((2..=3).contains(&error.attempts()), "{error:?}");
}

#[test]
fn the_error_reports_what_the_last_attempt_saw() {
    // The wait that the server asks for just fits, just does not fit, or fits unless the thread wakes a little late.
    let script = Script::new([Step::Respond(response(
        "429 Busy",
        "Retry-After: 3\r\nTwilio-Request-Id: RQ429\r\n",
        r#"{"code":20429,"message":"busy"}"#,
    ))]);
    let api = client(script.address);
    let asked = Duration::from_secs(3);
    let calls: Vec<_> = (0..80)
        .map(|step| {
            let more = Duration::from_micros(300) * step;
            let api = api.with_timeout(asked + more);
            // A wait that leaves no time for a response is not begun.
            let fits = more > Duration::from_millis(9);
            let limit = if fits { asked + more + TOLERANCE } else { asked };
            thread::spawn(move || punctual(limit, "wait", move || api.create_payments(CALL, &small())).0)
        })
        .collect();
    for call in calls {
        let error = call.join().unwrap().unwrap_err();
        if error.kind() == ErrorKind::Api {
            assert_eq!((error.status(), error.request_id()), (Some(429), Some("RQ429")));
            assert!(!error.is_timeout());
            // On a busy machine, an earlier attempt may have timed out.
            assert!(error.outcome() == Outcome::Refused || error.attempts() > 1, "{error:?}");
        } else {
            // The deadline passed during the second attempt, which the server may have received.
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
            assert!(error.attempts() > 1, "{error:?}");
            assert_eq!(error.outcome(), Outcome::Unknown);
        }
    }
}

#[test]
fn a_shorter_timeout_of_one_clone_holds() {
    let address = serve(|mut stream, _| hold(&mut stream));
    let api = crate::support::builder(address).timeout(Duration::from_secs(4)).build().unwrap();
    let short = api.with_timeout(Duration::from_millis(300));
    let (result, _) = punctual(TOLERANCE, "short", move || short.create_payments(CALL, &small()));
    assert!(result.unwrap_err().is_timeout());
}
