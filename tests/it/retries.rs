//! Retries: after which faults, how often, with which bytes and after which wait, and with which outcome.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::faults::{Script, Step, deaf};
use crate::support::*;
use twilio_payments::*;

/// Two retries, with short waits. An attempt has enough time even on a busy machine.
fn quick() -> RetryPolicy {
    RetryPolicy::new().base_delay(Duration::from_millis(1))
}

/// The same policy for a server that takes these steps. Attempts that wait for a silent server end sooner.
fn quick_for(steps: &[Step]) -> RetryPolicy {
    if steps.iter().any(|step| matches!(step, Step::Silence | Step::Stall(_))) {
        quick().attempt_timeout(Some(Duration::from_secs(3)))
    } else {
        quick()
    }
}

/// Runs all cases at the same time, because some of them wait.
fn each<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

fn create(script: &Script, policy: RetryPolicy) -> Result<PaymentsResponse, Error> {
    let api = builder(script.address).retry_policy(policy).build().unwrap();
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK).idempotency_key("k"))
}

/// Every fault that is retried: its name, what the server does, and the kind and outcome of the error.
fn transient() -> Vec<(&'static str, Step, ErrorKind, Outcome)> {
    use ErrorKind::{Api, ConnectionLost, Timeout, UnexpectedResponse};
    use Outcome::{Refused, Unknown};
    let whole = created();
    let head = whole.find("\r\n\r\n").unwrap() + 4;
    let part = |end: usize| whole[..end].to_owned();
    let chunked = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"sid\":".to_owned();
    let mut cases = vec![
        ("lost before reading", Step::CloseUnread, ConnectionLost, Unknown),
        ("lost after reading", Step::CloseRead, ConnectionLost, Unknown),
        ("lost in the status line", Step::Break(part(9)), ConnectionLost, Unknown),
        ("lost in the head", Step::Break(part(head - 3)), ConnectionLost, Unknown),
        ("lost after the head", Step::Break(part(head)), ConnectionLost, Unknown),
        ("lost in the body", Step::Break(part(whole.len() - 1)), ConnectionLost, Unknown),
        ("lost in a chunk", Step::Break(chunked.clone()), ConnectionLost, Unknown),
        ("no HTTP", Step::Break("SSH-2.0-OpenSSH_9.2\r\n".to_owned()), UnexpectedResponse, Unknown),
        (
            "no HTTP, and open",
            Step::Respond("\u{16}\u{3}\u{3} nothing\r\n\r\n".to_owned()),
            UnexpectedResponse,
            Unknown,
        ),
        ("no chunk", Step::Break(chunked.replace("10", "xy")), UnexpectedResponse, Unknown),
        ("silent after reading", Step::Silence, Timeout, Unknown),
        ("silent in the head", Step::Stall(part(head - 3)), Timeout, Unknown),
        ("silent in the body", Step::Stall(part(whole.len() - 1)), Timeout, Unknown),
        ("silent in a chunk", Step::Stall(chunked), Timeout, Unknown),
    ];
    for (status, outcome) in
        [(408, Unknown), (429, Refused), (500, Unknown), (502, Unknown), (503, Unknown), (504, Unknown)]
    {
        cases.push(("status", Step::status(status), Api, outcome));
    }
    cases
}

#[test]
fn a_passing_fault_does_not_reach_the_program() {
    each(transient(), |(name, step, ..)| {
        for faults in 1..=2 {
            let mut steps = vec![step.clone(); faults];
            steps.push(Step::created());
            let script = Script::new(steps);
            let PaymentsResponse { payments, metadata, .. } =
                create(&script, quick_for(std::slice::from_ref(&step)))
                    .unwrap_or_else(|error| panic!("{name}, {step:?}: {error}"));
            assert_eq!(payments.sid, SESSION);
            assert_eq!(metadata.attempts as usize, faults + 1, "{name}");
            let unread = if matches!(step, Step::CloseUnread) { faults } else { 0 };
            assert_eq!(script.equal_requests(), faults + 1 - unread, "{name}, {step:?}");
        }
    });
}

#[test]
fn a_lasting_fault_is_reported_after_the_last_retry() {
    each(transient(), |(name, step, kind, outcome)| {
        let policy = quick_for(std::slice::from_ref(&step));
        for (policy, attempts) in [(policy, 3), (policy.max_retries(0), 1)] {
            let script = Script::new([step.clone()]);
            let error = create(&script, policy).unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{name}, {step:?}: {error:?}");
            assert_eq!(error.attempts(), attempts, "{name}");
            assert!(error.is_retryable(), "{name}");
            assert_eq!(error.is_timeout(), kind == ErrorKind::Timeout, "{name}");
            assert_eq!(error.idempotency_key(), Some("k"));
            let unread = if matches!(step, Step::CloseUnread) { attempts } else { 0 };
            assert_eq!(script.equal_requests(), (attempts - unread) as usize, "{name}, {step:?}");
        }
    });
}

#[test]
fn a_short_deadline_leaves_time_for_another_attempt() {
    let script = Script::new([Step::Silence, Step::created()]);
    let api = builder(script.address).retry_policy(quick()).timeout(Duration::from_secs(6)).build().unwrap();
    let PaymentsResponse { metadata, .. } =
        api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    assert_eq!((metadata.attempts, script.equal_requests()), (2, 2));
    assert!(metadata.elapsed >= Duration::from_millis(1_950), "{:?}", metadata.elapsed);
    // Without retries, the only attempt takes all of the time.
    let script = Script::new([Step::Silence, Step::created()]);
    let time = Duration::from_millis(2_500);
    let api = builder(script.address).retry_policy(RetryPolicy::none()).timeout(time).build().unwrap();
    let started = Instant::now();
    let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1));
    assert!(started.elapsed() >= Duration::from_millis(2_450));
}

#[test]
fn a_status_counts_whatever_becomes_of_the_body() {
    let head =
        |status: u16, rest: &str| format!("HTTP/1.1 {status} Status\r\nTwilio-Request-Id: RQ1\r\n{rest}");
    each([404, 429, 500, 503], |status| {
        let attempts = if status == 404 { 1 } else { 3 };
        let outcome = if status < 500 { Outcome::Refused } else { Outcome::Unknown };
        for (step, kept, timeout) in [
            (Step::Break(head(status, "Content-Length: 100\r\n\r\nbusy")), "busy", false),
            (Step::Stall(head(status, "Content-Length: 100\r\n\r\nbusy")), "busy", true),
            (Step::Break(head(status, "Transfer-Encoding: chunked\r\n\r\n9\r\nbusy")), "busy", false),
            (Step::Break(head(status, "Content-Length: 52428800\r\n\r\nbusy")), "busy", false),
            (
                Step::Respond(head(status, "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbusy")),
                "busy",
                false,
            ),
        ] {
            let script = Script::new([step.clone()]);
            let error = create(&script, quick_for(std::slice::from_ref(&step))).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(status)), "{step:?}: {error:?}");
            assert_eq!((error.outcome(), error.attempts()), (outcome, attempts), "{step:?}: {error:?}");
            assert_eq!((error.body(), error.request_id()), (Some(kept), Some("RQ1")), "{step:?}");
            assert_eq!(error.is_timeout(), timeout, "{step:?}");
        }
    });
    // So does the status of a redirect. A success without its body at least keeps its status.
    let script = Script::new([Step::Break(head(302, "Location: /x\r\nContent-Length: 9\r\n\r\nm"))]);
    let error = create(&script, quick()).unwrap_err();
    assert_eq!((error.kind(), error.location(), error.attempts()), (ErrorKind::Redirect, Some("/x"), 1));
    for (step, message) in [
        (Step::Break(head(201, "Content-Length: 9\r\n\r\n{")), "the response (HTTP 201) was cut off"),
        (Step::Stall(head(201, "Content-Length: 9\r\n\r\n{")), "the response (HTTP 201) did not end in time"),
        (
            Step::Respond(head(201, "Transfer-Encoding: chunked\r\n\r\nx\r\n")),
            "the response cannot be read as HTTP",
        ),
    ] {
        let policy = quick_for(std::slice::from_ref(&step)).max_retries(0);
        let error = create(&Script::new([step.clone()]), policy).unwrap_err();
        assert!(error.to_string().starts_with(message), "{step:?}: {error}");
        assert_eq!((error.status(), error.outcome()), (Some(201), Outcome::Unknown), "{step:?}");
    }
}

#[test]
fn any_other_response_is_final() {
    let mut steps = vec![
        Step::Respond(response("201 Created", "", "{}")),
        Step::Respond(response("201 Created", "", "<html>")),
        Step::Respond(response("200 OK", "Content-Encoding: gzip\r\n", &payments_json())),
        Step::Respond("HTTP/1.1 201 Created\r\nContent-Length: 2000000\r\n\r\n".to_owned()),
    ];
    steps.extend([301, 302, 303, 307, 308].map(Step::status));
    steps.extend([400, 401, 403, 404, 405, 409, 410, 413, 422, 425, 451, 499].map(Step::status));
    steps.extend([501, 505, 507, 511, 599, 600, 999].map(Step::status));
    for step in steps {
        let script = Script::new([step.clone()]);
        let error = create(&script, quick()).unwrap_err();
        assert_eq!((error.attempts(), error.is_retryable()), (1, false), "{step:?}: {error}");
        assert_eq!(script.equal_requests(), 1);
    }
}

#[test]
fn a_refused_connection_is_retried_and_was_not_sent() {
    let (socket, address) = deaf();
    for (policy, attempts) in [(quick(), 3), (RetryPolicy::none(), 1)] {
        let api = builder(address).retry_policy(policy).build().unwrap();
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotSent));
        assert_eq!(error.attempts(), attempts);
        assert!(error.is_retryable() && !error.is_timeout());
    }
    // As soon as somebody listens, the same call succeeds.
    let (failed, has_failed) = std::sync::mpsc::channel();
    let late = thread::spawn(move || {
        has_failed.recv().unwrap();
        socket.listen(8).unwrap();
        let (mut stream, _) = std::net::TcpListener::from(socket).accept().unwrap();
        read_request(&mut stream).unwrap();
        std::io::Write::write_all(&mut stream, created().as_bytes()).unwrap();
    });
    let delay = Duration::from_millis(20);
    let patient = RetryPolicy::new().max_retries(1000).base_delay(delay).max_delay(delay);
    let api =
        builder(address).retry_policy(patient).on_attempt(move |_| _ = failed.send(())).build().unwrap();
    let response = api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK));
    assert!(response.unwrap().metadata.attempts > 1);
    late.join().unwrap();
}

#[test]
fn an_unknown_outcome_stays_unknown() {
    use Outcome::{Refused, Unknown};
    let cases: [(&[Step], Option<u16>, Outcome); 8] = [
        (&[Step::status(429), Step::status(404)], Some(404), Refused),
        (&[Step::status(500), Step::status(404)], Some(404), Unknown),
        (&[Step::status(500), Step::status(429), Step::status(429)], Some(429), Unknown),
        (&[Step::CloseRead, Step::status(400)], Some(400), Unknown),
        (&[Step::CloseUnread, Step::status(401)], Some(401), Unknown),
        (&[Step::Silence, Step::status(429), Step::status(403)], Some(403), Unknown),
        (&[Step::status(429), Step::status(503), Step::status(422)], Some(422), Unknown),
        (&[Step::status(429), Step::CloseRead], None, Unknown),
    ];
    for (steps, status, outcome) in cases {
        let error = create(&Script::new(steps), quick_for(steps)).unwrap_err();
        assert_eq!((error.status(), error.outcome()), (status, outcome), "{steps:?}: {error}");
    }
    // Nor does a later attempt that was never sent make it certain.
    for (status, outcome) in [(429, Refused), (500, Unknown)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(listener);
            read_request(&mut stream).unwrap();
            let last = response(&format!("{status} Status"), "Connection: close\r\n", "{}");
            std::io::Write::write_all(&mut stream, last.as_bytes()).unwrap();
        });
        let api = builder(address).retry_policy(quick()).build().unwrap();
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3), "{error}");
        assert_eq!(error.outcome(), outcome);
        server.join().unwrap();
    }
}

/// A server that first answers with this status and `Retry-After`, and then with a payment.
fn asking(status: u16, retry_after: &str) -> Script {
    let asks = response(&format!("{status} Status"), &format!("Retry-After: {retry_after}\r\n"), "{}");
    Script::new([Step::Respond(asks), Step::created()])
}

/// The HTTP date of a time in this many seconds.
fn http_date(from_now: u64) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + from_now;
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = names.iter().zip(months).find(|(_, length)| {
        let found = day < *length;
        day -= if found { 0 } else { *length };
        found
    });
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).unwrap()];
    format!(
        "{weekday}, {:02} {} {year} {:02}:{:02}:{:02} GMT",
        day + 1,
        month.unwrap().0,
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

#[test]
fn the_service_decides_how_long_to_wait() {
    let waits: Vec<_> = [
        (429, "1".to_owned(), 1000..20000),
        (503, "1".to_owned(), 1000..20000),
        (500, " 1\t".to_owned(), 1000..20000),
        (429, "0".to_owned(), 0..15000),
        // The date has no fractions: from now it is between one and two seconds away.
        (429, http_date(2), 900..30000),
        (503, "Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), 0..15000),
        // A value that is not a time is ignored: the policy decides.
        (429, "soon".to_owned(), 0..15000),
        (429, "-5".to_owned(), 0..15000),
        (429, String::new(), 0..15000),
    ]
    .into_iter()
    .map(|(status, retry_after, expected)| {
        thread::spawn(move || {
            let script = asking(status, &retry_after);
            let started = Instant::now();
            let response = create(&script, quick()).unwrap();
            let millis = started.elapsed().as_millis();
            assert!(expected.contains(&millis), "{status} {retry_after:?}: {millis} ms");
            assert_eq!((response.metadata.attempts, script.equal_requests()), (2, 2));
        })
    })
    .collect();
    for wait in waits {
        wait.join().unwrap();
    }
}

#[test]
fn a_wait_that_does_not_fit_is_not_begun() {
    for (status, retry_after) in [
        (429, "60".to_owned()),
        (503, "3600".to_owned()),
        (429, "99999999999999999999".to_owned()),
        (503, http_date(100)),
    ] {
        let script = asking(status, &retry_after);
        let api = client(script.address);
        let started = Instant::now();
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(20), "at once");
        assert_eq!((error.status(), error.attempts()), (Some(status), 1), "what the attempt saw: {error}");
        assert!(error.retry_after().unwrap() >= Duration::from_secs(60) && error.is_retryable());
        assert!(!error.is_timeout(), "no time has run out");
        assert_eq!(script.equal_requests(), 1);
    }
}

#[test]
fn a_final_response_leaves_the_wait_to_the_program() {
    let script = asking(404, "20");
    let started = Instant::now();
    let error = create(&script, quick()).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!((error.attempts(), error.retry_after()), (1, Some(Duration::from_secs(20))));
}
