//! What becomes of an ask for one capture.

use super::*;
use crate::model::CaptureError;

#[test]
fn a_failed_ask_is_made_again_with_another_key() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver
        .receives("Capture=payment-card-number&ErrorType=input-timeout&DateUpdated=2021-08-10T03:55:53.001Z");
    driver.expect("order-7-payment-card-number-2");
    driver.ok();
    // The same failure, delivered twice more, and one that does not say what it is about.
    for _ in 0..2 {
        driver.receives(
            "Capture=payment-card-number&ErrorType=input-timeout&DateUpdated=2021-08-10T03:55:53.001Z",
        );
    }
    driver.expect_wait(120);
    driver.receives("Capture=expiration-date&ErrorType=invalid-date&DateUpdated=2021-08-10T03:55:54Z");
    driver.expect_wait(120);
    driver.receives("ErrorType=input-timeout&DateUpdated=2021-08-10T03:55:55Z");
    driver.expect("order-7-payment-card-number-3");
}

#[test]
fn a_failed_entry_is_asked_for_again_even_if_nothing_is_named_as_required() {
    // The service sends empty values for absent ones.
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver.receives("Capture=payment-card-number&ErrorType=invalid-card-number&Required=");
    driver.expect("order-7-payment-card-number-2");
}

#[test]
fn a_session_in_progress_is_not_a_failed_entry() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    for _ in 0..5 {
        driver.receives("Capture=payment-card-number&ErrorType=session-in-progress");
    }
    driver.expect_wait(120);
}

#[test]
fn two_entries_that_differ_are_both_asked_for_again() {
    let params = params().require_matching_inputs([Capture::ExpirationDate]);
    let mut driver = Driver::with(params.idempotency_key("k"));
    driver.expect("k");
    driver.ok();
    for capture in ["payment-card-number", "expiration-date"] {
        driver.expect(&format!("k-{capture}-1"));
        driver.ok();
        driver.receives(&format!("Capture={capture}&PartialResult=false"));
    }
    driver.expect("k-expiration-date-matcher-1");
    driver.ok();
    driver.receives("Capture=expiration-date-matcher&ErrorType=input-matching-failed");
    driver.expect("k-expiration-date-2");
    driver.ok();
    driver.receives("Capture=expiration-date&PartialResult=false");
    driver.expect("k-expiration-date-matcher-2");
}

#[test]
fn an_ask_keeps_its_deadline_whatever_happens() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver.wait(50);
    driver.receives("Capture=payment-card-number&PartialResult=true");
    assert!(!driver.flow.on_callback(&callback(OTHER_SID, "Capture=payment-card-number")));
    driver.expect_wait(70);
    driver.wait(69);
    // A process dies, and another one goes on with the stored flow.
    driver.flow = driver.flow.clone();
    driver.expect_wait(1);
    driver.wait(1);
    driver.flow.on_timeout(driver.now);
    driver.expect("order-7-payment-card-number-2");
    // A request under way has no deadline, and neither has one whose process is gone until that is noticed.
    driver.wait(500);
    driver.flow.on_timeout(driver.now);
    assert_eq!(driver.flow.awaited_key().as_deref(), Some("order-7-payment-card-number-2"));
    driver.expect("order-7-payment-card-number-3");
}

#[test]
fn a_caller_who_is_asked_again_by_a_repeated_request_is_asked_once() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    // The client's first attempt was carried out, and its second one too.
    driver.receives("Capture=payment-card-number&PartialResult=false&Required=expiration-date");
    driver.receives(
        "Capture=payment-card-number&PartialResult=true&Required=payment-card-number,expiration-date",
    );
    driver.ok();
    driver.expect_wait(120);
    driver.receives("Capture=payment-card-number&PartialResult=false&Required=expiration-date");
    driver.expect("order-7-expiration-date-1");
}

#[test]
fn a_failure_that_is_reported_twice_before_the_next_ask_fails_one() {
    let failure = "Capture=payment-card-number&ErrorType=input-timeout&DateUpdated=2021-08-10T03:55:53.001Z";
    for late in [failure, "Capture=payment-card-number&PartialResult=true", "PaymentMethod=credit-card"] {
        let mut driver = Driver::created();
        driver.expect("order-7-payment-card-number-1");
        driver.ok();
        driver.receives(failure);
        driver.receives(late);
        driver.expect("order-7-payment-card-number-2");
    }
}

#[test]
fn a_second_entry_that_fails_by_itself_is_made_again_alone() {
    let params = params().require_matching_inputs([Capture::PaymentCardNumber]);
    let mut driver = Driver::with(params.idempotency_key("k"));
    driver.expect("k");
    driver.ok();
    driver.expect("k-payment-card-number-1");
    driver.ok();
    driver.receives("Capture=payment-card-number&PartialResult=false");
    driver.expect("k-payment-card-number-matcher-1");
    driver.ok();
    driver.receives("Capture=payment-card-number-matcher&ErrorType=input-timeout");
    driver.expect("k-payment-card-number-matcher-2");
}

#[test]
fn an_ask_that_was_not_carried_out_ends_the_payment() {
    let mut driver = Driver::created();
    for _ in 0..3 {
        driver.expect("order-7-payment-card-number-1");
        driver.fails(not_sent());
    }
    driver.expect("order-7-cancel");
    // Nor will it be, if it is refused after a response was lost: the refusal says that the session is over.
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.fails(lost());
    driver.expect("order-7-payment-card-number-1");
    driver.fails(api(400, 64020));
    driver.expect("order-7-cancel");
}

#[test]
fn sixteen_captures_are_asked_for_and_no_more() {
    let mut driver = Driver::created();
    for n in 1..=16 {
        driver.receives(&format!("Required=thing-{n}"));
        driver.expect(&format!("order-7-thing-{n}-1"));
        driver.ok();
    }
    driver.receives("Required=thing-17");
    driver.expect("order-7-cancel");
}

#[test]
fn late_reports_do_not_change_why_a_payment_was_given_up() {
    let mut driver = driver();
    let flow = driver.flow.max_asks(1).unwrap();
    driver.flow = flow.capture_timeout(Duration::from_secs(1)).unwrap();
    driver.expect("order-7");
    driver.ok();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver.receives("Capture=payment-card-number&ErrorType=invalid-card-number");
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.receives("Required=");
    driver.receives("Capture=payment-card-number&PartialResult=true&Required=payment-card-number");
    driver.wait(2);
    let (capture, error) = (Capture::PaymentCardNumber, Some(CaptureError::InvalidCardNumber));
    assert_eq!(reason(&driver.expect_end()), NotPaidReason::CaptureFailed { capture, error });
}
