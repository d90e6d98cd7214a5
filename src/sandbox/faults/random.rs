//! `RandomFaults`: random faults that are the same in every run.

use std::collections::HashMap;
use std::time::Duration;

use super::Fault;

/// Random faults that are the same in every run.
///
/// Whether a request is hit, and by which fault, depends on the seed, its idempotency key and how often that key was
/// sent before, but not on the clock or the order of threads. To make a run repeatable, set the idempotency keys
/// yourself, because generated keys differ each time.
///
/// ```
/// use twilio_payments::sandbox::{Fault, RandomFaults};
///
/// let seldom = RandomFaults::new(42, 0.05).kinds([Fault::DropAfter, Fault::ServerErrorAfter]);
/// let often = RandomFaults::new(42, 0.9).at_most_in_a_row(2);
/// # let _ = (seldom, often);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RandomFaults {
    seed: u64,
    rate: f64,
    pub(super) kinds: Vec<Fault>,
    at_most_in_a_row: u32,
}

impl RandomFaults {
    /// Makes faults that hit a request with the probability `rate`, from 0 for never to 1 for as often as
    /// [`at_most_in_a_row`](Self::at_most_in_a_row) allows.
    pub fn new(seed: u64, rate: f64) -> Self {
        let kinds = vec![
            Fault::DropBefore,
            Fault::DropAfter,
            Fault::ResetBefore,
            Fault::ResetAfter,
            Fault::Truncate,
            Fault::Garbage,
            Fault::Delay(Duration::from_millis(20)),
            Fault::TooManyRequests { retry_after: Duration::ZERO },
            Fault::ServerError,
            Fault::ServerErrorAfter,
            Fault::Unavailable,
        ];
        Self { seed, rate, kinds, at_most_in_a_row: 5 }
    }

    setters! {
        /// Sets the faults to choose from, each with the same probability. Default: every kind, with a delay of 20 ms
        /// and a `Retry-After` of 0. If there are none, no request is hit.
        kinds(kinds: impl IntoIterator<Item = Fault>) = kinds.into_iter().collect();

        /// Sets how many requests with the same idempotency key can be hit in a row. The next one is not hit, so an
        /// operation with more attempts than this always succeeds. Default: 5.
        at_most_in_a_row(faults: u32) = faults;
    }

    /// Returns the fault that hits the next request with a key.
    pub(super) fn next(&self, requests: &mut Requests, key: &str) -> Option<Fault> {
        let of_key = requests.entry(key.to_owned()).or_default();
        let fault = self.choose(key, of_key.sent).filter(|_| of_key.in_a_row < self.at_most_in_a_row);
        of_key.sent += 1;
        of_key.in_a_row = if fault.is_some() { of_key.in_a_row + 1 } else { 0 };
        fault
    }

    /// Returns the fault that hits the `attempt`-th request with a key.
    fn choose(&self, key: &str, attempt: u64) -> Option<Fault> {
        let hash = key.bytes().fold(mixed(self.seed), |hash, byte| mixed(hash ^ u64::from(byte)));
        let chance = mixed(hash ^ attempt);
        #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let hit = ((chance >> 11) as f64) < self.rate * (1_u64 << 53) as f64;
        let count = u64::try_from(self.kinds.len()).ok().filter(|_| hit)?;
        let index = mixed(chance).checked_rem(count)?;
        self.kinds.get(usize::try_from(index).ok()?).copied()
    }
}

/// How often each key was sent.
pub(super) type Requests = HashMap<String, RequestsOfKey>;

/// How often a key was sent, and how many of the last requests with it were hit in a row.
#[derive(Debug, Default)]
pub(super) struct RequestsOfKey {
    sent: u64,
    in_a_row: u32,
}

/// Spreads a number over all 64 bits (the finalizer of `SplitMix64`).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
