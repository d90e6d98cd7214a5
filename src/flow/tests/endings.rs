//! The table of endings: each way to an ending that is certain.

use super::*;

// Paid, tokenized: the service reported `success` for this session, at any time.

#[test]
fn paid_by_the_result_after_complete() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.expect_wait(60);
    driver.receives("Result=success&PaymentConfirmationCode=ch_1&PaymentToken=&ProfileId=");
    let ending = driver.expect_end();
    assert_eq!(ending.payment, PaymentEnding::Paid { confirmation_code: Some("ch_1".to_owned()) });
    assert_eq!((ending.session, ending.session_sid.as_deref()), (SessionEnding::Over, Some(SID)));
    assert_eq!((ending.call_sid.as_str(), ending.key.as_str()), (CALL, "order-7"));
    assert_eq!(ending.reference, driver.flow.reference());
}

#[test]
fn tokenized_if_there_is_no_amount() {
    for params in [CreatePaymentsParams::new(URL), params().charge_amount("0".parse().unwrap())] {
        let mut driver = Driver::with(params);
        driver.next();
        driver.ok();
        driver.receives("Required=");
        driver.receives("Result=success&PaymentToken=tok_1&ProfileId=cus_1&PaymentConfirmationCode=");
        let ending = driver.expect_end();
        let (token, profile) = (Some("tok_1".to_owned()), Some("cus_1".to_owned()));
        assert_eq!(ending.payment, PaymentEnding::Tokenized { token, profile });
        let shown = format!("{ending:?} {:?} {:?}", driver.flow, driver.flow.state);
        assert!(!shown.contains("tok_1") && !shown.contains("cus_1"), "{shown}");
    }
}

#[test]
fn paid_by_a_result_that_comes_before_the_response() {
    let mut driver = Driver::completing();
    driver.receives("Result=success&PaymentConfirmationCode=ch_1");
    assert!(driver.flow.ending().unwrap().is_success());
    driver.fails(lost());
    driver.expect_payment("paid", SessionEnding::Over);
}

#[test]
fn paid_although_every_response_was_a_refusal() {
    for error in [api(429, 20429), api(400, 64019), not_sent(), api(404, 20404)] {
        let mut driver = Driver::completing();
        driver.fails(error);
        driver.receives("Result=success");
        driver.expect_payment("paid", SessionEnding::Over);
    }
}

#[test]
fn paid_although_complete_was_never_begun() {
    let mut driver = Driver::created();
    driver.receives("Result=success");
    driver.expect_payment("paid", SessionEnding::Over);
}

#[test]
fn a_success_counts_even_if_another_callback_is_newer() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.receives("Capture=expiration-date&PartialResult=false&DateUpdated=2021-08-10T03:58:00Z");
    driver.receives("Result=success&DateUpdated=2021-08-10T03:57:00Z");
    driver.expect_payment("paid", SessionEnding::Over);
}

#[test]
fn a_success_corrects_every_ending() {
    // Unknown, because no result came in time.
    let mut driver = Driver::completing();
    driver.ok();
    driver.expect_wait(60);
    driver.wait(60);
    driver.expect_payment("unknown", SessionEnding::PerhapsOpen);
    driver.receives("Result=success");
    driver.expect_payment("paid", SessionEnding::Over);
    // Declined, or unknown because the result settles nothing.
    for result in DECLINES.iter().chain(&SETTLES_NOTHING) {
        let mut driver = Driver::completing();
        driver.ok();
        driver.receives(&format!("Result={result}"));
        let revision = driver.flow.revision();
        assert!(!driver.expect_end().is_success());
        driver.receives("Result=success");
        driver.expect_payment("paid", SessionEnding::Over);
        assert!(driver.flow.revision() > revision);
        driver.receives(&format!("Result={result}"));
        driver.expect_payment("paid", SessionEnding::Over);
    }
    // Not paid.
    let mut driver = Driver::created();
    driver.flow.cancel();
    driver.expect("order-7-cancel");
    driver.fails(api(404, 20404));
    driver.expect_wait(2);
    driver.wait(2);
    driver.expect_payment("not paid", SessionEnding::PerhapsOpen);
    driver.receives("Result=success");
    driver.expect_payment("paid", SessionEnding::Over);
}

#[test]
fn a_success_of_another_session_does_not_count() {
    let mut driver = Driver::completing();
    driver.ok();
    assert!(!driver.flow.on_callback(&callback(OTHER_SID, "Result=success")));
    // Not even with the tag, because the session is known.
    assert!(!driver.tagged(OTHER_SID, "Result=success"));
    driver.expect_wait(60);
}

// Not paid, certain: complete was never begun.

#[test]
fn not_paid_if_the_creation_was_refused_or_not_sent() {
    for error in [not_sent(), api(400, 64021), api(429, 20429), api(401, 20003), api(404, 20404)] {
        let mut driver = driver();
        driver.expect("order-7");
        let digest = ResponseDigest::of(&error);
        driver.fails(error);
        let ending = driver.expect_end();
        assert_eq!(reason(&ending), NotPaidReason::CreateFailed(Some(digest)));
        assert_eq!((ending.session, ending.session_sid), (SessionEnding::NotOpened, None));
    }
}

#[test]
fn not_paid_if_the_session_never_became_known() {
    let mut driver = driver();
    for _ in 0..3 {
        driver.expect("order-7");
        driver.fails(lost());
    }
    driver.expect_wait(20);
    driver.wait(19);
    driver.expect_wait(1);
    driver.wait(1);
    let ending = driver.expect_end();
    assert_eq!(reason(&ending), NotPaidReason::CreateFailed(Some(ResponseDigest::of(&lost()))));
    assert_eq!((ending.session, ending.session_sid), (SessionEnding::PerhapsOpen, None));
}

#[test]
fn not_paid_if_the_session_that_refuses_a_second_creation_stays_unknown() {
    let mut driver = driver();
    driver.expect("order-7");
    driver.fails(lost());
    driver.expect("order-7");
    driver.fails(api(400, 64021));
    driver.expect_wait(20);
    driver.wait(20);
    driver.expect_payment("not paid", SessionEnding::PerhapsOpen);
}

#[test]
fn not_paid_if_a_capture_fails_too_often() {
    let mut driver = Driver::created();
    for n in 1..=3 {
        driver.expect(&format!("order-7-payment-card-number-{n}"));
        driver.ok();
        driver.receives("Capture=payment-card-number&ErrorType=invalid-card-number");
    }
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.receives("Result=cancelled");
    let ending = driver.expect_end();
    let (capture, error) = (Capture::PaymentCardNumber, Some(crate::CaptureError::InvalidCardNumber));
    assert_eq!(reason(&ending), NotPaidReason::CaptureFailed { capture, error });
    assert_eq!(ending.session, SessionEnding::Cancelled);
}

#[test]
fn not_paid_if_a_capture_is_refused() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.fails(api(400, 64020));
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.wait(2);
    let ending = driver.expect_end();
    assert_eq!(reason(&ending), NotPaidReason::StepFailed(ResponseDigest::of(&api(400, 64020))));
    assert_eq!(ending.session, SessionEnding::Cancelled);
}

#[test]
fn not_paid_if_the_service_ends_the_session_first() {
    for result in DECLINES.iter().chain(&["internal-error", "too-many-failed-attempts"]) {
        let mut driver = Driver::created();
        driver.expect("order-7-payment-card-number-1");
        driver.ok();
        driver.receives(&format!("Result={result}"));
        let ending = driver.expect_end();
        assert_eq!(reason(&ending), NotPaidReason::SessionEnded((*result).into()));
        assert_eq!(ending.session, SessionEnding::Over);
    }
}

#[test]
fn not_paid_if_a_capture_is_refused_because_the_caller_has_hung_up() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.fails(api(400, 21220));
    driver.expect("order-7-cancel");
    driver.fails(api(400, 21220));
    driver.expect_wait(2);
    driver.receives("Result=caller-hung-up");
    let ending = driver.expect_end();
    assert_eq!(reason(&ending), NotPaidReason::SessionEnded("caller-hung-up".into()));
    assert_eq!(ending.session, SessionEnding::Over);
}

#[test]
fn an_unknown_result_does_not_prove_that_the_session_is_over() {
    let mut driver = Driver::created();
    driver.receives("Result=paused");
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.wait(2);
    driver.expect_payment("not paid", SessionEnding::Cancelled);
}

#[test]
fn not_paid_if_it_is_cancelled_in_time() {
    let mut before = driver();
    before.flow.cancel();
    assert_eq!(reason(&before.expect_end()), NotPaidReason::Cancelled);
    assert_eq!(before.expect_end().session, SessionEnding::NotOpened);
    let mut driver = Driver::created();
    driver.flow.cancel();
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.receives("Result=cancelled");
    assert_eq!(reason(&driver.expect_end()), NotPaidReason::Cancelled);
    assert_eq!(driver.expect_end().session, SessionEnding::Cancelled);
}

#[test]
fn a_cancelled_payment_looks_for_its_session_first() {
    let mut driver = driver();
    driver.expect("order-7");
    driver.fails(lost());
    driver.flow.cancel();
    driver.expect("order-7");
    driver.ok();
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.wait(2);
    driver.expect_payment("not paid", SessionEnding::Cancelled);
}

#[test]
fn the_session_may_be_open_if_the_cancel_failed() {
    for error in [lost, not_sent, || api(503, 20503), || api(429, 20429), || api(409, 20409)] {
        let mut driver = Driver::created();
        driver.flow.cancel();
        for _ in 0..3 {
            driver.expect("order-7-cancel");
            driver.fails(error());
        }
        driver.expect_wait(2);
        driver.wait(2);
        driver.expect_payment("not paid", SessionEnding::PerhapsOpen);
    }
}

// Not paid, certain: complete was begun, but was certainly not carried out any time.

#[test]
fn not_paid_if_complete_was_never_sent_or_always_limited() {
    for error in [not_sent, || api(429, 20429)] {
        let mut driver = Driver::completing();
        driver.fails(error());
        for _ in 0..2 {
            driver.expect("order-7-complete");
            driver.fails(error());
        }
        driver.expect("order-7-cancel");
        driver.ok();
        driver.receives("Result=cancelled");
        let ending = driver.expect_end();
        assert_eq!(reason(&ending), NotPaidReason::SessionEnded("cancelled".into()));
        assert_eq!(ending.session, SessionEnding::Cancelled);
    }
}

#[test]
fn not_paid_if_the_session_was_incomplete_and_ends() {
    let mut driver = Driver::created();
    driver.receives("Required=expiration-date");
    driver.expect("order-7-expiration-date-1");
    driver.ok();
    driver.receives("Capture=expiration-date&PartialResult=false&Required=expiration-date");
    driver.expect("order-7-complete");
    driver.fails(api(400, 64019));
    driver.expect("order-7-expiration-date-2");
    driver.ok();
    driver.receives("Result=caller-hung-up");
    driver.expect_payment("not paid", SessionEnding::Over);
}

#[test]
fn not_paid_if_the_client_was_shut_down_before_sending() {
    let mut driver = Driver::completing();
    let shut_down = || Error::new(ErrorKind::Shutdown, Outcome::NotSent, "shut down");
    driver.fails(shut_down());
    driver.expect("order-7-cancel");
    driver.fails(shut_down());
    driver.expect_wait(2);
    driver.wait(2);
    driver.expect_payment("not paid", SessionEnding::PerhapsOpen);
}
