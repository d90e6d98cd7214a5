//! Every name, and every rule for reading.

mod any_bytes;
mod events;
mod recorded;

use super::*;

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

/// One table of every name, its value, and the field or accessor that returns it.
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
        // No other field changed.
        for &(other, _, read_other) in table.iter().filter(|row| row.0 != name) {
            assert_eq!(read_other(&callback), None, "{other} by {name}");
        }
        // An empty value is absent, but an empty list is a list. A later value that is not empty counts.
        let callback = form(&[(name, ""), ("Sid", SID)]);
        assert_eq!((read(&callback), others(&callback)), (None, vec![]), "{name}");
        if name == "Required" {
            assert_eq!(callback.required(), Some(&[][..]));
        } else {
            assert_eq!(callback, form(&[("Sid", SID)]), "{name}");
        }
        let callback = form(&[(name, ""), ("Sid", SID), (name, value), (name, "")]);
        assert_eq!((read(&callback).as_deref(), others(&callback)), (Some(value), vec![]), "{name}");
        // The first value counts, and a second one is kept.
        let callback = form(&[(name, value), ("Sid", SID), (name, "again")]);
        assert_eq!(read(&callback).as_deref(), Some(value), "{name}");
        if name == "Required" {
            let both = [Capture::SecurityCode, Capture::from("again")];
            assert_eq!(callback.required(), Some(&both[..]));
        } else {
            assert_eq!(others(&callback), [(name, "again")], "{name}");
        }
        // Names are case-sensitive.
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
        // A field that cannot hold the first value takes a later one that it can hold.
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
fn malformed_forms_are_read_as_far_as_possible() {
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
        // The flow adds its own tag at the end.
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
fn callbacks_can_be_sent_between_threads() {
    fn check<T: Clone + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    check::<StatusCallback>();
    check::<Event<'static>>();
}
