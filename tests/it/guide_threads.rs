//! What the closures of a guided payment may do on the threads that call them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, CreatePaymentsParams, GuidedPayment, NotPaidReason, PaymentEnding, PaymentFlow,
    PaymentStopper, SessionEnding, SignatureValidator,
};

const SOON: Duration = Duration::from_secs(20);

fn stage() -> (Sandbox, CallbackListener) {
    let sandbox = Sandbox::start().unwrap();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token()).unwrap()).unwrap();
    (sandbox, listener)
}

fn flow(listener: &CallbackListener, call_sid: &str) -> PaymentFlow {
    let params = CreatePaymentsParams::new(listener.status_callback_url());
    PaymentFlow::new(call_sid, params.charge_amount("5.00".parse().unwrap())).unwrap()
}

/// Runs a closure that must not block forever.
#[track_caller]
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(run()));
    ended.recv_timeout(SOON).expect("it blocks")
}

#[test]
fn the_store_can_stop_the_payment() {
    let ending = in_time(|| {
        let (sandbox, listener) = stage();
        let (call, stopper) = (sandbox.call(), PaymentStopper::new());
        let stopping = stopper.clone();
        GuidedPayment::new(&sandbox.client(), &listener, flow(&listener, call.sid()))
            .stopper(&stopper)
            .store(move |flow| {
                if flow.session_sid().is_some() {
                    stopping.stop();
                }
                Ok::<(), String>(())
            })
            .run()
            .unwrap()
    });
    assert_eq!(ending.payment, PaymentEnding::NotPaid(NotPaidReason::Cancelled));
    assert_eq!(ending.session, SessionEnding::Cancelled);
}

#[test]
fn a_panic_of_the_store_is_a_panic_of_run() {
    let (panicked, requests) = in_time(|| {
        let (sandbox, listener) = stage();
        let call = sandbox.call();
        let (api, running) = (sandbox.client(), thread::current().id());
        let payment = GuidedPayment::new(&api, &listener, flow(&listener, call.sid())).store(move |_| {
            assert_eq!(thread::current().id(), running, "on the listener's thread");
            Ok::<(), String>(())
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| payment.run())).is_err();
        (panicked, sandbox.request_count())
    });
    assert!(panicked);
    assert!(requests <= 2, "{requests}: nothing is sent after it");
}
