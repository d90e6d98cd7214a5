//! What anyone can send to a status callback URL: a path, a signature, and a body.
//!
//! The first line of the input is the URL, the second line is the signature, and the rest is the body.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use twilio_payments::{CallbackRetries, Event, SignatureValidator, StatusCallback};

static VALIDATOR: LazyLock<SignatureValidator> =
    LazyLock::new(|| SignatureValidator::new("old-token").unwrap().with_shared_key("shared-key").unwrap());
static OTHER: LazyLock<SignatureValidator> = LazyLock::new(|| SignatureValidator::new("other-token").unwrap());

const SID: &str = "Sid=PK248a4899c8e3311dabc8edadfb9aa07e&";

const KNOWN: [&str; 29] = [
    "AccountSid",
    "Attempt",
    "BankAccountNumber",
    "BankAccountType",
    "BankRoutingNumber",
    "CallSid",
    "Capture",
    "ChargeAmount",
    "ConnectorError",
    "DateCreated",
    "DateUpdated",
    "ErrorType",
    "ExpirationDate",
    "PartialResult",
    "PayErrorCode",
    "PaymentCardNumber",
    "PaymentCardPostalCode",
    "PaymentCardType",
    "PaymentConfirmationCode",
    "PaymentConnector",
    "PaymentError",
    "PaymentMethod",
    "PaymentToken",
    "ProfileId",
    "Required",
    "Result",
    "SecurityCode",
    "Sid",
    "TokenType",
];

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (url, signature) = (text(), text());
    let body = parts.next().unwrap_or_default();

    let read = StatusCallback::parse(body);
    let with_session = [SID.as_bytes(), body].concat();
    let callback = StatusCallback::parse(&with_session).expect("a form with a session is a callback");
    check(&callback, &with_session);
    if let Ok(callback) = &read {
        check(callback, body);
    }

    // Retries that are read from a URL can be written to it again.
    let retries = CallbackRetries::of_url(&url);
    assert_eq!(CallbackRetries::of_url(&retries.url(&url).unwrap()), retries);

    // A guessed signature is refused, and a correct one is accepted for any URL and body.
    assert!(VALIDATOR.validate(&url, body, Some(&signature)).is_err());
    let scheme = url.split("://").next().unwrap_or_default();
    let as_given = !url.contains('#') && !scheme.bytes().any(|b| b.is_ascii_uppercase());
    for right in [VALIDATOR.sign(&url, body), VALIDATOR.sign_sha256(&url, body)] {
        assert!(OTHER.validate(&url, body, Some(&right)).is_err());
        if as_given && !url.contains("bodySHA256") {
            assert!(VALIDATOR.validate(&url, body, Some(&right)).is_ok());
            let received = VALIDATOR.receive(&url, body, Some(&right)).ok();
            assert_eq!(received, read.as_ref().ok().map(|callback| callback.clone().received_at(&url)));
        }
    }
});

fn check(callback: &StatusCallback, body: &[u8]) {
    let _ = format!("{callback:?} {:?}", callback.event());
    assert_eq!(callback.is_final(), callback.result.is_some());
    assert_eq!(
        callback.is_final(),
        matches!(
            callback.event(),
            Event::Succeeded { .. } | Event::Failed { .. } | Event::Cancelled | Event::UnknownResult { .. }
        )
    );
    let required = callback.required().unwrap_or_default();
    assert!(required.windows(2).all(|pair| pair[0] != pair[1]));

    // A stored callback is read as the same callback.
    let stored = StatusCallback::parse(callback.form().as_bytes()).expect("a callback's own form");
    assert_eq!(&stored, callback);

    // No value without a field is lost.
    let known = |name: &str| KNOWN.contains(&name);
    let sent = form_urlencoded::parse(body).filter(|(name, _)| !known(name));
    let kept = callback.others().filter(|(name, _)| !known(name));
    assert!(sent.eq(kept.map(|(name, value)| (name.into(), value.into()))));
}
