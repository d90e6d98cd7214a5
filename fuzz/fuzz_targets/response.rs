//! Responses of a server: a body, passed to the decoder, or a whole response, sent to the client over a socket.
//!
//! The first byte of the input chooses: after an even one comes a body, after an odd one a whole response.

#![no_main]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use twilio_payments::{
    CreatePaymentsParams, Credentials, ErrorKind, Outcome, Payments, PaymentsApi, RetryPolicy,
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000002";
const TOKEN: &str = "a-secret-token";
const LIMIT: Duration = Duration::from_secs(5);

/// The bytes that the server sends next.
static RESPONSE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// A client whose server reads a request, sends the bytes of the input, and closes.
static API: LazyLock<PaymentsApi> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // All requests are the same, and arrive at once.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&RESPONSE.lock().unwrap());
        }
    });
    let credentials = Credentials::auth_token(ACCOUNT, TOKEN).unwrap();
    let builder = PaymentsApi::builder(credentials).base_url(format!("http://{address}"));
    builder.timeout(LIMIT).retry_policy(RetryPolicy::none()).idle_connections(0).build().unwrap()
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    if choice % 2 == 0 { decode(rest) } else { receive(rest) }
});

fn decode(body: &[u8]) {
    let Ok(session) = Payments::from_json(body) else { return };
    is_session(&session);
    let written = serde_json::to_vec(&session).unwrap();
    assert_eq!(Payments::from_json(&written).unwrap(), session, "what is written is read again");
    // Compared with a general JSON reader, unless the body is too deep for it.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        assert_eq!(text("sid"), Some(session.sid.as_str()));
        assert_eq!(text("account_sid"), session.account_sid.as_deref());
        assert_eq!(text("call_sid"), session.call_sid.as_deref());
        assert_eq!(text("date_created"), session.date_created.as_deref());
        assert_eq!(text("date_updated"), session.date_updated.as_deref());
        assert_eq!(text("uri"), session.uri.as_deref());
    }
}

fn is_session(session: &Payments) {
    let digits = session.sid.strip_prefix("PK").expect("a session's SID");
    assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
}

fn receive(response: &[u8]) {
    *RESPONSE.lock().unwrap() = response.to_vec();
    let params = CreatePaymentsParams::new("https://example.com/status").idempotency_key("k");
    let started = Instant::now();
    let result = API.create_payments_with_metadata(CALL, &params);
    assert!(started.elapsed() < LIMIT, "the server closes at once");
    match result {
        Ok(with) => {
            assert!((200..300).contains(&with.metadata.status));
            is_session(&with.payments);
            let _ = format!("{with:?}");
        }
        Err(error) => {
            let status = error.status().unwrap_or(0);
            // A response that cannot be read proves nothing, whatever its status, and neither does one of a gateway.
            let refused = error.kind() == ErrorKind::Api
                && (400..500).contains(&status)
                && !matches!(status, 408 | 409 | 425 | 499);
            let expected = if refused { Outcome::Refused } else { Outcome::Unknown };
            assert_eq!(error.outcome(), expected, "{error:?}");
            assert!(error.api_error().is_none_or(|api| (400..600).contains(&api.status)));
            let shown = format!("{error} {error:?} {:?} {:?}", error.body(), error.api_error());
            assert!(!shown.contains(TOKEN), "{shown}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }
}
