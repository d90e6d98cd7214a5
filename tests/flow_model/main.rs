//! Random histories of `PaymentFlow` against a simulated service, each checked against the table of endings.
//!
//! `FLOW_MODEL_STEPS` sets the number of steps, and `FLOW_MODEL_SEED` the first seed. A failure prints its seed
//! and the shortest history that was found to fail in the same way.

#![allow(unreachable_pub, reason = "the modules of a test binary")]

mod choices;
mod facts;
mod history;
mod nature;
mod service;

use std::collections::HashMap;
use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use choices::Choices;
use facts::Money;
use history::{History, Summary};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000002";

/// Whether a store compares the revision. Without that, the test must fail.
const COMPARE_REVISIONS: bool = true;

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Runs a history. A panic counts as a failure.
fn run(choices: Choices, recorded: bool) -> (Result<Summary, String>, Vec<u32>, Vec<String>) {
    let history = History::new(choices, recorded);
    panic::catch_unwind(AssertUnwindSafe(|| history.run()))
        .unwrap_or_else(|_| (Err("a panic".to_owned()), Vec::new(), Vec::new()))
}

/// What failed, without details, so that a shorter history fails in the same way.
fn kind(reason: &str) -> String {
    reason.split(['"', '(', '{']).next().unwrap_or_default().to_owned()
}

fn explain(seed: u64, reason: &str, tape: Vec<u32>) -> String {
    let wanted = kind(reason);
    let tape = choices::shortest(tape, |tape| {
        let (result, used, _) = run(Choices::from_tape(tape), false);
        result.err().filter(|reason| kind(reason) == wanted).map(|_| used)
    });
    let (_, _, recorded) = run(Choices::from_tape(&tape), true);
    format!("seed {seed}: {reason}\nThe shortest history that fails like that:\n{}", recorded.join("\n"))
}

#[test]
fn every_ending_is_the_one_that_the_table_gives() {
    let (wanted, first) = (number("FLOW_MODEL_STEPS", 1_000_000), number("FLOW_MODEL_SEED", 1));
    let started = Instant::now();
    let (mut steps, mut requests, mut crashes, mut conflicts) = (0, 0, 0, 0);
    let (mut histories, mut calm) = (0, 0);
    let mut endings: HashMap<Money, u64> = HashMap::new();
    for seed in first.. {
        let (result, tape, _) = run(Choices::from_seed(seed), false);
        let summary = match result {
            Ok(summary) => summary,
            Err(reason) => {
                let steps = format!("after {steps} steps, {:?}", started.elapsed());
                panic!("{}\n{steps}", explain(seed, &reason, tape));
            }
        };
        steps += summary.steps;
        requests += summary.requests;
        crashes += summary.crashes;
        conflicts += summary.conflicts;
        histories += 1;
        calm += u64::from(summary.calm);
        *endings.entry(summary.money).or_default() += 1;
        if steps >= wanted {
            break;
        }
    }
    println!(
        "{histories} histories, {calm} of them calm, {steps} steps, {requests} requests, {crashes} crashes, {conflicts} conflicts, {:?}",
        started.elapsed()
    );
    println!("{endings:?}");
    for money in [Money::Paid, Money::NotPaid, Money::Declined, Money::Unknown] {
        let count = endings.get(&money).copied().unwrap_or(0);
        assert!(wanted < 100_000 || count * 100 > histories, "{money:?}: {count} of {histories}");
    }
}
