//! The sandbox's clock: wall time that never runs backwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reports the time since the Unix epoch. It is read once from the system and then runs on steadily, so
/// that it serves for dates and deadlines alike; [`advance`](Self::advance) sets it forward.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Duration,
    started: Instant,
    ahead_millis: AtomicU64,
}

impl Clock {
    /// A clock that shows the system's time.
    pub(crate) fn new() -> Self {
        Self {
            start: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            started: Instant::now(),
            ahead_millis: AtomicU64::new(0),
        }
    }

    /// The time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        let ahead = Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        self.start.saturating_add(self.started.elapsed()).saturating_add(ahead)
    }

    /// Sets the clock forward, so that a timeout need not be waited for.
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let _ = self
            .ahead_millis
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| Some(ahead.saturating_add(by)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_can_be_set_forward() {
        let clock = Clock::new();
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(clock.now().abs_diff(system) < Duration::from_secs(5));
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() >= before + Duration::from_secs(3600));
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert!(clock.now() > before);
    }
}
