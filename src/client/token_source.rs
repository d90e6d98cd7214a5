//! OAuth access tokens from a source, kept until shortly before they expire.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::client::authorization::Authorization;
use crate::error::{Error, ErrorKind, Outcome, Source};
use crate::transport::shutdown::LONGEST;

/// A token is renewed at most this long before it expires. A token with a lifetime of less than ten times this is
/// renewed when a tenth of its lifetime is left.
const MARGIN: Duration = Duration::from_secs(60);

/// An OAuth access token and its lifetime, returned by the closure of
/// [`Credentials::bearer_source`](crate::Credentials::bearer_source).
#[derive(Clone)]
pub struct AccessToken {
    authorization: Arc<Authorization>,
    lifetime: Duration,
}

impl AccessToken {
    /// Makes a token from the token endpoint's `access_token` and `expires_in`. The lifetime counts from when the
    /// closure was called.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twilio_payments::AccessToken;
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// let token = AccessToken::new("hush", Duration::from_secs(3600))?;
    /// assert!(!format!("{token:?}").contains("hush"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the token is empty, longer than 4,096 bytes, or has characters other than visible ASCII,
    /// or if the lifetime is zero.
    pub fn new(token: impl Into<String>, lifetime: Duration) -> Result<Self, Error> {
        if lifetime.is_zero() {
            return Err(Error::invalid("lifetime", "zero"));
        }
        Ok(Self { authorization: Authorization::bearer(token.into())?, lifetime })
    }
}

debug_shows!(AccessToken, |token| lifetime: token.lifetime);

type Closure = dyn FnMut() -> Result<AccessToken, Source> + Send;

/// The source of a client's tokens, and the token in use.
pub(crate) struct TokenSource {
    state: Mutex<TokenState>,
    asked: Condvar,
}

struct TokenState {
    /// `None` while a thread is calling it.
    closure: Option<Box<Closure>>,
    current: Option<Current>,
}

struct Current {
    authorization: Arc<Authorization>,
    renew_at: Instant,
    expires_at: Instant,
}

impl TokenSource {
    pub(crate) fn new(closure: Box<Closure>) -> Self {
        let state = TokenState { closure: Some(closure), current: None };
        Self { state: Mutex::new(state), asked: Condvar::new() }
    }

    /// Returns a token other than `refused`, and calls the closure if there is none. If another thread is calling the
    /// closure, waits for it, but no longer than `left`.
    ///
    /// # Errors
    /// Returns an error if the closure fails or the time runs out. Nothing was sent in either case.
    pub(crate) fn authorization(
        &self,
        refused: Option<&Arc<Authorization>>,
        left: Duration,
    ) -> Result<Arc<Authorization>, Error> {
        let started = Instant::now();
        let mut state = lock!(self.state);
        let mut closure = loop {
            let asking = state.closure.is_none();
            let usable = state.current.as_ref().filter(|current| current.is_usable(refused, asking));
            if let Some(current) = usable {
                return Ok(Arc::clone(&current.authorization));
            }
            let left = left.saturating_sub(started.elapsed());
            if left.is_zero() {
                let error = Error::new(ErrorKind::Timeout, Outcome::NotSent, "no access token in time");
                return Err(error.timed_out(true));
            }
            if let Some(closure) = state.closure.take() {
                break closure;
            }
            state = self.asked.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(state);

        let asked_at = Instant::now();
        // A panic must neither leave other threads waiting nor hide what is known about earlier attempts.
        let token = catch_unwind(AssertUnwindSafe(&mut closure))
            .unwrap_or_else(|_| Err("the source of access tokens panicked".into()));
        let mut state = lock!(self.state);
        state.closure = Some(closure);
        self.asked.notify_all();
        match (token, &state.current) {
            (Ok(token), _) => {
                Ok(Arc::clone(&state.current.insert(Current::new(token, asked_at)).authorization))
            }
            // The source is asked early, so that one failure does no harm.
            (Err(_), Some(current)) if current.is_usable(refused, true) => {
                log::warn!("the source of access tokens failed; the old token is still valid");
                Ok(Arc::clone(&current.authorization))
            }
            (Err(source), _) => {
                let error = Error::new(ErrorKind::TokenSource, Outcome::NotSent, "no access token");
                Err(error.with_source(source).retryable(true))
            }
        }
    }
}

impl Current {
    fn new(AccessToken { authorization, lifetime }: AccessToken, asked_at: Instant) -> Self {
        let lifetime = lifetime.min(LONGEST);
        let margin = MARGIN.min(lifetime / 10);
        let renew_at = asked_at + lifetime.saturating_sub(margin);
        Self { authorization, renew_at, expires_at: asked_at + lifetime }
    }

    /// Returns whether the token may still be used: until it must be renewed or, while another thread renews it, until
    /// it expires.
    fn is_usable(&self, refused: Option<&Arc<Authorization>>, asking: bool) -> bool {
        let until = if asking { self.expires_at } else { self.renew_at };
        Instant::now() < until && !refused.is_some_and(|refused| Arc::ptr_eq(refused, &self.authorization))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const LONG: Duration = Duration::from_secs(3600);

    /// A source of numbered tokens, and a count of how often it was asked.
    fn numbered(lifetime: Duration) -> (TokenSource, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&count);
        let source = TokenSource::new(Box::new(move || {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(AccessToken::new(format!("token-{number}"), lifetime)?)
        }));
        (source, count)
    }

    #[track_caller]
    fn shown(token: Result<Arc<Authorization>, Error>) -> String {
        token.unwrap_or_else(|error| panic!("{error:?}")).header.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_token_is_used_until_it_is_to_be_renewed() {
        let (source, _) = numbered(LONG);
        assert_eq!(shown(source.authorization(None, LONG)), "Bearer token-1");
        assert_eq!(shown(source.authorization(None, LONG)), "Bearer token-1");
        // The lifetime has passed when the token arrives, so each call asks again.
        let (source, count) = numbered(Duration::from_nanos(1));
        for number in 1..4 {
            assert_eq!(shown(source.authorization(None, LONG)), format!("Bearer token-{number}"));
            assert_eq!(count.load(Ordering::SeqCst), number);
        }
    }

    #[test]
    fn the_margin_is_a_tenth_and_at_most_a_minute() {
        let now = Instant::now();
        for (lifetime, renewed) in [(3600, 3540), (600, 540), (60, 54), (10, 9), (u64::MAX, 31_535_940)] {
            let token = AccessToken::new("hush", Duration::from_secs(lifetime)).unwrap();
            let current = Current::new(token, now);
            assert_eq!(current.renew_at - now, Duration::from_secs(renewed), "{lifetime}");
        }
        // Between the two times, threads that find another one asking use the old token.
        let renewing = Current {
            renew_at: now,
            expires_at: now + LONG,
            ..Current::new(AccessToken::new("hush", LONG).unwrap(), now)
        };
        assert!(renewing.is_usable(None, true) && !renewing.is_usable(None, false));
        assert!(!renewing.is_usable(Some(&renewing.authorization), true), "it was refused");
    }

    #[test]
    fn a_refused_token_is_replaced_once() {
        let (source, count) = numbered(LONG);
        let first = source.authorization(None, LONG).unwrap();
        // Two threads were refused with the same token; the second one finds the new token.
        for _ in 0..2 {
            assert_eq!(shown(source.authorization(Some(&first), LONG)), "Bearer token-2");
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn thirty_two_threads_ask_once() {
        let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (count, now, peak) = (Arc::new(AtomicU32::new(0)), Arc::clone(&inside), Arc::clone(&most));
        let counter = Arc::clone(&count);
        let source = TokenSource::new(Box::new(move || {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(AccessToken::new("hush", LONG)?)
        }));
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| assert_eq!(shown(source.authorization(None, LONG)), "Bearer hush"));
            }
        });
        assert_eq!((count.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (1, 1));
    }

    #[test]
    fn failures_and_panics_are_errors() {
        let mut asked = 0;
        let source = TokenSource::new(Box::new(move || {
            asked += 1;
            match asked {
                1 => Err("the token endpoint is down".into()),
                2 => panic!("in the source"),
                3 => Ok(AccessToken::new("hu sh", LONG)?),
                _ => Ok(AccessToken::new("hush", LONG)?),
            }
        }));
        for reason in [
            "the token endpoint is down",
            "the source of access tokens panicked",
            "invalid access_token: empty, or not all visible ASCII",
        ] {
            let error = source.authorization(None, LONG).err().unwrap();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::TokenSource, Outcome::NotSent));
            assert_eq!(error.to_string(), "no access token");
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), reason);
            assert!(!format!("{error:?}").contains("hu sh"));
        }
        assert_eq!(shown(source.authorization(None, LONG)), "Bearer hush", "it is asked again");
    }

    #[test]
    fn waiting_for_another_thread_ends_in_time() {
        let (asked, is_asked) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let source = TokenSource::new(Box::new(move || {
            asked.send(())?;
            released.recv()?;
            Ok(AccessToken::new("hush", LONG)?)
        }));
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| shown(source.authorization(None, LONG)));
            is_asked.recv().unwrap();
            let error = source.authorization(None, Duration::from_millis(1)).err().unwrap();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotSent));
            release.send(()).unwrap();
            assert_eq!(asking.join().unwrap(), "Bearer hush");
        });
    }

    #[test]
    fn bad_tokens_are_refused() {
        for (token, lifetime, message) in [
            ("", LONG, "invalid access_token: empty, or not all visible ASCII"),
            ("hush\n", LONG, "invalid access_token: empty, or not all visible ASCII"),
            ("hush", Duration::ZERO, "invalid lifetime: zero"),
        ] {
            assert_eq!(AccessToken::new(token, lifetime).unwrap_err().to_string(), message);
        }
    }
}
