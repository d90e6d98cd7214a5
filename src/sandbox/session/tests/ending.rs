//! How sessions end: the last callback, and the effect.

use super::*;
use crate::model::TokenType;

/// A session with everything collected, with this card or account number.
fn collected(settings: CreateParameters, number: &str) -> Desk {
    let mut desk = Desk::new(settings);
    desk.collect();
    let capture = match desk.session.parameters.payment_method {
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
    let done = desk.session.view.transaction.clone().unwrap();
    assert_eq!((done.amount.unwrap().to_string().as_str(), done.currency.as_deref()), ("9.99", Some("USD")));
    assert_eq!(last.payment_confirmation_code, done.confirmation_code);
    assert!(done.confirmation_code.unwrap().starts_with("ch_"));
    assert_eq!((last.payment_token(), last.profile_id()), (None, None));
    assert_eq!((last.payment_error, last.pay_error_code, last.connector_error), (None, None, None));
}

#[test]
fn tokenized() {
    for (amount, token_type, prefix) in [
        (None, TokenType::Reusable, "tok_"),
        (Some(Amount::ZERO), TokenType::OneTime, "tok_"),
        (None, TokenType::PaymentMethod, "pm_"),
    ] {
        let settings =
            CreateParameters { charge_amount: amount, token_type: token_type.clone(), ..settings() };
        let mut desk = collected(settings, numbers::VISA);
        assert_eq!(desk.last().token_type, Some(token_type.clone()));
        desk.complete();
        assert_eq!(desk.result(), Some(PayResult::Success));
        let last = desk.last();
        let done = desk.session.view.transaction.clone().unwrap();
        assert_eq!((done.amount, done.token_type.as_ref()), (None, Some(&token_type)));
        assert!(done.token().unwrap().starts_with(prefix) && done.profile_id().unwrap().starts_with("cus_"));
        assert_eq!(last.payment_token(), done.token());
        assert_eq!(last.profile_id(), done.profile_id());
        assert_eq!(last.payment_confirmation_code, None);
    }
}

#[test]
fn the_connector_refuses() {
    for (ach_debit, number, error, code) in [
        (false, numbers::DECLINED, "card is declined", "card_declined"),
        (false, numbers::INSUFFICIENT_FUNDS, "card is declined", "insufficient_funds"),
        (false, numbers::CONNECTOR_OUTAGE, "payment gateway did not respond", "processing_error"),
        (true, numbers::BANK_ACCOUNT_CLOSED, "bank account is declined", "account_closed"),
        (true, numbers::BANK_INSUFFICIENT_FUNDS, "bank account is declined", "insufficient_funds"),
        (true, numbers::BANK_OUTAGE, "payment gateway did not respond", "processing_error"),
    ] {
        for (amount, pay_error_code) in [(Some(Amount::from_cents(999).unwrap()), 64008), (None, 64010)] {
            let settings = if ach_debit { ach() } else { settings() };
            let mut desk = collected(CreateParameters { charge_amount: amount, ..settings }, number);
            desk.complete();
            assert_eq!(desk.result(), Some(PayResult::PaymentConnectorError), "{number}");
            let last = desk.last();
            assert_eq!(last.payment_error.as_deref(), Some(error));
            assert_eq!(last.connector_error.as_deref(), Some(code));
            assert_eq!(last.pay_error_code, Some(pay_error_code));
            assert_eq!((last.payment_confirmation_code.as_deref(), last.payment_token()), (None, None));
            assert_eq!(desk.session.view.transaction, None);
        }
    }
}

#[test]
fn completed_too_early() {
    let mut desk = Desk::new(CreateParameters { postal_code: false, ..settings() });
    desk.ask(&Capture::PaymentCardNumber);
    desk.press("4242424242424242");
    let sent = desk.sent.len();
    let refused = desk.update(UpdateKind::Complete).unwrap_err();
    assert_eq!(refused.rule.code, 64019);
    assert_eq!(refused.message, "Still required: security-code, expiration-date");
    assert_eq!((desk.result(), desk.sent.len()), (None, sent), "the session goes on");
    desk.collect();
    desk.complete();
    assert_eq!(desk.result(), Some(PayResult::Success));
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
        let mut desk = collected(CreateParameters { confirmation: true, ..settings() }, numbers::VISA);
        assert_eq!(desk.complete(), 0);
        assert_eq!(desk.result(), None);
        assert_eq!(desk.session.asking(), Some(Asking::Confirmation));
        assert_eq!(desk.press(keys), 1, "{keys}");
        assert_eq!(desk.result(), Some(result), "{keys}");
        assert_eq!(desk.last().payment_error.as_deref(), error, "{keys}");
        assert_eq!(desk.session.view.transaction.is_some(), charged, "{keys}");
        // The confirmation only counts once.
        assert_eq!(desk.press("1"), 0);
    }
}

#[test]
fn the_caller_does_not_confirm_in_time() {
    let mut desk = collected(CreateParameters { confirmation: true, ..settings() }, numbers::VISA);
    desk.complete();
    assert_eq!(desk.wait(Duration::from_millis(59_999)), 0);
    assert_eq!(desk.wait(Duration::from_millis(1)), 1);
    assert_eq!(desk.result(), Some(PayResult::Cancelled));
    assert_eq!(desk.last().payment_error.as_deref(), Some("input-timeout"));
    assert_eq!(desk.session.view.transaction, None);

    // An update after the time has passed finds that the session has ended, and the callback is not lost.
    let mut desk = collected(CreateParameters { confirmation: true, ..settings() }, numbers::VISA);
    desk.complete();
    desk.now += Duration::from_secs(60);
    let sent = desk.sent.len();
    assert_over(desk.update(UpdateKind::Complete));
    assert_eq!((desk.sent.len(), desk.result()), (sent + 1, Some(PayResult::Cancelled)));
}

#[test]
fn a_capture_may_be_asked_for_instead_of_the_confirmation() {
    let mut desk = collected(CreateParameters { confirmation: true, ..settings() }, numbers::VISA);
    desk.complete();
    desk.ask(&Capture::PaymentCardNumber);
    desk.press("1#");
    assert_eq!(desk.error(), Some(CaptureError::InvalidCardNumber));
    assert_eq!(desk.result(), None);
    desk.collect();
    desk.complete();
    assert_eq!(desk.session.keys_for(&Answers::default(), desk.now).as_deref(), Some("1"));
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
        (|desk| desk.update(UpdateKind::Cancel).unwrap(), PayResult::Cancelled),
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
            assert_eq!(desk.session.view.transaction, None);
            assert_eq!((desk.session.asking(), desk.session.next_deadline()), (None, None));
            // Nothing happens after the end.
            let sent = desk.sent.len();
            desk.press("4242#*1");
            desk.wait(Duration::from_secs(1000));
            assert!(desk.session.hang_up(desk.now).is_empty());
            for kind in [UpdateKind::Capture(Capture::PostalCode), UpdateKind::Complete, UpdateKind::Cancel] {
                assert_over(desk.update(kind));
            }
            assert_eq!(desk.sent.len(), sent);
            assert_eq!(desk.session.keys_for(&Answers::default(), desk.now), None);
        }
    }
}

#[test]
fn callbacks_go_to_the_newest_url() {
    let mut desk = Desk::new(settings());
    let postal =
        |desk: &mut Desk| desk.update_at("http://127.0.0.1:2/", UpdateKind::Capture(Capture::PostalCode));
    assert_eq!(postal(&mut desk), Ok(1));
    desk.press("9");
    // The old entry's timeout still goes where it was asked for.
    desk.now += Duration::from_secs(5);
    assert_eq!(desk.update_at("/relative", UpdateKind::Capture(Capture::ExpirationDate)), Ok(2));
    let last = desk.session.hang_up(desk.now);
    desk.keep(last);
    let urls: Vec<_> = desk.sent.iter().map(|callback| callback.url.to_string()).collect();
    let second = "http://127.0.0.1:2/";
    assert_eq!(urls, [URL, second, second, second, "/relative", "/relative"]);
}

/// An update of a session that is over is refused.
#[track_caller]
fn assert_over<T: std::fmt::Debug>(updated: Result<T, Refusal>) {
    let refused = updated.unwrap_err();
    assert_eq!(refused.rule.code, 20409);
    assert!(refused.message.contains("is over"), "{refused:?}");
}

#[test]
fn debug_hides_what_was_typed() {
    let mut desk = collected(settings(), numbers::VISA);
    desk.ask(&Capture::PostalCode);
    desk.press("42421234#");
    desk.complete();
    let fields: Vec<_> = desk.sent.iter().map(|callback| &callback.fields).collect();
    for shown in [format!("{:?}", desk.session.view), format!("{fields:?}")] {
        assert!(!shown.contains("4242") && !shown.contains("1234"), "{shown}");
    }
}
