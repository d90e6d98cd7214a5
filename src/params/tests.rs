use super::check;
use super::{CreatePaymentsParams, UpdatePaymentsParams};
use crate::model::Amount;
use crate::model::{
    BankAccountType, Capture, CardType, PaymentMethod, PaymentsInput, PaymentsStatus, TokenType,
};
use serde_json::{Value, json};
use std::collections::HashSet;

const URL: &str = "https://example.com/status";

fn create() -> CreatePaymentsParams {
    CreatePaymentsParams::new(URL).idempotency_key("k")
}

#[track_caller]
fn refused(params: &CreatePaymentsParams, message: &str) {
    assert_eq!(params.to_form().unwrap_err().to_string(), message);
}

#[test]
fn every_field_is_sent_in_the_documented_order() {
    let params = create()
        .account_sid("AC00000000000000000000000000000001")
        .bank_account_type(BankAccountType::ConsumerSavings)
        .charge_amount(Amount::from_cents(1999).unwrap())
        .currency("GBP")
        .description("a\r\nb & ü")
        .input(PaymentsInput::Dtmf)
        .min_postal_code_length(5)
        .parameter(json!({"name": "foobar"}))
        .payment_connector("stripe_connector")
        .payment_method(PaymentMethod::AchDebit)
        .postal_code(false)
        .security_code(true)
        .timeout(600)
        .token_type(TokenType::OneTime)
        .valid_card_types([CardType::Visa, CardType::from("brand-new")])
        .require_matching_inputs([Capture::PaymentCardNumber, Capture::ExpirationDate])
        .confirmation(true);
    assert_eq!(
        params.to_form().unwrap(),
        "IdempotencyKey=k&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus&\
         BankAccountType=consumer-savings&ChargeAmount=19.99&Currency=GBP&\
         Description=a%0D%0Ab+%26+%C3%BC&Input=dtmf&MinPostalCodeLength=5&\
         Parameter=%7B%22name%22%3A%22foobar%22%7D&PaymentConnector=stripe_connector&\
         PaymentMethod=ach-debit&PostalCode=false&SecurityCode=true&Timeout=600&TokenType=one-time&\
         ValidCardTypes=visa+brand-new&\
         RequireMatchingInputs=payment-card-number%2Cexpiration-date&Confirmation=true"
    );
}

#[test]
fn absent_fields_are_not_sent() {
    let wire = "IdempotencyKey=k&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus";
    assert_eq!(create().to_form().unwrap(), wire);
    let empty_lists = create().valid_card_types([]).require_matching_inputs([]);
    assert_eq!(empty_lists.to_form().unwrap(), wire);
    let update = UpdatePaymentsParams::new(URL).idempotency_key("k");
    assert_eq!(update.to_form().unwrap(), wire);
}

#[test]
fn updates() {
    let wire = |params: UpdatePaymentsParams| {
        let body = params.idempotency_key("k").to_form().unwrap();
        body.rsplit_once("status&").unwrap().1.to_owned()
    };
    assert_eq!(wire(UpdatePaymentsParams::new_capture(URL, Capture::PostalCode)), "Capture=postal-code");
    assert_eq!(wire(UpdatePaymentsParams::new_capture(URL, "iris-scan")), "Capture=iris-scan");
    assert_eq!(wire(UpdatePaymentsParams::new_complete(URL)), "Status=complete");
    assert_eq!(wire(UpdatePaymentsParams::new_cancel(URL)), "Status=cancel");
    let mut both = UpdatePaymentsParams::new_capture(URL, Capture::PostalCode);
    both.status = Some(PaymentsStatus::Complete);
    assert_eq!(wire(both), "Capture=postal-code&Status=complete");
}

#[test]
fn empty_fields_are_not_sent() {
    let wire = "IdempotencyKey=k&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus";
    let empty = create().description("").payment_connector("").bank_account_type("").input("");
    let empty = empty.payment_method("").token_type("").valid_card_types([]);
    assert_eq!(empty.to_form().unwrap(), wire);
    let update = UpdatePaymentsParams::new_capture(URL, "").status("").idempotency_key("k");
    assert_eq!(update.to_form().unwrap(), wire);
}

#[test]
fn the_wire_text_of_an_amount_has_the_decimals_of_its_currency() {
    for (amount, currency, sent) in [
        ("500", Some("JPY"), "500"),
        ("500", Some("jpy"), "500"),
        ("500.00", Some("KRW"), "500"),
        ("0", Some("CLP"), "0"),
        ("19.99", None, "19.99"),
        ("20", None, "20.00"),
        ("20.5", Some("EUR"), "20.50"),
        ("1.5", Some("BHD"), "1.500"),
        ("1.234", Some("kwd"), "1.234"),
        ("1.2345", Some("CLF"), "1.2345"),
        ("1.2345", Some("XTS"), "1.2345"),
        ("1.2", Some("XTS"), "1.20"),
    ] {
        let mut params = create().charge_amount(amount.parse().unwrap());
        params.currency = currency.map(str::to_owned);
        let form = params.to_form().unwrap();
        assert!(format!("{form}&").contains(&format!("&ChargeAmount={sent}&")), "{form}");
    }
    for (amount, currency, decimals) in [
        ("19.999", None, "USD has (2)"),
        ("0.125", Some("EUR"), "EUR has (2)"),
        ("500.5", Some("JPY"), "JPY has (0)"),
        ("0.01", Some("jpy"), "jpy has (0)"),
        ("1.2345", Some("BHD"), "BHD has (3)"),
    ] {
        let mut params = create().charge_amount(amount.parse().unwrap());
        params.currency = currency.map(str::to_owned);
        let reason = format!("more decimals than {decimals}, which the service refuses with code 64003");
        refused(&params, &format!("invalid ChargeAmount: {reason}"));
    }
}

#[test]
fn two_orders_from_one_template_have_two_keys() {
    let template = CreatePaymentsParams::new(URL);
    let first = template.clone().charge_amount(Amount::from_cents(100).unwrap());
    let second = template.clone().charge_amount(Amount::from_cents(200).unwrap()).description("b");
    // The template itself may be used for the second order.
    let key = template.idempotency_key.clone();
    let third = template.charge_amount(Amount::from_cents(300).unwrap());
    let keys = HashSet::from([&first, &second, &third].map(|params| params.idempotency_key.clone()));
    assert_eq!(keys.len(), 3);
    assert!(!keys.contains(&key));
    // From then on, an order is one operation.
    assert_eq!(first.clone().idempotency_key, first.idempotency_key);

    let template = UpdatePaymentsParams::new(URL);
    let number = template.clone().capture(Capture::PaymentCardNumber);
    let date = template.clone().capture(Capture::ExpirationDate);
    assert_ne!(number.idempotency_key, date.idempotency_key);
}

#[test]
fn nothing_else_changes_the_key() {
    let params = CreatePaymentsParams::new(URL);
    let key = params.idempotency_key.clone();
    assert_eq!(params.clone().clone().idempotency_key, key);
    let alone = CreatePaymentsParams::new(URL);
    let key = alone.idempotency_key.clone();
    assert_eq!(alone.timeout(7).description("x").idempotency_key, key);

    // A key that was set by the program stays, whichever way it was set.
    assert_eq!(create().clone().timeout(7).idempotency_key, "k");
    let mut params = CreatePaymentsParams::new(URL);
    params.idempotency_key = "mine".to_owned();
    assert_eq!(params.clone().timeout(7).idempotency_key, "mine");
    let update = UpdatePaymentsParams::new_complete(URL).idempotency_key("mine");
    assert_eq!(update.clone().account_sid("AC").idempotency_key, "mine");
}

#[test]
fn a_copy_with_a_new_key_differs_only_in_the_key() {
    let params = create().timeout(7);
    let other = params.with_new_key();
    assert_ne!(other.idempotency_key, "k");
    assert_ne!(params.with_new_key().idempotency_key, other.idempotency_key);
    assert_eq!(other.clone().idempotency_key("k"), params);
    assert_ne!(other.clone().timeout(8).idempotency_key, other.idempotency_key);
    let update = UpdatePaymentsParams::new_capture(URL, Capture::PostalCode).idempotency_key("k");
    assert_ne!(update.with_new_key().idempotency_key, "k");
    assert_eq!(update.with_new_key().capture, Some(Capture::PostalCode));
}

#[test]
fn serde_uses_the_wire_names() {
    let params = create()
        .account_sid("AC1")
        .charge_amount("19.9".parse().unwrap())
        .currency("")
        .payment_method("barter")
        .postal_code(false)
        .timeout(7)
        .parameter(json!({"AVSName": "A"}))
        .valid_card_types([CardType::Visa]);
    let stored = serde_json::to_value(&params).unwrap();
    assert_eq!(
        stored,
        json!({
            "PathAccountSid": "AC1", "IdempotencyKey": "k", "StatusCallback": URL, "ChargeAmount": "19.90",
            "Currency": "", "PaymentMethod": "barter", "PostalCode": false, "Timeout": 7,
            "Parameter": {"AVSName": "A"}, "ValidCardTypes": ["visa"],
        })
    );
    let read: CreatePaymentsParams = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(read, params);
    assert_eq!(read.clone().timeout(8).idempotency_key, "k");

    let made = CreatePaymentsParams::new(URL);
    let text = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<CreatePaymentsParams>(&text).unwrap(), made);
    let update = UpdatePaymentsParams::new_capture(URL, "iris-scan").account_sid("AC1").status("complete");
    let text = serde_json::to_string(&update).unwrap();
    assert_eq!(serde_json::from_str::<UpdatePaymentsParams>(&text).unwrap(), update);

    for (name, value, reason) in [
        ("ChargeAmont", json!("1"), "unknown field \"ChargeAmont\""),
        ("ChargeAmount", json!(19.9), "invalid ChargeAmount"),
        ("Timeout", json!("hush"), "invalid Timeout"),
        ("Description", json!(null), "invalid Description"),
        ("ValidCardTypes", json!("visa"), "invalid ValidCardTypes"),
    ] {
        let mut stored = stored.clone();
        stored[name] = value;
        let error = serde_json::from_value::<CreatePaymentsParams>(stored).unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
    for missing in ["IdempotencyKey", "StatusCallback"] {
        let mut stored = stored.clone();
        stored.as_object_mut().unwrap().remove(missing);
        let error = serde_json::from_value::<CreatePaymentsParams>(stored).unwrap_err();
        assert_eq!(error.to_string(), format!("missing field `{missing}`"));
    }
}

#[test]
fn a_value_is_one_operation() {
    let params = CreatePaymentsParams::new(URL);
    assert_eq!(params.clone(), params);
    assert_ne!(CreatePaymentsParams::new(URL).idempotency_key, params.idempotency_key);
    assert_ne!(
        UpdatePaymentsParams::new_complete(URL).idempotency_key,
        UpdatePaymentsParams::new_complete(URL).idempotency_key
    );
}

#[test]
fn status_callbacks() {
    for good in [
        "https://example.com",
        "http://example.com:8080/a?b=c#d",
        "HTTPS://example.com/",
        "https://user:pass@example.com/",
        "https://[::1]:8080/",
        "/relative",
        "relative/path",
        "?query=a:b",
        "//example.com/path",
        "./a:b",
        "https://пример.example/",
    ] {
        assert_eq!(check::callback(good), Ok(()), "{good}");
    }
    for (bad, reason) in [
        ("", "empty"),
        ("ftp://example.com", "neither an http(s) URL nor a relative reference"),
        ("javascript:alert(1)", "neither an http(s) URL nor a relative reference"),
        ("mailto:a@example.com", "neither an http(s) URL nor a relative reference"),
        ("example.com:8080/path", "neither an http(s) URL nor a relative reference"),
        (":foo", "neither an http(s) URL nor a relative reference"),
        ("https:", "has no host"),
        ("https://", "has no host"),
        ("https:///path", "has no host"),
        ("https://?x", "has no host"),
        ("https://user@/", "has no host"),
        ("https://:80/", "has no host"),
        ("https:example.com", "has no host"),
        ("https://example.com/a b", "has a space or control character"),
        ("https://example.com/\r\nX: y", "has a space or control character"),
        (" https://example.com", "has a space or control character"),
        ("https://example.com/\"", "has a quote or angle bracket, which must be percent-encoded"),
        ("https://example.com/?a=<b>", "has a quote or angle bracket, which must be percent-encoded"),
        ("/a>b", "has a quote or angle bracket, which must be percent-encoded"),
        ("/a`b", "has a quote or angle bracket, which must be percent-encoded"),
        ("https://u:p@/", "has no host"),
        ("http:example.com", "has no host"),
    ] {
        assert_eq!(check::callback(bad), Err(reason), "{bad}");
        let message = format!("invalid StatusCallback: {reason}");
        refused(&CreatePaymentsParams::new(bad), &message);
        assert_eq!(UpdatePaymentsParams::new_complete(bad).to_form().unwrap_err().to_string(), message);
    }
}

#[test]
fn values_that_the_documentation_calls_invalid() {
    refused(&create().idempotency_key(""), "invalid IdempotencyKey: empty");
    for seconds in [0, 601, u32::MAX] {
        refused(&create().timeout(seconds), "invalid Timeout: outside 1 to 600 seconds");
    }
    refused(&create().min_postal_code_length(0), "invalid MinPostalCodeLength: less than 1");
    let reason = "an item is empty, or contains white space or a comma";
    for item in [
        "",
        " ",
        "visa amex",
        "visa,amex",
        "visa\tamex",
        "visa\namex",
        "visa\u{a0}amex",
        "visa ",
        "\u{2003}visa",
        "\0",
    ] {
        let cards = create().valid_card_types([CardType::Visa, item.into()]);
        refused(&cards, &format!("invalid ValidCardTypes: {reason}"));
        let inputs = create().require_matching_inputs([item.into(), Capture::PostalCode]);
        refused(&inputs, &format!("invalid RequireMatchingInputs: {reason}"));
    }
    for currency in ["", "US", "USDX", "U$D", "ÜS", "US\n"] {
        refused(&create().currency(currency), "invalid Currency: not three letters");
    }
    for parameter in [json!([]), json!("x"), json!(1), json!(true), Value::Null] {
        refused(&create().parameter(parameter), "invalid Parameter: not a JSON object");
    }
    for parameter in [json!({"a": {}}), json!({"a": []}), json!({"a": 1, "b": {"c": 1}})] {
        refused(&create().parameter(parameter), "invalid Parameter: a value is an object or array");
    }
    let update = UpdatePaymentsParams::new_complete(URL).idempotency_key("");
    assert_eq!(update.to_form().unwrap_err().to_string(), "invalid IdempotencyKey: empty");
}

#[test]
fn values_that_only_the_service_checks() {
    for params in [
        create().timeout(1).min_postal_code_length(u32::MAX).currency("usd"),
        create().parameter(json!({})).parameter(json!({"n": null, "b": false, "i": 1, "s": ""})),
        create().payment_method("cheque").token_type("eternal").payment_connector("").description(""),
        create().charge_amount(Amount::ZERO).require_matching_inputs([Capture::BankRoutingNumber]),
    ] {
        params.to_form().unwrap();
    }
}

#[test]
fn debug_leaves_out_what_may_be_secret() {
    let url = "https://user:hush@example.com/status?token=hush";
    let params = CreatePaymentsParams::new(url).parameter(json!({"ssn": "hush"}));
    assert!(!format!("{params:?}").contains("hush"));
    assert!(!format!("{:?}", UpdatePaymentsParams::new_complete(url)).contains("hush"));
    let shown =
        format!("{:?}", create().charge_amount("5".parse().unwrap()).parameter(json!({"ssn": "hush"})));
    assert_eq!(
        shown,
        "CreatePaymentsParams { IdempotencyKey: \"k\", StatusCallback: \"https://example.com/status\", \
         ChargeAmount: Amount(5.00), Parameter: {1 fields} }"
    );
}
