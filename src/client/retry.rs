//! `RetryPolicy`: how often to retry, how long to wait before each retry, and how much time an attempt gets. It is
//! pure: times and random numbers are arguments.

use std::time::Duration;

/// The least time that an attempt gets, if the deadline allows it, because less may not be enough for a response.
const LEAST: Duration = Duration::from_secs(2);

/// The least time that an attempt must leave for later attempts. If it would leave less, it takes all of the time.
const LEAST_LEFT: Duration = Duration::from_secs(1);

/// How often a request is retried within one call, how long to wait before each retry, and how much time each attempt
/// gets.
///
/// Every attempt sends the same bytes with the same idempotency key. The client retries if a connection cannot be
/// opened or is lost, if the response is not HTTP, if an attempt times out and the deadline of the call leaves time,
/// and after the statuses 408, 429, 500, 502, 503 and 504. It does not retry after any other response, if TLS fails, or
/// if the input is invalid.
///
/// Before the *n*-th retry the client waits a random time between zero and `base_delay` × 2ⁿ⁻¹, but at most
/// `max_delay`. If the service asks for a wait (`Retry-After`), the client waits for that time instead. If the wait
/// does not fit into the deadline of the call, the call returns the error at once.
///
/// An attempt may take the time that is left divided by the number of attempts that are left, but at least 2 s if the
/// deadline allows it. The last attempt may take all the time that is left, and so may an attempt that would leave less
/// than 1 s. With the defaults, the three attempts of a call get about 10 s each if its timeout is 30 s, and 2 s each
/// if it is 6 s. So one attempt that gets no response does not use up the whole call.
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
    /// Makes the default policy: 2 retries, after up to 0.5 s and up to 1 s, and attempts that share the time.
    pub fn new() -> Self {
        Self {
            max_retries: 2,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(5),
            attempt_timeout: None,
        }
    }

    /// Makes a policy without retries: the only attempt may take as long as the call.
    ///
    /// If the server has closed a kept connection, it is still replaced once, because nothing was received on it.
    pub fn none() -> Self {
        Self { max_retries: 0, ..Self::new() }
    }

    setters! {
        /// Sets how many times a request is sent again after its first attempt. Default: 2.
        max_retries(retries: u32) = retries;

        /// Sets the longest wait before the first retry. It doubles with each further retry. Default: 0.5 s. With zero,
        /// retries are made at once.
        base_delay(delay: Duration) = delay;

        /// Sets the longest wait before any retry, unless the service asks for a wait. Default: 5 s.
        max_delay(delay: Duration) = delay;

        /// Sets how long each attempt may take, including the last one. Default: `None`, which means its share of the
        /// time that is left. The deadline of the call can end an attempt earlier. Zero is refused when the client is
        /// built.
        attempt_timeout(limit: Option<Duration>) = limit;
    }

    /// Returns how much of the time that is left the next attempt gets, after this many retries.
    pub(crate) fn attempt_time(&self, left: Duration, retries: u32) -> Duration {
        if let Some(limit) = self.attempt_timeout {
            return limit.min(left);
        }
        let attempts_left = self.max_retries.saturating_sub(retries).saturating_add(1);
        let share = left.checked_div(attempts_left).unwrap_or(left);
        let time = share.max(LEAST);
        if left.saturating_sub(time) < LEAST_LEFT { left } else { time }
    }

    /// Returns the wait before the next attempt, or `None` if there must not be one.
    ///
    /// `retries` is how many were already made, `retry_after` is the wait that the service asked for, `left` is the
    /// time until the deadline, and `chance` is a random number.
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
        // Limits other than the defaults.
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

    /// The attempt times of a call in which every attempt takes all of its time, without waits in between.
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
        // The time that a fast failure leaves is for the others; the last one may take all of it.
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
