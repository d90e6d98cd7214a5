//! Every amount in cents is sent exactly, whatever it was made from.
//!
//! There are 100 million of them. An optimized build (`cargo test --release`) checks them all. A debug build checks
//! every 211th; since that is prime, all values of the cents occur.

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
        // The float that a program would have: the one nearest to the decimal.
        assert_eq!(Amount::try_from(text.parse::<f64>().unwrap()).unwrap(), amount, "{text}");
        assert_eq!(amount.cents(), Some(cents));
        checked += 1;
    }
    checked
}

#[test]
fn every_amount_in_cents() {
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

#[test]
fn in_minor_units_on_the_wire() {
    let params = CreatePaymentsParams::new("/status").idempotency_key("k");
    for (currency, decimals) in [("JPY", 0), ("USD", 2), ("BHD", 3), ("CLF", 4)] {
        let unit = 10_u64.pow(decimals);
        for minor_units in (0..1_000_000 * unit).step_by(usize::try_from(99_991 * unit / 100 + 1).unwrap()) {
            let amount = Amount::from_minor_units(minor_units, currency).unwrap();
            assert_eq!(amount.minor_units(currency), Some(minor_units));
            let body = params.clone().charge_amount(amount).currency(currency).to_form().unwrap();
            let mut wire = (minor_units / unit).to_string();
            if decimals > 0 {
                let width = usize::try_from(decimals).unwrap();
                write!(wire, ".{:0width$}", minor_units % unit).unwrap();
            }
            let start = "IdempotencyKey=k&StatusCallback=%2Fstatus&ChargeAmount=";
            assert_eq!(body, format!("{start}{wire}&Currency={currency}"));
            assert_eq!(amount.display(currency).to_string(), wire);
        }
    }
}
