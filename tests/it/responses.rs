//! How the client reads responses: payments, refusals, and others.

use std::error::Error as _;
use std::io::Write;
use std::time::Duration;

use crate::support::*;
use twilio_payments::*;

/// The error of a creation that gets this response and is not retried.
fn error_for(response: impl Into<Vec<u8>>) -> Error {
    let (address, _requests) = scripted([response.into()]);
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK).idempotency_key("k")).unwrap_err()
}

#[test]
fn a_session_with_all_six_fields() {
    let body = format!(
        r#"{{"account_sid":"{ACCOUNT}","call_sid":"{CALL}","sid":"{SESSION}",
            "date_created":"Wed, 18 Dec 2019 20:02:01 +0000","date_updated":null,"uri":"/x","new":[{{}}]}}"#
    );
    let headers = "Twilio-Request-Id: RQ1\r\nX-Odd:  \tvalue \r\nSet-Cookie: a=b\r\n";
    let (address, _requests) = scripted([response("201 Created", headers, &body)]);
    let PaymentsResponse { payments, metadata, .. } =
        client(address).create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    assert_eq!(payments.account_sid.as_deref(), Some(ACCOUNT));
    assert_eq!(payments.call_sid.as_deref(), Some(CALL));
    assert_eq!(payments.sid, SESSION);
    assert_eq!(payments.date_created.as_deref(), Some("Wed, 18 Dec 2019 20:02:01 +0000"));
    assert_eq!((payments.date_updated, payments.uri.as_deref()), (None, Some("/x")));
    assert_eq!((metadata.status, metadata.attempts), (201, 1));
    assert_eq!(metadata.request_id.as_deref(), Some("RQ1"));
    assert_eq!(metadata.headers.get("x-ODD"), Some("value"));
    assert_eq!(metadata.headers.iter().count(), 4);
    assert!(metadata.elapsed < Duration::from_secs(10));
    assert!(!format!("{metadata:?}").contains("value"));
}

#[test]
fn refusals() {
    let json = |body: &str| {
        let headers = "Twilio-Request-Id: RQ7\r\nRetry-After: 9\r\n";
        error_for(response("404 Not Found", headers, body))
    };
    let full = r#"{"code":20404,"message":"no such call","more_info":"https://e.com/20404","status":404,
                   "details":{"a":1}}"#;
    let error = json(full);
    assert_eq!(error.to_string(), "the API refused: HTTP 404, code 20404: no such call [request RQ7]");
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Api, Outcome::Refused));
    assert_eq!((error.status(), error.request_id()), (Some(404), Some("RQ7")));
    assert_eq!((error.attempts(), error.idempotency_key()), (1, Some("k")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
    assert_eq!(error.body(), Some(full));
    let api = error.api_error().unwrap();
    assert_eq!((api.status, api.code, api.body()), (404, Some(20404), full));
    assert_eq!(api.more_info.as_deref(), Some("https://e.com/20404"));
    assert_eq!(api.details, Some(serde_json::json!({"a": 1})));
    assert_eq!(api.retry_after, Some(Duration::from_secs(9)));

    for (body, shown) in [
        (r#"{"code":"20404","message":"m"}"#, "HTTP 404, code 20404: m [request RQ7]"),
        (
            r#"{"code":20001,"message":"m","httpStatusCode":400,"userError":true}"#,
            "HTTP 404, code 20001: m [request RQ7]",
        ),
        (r#"{"code":"nine","message":null}"#, "HTTP 404 [request RQ7]"),
        (r#"{"code":1.5,"message":7}"#, "HTTP 404 [request RQ7]"),
        ("null", "HTTP 404 [request RQ7]"),
        ("[]", "HTTP 404 [request RQ7]"),
        ("", "HTTP 404 [request RQ7]"),
        ("<html>gone</html>", "HTTP 404 [request RQ7]"),
        (r#"{"message":"a\r\nb\u001b[31m\u202e"}"#, r"HTTP 404: a\r\nb\u{1b}[31m\u{202e} [request RQ7]"),
    ] {
        let error = json(body);
        assert_eq!(error.to_string(), format!("the API refused: {shown}"), "{body}");
        assert_eq!(error.api_error().unwrap().to_string(), shown);
        assert_eq!(error.body(), Some(body));
    }
    assert_eq!(
        json(r#"{"params":[1]}"#).api_error().unwrap().details,
        Some(serde_json::json!([1])),
        "the newer name of details"
    );
}

#[test]
fn long_and_odd_error_bodies_are_kept_in_part() {
    let error = error_for(response("400 Bad Request", "", &"é".repeat(100_000)));
    assert_eq!(error.body().unwrap(), "é".repeat(2048));
    let mut odd = b"HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\na".to_vec();
    odd.extend([0xff, 0x00]);
    assert_eq!(error_for(odd).body(), Some("a\u{fffd}\0"));
}

#[test]
fn statuses_and_what_they_mean() {
    for (status, outcome, retryable) in [
        (400, Outcome::Refused, false),
        (401, Outcome::Refused, false),
        (403, Outcome::Refused, false),
        (404, Outcome::Refused, false),
        (408, Outcome::Unknown, true),
        (409, Outcome::Unknown, false),
        (422, Outcome::Refused, false),
        (425, Outcome::Unknown, false),
        (429, Outcome::Refused, true),
        (499, Outcome::Unknown, false),
        (500, Outcome::Unknown, true),
        (501, Outcome::Unknown, false),
        (502, Outcome::Unknown, true),
        (503, Outcome::Unknown, true),
        (504, Outcome::Unknown, true),
        (599, Outcome::Unknown, false),
    ] {
        let error = error_for(response(&format!("{status} X"), "", "{}"));
        assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(status)));
        assert_eq!((error.outcome(), error.is_retryable()), (outcome, retryable), "{status}");
    }
}

#[test]
fn a_success_without_a_payment() {
    let other = "ffffffffffffffffffffffffffffffff";
    let other_call = payments_json().replace(&CALL[2..], other).replace(&ACCOUNT[2..], other);
    for (body, reason) in [
        ("{}", "no `sid` at line 1 column 2"),
        (
            "[]",
            "invalid type: sequence, expected an object with the `sid` of a Payments session at line 1 column 2",
        ),
        (
            "null",
            "invalid type: null, expected an object with the `sid` of a Payments session at line 1 column 4",
        ),
        ("", "EOF while parsing a value at line 1 column 0"),
        (r#"{"sid":"PK1"}"#, "`sid` is not PK and 32 hex digits at line 1 column 13"),
        ("<html>", "expected value at line 1 column 1"),
        (&other_call, "it names another session, or another account and call"),
    ] {
        for status in [200, 201, 202, 299] {
            let error = error_for(response(&format!("{status} OK"), "Twilio-Request-Id: RQ5\r\n", body));
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::UnexpectedResponse, Outcome::Unknown));
            assert_eq!((error.status(), error.body()), (Some(status), Some(body)), "nothing is lost");
            assert_eq!((error.request_id(), error.is_retryable()), (Some("RQ5"), false));
            assert_eq!(
                error.to_string(),
                format!(
                    "the response (HTTP {status}, {} bytes) is not a Payments session: {reason}; \
                     it is not known whether the request was carried out",
                    body.len()
                )
            );
        }
    }
    let error = error_for("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!((error.kind(), error.status()), (ErrorKind::UnexpectedResponse, Some(204)));
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn a_response_about_another_session_is_refused() {
    let (address, _requests) = scripted([response("202 Accepted", "", &payments_json())]);
    let other = "PKffffffffffffffffffffffffffffffff";
    let error = client(address).update_payments(CALL, other, &UpdatePaymentsParams::new_complete(CALLBACK));
    let error = error.unwrap_err();
    assert!(error.to_string().contains("it names another session, or another account and call"), "{error}");
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::UnexpectedResponse, Outcome::Unknown));
}

#[test]
fn a_response_may_name_the_parent_leg_of_the_call() {
    let parent = payments_json().replace(CALL, "CAffffffffffffffffffffffffffffffff");
    let (address, _requests) = scripted([response("201 Created", "", &parent)]);
    let api = client(address);
    let session = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    assert_eq!(session.call_sid.as_deref(), Some("CAffffffffffffffffffffffffffffffff"));
    api.update_payments(CALL, SESSION, &UpdatePaymentsParams::new_cancel(CALLBACK)).unwrap();
}

#[test]
fn an_empty_content_encoding_means_none() {
    let (address, _requests) = scripted([response("201 Created", "Content-Encoding:\r\n", &payments_json())]);
    client(address).create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
}

#[test]
fn a_lone_surrogate_does_not_hide_a_payment() {
    let body = payments_json().replace('}', r#","uri":"/\ud800","new":"\udc00"}"#);
    let (address, _requests) = scripted([response("201 Created", "", &body)]);
    let session = client(address).create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    assert_eq!((session.sid.as_str(), session.uri.as_deref()), (SESSION, Some("/\u{fffd}")));
}

#[test]
fn the_status_of_an_unreadable_head_is_kept() {
    let many = "X-A: b\r\n".repeat(200);
    let long = format!("X-A: {}\r\n", "x".repeat(100_000));
    for (headers, retryable) in [(&many, true), (&long, false)] {
        for status in [201, 404, 503] {
            let error = error_for(response(&format!("{status} Status"), headers, "{}"));
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::UnexpectedResponse, Outcome::Unknown));
            assert_eq!((error.status(), error.is_retryable()), (Some(status), retryable), "{error:?}");
        }
    }
}

#[test]
fn the_code_and_message_of_an_odd_error_body_are_kept() {
    let long = "x".repeat(100_000);
    for body in [
        "\u{feff}{\"code\":64002,\"message\":\"m\"}".to_owned(),
        r#"{"code":64002.0,"message":"m"}"#.to_owned(),
        r#"{"code":64002,"message":"m","more_info":"\ud800"}"#.to_owned(),
        format!(r#"{{"code":64002,"message":"m","details":["{long}"]}}"#),
        format!(r#"{{"details":["{long}"],"code":64002,"message":"m"}}"#),
        r#"{"code":64002,"message":"m","more"#.to_owned(),
    ] {
        let error = error_for(response("400 Bad Request", "", &body));
        let api = error.api_error().unwrap();
        assert_eq!(
            (api.status, api.code, api.message.as_deref()),
            (400, Some(64002), Some("m")),
            "{body:.99}"
        );
    }
}

#[test]
fn redirects_are_named_and_not_followed() {
    let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let location = format!("http://{}/elsewhere?token=t", target.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let error =
            error_for(response(&format!("{status} Moved"), &format!("Location: {location}\r\n"), "moved"));
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Redirect, Outcome::Unknown));
        assert_eq!((error.status(), error.location()), (Some(status), Some(location.as_str())));
        assert_eq!(error.body(), Some("moved"));
        assert!(error.to_string().contains(location.trim_end_matches("token=t")), "{error}");
        assert!(!error.is_retryable());
    }
    assert!(target.accept().is_err(), "the target must not be contacted");
    let error = error_for(response("302 Found", "", ""));
    assert!(error.to_string().contains("responded with HTTP 302, a redirect without a target"), "{error}");
}

#[test]
fn responses_that_are_too_large_are_not_read() {
    for head in ["HTTP/1.1 201 Created\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 201 Created\r\n\r\n"] {
        let (sent, written) = std::sync::mpsc::channel();
        let address = serve(move |mut stream, _| {
            read_request(&mut stream);
            let mut amount = 0;
            let _ = stream.write_all(head.as_bytes());
            while amount < 64 << 20 && stream.write_all(&vec![b' '; 65_536]).is_ok() {
                amount += 65_536;
            }
            let _ = sent.send(amount);
        });
        let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::UnexpectedResponse, Outcome::Unknown));
        assert!(error.to_string().contains("larger than 1048576 bytes"), "{error}");
        let amount = written.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(amount < 32 << 20, "{amount} bytes were taken");
    }
}

#[test]
fn a_success_that_cannot_be_read_keeps_status_and_body() {
    let head = "HTTP/1.1 201 Created\r\nTwilio-Request-Id: RQ9\r\n";
    for (rest, kind, body) in [
        ("Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz", ErrorKind::UnexpectedResponse, "zz"),
        ("Content-Length: 2000000\r\n\r\n", ErrorKind::UnexpectedResponse, ""),
        ("Content-Length: 50\r\n\r\n{\"sid\":", ErrorKind::ConnectionLost, "{\"sid\":"),
    ] {
        let address = serve(move |mut stream, _| {
            read_request(&mut stream);
            let _ = write!(stream, "{head}{rest}");
        });
        let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::Unknown), "{rest}");
        assert_eq!((error.status(), error.request_id()), (Some(201), Some("RQ9")), "{rest}");
        assert_eq!(error.body(), Some(body), "{rest}");
    }
}

#[test]
fn a_response_at_the_limit_is_read() {
    let padding = " ".repeat((1 << 20) - payments_json().len());
    let (address, requests) = scripted([response("201 Created", "", &(payments_json() + &padding))]);
    let api = client(address);
    for _ in 0..2 {
        api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
        requests.recv().unwrap();
    }
}

#[test]
fn errors_have_their_source() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotSent));
    assert!(error.is_retryable() && !error.is_timeout());
    let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn secrets_that_a_server_repeats_are_masked() {
    let basic = "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXNlY3JldC1hdXRoLXRva2Vu";
    let body = format!(
        r#"{{"message":"you sent Basic {basic} with {TOKEN}","details":{{"{TOKEN}":["{basic}"]}},"more_info":"{TOKEN}"}}"#
    );
    let headers = format!("Location: https://e.com/{TOKEN}\r\nTwilio-Request-Id: {TOKEN}\r\n");
    for response in [
        response("401 Unauthorized", &headers, &body),
        response("302 Found", &headers, &body),
        response("200 OK", &headers, &body),
        response("500 Oops", &headers, TOKEN),
    ] {
        let error = error_for(response);
        let api = error.api_error();
        let everything = format!(
            "{error} {error:?} {error:#?} {api:?} {:?} {:?} {:?} {:?}",
            error.body(),
            error.location(),
            error.request_id(),
            api.map(ApiError::body)
        );
        assert!(!everything.contains(TOKEN) && !everything.contains(basic), "{everything}");
        assert!(everything.contains("[redacted]"), "{everything}");
    }
}
