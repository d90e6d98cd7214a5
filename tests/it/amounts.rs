//! Every amount in cents goes out exactly, however it comes in.
//!
//! There are 100 million of them. An optimized build (`cargo test --release`) walks them all; a debug build
//! takes every 211th, which is prime, so that each ending of the cents is met.

use std::fmt::Write;

use twilio_payments::{Amount, CreatePaymentsParams};

const CENTS: u64 = 100_000_000;

fn stride() -> usize {
    if cfg!(debug_assertions) { 211 } else { 1 }
}

fn check(range: std::ops::Range<u64>) -> u64 {
    let (mut text, mut shown) = (String::new(), String::new());
    let mut checked = 0;
    for cents in range.step_by(stride()) {
        text.clear();
        shown.clear();
        write!(text, "{}.{:02}", cents / 100, cents % 100).unwrap();
        let amount = Amount::from_cents(cents).unwrap();
        write!(shown, "{amount}").unwrap();
        assert_eq!(shown, text);
        assert_eq!(text.parse::<Amount>().unwrap(), amount, "{text}");
        // The float that a program has: the nearest one to the decimal.
        assert_eq!(Amount::try_from(text.parse::<f64>().unwrap()).unwrap(), amount, "{text}");
        assert_eq!(amount.cents(), Some(cents));
        checked += 1;
    }
    checked
}

#[test]
fn every_cent() {
    let quarter = CENTS / 4;
    let threads: Vec<_> = (0..4)
        .map(|index| std::thread::spawn(move || check(index * quarter..(index + 1) * quarter)))
        .collect();
    let checked: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{checked} amounts");
    assert!(checked >= CENTS / 211);
}

#[test]
fn on_the_wire() {
    let params = CreatePaymentsParams::new("/status").idempotency_key("k");
    for cents in (0..CENTS).step_by(9_973).chain([CENTS - 1]) {
        let amount = Amount::from_cents(cents).unwrap();
        let body = params.clone().charge_amount(amount).to_form().unwrap();
        let wire = format!(
            "IdempotencyKey=k&StatusCallback=%2Fstatus&ChargeAmount={}.{:02}",
            cents / 100,
            cents % 100
        );
        assert_eq!(body, wire);
    }
}
