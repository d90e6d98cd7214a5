//! Any text in any field of the parameters. It is either refused, or unchanged in the form and in serde. Only empty text
//! is not sent.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use twilio_payments::{CreatePaymentsParams, Error, UpdatePaymentsParams};

#[derive(Arbitrary, Debug)]
struct Input {
    key: String,
    callback: Callback,
    amount: String,
    texts: [Option<String>; 7],
    numbers: [Option<u32>; 2],
    flags: [Option<bool>; 3],
    card_types: Vec<String>,
    inputs: Vec<String>,
    parameter: Option<Vec<(String, Scalar)>>,
}

#[derive(Arbitrary, Debug)]
enum Callback {
    Any(String),
    Url(String),
}

#[derive(Arbitrary, Debug)]
enum Scalar {
    Text(String),
    Number(i64),
    Float(f64),
    Flag(bool),
    Null,
    Nested(String),
}

impl Scalar {
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Null => Value::Null,
            Self::Nested(text) => vec![text.as_str()].into(),
        }
    }
}

fuzz_target!(|input: Input| {
    let callback = match &input.callback {
        Callback::Any(text) => text.clone(),
        Callback::Url(rest) => format!("https://example.com/{rest}"),
    };
    let mut params = CreatePaymentsParams::new(callback.as_str()).idempotency_key(input.key.as_str());
    params.charge_amount = input.amount.parse().ok();
    let [account, bank, currency, description, connector, method, token] = input.texts;
    params.account_sid = account;
    params.bank_account_type = bank.clone().map(Into::into);
    params.currency = currency.clone();
    params.description = description.clone();
    params.payment_connector = connector.clone();
    params.payment_method = method.clone().map(Into::into);
    params.token_type = token.clone().map(Into::into);
    [params.min_postal_code_length, params.timeout] = input.numbers;
    [params.postal_code, params.security_code, params.confirmation] = input.flags;
    params.valid_card_types = input.card_types.iter().map(|text| text.as_str().into()).collect();
    params.require_matching_inputs = input.inputs.iter().map(|text| text.as_str().into()).collect();
    params.parameter = input
        .parameter
        .map(|fields| fields.iter().map(|(name, value)| (name.clone(), value.value())).collect());
    let _ = format!("{params:?}");

    if let Some(fields) = read(params.to_form()) {
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let flag = |value: Option<bool>| value.map(|value| value.to_string());
        let list = |items: &[String], separator: &str| (!items.is_empty()).then(|| items.join(separator));
        let amount = fields.iter().find(|(name, _)| name == "ChargeAmount");
        assert_eq!(amount.map(|(_, amount)| amount.parse().unwrap()), params.charge_amount, "exactly");
        let expected: Vec<_> = [
            ("IdempotencyKey", Some(input.key)),
            ("StatusCallback", Some(callback.clone())),
            ("BankAccountType", sent(bank)),
            ("ChargeAmount", amount.map(|(_, amount)| amount.clone())),
            ("Currency", currency),
            ("Description", sent(description)),
            ("MinPostalCodeLength", number(params.min_postal_code_length)),
            ("Parameter", params.parameter.as_ref().map(Value::to_string)),
            ("PaymentConnector", sent(connector)),
            ("PaymentMethod", sent(method)),
            ("PostalCode", flag(params.postal_code)),
            ("SecurityCode", flag(params.security_code)),
            ("Timeout", number(params.timeout)),
            ("TokenType", sent(token)),
            ("ValidCardTypes", list(&input.card_types, " ")),
            ("RequireMatchingInputs", list(&input.inputs, ",")),
            ("Confirmation", flag(params.confirmation)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        assert_eq!(fields, expected);
        let separates = |c: char| c == ',' || c.is_whitespace();
        let items = || input.card_types.iter().chain(&input.inputs);
        assert!(!items().any(|item| item.is_empty() || item.contains(separates)), "one item, one value");
        assert!(!callback.contains(['"', '<', '>']), "a URL that can be requested");
    }

    let stored = serde_json::to_string(&params).unwrap();
    // A float may lose its last digit.
    if params.parameter.as_ref().is_none_or(|parameter| !parameter.to_string().contains('.')) {
        assert_eq!(serde_json::from_str::<CreatePaymentsParams>(&stored).unwrap(), params);
    }

    let mut update =
        UpdatePaymentsParams::new_capture(params.status_callback.as_str(), input.amount.as_str());
    update.idempotency_key.clone_from(&params.idempotency_key);
    if let Some(fields) = read(update.to_form()) {
        let values: Vec<_> = fields.into_iter().map(|(_, value)| value).collect();
        let all = [params.idempotency_key, params.status_callback, input.amount];
        assert_eq!(values, all.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>());
    }
});

/// The text that is sent, or `None` if it is empty.
fn sent(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Decodes a form, and checks that no field occurs twice and all characters are allowed in a URL.
fn read(form: Result<String, Error>) -> Option<Vec<(String, String)>> {
    let form = match form {
        Ok(form) => form,
        Err(error) => {
            assert!(error.field().is_some(), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return None;
        }
    };
    assert!(form.bytes().all(|b| b.is_ascii_alphanumeric() || b"*-._+%&=~".contains(&b)), "{form}");
    let fields: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    assert_eq!(fields.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), fields.len());
    Some(fields)
}
