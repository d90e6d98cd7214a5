use super::check;
use super::{CreatePaymentsParams, UpdatePaymentsParams};
use crate::model::Amount;
use crate::model::{
    BankAccountType, Capture, CardType, PaymentMethod, PaymentsInput, PaymentsStatus, TokenType,
};
use serde_json::{Value, json};

const URL: &str = "https://example.com/status";

fn create() -> CreatePaymentsParams {
    CreatePaymentsParams::new(URL).idempotency_key("k")
}

#[track_caller]
fn refused(params: &CreatePaymentsParams, message: &str) {
    assert_eq!(params.to_form().unwrap_err().to_string(), message);
}

#[test]
fn every_field_goes_out_in_the_documents_order() {
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
fn absent_is_absent() {
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
        ("https:", "a URL without a host"),
        ("https://", "a URL without a host"),
        ("https:///path", "a URL without a host"),
        ("https://?x", "a URL without a host"),
        ("https://user@/", "a URL without a host"),
        ("https://:80/", "a URL without a host"),
        ("https:example.com", "a URL without a host"),
        ("https://example.com/a b", "has a space or control character"),
        ("https://example.com/\r\nX: y", "has a space or control character"),
        (" https://example.com", "has a space or control character"),
    ] {
        assert_eq!(check::callback(bad), Err(reason), "{bad}");
        let message = format!("invalid StatusCallback: {reason}");
        refused(&CreatePaymentsParams::new(bad), &message);
        assert_eq!(UpdatePaymentsParams::new_complete(bad).to_form().unwrap_err().to_string(), message);
    }
}

#[test]
fn values_that_the_documents_call_invalid() {
    refused(&create().idempotency_key(""), "invalid IdempotencyKey: empty");
    for seconds in [0, 601, u32::MAX] {
        refused(&create().timeout(seconds), "invalid Timeout: outside 1 to 600 seconds");
    }
    refused(&create().min_postal_code_length(0), "invalid MinPostalCodeLength: 0, the least is 1");
    for item in ["", "visa amex"] {
        refused(
            &create().valid_card_types([CardType::Visa, item.into()]),
            "invalid ValidCardTypes: an item is empty or has a ' ' in it",
        );
    }
    refused(
        &create().require_matching_inputs(["postal-code,security-code".into()]),
        "invalid RequireMatchingInputs: an item is empty or has a ',' in it",
    );
    for currency in ["", "US", "USDX", "U$D", "ÜS", "US\n"] {
        refused(&create().currency(currency), "invalid Currency: not three letters");
    }
    for parameter in [json!([]), json!("x"), json!(1), json!(true), Value::Null] {
        refused(&create().parameter(parameter), "invalid Parameter: not a JSON object");
    }
    for parameter in [json!({"a": {}}), json!({"a": []}), json!({"a": 1, "b": {"c": 1}})] {
        refused(
            &create().parameter(parameter),
            "invalid Parameter: nested: a value is itself an object or array",
        );
    }
    let update = UpdatePaymentsParams::new_complete(URL).idempotency_key("");
    assert_eq!(update.to_form().unwrap_err().to_string(), "invalid IdempotencyKey: empty");
}

#[test]
fn values_that_the_service_judges() {
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
}
