//! The signal that ends every call of a client, waits included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether a client was shut down, and a sleep that ends when it is.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    down: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Shutdown {
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    /// Gives the signal; it is never taken back.
    pub(crate) fn signal(&self) {
        // Under the lock, so that no sleeper looks before and sleeps after.
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.down.store(true, Ordering::Release);
        self.wake.notify_all();
    }

    /// Sleeps, and tells whether the whole time passed without the signal.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let end = Instant::now().checked_add(time);
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_down() {
            // A time beyond what the clock can hold is cut into days.
            let left =
                end.map_or(Duration::from_secs(86_400), |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return true;
            }
            held = self.wake.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn sleep_ends_with_time_or_signal() {
        let shutdown = Arc::new(Shutdown::default());
        assert!(shutdown.sleep(Duration::from_millis(5)));
        let sleeper = {
            let shutdown = Arc::clone(&shutdown);
            std::thread::spawn(move || shutdown.sleep(Duration::MAX))
        };
        shutdown.signal();
        assert!(!sleeper.join().unwrap());
        assert!(shutdown.is_down());
        assert!(!shutdown.sleep(Duration::from_secs(60)));
    }
}
