//! The sandbox's clock: wall time that never runs backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Returns the time since the Unix epoch. It is read from the system once and then runs steadily, so that it can be
/// used for both dates and deadlines. [`advance`](Self::advance) sets it forward.
pub(super) struct Clock {
    started: Instant,
    /// The time when it was started, plus what it was set forward by.
    start: Duration,
}

impl Default for Clock {
    /// Makes a clock with the system's time.
    fn default() -> Self {
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), start }
    }
}

impl Clock {
    /// Returns the time since the Unix epoch.
    pub(super) fn now(&self) -> Duration {
        self.start.saturating_add(self.started.elapsed())
    }

    /// Sets the clock forward, so that a test need not wait for a timeout.
    pub(super) fn advance(&mut self, by: Duration) {
        self.start = self.start.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_can_be_set_forward() {
        let mut clock = Clock::default();
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
