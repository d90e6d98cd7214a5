//! Collecting bank details.

use super::*;
use crate::model::BankAccountType;
use Capture::{BankAccountNumber, BankRoutingNumber};

#[test]
fn entries() {
    let routing = CaptureError::InvalidBankRoutingNumber;
    let account = CaptureError::InvalidBankAccountNumber;
    for (capture, typed, wait, error, shown) in [
        (BankRoutingNumber, "110000000", 0, None, "110000000"),
        (BankRoutingNumber, "121181976", 0, None, "121181976"),
        (BankRoutingNumber, "121181977", 0, Some(&routing), "121181977"),
        (BankRoutingNumber, "12118#", 0, Some(&routing), "12118"),
        (BankRoutingNumber, "12118", 5, Some(&routing), "12118"),
        (BankRoutingNumber, "", 60, Some(&CaptureError::InputTimeout), ""),
        (BankAccountNumber, "508862392#", 0, None, "*******92"),
        (BankAccountNumber, "508862392", 5, None, "*******92"),
        (BankAccountNumber, "12345678901234567", 0, None, "***************67"),
        (BankAccountNumber, "1234#", 0, None, "**34"),
        (BankAccountNumber, "123#", 0, Some(&account), "***"),
        (BankAccountNumber, "12", 5, Some(&account), "**"),
        (BankAccountNumber, "", 60, Some(&CaptureError::InputTimeout), ""),
    ] {
        let mut desk = Desk::new(ach());
        desk.ask(&capture);
        desk.press(typed);
        desk.wait(Duration::from_secs(wait));
        let last = desk.last();
        assert_eq!(last.partial_result, Some(false), "{capture} {typed}");
        assert_eq!(last.error_type.as_ref(), error, "{capture} {typed}");
        assert_eq!(last.shown(&capture).unwrap_or_default(), shown, "{capture} {typed}");
        assert_eq!(last.bank_account_type, Some(BankAccountType::ConsumerChecking));
    }
}

#[test]
fn account_digits_are_hidden_as_they_arrive() {
    let mut desk = Desk::new(ach());
    desk.ask(&BankAccountNumber);
    for typed in 1..=12 {
        desk.press("5");
        assert_eq!(desk.last().bank_account_number, Some("*".repeat(typed)));
        assert_eq!(desk.last().partial_result, Some(true));
    }
}

#[test]
fn a_whole_payment() {
    let mut desk =
        Desk::new(CreateParameters { bank_account_type: BankAccountType::ConsumerSavings, ..ach() });
    assert_eq!(desk.session.required(), [BankRoutingNumber, BankAccountNumber]);
    desk.collect();
    desk.complete();
    assert_eq!(desk.result(), Some(PayResult::Success));
    let last = desk.last();
    assert_eq!(last.payment_method, Some(PaymentMethod::AchDebit));
    assert_eq!(last.bank_account_type, Some(BankAccountType::ConsumerSavings));
    assert_eq!(last.bank_account_number.as_deref(), Some("**********89"));
    assert_eq!(last.bank_routing_number(), Some(numbers::BANK_ROUTING_NUMBER));
    assert!(last.payment_confirmation_code.is_some());
    assert!(desk.session.view.transaction.as_ref().is_some_and(|done| done.amount.is_some()));
}

#[test]
fn captures_of_cards_are_refused() {
    let mut desk = Desk::new(CreateParameters { require_matching_inputs: vec![BankAccountNumber], ..ach() });
    for capture in Capture::KNOWN {
        let refused = desk.update(UpdateKind::Capture(capture.clone())).err();
        let own = matches!(capture, BankRoutingNumber | BankAccountNumber);
        assert_eq!(refused.is_none(), own, "{capture}");
        assert!(refused.is_none_or(|refused| refused.message.contains("payment method")));
    }
    assert_eq!(desk.session.required(), [BankRoutingNumber, BankAccountNumber]);
}
