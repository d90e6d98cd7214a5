//! The parameters that are read from a request, and those that are refused.

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
    // An empty string counts as absent.
    let names = ["Currency", "Description", "ValidCardTypes", "RequireMatchingInputs", "Parameter", "Input"];
    assert_eq!(create(&names.map(|name| (name, ""))).unwrap(), read);
}

#[test]
fn all_fields_are_read() {
    let read = create(&[
        ("BankAccountType", "commercial-checking"),
        ("ChargeAmount", "999999.99"),
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
    assert_eq!(read.charge_amount, Some("999999.99".parse().unwrap()));
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
fn invalid_values_are_refused_by_name() {
    for (name, values) in [
        ("BankAccountType", &["savings", "Consumer-Checking", ""] as &[_]),
        (
            "ChargeAmount",
            &["-1", "1000000", "1e3", "NaN", "0.30000000000000004", "1,5", " 1", "+1", "1.", "", "1.005"],
        ),
        ("Input", &["speech", "dtmf speech"]),
        ("MinPostalCodeLength", &["0", "-1", "five", "1.0", "99999999999", "+5", ""]),
        ("Parameter", &["{'name':'foobar'}", "[]", "1", "null", "{", r#"{"a":{}}"#, r#"{"a":[1]}"#]),
        ("PaymentMethod", &["cash", "Credit-Card", ""]),
        ("PostalCode", &["True", "1", "yes", ""]),
        ("SecurityCode", &["FALSE", "0", ""]),
        ("Timeout", &["0", "601", "-5", "5s", "5.0", ""]),
        ("TokenType", &["forever", ""]),
        ("ValidCardTypes", &["visa,amex", "visa  amex", "laser", "Visa"]),
        ("RequireMatchingInputs", &["bank-account-number", "postal-code security-code", "cvv", ","]),
        ("Confirmation", &["True", "maybe", ""]),
    ] {
        for value in values {
            let refusal = create(&[(name, value)]).unwrap_err();
            let code = if name == "ChargeAmount" { 64003 } else { 64020 };
            assert_eq!((refusal.rule.status, refusal.rule.code), (400, code), "{name} {value}");
            let start = format!("Invalid parameter {name}: ");
            assert!(refusal.message.starts_with(&start), "{name} {value}: {}", refusal.message);
        }
    }
}

#[test]
fn unknown_names_are_ignored_and_listed() {
    let mut all = vec![("IdempotencyKey", "k"), ("StatusCallback", "/")];
    all.extend([("Capture", "x"), ("timeout", "0"), ("Timeout", "9")]);
    let body = encoded(&all);
    let form = Form::parse(body.as_bytes());
    assert_eq!(CreateParameters::read(&form).unwrap().timeout, Duration::from_secs(9));
    assert_eq!(form.ignored().collect::<Vec<_>>(), ["Capture", "timeout"]);
}

#[test]
fn repeated_and_missing_names_are_refused() {
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
        assert_eq!(read.kind, UpdateKind::Capture(capture.clone()));
    }
    assert_eq!(update(&[("Status", "complete")]).unwrap().kind, UpdateKind::Complete);
    assert_eq!(update(&[("Status", "cancel")]).unwrap().kind, UpdateKind::Cancel);
    for (fields, code) in [
        (&[] as &[_], 64018),
        (&[("Capture", "postal-code"), ("Status", "complete")], 64018),
        (&[("Capture", "pin")], 64020),
        (&[("Status", "done")], 64020),
        (&[("Capture", "")], 64020),
        (&[("Status", ""), ("Capture", "postal-code")], 64020),
    ] {
        assert_eq!(update(fields).unwrap_err().rule.code, code, "{fields:?}");
    }
}

/// How the service's published document describes a value (`components.schemas`, April 2026).
#[derive(Clone, Copy, PartialEq)]
enum Schema {
    String,
    Number,
    Integer,
    Boolean,
    Enum(&'static [&'static str]),
    /// `{}`: anything.
    Open,
}

/// The request bodies in the document. Both require `IdempotencyKey` and `StatusCallback`.
const DOCUMENT: [&[(&str, Schema)]; 2] = [
    &[
        ("IdempotencyKey", Schema::String),
        ("StatusCallback", Schema::String),
        ("BankAccountType", Schema::Enum(&["consumer-checking", "consumer-savings", "commercial-checking"])),
        ("ChargeAmount", Schema::Number),
        ("Currency", Schema::String),
        ("Description", Schema::String),
        ("Input", Schema::String),
        ("MinPostalCodeLength", Schema::Integer),
        ("Parameter", Schema::Open),
        ("PaymentConnector", Schema::String),
        ("PaymentMethod", Schema::Enum(&["credit-card", "ach-debit"])),
        ("PostalCode", Schema::Boolean),
        ("SecurityCode", Schema::Boolean),
        ("Timeout", Schema::Integer),
        ("TokenType", Schema::Enum(&["one-time", "reusable", "payment-method"])),
        ("ValidCardTypes", Schema::String),
        ("RequireMatchingInputs", Schema::String),
        ("Confirmation", Schema::Enum(&["true", "false"])),
    ],
    &[
        ("IdempotencyKey", Schema::String),
        ("StatusCallback", Schema::String),
        (
            "Capture",
            Schema::Enum(&[
                "payment-card-number",
                "expiration-date",
                "security-code",
                "postal-code",
                "bank-routing-number",
                "bank-account-number",
                "payment-card-number-matcher",
                "expiration-date-matcher",
                "security-code-matcher",
                "postal-code-matcher",
            ]),
        ),
        ("Status", Schema::Enum(&["complete", "cancel"])),
    ],
];

#[test]
fn the_tables_are_those_of_the_published_document() {
    let [of_create, of_update] = DOCUMENT;
    let value = |name: &'static str, schema: Schema| match (name, schema) {
        ("IdempotencyKey" | "StatusCallback", _) => (name, "/"),
        ("PaymentMethod", _) => (name, "ach-debit"),
        (_, Schema::Enum(values)) => (name, values[0]),
        (_, Schema::Boolean) => (name, "true"),
        (_, Schema::Number | Schema::Integer) => (name, "1"),
        (_, Schema::String | Schema::Open) => (name, ""),
    };
    // Exactly these names are read.
    for (document, others, left_out) in
        [(of_create, of_update, ""), (of_update, of_create, "Capture"), (of_update, of_create, "Status")]
    {
        let fields: Vec<_> = document
            .iter()
            .filter(|(name, _)| *name != left_out)
            .chain(others.iter().filter(|other| document.iter().all(|(name, _)| *name != other.0)))
            .map(|(name, schema)| value(name, *schema))
            .collect();
        let body = encoded(&fields);
        let form = Form::parse(body.as_bytes());
        if left_out.is_empty() {
            CreateParameters::read(&form).unwrap();
        } else {
            UpdateParameters::read(&form).unwrap();
        }
        let ignored: Vec<_> = others[2..].iter().map(|(name, _)| *name).collect();
        assert_eq!(form.ignored().collect::<Vec<_>>(), ignored);
    }
    for (document, is_create) in [(of_create, true), (of_update, false)] {
        for (name, schema) in &document[2..] {
            let read = |value: &str| {
                let mut fields = vec![(*name, value)];
                fields.extend((*name == "BankAccountType").then_some(("PaymentMethod", "ach-debit")));
                if is_create { create(&fields).map(drop) } else { update(&fields).map(drop) }
            };
            let (good, bad): (&[&str], &[&str]) = match schema {
                // The reference narrows some of them further; empty is a string.
                Schema::String | Schema::Open => (&[""], &[]),
                Schema::Number => (&["0", "1", "19.99"], &["", "x"]),
                Schema::Integer => (&["1", "5"], &["", "x", "1.5", "true"]),
                Schema::Boolean => (&["true", "false"], &["", "x", "1", "True"]),
                Schema::Enum(values) => (values, &["", "x"]),
            };
            for value in good {
                assert_eq!(read(value), Ok(()), "{name}={value}");
            }
            for value in bad {
                assert!(read(value).is_err(), "{name}={value}");
            }
        }
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
        assert_eq!(check_callback_url(url), Ok(()), "{url}");
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
        assert!(check_callback_url(url).is_err(), "{url}");
    }
}
