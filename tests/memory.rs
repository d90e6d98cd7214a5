//! However much a server sends, a call uses little memory. This is the only test here, so that nothing else is
//! measured.

#![cfg(target_os = "linux")]

#[path = "it/support/mod.rs"]
mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use support::*;
use twilio_payments::*;

/// A figure of this process in KiB, by its name in `/proc/self/status`.
fn kib(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A server that sends a head and then 50 MB of a body that repeats `piece`.
fn flood(head: String, piece: &str) -> SocketAddr {
    let piece = piece.repeat(65_536 / piece.len());
    serve(move |mut stream, _| {
        read_request(&mut stream);
        let mut left = 50 << 20;
        let mut go_on = stream.write_all(head.as_bytes()).is_ok();
        while go_on && left > 0 {
            go_on = stream.write_all(piece.as_bytes()).is_ok();
            left -= piece.len().min(left);
        }
    })
}

#[test]
fn fifty_megabytes_take_less_than_eight() {
    let length = "Content-Length: 52428800\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("ff0\r\n{}\r\n", " ".repeat(0xff0));
    let bodies = [
        ("spaces, with a length", length, " "),
        ("spaces, ended by a close", "\r\n", " "),
        ("spaces, in chunks", chunked, &chunk),
        ("an array, with a length", length, "[0,"),
        ("numbers, ended by a close", "\r\n[", "0,"),
        ("levels, ended by a close", "\r\n", "{\"a\":"),
        ("text, ended by a close", "\r\n", "\\u0061"),
        ("a header", "X-Long: ", "x"),
        ("headers", "", "X-A: b\r\n"),
    ];
    let mut cases = Vec::new();
    for status in ["201 Created", "302 Found", "404 Not Found", "503 Busy"] {
        for (name, head, piece) in bodies {
            cases.push((format!("{status}: {name}"), format!("HTTP/1.1 {status}\r\n{head}"), piece));
        }
        // An array within the size limit of a response.
        let numbers = "0,".repeat(400_000);
        let array = response(status, "", &format!("{{\"sid\":\"PK\",\"details\":[{numbers}0]}}"));
        cases.push((format!("{status}: a long array"), array, "x"));
    }
    cases.push(("continuations".to_owned(), String::new(), "HTTP/1.1 100 Continue\r\n\r\n"));
    cases.push(("nothing that is HTTP".to_owned(), String::new(), "\u{1}"));

    let call = |head: &str, piece: &str| {
        let address = flood(head.to_owned(), piece);
        let policy = RetryPolicy::new().base_delay(Duration::ZERO);
        let api = builder(address).retry_policy(policy).timeout(Duration::from_secs(2)).build().unwrap();
        // Resets the peak to the current use.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err()
    };
    // A short response first: the program's own code comes into memory as it is needed.
    call("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n", " ");
    let before = kib("VmRSS:");
    for (name, head, piece) in cases {
        let error = call(&head, piece);
        let more = kib("VmHWM:").saturating_sub(before);
        println!("{name}: at most {more} KiB above the start: {:?}", error.kind());
        assert!(more < 8 << 10, "{name}: {more} KiB more");
    }
}
