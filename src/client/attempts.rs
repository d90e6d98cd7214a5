//! The loop: attempts at one operation until a response settles it, its deadline passes, or no retry is left.

use std::time::{Duration, Instant};

use crate::client::authorization::Authorization;
use crate::client::credentials::Secret;
use crate::client::observer::{Observer, report};
use crate::client::operation::Operation;
use crate::client::response::ResponseReader;
use crate::client::retry::RetryPolicy;
use crate::error::{Error, ErrorKind, Outcome};
use crate::model::PaymentsResponse;
use crate::text::random::random;
use crate::transport::{Failure, Transport};

/// The least time that must be left to begin another attempt. With less, no response could arrive, and the outcome
/// would only become unknown.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// Carries out operations. All clones of a client share it.
pub(crate) struct Attempts {
    pub(crate) transport: Transport,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) secret: Secret,
    pub(crate) observer: Option<Observer>,
}

impl Attempts {
    /// Sends a form until a response settles the operation, for at most `timeout`. Every attempt sends the same
    /// bytes.
    pub(crate) fn run(
        &self,
        operation: &Operation<'_>,
        form: &str,
        timeout: Duration,
    ) -> Result<PaymentsResponse, Error> {
        let started = Instant::now();
        let left = || timeout.saturating_sub(started.elapsed());
        let mut progress = Progress::default();
        let mut last_error = None;
        let mut refused = None;
        loop {
            if self.transport.shutdown.is_down() {
                return Err(progress.end(Error::shut_down(Outcome::NotSent)));
            }
            let authorization = self.secret.authorization(refused.as_ref(), left());
            let authorization = authorization.map_err(|error| progress.end(error))?;
            let time = left();
            progress.check_time(time, last_error.take())?;
            let failed = match self.attempt(operation, form, time, &authorization, &mut progress) {
                Ok(mut response) => {
                    response.metadata.elapsed = started.elapsed();
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            let time = left().saturating_sub(LEAST_TIME);
            let Some(wait) = progress.wait_after(&failed, &self.retry_policy, time, random()) else {
                return Err(progress.end(failed.error));
            };
            log::warn!("{}: attempt {} failed; retrying in {wait:?}", operation.name, progress.attempts);
            if !wait.is_zero() {
                self.transport.shutdown.sleep(wait);
            }
            refused = (failed.at_once == Some(AtOnce::RefusedToken)).then_some(authorization);
            last_error = Some(failed.error);
        }
    }

    /// Makes one attempt in its share of the time that is left, and reports it.
    fn attempt(
        &self,
        operation: &Operation<'_>,
        form: &str,
        left: Duration,
        authorization: &Authorization,
        progress: &mut Progress,
    ) -> Result<PaymentsResponse, Failed> {
        progress.attempts = progress.attempts.saturating_add(1);
        let time = self.retry_policy.attempt_time(left, progress.retries);
        let path = operation.path(self.transport.base_path());
        let started = Instant::now();
        let response =
            self.transport.post(path, form.as_bytes(), time, progress.fresh, &authorization.header);
        let elapsed = started.elapsed();
        progress.fresh |= response.is_err();
        let stale = matches!(response, Err(Failure { stale: true, .. }));

        let reader = ResponseReader { redactor: &authorization.redactor };
        let result = response
            .map_err(|failure| reader.failure(failure))
            .and_then(|response| reader.read(operation, response, progress.attempts));
        report(operation.name, progress.attempts, elapsed, &result, self.observer.as_ref());
        result.map_err(|error| {
            let token_refused = error.status() == Some(401) && matches!(self.secret, Secret::Source(_));
            let at_once = stale.then_some(AtOnce::StaleConnection);
            Failed { at_once: at_once.or(token_refused.then_some(AtOnce::RefusedToken)), error }
        })
    }
}

/// An attempt that did not return a session.
struct Failed {
    error: Error,
    at_once: Option<AtOnce>,
}

/// Why an attempt is repeated at once, whatever the policy says. Each reason applies once in a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AtOnce {
    /// The server had closed the kept connection.
    StaleConnection,
    /// The service did not accept the access token, and the source may have a newer one.
    RefusedToken,
}

/// What is known about an operation after the attempts so far.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// The number of retries that the policy counts.
    retries: u32,
    /// Whether the next attempt must not use a kept connection.
    fresh: bool,
    /// The reasons that have applied.
    at_once: Vec<AtOnce>,
    /// What is known over all attempts. Once an attempt may have been carried out, no later failure makes the outcome
    /// certain again.
    outcome: Option<Outcome>,
    /// Whether an attempt was refused otherwise than with 429.
    refused: bool,
}

impl Progress {
    /// Counts a failed attempt, and returns the wait before the next one, or `None` if there must not be one. `left` is
    /// the time until the deadline, and `chance` is a random number.
    fn wait_after(
        &mut self,
        failed: &Failed,
        policy: &RetryPolicy,
        left: Duration,
        chance: u64,
    ) -> Option<Duration> {
        let error = &failed.error;
        let known = self.outcome.map_or(error.outcome(), |earlier| earlier.combine(error.outcome()));
        self.outcome = Some(known);
        self.refused |= error.was_refused();
        if let Some(reason) = failed.at_once.filter(|reason| !self.at_once.contains(reason)) {
            self.at_once.push(reason);
            return Some(Duration::ZERO);
        }
        if !error.is_retryable() {
            return None;
        }
        let wait = policy.wait(self.retries, error.retry_after(), left, chance)?;
        self.retries = self.retries.saturating_add(1);
        Some(wait)
    }

    /// Checks that the time that is left is enough for the next attempt. `last_error` is that of the one before.
    ///
    /// # Errors
    /// Returns the error that the operation ends with.
    fn check_time(&self, left: Duration, last_error: Option<Error>) -> Result<(), Error> {
        match last_error {
            // The wait took longer than it should have.
            Some(error) if left < LEAST_TIME => Err(self.end(error)),
            None if left.is_zero() => {
                let error = Error::new(ErrorKind::Timeout, Outcome::NotSent, "the deadline has passed");
                Err(self.end(error.timed_out(true)))
            }
            _ => Ok(()),
        }
    }

    /// Returns the error that the operation ends with.
    fn end(&self, error: Error) -> Error {
        error.with_attempts(self.attempts, self.outcome.unwrap_or(Outcome::NotSent)).refused(self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn failed(outcome: Outcome, retryable: bool, at_once: Option<AtOnce>) -> Failed {
        let error = Error::new(ErrorKind::ConnectionLost, outcome, "lost").retryable(retryable);
        Failed { error, at_once }
    }

    /// Shows for each failed attempt whether another one follows: at once (`=`), after a wait (`+`), or not (`.`).
    fn followed_by(policy: RetryPolicy, attempts: &[Failed]) -> String {
        let mut progress = Progress::default();
        let next = attempts.iter().map(|failed| match progress.wait_after(failed, &policy, LONG, u64::MAX) {
            Some(Duration::ZERO) => '=',
            Some(_) => '+',
            None => '.',
        });
        next.collect()
    }

    #[test]
    fn failures_that_are_retried() {
        use AtOnce::{RefusedToken, StaleConnection};
        let lost = || failed(Outcome::Unknown, true, None);
        let stale = || failed(Outcome::Unknown, true, Some(StaleConnection));
        let denied = || failed(Outcome::Refused, false, Some(RefusedToken));
        let refused = || failed(Outcome::Refused, false, None);
        let new = RetryPolicy::new;
        for (policy, attempts, expected) in [
            (new(), vec![lost(), lost(), lost()], "++."),
            (new(), vec![refused()], "."),
            (new(), vec![lost(), refused()], "+."),
            (RetryPolicy::none(), vec![lost()], "."),
            // A stale connection and a refused token do not count as retries, but only once in a call.
            (new(), vec![stale(), lost(), lost(), lost()], "=++."),
            (new(), vec![stale(), stale(), stale(), stale()], "=++."),
            (RetryPolicy::none(), vec![stale(), lost()], "=."),
            (RetryPolicy::none(), vec![denied(), denied()], "=."),
            (RetryPolicy::none(), vec![stale(), denied(), lost()], "==."),
            (new(), vec![denied(), lost(), denied()], "=+."),
        ] {
            assert_eq!(followed_by(policy, &attempts), expected, "{policy:?}");
        }
    }

    #[test]
    fn a_wait_that_does_not_fit_ends_the_call() {
        let mut progress = Progress::default();
        let lost = failed(Outcome::Unknown, true, None);
        let policy = RetryPolicy::new();
        assert_eq!(progress.wait_after(&lost, &policy, Duration::from_millis(499), u64::MAX), None);
        assert_eq!(progress.wait_after(&lost, &policy, Duration::from_millis(499), 0), Some(Duration::ZERO));
    }

    #[test]
    fn an_attempt_that_has_too_little_time_is_not_begun() {
        let lost = || Some(failed(Outcome::Unknown, true, None).error);
        let enough = Duration::from_millis(10);
        let nanosecond = Duration::from_nanos(1);
        for (left, last_error, ends_with) in [
            // The first one is begun however little time there is.
            (nanosecond, None, None),
            (Duration::ZERO, None, Some((ErrorKind::Timeout, "the deadline has passed"))),
            (LONG, lost(), None),
            (enough, lost(), None),
            (Duration::from_nanos(9_999_999), lost(), Some((ErrorKind::ConnectionLost, "lost"))),
            (Duration::ZERO, lost(), Some((ErrorKind::ConnectionLost, "lost"))),
        ] {
            let progress = Progress { attempts: 3, outcome: Some(Outcome::Unknown), ..Progress::default() };
            let ended = progress.check_time(left, last_error).err();
            let found = ended.as_ref().map(|error| (error.kind(), error.to_string()));
            let rest = " (after 3 attempts); it is not known whether the request was carried out";
            assert_eq!(found, ends_with.map(|(kind, text)| (kind, format!("{text}{rest}"))), "{left:?}");
            if let Some(error) = ended {
                assert_eq!((error.attempts(), error.outcome()), (3, Outcome::Unknown));
                assert_eq!(error.is_timeout(), error.kind() == ErrorKind::Timeout);
            }
        }
    }

    #[test]
    fn the_outcome_covers_all_attempts() {
        use Outcome::{NotSent, Refused, Unknown};
        for (outcomes, expected) in [
            (&[][..], NotSent),
            (&[NotSent, NotSent], NotSent),
            (&[NotSent, Refused], Refused),
            (&[Refused, NotSent], Refused),
            (&[Unknown, Refused, NotSent], Unknown),
            (&[Refused, Unknown], Unknown),
        ] {
            let mut progress = Progress::default();
            for outcome in outcomes {
                progress.attempts += 1;
                progress.wait_after(&failed(*outcome, true, None), &RetryPolicy::new(), LONG, 0);
            }
            let error = progress.end(Error::shut_down(Outcome::NotSent));
            assert_eq!((error.outcome(), error.attempts() as usize), (expected, outcomes.len()));
        }
    }
}
