//! What the crate logs, and what `Debug` and `Display` of its types show: enough to find a fault, and no secret.

use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::io::Write;
use std::time::Duration;

use crate::support::faults::{Script, Step, nobody};
use crate::support::records::logged;
use crate::support::*;
use log::Level;
use twilio_payments::sandbox::{Fault, RandomFaults, Sandbox};
use twilio_payments::*;

const BASIC: &str = "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXNlY3JldC1hdXRoLXRva2Vu";
const CARD: &str = "4242424242424242";

/// What must never be shown: credentials, what the caller typed, tokens, and the text of bodies.
const SECRETS: [&str; 9] = [
    TOKEN,
    BASIC,
    CARD,
    "api-secret",
    "bearer-token",
    "url-secret",
    "parameter-secret",
    "pm_token",
    "said-in-a-body",
];

#[track_caller]
fn clean(shown: &str) {
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in: {shown}");
    }
}

fn params() -> CreatePaymentsParams {
    CreatePaymentsParams::new("https://user:url-secret@example.com/status?token=url-secret")
        .parameter(serde_json::json!({"name": "parameter-secret"}))
        .idempotency_key("k")
}

fn quick() -> RetryPolicy {
    RetryPolicy::new().base_delay(Duration::from_millis(1))
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_record_for_each_attempt_and_one_for_each_retry() {
    let body = format!(
        r#"{{"message":"{TOKEN}","text":"said-in-a-body","uri":"{CARD}","sid":"PK","token":"pm_token"}}"#
    );
    let headers = format!(
        "Twilio-Request-Id: RQ1\r\nLocation: https://e.com/?url-secret\r\nX-Echo: {BASIC}\r\nSet-Cookie: {TOKEN}\r\n"
    );
    let status = |status: &str| Step::Respond(response(status, &headers, &body));
    let cases: [(Vec<Step>, usize, &str); 11] = [
        (vec![status("201 Created")], 1, "HTTP 201, request RQ1"),
        (vec![status("404 Not Found")], 1, "HTTP 404, request RQ1"),
        (vec![status("302 Found")], 1, "HTTP 302, request RQ1"),
        (vec![status("503 Busy")], 3, "HTTP 503, request RQ1"),
        (vec![status("429 Busy"), status("404 No")], 2, "HTTP 429, request RQ1"),
        (vec![Step::CloseRead], 3, "the connection was lost: "),
        (
            vec![Step::Break(format!("HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{body}"))],
            1,
            "HTTP 201",
        ),
        (
            vec![Step::Break("HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nsaid-in-a-body".to_owned())],
            3,
            "HTTP 503",
        ),
        (vec![Step::Break(format!("{CARD} said-in-a-body\r\n"))], 3, "the response cannot be read as HTTP"),
        (vec![Step::Stall(format!("HTTP/1.1 201 Created\r\n{headers}"))], 3, "no response in time"),
        (vec![Step::created(), Step::CloseRead, status("201 Created")], 1, "HTTP 201"),
    ];
    for (steps, attempts, says) in cases {
        let script = Script::new(steps.clone());
        // Only an attempt that waits for a silent server ends early.
        let silent = steps.iter().any(|step| matches!(step, Step::Stall(_)));
        let policy = quick().attempt_timeout(silent.then_some(Duration::from_secs(2)));
        let api = builder(script.address).retry_policy(policy).build().unwrap();
        let (result, records) = logged(|| api.create_payments(CALL, &params()));
        check(&records, attempts, says);
        if let Err(error) = result {
            clean(&format!("{error} {error:?} {error:#?} {:?}", error.source()));
        } else {
            // The connection is closed while a second request is on its way.
            let (result, records) = logged(|| api.create_payments(CALL, &params()));
            clean(&format!("{:?}", result.unwrap_err()));
            check(&records, 2, "the connection was lost: the kept connection was closed: ");
        }
    }
    let api = builder(nobody()).retry_policy(quick()).build().unwrap();
    let (_, records) = logged(|| api.create_payments(CALL, &params()));
    check(&records, 3, "no connection to 127.0.0.1:");
    let plain = serve(|mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 said-in-a-body\r\n\r\n");
    });
    let api = builder(plain).base_url(format!("https://{plain}")).build().unwrap();
    let (_, records) = logged(|| api.create_payments(CALL, &params()));
    check(&records, 1, "no secure connection to 127.0.0.1:");
    // Without an attempt, nothing is logged.
    api.shutdown();
    let (_, records) = logged(|| api.create_payments(CALL, &params()));
    assert_eq!(records, []);
    let (_, records) = logged(|| api.create_payments("no SID", &params()));
    assert_eq!(records, []);
}

/// Checks that there is a record for each attempt and one for each retry, and what the first one says.
#[track_caller]
fn check(records: &[(Level, String)], attempts: usize, says: &str) {
    let shown = format!("{records:?}");
    clean(&shown);
    assert_eq!(records.len(), 2 * attempts - 1, "{shown}");
    for (index, (level, text)) in records.iter().enumerate() {
        let number = index / 2 + 1;
        if index % 2 == 0 {
            assert_eq!(*level, Level::Debug, "{shown}");
            assert!(text.starts_with(&format!("CreatePayments: attempt {number} took ")), "{shown}");
        } else {
            assert_eq!(*level, Level::Warn, "{shown}");
            let start = format!("CreatePayments: attempt {number} failed; retrying in ");
            assert!(text.starts_with(&start), "{shown}");
        }
    }
    assert!(records[0].1.contains(&format!(": {says}")), "{shown}");
}

/// What `Debug` shows of values, in both forms.
fn debug(values: &[&dyn Debug]) -> String {
    values.iter().map(|value| format!("{value:?}\n{value:#?}")).collect::<Vec<_>>().join("\n")
}

fn display(values: &[&dyn Display]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn no_type_shows_a_secret() {
    let key = "SK00000000000000000000000000000004";
    let credentials = [
        Credentials::auth_token(ACCOUNT, TOKEN).unwrap(),
        Credentials::api_key(ACCOUNT, key, "api-secret").unwrap(),
        Credentials::bearer(ACCOUNT, "bearer-token").unwrap(),
    ];
    for credentials in credentials {
        let builder = PaymentsApi::builder(credentials.clone())
            .proxy("http://user:url-secret@127.0.0.1:9")
            .root_certificate("said-in-a-body");
        let api = PaymentsApi::builder(credentials.clone()).no_proxy().build().unwrap();
        let update = UpdatePaymentsParams::new_complete("https://user:url-secret@example.com/?url-secret");
        let validator = SignatureValidator::new(TOKEN).unwrap();
        let shown = debug(&[
            &credentials,
            &builder,
            &api,
            &params(),
            &update,
            &validator,
            &quick(),
            &RetryPolicy::none(),
        ]);
        clean(&shown);
        assert!(shown.contains(ACCOUNT) && shown.contains("https://…@example.com"), "{shown}");
        // Errors do not repeat the refused value.
        let refusals = [
            Credentials::auth_token("AC", "api-secret\n").unwrap_err(),
            Credentials::auth_token(TOKEN, TOKEN).unwrap_err(),
            Credentials::api_key(ACCOUNT, TOKEN, "x").unwrap_err(),
            Credentials::bearer(ACCOUNT, "bearer-token ").unwrap_err(),
            builder.clone().build().unwrap_err(),
            builder.clone().base_url("https://user:url-secret@example.com").build().unwrap_err(),
            builder.clone().base_url("http://example.com/?url-secret").build().unwrap_err(),
            builder.clone().proxy("socks5://user:url-secret@127.0.0.1:9").build().unwrap_err(),
            builder.clone().proxy("url-secret").build().unwrap_err(),
            builder.clone().user_agent_suffix("bearer-token\n").build().unwrap_err(),
            builder.region("bearer-token/").build().unwrap_err(),
            api.create_payments(TOKEN, &params()).unwrap_err(),
            api.create_payments(CALL, &params().parameter(CARD)).unwrap_err(),
            api.create_payments(CALL, &CreatePaymentsParams::new("x:url-secret \n")).unwrap_err(),
            CARD.parse::<Amount>().unwrap_err(),
        ];
        for error in &refusals {
            clean(&format!("{} {:?}", display(&[error]), debug(&[error, &error.source()])));
        }
        let malformed = StatusCallback::parse(CARD.as_bytes()).unwrap_err();
        clean(&format!("{malformed} {malformed:?}"));
    }
}

#[test]
fn no_result_shows_a_secret() {
    let headers = format!("Twilio-Request-Id: RQ1\r\nX-Echo: {BASIC} {TOKEN}\r\nSet-Cookie: pm_token\r\n");
    let body = payments_json().replace('}', r#","other":"said-in-a-body pm_token"}"#);
    let script = Script::new([Step::Respond(response("201 Created", &headers, &body))]);
    let with = client(script.address).create_payments_with_metadata(CALL, &params()).unwrap();
    let shown = debug(&[&with, &with.payments, &with.metadata, &with.metadata.headers]);
    clean(&shown);
    assert!(shown.contains(SESSION) && shown.contains("x-echo") && shown.contains("RQ1"), "{shown}");

    let body = format!(r#"{{"code":1,"message":"{TOKEN}","details":{{"a":"{BASIC}"}}}} "#);
    let script = Script::new([Step::Respond(response("400 No", &headers, &body))]);
    let error = client(script.address).create_payments(CALL, &params()).unwrap_err();
    let api = error.api_error().unwrap();
    clean(
        &(debug(&[&error, api, &error.outcome(), &error.kind()])
            + &display(&[&error, api, &error.outcome()])),
    );

    let form = format!(
        "AccountSid={ACCOUNT}&CallSid={CALL}&Sid={SESSION}&Capture=payment-card-number&PaymentCardNumber={CARD}\
         &SecurityCode=parameter-secret&ExpirationDate=parameter-secret&PaymentCardPostalCode=parameter-secret\
         &BankAccountNumber=parameter-secret&BankRoutingNumber=parameter-secret&PaymentToken=pm_token\
         &ProfileId=pm_token&PartialResult=true&Unheard=said-in-a-body"
    );
    let callback = StatusCallback::parse(form.as_bytes()).unwrap();
    let shown = debug(&[&callback, &callback.event()]);
    clean(&shown);
    assert!(shown.contains("payment-card-number"), "{shown}");

    let sandbox = Sandbox::builder().auth_token(TOKEN).start().unwrap();
    let call = sandbox.call();
    let api = sandbox.client();
    sandbox.faults().at_random(RandomFaults::new(1, 0.1));
    let session = api.create_payments(call.sid(), &params()).unwrap();
    let complete = UpdatePaymentsParams::new_cancel(CALLBACK);
    api.update_payments(call.sid(), &session.sid, &complete).unwrap();
    let shown = debug(&[
        &sandbox,
        &Sandbox::builder().auth_token(TOKEN),
        &call,
        &sandbox.faults(),
        &sandbox.sessions(),
        &sandbox.transactions(),
        &Fault::DropAfter,
        &api,
        &sandbox.client_builder(),
    ]);
    clean(&shown);
    for secret in [sandbox.auth_token(), sandbox.api_key_secret(), sandbox.access_token()] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let values = debug(&[
        &"1.5".parse::<Amount>().unwrap(),
        &Capture::PaymentCardNumber,
        &CardType::Visa,
        #[cfg(feature = "rustls")]
        &Tls::Rustls,
    ]);
    assert!(values.contains("Visa"), "{values}");
}
