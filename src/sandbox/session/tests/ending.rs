//! How sessions end: what the last callback says, and what effect there was.

use super::*;
use crate::model::TokenType;

/// A session with everything collected, the card or account number as given.
fn collected(settings: Settings, number: &str) -> Desk {
    let mut desk = Desk::new(settings);
    desk.collect();
    let capture = match desk.session.settings().payment_method {
        PaymentMethod::AchDebit => Capture::BankAccountNumber,
        _ => Capture::PaymentCardNumber,
    };
    desk.ask(&capture);
    desk.press(number);
    desk.press("#");
    assert!(desk.session.required().is_empty());
    desk
}

#[test]
fn charged() {
    let mut desk = collected(settings(), numbers::VISA);
    assert_eq!(desk.complete(), 1);
    assert_eq!(desk.result(), Some(PayResult::Success));
    let last = desk.last();
    let Some(Transaction::Charge { amount, currency, confirmation_code }) = desk.session.transaction() else {
        panic!("no charge");
    };
    assert_eq!((amount.to_string().as_str(), currency.as_str()), ("9.99", "USD"));
    assert_eq!(last.payment_confirmation_code.as_ref(), Some(confirmation_code));
    assert!(confirmation_code.starts_with("ch_"));
    assert_eq!((last.payment_token(), last.profile_id()), (None, None));
    assert_eq!((last.charge_amount, last.token_type), (Some(*amount), None));
    assert_eq!((last.payment_error, last.pay_error_code, last.connector_error), (None, None, None));
}

#[test]
fn tokenized() {
    for (amount, token_type, prefix) in [
        (None, TokenType::Reusable, "tok_"),
        (Some(Amount::ZERO), TokenType::OneTime, "tok_"),
        (None, TokenType::PaymentMethod, "pm_"),
    ] {
        let settings = Settings { charge_amount: amount, token_type: token_type.clone(), ..settings() };
        let mut desk = collected(settings, numbers::VISA);
        assert_eq!(desk.last().token_type, Some(token_type.clone()));
        desk.complete();
        assert_eq!(desk.result(), Some(PayResult::Success));
        let last = desk.last();
        let Some(Transaction::Token { token_type: made, token, profile_id }) = desk.session.transaction()
        else {
            panic!("no token");
        };
        assert_eq!(made, &token_type);
        assert!(token.starts_with(prefix) && profile_id.starts_with("cus_"));
        assert_eq!(last.payment_token(), Some(token.as_str()));
        assert_eq!(last.profile_id(), Some(profile_id.as_str()));
        assert_eq!(last.payment_confirmation_code, None);
        assert_eq!((last.charge_amount, last.token_type), (None, Some(token_type)));
    }
}

#[test]
fn the_connector_refuses() {
    for (ach_debit, number, error, code) in [
        (false, numbers::DECLINED, "card is declined", "card_declined"),
        (false, numbers::INSUFFICIENT_FUNDS, "card is declined", "insufficient_funds"),
        (false, numbers::CONNECTOR_OUTAGE, "payment gateway did not answer", "processing_error"),
        (true, numbers::BANK_ACCOUNT_CLOSED, "bank account is declined", "account_closed"),
        (true, numbers::BANK_INSUFFICIENT_FUNDS, "bank account is declined", "insufficient_funds"),
        (true, numbers::BANK_OUTAGE, "payment gateway did not answer", "processing_error"),
    ] {
        for (amount, pay_error_code) in [(Some(Amount::from_cents(999).unwrap()), 64008), (None, 64010)] {
            let settings = if ach_debit { ach() } else { settings() };
            let mut desk = collected(Settings { charge_amount: amount, ..settings }, number);
            desk.complete();
            assert_eq!(desk.result(), Some(PayResult::PaymentConnectorError), "{number}");
            let last = desk.last();
            assert_eq!(last.payment_error.as_deref(), Some(error));
            assert_eq!(last.connector_error.as_deref(), Some(code));
            assert_eq!(last.pay_error_code, Some(pay_error_code));
            assert_eq!((last.payment_confirmation_code.as_deref(), last.payment_token()), (None, None));
            assert_eq!(desk.session.transaction(), None);
        }
    }
}

#[test]
fn completed_too_early() {
    let mut desk = Desk::new(Settings { postal_code: false, ..settings() });
    desk.ask(&Capture::PaymentCardNumber);
    desk.press("4242424242424242");
    desk.complete();
    assert_eq!(desk.result(), Some(PayResult::ValidationError));
    assert_eq!(desk.last().payment_error.as_deref(), Some("missing: security-code, expiration-date"));
    assert_eq!(desk.session.transaction(), None);
}

#[test]
fn the_caller_confirms() {
    for (keys, result, error, charged) in [
        ("1", PayResult::Success, None, true),
        ("0349#1", PayResult::Success, None, true),
        ("2", PayResult::Cancelled, Some("not confirmed by the caller"), false),
        ("32", PayResult::Cancelled, Some("not confirmed by the caller"), false),
        ("*", PayResult::CallerInterruptedWithStar, None, false),
    ] {
        let mut desk = collected(Settings { confirmation: true, ..settings() }, numbers::VISA);
        assert_eq!(desk.complete(), 0);
        assert_eq!(desk.result(), None);
        assert_eq!(desk.session.asking(), Some(Asking::ToConfirm));
        assert_eq!(desk.press(keys), 1, "{keys}");
        assert_eq!(desk.result(), Some(result), "{keys}");
        assert_eq!(desk.last().payment_error.as_deref(), error, "{keys}");
        assert_eq!(desk.session.transaction().is_some(), charged, "{keys}");
        // Once is once.
        assert_eq!(desk.press("1"), 0);
    }
}

#[test]
fn the_caller_does_not_confirm_in_time() {
    let mut desk = collected(Settings { confirmation: true, ..settings() }, numbers::VISA);
    desk.complete();
    assert_eq!(desk.wait(Duration::from_millis(59_999)), 0);
    assert_eq!(desk.wait(Duration::from_millis(1)), 1);
    assert_eq!(desk.result(), Some(PayResult::Cancelled));
    assert_eq!(desk.last().payment_error.as_deref(), Some("input-timeout"));
    assert_eq!(desk.session.transaction(), None);

    // An update that comes when the time is over finds the session ended, and the callback is not lost.
    let mut desk = collected(Settings { confirmation: true, ..settings() }, numbers::VISA);
    desk.complete();
    desk.now += Duration::from_secs(60);
    assert_eq!(desk.complete(), 1);
    assert_eq!(desk.result(), Some(PayResult::Cancelled));
    assert_eq!(desk.session.complete(URL, desk.now), Err(Refusal::Ended));
}

#[test]
fn a_piece_may_be_asked_for_instead_of_the_confirmation() {
    let mut desk = collected(Settings { confirmation: true, ..settings() }, numbers::VISA);
    desk.complete();
    desk.ask(&Capture::PaymentCardNumber);
    desk.press("1#");
    assert_eq!(desk.error(), Some(CaptureError::InvalidCardNumber));
    assert_eq!(desk.result(), None);
    desk.collect();
    desk.complete();
    assert_eq!(answer(&desk.session, desk.now).as_deref(), Some("1"));
    desk.press("1");
    assert_eq!(desk.result(), Some(PayResult::Success));
}

#[test]
fn ended_by_someone() {
    type End = fn(&mut Desk) -> usize;
    let ends: [(End, PayResult); 3] = [
        (|desk| desk.press("*"), PayResult::CallerInterruptedWithStar),
        (
            |desk| {
                let callbacks = desk.session.hang_up(desk.now);
                desk.keep(callbacks)
            },
            PayResult::CallerHungUp,
        ),
        (
            |desk| {
                let callbacks = desk.session.cancel(URL, desk.now).unwrap();
                desk.keep(callbacks)
            },
            PayResult::Cancelled,
        ),
    ];
    for (end, result) in ends {
        // At the start, in the middle of an entry, and with everything collected.
        for stage in 0..3 {
            let mut desk = Desk::new(settings());
            if stage == 1 {
                desk.ask(&Capture::PaymentCardNumber);
                desk.press("4242");
            } else if stage == 2 {
                desk.collect();
            }
            assert_eq!(end(&mut desk), 1);
            assert_eq!(desk.result(), Some(result.clone()));
            assert_eq!(desk.session.transaction(), None);
            assert_eq!((desk.session.asking(), desk.session.next_deadline()), (None, None));
            // Nothing happens after the end.
            let sent = desk.sent.len();
            desk.press("4242#*1");
            desk.wait(Duration::from_secs(1000));
            assert!(desk.session.hang_up(desk.now).is_empty());
            assert!(desk.session.lapse(desk.now).is_empty());
            let over = Err(Refusal::Ended);
            assert_eq!(desk.session.capture(&Capture::PostalCode, URL, desk.now), over);
            assert_eq!(desk.session.complete(URL, desk.now), over);
            assert_eq!(desk.session.cancel(URL, desk.now), over);
            assert_eq!(desk.sent.len(), sent);
            assert_eq!(answer(&desk.session, desk.now), None);
        }
    }
}

#[test]
fn the_newest_url_is_in_force() {
    let mut desk = Desk::new(settings());
    let urls = |callbacks: &[Callback]| callbacks.iter().map(|it| it.url.to_string()).collect::<Vec<_>>();
    let asked = desk.session.capture(&Capture::PostalCode, "http://127.0.0.1:2/", START).unwrap();
    assert_eq!(urls(&asked), ["http://127.0.0.1:2/"]);
    assert_eq!(urls(&desk.session.key('9', START)), ["http://127.0.0.1:2/"]);
    // The old entry's timeout still goes where it was asked for.
    let later = START + Duration::from_secs(5);
    let asked = desk.session.capture(&Capture::ExpirationDate, "/relative", later).unwrap();
    assert_eq!(urls(&asked), ["http://127.0.0.1:2/", "/relative"]);
    assert_eq!(urls(&desk.session.hang_up(later)), ["/relative"]);
}

#[test]
fn debug_hides_what_was_typed() {
    let mut desk = collected(settings(), numbers::VISA);
    desk.ask(&Capture::PostalCode);
    desk.press("42421234#");
    desk.complete();
    for shown in [format!("{:?}", desk.session), format!("{:?}", desk.sent)] {
        assert!(!shown.contains("4242") && !shown.contains("1234"), "{shown}");
    }
}
