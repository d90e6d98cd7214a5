//! Which steps a flow takes.

use super::*;
use crate::params::UpdatePaymentsParams;

#[test]
fn a_card_payment() {
    let mut driver = Driver::with(
        CreatePaymentsParams::new(format!("{URL}#rc=5&rp=all"))
            .idempotency_key("order-7")
            .account_sid("AC00000000000000000000000000000001"),
    );
    let Step::Create(sent) = driver.next() else { panic!() };
    let url = format!("{URL}?payment_flow={}#rc=5&rp=all", driver.flow.tag());
    assert_eq!(sent.status_callback, url);
    driver.ok();
    for (capture, required) in [
        ("payment-card-number", "SecurityCode ExpirationDate PostalCode"),
        ("expiration-date", "postal-code,security-code"),
        ("security-code", "postal-code"),
        ("postal-code", ""),
    ] {
        let Step::Update { sid, params } = driver.next() else { panic!() };
        assert_eq!((sid.as_str(), params.capture.unwrap().as_str()), (SID, capture));
        assert_eq!(params.idempotency_key, format!("order-7-{capture}-1"));
        assert_eq!(params.status_callback, url);
        assert_eq!(params.account_sid, sent.account_sid);
        driver.ok();
        driver.expect_wait(120);
        driver.receives(&format!("Capture={capture}&PartialResult=true&Required={capture},{required}"));
        driver.expect_wait(120);
        driver.receives(&format!("Capture={capture}&PartialResult=false&Required={required}"));
    }
    let Step::Update { sid, params } = driver.next() else { panic!() };
    let complete = UpdatePaymentsParams::new_complete(url).idempotency_key("order-7-complete");
    assert_eq!((sid.as_str(), params), (SID, complete.account_sid("AC00000000000000000000000000000001")));
    driver.ok();
    driver.expect_wait(60);
    driver.receives("Result=success");
    assert!(driver.expect_end().is_success());
}

#[test]
fn a_payment_that_is_given_up() {
    let mut driver = Driver::created();
    driver.flow.cancel();
    let url = format!("{URL}?payment_flow={}", driver.flow.tag());
    let Step::Update { sid, params } = driver.next() else { panic!() };
    let cancel = UpdatePaymentsParams::new_cancel(url).idempotency_key("order-7-cancel");
    assert_eq!((sid.as_str(), params), (SID, cancel));
}

#[test]
fn what_is_asked_for_until_the_service_reports_what_is_required() {
    let all = ["payment-card-number", "expiration-date", "security-code", "postal-code"];
    let card = CreatePaymentsParams::new(URL).idempotency_key("k");
    let less = card.clone().idempotency_key("k").security_code(false).postal_code(false);
    let twice = less
        .clone()
        .idempotency_key("k")
        .require_matching_inputs([Capture::ExpirationDate, Capture::PostalCode]);
    let bank = card.clone().idempotency_key("k").payment_method(crate::PaymentMethod::AchDebit);
    for (params, captures) in [
        (card, &all[..]),
        (less, &all[..2]),
        (twice, &["payment-card-number", "expiration-date", "expiration-date-matcher"]),
        (bank, &["bank-routing-number", "bank-account-number"]),
    ] {
        let mut driver = Driver::with(params);
        driver.expect("k");
        driver.ok();
        for capture in captures {
            driver.expect(&format!("k-{capture}-1"));
            driver.ok();
            driver.receives(&format!("Capture={capture}&PartialResult=false"));
        }
        driver.expect("k-complete");
    }
}

#[test]
fn what_is_required_goes_before_what_was_expected() {
    let mut driver = Driver::created();
    driver.receives("Required=postal-code,iris-scan");
    driver.expect("order-7-postal-code-1");
    driver.ok();
    driver.receives("Capture=postal-code&PartialResult=false&Required=iris-scan");
    driver.expect("order-7-iris-scan-1");
    driver.ok();
    // Nothing is left, although neither card number nor expiry date was asked for.
    driver.receives("Capture=iris-scan&PartialResult=false&Required=");
    driver.expect("order-7-complete");
}

#[test]
fn nothing_is_asked_for_that_is_not_required() {
    let mut driver = Driver::created();
    driver.receives("Required=");
    driver.expect("order-7-complete");
    // Nor if the list is empty only later.
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver.receives("Capture=payment-card-number&Required=");
    driver.expect("order-7-complete");
}

#[test]
fn a_capture_is_in_when_it_is_no_longer_required() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    // Before the response, and in a callback that does not name the capture.
    driver.receives("Required=expiration-date");
    assert!(driver.flow.awaited_key().is_some(), "the response is still to come");
    driver.fails(api(503, 20503));
    driver.expect("order-7-expiration-date-1");
}

#[test]
fn a_request_whose_response_is_lost_is_repeated_with_its_key() {
    let mut driver = driver();
    driver.expect("order-7");
    driver.fails(lost());
    driver.expect("order-7");
    driver.expect("order-7");
    driver.ok();
    driver.expect("order-7-payment-card-number-1");
    driver.fails(api(503, 20503));
    driver.expect("order-7-payment-card-number-1");
    driver.expect("order-7-payment-card-number-1");
    driver.fails(lost());
    // It may have been carried out: the caller may be typing.
    driver.expect_wait(120);
    driver.receives("Capture=payment-card-number&PartialResult=false");
    driver.expect("order-7-expiration-date-1");
}

#[test]
fn a_request_is_not_repeated_once_a_callback_shows_its_effect() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.receives("Capture=payment-card-number&PartialResult=true");
    driver.fails(lost());
    driver.expect_wait(120);
}

#[test]
fn a_session_is_adopted_only_by_its_tag() {
    let lost_creation = || {
        let mut driver = driver();
        driver.expect("order-7");
        driver.fails(lost());
        driver
    };
    // An earlier session on the same call and account: another tag, or none.
    let mut driver = lost_creation();
    let earlier = format!("CallSid={CALL}&Result=success");
    assert!(!driver.flow.on_callback(&callback(SID, &earlier)));
    assert!(!driver.flow.on_callback(&callback(SID, &earlier).received_at("/?payment_flow=0123")));
    assert_eq!(driver.flow.session_sid(), None);
    // The flow's own session.
    assert!(driver.tagged(SID, "PaymentMethod=credit-card"));
    assert_eq!(driver.flow.session_sid(), Some(SID));
    driver.expect("order-7-payment-card-number-1");
    // While the response is awaited; whatever it then is does not matter.
    for response in [Ok(session(SID)), Err(api(400, 64021))] {
        let mut driver = super::driver();
        driver.expect("order-7");
        assert!(driver.tagged(SID, "PaymentMethod=credit-card"));
        driver.flow.on_response(response);
        driver.expect("order-7-payment-card-number-1");
    }
    // While it waits after a second creation was refused.
    let mut driver = lost_creation();
    driver.expect("order-7");
    driver.fails(api(400, 64021));
    driver.expect_wait(20);
    assert!(driver.tagged(SID, "PaymentMethod=credit-card"));
    driver.wait(60);
    driver.expect("order-7-payment-card-number-1");
    // Not before anything was sent.
    let mut driver = super::driver();
    assert!(!driver.tagged(SID, "PaymentMethod=credit-card"));
}

#[test]
fn a_session_that_becomes_known_after_the_end_is_cancelled() {
    let mut driver = driver();
    driver.expect("order-7");
    driver.fails(lost());
    driver.expect("order-7");
    driver.fails(api(400, 64021));
    driver.expect_wait(20);
    driver.wait(20);
    driver.expect_payment("not paid", SessionEnding::PerhapsOpen);
    assert!(driver.tagged(SID, "PaymentMethod=credit-card"));
    assert_eq!(driver.flow.due(), Some(UNIX_EPOCH));
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_payment("not paid", SessionEnding::Cancelled);
}

#[test]
fn a_flow_is_due_until_its_ending_is_known() {
    let mut refused = driver();
    refused.expect("order-7");
    refused.fails(api(400, 64020));
    let mut cancelled = driver();
    cancelled.flow.cancel();
    for mut driver in [refused, cancelled] {
        assert_eq!((driver.flow.ending(), driver.flow.due()), (None, Some(UNIX_EPOCH)));
        driver.expect_end();
    }
}

#[test]
fn the_response_names_the_session_that_counts() {
    let mut driver = driver();
    driver.expect("order-7");
    // The first attempt made a session that the caller ended; a later one made another.
    assert!(driver.tagged(OTHER_SID, "Result=caller-interrupted-with-star"));
    driver.ok();
    assert_eq!(driver.flow.session_sid(), Some(SID));
    driver.expect("order-7-payment-card-number-1");
}

#[test]
fn callbacks_out_of_order_do_not_undo_what_newer_ones_report() {
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver.receives("Capture=payment-card-number&PartialResult=false&Required=expiration-date&DateUpdated=2021-08-10T03:55:53.400Z");
    driver.expect("order-7-expiration-date-1");
    driver.ok();
    let before = driver.flow.clone();
    driver.receives("Capture=payment-card-number&PartialResult=true&Required=payment-card-number,expiration-date&DateUpdated=2021-08-10T03:55:53.300Z");
    driver.receives("Capture=expiration-date&ErrorType=invalid-date&DateUpdated=2021-08-10T03:55:53.399Z");
    assert_eq!(driver.flow, before);
    // A callback without a date, or with one that cannot be read, counts as the newest.
    driver.receives("Capture=expiration-date&ErrorType=invalid-date&DateUpdated=yesterday");
    driver.expect("order-7-expiration-date-2");
}

#[test]
fn a_completion_that_comes_too_early_goes_back_to_what_is_required() {
    let mut driver = Driver::created();
    driver.receives("Required=expiration-date");
    driver.expect("order-7-expiration-date-1");
    driver.ok();
    for (round, key) in ["order-7-complete", "order-7-complete-2"].iter().enumerate() {
        driver.receives("Capture=expiration-date&PartialResult=false&Required=expiration-date");
        driver.expect(key);
        driver.fails(api(400, 64019));
        driver.expect(&format!("order-7-expiration-date-{}", round + 2));
        driver.ok();
    }
    driver.receives("Capture=expiration-date&PartialResult=false&Required=expiration-date");
    driver.expect("order-7-complete-3");
    driver.fails(api(400, 64019));
    // It is not asked for a fourth time, although the number of asks would allow it.
    driver.expect("order-7-cancel");
    driver.ok();
    driver.expect_wait(2);
    driver.wait(2);
    let refusal = ResponseDigest::of(&api(400, 64019));
    assert_eq!(reason(&driver.expect_end()), NotPaidReason::StepFailed(refusal));
    // If it is not known what is missing, nothing can be asked for.
    let mut driver = Driver::completing();
    driver.fails(api(400, 64019));
    driver.expect("order-7-cancel");
}

#[test]
fn callbacks_of_one_moment_count_in_the_order_in_which_they_arrive() {
    let date = "DateUpdated=2021-08-10T03:55:53.400Z";
    let mut driver = Driver::created();
    driver.expect("order-7-payment-card-number-1");
    driver.ok();
    driver.receives(&format!("Capture=payment-card-number&PartialResult=true&{date}"));
    driver.expect_wait(120);
    driver.receives(&format!("Capture=payment-card-number&PartialResult=false&{date}"));
    driver.expect("order-7-expiration-date-1");
}

#[test]
fn time_ends_a_payment_without_another_step() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.expect_wait(60);
    let before = driver.flow.revision();
    driver.wait(59);
    driver.flow.on_timeout(driver.now);
    assert_eq!((driver.flow.ending(), driver.flow.revision()), (None, before));
    driver.wait(1);
    driver.flow.on_timeout(driver.now);
    assert_eq!(driver.flow.ending().map(|ending| word(&ending.payment)), Some("unknown"));
    assert!(driver.flow.revision() > before);
}

#[test]
fn what_has_ended_is_not_changed_by_giving_it_up() {
    let mut driver = Driver::completing();
    driver.ok();
    driver.receives("Result=payment-connector-error");
    let before = driver.flow.clone();
    driver.flow.cancel();
    assert_eq!(driver.flow, before);
}

#[test]
fn stale_responses_change_nothing() {
    let mut driver = driver();
    driver.ok();
    driver.fails(lost());
    assert_eq!((driver.flow.session_sid(), driver.flow.revision()), (None, 0));
    driver.expect("order-7");
    driver.fails(api(404, 20404).with_attempts(1, Outcome::Refused).with_idempotency_key("order-6"));
    assert_eq!(driver.flow.awaited_key().as_deref(), Some("order-7"));
    driver.fails(api(404, 20404).with_attempts(1, Outcome::Refused).with_idempotency_key("order-7"));
    driver.expect_payment("not paid", SessionEnding::NotOpened);
    let before = driver.flow.clone();
    driver.ok();
    assert_eq!(driver.flow, before);
}

#[test]
fn the_revision_grows_with_every_change_and_only_then() {
    let mut driver = driver();
    let mut seen = 0;
    let mut grew = |driver: &Driver| {
        let before = std::mem::replace(&mut seen, driver.flow.revision());
        driver.flow.revision() > before
    };
    driver.expect("order-7");
    assert!(grew(&driver));
    driver.ok();
    assert!(grew(&driver));
    driver.expect("order-7-payment-card-number-1");
    assert!(grew(&driver));
    driver.receives("Capture=payment-card-number&PartialResult=true");
    assert!(grew(&driver));
    driver.receives("Capture=payment-card-number&PartialResult=true");
    assert!(!grew(&driver));
    driver.ok();
    assert!(grew(&driver));
    driver.expect_wait(120);
    driver.flow.on_timeout(driver.now);
    assert!(!grew(&driver));
    driver.flow.cancel();
    assert!(grew(&driver));
    driver.flow.cancel();
    assert!(!grew(&driver));
}

#[test]
fn requests_are_bounded_whatever_is_required() {
    // Every ask fails, every response is lost, and the service wants something new each time.
    let mut driver = driver();
    driver.flow = driver.flow.max_asks(2).unwrap();
    let (mut requests, mut asked) = (0, 0);
    loop {
        match driver.next() {
            Step::Create(_) => {
                requests += 1;
                if requests == 3 {
                    driver.ok();
                }
            }
            Step::Update { params, .. } => {
                requests += 1;
                asked += u64::from(params.capture.is_some());
                let wanted = |n: u64| (0..40).map(|i| format!("thing-{}", (n + i) % 90)).collect::<Vec<_>>();
                driver.receives(&format!("Required={}", wanted(asked / 6).join(",")));
            }
            Step::WaitUntil(time) => driver.now = time,
            Step::Ended(_) => break,
        }
    }
    assert!(asked > 50 && requests <= driver.flow.max_requests(), "{asked} {requests}");
    assert_eq!(driver.flow.max_requests(), 3 * (1 + 2 * 16 + 3 + 1));
}
