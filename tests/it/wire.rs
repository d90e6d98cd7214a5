//! The exact bytes on the wire.

use std::net::TcpListener;

use crate::support::*;
use twilio_payments::*;

fn received(requests: &std::sync::mpsc::Receiver<Vec<u8>>) -> String {
    String::from_utf8(requests.recv().unwrap()).unwrap()
}

fn agent() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("twilio-payments/{} ({os} {arch})", env!("CARGO_PKG_VERSION"))
}

#[test]
fn a_creation_to_the_byte() {
    let (address, requests) = scripted([created()]);
    let params = CreatePaymentsParams::new(CALLBACK)
        .idempotency_key("k 1")
        .charge_amount("19.99".parse().unwrap())
        .security_code(false);
    let session = client(address).create_payments(CALL, &params).unwrap();
    assert_eq!(session.sid, SESSION);
    assert_eq!(
        received(&requests),
        format!(
            "POST /2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Payments.json HTTP/1.1\r\n\
             content-length: 106\r\n\
             host: {address}\r\n\
             user-agent: {}\r\n\
             accept: application/json\r\n\
             accept-encoding: identity\r\n\
             content-type: application/x-www-form-urlencoded\r\n\
             authorization: Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXNlY3JldC1hdXRoLXRva2Vu\r\n\
             \r\n\
             IdempotencyKey=k+1&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus&\
             ChargeAmount=19.99&SecurityCode=false",
            agent()
        )
    );
    assert!(requests.try_recv().is_err(), "sent once");
}

#[test]
fn an_update_to_the_byte() {
    let (address, requests) = scripted([response("202 Accepted", "", &payments_json())]);
    let api = builder(address).user_agent_suffix("my-shop/1.2").build().unwrap();
    let params = UpdatePaymentsParams::new_capture(CALLBACK, Capture::ExpirationDate).idempotency_key("k");
    let response = api.update_payments_with_metadata(CALL, SESSION, &params).unwrap();
    assert_eq!((response.metadata.status, response.metadata.attempts), (202, 1));
    assert_eq!(
        received(&requests),
        format!(
            "POST /2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Payments/{SESSION}.json HTTP/1.1\r\n\
             content-length: 90\r\n\
             host: {address}\r\n\
             user-agent: {} my-shop/1.2\r\n\
             accept: application/json\r\n\
             accept-encoding: identity\r\n\
             content-type: application/x-www-form-urlencoded\r\n\
             authorization: Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXNlY3JldC1hdXRoLXRva2Vu\r\n\
             \r\n\
             IdempotencyKey=k&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus&Capture=expiration-date",
            agent()
        )
    );
}

#[test]
fn every_kind_of_credentials() {
    let key = "SK00000000000000000000000000000004";
    for (credentials, header) in [
        (
            Credentials::api_key(ACCOUNT, key, "s3cret").unwrap(),
            "Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwNDpzM2NyZXQ=",
        ),
        (Credentials::bearer(ACCOUNT, "ey.J.x").unwrap(), "Bearer ey.J.x"),
    ] {
        let (address, requests) = scripted([created()]);
        let api = PaymentsApi::builder(credentials).base_url(format!("http://{address}/")).build().unwrap();
        api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
        let request = received(&requests);
        assert!(request.starts_with(&format!("POST /2010-04-01/Accounts/{ACCOUNT}/")), "{request}");
        assert!(request.contains(&format!("\r\nauthorization: {header}\r\n")), "{request}");
    }
}

#[test]
fn another_account_and_a_gateways_path() {
    let (address, requests) = scripted([created()]);
    let api = builder(address).base_url(format!("http://{address}/gate/way/")).build().unwrap();
    let other = "ACffffffffffffffffffffffffffffffff";
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK).account_sid(other)).unwrap();
    let update = UpdatePaymentsParams::new_complete(CALLBACK).account_sid(other);
    api.update_payments(CALL, SESSION, &update).unwrap();
    let start = format!("POST /gate/way/2010-04-01/Accounts/{other}/Calls/{CALL}/Payments");
    assert!(received(&requests).starts_with(&format!("{start}.json HTTP/1.1\r\n")));
    assert!(received(&requests).starts_with(&format!("{start}/{SESSION}.json HTTP/1.1\r\n")));
}

#[test]
fn the_same_value_sends_the_same_bytes() {
    let (address, requests) = scripted([created()]);
    let api = client(address);
    let params = CreatePaymentsParams::new(CALLBACK);
    api.create_payments(CALL, &params).unwrap();
    api.clone().create_payments(CALL, &params.clone()).unwrap();
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    let (first, second, third) = (received(&requests), received(&requests), received(&requests));
    assert_eq!(first, second);
    assert_ne!(first, third);
}

#[test]
fn a_secret_that_a_success_repeats_is_masked() {
    let json = payments_json().replace('{', &format!("{{\"uri\":\"/{TOKEN}\","));
    let (address, _requests) = scripted([response("201 Created", "", &json)]);
    let session = client(address).create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    assert_eq!(session.uri.as_deref(), Some("/[redacted]"));
    assert!(!format!("{session:?}").contains(TOKEN), "{session:?}");
}

#[test]
fn head_and_body_of_any_length_arrive_whole() {
    let (address, requests) = scripted([created()]);
    let api = client(address);
    for length in [0, 1, 7_000, 8_192, 8_193, 40_000, 300_000] {
        let params = CreatePaymentsParams::new(CALLBACK).description("x".repeat(length));
        api.create_payments(CALL, &params).unwrap();
        let request = received(&requests);
        assert!(request.ends_with(&params.to_form().unwrap()), "{length}");
    }
}

#[test]
fn refused_input_reaches_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let api = client(listener.local_addr().unwrap());
    let good = CreatePaymentsParams::new(CALLBACK);
    let hex = "0".repeat(32);
    let bad_sids = ["", "CA#f", "..", "%2e%2e", "CA\n", "CA00000000000000000000000000000002#", "PK", &hex];
    for sid in bad_sids {
        for (result, field) in [
            (api.create_payments(sid, &good), "CallSid"),
            (api.create_payments(CALL, &good.clone().account_sid(sid)), "PathAccountSid"),
            (api.update_payments(sid, SESSION, &UpdatePaymentsParams::new_complete(CALLBACK)), "CallSid"),
            (api.update_payments(CALL, sid, &UpdatePaymentsParams::new_complete(CALLBACK)), "Sid"),
            (
                api.update_payments(
                    CALL,
                    SESSION,
                    &UpdatePaymentsParams::new_complete(CALLBACK).account_sid(sid),
                ),
                "PathAccountSid",
            ),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.field(), Some(field), "{sid:?}");
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::InvalidInput, Outcome::NotSent));
            assert_eq!((error.attempts(), error.is_retryable()), (0, false));
            assert!(error.idempotency_key().is_some());
        }
    }
    for (params, field) in [
        (good.clone().idempotency_key(""), "IdempotencyKey"),
        (CreatePaymentsParams::new(""), "StatusCallback"),
        (CreatePaymentsParams::new("ftp://example.com"), "StatusCallback"),
        (good.clone().timeout(0), "Timeout"),
        (good.clone().timeout(601), "Timeout"),
        (good.clone().min_postal_code_length(0), "MinPostalCodeLength"),
        (good.clone().parameter(serde_json::json!({"a": {}})), "Parameter"),
        (good.clone().parameter("text"), "Parameter"),
        (good.clone().currency("DOLLARS"), "Currency"),
        (good.clone().charge_amount("19.999".parse().unwrap()), "ChargeAmount"),
        (good.clone().charge_amount("0.5".parse().unwrap()).currency("JPY"), "ChargeAmount"),
        (good.clone().valid_card_types(["visa\tamex".into()]), "ValidCardTypes"),
        (good.clone().require_matching_inputs(["a b".into()]), "RequireMatchingInputs"),
        (CreatePaymentsParams::new("https://example.com/<a>"), "StatusCallback"),
    ] {
        let error = api.create_payments(CALL, &params).unwrap_err();
        assert_eq!(error.field(), Some(field));
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::InvalidInput, Outcome::NotSent));
        assert_eq!(error.idempotency_key(), Some(params.idempotency_key.as_str()));
    }
    assert!(listener.accept().is_err(), "nothing may connect");
}
