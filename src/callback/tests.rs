//! Every name, every rule of reading, every event; and that no bytes at all do harm.

use super::*;
use proptest::prelude::*;

const SID: &str = "PK248a4899c8e3311dabc8edadfb9aa07e";

fn parse(rest: &str) -> StatusCallback {
    StatusCallback::parse(format!("Sid={SID}&{rest}").as_bytes()).unwrap()
}

fn others(callback: &StatusCallback) -> Vec<(&str, &str)> {
    callback.others().collect()
}

#[allow(clippy::unnecessary_wraps, reason = "most fields are optional")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

mod recorded {
    use super::*;

    const FIRST: &str = "PaymentConnector=PGP_MOCK&DateCreated=2021-08-10T03%3A55%3A53.408Z\
        &PaymentMethod=credit-card&CallSid=CAfc8f6c8101fca0723d77312b81d8e79a&ChargeAmount=9.99\
        &AccountSid=AC00000000000000000000000000000000&Sid=PK248a4899c8e3311dabc8edadfb9aa07e";
    const CHARGED: &str = "SecurityCode=xxx&PaymentCardType=visa&Sid=PK5967a7414bd0566b5fba68d7728e3923\
        &PaymentConfirmationCode=ch_a9dc6297cd1a4fb095e61b1a9cf2dd1d\
        &CallSid=CAc99f75b7f210edd87b01577c84655b4a&Result=success\
        &AccountSid=AC00000000000000000000000000000000&ProfileId=&DateUpdated=2021-08-10T03%3A58%3A27.290Z\
        &PaymentToken=&PaymentMethod=credit-card&PaymentCardNumber=xxxxxxxxxxxx1111&ExpirationDate=1225";

    /// A tokenization has the same names as a charge, with the confirmation code empty.
    const TOKENIZED: &str = "SecurityCode=xxx&PaymentCardType=visa&Sid=PK5967a7414bd0566b5fba68d7728e3923\
        &PaymentConfirmationCode=&CallSid=CAc99f75b7f210edd87b01577c84655b4a&Result=success\
        &AccountSid=AC00000000000000000000000000000000&ProfileId=cus_JzP2wN9RhY\
        &DateUpdated=2021-08-10T03%3A58%3A27.290Z&PaymentToken=card_1JMqLe2eZvKYlo2C\
        &PaymentMethod=credit-card&PaymentCardNumber=xxxxxxxxxxxx1111&ExpirationDate=1225";

    #[test]
    fn the_last_of_one_that_tokenized() {
        let callback = StatusCallback::parse(TOKENIZED.as_bytes()).unwrap();
        let mut expected = StatusCallback::parse(CHARGED.as_bytes()).unwrap();
        expected.payment_confirmation_code = None;
        expected.payment_token = Some(Withheld::new("card_1JMqLe2eZvKYlo2C".to_owned()));
        expected.profile_id = Some(Withheld::new("cus_JzP2wN9RhY".to_owned()));
        assert_eq!((&callback, callback.form()), (&expected, TOKENIZED));
        assert_eq!(
            callback.event(),
            Event::Succeeded {
                confirmation_code: None,
                token: Some("card_1JMqLe2eZvKYlo2C"),
                profile: Some("cus_JzP2wN9RhY")
            }
        );
        assert_eq!((callback.last_digits(), callback.required()), (Some("1111"), None));
        assert!(callback.is_final());
    }

    #[test]
    fn the_first_of_a_session() {
        let callback = StatusCallback::parse(FIRST.as_bytes()).unwrap();
        let mut expected = StatusCallback::parse(b"Sid=PK248a4899c8e3311dabc8edadfb9aa07e").unwrap();
        expected.account_sid = some("AC00000000000000000000000000000000");
        expected.call_sid = some("CAfc8f6c8101fca0723d77312b81d8e79a");
        expected.payment_connector = some("PGP_MOCK");
        expected.date_created = some("2021-08-10T03:55:53.408Z");
        expected.payment_method = Some(PaymentMethod::CreditCard);
        expected.charge_amount = Some(Amount::from_cents(999).unwrap());
        assert_eq!((&callback, callback.form()), (&expected, FIRST));
        assert_eq!(callback.event(), Event::Started);
        assert!(!callback.is_final());
    }

    #[test]
    fn the_last_of_one_that_charged() {
        let callback = StatusCallback::parse(CHARGED.as_bytes()).unwrap();
        let mut expected = StatusCallback::parse(b"Sid=PK5967a7414bd0566b5fba68d7728e3923").unwrap();
        expected.account_sid = some("AC00000000000000000000000000000000");
        expected.call_sid = some("CAc99f75b7f210edd87b01577c84655b4a");
        expected.date_updated = some("2021-08-10T03:58:27.290Z");
        expected.payment_method = Some(PaymentMethod::CreditCard);
        expected.payment_card_number = some("xxxxxxxxxxxx1111");
        expected.payment_card_type = Some(CardType::Visa);
        expected.expiration_date = some("1225");
        expected.security_code = some("xxx");
        expected.result = Some(PayResult::Success);
        expected.payment_confirmation_code = some("ch_a9dc6297cd1a4fb095e61b1a9cf2dd1d");
        assert_eq!((&callback, callback.form()), (&expected, CHARGED));
        let code = Some("ch_a9dc6297cd1a4fb095e61b1a9cf2dd1d");
        assert_eq!(
            callback.event(),
            Event::Succeeded { confirmation_code: code, token: None, profile: None }
        );
        assert!(callback.is_final());
    }
}

/// One table for every name: what it holds, read back through the field or accessor.
#[test]
fn every_name_has_its_place() {
    type Read = fn(&StatusCallback) -> Option<String>;
    fn shown(value: Option<impl ToString>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    let table: &[(&str, &str, Read)] = &[
        ("AccountSid", "AC1", |c| shown(c.account_sid.as_ref())),
        ("CallSid", "CA1", |c| shown(c.call_sid.as_ref())),
        ("DateCreated", "2021-08-10T03:55:53.408Z", |c| shown(c.date_created.as_ref())),
        ("DateUpdated", "2021-08-10T03:55:54.000Z", |c| shown(c.date_updated.as_ref())),
        ("PaymentConnector", "Default", |c| shown(c.payment_connector.as_ref())),
        ("PaymentMethod", "ach-debit", |c| shown(c.payment_method.as_ref())),
        ("BankAccountType", "consumer-savings", |c| shown(c.bank_account_type.as_ref())),
        ("ChargeAmount", "19.99", |c| shown(c.charge_amount)),
        ("TokenType", "one-time", |c| shown(c.token_type.as_ref())),
        ("Capture", "postal-code", |c| shown(c.capture.as_ref())),
        ("PartialResult", "true", |c| shown(c.partial_result)),
        ("Required", "security-code", |c| shown(c.required().and_then(<[_]>::first))),
        ("ErrorType", "invalid-date", |c| shown(c.error_type.as_ref())),
        ("Attempt", "3", |c| shown(c.attempt)),
        ("PaymentCardNumber", "xxxx-xxxxxx-x4001", |c| shown(c.payment_card_number.as_ref())),
        ("PaymentCardType", "diners-club", |c| shown(c.payment_card_type.as_ref())),
        ("ExpirationDate", "1225", |c| shown(c.expiration_date.as_ref())),
        ("SecurityCode", "***", |c| shown(c.security_code.as_ref())),
        ("PaymentCardPostalCode", "94105", |c| shown(c.payment_card_postal_code.as_ref())),
        ("BankAccountNumber", "*******92", |c| shown(c.bank_account_number.as_ref())),
        ("BankRoutingNumber", "021000021", |c| shown(c.bank_routing_number())),
        ("Result", "caller-hung-up", |c| shown(c.result.as_ref())),
        ("PaymentConfirmationCode", "ch_1", |c| shown(c.payment_confirmation_code.as_ref())),
        ("PaymentToken", "tok_1", |c| shown(c.payment_token())),
        ("ProfileId", "cus_1", |c| shown(c.profile_id())),
        ("PaymentError", "declined", |c| shown(c.payment_error.as_ref())),
        ("PayErrorCode", "64009", |c| shown(c.pay_error_code)),
        ("ConnectorError", "Your card was declined.", |c| shown(c.connector_error.as_ref())),
    ];
    let form = |pairs: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        StatusCallback::parse(body.as_bytes()).unwrap()
    };
    for &(name, value, read) in table {
        let callback = form(&[("Sid", SID), (name, value)]);
        assert_eq!(read(&callback).as_deref(), Some(value), "{name}");
        assert_eq!(others(&callback), [], "{name}");
        // Nothing else moved.
        for &(other, _, read_other) in table.iter().filter(|row| row.0 != name) {
            assert_eq!(read_other(&callback), None, "{other} by {name}");
        }
        // Empty is absent, except that an empty list is a list; a later value that is not empty counts.
        let callback = form(&[(name, ""), ("Sid", SID)]);
        assert_eq!((read(&callback), others(&callback)), (None, vec![]), "{name}");
        if name == "Required" {
            assert_eq!(callback.required(), Some(&[][..]));
        } else {
            assert_eq!(callback, form(&[("Sid", SID)]), "{name}");
        }
        let callback = form(&[(name, ""), ("Sid", SID), (name, value), (name, "")]);
        assert_eq!((read(&callback).as_deref(), others(&callback)), (Some(value), vec![]), "{name}");
        // The first value counts, a further one is kept.
        let callback = form(&[(name, value), ("Sid", SID), (name, "again")]);
        assert_eq!(read(&callback).as_deref(), Some(value), "{name}");
        if name == "Required" {
            let both = [Capture::SecurityCode, Capture::from("again")];
            assert_eq!(callback.required(), Some(&both[..]));
        } else {
            assert_eq!(others(&callback), [(name, "again")], "{name}");
        }
        // Names have a case.
        let lower = name.to_lowercase();
        assert_eq!(others(&form(&[("Sid", SID), (&lower, value)])), [(lower.as_str(), value)]);
    }
}

#[test]
fn strange_values_are_kept() {
    let strange = "s\u{0}range \u{1f980}";
    let encoded = "s%00range+%F0%9F%A6%80";
    let callback = parse(&format!(
        "PaymentMethod={encoded}&BankAccountType={encoded}&TokenType={encoded}&Capture={encoded}\
         &ErrorType={encoded}&PaymentCardType={encoded}&Result={encoded}"
    ));
    assert_eq!(callback.payment_method, Some(PaymentMethod::from(strange)));
    assert_eq!(callback.bank_account_type, Some(BankAccountType::from(strange)));
    assert_eq!(callback.token_type, Some(TokenType::from(strange)));
    assert_eq!(callback.capture, Some(Capture::from(strange)));
    assert_eq!(callback.error_type, Some(CaptureError::from(strange)));
    assert_eq!(callback.payment_card_type, Some(CardType::from(strange)));
    assert_eq!(callback.result, Some(PayResult::from(strange)));
    assert_eq!(others(&callback), []);

    for (name, value) in [
        ("ChargeAmount", "lots"),
        ("ChargeAmount", "-1"),
        ("ChargeAmount", "1000000"),
        ("ChargeAmount", "1e2"),
        ("ChargeAmount", "0.12345"),
        ("Attempt", "first"),
        ("Attempt", "-1"),
        ("Attempt", "4294967296"),
        ("PayErrorCode", "64009x"),
        ("PartialResult", "maybe"),
        ("PartialResult", "1"),
    ] {
        let callback = parse(&format!("{name}={value}"));
        assert_eq!(others(&callback), [(name, value)]);
        assert_eq!(callback.other(name), Some(value));
        assert_eq!(
            (callback.charge_amount, callback.attempt, callback.pay_error_code, callback.partial_result),
            (None, None, None, None)
        );
        // A field that could not be filled takes a later value that it can hold.
        let good = if name == "PartialResult" { "true" } else { "7" };
        let callback = parse(&format!("{name}={value}&{name}={good}"));
        assert_eq!(others(&callback), [(name, value)]);
        assert!(
            callback.charge_amount.is_some()
                || callback.attempt == Some(7)
                || callback.pay_error_code == Some(7)
                || callback.partial_result == Some(true),
            "{name}"
        );
    }
    for (text, value) in [("true", true), ("True", true), ("TRUE", true), ("false", false), ("False", false)]
    {
        assert_eq!(parse(&format!("PartialResult={text}")).partial_result, Some(value));
    }
    for (text, shown) in
        [("9.99", "9.99"), ("10", "10.00"), ("9.9", "9.90"), ("0", "0.00"), ("0.125", "0.125")]
    {
        let amount = parse(&format!("ChargeAmount={text}")).charge_amount.unwrap();
        assert_eq!(amount.to_string(), shown);
    }
}

#[test]
fn unknown_names_are_kept_in_order() {
    let callback = parse("New=1&CallSid=CA1&Another=&=nameless&New=2&Flag&%C3%9C=%C3%BC&CallSid=CA2");
    assert_eq!(
        others(&callback),
        [
            ("New", "1"),
            ("Another", ""),
            ("", "nameless"),
            ("New", "2"),
            ("Flag", ""),
            ("Ü", "ü"),
            ("CallSid", "CA2"),
        ]
    );
    assert_eq!(callback.call_sid.as_deref(), Some("CA1"));
    for (name, value) in [
        ("New", Some("1")),
        ("Flag", Some("")),
        ("", Some("nameless")),
        ("CallSid", Some("CA2")),
        ("Sid", None),
    ] {
        assert_eq!(callback.other(name), value, "{name}");
    }
}

#[test]
fn bytes_that_are_no_clean_form_are_read_as_far_as_they_go() {
    for (body, value) in [
        ("V=%", "%"),
        ("V=%2", "%2"),
        ("V=%zz%2", "%zz%2"),
        ("V=100%25%", "100%%"),
        ("V=a+b%2Bc", "a b+c"),
        ("V=a=b", "a=b"),
        ("V=a;b", "a;b"),
        ("V=a\r\nb", "a\r\nb"),
        ("&&V=a&&", "a"),
        ("V=%FF", "\u{fffd}"),
        ("V=%C3", "\u{fffd}"),
        ("V=%ED%A0%80", "\u{fffd}\u{fffd}\u{fffd}"),
        ("V=%EF%BB%BFa", "\u{feff}a"),
        ("V=%F0%9F%A6%80", "\u{1f980}"),
    ] {
        let callback = parse(body);
        assert_eq!(others(&callback), [("V", value)], "{body}");
    }
    let mut raw = format!("Sid={SID}&V=").into_bytes();
    raw.extend([0xff, b'a', 0xc3]);
    assert_eq!(others(&StatusCallback::parse(&raw).unwrap()), [("V", "\u{fffd}a\u{fffd}")]);
}

#[test]
fn without_a_session_there_is_no_callback() {
    let refused = |body: &[u8], reason: &str| {
        let error = StatusCallback::parse(body).unwrap_err();
        assert_eq!(error.kind(), CallbackErrorKind::Malformed);
        assert_eq!(error.to_string(), reason, "{}", String::from_utf8_lossy(body));
    };
    for body in [
        &b""[..],
        b"&&&",
        b"Sid",
        b"Sid=",
        b"Sid=&Result=success",
        b"sid=PK248a4899c8e3311dabc8edadfb9aa07e",
        b"{\"Sid\":\"PK248a4899c8e3311dabc8edadfb9aa07e\"}",
        b"<html>",
        b"\xff\xfe\x00",
        b"CallSid=CA1&CallStatus=completed",
    ] {
        refused(body, "not a callback of a Payments session: a form with a Sid was expected");
    }
    for sid in [
        "PK",
        "CA248a4899c8e3311dabc8edadfb9aa07e",
        "pk248a4899c8e3311dabc8edadfb9aa07e",
        "PK248a4899c8e3311dabc8edadfb9aa07",
        "PK248a4899c8e3311dabc8edadfb9aa07e0",
        "PK248a4899c8e3311dabc8edadfb9aa07g",
        "PK248a4899c8e3311dabc8edadfb9aa07%0A",
        "+PK248a4899c8e3311dabc8edadfb9aa07e",
        "..",
    ] {
        let reason = "not a callback of a Payments session: its Sid is not PK and 32 hex digits";
        refused(format!("Sid={sid}").as_bytes(), reason);
        // The first one counts.
        refused(format!("Sid={sid}&Sid={SID}").as_bytes(), reason);
    }
    let callback = StatusCallback::parse(format!("Sid=&Sid={SID}&Sid=PK1&Sid=").as_bytes()).unwrap();
    assert_eq!((callback.sid.as_str(), others(&callback)), (SID, vec![("Sid", "PK1")]));
}

#[test]
fn a_megabyte_is_read_in_time_and_more_is_refused() {
    let start = std::time::Instant::now();
    for piece in [
        "a=b&",
        "a&",
        "&",
        "=",
        "%",
        "%41",
        "+",
        "Sid=PK1&",
        "Required=a+b&",
        "Required=x+",
        "Result=&",
        "Result=x&",
    ] {
        let mut body = format!("Sid={SID}&").into_bytes();
        while body.len() < MAX_BODY {
            body.extend(piece.as_bytes());
        }
        body.truncate(MAX_BODY);
        let callback = StatusCallback::parse(&body).unwrap();
        assert_eq!(callback.sid, SID);
        let _ = (callback.event(), format!("{callback:?}"), callback.other("none"));
        body.push(b'&');
        let error = StatusCallback::parse(&body).unwrap_err();
        assert_eq!(error.to_string(), "the callback's body is longer than 1 MiB");
    }
    // A million bytes in one value, and in one name.
    let long = "x".repeat(MAX_BODY - 100);
    assert_eq!(others(&parse(&format!("V={long}"))), [("V", long.as_str())]);
    assert_eq!(others(&parse(&long)), [(long.as_str(), "")]);
    assert_eq!(parse(&format!("CallSid={long}")).call_sid, Some(long));
    // No machine is so slow that it needs this long, unless the time grows with the square of the length.
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}

#[test]
fn events_of_captures() {
    use Capture::{
        BankRoutingNumber, ExpirationDate, PaymentCardNumber, PaymentCardNumberMatcher, SecurityCode,
    };
    for (body, event) in [
        ("DateCreated=2021-08-10T03:55:53.408Z&PaymentConnector=Default", Event::Started),
        ("", Event::Started),
        ("DateUpdated=2021-08-10T03:55:53.408Z", Event::Other),
        ("DateUpdated=2021-08-10T03:55:53.408Z&PartialResult=true", Event::Other),
        (
            "Capture=payment-card-number&PartialResult=true&PaymentCardNumber=xx",
            Event::Typing { capture: &PaymentCardNumber, shown: Some("xx") },
        ),
        (
            "Capture=payment-card-number&PartialResult=true",
            Event::Typing { capture: &PaymentCardNumber, shown: None },
        ),
        (
            "Capture=payment-card-number&PartialResult=false&PaymentCardNumber=xxxxxxxxxxxx4242&Required=x",
            Event::Captured { capture: &PaymentCardNumber, shown: Some("xxxxxxxxxxxx4242") },
        ),
        (
            "Capture=payment-card-number-matcher&PartialResult=false&PaymentCardNumber=xxxxxxxxxxxx4242",
            Event::Captured { capture: &PaymentCardNumberMatcher, shown: Some("xxxxxxxxxxxx4242") },
        ),
        (
            "Capture=ExpirationDate&PartialResult=false&ExpirationDate=1225",
            Event::Captured { capture: &ExpirationDate, shown: Some("1225") },
        ),
        (
            "Capture=bank-routing-number&PartialResult=false&BankRoutingNumber=021000021",
            Event::Captured { capture: &BankRoutingNumber, shown: Some("021000021") },
        ),
        ("Capture=new&PartialResult=false", Event::Captured { capture: &Capture::from("new"), shown: None }),
        // Where PartialResult is missing.
        (
            "Capture=security-code&SecurityCode=xxx&Required=expiration-date",
            Event::Captured { capture: &SecurityCode, shown: Some("xxx") },
        ),
        (
            "Capture=security-code&SecurityCode=x&Required=SecurityCode",
            Event::Typing { capture: &SecurityCode, shown: Some("x") },
        ),
        ("Capture=security-code&Required=", Event::Captured { capture: &SecurityCode, shown: None }),
        // It left the list of what is required, which counts for more than PartialResult.
        (
            "Capture=security-code&PartialResult=true&SecurityCode=xxx&Required=",
            Event::Captured { capture: &SecurityCode, shown: Some("xxx") },
        ),
        (
            "Capture=security-code&PartialResult=true&SecurityCode=x&Required=security-code",
            Event::Typing { capture: &SecurityCode, shown: Some("x") },
        ),
        (
            "Capture=security-code&PartialResult=true&Required=",
            Event::Typing { capture: &SecurityCode, shown: None },
        ),
        // Neither says that it is in.
        (
            "Capture=security-code&SecurityCode=xxx",
            Event::Typing { capture: &SecurityCode, shown: Some("xxx") },
        ),
        ("Capture=security-code", Event::Typing { capture: &SecurityCode, shown: None }),
        (
            "Capture=security-code&ErrorType=invalid-security-code&Attempt=2&PartialResult=false&SecurityCode=xxxx",
            Event::CaptureFailed {
                capture: Some(&SecurityCode),
                reason: &CaptureError::InvalidSecurityCode,
                attempt: Some(2),
            },
        ),
        ("ErrorType=session-in-progress", Event::SessionInProgress),
        (
            "Capture=security-code&ErrorType=new",
            Event::CaptureFailed {
                capture: Some(&SecurityCode),
                reason: &CaptureError::from("new"),
                attempt: None,
            },
        ),
    ] {
        let callback = parse(body);
        assert_eq!(callback.event(), event, "{body}");
        assert!(!callback.is_final(), "{body}");
    }
}

#[test]
fn endings() {
    let failed = |result| Event::Failed { result, error: None, code: None, connector_error: None };
    for (body, event) in [
        (
            "Result=success&PaymentConfirmationCode=ch_1&PaymentToken=",
            Event::Succeeded { confirmation_code: Some("ch_1"), token: None, profile: None },
        ),
        (
            "Result=success&PaymentToken=tok_1&ProfileId=cus_1&Capture=security-code&ErrorType=timeout",
            Event::Succeeded { confirmation_code: None, token: Some("tok_1"), profile: Some("cus_1") },
        ),
        (
            "Result=payment-connector-error&PaymentError=declined&PayErrorCode=64009&ConnectorError=No+funds",
            Event::Failed {
                result: &PayResult::PaymentConnectorError,
                error: Some("declined"),
                code: Some(64009),
                connector_error: Some("No funds"),
            },
        ),
        ("Result=too-many-failed-attempts", failed(&PayResult::TooManyFailedAttempts)),
        ("Result=caller-interrupted-with-star", failed(&PayResult::CallerInterruptedWithStar)),
        ("Result=caller-hung-up", failed(&PayResult::CallerHungUp)),
        ("Result=validation-error", failed(&PayResult::ValidationError)),
        ("Result=internal-error", failed(&PayResult::InternalError)),
        ("Result=Success", Event::UnknownResult { result: &PayResult::from("Success") }),
        (
            "Result=approved&PaymentConfirmationCode=ch_1",
            Event::UnknownResult { result: &PayResult::from("approved") },
        ),
        ("Result=cancelled&ErrorType=timeout", Event::Cancelled),
        ("Result=canceled", Event::Cancelled),
    ] {
        let callback = parse(body);
        assert_eq!(callback.event(), event, "{body}");
        assert!(callback.is_final(), "{body}");
    }
}

#[test]
fn debug_shows_no_secret_and_nothing_typed() {
    let callback = parse(
        "PaymentToken=tok_secret&ProfileId=cus_secret&BankRoutingNumber=021000021&BankAccountNumber=*******92\
         &PaymentCardNumber=4242424242424242&ExpirationDate=1225&SecurityCode=737&PaymentCardPostalCode=94105\
         &New%0AName=surprise&Result=success&PaymentConfirmationCode=ch_1&ChargeAmount=9.99\
         &ConnectorError=%1B%5B31mred&Required=SecurityCode+x%0Ay&Capture=security-code&Attempt=1",
    );
    assert_eq!(
        format!("{callback:?}"),
        r#"StatusCallback { sid: "PK248a4899c8e3311dabc8edadfb9aa07e", capture: "security-code", "#
            .to_owned()
            + "charge_amount: Amount(9.99), attempt: 1, payment_card_number: (16 bytes), "
            + "expiration_date: (4 bytes), security_code: (3 bytes), payment_card_postal_code: (5 bytes), "
            + r#"bank_account_number: (9 bytes), bank_routing_number: (9 bytes), result: "success", "#
            + r#"payment_confirmation_code: "ch_1", payment_token: (10 bytes), profile_id: (10 bytes), "#
            + r#"connector_error: "\u{1b}[31mred", required: ["security-code", "x", "y"], "#
            + r#"others: ["New\nName"], .. }"#
    );
    assert_eq!(
        format!("{:?}", callback.event()),
        r#"Succeeded { confirmation_code: Some("ch_1"), token: Some((10 bytes)), profile: Some((10 bytes)) }"#
    );
    for (body, shown) in [
        ("", "Started"),
        ("DateUpdated=x", "Other"),
        ("Result=cancelled", "Cancelled"),
        (
            "Capture=payment-card-number&PartialResult=true&PaymentCardNumber=4242",
            r#"Typing { capture: "payment-card-number", shown: Some((4 bytes)) }"#,
        ),
        (
            "Capture=security-code&PartialResult=false&SecurityCode=737",
            r#"Captured { capture: "security-code", shown: Some((3 bytes)) }"#,
        ),
        (
            "Capture=security-code&ErrorType=new%0D&SecurityCode=737",
            r#"CaptureFailed { capture: Some("security-code"), reason: "new\r", attempt: None }"#,
        ),
        ("ErrorType=session-in-progress", "SessionInProgress"),
        ("Result=appr%0Aoved", r#"UnknownResult { result: "appr\noved" }"#),
        (
            "Result=internal-error&PaymentError=a%0Ab&PayErrorCode=1&ConnectorError=c",
            r#"Failed { result: "internal-error", error: Some("a\nb"), code: Some(1), connector_error: Some("c") }"#,
        ),
    ] {
        assert_eq!(format!("{:?}", parse(body).event()), shown);
    }
}

#[test]
fn masks_of_all_kinds_end_with_the_last_digits() {
    for (body, digits) in [
        ("PaymentCardNumber=xxxx-xxxxxx-x4001", Some("4001")),
        ("PaymentCardNumber=xxxxxxxxxxxx1111", Some("1111")),
        ("PaymentCardNumber=%E2%80%A2%E2%80%A2%E2%80%A21111+", Some("1111")),
        ("PaymentCardNumber=xxxx", None),
        ("PaymentCardNumber=***", None),
        ("BankAccountNumber=*******92", Some("92")),
        ("BankAccountNumber=*******92&PaymentCardNumber=xxx1", Some("1")),
        ("SecurityCode=xxx", None),
    ] {
        assert_eq!(parse(body).last_digits(), digits, "{body}");
    }
}

#[test]
fn an_error_that_is_encoded_twice_is_read() {
    let callback = parse("PaymentError=card%2520is%2520declined&ConnectorError=a%2520b");
    assert_eq!(callback.payment_error.as_deref(), Some("card is declined"));
    assert_eq!(callback.connector_error.as_deref(), Some("a%20b"));
}

#[test]
fn the_tag_is_in_the_query_of_the_url() {
    for (url, tag) in [
        ("https://h/status?payment_flow=a1", Some("a1")),
        ("https://h/status?order=7&payment_flow=a%201&x", Some("a 1")),
        ("https://h?payment_flow=a1#rc=5&payment_flow=b2", Some("a1")),
        ("/status?payment_flow=a1", Some("a1")),
        // The flow adds its own at the end.
        ("https://h/?payment_flow=old&payment_flow=new", Some("new")),
        ("https://h/?payment_flow=", None),
        ("https://h/?Payment_Flow=a1", None),
        ("https://h/payment_flow=a1", None),
        ("https://h/#?payment_flow=a1", None),
        ("", None),
    ] {
        assert_eq!(parse("").received_at(url).tag(), tag, "{url}");
    }
    assert_eq!(parse("payment_flow=a1").tag(), None);
    let tagged = parse("").received_at("/?payment_flow=a1");
    assert_ne!(tagged, parse(""));
    assert_eq!(tagged.received_at("/"), parse(""));
}

#[test]
fn a_stored_callback_is_the_same_callback() {
    let plain = parse("Result=success&PaymentToken=tok_1&New=%FF&V=a+b");
    let json = serde_json::to_string(&plain).unwrap();
    assert_eq!(json, format!(r#"{{"form":"Sid={SID}&Result=success&PaymentToken=tok_1&New=%FF&V=a+b"}}"#));
    let tagged = plain.clone().received_at("/?payment_flow=a1");
    let tagged_json = serde_json::to_string(&tagged).unwrap();
    assert_eq!(tagged_json, json.replace('}', r#","tag":"a1"}"#));
    for (json, callback) in [(json, plain), (tagged_json, tagged)] {
        let read: StatusCallback = serde_json::from_str(&json).unwrap();
        assert_eq!((&read, read.form()), (&callback, callback.form()));
    }
    for (json, reason) in [
        ("{}", "missing field `form`"),
        (r#"{"tag":"a1"}"#, "missing field `form`"),
        (r#"{"form":"x"}"#, "not a callback of a Payments session: a form with a Sid was expected"),
    ] {
        let error = serde_json::from_str::<StatusCallback>(json).unwrap_err();
        assert!(error.to_string().starts_with(reason), "{error}");
    }
}

#[test]
fn callbacks_travel_between_threads() {
    fn check<T: Clone + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    check::<StatusCallback>();
    check::<Event<'static>>();
}

proptest! {
    #[test]
    fn no_bytes_do_harm(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(StatusCallback::parse(&body).is_err());
        let with_sid = [format!("Sid={SID}&").as_bytes(), &body].concat();
        let callback = StatusCallback::parse(&with_sid).unwrap();
        let _ = (format!("{callback:?} {:?}", callback.event()), callback.required());
        prop_assert_eq!(&StatusCallback::parse(callback.form().as_bytes()).unwrap(), &callback);
    }

    #[test]
    fn unknown_pairs_come_back(
        pairs in prop::collection::vec(("x\\PC{0,8}", any::<String>()), 0..20),
        at in any::<prop::sample::Index>(),
    ) {
        let mut form = pairs.clone();
        form.insert(at.index(pairs.len() + 1), ("Sid".to_owned(), SID.to_owned()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
        let read: Vec<_> = callback.others().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn known_texts_come_back(value in ".{1,40}") {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Sid", SID), ("ConnectorError", &value), ("PaymentToken", &value), ("Result", &value)])
            .finish();
        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(callback.connector_error.as_deref(), Some(&*value));
        prop_assert_eq!(callback.payment_token(), Some(&*value));
        prop_assert_eq!(callback.result.as_ref().map(PayResult::as_str), Some(&*value));
    }

    #[test]
    fn what_is_required_is_complete_and_in_order(
        list in prop::collection::vec(0..Capture::KNOWN.len(), 0..15),
        separator in prop::sample::select(&[",", " ", ", "][..]),
    ) {
        let names: Vec<_> = list.iter().map(|&at| Capture::KNOWN[at].as_str()).collect();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Sid", SID), ("Required", &names.join(separator))])
            .finish();
        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
        let required = callback.required().unwrap();
        for (at, capture) in required.iter().enumerate() {
            prop_assert!(names.contains(&capture.as_str()));
            prop_assert!(!required[..at].contains(capture));
        }
        prop_assert!(names.iter().all(|name| required.contains(&Capture::from(*name))));
        let place = |capture| required.iter().position(|other| *other == capture);
        if let (Some(number), Some(code)) = (place(Capture::PaymentCardNumber), place(Capture::SecurityCode)) {
            prop_assert!(number < code);
        }
    }
}
