//! What is read from a request, and what is refused.

use super::*;

fn create(fields: &[(&str, &str)]) -> Result<CreateParameters, Refusal> {
    let mut all = vec![("IdempotencyKey", "k"), ("StatusCallback", "https://example.com/s")];
    all.extend(fields);
    CreateParameters::read(&Form::parse(encoded(&all).as_bytes()))
}

fn update(fields: &[(&str, &str)]) -> Result<UpdateParameters, Refusal> {
    let mut all = vec![("IdempotencyKey", "k"), ("StatusCallback", "/s")];
    all.extend(fields);
    UpdateParameters::read(&Form::parse(encoded(&all).as_bytes()))
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[test]
fn the_order_of_fields_does_not_matter() {
    for (one, other, same) in [
        ("a=1&b=2", "b=2&a=1", true),
        ("a=%41+", "a=A%20", true),
        ("a=1", "a=2", false),
        ("a=1", "a=1&b=2", false),
        ("a=1&a=1", "a=1", false),
        ("a=1&b=2", "a=2&b=1", false),
    ] {
        assert_eq!(Form::are_same(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
    }
}

#[test]
fn defaults() {
    let read = create(&[]).unwrap();
    assert_eq!(read.charge_amount, None);
    assert_eq!((read.currency.as_str(), read.payment_connector.as_str()), ("USD", "Default"));
    assert_eq!((read.postal_code, read.security_code, read.confirmation), (true, true, false));
    assert_eq!((read.timeout, read.min_postal_code_length), (Duration::from_secs(5), 1));
    assert_eq!(read.payment_method, PaymentMethod::CreditCard);
    assert_eq!(read.token_type, TokenType::Reusable);
    assert_eq!(read.bank_account_type, BankAccountType::ConsumerChecking);
    assert_eq!(read.valid_card_types, [CardType::Visa, CardType::Mastercard, CardType::Amex]);
    assert_eq!(read.require_matching_inputs, []);
    // Empty is absent.
    let names = ["ChargeAmount", "Currency", "Timeout", "TokenType", "ValidCardTypes", "Parameter", "Input"];
    assert_eq!(create(&names.map(|name| (name, ""))).unwrap(), read);
}

#[test]
fn all_fields_are_read() {
    let read = create(&[
        ("BankAccountType", "commercial-checking"),
        ("ChargeAmount", "999999.9999"),
        ("Currency", "eur"),
        ("Description", "Zoë's & co."),
        ("Input", "dtmf"),
        ("MinPostalCodeLength", "4"),
        ("Parameter", r#"{"name":"foobar","n":1,"t":true,"z":null}"#),
        ("PaymentConnector", "Elsewhere"),
        ("PaymentMethod", "ach-debit"),
        ("PostalCode", "false"),
        ("SecurityCode", "false"),
        ("Timeout", "600"),
        ("TokenType", "one-time"),
        ("ValidCardTypes", "visa diners-club"),
        ("RequireMatchingInputs", "payment-card-number, postal-code"),
        ("Confirmation", "true"),
    ])
    .unwrap();
    assert_eq!(read.charge_amount, Some(Amount::MAX));
    assert_eq!((read.currency.as_str(), read.payment_connector.as_str()), ("EUR", "Elsewhere"));
    assert_eq!((read.postal_code, read.security_code, read.confirmation), (false, false, true));
    assert_eq!((read.timeout, read.min_postal_code_length), (Duration::from_secs(600), 4));
    assert_eq!(read.payment_method, PaymentMethod::AchDebit);
    assert_eq!(read.token_type, TokenType::OneTime);
    assert_eq!(read.bank_account_type, BankAccountType::CommercialChecking);
    assert_eq!(read.valid_card_types, [CardType::Visa, CardType::DinersClub]);
    assert_eq!(read.require_matching_inputs, [Capture::PaymentCardNumber, Capture::PostalCode]);
}

#[test]
fn wrong_values_are_refused_by_name() {
    for (name, values) in [
        ("BankAccountType", &["savings", "Consumer-Checking"] as &[_]),
        ("ChargeAmount", &["-1", "1000000", "1e3", "NaN", "0.30000000000000004", "1,5", " 1", "+1", "1."]),
        ("Currency", &["US", "DOLLAR", "U5D", "€€€"]),
        ("Input", &["speech", "dtmf speech"]),
        ("MinPostalCodeLength", &["0", "-1", "five", "1.0", "99999999999", "+5"]),
        ("Parameter", &["{'name':'foobar'}", "[]", "1", "null", "{", r#"{"a":{}}"#, r#"{"a":[1]}"#]),
        ("PaymentMethod", &["cash", "Credit-Card", "ach-debit"]),
        ("PostalCode", &["True", "1", "yes"]),
        ("SecurityCode", &["FALSE", "0"]),
        ("Timeout", &["0", "601", "-5", "5s", "5.0"]),
        ("TokenType", &["forever"]),
        ("ValidCardTypes", &["visa,amex", "visa  amex", "laser", "Visa"]),
        ("RequireMatchingInputs", &["bank-account-number", "postal-code security-code", "cvv", ","]),
        ("Confirmation", &["True", "maybe"]),
    ] {
        for value in values {
            let refusal = create(&[(name, value)]).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (400, 20001), "{name} {value}");
            let named = if value == &"ach-debit" { "Parameter" } else { name };
            let start = format!("Invalid parameter {named}: ");
            assert!(refusal.message.starts_with(&start), "{name} {value}: {}", refusal.message);
        }
    }
}

#[test]
fn unknown_repeated_and_missing_names_are_refused() {
    assert_eq!(create(&[("Capture", "x")]).unwrap_err().message, "Unknown parameter Capture");
    assert_eq!(create(&[("timeout", "5")]).unwrap_err().message, "Unknown parameter timeout");
    assert_eq!(update(&[("Timeout", "5")]).unwrap_err().message, "Unknown parameter Timeout");
    let twice = create(&[("Timeout", "5"), ("Timeout", "5")]).unwrap_err();
    assert_eq!(twice.message, "Invalid parameter Timeout: sent more than once");
    for (fields, missing) in [
        (&[("StatusCallback", "/s")] as &[_], "IdempotencyKey"),
        (&[("StatusCallback", "/s"), ("IdempotencyKey", "")], "IdempotencyKey"),
        (&[("IdempotencyKey", "k")], "StatusCallback"),
    ] {
        let expected = format!("Invalid parameter {missing}: required");
        let body = encoded(fields);
        let form = Form::parse(body.as_bytes());
        assert_eq!(CreateParameters::read(&form).unwrap_err().message, expected);
        assert_eq!(UpdateParameters::read(&form).unwrap_err().message, expected);
    }
}

#[test]
fn an_update_asks_for_one_thing() {
    for capture in Capture::KNOWN {
        let read = update(&[("Capture", capture.as_str())]).unwrap();
        assert_eq!(read.step, Step::Capture(capture.clone()));
    }
    assert_eq!(update(&[("Status", "complete")]).unwrap().step, Step::Complete);
    assert_eq!(update(&[("Status", "cancel")]).unwrap().step, Step::Cancel);
    for (fields, named) in [
        (&[] as &[_], "Capture"),
        (&[("Capture", "pin")], "Capture"),
        (&[("Status", "done")], "Status"),
        (&[("Capture", "postal-code"), ("Status", "complete")], "Status"),
    ] {
        let refusal = update(fields).unwrap_err();
        assert!(refusal.message.starts_with(&format!("Invalid parameter {named}: ")), "{refusal:?}");
    }
}

#[test]
fn urls() {
    for url in [
        "https://example.com",
        "HTTP://example.com:8080/a?b=c#d",
        "https://user:pass@example.com/",
        "https://:pass@example.com",
        "http://[::1]:80/",
        "/status",
        "status?x=a:b",
        "./a:b",
        "//example.com/x",
        "?x",
    ] {
        assert_eq!(form::url(url).as_deref(), Ok(url));
    }
    for url in [
        "ftp://example.com",
        "mailto:a@b",
        "https:",
        "https:///x",
        "https://?x",
        "http://:80/",
        "http://u@:80",
        "http://u@",
        "a b",
        "a\nb",
    ] {
        assert!(form::url(url).is_err(), "{url}");
    }
}
