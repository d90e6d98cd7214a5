//! The sandbox as a program meets it: through the client, and byte by byte.

use std::collections::{BTreeMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use twilio_payments::sandbox::{Call, Fault, RandomFaults, Sandbox};
use twilio_payments::{
    Amount, Capture, CreatePaymentsParams, Credentials, Error, ErrorKind as Kind, Outcome, PayResult,
    Payments, PaymentsApi, RetryPolicy, UpdatePaymentsParams,
};

const URL: &str = "https://example.com/status";
const FORM: &str = "application/x-www-form-urlencoded";
/// `user:password` in Base64.
const WRONG: &str = "dXNlcjpwYXNzd29yZA==";

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// PaymentsStatus, code and message of a refusal.
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

/// Sends bytes on a new connection and gives what comes back until it ends.
fn exchange(sandbox: &Sandbox, request: &str) -> std::io::Result<Vec<u8>> {
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

fn send(sandbox: &Sandbox, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let bytes = exchange(sandbox, &request(method, path, headers, body)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned()));
    Answer { status, headers: headers.collect(), body: body.to_owned() }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Sends with good credentials and a good content type.
fn post(sandbox: &Sandbox, path: &str, body: &str) -> Answer {
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

/// Creates, captures everything, and completes. Where it is not known whether a step was carried out, the step is
/// asked for again with the same value.
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

#[test]
fn the_answers_on_the_wire() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let created = post(&sandbox, &create, &form("k1", "&ChargeAmount=12.5"));
    assert_eq!(created.status, 201);
    assert_eq!(created.headers["Content-Type"], "application/json");
    let id = &created.headers["Twilio-Request-Id"];
    assert!(id.len() == 34 && id.starts_with("RQ") && id[2..].bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    let json = created.json();
    let sid = json["sid"].as_str().unwrap();
    assert!(
        sid.len() == 34 && sid.starts_with("PK") && sid[2..].bytes().all(|b| b.is_ascii_hexdigit()),
        "{sid}"
    );
    assert_eq!(json["account_sid"], sandbox.account_sid());
    assert_eq!(json["call_sid"], call.sid());
    assert_eq!(json["uri"], of_session(&create, sid));
    assert_eq!(json["date_created"], json["date_updated"]);
    assert_eq!(json.as_object().unwrap().len(), 6);
    let date = json["date_created"].as_str().unwrap();
    // Wed, 18 Dec 2019 20:02:01 +0000
    let shape: String = date
        .chars()
        .map(|c| {
            if c.is_ascii_digit() {
                '0'
            } else if c.is_alphabetic() {
                'a'
            } else {
                c
            }
        })
        .collect();
    assert_eq!(shape, "aaa, 00 aaa 0000 00:00:00 +0000", "{date}");

    let updated = post(&sandbox, &of_session(&create, sid), &form("k2", "&Capture=payment-card-number"));
    assert_eq!(updated.status, 202);
    assert_ne!(&updated.headers["Twilio-Request-Id"], id);
    assert_eq!(updated.json()["date_created"], json["date_created"]);
    assert_eq!(updated.json()["sid"], sid);

    let session = sandbox.session(sid).unwrap();
    assert_eq!(session.parameter("ChargeAmount"), Some("12.5"));
    assert_eq!(session.parameter("StatusCallback"), Some("https://example.com/s"));
    assert_eq!(session.captures, [Capture::PaymentCardNumber]);
    assert_eq!(session.idempotency_keys, ["k1", "k2"]);
    assert!(session.is_open());
    assert_eq!(sandbox.request_count(), 2);
}

#[test]
fn who_may_call() {
    let sandbox = Sandbox::builder().auth_token("to:ken").start().unwrap();
    let (sid, token) = (sandbox.account_sid(), sandbox.auth_token());
    let good = basic(sid, token);
    for authorization in [
        good.clone(),
        good.replace("Basic", "bAsIc"),
        basic(sandbox.api_key_sid(), sandbox.api_key_secret()),
        format!("Bearer {}", sandbox.access_token()),
    ] {
        let create = path(sid, &sandbox.call());
        let key = form(&sandbox.request_count().to_string(), "");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", FORM)];
        assert_eq!(send(&sandbox, "POST", &create, &headers, &key).status, 201, "{authorization}");
    }
    let create = path(sid, &sandbox.call());
    for authorization in [
        "",
        "Basic",
        "Basic ",
        "Basic ???",
        "Bearer ",
        "Bearer wrong",
        &format!("Basic {WRONG}"),
        &basic(sid, ""),
        &basic(sid, "token"),
        &basic(sid, sandbox.api_key_secret()),
        &basic(sandbox.subaccount_sid(), token),
        &basic(sandbox.api_key_sid(), token),
        &basic("", sandbox.access_token()),
        &good.replace("Basic", "Digest"),
        &format!("Bearer {token}"),
    ] {
        let headers = [("Authorization", authorization), ("Content-Type", FORM)];
        let answer = send(&sandbox, "POST", &create, &headers, &form("k", ""));
        assert_eq!(answer.refusal(), (401, 20003, "Authenticate".to_owned()), "{authorization}");
        assert!(answer.headers["WWW-Authenticate"].starts_with("Basic "));
        assert!(answer.headers.contains_key("Twilio-Request-Id"));
    }
    let twice = [("Authorization", good.as_str()), ("Authorization", &good), ("Content-Type", FORM)];
    assert_eq!(send(&sandbox, "POST", &create, &twice, &form("k", "")).status, 401);
    assert_eq!(send(&sandbox, "POST", &create, &[("Content-Type", FORM)], &form("k", "")).status, 401);
    assert_eq!(sandbox.sessions().len(), 4);
}

#[test]
fn what_does_not_exist() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let sid = post(&sandbox, &create, &form("k", "")).json()["sid"].as_str().unwrap().to_owned();
    let update = of_session(&create, &sid);
    let other_call = sandbox.call();
    for (body, target) in [
        ("", "/".to_owned()),
        ("", "*".to_owned()),
        ("", create.replace(".json", "")),
        ("", create.replace(".json", ".xml")),
        ("", create.replace(".json", "/.json")),
        ("", create.replace("2010", "2011")),
        ("", create.to_lowercase()),
        ("", format!("{create}/")),
        ("", format!("{create}?x=y")),
        ("", format!("{create}#x")),
        ("", create.replace("/Payments.json", ".json")),
        ("", create.replace("/Calls", "//Calls")),
        ("", create.replace(sandbox.account_sid(), &format!("AC{:032}", 7))),
        ("", create.replace(sandbox.account_sid(), sandbox.subaccount_sid())),
        ("", create.replace(call.sid(), &format!("CA{:032}", 7))),
        ("", create.replace(call.sid(), "..")),
        ("", create.replace(call.sid(), "CA%30")),
        ("&Status=cancel", update.replace(&sid, &format!("PK{:032}", 7))),
        ("&Status=cancel", update.replace(call.sid(), other_call.sid())),
        ("&Status=cancel", update.replace("PK", "pk")),
        ("&Status=cancel", update.replace(".json", "/x.json")),
    ] {
        let answer = post(&sandbox, &target, &form("new", body));
        let (status, code, message) = answer.refusal();
        assert_eq!((status, code), (404, 20404), "{target}");
        let named = target.split('#').next().unwrap();
        assert!(message.contains(&named.chars().take(100).collect::<String>()), "{message}");
    }
    assert!(sandbox.session(&sid).unwrap().is_open());
}

#[test]
fn how_it_must_be_asked() {
    let sandbox = Sandbox::start().unwrap();
    let create = path(sandbox.account_sid(), &sandbox.call());
    let authorization = basic(sandbox.account_sid(), sandbox.auth_token());
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "post"] {
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", FORM)];
        let answer = send(&sandbox, method, &create, &headers, &form("k", ""));
        assert_eq!(answer.refusal(), (405, 20004, "Method not allowed".to_owned()), "{method}");
        assert_eq!(answer.headers["Allow"], "POST");
    }
    for content_type in [None, Some("application/json"), Some("multipart/form-data; boundary=x"), Some("")] {
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend(content_type.map(|value| ("Content-Type", value)));
        let (status, code, _) = send(&sandbox, "POST", &create, &headers, &form("k", "")).refusal();
        assert_eq!((status, code), (415, 20415), "{content_type:?}");
    }
    let with_charset = format!("{}; charset=UTF-8", FORM.to_uppercase());
    let headers = [("authorization", authorization.as_str()), ("content-type", &with_charset)];
    assert_eq!(send(&sandbox, "POST", &create, &headers, &form("k", "")).status, 201);
    assert_eq!(sandbox.sessions().len(), 1);
}

#[test]
fn parameters_are_checked() {
    let sandbox = Sandbox::start().unwrap();
    let create = path(sandbox.account_sid(), &sandbox.call());
    for (body, message) in [
        ("", "Invalid parameter IdempotencyKey: required"),
        ("IdempotencyKey=k", "Invalid parameter StatusCallback: required"),
        ("IdempotencyKey=k&StatusCallback=ftp%3A%2F%2Fx", "Invalid parameter StatusCallback: neither"),
        (&form("k", "&ChargeAmount=1e%2B06"), "Invalid parameter ChargeAmount: not a decimal"),
        (&form("k", "&ChargeAmount=1000000"), "Invalid parameter ChargeAmount: not a decimal"),
        (&form("k", "&Timeout=601"), "Invalid parameter Timeout: not an integer from 1 to 600"),
        (
            &form("k", "&Parameter=%7B%27name%27%3A%27foobar%27%7D"),
            "Invalid parameter Parameter: not a JSON object",
        ),
        (&form("k", "&Capture=postal-code"), "Unknown parameter Capture"),
        (&form("k", "&%3Cscript%3E%22=1"), "Unknown parameter <script>\""),
        (&form("k", "&Timeout=5&Timeout=5"), "Invalid parameter Timeout: sent more than once"),
    ] {
        let (status, code, text) = post(&sandbox, &create, body).refusal();
        assert_eq!((status, code), (400, 20001), "{body}");
        assert!(text.starts_with(message), "{text}");
    }
    assert_eq!(sandbox.sessions().len(), 0);
    // A refused key is not used up.
    let created = post(&sandbox, &create, &form("k", "&Timeout=600"));
    assert_eq!(created.status, 201);
    let update = of_session(&create, created.json()["sid"].as_str().unwrap());
    for (body, message) in [
        (form("k2", ""), "Invalid parameter Capture: required where there is no Status"),
        (form("k2", "&Status=done"), "Invalid parameter Status: not one of its values"),
        (form("k2", "&Capture=pin"), "Invalid parameter Capture: not one of its values"),
        (form("k2", "&Timeout=5"), "Unknown parameter Timeout"),
    ] {
        assert_eq!(post(&sandbox, &update, &body).refusal(), (400, 20001, message.to_owned()));
    }
    assert_eq!(post(&sandbox, &update, &form("k2", "&Capture=postal-code")).status, 202);
}

#[test]
fn calls_must_be_live() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    let call = sandbox.call().obliging();
    let sid = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap().sid;
    assert!(call.is_live());
    call.clone().hang_up();
    assert!(!call.is_live());
    assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::CallerHungUp));
    for error in [
        api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap_err(),
        api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_complete(URL)).unwrap_err(),
    ] {
        let refusal = error.api_error().unwrap();
        assert_eq!((refusal.status, refusal.code), (400, Some(21220)));
        assert_eq!(error.outcome(), Outcome::Refused);
    }
    let unknown = api.create_payments(&format!("CA{:032}", 0), &CreatePaymentsParams::new(URL)).unwrap_err();
    assert_eq!(unknown.api_error().unwrap().code, Some(20404));
    assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (0, 1));
}

#[test]
fn one_open_session_on_a_call() {
    let sandbox = Sandbox::start().unwrap();
    let (api, call) = (sandbox.client(), sandbox.call());
    let start = || api.create_payments(call.sid(), &CreatePaymentsParams::new(URL));
    for end in [UpdatePaymentsParams::new_complete, UpdatePaymentsParams::new_cancel] {
        let sid = start().unwrap().sid;
        assert_eq!(start().unwrap_err().api_error().unwrap().code, Some(20409));
        // Another call is not concerned.
        api.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new(URL)).unwrap();
        api.update_payments(call.sid(), &sid, &end(URL)).unwrap();
        for late in [
            UpdatePaymentsParams::new_complete(URL),
            UpdatePaymentsParams::new_cancel(URL),
            UpdatePaymentsParams::new_capture(URL, Capture::PostalCode),
        ] {
            let error = api.update_payments(call.sid(), &sid, &late).unwrap_err();
            assert_eq!(error.api_error().unwrap().code, Some(20409));
            assert_eq!(error.outcome(), Outcome::Refused);
        }
    }
}

#[test]
fn what_is_charged() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    for (amount, currency, charged) in [
        (Some("19.99"), Some("eur"), Some(("19.99", "EUR"))),
        (Some("0.01"), None, Some(("0.01", "USD"))),
        (Some("0"), Some("EUR"), None),
        (None, None, None),
    ] {
        let call = sandbox.call().obliging();
        let mut start = CreatePaymentsParams::new(URL);
        start.charge_amount = amount.map(|amount| amount.parse().unwrap());
        start.currency = currency.map(str::to_owned);
        let sid = api.create_payments(call.sid(), &start).unwrap().sid;
        for capture in
            [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode]
        {
            api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_capture(URL, capture)).unwrap();
        }
        let before = sandbox.transaction_count();
        api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_complete(URL)).unwrap();
        call.hang_up();
        let transactions = sandbox.transactions();
        assert_eq!(transactions.len(), before + 1);
        let last = transactions.last().unwrap();
        assert_eq!((&last.session_sid, last.call_sid.as_str()), (&sid, call.sid()));
        assert_eq!(last.amount, charged.map(|(amount, _)| amount.parse::<Amount>().unwrap()));
        assert_eq!(last.currency.as_deref(), charged.map(|(_, currency)| currency));
        assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::Success));
    }
    let call = sandbox.call().obliging();
    let sid = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap().sid;
    api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_cancel(URL)).unwrap();
    assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::Cancelled));
    assert_eq!(sandbox.transaction_count(), 4);
}

#[test]
fn a_repeated_request_gets_the_stored_answer() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let created = post(&sandbox, &create, &form("k1", "&ChargeAmount=1&Currency=USD"));
    let update = of_session(&create, created.json()["sid"].as_str().unwrap());
    for capture in ["payment-card-number", "expiration-date", "security-code", "postal-code"] {
        assert_eq!(post(&sandbox, &update, &form(capture, &format!("&Capture={capture}"))).status, 202);
    }
    let completed = post(&sandbox, &update, &form("k2", "&Status=complete"));
    call.hang_up();
    for _ in 0..3 {
        // In another order of fields, on another connection, after all is over.
        let again = post(&sandbox, &create, &format!("Currency=USD&{}", form("k1", "&ChargeAmount=1")));
        assert_eq!((again.status, &again.body), (201, &created.body));
        assert_ne!(again.headers["Twilio-Request-Id"], created.headers["Twilio-Request-Id"]);
        let again = post(&sandbox, &update, &form("k2", "&Status=complete"));
        assert_eq!((again.status, &again.body), (202, &completed.body));
    }
    // Another request with a used key is none.
    for (path, body) in [
        (&create, form("k1", "&ChargeAmount=2&Currency=USD")),
        (&create, form("k1", "")),
        (&create, form("k2", "")),
        (&path(sandbox.account_sid(), &sandbox.call()), form("k1", "&ChargeAmount=1&Currency=USD")),
        (&update, form("k1", "&Status=complete")),
        (&update, form("k2", "&Status=cancel")),
    ] {
        let (status, code, message) = post(&sandbox, path, &body).refusal();
        assert_eq!((status, code), (409, 20409), "{path} {body}");
        assert!(message.contains("IdempotencyKey"), "{message}");
    }
    assert_eq!((sandbox.sessions().len(), sandbox.transaction_count()), (1, 1));
    assert_eq!(sandbox.sessions()[0].idempotency_keys.len(), 6);
}

#[test]
fn a_refused_key_can_be_tried_again() {
    let sandbox = Sandbox::start().unwrap();
    let (api, call) = (sandbox.client(), sandbox.call());
    let first = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap();
    let second = CreatePaymentsParams::new(URL);
    api.create_payments(call.sid(), &second).unwrap_err();
    api.update_payments(call.sid(), &first.sid, &UpdatePaymentsParams::new_cancel(URL)).unwrap();
    let created = api.create_payments(call.sid(), &second).unwrap();
    assert_eq!(api.create_payments(call.sid(), &second).unwrap(), created);
    assert_eq!(sandbox.sessions().len(), 2);
}

#[test]
fn requests_that_arrive_together_have_one_effect() {
    let sandbox = Sandbox::start().unwrap();
    for round in 0..20 {
        let call = sandbox.call().obliging();
        let barrier = Barrier::new(16);
        let start = CreatePaymentsParams::new(URL);
        let sids: HashSet<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let api = sandbox.client();
                        barrier.wait();
                        api.create_payments(call.sid(), &start).unwrap().sid
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(sids.len(), 1);
        assert_eq!(sandbox.sessions().len(), round + 1);
    }
}

#[test]
fn subaccounts_have_their_own_calls_and_keys() {
    let sandbox = Sandbox::start().unwrap();
    let (own, other) = (sandbox.call(), sandbox.subaccount_call());
    let api = sandbox.client();
    let start = CreatePaymentsParams::new(URL).idempotency_key("same");
    let for_other = start.clone().account_sid(sandbox.subaccount_sid());
    let first = api.create_payments(own.sid(), &start).unwrap();
    let second = api.create_payments(other.sid(), &for_other).unwrap();
    assert_ne!(first.sid, second.sid);
    assert_eq!(second.account_sid.as_deref(), Some(sandbox.subaccount_sid()));
    for (call, params) in [(&other, &start), (&own, &for_other)] {
        assert_eq!(api.create_payments(call.sid(), params).unwrap_err().status(), Some(404));
    }
}

#[test]
fn sixty_four_threads() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    thread::scope(|scope| {
        for thread in 0..64 {
            let (sandbox, api) = (&sandbox, &api);
            scope.spawn(move || {
                for n in 0..5 {
                    let call = sandbox.call().obliging();
                    let sid = take_payment(api, call.sid(), &format!("{thread}-{n}")).unwrap();
                    let session = sandbox.session(&sid).unwrap();
                    assert_eq!(session.call_sid, call.sid());
                    assert_eq!(session.idempotency_keys[0], format!("{thread}-{n}-0"));
                    assert_eq!(session.captures.len(), 4);
                }
            });
        }
    });
    assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (320, 320));
    let charged: HashSet<String> = sandbox.transactions().into_iter().map(|t| t.session_sid).collect();
    assert_eq!(charged.len(), 320);
    assert_eq!(sandbox.request_count(), 320 * 6);
}

#[test]
fn each_fault_on_the_wire() {
    let sandbox = Sandbox::start().unwrap();
    let authorization = basic(sandbox.account_sid(), sandbox.auth_token());
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Garbage,
        Fault::Delay(Duration::from_millis(200)),
        Fault::TooManyRequests { retry_after: Duration::from_millis(1500) },
        Fault::ServerError,
        Fault::ServerErrorAfter,
        Fault::Unavailable,
    ] {
        let call = sandbox.call().obliging();
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", FORM)];
        let request = request("POST", &path(sandbox.account_sid(), &call), &headers, &form(call.sid(), ""));
        let (sessions, begun) = (sandbox.sessions().len(), Instant::now());
        sandbox.faults().once(fault);
        assert_eq!(sandbox.faults().waiting(), 1);
        let got = exchange(&sandbox, &request);
        assert_eq!(sandbox.faults().waiting(), 0);
        let carried_out = sandbox.sessions().len() == sessions + 1;
        assert_eq!(carried_out, fault.is_carried_out(), "{fault:?}");
        if matches!(fault, Fault::ResetBefore | Fault::ResetAfter) {
            assert_eq!(got.unwrap_err().kind(), ErrorKind::ConnectionReset, "{fault:?}");
            continue;
        }
        let bytes = got.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        match fault {
            Fault::DropBefore | Fault::DropAfter => assert!(bytes.is_empty()),
            Fault::Truncate => {
                assert!(head.starts_with("HTTP/1.1 201 "));
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
                assert!(!body.is_empty() && body.len() < length.parse().unwrap(), "{text}");
            }
            Fault::Garbage => assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP")),
            Fault::Delay(delay) => {
                assert!(head.starts_with("HTTP/1.1 201 "));
                assert!(begun.elapsed() >= delay);
            }
            Fault::TooManyRequests { .. } => {
                assert!(
                    head.starts_with("HTTP/1.1 429 ") && head.contains("\r\nRetry-After: 2\r\n"),
                    "{head}"
                );
                assert_eq!(serde_json::from_str::<Value>(body).unwrap()["code"], 20429);
            }
            Fault::ServerError | Fault::ServerErrorAfter => {
                assert!(head.starts_with("HTTP/1.1 500 ") && head.contains("\r\nTwilio-Request-Id: RQ"));
                assert_eq!(serde_json::from_str::<Value>(body).unwrap()["code"], 20500);
            }
            _ => assert!(head.starts_with("HTTP/1.1 503 ") && body.starts_with("<html>")),
        }
        // The same request, sent again, has its effect once.
        let again = String::from_utf8(exchange(&sandbox, &request).unwrap()).unwrap();
        assert!(again.starts_with("HTTP/1.1 201 "), "{fault:?}: {again}");
        assert_eq!(sandbox.sessions().len(), sessions + 1);
    }
    assert_eq!(sandbox.faults().injected(), 11);
}

#[test]
fn what_a_client_says_of_a_fault_is_true() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
    for (fault, kind) in [
        (Fault::DropAfter, Kind::ConnectionLost),
        (Fault::ResetAfter, Kind::ConnectionLost),
        (Fault::Truncate, Kind::ConnectionLost),
        (Fault::Garbage, Kind::UnexpectedAnswer),
        (Fault::ServerErrorAfter, Kind::Api),
        (Fault::Unavailable, Kind::Api),
        (Fault::TooManyRequests { retry_after: Duration::ZERO }, Kind::Api),
    ] {
        let call = sandbox.call().obliging();
        sandbox.faults().once(fault);
        let error = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        if fault.is_carried_out() {
            assert_eq!(error.outcome(), Outcome::Unknown, "{fault:?}");
        }
    }
    let hasty = api.with_timeout(Duration::from_millis(100));
    sandbox.faults().once(Fault::Delay(Duration::from_secs(30)));
    let error = hasty.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new(URL)).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn faults_by_chance_are_survived_and_the_same_in_every_run() {
    let run = |threads: usize| {
        let sandbox = Sandbox::start().unwrap();
        sandbox.faults().at_random(RandomFaults::new(20_211_122, 0.4));
        let policy = RetryPolicy::new().max_retries(8).base_delay(Duration::from_millis(1));
        let api = sandbox.client_builder().retry_policy(policy).build().unwrap();
        thread::scope(|scope| {
            for thread in 0..threads {
                let (sandbox, api) = (&sandbox, &api);
                scope.spawn(move || {
                    for n in (0..60).filter(|n| n % threads == thread) {
                        take_payment(api, sandbox.call().obliging().sid(), &n.to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (60, 60));
        let (requests, injected) = (sandbox.request_count(), sandbox.faults().injected());
        sandbox.faults().clear();
        take_payment(&api, sandbox.call().obliging().sid(), "calm").unwrap();
        assert_eq!((sandbox.request_count(), sandbox.faults().injected()), (requests + 6, injected));
        (requests, injected)
    };
    let (requests, injected) = run(8);
    assert!(injected > 120, "{injected} of {requests}");
    assert_eq!(run(3), (requests, injected));
}

#[test]
fn a_short_idle_timeout_closes_kept_connections() {
    let sandbox = Sandbox::builder().idle_timeout(Duration::from_millis(50)).start().unwrap();
    let mut stream = TcpStream::connect(sandbox.base_url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    let api = sandbox.client();
    for _ in 0..3 {
        api.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new(URL)).unwrap();
        thread::sleep(Duration::from_millis(120));
    }
}

#[test]
fn the_builder_sets_what_it_says() {
    let sandbox =
        Sandbox::builder().account_sid(format!("AC{:032}", 5)).auth_token("secret").start().unwrap();
    assert_eq!((sandbox.account_sid(), sandbox.auth_token()), (format!("AC{:032}", 5).as_str(), "secret"));
    let port = sandbox.base_url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
    assert_eq!(Sandbox::builder().port(port).start().unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(sandbox);
    let again = Sandbox::builder().port(port).start().unwrap();
    assert!(again.base_url().ends_with(&format!(":{port}")));
    for (builder, named) in [
        (Sandbox::builder().account_sid("AC1"), "account_sid"),
        (Sandbox::builder().account_sid("../.."), "account_sid"),
        (Sandbox::builder().auth_token(""), "auth_token"),
        (Sandbox::builder().auth_token("a\nb"), "auth_token"),
    ] {
        let error = builder.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(named), "{error}");
    }
    let key = Credentials::api_key(again.account_sid(), again.api_key_sid(), again.api_key_secret()).unwrap();
    let api = PaymentsApi::builder(key).base_url(again.base_url()).no_proxy().build().unwrap();
    api.create_payments(again.call().sid(), &CreatePaymentsParams::new(URL)).unwrap();
}

#[test]
fn dropping_it_ends_everything() {
    let sandbox = Sandbox::start().unwrap();
    let (call, api) =
        (sandbox.call(), sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap());
    sandbox.faults().once(Fault::Delay(Duration::from_secs(60)));
    let blocked = {
        let (api, sid) = (api.clone(), call.sid().to_owned());
        thread::spawn(move || api.create_payments(&sid, &CreatePaymentsParams::new(URL)))
    };
    while sandbox.sessions().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let begun = Instant::now();
    drop(sandbox);
    assert_eq!(blocked.join().unwrap().unwrap_err().outcome(), Outcome::Unknown);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let error = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (Kind::Connect, Outcome::NotSent));
    assert!(call.is_live());
}

#[test]
fn debug_shows_no_secret() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let url = "https://user:hush-1@example.com/?t=hush-2";
    let start =
        CreatePaymentsParams::new(url).description("hush-3").parameter(serde_json::json!({"a": "hush-4"}));
    sandbox.client().create_payments(call.sid(), &start).unwrap();
    let builder = Sandbox::builder().auth_token("hush-5");
    let shown = format!("{sandbox:#?} {call:?} {:?} {:?} {builder:?}", sandbox.sessions(), sandbox.faults());
    for secret in [sandbox.auth_token(), sandbox.api_key_secret(), sandbox.access_token(), "hush"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(call.sid()) && shown.contains("\"Description\""), "{shown}");
}
