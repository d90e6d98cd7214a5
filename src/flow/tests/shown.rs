//! What people and logs see of a flow and of its ending, word for word.

use super::*;

const REFERENCE: &str = "d48703240a0b6c6d";

#[test]
fn an_ending_in_words() {
    let open = "; the session may be open";
    let unknown = "it is not known whether it was paid: wait for a callback";
    let reference = format!(", or search at the payment processor for {REFERENCE}");
    for (result, shown) in [
        ("Result=success&PaymentConfirmationCode=ch_%0a1", "paid, confirmation code ch_\\n1".to_owned()),
        ("Result=success", "paid".to_owned()),
        (
            "Result=payment-connector-error&PaymentError=no",
            "declined: payment-connector-error, no".to_owned(),
        ),
        ("Result=internal-error", format!("{unknown}{reference}")),
        ("Result=approved", format!("{unknown}{reference}{open}")),
    ] {
        let mut driver = Driver::completing();
        driver.ok();
        driver.receives(result);
        let ending = driver.expect_end();
        assert_eq!(ending.to_string(), shown);
        assert!(!ending.is_not_paid());
        let ending = Ending { reference: None, ..ending };
        assert_eq!(ending.to_string(), shown.replace(&reference, ""));
    }
    let mut driver = Driver::with(CreatePaymentsParams::new(URL));
    driver.next();
    driver.ok();
    driver.receives("Result=success&PaymentToken=tok_1&ProfileId=cus_1");
    assert_eq!(driver.expect_end().to_string(), "the payment method was tokenized");

    let mut driver = super::driver();
    driver.flow.cancel();
    let ending = driver.expect_end();
    assert_eq!(ending.to_string(), "certainly not paid by this flow: the program cancelled it");
    assert!(ending.is_not_paid() && !ending.is_success());
}

#[test]
fn an_ending_for_developers() {
    let bill = "PaymentError=secret-1&ConnectorError=secret-2&PaymentToken=secret-3&ProfileId=secret-4";
    let response = "ResponseDigest { outcome: Unknown, kind: ConnectionLost, status: None, code: None, \
                    request_id: None }";
    for (charges, result, shown) in [
        (true, "Result=success&PaymentConfirmationCode=ch_1", r#"Paid { confirmation_code: Some("ch_1") }"#),
        (false, "Result=success", "Tokenized { .. }"),
        (
            true,
            "Result=validation-error&PayErrorCode=64012",
            "Declined { result: ValidationError, code: Some(64012), .. }",
        ),
        (
            true,
            "Result=cancelled",
            &format!("Unknown {{ result: Some(Cancelled), response: Some({response}) }}"),
        ),
    ] {
        let mut driver = Driver::completing();
        driver.fails(lost());
        driver.receives(&format!("{result}&{bill}"));
        let ending = driver.flow.state.payment(charges);
        assert_eq!(format!("{ending:?}"), shown);
        let result = format!("{:?}", driver.flow.state.result.unwrap());
        assert!(result.starts_with("SessionResult { result: ") && !result.contains("secret"), "{result}");
    }
    let mut driver = driver();
    driver.flow.cancel();
    assert_eq!(format!("{:?}", driver.expect_end().payment), "NotPaid(Cancelled)");
}

#[test]
fn a_flow_for_developers() {
    let params = params().description("secret").idempotency_key("order-\n");
    let mut driver = Driver::with(params);
    driver.next();
    driver.ok();
    let call = format!("call_sid: {CALL:?}");
    assert_eq!(
        format!("{:?}", driver.flow),
        format!(
            "PaymentFlow {{ {call}, key: \"order-\\n\", session_sid: Some({SID:?}), revision: 2, \
             awaited_key: None, ending: None, .. }}"
        )
    );
}
