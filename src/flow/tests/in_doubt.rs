//! The table of endings: each way to an ending of a session that was or may have been completed.

use super::*;

// Declined: complete may have been carried out, and the service reports that nothing was charged.

#[test]
fn declined_after_complete_was_accepted() {
    for result in DECLINES {
        let mut driver = Driver::completing();
        driver.ok();
        driver.expect_wait(60);
        driver.receives(&format!(
            "Result={result}&PayErrorCode=64012&PaymentError=Declined&ConnectorError=card_declined"
        ));
        let ending = driver.expect_end();
        let expected = PaymentEnding::Declined {
            result: result.into(),
            code: Some(64012),
            error: Some("Declined".to_owned()),
            connector_error: Some("card_declined".to_owned()),
        };
        assert_eq!((ending.payment, ending.session), (expected, SessionEnding::Over));
    }
}

#[test]
fn declined_after_the_response_was_lost_or_refused() {
    for error in [lost(), api(503, 20503), api(404, 20404), api(409, 20409), api(408, 0)] {
        let mut driver = Driver::completing();
        driver.fails(error);
        driver.receives("Result=payment-connector-error");
        driver.expect_payment("declined", SessionEnding::Over);
    }
}

#[test]
fn declined_while_the_request_is_under_way_if_it_was_carried_out() {
    let mut driver = Driver::completing();
    driver.receives("Result=payment-connector-error");
    assert_eq!(driver.flow.ending(), None);
    driver.ok();
    driver.expect_payment("declined", SessionEnding::Over);
    // The caller hung up, and the request met the rate limit: it was not carried out.
    let mut driver = Driver::completing();
    driver.receives("Result=caller-hung-up");
    driver.fails(api(429, 20429));
    driver.expect_payment("not paid", SessionEnding::Over);
    // The response to the request was lost.
    let mut driver = Driver::completing();
    driver.receives("Result=caller-hung-up");
    driver.expect_payment("declined", SessionEnding::Over);
}

#[test]
fn declined_after_the_wait_was_over() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.expect_wait(60);
    driver.wait(60);
    driver.expect_payment("unknown", SessionEnding::PerhapsOpen);
    driver.receives("Result=payment-connector-error");
    driver.expect_payment("declined", SessionEnding::Over);
}

#[test]
fn declined_after_a_result_that_settles_nothing() {
    for result in SETTLES_NOTHING {
        let mut driver = Driver::completing();
        driver.ok();
        driver.receives(&format!("Result={result}"));
        driver.expect_payment("unknown", driver.flow.ending().unwrap().session);
        driver.receives("Result=payment-connector-error");
        driver.expect_payment("declined", SessionEnding::Over);
    }
}

#[test]
fn of_two_that_settle_the_same_the_first_counts() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.receives("Result=caller-hung-up");
    driver.receives("Result=payment-connector-error&PaymentError=later");
    let PaymentEnding::Declined { result, error, .. } = driver.expect_end().payment else { panic!() };
    assert_eq!((result.as_str(), error), ("caller-hung-up", None));
}

#[test]
fn sids_are_compared_without_case() {
    let upper = "PKABCDEF00000000000000000000000001";
    let mut driver = driver();
    driver.expect("order-7");
    driver.flow.on_response(Ok(session(upper)));
    let fields = "Capture=payment-card-number&PartialResult=false";
    assert!(driver.flow.on_callback(&callback(&upper.to_lowercase().replace("pk", "PK"), fields)));
    driver.expect("order-7-expiration-date-1");
}

#[test]
fn a_callback_of_another_account_is_not_adopted() {
    let (ours, theirs) = ("AC00000000000000000000000000000001", "AC00000000000000000000000000000002");
    for (account_sid, expected) in [(ours, true), (theirs, false)] {
        let mut driver = Driver::with(params().account_sid(ours));
        driver.expect("order-7");
        driver.fails(lost());
        let fields = format!("AccountSid={account_sid}&Result=success");
        assert_eq!(driver.tagged(SID, &fields), expected, "{account_sid}");
    }
}

// Unknown: everything else once complete may have been carried out.

#[test]
fn unknown_without_a_result_in_time() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.expect_wait(60);
    driver.wait(59);
    driver.expect_wait(1);
    driver.wait(1);
    let ending = driver.expect_end();
    assert_eq!(ending.payment, PaymentEnding::Unknown { result: None, response: None });
    assert_eq!(ending.session, SessionEnding::PerhapsOpen);
}

#[test]
fn unknown_if_it_is_refused_as_over() {
    for error in [api(404, 20404), api(400, 21220), api(400, 64020), api(401, 20003)] {
        let mut driver = Driver::completing();
        let digest = ResponseDigest::of(&error);
        driver.fails(error);
        driver.expect_wait(60);
        driver.wait(60);
        let ending = driver.expect_end();
        let response = Some(digest);
        assert_eq!(ending.payment, PaymentEnding::Unknown { result: None, response });
    }
}

#[test]
fn unknown_if_it_was_refused_before_it_was_not_sent() {
    // A refusal that is not one of the certainties stays one, even if the error of a later attempt or call hides it.
    for earlier in [api(400, 20409), api(401, 20003)] {
        let mut driver = Driver::completing();
        driver.fails(not_sent().after_earlier(&api(429, 20429).after_earlier(&earlier)));
        while let Step::Update { .. } = driver.next() {
            driver.fails(not_sent());
        }
        driver.wait(60);
        driver.expect_payment("unknown", SessionEnding::PerhapsOpen);
    }
    let mut driver = Driver::completing();
    driver.fails(not_sent().after_earlier(&api(429, 20429)));
    driver.expect("order-7-complete");
    driver.flow.cancel();
    driver.fails(not_sent());
    driver.expect("order-7-cancel");
}

#[test]
fn unknown_if_one_response_of_several_was_lost() {
    for later in [not_sent, || api(429, 20429), || api(400, 64019)] {
        let mut driver = Driver::completing();
        driver.fails(lost());
        driver.expect("order-7-complete");
        driver.fails(later());
        while let Step::Update { params, .. } = driver.next() {
            assert_eq!(params.idempotency_key, "order-7-complete");
            driver.fails(later());
        }
        driver.wait(60);
        driver.expect_payment("unknown", SessionEnding::PerhapsOpen);
    }
}

#[test]
fn unknown_if_the_process_died_with_the_request_under_way() {
    let mut driver = Driver::completing();
    for _ in 0..2 {
        driver.expect("order-7-complete");
    }
    driver.expect_wait(60);
    driver.wait(60);
    driver.expect_payment("unknown", SessionEnding::PerhapsOpen);
}

#[test]
fn unknown_after_a_result_that_settles_nothing() {
    for result in SETTLES_NOTHING {
        let mut driver = Driver::completing();
        driver.ok();
        driver.receives(&format!("Result={result}&PaymentConfirmationCode=ch_1"));
        let ending = driver.expect_end();
        let expected = PaymentEnding::Unknown { result: Some(result.into()), response: None };
        assert_eq!(ending.payment, expected);
    }
}

#[test]
fn unknown_if_it_is_cancelled_too_late() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.flow.cancel();
    driver.expect_wait(60);
    driver.wait(60);
    driver.expect_payment("unknown", SessionEnding::PerhapsOpen);
    // Nor is it completed again.
    let mut driver = Driver::completing();
    driver.fails(lost());
    driver.flow.cancel();
    driver.expect_wait(60);
    driver.receives("Result=success");
    driver.expect_payment("paid", SessionEnding::Over);
    // It may be cancelled if it was certainly not carried out.
    let mut driver = Driver::completing();
    driver.fails(api(429, 20429));
    driver.flow.cancel();
    driver.expect("order-7-cancel");
}
