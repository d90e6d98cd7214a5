//! Callbacks from the sandbox to a receiver: how they are signed, and what happens if their delivery fails.

use std::ffi::OsString;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use twilio_payments::sandbox::{Delivery, Sandbox};
use twilio_payments::{
    CallbackErrorKind, CallbackListener, CallbackRetries, CreatePaymentsParams, Event, SignatureValidator,
};

use crate::support::{read_request, serve};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_shared_key_signs_what_the_listener_receives() {
    let sandbox = Sandbox::builder().shared_key("shared-key").start().unwrap();
    let validator = SignatureValidator::new("auth-token").unwrap().with_shared_key("shared-key").unwrap();
    let listener = CallbackListener::local(validator).unwrap();
    let params = CreatePaymentsParams::new(listener.public_url());
    let session = sandbox.client().create_payments(sandbox.call().sid(), &params).unwrap();
    let callback = listener.recv_timeout(SOON).unwrap();
    assert_eq!((callback.sid.as_str(), callback.event()), (session.sid.as_str(), Event::Started));
    assert!(Sandbox::builder().shared_key("").start().is_err());
}

/// A callback that is answered 5xx is not repeated, and is lost, unless the URL asks for retries.
#[test]
fn a_503_loses_the_callback_unless_retries_are_asked_for() {
    // Answers 503 to the first callback, like a program that restarts, and to every other one after that.
    let receiver = serve(|mut stream, number| {
        read_request(&mut stream).unwrap();
        let status = if number % 2 == 0 { "503 Service Unavailable" } else { "204 No Content" };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let url = format!("http://{receiver}/status");
    let sandbox = Sandbox::start().unwrap();
    let become_of = |url: &str| {
        let params = CreatePaymentsParams::new(url);
        let session = sandbox.client().create_payments(sandbox.call().sid(), &params).unwrap();
        assert!(sandbox.wait_for_delivery(SOON));
        let records = sandbox.callbacks(&session.sid);
        (records[0].delivery, records[0].attempts, records[0].status)
    };
    let retried = CallbackRetries::most().url(&url).unwrap();
    assert_eq!(become_of(&retried), (Delivery::Delivered, 2, Some(204)));
    assert_eq!(become_of(&url), (Delivery::Failed, 1, Some(503)));
}

/// The environment belongs to the process, so each case has one of its own.
#[test]
fn the_validator_reads_the_environment() {
    const CASE: &str = "TWILIO_PAYMENTS_TEST_CASE";
    if let Ok(expected) = std::env::var(CASE) {
        let read = SignatureValidator::from_env();
        let read = read.map_or_else(
            |error| {
                assert_eq!(error.kind(), CallbackErrorKind::InvalidInput);
                error.to_string()
            },
            |_| "a validator".to_owned(),
        );
        assert_eq!(read, expected);
        return;
    }
    let mut cases = vec![
        (Some(OsString::from("auth-token")), "a validator"),
        (Some(OsString::new()), "invalid TWILIO_AUTH_TOKEN: the environment variable is not set"),
        (None, "invalid TWILIO_AUTH_TOKEN: the environment variable is not set"),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(b"auth-\xff".to_vec());
        cases.push((Some(value), "invalid TWILIO_AUTH_TOKEN: the environment variable is not Unicode"));
    }
    for (value, expected) in cases {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "callbacks::the_validator_reads_the_environment"]).env(CASE, expected);
        match value {
            Some(value) => child.env("TWILIO_AUTH_TOKEN", value),
            None => child.env_remove("TWILIO_AUTH_TOKEN"),
        };
        let output = child.output().unwrap();
        assert!(output.status.success(), "{expected}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
