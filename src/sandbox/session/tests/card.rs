//! Collecting the captures of a card.

use super::*;
use crate::callback::Event;
use crate::model::CardType;
use Capture::{
    ExpirationDate, PaymentCardNumber, PaymentCardNumberMatcher, PostalCode, PostalCodeMatcher, SecurityCode,
    SecurityCodeMatcher,
};

/// A number that is typed correctly, from the request to the end of the entry.
#[test]
fn digits_arrive_one_by_one() {
    let mut desk = Desk::new(settings());
    assert_eq!(desk.last().event(), Event::Started);
    assert_eq!(desk.ask(&PaymentCardNumber), 1);
    assert!(matches!(desk.last().event(), Event::Typing { shown: None, .. }));
    assert_eq!(desk.press("4242424242424242"), 16);
    for (typed, callback) in desk.sent[1..17].iter().map(parse).enumerate() {
        assert_eq!(callback.capture, Some(PaymentCardNumber));
        assert_eq!(callback.partial_result, Some(true));
        assert_eq!(callback.payment_card_number.as_deref().unwrap_or_default(), "x".repeat(typed));
        assert_eq!(callback.payment_card_type, None);
        assert_eq!(
            callback.required().unwrap(),
            [PaymentCardNumber, ExpirationDate, SecurityCode, PostalCode]
        );
    }
    let last = desk.last();
    assert_eq!(last.partial_result, Some(false));
    assert_eq!(last.payment_card_number.as_deref(), Some("xxxxxxxxxxxx4242"));
    assert_eq!(last.payment_card_type, Some(CardType::Visa));
    assert_eq!(last.required().unwrap(), [ExpirationDate, SecurityCode, PostalCode]);
    assert_eq!((last.error_type, last.attempt), (None, None));
    // Keys that the session does not wait for have no effect.
    assert_eq!(desk.press("123#"), 0);
    assert_eq!(desk.session.next_deadline(), None);
}

/// What is typed, how long the caller then waits, and the result.
#[test]
fn entries() {
    let mut cases: Vec<(Capture, &str, u64, Option<CaptureError>)> = Vec::new();
    let none = None::<CaptureError>;
    let number = CaptureError::InvalidCardNumber;
    let code = CaptureError::InvalidSecurityCode;
    let date = CaptureError::InvalidDate;
    for (typed, wait, error) in [
        ("4242424242424242", 0, &none),
        ("5555555555554444", 0, &none),
        ("4222222222222#", 0, &none),
        ("4222222222222", 5, &none),
        ("4242424242424241#", 0, &Some(number.clone())),
        ("4242424242424241", 5, &Some(number.clone())),
        ("4242", 5, &Some(number.clone())),
        ("4#", 0, &Some(number.clone())),
        ("5555555555554445", 0, &Some(number)),
        ("6011111111111117", 0, &Some(CaptureError::InvalidCardType)),
        ("#", 0, &Some(CaptureError::InputTimeout)),
        ("", 60, &Some(CaptureError::InputTimeout)),
    ] {
        cases.push((PaymentCardNumber, typed, wait, error.clone()));
    }
    for (typed, wait, error) in [
        ("1126", 0, &none),
        ("1226", 0, &none),
        ("1026", 0, &Some(date.clone())),
        ("1326", 0, &Some(date.clone())),
        ("122#", 0, &Some(date.clone())),
        ("122", 5, &Some(date)),
        ("", 60, &Some(CaptureError::InputTimeout)),
    ] {
        cases.push((ExpirationDate, typed, wait, error.clone()));
    }
    for (typed, wait, error) in [
        ("123", 0, &none),
        ("12#", 0, &Some(code.clone())),
        ("1", 5, &Some(code)),
        ("", 60, &Some(CaptureError::InputTimeout)),
    ] {
        cases.push((SecurityCode, typed, wait, error.clone()));
    }
    for (typed, wait, error) in [
        ("94109#", 0, &none),
        ("94109", 5, &none),
        ("9410994109", 0, &none),
        ("9410#", 0, &Some(CaptureError::InvalidPostalCode)),
        ("", 60, &Some(CaptureError::InputTimeout)),
    ] {
        cases.push((PostalCode, typed, wait, error.clone()));
    }
    for (capture, typed, wait, error) in cases {
        let mut desk = Desk::new(CreateParameters { min_postal_code_length: 5, ..settings() });
        if capture == SecurityCode {
            desk.ask(&PaymentCardNumber);
            desk.press("4242424242424242");
        }
        desk.ask(&capture);
        desk.press(typed);
        if wait > 0 {
            assert_eq!(desk.last().partial_result, Some(true), "{capture} {typed}");
            assert_eq!(desk.wait(Duration::from_millis(wait * 1000 - 1)), 0, "{capture} {typed}");
            assert_eq!(desk.wait(Duration::from_millis(1)), 1, "{capture} {typed}");
        }
        let last = desk.last();
        assert_eq!(last.partial_result, Some(false), "{capture} {typed}");
        assert_eq!(last.error_type, error, "{capture} {typed}");
        assert_eq!(last.attempt, error.as_ref().map(|_| 1), "{capture} {typed}");
        assert_eq!(last.required().unwrap().contains(&capture), error.is_some(), "{capture} {typed}");
        assert_eq!(desk.session.asking(), None, "{capture} {typed}");
        if error.is_some() && capture == PaymentCardNumber {
            let digits = typed.trim_end_matches('#').len();
            assert_eq!(last.payment_card_number.unwrap_or_default(), "x".repeat(digits), "{typed}");
            assert_eq!(last.payment_card_type, None);
        }
    }
}

#[test]
fn each_key_restarts_the_timeout() {
    let mut desk = Desk::new(CreateParameters { timeout: Duration::from_secs(2), ..settings() });
    desk.ask(&PostalCode);
    assert_eq!(desk.session.next_deadline(), Some(START + Duration::from_secs(60)));
    desk.wait(Duration::from_secs(59));
    for key in ["9", "4", "1"] {
        assert_eq!(desk.press(key), 1);
        assert_eq!(desk.session.next_deadline(), Some(desk.now + Duration::from_secs(2)));
        assert_eq!(desk.wait(Duration::from_millis(1800)), 0);
    }
    // A key that comes too late finds the entry closed, although `tick` was not called in between.
    desk.now += Duration::from_secs(2);
    assert_eq!(desk.press("0"), 1);
    assert_eq!(desk.last().payment_card_postal_code.as_deref(), Some("941"));
    assert_eq!(desk.last().partial_result, Some(false));
}

#[test]
fn the_first_key_may_take_longer() {
    for (timeout, wait) in [(5, 60), (600, 600)] {
        let mut desk = Desk::new(CreateParameters { timeout: Duration::from_secs(timeout), ..settings() });
        desk.ask(&PaymentCardNumber);
        assert_eq!(desk.session.next_deadline(), Some(START + Duration::from_secs(wait)));
    }
}

#[test]
fn security_codes() {
    for (card, typed, error) in [
        ("4242424242424242", "123", None),
        ("378282246310005", "1234", None),
        ("378282246310005", "123#", Some(CaptureError::InvalidSecurityCode)),
    ] {
        let mut desk = Desk::new(settings());
        desk.ask(&PaymentCardNumber);
        desk.press(card);
        desk.ask(&SecurityCode);
        desk.press(typed);
        assert_eq!(desk.last().error_type, error);
        assert_eq!(desk.last().security_code, Some("x".repeat(typed.trim_end_matches('#').len())));
    }
}

#[test]
fn the_card_number_comes_before_the_security_code() {
    let mut desk = Desk::new(settings());
    assert_eq!(desk.ask(&SecurityCode), 1);
    assert_eq!(desk.error(), Some(CaptureError::InvalidCardNumberSecurityCodeCaptureSequence));
    assert_eq!(desk.last().partial_result, Some(false));
    assert_eq!(desk.session.asking(), None);
    assert_eq!(desk.press("123"), 0);
    // The same while the number is asked for again.
    desk.ask(&PaymentCardNumber);
    desk.press("4242424242424242");
    desk.ask(&PaymentCardNumber);
    desk.ask(&SecurityCode);
    assert_eq!(desk.error(), Some(CaptureError::InvalidCardNumberSecurityCodeCaptureSequence));
}

#[test]
fn only_accepted_brands() {
    for (valid, card, error) in [
        (vec![CardType::Visa], "5555555555554444", Some(CaptureError::InvalidCardType)),
        (vec![CardType::Discover], "6011111111111117", None),
        (vec![CardType::Discover], "4242424242424242", Some(CaptureError::InvalidCardType)),
    ] {
        let mut desk = Desk::new(CreateParameters { valid_card_types: valid, ..settings() });
        desk.ask(&PaymentCardNumber);
        desk.press(card);
        assert_eq!(desk.error(), error);
    }
}

#[test]
fn a_capture_can_be_asked_for_again() {
    let mut desk = Desk::new(settings());
    desk.collect();
    assert!(desk.session.required().is_empty());
    // From now on it is required, until there is a new one.
    desk.ask(&PaymentCardNumber);
    assert_eq!(desk.session.required(), [PaymentCardNumber]);
    assert_eq!(desk.last().payment_card_number, None);
    assert_eq!(desk.last().security_code.as_deref(), Some("xxx"));
    desk.press("5555555555554444");
    assert_eq!(desk.last().payment_card_number.as_deref(), Some("xxxxxxxxxxxx4444"));
    assert_eq!(desk.last().payment_card_type, Some(CardType::Mastercard));
    assert!(desk.session.required().is_empty());
    // A card whose security code has another length needs a new one.
    desk.ask(&PaymentCardNumber);
    desk.press("378282246310005");
    assert_eq!(desk.session.required(), [SecurityCode]);
    // Asking for something else discards what was being typed.
    desk.press("99");
    desk.ask(&SecurityCode);
    desk.press("12");
    desk.ask(&ExpirationDate);
    desk.press("1299");
    assert_eq!(desk.session.required(), [SecurityCode]);
}

#[test]
fn only_requested_captures_are_required() {
    for (security_code, postal_code, required) in [
        (true, true, vec![PaymentCardNumber, SecurityCode, ExpirationDate, PostalCode]),
        (false, true, vec![PaymentCardNumber, ExpirationDate, PostalCode]),
        (true, false, vec![PaymentCardNumber, SecurityCode, ExpirationDate]),
        (false, false, vec![PaymentCardNumber, ExpirationDate]),
    ] {
        let mut desk = Desk::new(CreateParameters { postal_code, security_code, ..settings() });
        assert_eq!(desk.session.required(), required);
        // A capture that is not required can still be asked for.
        desk.ask(&PostalCode);
        desk.press("94109#");
        assert_eq!(desk.last().payment_card_postal_code.as_deref(), Some("94109"));
        desk.collect();
        desk.complete();
        assert_eq!(desk.result(), Some(PayResult::Success));
    }
}

#[test]
fn typed_twice() {
    let matching =
        vec![PaymentCardNumber, PostalCode, Capture::BankAccountNumber, Capture::from("shoe-size")];
    let mut desk = Desk::new(CreateParameters { require_matching_inputs: matching, ..settings() });
    let required = [
        PaymentCardNumber,
        PaymentCardNumberMatcher,
        SecurityCode,
        ExpirationDate,
        PostalCode,
        PostalCodeMatcher,
    ];
    assert_eq!(desk.session.required(), required);
    // There is no first entry yet.
    desk.ask(&PaymentCardNumberMatcher);
    assert_eq!(desk.error(), Some(CaptureError::InputMatchingFailed));
    assert_eq!(desk.session.asking(), None);

    desk.ask(&PaymentCardNumber);
    desk.press("4242424242424242");
    assert_eq!(desk.session.required(), required[1..]);
    // Another valid number is not the same number; both must be typed again.
    desk.ask(&PaymentCardNumberMatcher);
    desk.press("4111111111111111");
    assert_eq!(desk.error(), Some(CaptureError::InputMatchingFailed));
    assert_eq!(desk.last().capture, Some(PaymentCardNumberMatcher));
    assert_eq!(desk.last().payment_card_number, Some("x".repeat(16)));
    assert_eq!(desk.session.required(), required);

    desk.ask(&PaymentCardNumber);
    desk.press("4242424242424242");
    desk.ask(&PaymentCardNumberMatcher);
    assert_eq!(desk.last().required().unwrap()[0], PaymentCardNumberMatcher);
    desk.press("424");
    assert_eq!(desk.last().payment_card_number.as_deref(), Some("xxx"));
    desk.press("2424242424242");
    assert_eq!(desk.error(), None);
    assert_eq!(desk.last().payment_card_number.as_deref(), Some("xxxxxxxxxxxx4242"));
    assert_eq!(desk.session.required(), required[2..]);
    // The second entry can be asked for again without the first.
    desk.ask(&PaymentCardNumberMatcher);
    assert_eq!(desk.session.required(), required[1..]);
    desk.press("4242424242424242");
    assert_eq!(desk.session.required(), required[2..]);
    // A new number needs a new second entry.
    desk.ask(&PaymentCardNumber);
    desk.press("4242424242424242");
    assert_eq!(desk.session.required(), required[1..]);

    desk.collect();
    desk.complete();
    assert_eq!(desk.result(), Some(PayResult::Success));
}

#[test]
fn a_second_entry_that_is_not_required_is_refused() {
    let mut desk = Desk::new(CreateParameters { require_matching_inputs: vec![PostalCode], ..settings() });
    for (capture, refusal) in [
        (SecurityCodeMatcher, "does not require matching inputs"),
        (PaymentCardNumberMatcher, "does not require matching inputs"),
        (Capture::BankRoutingNumber, "does not belong to the session's payment method"),
        (Capture::BankAccountNumber, "does not belong to the session's payment method"),
        (Capture::from("shoe-size"), "not one of its values"),
    ] {
        desk.ask(&ExpirationDate);
        let refused = desk.update_at("http://127.0.0.1:2/", UpdateKind::Capture(capture)).unwrap_err();
        assert!(refused.message.contains(refusal), "{refused:?}");
        // A refused update changes nothing.
        assert_eq!(desk.session.asking(), Some(Asking::Capture(ExpirationDate)));
        desk.press("1");
        assert_eq!(&*desk.sent.last().unwrap().url, URL);
    }
}

#[test]
fn attempts_are_counted_for_each_capture() {
    let mut desk = Desk::new(settings());
    for attempt in 1..=5 {
        desk.ask(&PaymentCardNumber);
        desk.press("1#");
        assert_eq!(desk.last().attempt, Some(attempt));
    }
    desk.ask(&ExpirationDate);
    desk.press("1#");
    assert_eq!(desk.last().attempt, Some(1));
    desk.ask(&PaymentCardNumber);
    desk.press("4242424242424242");
    desk.ask(&PaymentCardNumber);
    desk.press("1#");
    assert_eq!(desk.last().attempt, Some(1));
    assert_eq!(desk.result(), None);
}

#[test]
fn the_public_numbers_pass_the_checks() {
    use CardType::{Amex, DinersClub, Discover, Enroute, Jcb, Maestro, Mastercard, Visa};
    for (number, card) in [
        (numbers::VISA, Visa),
        (numbers::MASTERCARD, Mastercard),
        (numbers::AMEX, Amex),
        (numbers::DISCOVER, Discover),
        (numbers::JCB, Jcb),
        (numbers::DINERS_CLUB, DinersClub),
        (numbers::MAESTRO, Maestro),
        (numbers::ENROUTE, Enroute),
        (numbers::DECLINED, Visa),
        (numbers::INSUFFICIENT_FUNDS, Visa),
        (numbers::CONNECTOR_OUTAGE, Visa),
    ] {
        assert_eq!(super::super::cards::check(number, CardType::KNOWN), Ok(card), "{number}");
        assert!(super::super::cards::is_full(number), "{number}");
    }
    assert!(super::super::bank::is_routing_number(numbers::BANK_ROUTING_NUMBER));
    for number in [
        numbers::BANK_ACCOUNT,
        numbers::BANK_ACCOUNT_CLOSED,
        numbers::BANK_INSUFFICIENT_FUNDS,
        numbers::BANK_OUTAGE,
    ] {
        assert!(super::super::bank::is_account_number(number), "{number}");
    }
}

#[test]
fn too_many_attempts() {
    let undocumented = Undocumented { words: true, max_failed_attempts: Some(3) };
    let mut desk = Desk::with(settings(), undocumented);
    for _ in 0..2 {
        desk.ask(&PaymentCardNumber);
        assert_eq!(desk.press("1#"), 2);
    }
    // An attempt at another capture does not count for this one.
    desk.ask(&ExpirationDate);
    desk.press("1#");
    assert_eq!(desk.result(), None);
    desk.ask(&PaymentCardNumber);
    assert_eq!(desk.press("1#"), 3);
    let sent = desk.sent.len();
    assert_eq!(parse(&desk.sent[sent - 2]).attempt, Some(3));
    assert_eq!(desk.result(), Some(PayResult::TooManyFailedAttempts));
    assert_eq!(desk.last().payment_error.as_deref(), Some("invalid-card-number"));
    assert_eq!(desk.session.view.transaction, None);
}
