//! Guided sessions: each way they can go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use twilio_payments::sandbox::{Asking, Call, Fault, Sandbox, numbers};
use twilio_payments::{
    CallbackListener, Capture, CaptureError, CreatePaymentsParams, Ending, ErrorKind, Event, GuidedPayment,
    Outcome, PayResult, PaymentMethod, RetryPolicy, SignatureValidator,
};

const SOON: Duration = Duration::from_secs(10);

fn stage() -> (Sandbox, CallbackListener) {
    let sandbox = Sandbox::start().unwrap();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token()).unwrap()).unwrap();
    (sandbox, listener)
}

fn params(listener: &CallbackListener) -> CreatePaymentsParams {
    CreatePaymentsParams::new(listener.public_url()).charge_amount("5.00".parse().unwrap())
}

/// A caller who gives the answers in turn, and then hangs up where there are no more.
fn caller(call: &Call, answers: &'static [&'static str]) -> thread::JoinHandle<Vec<Asking>> {
    let call = call.clone();
    thread::spawn(move || {
        let mut asked = Vec::new();
        for keys in answers {
            let Some(asking) = call.wait_until_asked(SOON) else { return asked };
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
    let events = Mutex::new(Vec::new());
    let ending = GuidedPayment::new(&sandbox.client(), &listener, params(&listener))
        .on_callback(|callback| events.lock().unwrap().push(format!("{:?}", callback.event())))
        .run(call.sid())
        .unwrap();
    let Ending::Succeeded(callback) = ending else { panic!("{ending:?}") };
    assert!(callback.payment_confirmation_code.is_some());
    let asked: Vec<Capture> = typing
        .join()
        .unwrap()
        .into_iter()
        .map(|asking| match asking {
            Asking::For(capture) => capture,
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
    let events = events.into_inner().unwrap();
    assert!(events[0].starts_with("Started"), "{events:?}");
    assert_eq!(events.iter().filter(|event| event.starts_with("CaptureFailed")).count(), 1);
    assert_eq!(events.iter().filter(|event| event.starts_with("Captured")).count(), 4);
    assert!(events.last().unwrap().starts_with("Succeeded"), "{events:?}");
    assert_eq!(sandbox.transaction_count(), 1);
}

#[test]
fn everything_that_can_be_asked_for() {
    let (sandbox, listener) = stage();
    let api = sandbox.client();
    let twice =
        [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];
    for params in [
        params(&listener).require_matching_inputs(twice).confirmation(true),
        params(&listener).security_code(false).postal_code(false),
        params(&listener).payment_method(PaymentMethod::AchDebit).parameter(serde_json::json!({"name": "x"})),
        CreatePaymentsParams::new(listener.public_url()),
    ] {
        let call = sandbox.call().obliging();
        let ending = GuidedPayment::new(&api, &listener, params).run(call.sid()).unwrap();
        assert!(matches!(ending, Ending::Succeeded(_)), "{ending:?}");
    }
    assert_eq!(sandbox.transaction_count(), 4);
}

#[test]
fn for_a_subaccount() {
    let (sandbox, listener) = stage();
    let call = sandbox.subaccount_call().obliging();
    let params = params(&listener).account_sid(sandbox.subaccount_sid());
    let ending = GuidedPayment::new(&sandbox.client(), &listener, params).run(call.sid()).unwrap();
    assert!(matches!(ending, Ending::Succeeded(_)), "{ending:?}");
}

#[test]
fn a_second_typing_that_differs_is_asked_for_again_from_the_first() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let params = params(&listener)
        .security_code(false)
        .postal_code(false)
        .require_matching_inputs([Capture::ExpirationDate]);
    let typing = caller(&call, &[numbers::VISA, "1234", "1134", "1234", "1234"]);
    let ending = GuidedPayment::new(&sandbox.client(), &listener, params).run(call.sid()).unwrap();
    assert!(matches!(ending, Ending::Succeeded(_)), "{ending:?}");
    assert_eq!(typing.join().unwrap().len(), 5);
}

#[test]
fn a_piece_is_given_up_after_the_allowed_tries() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let typing = caller(&call, &["4#", "4#", "4#", "4#"]);
    let guided =
        GuidedPayment::new(&sandbox.client(), &listener, params(&listener)).tries(2).run(call.sid()).unwrap();
    let Ending::GaveUp { capture, reason, .. } = guided else { panic!("{guided:?}") };
    assert_eq!((capture, reason), (Capture::PaymentCardNumber, Some(CaptureError::InvalidCardNumber)));
    assert_eq!(sandbox.sessions()[0].result, Some(PayResult::Cancelled), "no session stays open");
    assert_eq!(sandbox.sessions()[0].captures.len(), 2);
    call.hang_up();
    typing.join().unwrap();
}

#[test]
fn a_silent_caller_is_given_up() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let ending = GuidedPayment::new(&sandbox.client(), &listener, params(&listener))
        .tries(2)
        .piece_timeout(Duration::from_millis(200))
        .run(call.sid())
        .unwrap();
    let Ending::GaveUp { reason: None, .. } = ending else { panic!("{ending:?}") };
    assert_eq!(sandbox.sessions()[0].result, Some(PayResult::Cancelled));
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
        let ending = GuidedPayment::new(&api, &listener, params(&listener)).run(call.sid()).unwrap();
        let Ending::Failed(callback) = ending else { panic!("{ending:?}") };
        assert_eq!(callback.result, Some(result));
        typing.join().unwrap();
    }
    assert_eq!(sandbox.transaction_count(), 0);
}

#[test]
fn the_caller_hangs_up_between_two_pieces() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    let typing = caller(&call, &[numbers::VISA]);
    let ending = GuidedPayment::new(&sandbox.client(), &listener, params(&listener))
        .on_callback(|callback| {
            if matches!(callback.event(), Event::Captured { .. }) {
                call.hang_up();
            }
        })
        .run(call.sid())
        .unwrap();
    let Ending::Failed(callback) = ending else { panic!("{ending:?}") };
    assert_eq!(callback.result, Some(PayResult::CallerHungUp));
    typing.join().unwrap();
}

#[test]
fn a_lost_answer_to_any_step_changes_nothing() {
    let (sandbox, listener) = stage();
    // A client that does not try again by itself: the guide must make do with what it hears.
    let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
    let call = sandbox.call().obliging();
    sandbox.faults().once(Fault::DropAfter);
    let ending = GuidedPayment::new(&api, &listener, params(&listener)).run(call.sid()).unwrap();
    assert!(matches!(ending, Ending::Succeeded(_)), "lost at the creation: {ending:?}");

    let call = sandbox.call().obliging();
    let faults = sandbox.faults();
    let ending = GuidedPayment::new(&api, &listener, params(&listener))
        .on_callback(|callback| {
            if callback.required() == Some(&[]) && matches!(callback.event(), Event::Captured { .. }) {
                faults.once(Fault::DropAfter);
            }
        })
        .run(call.sid())
        .unwrap();
    assert!(matches!(ending, Ending::Succeeded(_)), "lost at the completion: {ending:?}");
    assert_eq!(sandbox.faults().injected(), 2);
    assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (2, 2));
}

#[test]
fn what_is_given_up_does_not_fill_the_listener() {
    let sandbox = Sandbox::start().unwrap();
    let validator = SignatureValidator::new(sandbox.auth_token()).unwrap();
    let listener = CallbackListener::builder(validator).capacity(8).bind("127.0.0.1:0").unwrap();
    let api = sandbox.client();
    for _ in 0..12 {
        let call = sandbox.subaccount_call();
        let params = params(&listener).account_sid(sandbox.subaccount_sid());
        let guided =
            GuidedPayment::new(&api, &listener, params).tries(1).piece_timeout(Duration::from_millis(20));
        assert!(matches!(guided.run(call.sid()).unwrap(), Ending::GaveUp { .. }));
        assert!(sandbox.wait_for_delivery(SOON));
    }
    assert!(listener.try_recv().unwrap().is_none());
    assert!(sandbox.sessions().iter().all(|session| session.result == Some(PayResult::Cancelled)));
    let call = sandbox.call().obliging();
    let ending = GuidedPayment::new(&api, &listener, params(&listener)).run(call.sid()).unwrap();
    assert!(matches!(ending, Ending::Succeeded(_)), "{ending:?}");
}

#[test]
fn an_error_or_a_panic_leaves_no_session_open() {
    let (sandbox, listener) = stage();
    let api = sandbox.client();

    let call = sandbox.call();
    let guided = GuidedPayment::new(&api, &listener, params(&listener))
        .on_callback(|callback| assert_ne!(callback.event(), Event::Started, "stop here"));
    let panicked = catch_unwind(AssertUnwindSafe(|| guided.run(call.sid())));
    assert!(panicked.is_err());
    assert_eq!(sandbox.sessions()[0].result, Some(PayResult::Cancelled));

    let call = sandbox.call();
    let shut = CallbackListener::local(SignatureValidator::new(sandbox.auth_token()).unwrap()).unwrap();
    let params = params(&shut);
    shut.shutdown();
    let error = GuidedPayment::new(&api, &shut, params).run(call.sid()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shutdown);
    assert_eq!(sandbox.sessions()[1].result, Some(PayResult::Cancelled));
}

#[test]
fn a_result_that_does_not_come_is_unknown() {
    let (sandbox, listener) = stage();
    let call = sandbox.call();
    // The caller is to confirm, and never does.
    let params = params(&listener).security_code(false).postal_code(false).confirmation(true);
    let typing = thread::spawn({
        let call = call.clone();
        move || {
            for keys in [numbers::VISA, "1234"] {
                assert!(matches!(call.wait_until_asked(SOON), Some(Asking::For(_))));
                call.press(keys);
            }
        }
    });
    let error = GuidedPayment::new(&sandbox.client(), &listener, params)
        .result_timeout(Duration::from_millis(100))
        .run(call.sid())
        .unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown));
    assert!(error.idempotency_key().is_some());
    assert_eq!(sandbox.sessions()[0].result, Some(PayResult::Cancelled));
    typing.join().unwrap();
}
