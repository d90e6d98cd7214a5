//! Payments as flows at 30 % faults, both if the service replays the response to a repeated idempotency key and if it
//! ignores the key. Nobody is charged twice, no payment is lost, and no outcome or ending is false.
//!
//! `FLOW_SESSIONS` sets how many payments are taken in each case.

use std::collections::{HashMap, HashSet};
use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use twilio_payments::sandbox::{IdempotencyKeys, RandomFaults, Sandbox};
use twilio_payments::*;

const THREADS: usize = 8;

/// A flow, and what wakes its thread when a callback has arrived.
type Shared = Arc<(Mutex<PaymentFlow>, Condvar)>;

/// The flows by their tags.
type Flows = Arc<Mutex<HashMap<String, Shared>>>;

fn amount(number: usize) -> Amount {
    Amount::from_cents(number as u64 + 1).unwrap()
}

/// Passes callbacks to the flows that they are about.
fn listen(sandbox: &Sandbox, flows: &Flows) -> CallbackListener {
    let flows = Arc::clone(flows);
    let validator = SignatureValidator::new(sandbox.auth_token()).unwrap();
    let handler = move |callback: &StatusCallback| {
        let tag = callback.tag().ok_or("a callback without a tag")?;
        let shared = flows.lock().unwrap().get(tag).cloned().ok_or("a callback of no flow")?;
        assert!(shared.0.lock().unwrap().on_callback(callback), "its tag and its session belong together");
        shared.1.notify_all();
        Ok::<_, &str>(())
    };
    CallbackListener::builder(validator).on_callback(handler).bind("127.0.0.1:0").unwrap()
}

/// Whether the sandbox has carried out a request with this key.
fn is_done(sandbox: &Sandbox, flow: &PaymentFlow, key: &str) -> bool {
    let session = match flow.session_sid() {
        Some(sid) => sandbox.session(sid),
        None => sandbox.sessions().into_iter().find(|session| session.call_sid == flow.call_sid()),
    };
    session.is_some_and(|session| session.idempotency_keys.iter().any(|done| done == key))
}

/// Takes a payment to its end.
fn drive(sandbox: &Sandbox, api: &PaymentsApi, shared: &Shared) -> Ending {
    let (flow, news) = &**shared;
    let mut seen = HashSet::new();
    loop {
        let now = SystemTime::now();
        let mut locked = flow.lock().unwrap();
        let (step, call) = (locked.next(now), locked.call_sid().to_owned());
        let response = match &step {
            Step::Create(params) => {
                drop(locked);
                api.create_payments(&call, params)
            }
            Step::Update { sid, params } => {
                drop(locked);
                api.update_payments(&call, sid, params)
            }
            Step::WaitUntil(time) => {
                let time = time.duration_since(now).unwrap_or_default();
                drop(news.wait_timeout(locked, time).unwrap());
                continue;
            }
            Step::Ended(ending) => return ending.clone(),
        };
        let mut flow = flow.lock().unwrap();
        if let Err(error) = &response {
            // The outcome is about this request only: an earlier one may have been carried out.
            let key = error.idempotency_key().unwrap();
            if seen.insert(key.to_owned()) && error.outcome() != Outcome::Unknown {
                assert!(!is_done(sandbox, &flow, key), "it was carried out: {error:?}");
            }
        }
        flow.on_response(response);
    }
}

#[derive(Debug, Default)]
struct Counts {
    paid: AtomicUsize,
    not_paid: AtomicUsize,
    unknown: AtomicUsize,
}

#[track_caller]
fn take_payments(keys: IdempotencyKeys, retries: u32) {
    let sessions = env::var("FLOW_SESSIONS").map_or(25, |sessions| sessions.parse().unwrap());
    let started = Instant::now();
    let sandbox = Sandbox::builder().idempotency_keys(keys).kept_sessions(2 * sessions).start().unwrap();
    sandbox.faults().at_random(RandomFaults::new(u64::from(retries), 0.3));
    let (brief, long) = (Duration::from_millis(1), Duration::from_millis(4));
    let policy = RetryPolicy::new().max_retries(retries).base_delay(brief).max_delay(long);
    let api = sandbox.client_builder().retry_policy(policy).build().unwrap();
    let flows = Flows::default();
    let listener = listen(&sandbox, &flows);
    let (counts, next) = (Counts::default(), AtomicUsize::new(0));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= sessions {
                return;
            }
            let call = sandbox.call().obliging();
            let params = CreatePaymentsParams::new(listener.status_callback_url())
                .idempotency_key(format!("order-{number}"))
                .charge_amount(amount(number));
            let flow = PaymentFlow::new(call.sid(), params).unwrap();
            let shared: Shared = Arc::new((Mutex::new(flow), Condvar::new()));
            let tag = shared.0.lock().unwrap().tag();
            flows.lock().unwrap().insert(tag, Arc::clone(&shared));
            let ending = drive(&sandbox, &api, &shared);
            let charged = ending.session_sid.as_deref().is_some_and(|sid| {
                sandbox.session(sid).is_some_and(|session| session.result == Some(PayResult::Success))
            });
            let count = match &ending.payment {
                PaymentEnding::Paid { .. } if charged => &counts.paid,
                PaymentEnding::NotPaid(_) if !charged => &counts.not_paid,
                PaymentEnding::Unknown { .. } => &counts.unknown,
                _ => panic!("payment {number}, charged: {charged}, and the flow says {ending:?}"),
            };
            if !ending.is_success() {
                println!("payment {number}: {ending:?}");
            }
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let (requests, faults) = (sandbox.request_count(), sandbox.faults().injected());
    println!(
        "{keys:?}, {retries} retries: {counts:?}, {requests} requests, {faults} faults, {:?}",
        started.elapsed()
    );
    let mut charged: Vec<_> = sandbox.transactions().into_iter().map(|made| made.amount).collect();
    let transactions = charged.len();
    charged.sort_unstable();
    charged.dedup();
    assert_eq!(charged.len(), transactions, "each order has its own amount, and none was charged twice");
    // No key fails more than five times in a row, and a flow begins each request up to three times.
    assert_eq!(counts.paid.into_inner(), sessions, "none was lost");
    assert_eq!(transactions, sessions);
    assert!(faults > sessions, "{faults} faults");
}

#[test]
fn keys_are_replayed_and_the_policy_is_the_default() {
    take_payments(IdempotencyKeys::Replayed, 2);
}

#[test]
fn keys_are_replayed_and_there_are_eight_retries() {
    take_payments(IdempotencyKeys::Replayed, 8);
}

#[test]
fn keys_are_ignored_and_the_policy_is_the_default() {
    take_payments(IdempotencyKeys::Ignored, 2);
}

#[test]
fn keys_are_ignored_and_there_are_eight_retries() {
    take_payments(IdempotencyKeys::Ignored, 8);
}
