//! The signal that ends every call of a client, including waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest time, a year, so that it can always be added to the clock.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Whether a client was shut down, and waits that end when it is.
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

    /// Shuts down the client, which cannot be undone.
    pub(crate) fn signal(&self) {
        self.down.store(true, Ordering::Release);
        self.wake();
    }

    /// Makes every wait check again whether it can end.
    pub(super) fn wake(&self) {
        // Under the lock, so that no thread checks before this and sleeps after it.
        let _held = lock!(self.lock);
        self.wake.notify_all();
    }

    /// Sleeps, and reports whether the whole time passed without a shutdown.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        self.wait(deadline_in(time), || None::<()>);
        !self.is_down()
    }

    /// Waits until something is ready. Returns `None` if the time passes or the client is shut down before that.
    pub(super) fn wait<T>(&self, until: Instant, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        let mut held = lock!(self.lock);
        loop {
            if let Some(value) = ready() {
                return Some(value);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.is_down() {
                return None;
            }
            held = self.wake.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Returns the time that is this long from now.
pub(super) fn deadline_in(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time.min(LONGEST)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, OnceLock};
    use std::thread;

    #[test]
    fn sleep_ends_with_time_or_signal() {
        let shutdown = Arc::new(Shutdown::default());
        assert!(shutdown.sleep(Duration::from_millis(5)));
        let sleeper = {
            let shutdown = Arc::clone(&shutdown);
            thread::spawn(move || shutdown.sleep(Duration::MAX))
        };
        shutdown.signal();
        assert!(!sleeper.join().unwrap());
        assert!(shutdown.is_down());
        assert!(!shutdown.sleep(Duration::from_secs(60)));
    }

    #[test]
    fn a_wait_ends_when_its_condition_holds() {
        let shutdown = Shutdown::default();
        let value = OnceLock::new();
        let later = Instant::now() + Duration::from_secs(60);
        thread::scope(|scope| {
            scope.spawn(|| {
                value.set(7).unwrap();
                shutdown.wake();
            });
            assert_eq!(shutdown.wait(later, || value.get()), Some(&7));
        });
        assert_eq!(shutdown.wait(Instant::now(), || None::<()>), None);
        shutdown.signal();
        assert_eq!(shutdown.wait(later, || None::<()>), None);
        assert_eq!(shutdown.wait(later, || Some(8)), Some(8));
    }
}
