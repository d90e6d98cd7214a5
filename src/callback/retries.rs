//! `CallbackRetries`: how the service should repeat callbacks, written into the fragment of a URL.

use std::time::Duration;

use super::CallbackError;
use crate::text::form::pairs;
use crate::text::url::Url;

/// How the service should deliver callbacks to a `StatusCallback` URL, and when it should try again.
///
/// By default the service makes one more attempt, and only if it could not connect or TLS failed. **A callback that
/// gets a 4xx or 5xx response is not repeated, and is lost.** A program that responds with 503 while it restarts, or
/// with 500 because its database is unavailable, loses the callback unless the URL asks for retries:
///
/// ```
/// use twilio_payments::{CallbackRetries, CreatePaymentsParams};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let url = CallbackRetries::most().url("https://pay.example.com/status")?;
/// assert_eq!(url, "https://pay.example.com/status#rc=5&rp=all");
/// let params = CreatePaymentsParams::new(url);
/// # Ok(())
/// # }
/// ```
///
/// The service reads the fragment of the URL, but neither sends nor signs it. All attempts of a callback have the same
/// `I-Twilio-Idempotency-Token`. They end within 15 s, so a program that is down for longer loses the callback in any
/// case.
///
/// [`url`](Self::url) refuses values that are out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct CallbackRetries {
    count: u32,
    /// One bit for each failure.
    after: u8,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    total_timeout: Option<Duration>,
}

/// How the delivery of a callback can fail; see [`CallbackRetries::after`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackFailure {
    /// No connection was made, or TLS failed (`ct`).
    Connect,
    /// No response arrived in time (`rt`).
    ReadTimeout,
    /// The response has a status of 400 to 499 (`4xx`).
    Status4xx,
    /// The response has a status of 500 to 599 (`5xx`).
    Status5xx,
    /// Any failure, including failures that have no variant here (`all`).
    Any,
}

/// The shortest timeout.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest time to connect.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// The longest time to wait for a response, and for all attempts together. It is also the default of both.
const LONGEST: Duration = Duration::from_secs(15);

impl CallbackFailure {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Connect, "ct"),
        (Self::ReadTimeout, "rt"),
        (Self::Status4xx, "4xx"),
        (Self::Status5xx, "5xx"),
        (Self::Any, "all"),
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What the service does by default: one more attempt if it could not connect.
impl Default for CallbackRetries {
    fn default() -> Self {
        let after = CallbackFailure::Connect.bit();
        Self { count: 1, after, connect_timeout: None, read_timeout: None, total_timeout: None }
    }
}

impl CallbackRetries {
    /// Makes the retries that ask for the most that the service offers: five more attempts, after any failure.
    pub fn most() -> Self {
        Self { count: 5, after: CallbackFailure::Any.bit(), ..Self::default() }
    }

    setters! {
        /// Sets how many more attempts follow the first one (`rc`): 0 to 5. Default: 1.
        count(count: u32) = count;

        /// Sets after which failures to try again (`rp`). Default: only [`CallbackFailure::Connect`].
        ///
        /// ```
        /// use twilio_payments::{CallbackFailure, CallbackRetries};
        ///
        /// # fn main() -> Result<(), twilio_payments::CallbackError> {
        /// let retries = CallbackRetries::default()
        ///     .count(3)
        ///     .after([CallbackFailure::Connect, CallbackFailure::Status5xx]);
        /// assert_eq!(retries.url("https://pay.example.com/")?, "https://pay.example.com/#rc=3&rp=ct,5xx");
        /// # Ok(())
        /// # }
        /// ```
        after(failures: impl IntoIterator<Item = CallbackFailure>) =
            failures.into_iter().fold(0, |after, failure| after | failure.bit());

        /// Sets how long the service may take to connect (`ct`), in whole milliseconds: 100 ms to 10 s. Default: 5 s.
        connect_timeout(timeout: Duration) = Some(timeout);

        /// Sets how long the service waits for a response (`rt`), in whole milliseconds: 100 ms to 15 s. Default: 15 s.
        read_timeout(timeout: Duration) = Some(timeout);

        /// Sets how long all attempts may take together (`tt`), in whole milliseconds: 100 ms to 15 s. Default: 15 s.
        total_timeout(timeout: Duration) = Some(timeout);
    }

    /// Returns the URL with these retries in its fragment. An existing fragment is replaced.
    ///
    /// # Errors
    /// Returns an error of kind [`InvalidInput`](crate::CallbackErrorKind::InvalidInput) if a value is out of its
    /// range, or if no failure is named. The error's [field](CallbackError::field) is the name of the setter. The URL
    /// itself is checked when it is used.
    pub fn url(&self, url: &str) -> Result<String, CallbackError> {
        if self.count > 5 {
            return Err(CallbackError::invalid("count", "outside 0 to 5"));
        }
        if self.after == 0 {
            return Err(CallbackError::invalid("after", "empty"));
        }
        let mut asked = vec![format!("rc={}", self.count)];
        if self.after != Self::default().after {
            let names = CallbackFailure::NAMES.iter().filter(|(failure, _)| self.after & failure.bit() != 0);
            asked.push(format!("rp={}", names.map(|(_, name)| *name).collect::<Vec<_>>().join(",")));
        }
        for (name, field, timeout, most, range) in [
            ("ct", "connect_timeout", self.connect_timeout, LONGEST_CONNECT, "outside 100 ms to 10 s"),
            ("rt", "read_timeout", self.read_timeout, LONGEST, "outside 100 ms to 15 s"),
            ("tt", "total_timeout", self.total_timeout, LONGEST, "outside 100 ms to 15 s"),
        ] {
            let Some(timeout) = timeout else { continue };
            if timeout.subsec_nanos() % 1_000_000 != 0 {
                return Err(CallbackError::invalid(field, "not in whole milliseconds"));
            }
            if !(SHORTEST..=most).contains(&timeout) {
                return Err(CallbackError::invalid(field, range));
            }
            asked.push(format!("{name}={}", timeout.as_millis()));
        }
        Ok(format!("{}#{}", Url::split(url).before_fragment, asked.join("&")))
    }

    /// Reads the retries from the fragment of a URL, as the service does. A value that is missing, unknown or out of
    /// range has its default.
    ///
    /// ```
    /// use twilio_payments::CallbackRetries;
    ///
    /// let retries = CallbackRetries::of_url("https://pay.example.com/status#rc=5&rp=all");
    /// assert_eq!(retries, CallbackRetries::most());
    /// assert_eq!(CallbackRetries::of_url("https://pay.example.com/status"), CallbackRetries::default());
    /// ```
    pub fn of_url(url: &str) -> Self {
        let mut retries = Self::default();
        for (name, value) in pairs(Url::split(url).fragment.unwrap_or_default().as_bytes()) {
            let timeout = |most| {
                let timeout = value.parse().ok().map(Duration::from_millis);
                timeout.filter(|timeout| (SHORTEST..=most).contains(timeout))
            };
            match &*name {
                "rc" => retries.count = value.parse().ok().filter(|count| *count <= 5).unwrap_or(1),
                "rp" => {
                    let asked = |name: &str| value.split(',').any(|asked| asked == name);
                    let failures = CallbackFailure::NAMES.iter().filter(|(_, name)| asked(name));
                    retries = retries.after(failures.map(|(failure, _)| *failure));
                }
                "ct" => retries.connect_timeout = timeout(LONGEST_CONNECT),
                "rt" => retries.read_timeout = timeout(LONGEST),
                "tt" => retries.total_timeout = timeout(LONGEST),
                _ => {}
            }
        }
        if retries.after == 0 { retries.after([CallbackFailure::Connect]) } else { retries }
    }
}

#[cfg(feature = "sandbox")]
impl CallbackRetries {
    /// Returns whether another attempt follows this one, which failed in this way. Attempts are counted from 1.
    pub(crate) fn again(&self, attempt: u32, failure: CallbackFailure) -> bool {
        attempt <= self.count && self.after & (failure.bit() | CallbackFailure::Any.bit()) != 0
    }

    /// Returns the timeouts for connecting, for reading, and for all attempts.
    pub(crate) fn timeouts(&self) -> [Duration; 3] {
        [
            self.connect_timeout.unwrap_or(Duration::from_secs(5)),
            self.read_timeout.unwrap_or(LONGEST),
            self.total_timeout.unwrap_or(LONGEST),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::CallbackErrorKind;
    use CallbackFailure::{Any, Connect, ReadTimeout, Status4xx, Status5xx};

    const URL: &str = "https://pay.example.com/status?order=7";

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn retries_are_written_to_a_url_and_read_from_it() {
        let default = CallbackRetries::default;
        for (retries, fragment) in [
            (default(), "rc=1"),
            (CallbackRetries::most(), "rc=5&rp=all"),
            (default().count(0), "rc=0"),
            (default().count(5).after([Any, Connect]), "rc=5&rp=ct,all"),
            (default().after([Status5xx, Status4xx, Connect, ReadTimeout]), "rc=1&rp=ct,rt,4xx,5xx"),
            (default().after([Connect, Connect]), "rc=1"),
            (default().connect_timeout(millis(100)).read_timeout(millis(250)), "rc=1&ct=100&rt=250"),
            (default().connect_timeout(millis(10_000)), "rc=1&ct=10000"),
            (CallbackRetries::most().total_timeout(millis(15_000)), "rc=5&rp=all&tt=15000"),
        ] {
            let url = retries.url(URL).unwrap();
            assert_eq!(url, format!("{URL}#{fragment}"));
            assert_eq!(CallbackRetries::of_url(&url), retries);
            assert_eq!(retries.url(&url).unwrap(), url, "a fragment is replaced");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let default = CallbackRetries::default;
        for (retries, error) in [
            (default().count(6), "invalid count: outside 0 to 5"),
            (default().after([]), "invalid after: empty"),
            (default().connect_timeout(millis(99)), "invalid connect_timeout: outside 100 ms to 10 s"),
            (default().connect_timeout(millis(10_001)), "invalid connect_timeout: outside 100 ms to 10 s"),
            (default().read_timeout(Duration::ZERO), "invalid read_timeout: outside 100 ms to 15 s"),
            (default().read_timeout(millis(15_001)), "invalid read_timeout: outside 100 ms to 15 s"),
            (
                default().total_timeout(Duration::from_secs(16)),
                "invalid total_timeout: outside 100 ms to 15 s",
            ),
            (
                default().total_timeout(Duration::from_micros(100_500)),
                "invalid total_timeout: not in whole milliseconds",
            ),
        ] {
            let refused = retries.url(URL).unwrap_err();
            assert_eq!(
                (refused.kind(), refused.to_string().as_str()),
                (CallbackErrorKind::InvalidInput, error)
            );
        }
    }

    #[test]
    fn values_that_a_url_does_not_set_have_their_default() {
        let default = CallbackRetries::default;
        for (fragment, retries) in [
            ("", default()),
            ("top", default()),
            ("rc=6&rc", default()),
            ("rc=x&rp=never&ct=99&rt=0&tt=15001", default()),
            ("rp=,5xx,never", default().after([Status5xx])),
            ("rp=4xx%2C5xx&sni=y", default().after([Status4xx, Status5xx])),
            ("?rc=3", default()),
            ("rc=3#rc=4", default()),
        ] {
            assert_eq!(CallbackRetries::of_url(&format!("{URL}#{fragment}")), retries, "{fragment}");
        }
        assert_eq!(CallbackRetries::of_url("https://h/?rc=5&rp=all"), default());
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn another_attempt_follows_only_if_asked_for() {
        let default = CallbackRetries::default();
        for (retries, attempt, failure, again) in [
            (default, 1, Connect, true),
            (default, 2, Connect, false),
            (default, 1, Status5xx, false),
            (default, 1, ReadTimeout, false),
            (default, 1, Any, false),
            (default.count(0), 1, Connect, false),
            (default.count(2).after([Status5xx]), 2, Status5xx, true),
            (default.count(2).after([Status5xx]), 1, Connect, false),
            (default.count(2).after([Status5xx]), 1, Any, false),
            (CallbackRetries::most(), 5, Status4xx, true),
            (CallbackRetries::most(), 1, Any, true),
            (CallbackRetries::most(), 6, Connect, false),
        ] {
            assert_eq!(retries.again(attempt, failure), again, "{retries:?} {attempt} {failure:?}");
        }
    }
}
