//! The truth about a payment, in spite of lost responses, crashes, and whatever the program does. Each test is named
//! after something that was once reported wrongly.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use twilio_payments::sandbox::{Asking, Call, Fault, FaultTarget, IdempotencyKeys, Sandbox, numbers};
use twilio_payments::{
    CallbackListener, CreatePaymentsParams, Ending, Error, ErrorKind, Event, GuidedPayment, NotPaidReason,
    Outcome, PaymentEnding, PaymentFlow, PaymentStopper, PaymentsApi, PaymentsStatus, RetryPolicy,
    SessionEnding, SignatureValidator, Step, UpdatePaymentsParams,
};

const SOON: Duration = Duration::from_secs(20);
const BOTH_WORLDS: [IdempotencyKeys; 2] = [IdempotencyKeys::Replayed, IdempotencyKeys::Ignored];

struct Stage {
    sandbox: Sandbox,
    listener: CallbackListener,
    /// A client that does not retry.
    api: PaymentsApi,
}

impl Stage {
    fn new(keys: IdempotencyKeys) -> Self {
        let sandbox = Sandbox::builder().idempotency_keys(keys).start().unwrap();
        let listener = listener(&sandbox);
        let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
        Self { sandbox, listener, api }
    }

    /// The params of a payment of 19.99 for an order, which names the key. There is one order for each call.
    fn flow(&self, call: &Call) -> PaymentFlow {
        let params = CreatePaymentsParams::new(self.listener.status_callback_url())
            .idempotency_key(format!("order-{}", call.sid()))
            .charge_amount("19.99".parse().unwrap());
        PaymentFlow::new(call.sid(), params).unwrap()
    }

    fn run(&self, flow: PaymentFlow) -> Ending {
        GuidedPayment::new(&self.api, &self.listener, flow).run().unwrap()
    }
}

fn listener(sandbox: &Sandbox) -> CallbackListener {
    CallbackListener::local(SignatureValidator::new(sandbox.auth_token()).unwrap()).unwrap()
}

/// A place where a flow is stored as text.
#[derive(Clone, Default)]
struct Stored(Arc<Mutex<Vec<String>>>);

impl Stored {
    fn put(&self, flow: &PaymentFlow) {
        self.0.lock().unwrap().push(serde_json::to_string(flow).unwrap());
    }

    fn last(&self) -> PaymentFlow {
        serde_json::from_str(self.0.lock().unwrap().last().unwrap()).unwrap()
    }
}

#[track_caller]
fn reason(ending: &Ending) -> NotPaidReason {
    match &ending.payment {
        PaymentEnding::NotPaid(reason) => reason.clone(),
        other => panic!("{other:?}"),
    }
}

/// When a program dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// After it has stored the flow this many times, before it does anything more.
    Stored(usize),
    /// The same, but if a request was begun, it is sent, and the response is lost.
    Sent(usize),
    /// After it has stored the request to complete as begun.
    Completing,
}

/// Drives a flow until the program dies. Returns the request to complete, if that is next.
fn die(stage: &Stage, call: &Call, stored: &Stored, death: Death) -> Option<UpdatePaymentsParams> {
    let mut flow = stage.flow(call).capture_timeout(SOON).unwrap();
    for count in 1.. {
        let step = flow.next(SystemTime::now());
        stored.put(&flow);
        if death == Death::Stored(count) {
            return None;
        }
        match step {
            Step::Create(params) => flow.on_response(stage.api.create_payments(call.sid(), &params)),
            Step::Update { params, .. }
                if params.status == Some(PaymentsStatus::Complete) && death == Death::Completing =>
            {
                return Some(params);
            }
            Step::Update { sid, params } => {
                flow.on_response(stage.api.update_payments(call.sid(), &sid, &params));
            }
            // It would not have acknowledged what it does not store.
            Step::WaitUntil(_) if death == Death::Sent(count) => {}
            Step::WaitUntil(_) => {
                flow.on_callback(&stage.listener.recv_timeout(SOON).unwrap());
            }
            Step::Ended(_) => return None,
        }
        if death == Death::Sent(count) {
            return None;
        }
    }
    None
}

#[test]
fn a_rerun_after_a_crash_does_not_report_a_charged_payment_as_refused() {
    for keys in BOTH_WORLDS {
        let stage = Stage::new(keys);
        let (call, stored) = (stage.sandbox.call().obliging(), Stored::default());
        let complete = die(&stage, &call, &stored, Death::Completing).unwrap();
        // It died a moment later: the request is carried out, and its result is acknowledged and lost.
        let sid = stored.last().session_sid().unwrap().to_owned();
        stage.api.update_payments(call.sid(), &sid, &complete).unwrap();
        assert!(stage.sandbox.wait_for_delivery(SOON));
        while stage.listener.try_recv().unwrap().is_some() {}
        assert_eq!(stage.sandbox.transaction_count(), 1);

        let mut again = serde_json::to_value(stored.last()).unwrap();
        again["limits"]["result_timeout"] = 200.into();
        let ending = stage.run(serde_json::from_value(again).unwrap());
        assert!(matches!(ending.payment, PaymentEnding::Unknown { .. }), "{keys:?}: {ending:?}");
        assert_eq!(ending.session_sid, Some(sid));
        // The reference to search for at the payment processor.
        let description = stage.sandbox.sessions()[0].parameter("Description").map(str::to_owned);
        assert_eq!(ending.reference, description);
        assert_eq!(stage.sandbox.transaction_count(), 1, "{keys:?}");
    }
}

#[test]
fn a_rerun_after_a_crash_goes_on_where_the_flow_was_stored() {
    for keys in BOTH_WORLDS {
        let stage = Stage::new(keys);
        let deaths = (1..=40).step_by(3).flat_map(|count| [Death::Stored(count), Death::Sent(count + 1)]);
        for (count, death) in deaths.chain([Death::Completing]).enumerate() {
            let (call, stored) = (stage.sandbox.call().obliging(), Stored::default());
            die(&stage, &call, &stored, death);
            // Callbacks that the dead program did not acknowledge still wait in the listener, like repeated ones.
            let ending = stage.run(stored.last());
            assert!(ending.is_success(), "{keys:?}, {death:?}: {ending:?}");
            let sandbox = &stage.sandbox;
            assert_eq!((sandbox.sessions().len(), sandbox.transaction_count()), (count + 1, count + 1));
            while stage.listener.try_recv().unwrap().is_some() {}
        }
    }
}

#[test]
fn the_cookbook_combines_the_errors_of_both_calls() {
    // As in the documentation.
    fn complete(
        api: &PaymentsApi,
        call: &Call,
        sid: &str,
        params: &UpdatePaymentsParams,
    ) -> Result<(), Error> {
        let earlier = match api.update_payments(call.sid(), sid, params) {
            Err(error) if error.outcome() == Outcome::Unknown => error,
            result => return result.map(drop),
        };
        api.update_payments(call.sid(), sid, params).map(drop).map_err(|error| error.after_earlier(&earlier))
    }
    let stage = Stage::new(IdempotencyKeys::Replayed);
    let (call, stored) = (stage.sandbox.call().obliging(), Stored::default());
    let params = die(&stage, &call, &stored, Death::Completing).unwrap();
    let sid = stored.last().session_sid().unwrap().to_owned();
    let limit = Fault::TooManyRequests { retry_after: Duration::from_secs(60) };
    stage.sandbox.faults().list([Fault::ServerErrorAfter, limit]);
    let error = complete(&stage.api, &call, &sid, &params).unwrap_err();
    assert_eq!((error.outcome(), error.status(), error.attempts()), (Outcome::Unknown, Some(429), 2));
    assert_eq!(stage.sandbox.transaction_count(), 1);
}

/// The files below a folder that are not tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "tests" | "tests.rs" => {}
            _ if path.is_dir() => sources(&path, found),
            _ => found.push(path),
        }
    }
}

#[test]
fn no_example_makes_a_new_key_for_a_completion_that_is_repeated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    sources(&root.join("src"), &mut files);
    sources(&root.join("examples"), &mut files);
    let mut kept = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let place = |at: usize| format!("{}, line {}", file.display(), 1 + text[..at].lines().count());
        // A temporary in the call is another operation each time that the call is repeated.
        for (at, _) in text.match_indices("UpdatePaymentsParams::new_complete(") {
            assert!(!text[..at].ends_with('&'), "{}", place(at));
            kept += usize::from(text[..at].ends_with(" = "));
        }
    }
    assert!(kept >= 4, "the examples were not found: {kept}");
}

#[test]
fn a_lost_creation_is_found_by_its_callback() {
    for keys in BOTH_WORLDS {
        let stage = Stage::new(keys);
        let call = stage.sandbox.call().obliging();
        let limit = Fault::TooManyRequests { retry_after: Duration::from_secs(60) };
        stage.sandbox.faults().list([Fault::DropAfter, limit, limit]);
        let ending = stage.run(stage.flow(&call));
        assert!(ending.is_success(), "{keys:?}: {ending:?}");
        assert_eq!((stage.sandbox.sessions().len(), stage.sandbox.transaction_count()), (1, 1));
    }
}

#[test]
fn an_earlier_session_on_the_call_is_not_taken_for_this_one() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    let call = stage.sandbox.call();
    // The callbacks of this session are in the listener, under another payment's tag.
    let earlier = CreatePaymentsParams::new(format!("{}?payment_flow=0", stage.listener.public_url()));
    stage.api.create_payments(call.sid(), &earlier).unwrap();
    assert!(stage.sandbox.wait_for_delivery(SOON));
    stage.sandbox.faults().list([Fault::DropBefore]);
    let flow = stage.flow(&call).result_timeout(Duration::from_millis(200)).unwrap();
    let ending = stage.run(flow);
    assert_eq!((ending.session, ending.session_sid), (SessionEnding::PerhapsOpen, None));
    assert!(matches!(ending.payment, PaymentEnding::NotPaid(NotPaidReason::CreateFailed(Some(_)))));
    assert!(stage.listener.try_recv().unwrap().is_some());
}

#[test]
fn a_result_that_comes_late_is_not_thrown_away() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    let (call, stored) = (stage.sandbox.call(), Stored::default());
    let typing = thread::spawn({
        let call = call.clone();
        move || {
            for keys in [numbers::VISA, "1234", "123", "94109#"] {
                assert!(matches!(call.wait_until_asked(SOON), Some(Asking::Capture(_))));
                call.press(keys);
            }
            assert_eq!(call.wait_until_asked(SOON), Some(Asking::Confirmation));
        }
    });
    let params = CreatePaymentsParams::new(stage.listener.status_callback_url())
        .charge_amount("19.99".parse().unwrap())
        .confirmation(true);
    let flow = PaymentFlow::new(call.sid(), params).unwrap();
    let flow = flow.result_timeout(Duration::from_millis(300)).unwrap();
    let storing = stored.clone();
    let ending = GuidedPayment::new(&stage.api, &stage.listener, flow)
        .store(move |flow| {
            storing.put(flow);
            Ok::<(), String>(())
        })
        .run()
        .unwrap();
    assert!(matches!(ending.payment, PaymentEnding::Unknown { .. }), "{ending:?}");
    typing.join().unwrap();
    // The caller takes their time to confirm; the session was not cancelled.
    call.press("1");
    let mut flow = stored.last();
    assert_eq!(flow.ending(), Some(ending));
    let late = stage.listener.recv_timeout(SOON).unwrap();
    assert!(flow.on_callback(&late));
    let ending = flow.ending().unwrap();
    let code = stage.sandbox.transactions()[0].confirmation_code.clone();
    assert!(code.is_some());
    let PaymentEnding::Paid { confirmation_code, .. } = ending.payment else { panic!("{ending:?}") };
    assert_eq!(confirmation_code, code);
}

#[test]
fn a_session_whose_cancel_failed_is_not_reported_as_cancelled() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    let flow = |call: &Call| {
        let flow = stage.flow(call).max_asks(1).unwrap();
        flow.capture_timeout(Duration::from_millis(50)).unwrap()
    };
    for _ in 0..3 {
        stage.sandbox.faults().aim(FaultTarget::Cancel, Fault::Unavailable);
    }
    let call = stage.sandbox.call();
    let ending = stage.run(flow(&call));
    assert!(matches!(reason(&ending), NotPaidReason::CaptureFailed { .. }));
    assert_eq!(ending.session, SessionEnding::PerhapsOpen);
    assert!(stage.sandbox.sessions()[0].is_open());
    call.hang_up();
    // One failure is not a reason to give up.
    stage.sandbox.faults().aim(FaultTarget::Cancel, Fault::Unavailable);
    let call = stage.sandbox.call();
    let params = CreatePaymentsParams::new(stage.listener.status_callback_url());
    let other = PaymentFlow::new(call.sid(), params).unwrap().max_asks(1).unwrap();
    let ending = stage.run(other.capture_timeout(Duration::from_millis(50)).unwrap());
    assert_eq!(ending.session, SessionEnding::Cancelled);
    assert!(stage.sandbox.sessions().iter().all(|session| !session.is_open()));
}

/// Runs payments whose callers do not type, until all of them ask for the card number.
fn start_silent<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    stage: &'scope Stage,
    stopper: &PaymentStopper,
) -> Vec<thread::ScopedJoinHandle<'scope, Ending>> {
    let payments: Vec<_> = (0..4)
        .map(|n| {
            let call = stage.sandbox.call();
            let params = CreatePaymentsParams::new(stage.listener.status_callback_url());
            let flow = PaymentFlow::new(call.sid(), params.idempotency_key(format!("order-{n}"))).unwrap();
            let stopper = stopper.clone();
            let run = move || {
                GuidedPayment::new(&stage.api, &stage.listener, flow).stopper(&stopper).run().unwrap()
            };
            (call, scope.spawn(run))
        })
        .collect();
    payments
        .into_iter()
        .map(|(call, thread)| {
            assert!(call.wait_until_asked(SOON).is_some());
            thread
        })
        .collect()
}

#[test]
fn stopping_a_program_cancels_every_open_session() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    let stopper = PaymentStopper::new();
    thread::scope(|scope| {
        let payments = start_silent(scope, &stage, &stopper);
        let began = Instant::now();
        stopper.stop();
        for payment in payments {
            let ending = payment.join().unwrap();
            assert_eq!(
                (reason(&ending), ending.session),
                (NotPaidReason::Cancelled, SessionEnding::Cancelled)
            );
        }
        assert!(began.elapsed() < Duration::from_secs(30));
    });
    assert!(stage.sandbox.sessions().iter().all(|session| !session.is_open()));
    // A payment that runs afterwards sends nothing.
    let requests = stage.sandbox.request_count();
    let flow = stage.flow(&stage.sandbox.call());
    let ending = GuidedPayment::new(&stage.api, &stage.listener, flow).stopper(&stopper).run().unwrap();
    assert_eq!((reason(&ending), ending.session), (NotPaidReason::Cancelled, SessionEnding::NotOpened));
    assert_eq!(stage.sandbox.request_count(), requests);
}

#[test]
fn a_cancel_that_is_not_answered_does_not_keep_the_program() {
    let mut stage = Stage::new(IdempotencyKeys::Replayed);
    let failures = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&failures);
    let patient = stage.sandbox.client_builder().timeout(Duration::from_secs(300));
    let observed = patient.on_attempt(move |attempt| seen.lock().unwrap().extend(attempt.error_kind));
    stage.api = observed.retry_policy(RetryPolicy::none()).build().unwrap();
    stage.sandbox.faults().aim(FaultTarget::Cancel, Fault::Delay(Duration::from_secs(100)));
    let flow = stage.flow(&stage.sandbox.call()).max_asks(1).unwrap();
    let ending = stage.run(flow.capture_timeout(Duration::from_millis(50)).unwrap());
    assert_eq!(ending.session, SessionEnding::Cancelled);
    // After 10 s, though the client would have waited for the response.
    assert_eq!(*failures.lock().unwrap(), [ErrorKind::Timeout]);
}

#[test]
fn shutting_the_listener_down_cancels_every_open_session() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    thread::scope(|scope| {
        let payments = start_silent(scope, &stage, &PaymentStopper::new());
        stage.listener.shutdown();
        for payment in payments {
            let ending = payment.join().unwrap();
            assert_eq!(
                (reason(&ending), ending.session),
                (NotPaidReason::Cancelled, SessionEnding::Cancelled)
            );
        }
    });
    assert!(stage.sandbox.sessions().iter().all(|session| !session.is_open()));
    let flow = stage.flow(&stage.sandbox.call());
    assert_eq!(stage.run(flow).session, SessionEnding::NotOpened);
}

#[test]
fn shutting_the_client_down_is_reported_truthfully() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    thread::scope(|scope| {
        let stopper = PaymentStopper::new();
        let payments = start_silent(scope, &stage, &stopper);
        stage.api.shutdown();
        stopper.stop();
        for payment in payments {
            let ending = payment.join().unwrap();
            // Nothing was charged, but the sessions could no longer be cancelled.
            assert_eq!(
                (reason(&ending), ending.session),
                (NotPaidReason::Cancelled, SessionEnding::PerhapsOpen)
            );
        }
    });
    assert!(stage.sandbox.sessions().iter().all(twilio_payments::sandbox::Session::is_open));
    let ending = stage.run(stage.flow(&stage.sandbox.call()));
    let NotPaidReason::CreateFailed(Some(response)) = reason(&ending) else { panic!("{ending:?}") };
    assert_eq!((response.kind, response.outcome), (ErrorKind::Shutdown, Outcome::NotSent));
    assert_eq!(ending.session, SessionEnding::NotOpened);
}

#[test]
fn no_request_is_sent_unless_the_flow_was_stored() {
    for allowed in 0..12 {
        let stage = Stage::new(IdempotencyKeys::Replayed);
        let (call, stored) = (stage.sandbox.call().obliging(), Stored::default());
        let (storing, sandbox_requests) = (stored.clone(), stage.sandbox.request_count());
        let mut count = 0;
        let result = GuidedPayment::new(&stage.api, &stage.listener, stage.flow(&call))
            .store(move |flow| {
                count += 1;
                if count > allowed {
                    return Err("the disk is full");
                }
                storing.put(flow);
                Ok(())
            })
            .run();
        assert_eq!(result, Err("the disk is full"), "after {allowed}");
        let begun = stored.0.lock().unwrap().iter().filter(|text| text.contains("\"in_flight\"")).count();
        assert!(stage.sandbox.request_count() - sandbox_requests <= begun, "after {allowed}");
        assert_eq!(stage.sandbox.transaction_count(), 0);
    }
}

#[test]
fn a_callback_that_could_not_be_stored_is_sent_again() {
    let stage = Stage::new(IdempotencyKeys::Replayed);
    let (call, stored) = (stage.sandbox.call().obliging(), Stored::default());
    let storing = stored.clone();
    let result = GuidedPayment::new(&stage.api, &stage.listener, stage.flow(&call))
        .store(move |flow| {
            if flow.ending().is_some() {
                return Err("the database is away");
            }
            storing.put(flow);
            Ok(())
        })
        .run();
    // The result arrived, but could not be stored: it was answered 500, and the program ends.
    assert_eq!(result, Err("the database is away"));
    assert_eq!(stage.sandbox.transaction_count(), 1);
    // The service repeats it, and the payment that continues the stored flow receives it.
    let ending = stage.run(stored.last());
    assert!(ending.is_success(), "{ending:?}");
    assert_eq!(stage.sandbox.transaction_count(), 1);
}

#[test]
fn a_result_that_arrives_while_a_request_is_under_way_is_taken() {
    let mut took = Vec::new();
    // On a busy machine the result takes longer, and the response must take longer still.
    for delay in [500, 1_000, 2_000, 4_000].map(Duration::from_millis) {
        let stage = Stage::new(IdempotencyKeys::Replayed);
        let call = stage.sandbox.call().obliging();
        // The response to the completion takes longer than the result.
        stage.sandbox.faults().aim(FaultTarget::Complete, Fault::Delay(delay));
        let seen = Arc::new(Mutex::new(None));
        let seeing = Arc::clone(&seen);
        let started = Instant::now();
        let ending = GuidedPayment::new(&stage.api, &stage.listener, stage.flow(&call))
            .on_callback(move |callback| {
                if matches!(callback.event(), Event::Succeeded { .. }) {
                    *seeing.lock().unwrap() = Some(Instant::now());
                }
            })
            .run()
            .unwrap();
        assert!(ending.is_success(), "{ending:?}");
        let (seen, ended) = (seen.lock().unwrap().unwrap(), Instant::now());
        took.push((seen - started, ended - started));
        if ended - seen >= Duration::from_millis(200) {
            return;
        }
    }
    panic!("never before the response: {took:?}");
}

#[test]
fn an_unknown_result_is_not_a_certainty() {
    for (result, session) in
        [("approved", SessionEnding::PerhapsOpen), ("Success", SessionEnding::PerhapsOpen)]
    {
        let stage = Stage::new(IdempotencyKeys::Replayed);
        let (call, stored) = (stage.sandbox.call().obliging(), Stored::default());
        die(&stage, &call, &stored, Death::Completing).unwrap();
        let mut flow = stored.last();
        let body =
            format!("Sid={}&Result={result}&PaymentConfirmationCode=ch_1", flow.session_sid().unwrap());
        assert!(flow.on_callback(&twilio_payments::StatusCallback::parse(body.as_bytes()).unwrap()));
        let Step::Ended(ending) = flow.next(SystemTime::now()) else { panic!() };
        assert!(matches!(ending.payment, PaymentEnding::Unknown { result: Some(_), .. }), "{ending:?}");
        assert_eq!(ending.session, session);
    }
}

#[test]
fn flows_and_guided_payments_can_be_shared_by_threads() {
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn check<T: Clone + std::fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
    fn check_guided<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    check::<PaymentFlow>();
    check::<Step>();
    check::<Ending>();
    check::<PaymentEnding>();
    check::<NotPaidReason>();
    check::<SessionEnding>();
    check::<twilio_payments::ReferencePlace>();
    check::<twilio_payments::ResponseDigest>();
    check::<PaymentStopper>();
    check_guided::<GuidedPayment<'static>>();
    check_guided::<GuidedPayment<'static, std::io::Error>>();
}
