//! The listener over real sockets: what it takes, refuses and logs.

mod handler;
mod queue;

use std::io::{ErrorKind as Io, Read, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};

use twilio_payments::{
    CallbackErrorKind, CallbackListener, CallbackListenerBuilder, Event, SessionCallbacks, SignatureValidator,
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
fn an_address_that_cannot_be_listened_on_is_an_error() {
    let taken = listener();
    let error = CallbackListener::bind(taken.local_addr(), PUBLIC, validator()).unwrap_err();
    assert_eq!(error.kind(), CallbackErrorKind::Listen);
    assert_eq!(error.to_string(), format!("cannot listen on [{}]", taken.local_addr()));
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
        format!("DEBUG {target} callback of {}: queued", sid(0x0010_9000)),
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
    listener.set_validator(validator().with_auth_token("subaccount").unwrap());
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
