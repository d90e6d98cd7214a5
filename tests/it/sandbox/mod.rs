//! The sandbox as a program uses it: through the client, and byte by byte.

mod faults;
mod keys;
mod refusals;
mod requests;
mod rules;
mod running;

use std::collections::{BTreeMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use twilio_payments::sandbox::{
    Call, Fault, FaultTarget, IdempotencyKeys, PaymentConnector, RandomFaults, Sandbox, numbers,
};
use twilio_payments::{
    Amount, Capture, CreatePaymentsParams, Credentials, Error, ErrorKind as Kind, Outcome, PayResult,
    PaymentMethod, Payments, PaymentsApi, RetryPolicy, UpdatePaymentsParams,
};

const URL: &str = "https://example.com/status";
const FORM: &str = "application/x-www-form-urlencoded";
/// `user:password` in Base64.
const WRONG: &str = "dXNlcjpwYXNzd29yZA==";

struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Response {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status, code and message of a refusal.
    #[track_caller]
    fn refusal(&self) -> (u16, i64, String) {
        let json = self.json();
        assert_eq!(json["status"], self.status);
        let code = json["code"].as_i64().unwrap();
        assert_eq!(json["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
        assert_eq!(json.as_object().unwrap().len(), 4);
        (self.status, code, json["message"].as_str().unwrap().to_owned())
    }
}

/// Sends bytes on a new connection and returns what comes back until it ends.
fn responses_to(sandbox: &Sandbox, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(sandbox.base_url().strip_prefix("http://").unwrap())?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

#[track_caller]
fn send(sandbox: &Sandbox, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let bytes = responses_to(sandbox, &request(method, path, headers, body)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned()));
    Response { status, headers: headers.collect(), body: body.to_owned() }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Sends with good credentials and a good content type.
#[track_caller]
fn post(sandbox: &Sandbox, path: &str, body: &str) -> Response {
    let authorization = basic(sandbox.account_sid(), sandbox.auth_token());
    send(sandbox, "POST", path, &[("Authorization", &authorization), ("Content-Type", FORM)], body)
}

fn path(account_sid: &str, call: &Call) -> String {
    format!("/2010-04-01/Accounts/{account_sid}/Calls/{}/Payments.json", call.sid())
}

fn of_session(create: &str, sid: &str) -> String {
    create.replace(".json", &format!("/{sid}.json"))
}

fn form(key: &str, more: &str) -> String {
    format!("IdempotencyKey={key}&StatusCallback=https%3A%2F%2Fexample.com%2Fs{more}")
}

/// Creates a session, captures everything, and completes it. If the outcome of a request is unknown, sends it again
/// with the same value.
fn take_payment(api: &PaymentsApi, call_sid: &str, key: &str) -> Result<String, Error> {
    let insist = |step: &dyn Fn() -> Result<Payments, Error>| {
        let tries = (0..6)
            .map(|_| step())
            .find(|tried| !tried.as_ref().is_err_and(|error| error.outcome() == Outcome::Unknown));
        tries.unwrap_or_else(step).map(|session| session.sid)
    };
    let start =
        CreatePaymentsParams::new(URL).charge_amount("9.99".parse()?).idempotency_key(format!("{key}-0"));
    let sid = insist(&|| api.create_payments(call_sid, &start))?;
    let captures =
        [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];
    let mut steps = captures.map(|capture| UpdatePaymentsParams::new_capture(URL, capture)).to_vec();
    steps.push(UpdatePaymentsParams::new_complete(URL));
    for (n, step) in steps.into_iter().enumerate() {
        let step = step.idempotency_key(format!("{key}-{}", n + 1));
        insist(&|| api.update_payments(call_sid, &sid, &step))?;
    }
    Ok(sid)
}
