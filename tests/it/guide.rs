//! Guided payments: each way in which they can end.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use twilio_payments::sandbox::{Asking, Call, Fault, FaultTarget, Sandbox, numbers};
use twilio_payments::{
    CallbackListener, Capture, CaptureError, CreatePaymentsParams, Ending, Event, GuidedPayment,
    NotPaidReason, PayResult, PaymentEnding, PaymentFlow, PaymentMethod, PaymentStopper, RetryPolicy,
    SessionEnding, SignatureValidator,
};

const SOON: Duration = Duration::from_secs(10);

fn stage() -> (Sandbox, CallbackListener) {
    let sandbox = Sandbox::start().unwrap();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token()).unwrap()).unwrap();
    (sandbox, listener)
}

fn params(listener: &CallbackListener) -> CreatePaymentsParams {
    CreatePaymentsParams::new(listener.status_callback_url()).charge_amount("5.00".parse().unwrap())
}

fn flow(call: &Call, params: CreatePaymentsParams) -> PaymentFlow {
    PaymentFlow::new(call.sid(), params).unwrap()
}

#[track_caller]
fn paid(ending: &Ending) {
    let PaymentEnding::Paid { confirmation_code: Some(_), .. } = &ending.payment else {
        panic!("{ending:?}")
    };
    assert_eq!(ending.session, SessionEnding::Over);
}

/// Checks that it is certain that nothing was charged, and returns why.
#[track_caller]
fn not_paid(ending: &Ending, session: SessionEnding) -> NotPaidReason {
    let PaymentEnding::NotPaid(reason) = &ending.payment else { panic!("{ending:?}") };
    assert_eq!(ending.session, session, "{ending:?}");
    reason.clone()
}

/// Checks that no more callbacks arrive.
fn quiet(sandbox: &Sandbox, listener: &CallbackListener) {
    assert!(sandbox.wait_for_delivery(SOON));
    assert_eq!(listener.try_recv().unwrap(), None);
}

/// A caller who types the answers in turn, and hangs up when there are no more.
fn caller(call: &Call, answers: &'static [&'static str]) -> thread::JoinHandle<Vec<Asking>> {
    let call = call.clone();
    thread::spawn(move || {
        let mut asked = Vec::new();
        for keys in answers {
            let Some(asking) = call.wait_until_asked(3 * SOON) else { return asked };
            asked.push(asking);
            call.press(keys);
        }
        if let Some(asking) = call.wait_until_asked(Duration::from_millis(300)) {
            asked.push(asking);
            call.hang_up();
        }
        asked
    })
}

#[test]
fn a_card_with_one_mistake() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let typing = caller(&call, &["4242424242424241#", numbers::VISA, "1234", "123", "94109#"]);
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow(&call, params(&listener)))
        .on_callback(move |callback| seen.lock().unwrap().push(format!("{:?}", callback.event())))
        .run()
        .unwrap();
    paid(&ending);
    let asked: Vec<Capture> = typing
        .join()
        .unwrap()
        .into_iter()
        .map(|asking| match asking {
            Asking::Capture(capture) => capture,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        asked,
        [
            Capture::PaymentCardNumber,
            Capture::PaymentCardNumber,
            Capture::ExpirationDate,
            Capture::SecurityCode,
            Capture::PostalCode
        ]
    );
    let events = events.lock().unwrap();
    assert!(events[0].starts_with("Started"), "{events:?}");
    assert_eq!(events.iter().filter(|event| event.starts_with("CaptureFailed")).count(), 1);
    assert_eq!(events.iter().filter(|event| event.starts_with("Captured")).count(), 4);
    assert!(events.last().unwrap().starts_with("Succeeded"), "{events:?}");
    assert_eq!(sandbox.transaction_count(), 1);
}

#[test]
fn every_capture_can_be_asked_for() {
    let (sandbox, listener) = stage();
    let api = sandbox.client();
    let twice =
        [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];
    for params in [
        params(&listener).require_matching_inputs(twice).confirmation(true),
        params(&listener).security_code(false).postal_code(false),
        params(&listener)
            .payment_method(PaymentMethod::AchDebit)
            .parameter(serde_json::json!({"AVSName": "A. Customer"})),
        CreatePaymentsParams::new(listener.status_callback_url()),
    ] {
        let call = sandbox.call().obliging();
        let charges = params.charge_amount.is_some();
        let ending = GuidedPayment::new(&api, &listener, flow(&call, params)).run().unwrap();
        assert!(ending.is_success(), "{ending:?}");
        assert_eq!(matches!(ending.payment, PaymentEnding::Tokenized { token: Some(_), .. }), !charges);
    }
    assert_eq!(sandbox.transaction_count(), 4);
}

#[test]
fn for_a_subaccount() {
    let (sandbox, listener) = stage();
    let call = sandbox.subaccount_call().obliging();
    let params = params(&listener).account_sid(sandbox.subaccount_sid());
    paid(&GuidedPayment::new(&sandbox.client(), &listener, flow(&call, params)).run().unwrap());
}

#[test]
fn both_entries_are_asked_for_again_if_they_differ() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let params = params(&listener)
        .security_code(false)
        .postal_code(false)
        .require_matching_inputs([Capture::ExpirationDate]);
    let typing = caller(&call, &[numbers::VISA, "1234", "1134", "1234", "1234"]);
    paid(&GuidedPayment::new(&sandbox.client(), &listener, flow(&call, params)).run().unwrap());
    assert_eq!(typing.join().unwrap().len(), 5);
}

#[test]
fn a_payment_ends_after_the_allowed_asks_for_a_capture() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let typing = caller(&call, &["4#", "4#", "4#", "4#"]);
    let flow = flow(&call, params(&listener)).max_asks(2).unwrap();
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow).run().unwrap();
    let reason = not_paid(&ending, SessionEnding::Cancelled);
    let NotPaidReason::CaptureFailed { capture, error, .. } = reason else { panic!("{reason:?}") };
    assert_eq!((capture, error), (Capture::PaymentCardNumber, Some(CaptureError::InvalidCardNumber)));
    assert!(!sandbox.sessions()[0].is_open(), "no session stays open");
    assert_eq!(sandbox.sessions()[0].captures.len(), 2);
    call.hang_up();
    typing.join().unwrap();
}

#[test]
fn a_payment_ends_if_the_caller_types_nothing() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let flow = flow(&call, params(&listener)).max_asks(2).unwrap();
    let flow = flow.capture_timeout(Duration::from_millis(200)).unwrap();
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow).run().unwrap();
    let reason = not_paid(&ending, SessionEnding::Cancelled);
    assert!(matches!(reason, NotPaidReason::CaptureFailed { error: None, .. }), "{reason:?}");
    assert!(!sandbox.sessions()[0].is_open());
}

#[test]
fn the_caller_hangs_up_or_the_bank_declines() {
    let (sandbox, listener) = stage();
    let api = sandbox.client();
    for (answers, result) in [
        (&["4242"][..], PayResult::CallerHungUp),
        (&[numbers::DECLINED, "1234", "123", "94109#"], PayResult::PaymentConnectorError),
        (&[numbers::VISA, "12*"], PayResult::CallerInterruptedWithStar),
    ] {
        let call = sandbox.call();
        let typing = caller(&call, answers);
        let ending = GuidedPayment::new(&api, &listener, flow(&call, params(&listener))).run().unwrap();
        if let PaymentEnding::Declined { result: declined, .. } = &ending.payment {
            // Only the bank declines after the session was completed.
            assert_eq!((declined, &result), (&PayResult::PaymentConnectorError, declined));
        } else {
            assert_eq!(not_paid(&ending, SessionEnding::Over), NotPaidReason::SessionEnded(result));
        }
        typing.join().unwrap();
    }
    assert_eq!(sandbox.transaction_count(), 0);
}

#[test]
fn the_caller_hangs_up_between_two_captures() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let typing = caller(&call, &[numbers::VISA]);
    let hanging_up = call.clone();
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow(&call, params(&listener)))
        .on_callback(move |callback| {
            if matches!(callback.event(), Event::Captured { .. }) {
                hanging_up.hang_up();
            }
        })
        .run()
        .unwrap();
    let hung_up = NotPaidReason::SessionEnded(PayResult::CallerHungUp);
    assert_eq!(not_paid(&ending, SessionEnding::Over), hung_up);
    typing.join().unwrap();
}

#[test]
fn a_lost_response_to_any_step_changes_nothing() {
    let (sandbox, listener) = stage();
    // The client does not retry, so the flow only has the callbacks.
    let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
    for (count, target) in
        [FaultTarget::Create, FaultTarget::Capture(1), FaultTarget::Capture(4), FaultTarget::Complete]
            .into_iter()
            .enumerate()
    {
        let call = sandbox.call().obliging();
        sandbox.faults().aim(target, Fault::DropAfter);
        paid(&GuidedPayment::new(&api, &listener, flow(&call, params(&listener))).run().unwrap());
        assert_eq!(sandbox.faults().injected(), count + 1);
        assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (count + 1, count + 1));
    }
}

#[test]
fn payments_that_were_given_up_do_not_fill_the_listener() {
    let sandbox = Sandbox::start().unwrap();
    let validator = SignatureValidator::new(sandbox.auth_token()).unwrap();
    let listener = CallbackListener::builder(validator).capacity(8).bind("127.0.0.1:0").unwrap();
    let api = sandbox.client();
    for _ in 0..12 {
        let call = sandbox.subaccount_call();
        let params = params(&listener).account_sid(sandbox.subaccount_sid());
        let flow = flow(&call, params).max_asks(1).unwrap();
        let flow = flow.capture_timeout(Duration::from_millis(20)).unwrap();
        let ending = GuidedPayment::new(&api, &listener, flow).run().unwrap();
        let reason = not_paid(&ending, SessionEnding::Cancelled);
        assert!(matches!(reason, NotPaidReason::CaptureFailed { .. }), "{reason:?}");
        quiet(&sandbox, &listener);
    }
    assert!(sandbox.sessions().iter().all(|session| !session.is_open()));
    let call = sandbox.call().obliging();
    paid(&GuidedPayment::new(&api, &listener, flow(&call, params(&listener))).run().unwrap());
    quiet(&sandbox, &listener);
}

#[test]
fn a_panic_of_the_observer_does_not_end_the_payment() {
    let (sandbox, listener) = stage();
    let call = sandbox.call().obliging();
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow(&call, params(&listener)))
        .on_callback(|callback| panic!("{:?}", callback.event()))
        .run()
        .unwrap();
    paid(&ending);
}

#[test]
fn a_payment_without_a_result_is_unknown() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    // The caller is asked to confirm, and never does.
    let params = params(&listener).security_code(false).postal_code(false).confirmation(true);
    let typing = thread::spawn({
        let call = call.clone();
        move || {
            for keys in [numbers::VISA, "1234"] {
                assert!(matches!(call.wait_until_asked(SOON), Some(Asking::Capture(_))));
                call.press(keys);
            }
        }
    });
    let flow = flow(&call, params.idempotency_key("order-7"));
    let reference = flow.reference();
    let flow = flow.result_timeout(Duration::from_millis(100)).unwrap();
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow).run().unwrap();
    assert!(matches!(ending.payment, PaymentEnding::Unknown { .. }), "{ending:?}");
    assert_eq!((ending.session, ending.key.as_str()), (SessionEnding::PerhapsOpen, "order-7"));
    let session = &sandbox.sessions()[0];
    assert_eq!(ending.session_sid.as_deref(), Some(session.sid.as_str()));
    assert_eq!(session.parameter("Description").map(str::to_owned), reference);
    // It may have been completed, so it is not cancelled.
    assert!(session.is_open());
    typing.join().unwrap();
}

#[test]
fn debug_shows_the_flow() {
    let (sandbox, listener) = stage();
    let (api, flow) = (sandbox.client(), flow(&sandbox.call(), params(&listener)));
    let shown = format!("GuidedPayment {{ flow: {flow:?}, .. }}");
    assert_eq!(format!("{:?}", GuidedPayment::new(&api, &listener, flow)), shown);
    assert_eq!(format!("{:?}", PaymentStopper::new()), "PaymentStopper { .. }");
}
