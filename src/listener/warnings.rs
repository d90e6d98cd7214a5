//! Warnings that anyone on the network can cause, which are therefore logged at a limited rate.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::text::Escaped;

/// How many warnings are logged within [`WINDOW`].
const LOGGED: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Warnings(Mutex<Window>);

#[derive(Default)]
struct Window {
    began: Option<Instant>,
    logged: u32,
    suppressed: u64,
}

impl Warnings {
    /// Logs a warning with its control characters escaped, or counts it.
    pub(super) fn warn(&self, message: fmt::Arguments<'_>) {
        let Some(suppressed) = self.suppressed(Instant::now()) else { return };
        let left_out = match suppressed {
            0 => String::new(),
            _ => format!(" (warnings not logged before this one: {suppressed})"),
        };
        let message = message.to_string();
        log::warn!(target: "twilio_payments::listener", "{}{left_out}", Escaped(&message));
    }

    /// Returns how many warnings were suppressed since the last one that was logged, or `None` if this one must be
    /// suppressed too.
    fn suppressed(&self, now: Instant) -> Option<u64> {
        let mut window = lock!(self.0);
        if window.began.is_none_or(|began| now.saturating_duration_since(began) >= WINDOW) {
            window.began = Some(now);
            window.logged = 0;
        }
        if window.logged == LOGGED {
            window.suppressed = window.suppressed.saturating_add(1);
            return None;
        }
        window.logged += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_minute() {
        let (warnings, began) = (Warnings::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(warnings.suppressed(began), Some(0));
        }
        for second in 0..60 {
            assert_eq!(warnings.suppressed(began + Duration::from_secs(second)), None);
        }
        assert_eq!(warnings.suppressed(began + WINDOW), Some(60));
        assert_eq!(warnings.suppressed(began + WINDOW), Some(0));
    }
}
