//! What goes over the wire, to the byte.

mod support;

use std::net::TcpListener;

use support::*;
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
             authorization: Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXNlY3JldC1hdXRoLXRva2Vu\r\n\
             content-type: application/x-www-form-urlencoded\r\n\
             \r\n\
             IdempotencyKey=k+1&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus&\
             ChargeAmount=19.99&SecurityCode=false",
            agent()
        )
    );
    assert!(requests.try_recv().is_err(), "sent once");
}
