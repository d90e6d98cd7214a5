//! What one response leaves behind never reaches the next call: an extra response, an unread body, a cookie.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::support::faults::done;
use crate::support::*;
use twilio_payments::*;

/// The SID of the session that the `number`-th call is about.
fn numbered(number: usize) -> String {
    format!("PK{number:032x}")
}

/// Makes five calls, each of which must get its own response.
fn all_get_their_own(name: &str, address: SocketAddr, sent: &Receiver<()>) {
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    for number in 0..5 {
        let params = CreatePaymentsParams::new(CALLBACK).idempotency_key(number.to_string());
        let session = api.create_payments(CALL, &params).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(session.sid, numbered(number), "{name}");
        done(sent);
    }
}

/// The response to a request whose idempotency key is a number.
fn own_answer(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let key = text.split("IdempotencyKey=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
    response("201 Created", "", &format!(r#"{{"sid":"{}"}}"#, numbered(key.parse().unwrap())))
}

#[test]
fn a_response_without_a_request_is_never_taken() {
    let extra = response("201 Created", "", &format!(r#"{{"sid":"{}"}}"#, numbered(666)));
    let refusal = response("404 Not Found", "", "{}");
    for (name, extra, late) in [
        ("in the same segment", extra.clone(), false),
        ("in a later segment", extra.clone(), true),
        ("a refusal, later", refusal, true),
        ("a part of one", extra[..20].to_owned(), false),
        ("a part of one, later", extra[..20].to_owned(), true),
        ("one byte, later", "H".to_owned(), true),
        ("a continuation, later", "HTTP/1.1 100 Continue\r\n\r\n".to_owned(), true),
        ("a hundred of them", extra.repeat(100), false),
        ("a hundred of them, later", extra.repeat(100), true),
    ] {
        let (sender, sent) = mpsc::channel();
        let address = serve(move |mut stream, _| {
            stream.set_nodelay(true).unwrap();
            while let Some(request) = read_request(&mut stream) {
                let own = own_answer(&request);
                if late {
                    let _ = stream.write_all(own.as_bytes());
                    thread::sleep(Duration::from_millis(5));
                    let _ = stream.write_all(extra.as_bytes());
                } else {
                    let _ = stream.write_all((own + &extra).as_bytes());
                }
                let _ = sender.send(());
            }
        });
        all_get_their_own(name, address, &sent);
    }
    // After a response without a body, and after chunks.
    let (sender, sent) = mpsc::channel();
    let address = serve(move |mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            let own = own_answer(&request);
            let json = own.split("\r\n\r\n").nth(1).unwrap();
            let head = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = write!(stream, "{head}{:x}\r\n{json}\r\n0\r\n\r\n{own}", json.len());
            let _ = sender.send(());
        }
    });
    all_get_their_own("after chunks", address, &sent);
    let (address, _requests) = scripted([format!("HTTP/1.1 204 No Content\r\n\r\n{}", created())]);
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    for _ in 0..3 {
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert_eq!(error.status(), Some(204));
    }
}

#[test]
fn a_body_that_was_not_read_does_not_reach_the_next_call() {
    // The response is too large to be read; the rest of it must not reach the next call.
    let json = payments_json();
    let padding = " ".repeat(2 << 20);
    let (sender, connections) = mpsc::channel();
    let address = serve(move |mut stream, _| {
        let _ = sender.send(());
        while read_request(&mut stream).is_some() {
            let sent = stream.write_all(response("201 Created", "", &format!("{padding}{json}")).as_bytes());
            if sent.is_err() {
                break;
            }
        }
    });
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    for _ in 0..3 {
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        assert!(error.to_string().contains("larger than 1048576 bytes"), "{error}");
    }
    assert_eq!(connections.try_iter().count(), 3, "none is used again");
}

#[test]
fn cookies_are_never_sent_back() {
    let cookies =
        "Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\nSet-Cookie2: e=f\r\nClear-Site-Data: \"*\"\r\n";
    let (address, requests) =
        scripted([response("500 Oops", cookies, "{}"), response("201 Created", cookies, &payments_json())]);
    let policy = RetryPolicy::new().base_delay(Duration::ZERO);
    let api = builder(address).retry_policy(policy).build().unwrap();
    let params = CreatePaymentsParams::new(CALLBACK);
    for _ in 0..3 {
        api.create_payments(CALL, &params).unwrap();
    }
    let requests: Vec<_> = requests.try_iter().collect();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(request, &requests[0], "a response leaves no trace in later requests");
        assert!(!String::from_utf8_lossy(request).to_lowercase().contains("cookie"));
    }
}
