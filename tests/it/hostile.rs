//! Responses that the service does not send: each leads to a clear error or, if it is merely odd, to the right result.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::support::faults::within;
use crate::support::*;
use twilio_payments::*;

/// Long before the deadline, and long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// A server that answers every request with these bytes and then closes, if `close` is set.
fn answering(bytes: impl Into<Vec<u8>>, close: bool) -> SocketAddr {
    let bytes = bytes.into();
    serve(move |mut stream, _| {
        while read_request(&mut stream).is_some() {
            if stream.write_all(&bytes).is_err() || close {
                break;
            }
        }
    })
}

/// The result of a call to a server that responds with these bytes. It must come long before the deadline.
fn response_to_bytes(name: &str, bytes: impl Into<Vec<u8>>, close: bool) -> Result<Payments, Error> {
    let address = answering(bytes, close);
    let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
    within(LIMIT, name, move || api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK))).0
}

/// A response with this body and its length.
fn body(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn no_false_success() {
    let json = payments_json();
    let length = json.len();
    let ok = "HTTP/1.1 201 Created\r\n";
    let with = |headers: &str| format!("{ok}{headers}\r\n{json}").into_bytes();
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 4, 0, 0x43, 0xbe, 0xb7, 0xe8, 1, 0, 0, 0];
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let unread = "cannot be read as HTTP";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("two lengths", with(&format!("Content-Length: {length}\r\nContent-Length: 5\r\n")), unread),
        (
            "two lengths, the wrong one first",
            with(&format!("Content-Length: 5\r\nContent-Length: {length}\r\n")),
            unread,
        ),
        ("two lengths in one line", with(&format!("Content-Length: {length}, 5\r\n")), unread),
        ("a negative length", with("Content-Length: -5\r\n"), unread),
        ("a length with a sign", with(&format!("Content-Length: +{length}\r\n")), unread),
        ("a length beyond every number", with("Content-Length: 99999999999999999999999\r\n"), unread),
        ("a length that is not a number", with("Content-Length: all\r\n"), unread),
        ("a length that is too long", with(&format!("Content-Length: {}\r\n", length + 1)), "was cut off"),
        (
            "a length that is too short",
            with(&format!("Content-Length: {}\r\n", length - 1)),
            "EOF while parsing",
        ),
        ("no length at all", format!("{ok}Content-Length: 0\r\n\r\n").into_bytes(), "EOF while parsing"),
        (
            "a length and chunks",
            with(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n")),
            unread,
        ),
        ("chunks that are none", with("Transfer-Encoding: chunked\r\n"), unread),
        (
            "a chunk beyond every number",
            format!("{ok}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n").into_bytes(),
            unread,
        ),
        (
            "a chunk as long as memory",
            format!("{ok}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{json}", usize::MAX).into_bytes(),
            "was cut off",
        ),
        (
            "chunks without an end",
            format!("{ok}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{json}\r\n").into_bytes(),
            "was cut off",
        ),
        (
            "chunks in disguise",
            with("Transfer-Encoding: xchunked\r\n").into_iter().take(100).collect(),
            "EOF while parsing",
        ),
        (
            "compressed",
            [
                format!("{ok}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", gzip.len()).as_bytes(),
                &gzip,
            ]
            .concat(),
            "compressed",
        ),
        ("compressed, it does not say", body(gzip), "expected value"),
        (
            "compressed by a coding of its own",
            with(&format!("Content-Encoding: \u{e9}\r\nContent-Length: {length}\r\n")),
            "compressed",
        ),
        (
            "a header of 1 MB",
            format!("{ok}X-Long: {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes(),
            "head is too large",
        ),
        (
            "a header without an end",
            format!("{ok}X-Long: {}", "x".repeat(1 << 20)).into_bytes(),
            "head is too large",
        ),
        (
            "a status line without an end",
            format!("HTTP/1.1 201 {}", "x".repeat(1 << 20)).into_bytes(),
            "head is too large",
        ),
        ("10,000 headers", format!("{ok}{}\r\n", "X-A: b\r\n".repeat(10_000)).into_bytes(), unread),
        ("a header without a name", with(": x\r\n"), unread),
        ("a header without a colon", with("what\r\n"), unread),
        ("a NUL in a header", with("X-A: a\0b\r\n"), unread),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec(), unread),
        ("HTTP/2", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80".to_vec(), unread),
        ("a TLS alert", b"\x15\x03\x03\0\x02\x02\x28".to_vec(), unread),
        (
            "HTTP/3.1",
            format!("HTTP/3.1 201 Created\r\nContent-Length: {length}\r\n\r\n{json}").into_bytes(),
            unread,
        ),
        ("HTTP/0.9", json.clone().into_bytes(), unread),
        (
            "status 000",
            format!("HTTP/1.1 000 X\r\nContent-Length: {length}\r\n\r\n{json}").into_bytes(),
            unread,
        ),
        (
            "status 101",
            format!("HTTP/1.1 101 Switching Protocols\r\n\r\n{json}").into_bytes(),
            "the status is unexpected",
        ),
        (
            "status 600",
            format!("HTTP/1.1 600 X\r\nContent-Length: {length}\r\n\r\n{json}").into_bytes(),
            "the status is unexpected",
        ),
        ("status 204", format!("HTTP/1.1 204 No Content\r\n\r\n{json}").into_bytes(), "EOF while parsing"),
        ("nothing", Vec::new(), "the connection was lost"),
        ("new lines", b"\r\n\r\n\r\n".to_vec(), "the connection was lost"),
        ("invalid UTF-8", body([json.as_bytes(), b"\xff"].concat()), "trailing characters"),
        ("invalid UTF-8 in a name", body(b"{\"\xff\xfe\":1}"), "no `sid`"),
        (
            "invalid UTF-8 in the SID",
            body([b"{\"sid\":\"PK\xc3\x28", &[b'0'; 30][..], b"\"}"].concat()),
            "`sid` is not",
        ),
        (
            "UTF-16",
            body(json.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
            "key must be a string",
        ),
        ("a byte order mark alone", body(b"\xef\xbb\xbf"), "EOF while parsing"),
        ("two byte order marks", body(format!("\u{feff}\u{feff}{json}")), "expected value"),
        ("100,000 levels", body(&deep), "invalid type: sequence"),
        ("100,000 levels in a field", body(format!("{{\"sid\":{deep}}}")), "`sid` is not"),
        ("100,000 levels without an end", body("{\"a\":".repeat(100_000)), "EOF while parsing"),
        ("null", body("null"), "invalid type: null"),
        ("an array", body(format!("[{json}]")), "invalid type: sequence"),
        ("text", body(serde_json::to_string(&json).unwrap()), "invalid type: text"),
        ("a number", body("4242424242424242"), "invalid type: a number"),
        ("a fraction", body("4242424242424242.5"), "invalid type: a number"),
        ("a negative number", body("-4242424242424242"), "invalid type: a number"),
        ("quoted text", body("\"4242424242424242\""), "invalid type: text"),
        ("true", body("true"), "invalid type: boolean"),
        ("an empty object", body("{}"), "no `sid`"),
        ("SID null", body(r#"{"sid":null}"#), "`sid` is not"),
        ("SID a number", body(r#"{"sid":4242424242424242}"#), "`sid` is not"),
        ("SID of another kind", body(format!(r#"{{"sid":"{CALL}"}}"#)), "`sid` is not"),
        ("two SIDs", body(format!(r#"{{"sid":"{SESSION}","sid":"{SESSION}"}}"#)), "two `sid`s"),
        (
            "the SIDs of another call and account",
            body(json.replace(CALL, &CALL.replace('0', "1")).replace(ACCOUNT, &ACCOUNT.replace('0', "1"))),
            "it names another session, or another account and call",
        ),
        ("HTML", body("<!DOCTYPE html><html><body>4242424242424242</body></html>"), "expected value"),
        ("empty", body(""), "EOF while parsing"),
        ("half of it", body(&json[..length / 2]), "EOF while parsing"),
        ("two of them", body(format!("{json}{json}")), "trailing characters"),
        ("NaN", body(r#"{"sid":NaN}"#), "expected value"),
        ("a long number", body(format!("{{\"a\":1{}}}", "0".repeat(400_000))), "no `sid`"),
    ];
    for (name, bytes, message) in cases {
        let error = response_to_bytes(name, bytes, true).expect_err(name);
        assert_eq!(error.outcome(), Outcome::Unknown, "{name}: {error:?}");
        assert!(
            matches!(error.kind(), ErrorKind::UnexpectedResponse | ErrorKind::ConnectionLost),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(message), "{name}: {error}");
        let shown = format!("{error} {error:?} {error:#?}");
        assert!(!shown.contains("42424242"), "{name} shows the response: {shown}");
        assert!(shown.len() < 3_000, "{name}: {} bytes", shown.len());
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn odd_responses_that_are_right() {
    let json = payments_json();
    let length = json.len();
    let ok = "HTTP/1.1 201 Created\r\n";
    let chunked = |head: &str, tail: &str| {
        let (one, two) = json.split_at(7);
        format!("{ok}{head}\r\n{:X};a=b\r\n{one}\r\n{:04x} \r\n{two}\r\n{tail}", one.len(), two.len())
    };
    let te = "Transfer-Encoding: chunked\r\n";
    let cases = [
        ("as usual", created(), false),
        ("odd case", format!("HTTP/1.1 201 cReAtEd\r\ncOnTeNt-LeNgTh: {length}\r\n\r\n{json}"), false),
        ("odd spacing", format!("{ok}Content-Length:\t  {length} \t\r\nX-Empty:\r\n\r\n{json}"), false),
        ("no reason", format!("HTTP/1.1 201\r\nContent-Length: {length}\r\n\r\n{json}"), false),
        ("an empty reason", format!("HTTP/1.1 201 \r\nContent-Length: {length}\r\n\r\n{json}"), false),
        ("bare line feeds", format!("HTTP/1.1 201 Created\nContent-Length: {length}\n\n{json}"), false),
        ("an empty line before", format!("\r\n{ok}Content-Length: {length}\r\n\r\n{json}"), false),
        (
            "the length twice",
            format!("{ok}Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{json}"),
            false,
        ),
        ("leading zeros", format!("{ok}Content-Length: 000{length}\r\n\r\n{json}"), false),
        ("Latin-1 in a header", format!("{ok}X-A: \u{e9}\r\nContent-Length: {length}\r\n\r\n{json}"), false),
        (
            "100 headers",
            format!("{ok}{}Content-Length: {length}\r\n\r\n{json}", "X-A: b\r\n".repeat(100)),
            false,
        ),
        (
            "a header of 60 KB",
            format!("{ok}X-A: {}\r\nContent-Length: {length}\r\n\r\n{json}", "x".repeat(60_000)),
            false,
        ),
        ("chunks", chunked(te, "0\r\n\r\n"), false),
        ("chunks and a trailer", chunked(te, "0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"), false),
        ("chunks that beat a length", chunked(&format!("Content-Length: 3\r\n{te}"), "0\r\n\r\n"), false),
        ("chunks, closed before the trailer's end", chunked(te, "0\r\n"), true),
        ("ended by a close", format!("{ok}\r\n{json}"), true),
        ("HTTP/1.0", format!("HTTP/1.0 201 Created\r\n\r\n{json}"), true),
        (
            "HTTP/1.0 with a length",
            format!("HTTP/1.0 201 Created\r\nContent-Length: {length}\r\n\r\n{json}"),
            false,
        ),
        (
            "HTTP/1.0, kept alive",
            format!(
                "HTTP/1.0 201 Created\r\nConnection: keep-alive\r\nContent-Length: {length}\r\n\r\n{json}"
            ),
            false,
        ),
        (
            "Connection: close",
            format!("{ok}Connection: close\r\nContent-Length: {length}\r\n\r\n{json}"),
            true,
        ),
        ("100 Continue before", format!("HTTP/1.1 100 Continue\r\n\r\n{}", created()), false),
        ("ten of them", format!("{}{}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(10), created()), false),
        (
            "102 and 103 before",
            format!(
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}",
                created()
            ),
            false,
        ),
        (
            "identity",
            format!("{ok}Content-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{json}"),
            false,
        ),
        ("a byte order mark", response("200 OK", "", &format!("\u{feff}{json}")), false),
        ("space around", response("200 OK", "", &format!(" \r\n\t{json}\n\n")), false),
        ("another type", response("202 Accepted", "Content-Type: text/html\r\n", &json), false),
        ("another status", response("299 Odd", "", &json), false),
    ];
    thread::scope(|scope| {
        for (name, bytes, close) in &cases {
            let session = response_to_bytes(name, bytes.as_bytes(), *close);
            assert_eq!(session.unwrap_or_else(|error| panic!("{name}: {error:?}")).sid, SESSION);
            // Now with one byte in each segment.
            scope.spawn(move || {
                let bytes = bytes.as_bytes().to_vec();
                let close = *close;
                let address = serve(move |mut stream, _| {
                    stream.set_nodelay(true).unwrap();
                    read_request(&mut stream);
                    for byte in bytes.chunks(if bytes.len() > 10_000 { 1_000 } else { 1 }) {
                        if stream.write_all(byte).is_err() {
                            return;
                        }
                        thread::sleep(Duration::from_micros(100));
                    }
                    if !close {
                        crate::support::faults::hold(&mut stream);
                    }
                });
                let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
                let call = move || api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK));
                let (session, _) = within(LIMIT, name, call);
                assert_eq!(
                    session.unwrap_or_else(|error| panic!("{name}, in bytes: {error:?}")).sid,
                    SESSION
                );
            });
        }
    });
}

#[test]
fn secrets_in_a_response_are_masked_in_any_form() {
    let basic = "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXNlY3JldC1hdXRoLXRva2Vu";
    let echo = serve(move |mut stream, index| {
        let request = String::from_utf8(read_request(&mut stream).unwrap()).unwrap();
        let header = request.lines().find(|line| line.starts_with("authorization")).unwrap().to_owned();
        let json = serde_json::json!({
            "code": 20003, "message": format!("bad header {header:?}"), "more_info": format!("https://e.com/{TOKEN}"),
            "details": {"headers": [header, {"token": TOKEN}], TOKEN: 1},
        })
        .to_string();
        let escaped: String = json.replace('a', "\\u0061");
        let (status, body) = match index {
            0 => ("401 Unauthorized", json),
            1 => ("401 Unauthorized", escaped),
            2 => ("503 Busy", format!("<html>{header}</html>")),
            3 => ("201 Created", json),
            4 => ("201 Created", format!("\"{header}\"")),
            5 => ("201 Created", format!("{{\"sid\":\"{header}\"}}")),
            6 => ("401 Unauthorized", format!("{}{header}", "x".repeat(4096 - 30))),
            _ => ("302 Found", header.clone()),
        };
        let headers = format!(
            "X-Echo: {header}\r\nLocation: https://e.com/?{header}\r\nTwilio-Request-Id: {TOKEN}\r\nConnection: close\r\n"
        );
        let _ = stream.write_all(response(status, &headers, &body).as_bytes());
        let _ = stream.read(&mut [0]);
    });
    let api = builder(echo).retry_policy(RetryPolicy::none()).build().unwrap();
    for index in 0..8 {
        let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        let mut shown = vec![
            format!("{error}\n{error:?}\n{error:#?}"),
            format!("{:?} {:?} {:?}", error.body(), error.location(), error.request_id()),
        ];
        if let Some(api) = error.api_error() {
            shown.push(format!("{api} {api:?} {:?} {}", api.details, api.body()));
            shown.push(format!("{:?} {:?}", api.message, api.more_info));
        }
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            shown.push(format!("{error} {error:?}"));
            source = error.source();
        }
        let shown = shown.join("\n");
        for secret in [TOKEN, basic, &basic[..basic.len() - 10]] {
            assert!(!shown.contains(secret), "{index}: {shown}");
        }
    }
}
