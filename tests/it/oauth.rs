//! Access tokens from a source: the client asks once, again before they expire, and again after a 401.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::support::faults::{Script, Step, nobody};
use crate::support::*;
use twilio_payments::*;

const HOUR: Duration = Duration::from_secs(3600);

/// A client whose source returns `token-1`, `token-2` and so on, and a count of how often the source was asked.
fn with_source(script: &Script, lifetime: Duration) -> (PaymentsApi, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let source = move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        AccessToken::new(format!("token-{number}"), lifetime)
    };
    (client(script, source), asked)
}

fn client<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    script: &Script,
    source: impl FnMut() -> Result<AccessToken, E> + Send + 'static,
) -> PaymentsApi {
    let policy = RetryPolicy::new().base_delay(Duration::from_millis(1));
    PaymentsApi::builder(Credentials::bearer_source(ACCOUNT, source).unwrap())
        .base_url(format!("http://{}", script.address))
        .retry_policy(policy)
        .build()
        .unwrap()
}

fn create(api: &PaymentsApi) -> Result<PaymentsResponse, Error> {
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK).idempotency_key("k"))
}

/// The tokens of the requests up to now.
fn tokens(script: &Script) -> Vec<String> {
    let requests = script.requests.try_iter().map(|request| String::from_utf8(request).unwrap());
    let header = |request: String| {
        let mut lines = request.lines().filter_map(|line| line.strip_prefix("authorization: Bearer "));
        let token = lines.next().unwrap().to_owned();
        assert_eq!(lines.next(), None, "one header only");
        token
    };
    requests.map(header).collect()
}

#[test]
fn a_token_is_used_until_it_expires() {
    let script = Script::new([Step::created()]);
    let (api, asked) = with_source(&script, HOUR);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "not before the first call");
    for _ in 0..3 {
        create(&api).unwrap();
    }
    create(&api.with_timeout(Duration::from_secs(20))).unwrap();
    assert_eq!(tokens(&script), ["token-1"; 4]);
    // This one has expired by the next call.
    let (api, _) = with_source(&script, Duration::from_nanos(1));
    for _ in 0..3 {
        create(&api).unwrap();
    }
    assert_eq!(tokens(&script), ["token-1", "token-2", "token-3"]);
}

#[test]
fn a_refused_token_is_renewed_once_in_a_call() {
    let denied = || Step::status(401);
    let script = Script::new([denied(), Step::created(), Step::created()]);
    let (api, _) = with_source(&script, HOUR);
    assert_eq!(create(&api).unwrap().metadata.attempts, 2);
    create(&api).unwrap();
    assert_eq!(tokens(&script), ["token-1", "token-2", "token-2"]);

    let script = Script::new([denied()]);
    let (api, _) = with_source(&script, HOUR);
    let error = create(&api).unwrap_err();
    assert_eq!((error.status(), error.outcome(), error.attempts()), (Some(401), Outcome::Refused, 2));
    assert_eq!(tokens(&script), ["token-1", "token-2"]);
    // The outcome of an earlier attempt stays unknown, and the last retry is still made.
    let script = Script::new([Step::status(503), denied(), Step::status(503), denied()]);
    let (api, _) = with_source(&script, HOUR);
    let error = create(&api).unwrap_err();
    assert_eq!((error.status(), error.outcome(), error.attempts()), (Some(401), Outcome::Unknown, 4));
    assert_eq!(tokens(&script), ["token-1", "token-1", "token-2", "token-2"]);
}

#[test]
fn a_static_token_is_not_renewed() {
    let script = Script::new([Step::status(401)]);
    let credentials = Credentials::bearer(ACCOUNT, "token").unwrap();
    let api =
        PaymentsApi::builder(credentials).base_url(format!("http://{}", script.address)).build().unwrap();
    assert_eq!(create(&api).unwrap_err().attempts(), 1);
    assert_eq!(tokens(&script), ["token"]);
}

#[test]
fn a_failing_source_is_an_error_and_nothing_is_sent() {
    let script = Script::new([Step::created()]);
    let mut asked = 0;
    let api = client(&script, move || {
        asked += 1;
        match asked {
            1 => Err("the token endpoint is down".to_owned()),
            2 => panic!("in the source"),
            3 => AccessToken::new("hush hush", HOUR).map_err(|error| error.to_string()),
            _ => AccessToken::new("token", HOUR).map_err(|error| error.to_string()),
        }
    });
    for reason in [
        "the token endpoint is down",
        "the source of access tokens panicked",
        "invalid access_token: empty, or not all visible ASCII",
    ] {
        let error = create(&api).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::TokenSource, Outcome::NotSent));
        assert_eq!((error.attempts(), error.is_retryable(), error.is_timeout()), (0, true, false));
        assert_eq!((error.to_string().as_str(), error.idempotency_key()), ("no access token", Some("k")));
        assert_eq!(error.source().unwrap().to_string(), reason);
        assert!(!format!("{error:?}").contains("hush"));
    }
    create(&api).unwrap();
    assert_eq!(tokens(&script), ["token"]);

    // After an attempt that may have been carried out, the outcome is not certain.
    let script = Script::new([Step::status(503)]);
    let mut asked = 0;
    let api = client(&script, move || {
        asked += 1;
        if asked > 1 {
            Err("down".to_owned())
        } else {
            Ok(AccessToken::new("t", Duration::from_nanos(1)).unwrap())
        }
    });
    let error = create(&api).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::TokenSource, Outcome::Unknown));
    assert_eq!(error.attempts(), 1);
}

#[test]
fn thirty_two_threads_ask_the_source_once() {
    let script = Script::new([Step::created()]);
    let (inside, asked) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (now, count) = (Arc::clone(&inside), Arc::clone(&asked));
    let api = client(&script, move || {
        assert_eq!(now.fetch_add(1, Ordering::SeqCst), 0, "never twice at once");
        count.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(100));
        now.fetch_sub(1, Ordering::SeqCst);
        AccessToken::new("token", HOUR)
    });
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| create(&api).unwrap());
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(tokens(&script), ["token"; 32]);
}

#[test]
fn a_thread_that_waits_for_anothers_token_keeps_its_deadline() {
    let script = Script::new([Step::created()]);
    let (asking, is_asking) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let api = client(&script, move || {
        asking.send(()).unwrap();
        released.recv().unwrap();
        AccessToken::new("token", HOUR)
    });
    thread::scope(|scope| {
        let slow = scope.spawn(|| create(&api));
        is_asking.recv().unwrap();
        let error = create(&api.with_timeout(Duration::from_millis(50))).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotSent));
        assert_eq!((error.attempts(), error.is_timeout()), (0, true));
        release.send(()).unwrap();
        slow.join().unwrap().unwrap();
    });
}

#[test]
fn a_token_that_a_server_repeats_is_masked() {
    let body = r#"{"code":20003,"message":"token-2 is not good"}"#;
    let script = Script::new([Step::Respond(response("401 No", "Twilio-Request-Id: token-2\r\n", body))]);
    let (api, _) = with_source(&script, HOUR);
    let error = create(&api).unwrap_err();
    let shown = format!("{error} {error:?} {:?} {:?} {api:?}", error.body(), error.request_id());
    assert!(shown.contains("[redacted] is not good") && !shown.contains("token-2"), "{shown}");
    let credentials = Credentials::bearer_source(ACCOUNT, || AccessToken::new("hush", HOUR)).unwrap();
    let builder = PaymentsApi::builder(credentials.clone()).base_url(format!("http://{}", nobody()));
    let shown = format!("{credentials:?} {builder:?} {:?}", AccessToken::new("hush", HOUR));
    assert!(shown.contains(ACCOUNT) && !shown.contains("hush"), "{shown}");
}
