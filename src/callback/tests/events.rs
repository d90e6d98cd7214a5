//! Events, and what `Debug` shows of them.

use super::*;

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
        // PartialResult is missing.
        (
            "Capture=security-code&SecurityCode=xxx&Required=expiration-date",
            Event::Captured { capture: &SecurityCode, shown: Some("xxx") },
        ),
        (
            "Capture=security-code&SecurityCode=x&Required=SecurityCode",
            Event::Typing { capture: &SecurityCode, shown: Some("x") },
        ),
        ("Capture=security-code&Required=", Event::Captured { capture: &SecurityCode, shown: None }),
        // It is no longer required, which counts more than PartialResult.
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
        // Neither shows that it is in.
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
        r#"StatusCallback { sid: "PK248a4899c8e3311dabc8edadfb9aa07e", payment_confirmation_code: "ch_1", "#
            .to_owned()
            + r#"connector_error: "\u{1b}[31mred", capture: "security-code", result: "success", "#
            + "charge_amount: Amount(9.99), attempt: 1, bank_routing_number: (9 bytes), "
            + "payment_token: (10 bytes), profile_id: (10 bytes), payment_card_number: (16 bytes), "
            + "expiration_date: (4 bytes), security_code: (3 bytes), payment_card_postal_code: (5 bytes), "
            + r#"bank_account_number: (9 bytes), required: ["security-code", "x", "y"], "#
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
