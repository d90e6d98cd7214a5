//! Which requests a fault hits, and which it does not.

use std::time::Duration;

use super::*;
use crate::server::Reply;

/// The faults that hit `keys` keys that are sent `times` each, either key after key or in turn.
fn struck(random: &RandomFaults, keys: usize, times: usize, in_turn: bool) -> Vec<Vec<Option<Fault>>> {
    let mut plan = Plan { random: Some((random.clone(), Requests::default())), ..Plan::default() };
    let mut all = vec![Vec::new(); keys];
    for n in 0..keys * times {
        let key = if in_turn { n % keys } else { n / times };
        all[key].push(plan.next("", format!("IdempotencyKey=key-{key}").as_bytes()));
    }
    let hits = all.iter().flatten().flatten().count();
    assert_eq!(plan.injected, hits);
    all
}

#[test]
fn chance_does_not_depend_on_the_order_of_keys() {
    let random = RandomFaults::new(7, 0.4);
    let faults = struck(&random, 50, 30, true);
    assert_eq!(faults, struck(&random, 50, 30, false));
    assert_ne!(faults, struck(&RandomFaults::new(8, 0.4), 50, 30, true));
    assert_ne!(faults[0], faults[1]);
}

fn ratio(part: usize, whole: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
}

#[test]
fn the_rate_is_kept_and_every_kind_occurs() {
    for rate in [0.05, 0.3, 0.5] {
        let random = RandomFaults::new(1, rate).at_most_in_a_row(u32::MAX);
        let faults = struck(&random, 2_000, 10, true).concat();
        let hits: Vec<_> = faults.iter().flatten().collect();
        let share = ratio(hits.len(), faults.len());
        assert!((share - rate).abs() < 0.02, "{share} instead of {rate}");
        for kind in &random.kinds {
            let share = ratio(hits.iter().filter(|hit| **hit == kind).count(), hits.len());
            assert!((share - 1.0 / 11.0).abs() < 0.03, "{kind:?}: {share}");
        }
    }
    assert!(struck(&RandomFaults::new(1, 0.0), 10, 100, true).concat().iter().all(Option::is_none));
    assert!(struck(&RandomFaults::new(1, f64::NAN), 10, 100, true).concat().iter().all(Option::is_none));
    assert!(struck(&RandomFaults::new(1, 1.0).kinds([]), 10, 9, true).concat().iter().all(Option::is_none));
}

#[test]
fn a_key_is_spared_after_so_many_in_a_row() {
    for most in [0, 1, 5] {
        let random = RandomFaults::new(3, 1.0).at_most_in_a_row(u32::try_from(most).unwrap());
        for faults in struck(&random, 20, 24, true) {
            for (n, fault) in faults.iter().enumerate() {
                assert_eq!(fault.is_none(), (n + 1) % (most + 1) == 0, "{n} of {most}");
            }
        }
    }
}

#[test]
fn the_list_goes_first() {
    let faults = Faults::default();
    faults.at_random(RandomFaults::new(1, 1.0).kinds([Fault::Garbage]));
    faults.once(Fault::DropAfter);
    faults.list([Fault::Truncate, Fault::ServerError]);
    assert_eq!(faults.waiting(), 3);
    let next = || lock!(faults.plan).next("", b"");
    assert_eq!(
        [next(), next(), next(), next()],
        [Fault::DropAfter, Fault::Truncate, Fault::ServerError, Fault::Garbage].map(Some)
    );
    faults.once(Fault::DropAfter);
    faults.clear();
    assert_eq!(lock!(faults.plan).next("", b""), None);
    assert_eq!((faults.injected(), faults.waiting()), (4, 0));
}

#[test]
fn an_aimed_fault_hits_its_operation_once() {
    let (create, one, other) = ("/Payments.json", "/Payments/PK1.json", "/Payments/PK2.json");
    for (target, hit) in [
        (FaultTarget::Create, 0),
        (FaultTarget::Capture(1), 1),
        (FaultTarget::Capture(2), 4),
        (FaultTarget::Capture(3), 6),
        (FaultTarget::Cancel, 7),
        (FaultTarget::Complete, 8),
    ] {
        let faults = Faults::default();
        faults.aim(target, Fault::DropAfter);
        for (index, (path, body)) in [
            (create, "IdempotencyKey=0"),
            (one, "IdempotencyKey=1&Capture=payment-card-number"),
            // The same request again, and one of another session.
            (one, "IdempotencyKey=1&Capture=payment-card-number"),
            (other, "IdempotencyKey=2&Capture=payment-card-number"),
            // One key on every capture.
            (one, "IdempotencyKey=1&Capture=expiration-date"),
            (one, "IdempotencyKey=1&Capture=expiration-date"),
            (one, "IdempotencyKey=3&Capture=expiration-date"),
            (other, "IdempotencyKey=4&Status=cancel"),
            (one, "IdempotencyKey=5&Status=complete"),
            (one, "IdempotencyKey=5&Status=complete"),
        ]
        .into_iter()
        .enumerate()
        {
            let struck = lock!(faults.plan).next(path, body.as_bytes()).is_some();
            assert_eq!(struck, index == hit, "{target:?}: {path} {body}");
        }
        assert_eq!((faults.waiting(), faults.injected()), (0, 1));
    }
}

#[test]
fn the_longest_wait_is_not_too_long() {
    for (retry_after, seconds) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(1), 1),
        (Duration::from_secs(2), 2),
        (Duration::from_millis(2_001), 3),
        (Duration::MAX, u64::MAX),
    ] {
        let fault = Fault::TooManyRequests { retry_after };
        let Reply::Response(response) = fault.reply(|| panic!("carried out"), "RQ1".to_owned()) else {
            panic!()
        };
        let head = String::from_utf8(response.to_bytes(None, true)).unwrap();
        assert!(head.contains(&format!("Retry-After: {seconds}\r\n")), "{head}");
    }
}
