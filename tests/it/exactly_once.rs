//! Whatever goes wrong on the way, every payment happens once, none is lost, and errors report the truth about what
//! has happened.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::CALLBACK;
use crate::support::faults::nobody;
use twilio_payments::sandbox::{Call, Fault, RandomFaults, Sandbox};
use twilio_payments::*;

const THREADS: usize = 8;

/// The captures of each session.
const CAPTURES: [Capture; 4] =
    [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];

/// The amount of a session. Each session has a different one.
fn amount(number: usize) -> Amount {
    Amount::from_cents(number as u64 + 1).unwrap()
}

/// The idempotency keys of a session's six requests. They are the same in every run, and so are the faults.
fn keys(number: usize) -> Vec<String> {
    (0..6).map(|step| format!("{number}-{step}")).collect()
}

/// One operation of a session, and its key.
enum Operation<'a> {
    Create(Box<CreatePaymentsParams>),
    Update(&'a str, UpdatePaymentsParams),
}

impl Operation<'_> {
    fn call(&self, api: &PaymentsApi, call: &Call) -> Result<Payments, Error> {
        match self {
            Self::Create(params) => api.create_payments(call.sid(), params),
            Self::Update(sid, params) => api.update_payments(call.sid(), sid, params),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Create(params) => &params.idempotency_key,
            Self::Update(_, params) => &params.idempotency_key,
        }
    }
}

/// Takes a session from its creation to its completion, and returns its SID. `run` carries out each operation.
fn session(number: usize, mut run: impl FnMut(&Operation<'_>) -> Payments) -> String {
    let keys = keys(number);
    let create = CreatePaymentsParams::new(CALLBACK).charge_amount(amount(number)).idempotency_key(&keys[0]);
    let sid = run(&Operation::Create(Box::new(create))).sid;
    for (capture, key) in CAPTURES.iter().zip(&keys[1..]) {
        let update = UpdatePaymentsParams::new_capture(CALLBACK, capture.clone()).idempotency_key(key);
        assert_eq!(run(&Operation::Update(&sid, update)).sid, sid);
    }
    let complete = UpdatePaymentsParams::new_complete(CALLBACK).idempotency_key(&keys[5]);
    assert_eq!(run(&Operation::Update(&sid, complete)).sid, sid);
    sid
}

/// Divides sessions among threads, and returns the SID of each by its number.
fn in_threads(sessions: usize, run: impl Fn(usize) -> String + Sync) -> HashMap<usize, String> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= sessions {
                    return done;
                }
                done.push((number, run(number)));
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Checks that every session exists once, was asked for everything once, and was charged once, with its own amount.
fn all_happened_once(sandbox: &Sandbox, sids: &HashMap<usize, String>) {
    let count = sids.len();
    assert_eq!(sids.values().collect::<HashSet<_>>().len(), count, "no session is two");
    assert_eq!(sandbox.sessions().len(), count, "none was created twice");
    assert_eq!(sandbox.transaction_count(), count, "none was lost, none charged twice");
    let charged: HashMap<_, _> =
        sandbox.transactions().into_iter().map(|made| (made.session_sid, made.amount)).collect();
    for (number, sid) in sids {
        let session = sandbox.session(sid).unwrap();
        assert_eq!(charged.get(sid), Some(&Some(amount(*number))));
        assert_eq!(session.captures, CAPTURES, "nothing was asked twice");
        assert_eq!(session.idempotency_keys, keys(*number), "every request had its effect once");
        assert_eq!(session.result, Some(PayResult::Success));
    }
}

#[test]
fn two_thousand_sessions_at_thirty_percent_faults() {
    const SESSIONS: usize = 2_000;
    let sandbox = Sandbox::start().unwrap();
    sandbox.faults().at_random(RandomFaults::new(2_026, 0.3).at_most_in_a_row(5));
    let delay = Duration::from_millis(1);
    let policy = RetryPolicy::new().max_retries(8).base_delay(delay).max_delay(delay);
    let api = sandbox.client_builder().retry_policy(policy).build().unwrap();
    let started = Instant::now();
    let sids = in_threads(SESSIONS, |number| {
        let call = sandbox.call().obliging();
        session(number, |operation| {
            let done = operation.call(&api, &call);
            done.unwrap_or_else(|error| panic!("session {number}: {error:?}"))
        })
    });
    let (requests, faults) = (sandbox.request_count(), sandbox.faults().injected());
    println!("{SESSIONS} sessions, {requests} requests, {faults} faults, {:?}", started.elapsed());
    all_happened_once(&sandbox, &sids);
    // There were faults of each kind.
    assert!(
        faults > SESSIONS && requests > 6 * SESSIONS + faults / 2,
        "{faults} faults, {requests} requests"
    );
}

/// What an error said, and whether the sandbox had carried the request out by then.
#[derive(Default)]
struct Verdicts {
    not_sent: AtomicUsize,
    refused: AtomicUsize,
    unknown_and_done: AtomicUsize,
    unknown_and_not_done: AtomicUsize,
}

impl Verdicts {
    fn check(&self, error: &Error, done: bool) {
        let verdict = match (error.outcome(), done) {
            (Outcome::NotSent, false) => &self.not_sent,
            (Outcome::Refused, false) => &self.refused,
            (Outcome::Unknown, true) => &self.unknown_and_done,
            (Outcome::Unknown, false) => &self.unknown_and_not_done,
            (Outcome::NotSent | Outcome::Refused, true) => panic!("not true, it was carried out: {error:?}"),
        };
        verdict.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(self) -> [usize; 4] {
        [self.not_sent, self.refused, self.unknown_and_done, self.unknown_and_not_done]
            .map(AtomicUsize::into_inner)
    }
}

#[test]
fn an_error_reports_the_truth() {
    const SESSIONS: usize = 250;
    let sandbox = Sandbox::start().unwrap();
    let refusal = Fault::TooManyRequests { retry_after: Duration::ZERO };
    let kinds = [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Garbage,
        Fault::ServerError,
        Fault::ServerErrorAfter,
        Fault::Unavailable,
        Fault::Delay(Duration::from_millis(500)),
        refusal,
        refusal,
        refusal,
        refusal,
        refusal,
    ];
    sandbox.faults().at_random(RandomFaults::new(7, 0.7).kinds(kinds).at_most_in_a_row(20));
    // The default policy, with shorter times: two retries.
    let limit = Some(Duration::from_millis(250));
    let policy = RetryPolicy::new().base_delay(Duration::from_millis(1)).attempt_timeout(limit);
    let api = sandbox.client_builder().retry_policy(policy).build().unwrap();
    let nowhere = crate::support::builder(nobody()).retry_policy(policy).build().unwrap();
    let verdicts = Verdicts::default();
    let sids = in_threads(SESSIONS, |number| {
        let call = sandbox.call().obliging();
        session(number, |operation| {
            let done = || match operation {
                // The one session that this call can have.
                Operation::Create(_) => sandbox.sessions().iter().any(|other| other.call_sid == call.sid()),
                Operation::Update(sid, _) => {
                    sandbox.session(sid).unwrap().idempotency_keys.iter().any(|key| key == operation.key())
                }
            };
            if number % 10 == 0 {
                verdicts.check(&operation.call(&nowhere, &call).unwrap_err(), done());
            }
            for _ in 0..200 {
                let before = done();
                match operation.call(&api, &call) {
                    Ok(payments) => return payments,
                    // Called again with the same value, it is the same operation. An error is only about its own
                    // call: an earlier one may have been carried out.
                    Err(error) => {
                        assert_eq!(error.idempotency_key(), Some(operation.key()));
                        assert!(
                            matches!(error.attempts(), 3 | 4),
                            "with a stale connection or without: {error:?}"
                        );
                        verdicts.check(&error, done() && !before);
                    }
                }
            }
            panic!("session {number} never gets through");
        })
    });
    all_happened_once(&sandbox, &sids);
    let counts = verdicts.counts();
    println!("not sent {}, refused {}, unknown: {} done, {} not", counts[0], counts[1], counts[2], counts[3]);
    assert!(counts.iter().all(|&count| count > 20), "every verdict was given: {counts:?}");
}

#[test]
fn a_refused_completion_charges_nothing() {
    let sandbox = Sandbox::start().unwrap();
    let (api, call) = (sandbox.client(), sandbox.call().obliging());
    let session = api.create_payments(call.sid(), &CreatePaymentsParams::new(CALLBACK)).unwrap();
    call.hang_up();
    let error = api
        .update_payments(call.sid(), &session.sid, &UpdatePaymentsParams::new_complete(CALLBACK))
        .unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Api, Outcome::Refused, 1));
    assert_eq!(sandbox.transaction_count(), 0);
}
