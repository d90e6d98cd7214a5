//! `CallbackRetries`: how often the service is to repeat a callback, written in the fragment of a URL.

use std::time::Duration;

use super::CallbackError;
use crate::macros::setters;
use crate::text::form::pairs;
use crate::text::url::Url;

/// How the service is to deliver callbacks to a `StatusCallback` URL, and when it is to try again.
///
/// By default the service makes one more attempt, and only if it could not connect or TLS failed. **A
/// response of 4xx or 5xx is not repeated: that callback is lost.** A program that responds with 503 while it
/// restarts, or with 500 because its database is away, loses what the callback said, unless the URL asks for
/// retries:
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
/// The service reads the URL's fragment; it neither requests nor signs it. All attempts of a callback carry the
/// same `I-Twilio-Idempotency-Token`, and all of them are over within 15 s: a program that is away for longer
/// misses the callback in any case.
///
/// Values out of range are refused by [`url`](Self::url).
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
    /// No response came in time (`rt`).
    ReadTimeout,
    /// The response has a status of 400 to 499 (`4xx`).
    Status4xx,
    /// The response has a status of 500 to 599 (`5xx`).
    Status5xx,
    /// Any of these, and whatever else can go wrong (`all`).
    Any,
}

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

/// What the service does if the URL asks for nothing: one more attempt, if it could not connect.
impl Default for CallbackRetries {
    fn default() -> Self {
        let after = CallbackFailure::Connect.bit();
        Self { count: 1, after, connect_timeout: None, read_timeout: None, total_timeout: None }
    }
}

impl CallbackRetries {
    /// As many as the service offers: five more attempts, after any failure.
    pub fn most() -> Self {
        Self { count: 5, after: CallbackFailure::Any.bit(), ..Self::default() }
    }

    setters! {
        /// How many more attempts follow the first one (`rc`). 0 to 5, default 1.
        count(count: u32) = count;

        /// After which failures to try again (`rp`). Default: only [`CallbackFailure::Connect`].
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

        /// How long the service may take to connect (`ct`), in whole milliseconds. 100 ms to 10 s, default 5 s.
        connect_timeout(timeout: Duration) = Some(timeout);

        /// How long the service waits for a response (`rt`), in whole milliseconds. 100 ms to 15 s, default 15 s.
        read_timeout(timeout: Duration) = Some(timeout);

        /// How long all attempts may take together (`tt`), in whole milliseconds. 100 ms to 15 s, default 15 s.
        total_timeout(timeout: Duration) = Some(timeout);
    }

    /// The URL with these retries in its fragment. A fragment that it has already is replaced.
    ///
    /// # Errors
    /// [`CallbackErrorKind::InvalidInput`](crate::CallbackErrorKind::InvalidInput) if a value is out of its
    /// range; the [field](CallbackError::field) is the name of the setter. The URL itself is checked when it is
    /// used.
    pub fn url(&self, url: &str) -> Result<String, CallbackError> {
        if self.count > 5 {
            return Err(CallbackError::invalid("count", "not 0 to 5"));
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
            ("ct", "connect_timeout", self.connect_timeout, 10_000, "not 100 ms to 10 s"),
            ("rt", "read_timeout", self.read_timeout, 15_000, "not 100 ms to 15 s"),
            ("tt", "total_timeout", self.total_timeout, 15_000, "not 100 ms to 15 s"),
        ] {
            let Some(timeout) = timeout else { continue };
            let millis = timeout.as_millis();
            if timeout.subsec_nanos() % 1_000_000 != 0 {
                return Err(CallbackError::invalid(field, "not in whole milliseconds"));
            }
            if !(100..=most).contains(&millis) {
                return Err(CallbackError::invalid(field, range));
            }
            asked.push(format!("{name}={millis}"));
        }
        Ok(format!("{}#{}", Url::split(url).before_fragment, asked.join("&")))
    }

    /// Reads the retries from a URL's fragment, as the service does. What is not there, not known or out of
    /// its range has its default.
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
            let millis = |most| {
                let millis = value.parse().ok().filter(|millis| (100..=most).contains(millis));
                millis.map(Duration::from_millis)
            };
            match &*name {
                "rc" => retries.count = value.parse().ok().filter(|count| *count <= 5).unwrap_or(1),
                "rp" => {
                    let asked = |name: &str| value.split(',').any(|asked| asked == name);
                    let failures = CallbackFailure::NAMES.iter().filter(|(_, name)| asked(name));
                    retries = retries.after(failures.map(|(failure, _)| *failure));
                }
                "ct" => retries.connect_timeout = millis(10_000),
                "rt" => retries.read_timeout = millis(15_000),
                "tt" => retries.total_timeout = millis(15_000),
                _ => {}
            }
        }
        if retries.after == 0 { retries.after([CallbackFailure::Connect]) } else { retries }
    }
}

#[cfg(feature = "sandbox")]
impl CallbackRetries {
    /// Whether another attempt follows after an attempt failed in this way. Attempts are counted from 1.
    pub(crate) fn again(&self, attempt: u32, failure: CallbackFailure) -> bool {
        attempt <= self.count && self.after & (failure.bit() | CallbackFailure::Any.bit()) != 0
    }

    /// The times for connecting, for reading, and for everything.
    pub(crate) fn timeouts(&self) -> [Duration; 3] {
        [
            self.connect_timeout.unwrap_or(Duration::from_secs(5)),
            self.read_timeout.unwrap_or(Duration::from_secs(15)),
            self.total_timeout.unwrap_or(Duration::from_secs(15)),
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
    fn a_url_asks_for_them_and_reads_the_same() {
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
    fn what_the_service_does_not_take_is_refused() {
        let default = CallbackRetries::default;
        for (retries, error) in [
            (default().count(6), "invalid count: not 0 to 5"),
            (default().after([]), "invalid after: empty"),
            (default().connect_timeout(millis(99)), "invalid connect_timeout: not 100 ms to 10 s"),
            (default().connect_timeout(millis(10_001)), "invalid connect_timeout: not 100 ms to 10 s"),
            (default().read_timeout(Duration::ZERO), "invalid read_timeout: not 100 ms to 15 s"),
            (default().read_timeout(millis(15_001)), "invalid read_timeout: not 100 ms to 15 s"),
            (default().total_timeout(Duration::from_secs(16)), "invalid total_timeout: not 100 ms to 15 s"),
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
    fn what_a_url_does_not_say_has_its_default() {
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
    fn another_attempt_follows_only_what_was_asked_for() {
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
