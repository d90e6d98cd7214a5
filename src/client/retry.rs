//! What is retried, after how long, and how much time an attempt gets. Pure: time and chance come in as arguments.

use std::time::Duration;

/// The time that an attempt gets at least, if the deadline allows it: less may be too little for a response.
const LEAST: Duration = Duration::from_secs(2);

/// The time that must be left for the attempts after an attempt. Otherwise it takes all of it.
const LEAST_LEFT: Duration = Duration::from_secs(1);

/// How often a request is retried within one call, after what wait, and how much time each attempt gets.
///
/// Every attempt sends the same bytes with the same idempotency key. Retried are: a connection that cannot be
/// opened, one that is lost or on which something other than HTTP arrives, an attempt that times out while the
/// call's deadline leaves time, and the statuses 408, 429, 500, 502, 503 and 504. Never retried are: any other
/// response, a failed certificate check, and refused input.
///
/// Before the *n*-th retry the client waits a random time between zero and `base_delay` × 2ⁿ⁻¹, but at most
/// `max_delay`. If the service asks for a wait (`Retry-After`), the client waits exactly as long instead. A wait
/// that does not fit in the call's deadline is not begun: the call returns the error at once.
///
/// An attempt may take the time that is left divided by the number of attempts that are left, but at least 2 s if
/// the deadline allows it. The last attempt may take all that is left, and so may one that would leave less than
/// 1 s. With the defaults, three attempts of 30 s
/// get about 10 s each, and three of 6 s get 2 s each. This is what saves a call whose kept connection has silently
/// died somewhere on the way.
///
/// ```
/// use std::time::Duration;
/// use twilio_payments::RetryPolicy;
///
/// let patient = RetryPolicy::new().max_retries(5).base_delay(Duration::from_millis(200));
/// let never = RetryPolicy::none();
/// assert_ne!(patient, never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    max_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
    pub(crate) attempt_timeout: Option<Duration>,
}

impl RetryPolicy {
    /// The default: 2 retries, after up to 0.5 s and up to 1 s, and attempts that share the time.
    pub fn new() -> Self {
        Self {
            max_retries: 2,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(5),
            attempt_timeout: None,
        }
    }

    /// No retries: the only attempt may take as long as the call.
    ///
    /// A kept connection that turns out to have been closed by the server is still replaced, once: nothing
    /// was received on it.
    pub fn none() -> Self {
        Self { max_retries: 0, ..Self::new() }
    }

    /// How many times a request is sent again after its first attempt. Default: 2.
    pub fn max_retries(self, retries: u32) -> Self {
        Self { max_retries: retries, ..self }
    }

    /// The longest wait before the first retry; it doubles with each further one. Default: 0.5 s. Zero retries at
    /// once.
    pub fn base_delay(self, delay: Duration) -> Self {
        Self { base_delay: delay, ..self }
    }

    /// The longest wait before any retry, except one that the service asks for. Default: 5 s.
    pub fn max_delay(self, delay: Duration) -> Self {
        Self { max_delay: delay, ..self }
    }

    /// How long each attempt may take, the last one included, instead of its share of the time. Default: `None`,
    /// which means the share. The call's deadline ends an attempt earlier. Zero is refused when the client is
    /// built.
    pub fn attempt_timeout(self, limit: Option<Duration>) -> Self {
        Self { attempt_timeout: limit, ..self }
    }

    /// The time that the next attempt gets, of the time that is left after so many retries.
    pub(crate) fn attempt_time(&self, left: Duration, retries: u32) -> Duration {
        if let Some(limit) = self.attempt_timeout {
            return limit.min(left);
        }
        let attempts_left = self.max_retries.saturating_sub(retries).saturating_add(1);
        let share = left.checked_div(attempts_left).unwrap_or(left);
        let time = share.max(LEAST);
        if left.saturating_sub(time) < LEAST_LEFT { left } else { time }
    }

    /// The wait before the next attempt, or `None` if there is to be none.
    ///
    /// `retries` have been made already, `retry_after` is what the service asked for, `left` is what the
    /// deadline leaves, and `chance` is a random number.
    pub(crate) fn wait(
        &self,
        retries: u32,
        retry_after: Option<Duration>,
        left: Duration,
        chance: u64,
    ) -> Option<Duration> {
        if retries >= self.max_retries {
            return None;
        }
        let wait = retry_after.unwrap_or_else(|| self.backoff(retries, chance));
        (wait < left).then_some(wait)
    }

    fn backoff(&self, retries: u32, chance: u64) -> Duration {
        let factor = 2u32.saturating_pow(retries);
        let most = self.base_delay.saturating_mul(factor).min(self.max_delay);
        // Full jitter, in nanoseconds: (most × chance) / 2^64.
        let share = (most.as_nanos().min(u128::from(u64::MAX)) * u128::from(chance)) >> 64;
        Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn waits_double_up_to_the_limit() {
        let policy = RetryPolicy::new().max_retries(100);
        for (retries, millis) in
            [(0, 500), (1, 1000), (2, 2000), (3, 4000), (4, 5000), (31, 5000), (99, 5000)]
        {
            let wait = policy.wait(retries, None, LONG, u64::MAX).unwrap();
            assert_eq!(wait.as_nanos().div_ceil(1_000_000), millis, "{retries}");
            assert_eq!(policy.wait(retries, None, LONG, 0), Some(Duration::ZERO));
            let half = policy.wait(retries, None, LONG, 1 << 63).unwrap();
            assert_eq!(half.as_micros(), millis * 500, "{retries}");
        }
        assert_eq!(policy.wait(100, None, LONG, 0), None);
        // Other limits than the default's.
        let policy = policy.base_delay(Duration::from_millis(3)).max_delay(Duration::from_millis(10));
        for (retries, millis) in [(0, 3), (1, 6), (2, 10), (50, 10)] {
            let wait = policy.wait(retries, None, LONG, u64::MAX).unwrap();
            assert_eq!(wait.as_nanos().div_ceil(1_000_000), millis, "{retries}");
        }
    }

    #[test]
    fn the_service_decides_the_wait() {
        let policy = RetryPolicy::new();
        let asked = Some(Duration::from_secs(7));
        assert_eq!(policy.wait(0, asked, LONG, 0), asked);
        assert_eq!(policy.wait(1, Some(Duration::ZERO), LONG, u64::MAX), Some(Duration::ZERO));
        assert_eq!(policy.wait(2, asked, LONG, 0), None, "no retry is left");
        assert_eq!(policy.wait(0, asked, Duration::from_secs(7), 0), None, "does not fit");
        assert_eq!(policy.wait(0, asked, Duration::from_millis(7001), 0), asked);
    }

    #[test]
    fn none_is_none() {
        assert_eq!(RetryPolicy::none().wait(0, None, LONG, 0), None);
        assert_eq!(RetryPolicy::none().wait(0, Some(Duration::ZERO), LONG, 0), None);
    }

    /// The attempt times of a call in which every attempt takes all of its own, and no wait lies between.
    fn times(policy: RetryPolicy, millis: u64) -> Vec<u64> {
        let mut left = Duration::from_millis(millis);
        let mut times = Vec::new();
        for retries in 0..=policy.max_retries {
            let time = policy.attempt_time(left, retries);
            left -= time;
            times.push(u64::try_from(time.as_millis()).unwrap());
        }
        assert!(times.iter().sum::<u64>() <= millis);
        times
    }

    #[test]
    fn attempts_share_the_time() {
        let new = RetryPolicy::new;
        for (policy, millis, expected) in [
            (new(), 30_000, &[10_000, 10_000, 10_000][..]),
            (new(), 12_000, &[4_000, 4_000, 4_000]),
            (new(), 6_000, &[2_000, 2_000, 2_000]),
            (new(), 5_000, &[2_000, 2_000, 1_000]),
            (new(), 3_000, &[2_000, 1_000, 0]),
            (new(), 2_999, &[2_999, 0, 0]),
            (new(), 1_500, &[1_500, 0, 0]),
            (new().max_retries(1), 30_000, &[15_000, 15_000]),
            (new().max_retries(4), 15_000, &[3_000, 3_000, 3_000, 3_000, 3_000]),
            (new().max_retries(4), 8_000, &[2_000, 2_000, 2_000, 2_000, 0]),
            (new().max_retries(4), 6_900, &[2_000, 2_000, 2_900, 0, 0]),
            (RetryPolicy::none(), 30_000, &[30_000]),
            (RetryPolicy::none(), 1, &[1]),
            (new().attempt_timeout(Some(Duration::from_secs(4))), 10_000, &[4_000, 4_000, 2_000]),
            (RetryPolicy::none().attempt_timeout(Some(Duration::from_secs(4))), 10_000, &[4_000]),
        ] {
            assert_eq!(times(policy, millis), expected, "{policy:?}, {millis} ms");
        }
        // What a fast failure leaves is for the others; the last one may take all of it.
        let second = 1_000_000_000;
        for (left, retries, expected) in [(29, 1, 14_500_000_000), (29, 2, 29 * second), (1, 2, second)] {
            let time = new().attempt_time(Duration::from_secs(left), retries);
            assert_eq!(time, Duration::from_nanos(expected), "{left} s left after {retries}");
        }
        assert_eq!(new().max_retries(u32::MAX).attempt_time(LONG, 0), LEAST);
        assert_eq!(new().attempt_time(Duration::MAX, u32::MAX), Duration::MAX);
    }

    proptest! {
        #[test]
        fn a_wait_always_fits(
            retries in any::<u32>(), asked in prop::option::of(any::<u64>()),
            left in any::<u64>(), chance in any::<u64>(), base in any::<u64>(), max in any::<u64>(),
        ) {
            let policy = RetryPolicy::new()
                .max_retries(u32::MAX)
                .base_delay(Duration::from_millis(base))
                .max_delay(Duration::from_millis(max));
            let left = Duration::from_millis(left);
            if let Some(wait) = policy.wait(retries, asked.map(Duration::from_millis), left, chance) {
                prop_assert!(wait < left);
                if asked.is_none() {
                    prop_assert!(wait <= Duration::from_millis(max));
                }
            }
        }
    }
}
