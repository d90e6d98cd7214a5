//! What is tried again, and after how long. Pure: time and chance come in as arguments.

use std::time::Duration;

/// How often, and after what wait, a call is tried again by itself.
///
/// Every try sends the same bytes with the same idempotency key. Tried again are: a connection that does
/// not come about, one that is lost or brings something else than HTTP, an attempt that times out while the
/// call's deadline leaves time, and the statuses 429, 500, 502, 503 and 504. Never tried again are: any other
/// answer, a failed certificate check, and refused input.
///
/// Before the *n*-th retry the client waits a random time between nothing and `base_delay` × 2ⁿ⁻¹, but at
/// most `max_delay`. Where the service asks for a wait (`Retry-After`), the client waits exactly so long
/// instead. A wait that does not fit in the call's deadline is not begun: the error comes at once.
///
/// ```
/// use std::time::Duration;
/// use twilio_payments::RetryPolicy;
///
/// let patient = RetryPolicy::new().max_retries(5).base_delay(Duration::from_millis(200));
/// let never = RetryPolicy::none();
/// assert_ne!(patient, never);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
    attempt_timeout: Option<Duration>,
}

impl RetryPolicy {
    /// The default: 2 retries, after up to 0.5 s and up to 1 s; an attempt is given up after 10 s.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_retries: 2,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(5),
            attempt_timeout: Some(Duration::from_secs(10)),
        }
    }

    /// No retries, and no limit of an attempt but the call's deadline.
    ///
    /// A kept connection that turns out to have been closed by the server is still replaced, once: nothing
    /// was answered on it.
    #[must_use]
    pub fn none() -> Self {
        Self { max_retries: 0, attempt_timeout: None, ..Self::new() }
    }

    /// How many times a request is sent again after its first attempt. Default: 2.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The longest wait before the first retry; it doubles with each further one. Default: 0.5 s.
    #[must_use]
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest wait before any retry that the service does not ask for itself. Default: 5 s.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// How long one attempt may take; `None` for as long as the call's deadline leaves. Default: 10 s.
    ///
    /// It is what saves a call whose kept connection has silently died somewhere on the way.
    #[must_use]
    pub fn attempt_timeout(mut self, limit: Option<Duration>) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// The time that the next attempt gets, of the time that is left.
    pub(crate) fn attempt_time(&self, left: Duration) -> Duration {
        self.attempt_timeout.map_or(left, |limit| limit.min(left))
    }

    /// The wait before the next attempt, or `None` where there is to be none.
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

/// Whether a status is worth another try.
pub(crate) fn is_retryable(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
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
        assert_eq!(RetryPolicy::none().attempt_time(LONG), LONG);
        assert_eq!(RetryPolicy::default().attempt_time(LONG), Duration::from_secs(10));
        assert_eq!(RetryPolicy::default().attempt_time(Duration::from_secs(1)), Duration::from_secs(1));
    }

    #[test]
    fn statuses() {
        let retryable: Vec<u16> = (0..1000).filter(|&status| is_retryable(status)).collect();
        assert_eq!(retryable, [429, 500, 502, 503, 504]);
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
