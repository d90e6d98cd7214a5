//! What is known about an operation after an error.

use std::fmt;

/// What is known about an operation after an error.
///
/// It covers every attempt of the call that returned the error, but no other call. If the same operation was called
/// before, [`combine`](Self::combine) the outcomes of the calls. They are ordered from the most to the least certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// No request reached the service: this call did nothing.
    NotSent,
    /// The service refused every request that reached it: this call did nothing. This says nothing about an earlier
    /// call: if a session was completed before, a second request to complete it is refused too.
    Refused,
    /// A request may have been carried out. Call again with the same params value: it sends the same
    /// idempotency key, so the service can recognize the operation.
    Unknown,
}

impl Outcome {
    /// Returns what is known after two calls of the same operation. If one of them is `Unknown`, so is the result,
    /// however certain the other one is.
    ///
    /// [`Error::after_earlier`](crate::Error::after_earlier) combines two errors.
    ///
    /// ```
    /// use twilio_payments::Outcome;
    ///
    /// // The response to the first call was lost, and the second one hit the rate limit.
    /// assert_eq!(Outcome::Unknown.combine(Outcome::Refused), Outcome::Unknown);
    /// assert_eq!(Outcome::NotSent.combine(Outcome::Refused), Outcome::Refused);
    /// ```
    #[must_use]
    pub fn combine(self, later: Self) -> Self {
        self.max(later)
    }

    /// Returns what an HTTP status other than a success says about its request.
    ///
    /// A request was certainly not carried out only if the service itself refused it. A server that responds with 5xx
    /// may have failed after it did the work. Gateways send 408 and 499 after they forwarded the whole request, and 409
    /// and 425 can be about an attempt that is still under way.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            400..=499 if !matches!(status, 408 | 409 | 425 | 499) => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

/// Returns whether another attempt can help after this status.
pub(crate) fn is_retryable_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotSent => "not sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{self, NotSent, Refused, Unknown};
    use super::is_retryable_status;

    #[test]
    fn an_unknown_outcome_is_never_certain_again() {
        for (earlier, later, both) in [
            (NotSent, NotSent, NotSent),
            (NotSent, Refused, Refused),
            (Refused, NotSent, Refused),
            (Refused, Refused, Refused),
            (NotSent, Unknown, Unknown),
            (Refused, Unknown, Unknown),
            (Unknown, NotSent, Unknown),
            (Unknown, Refused, Unknown),
            (Unknown, Unknown, Unknown),
        ] {
            assert_eq!(earlier.combine(later), both, "{earlier}, then {later}");
        }
    }

    #[test]
    fn only_the_services_own_refusals_are_certain() {
        for status in [400, 401, 402, 403, 404, 405, 410, 413, 422, 429, 451] {
            assert_eq!(Outcome::of_status(status), Refused, "{status}");
        }
        for status in [301, 408, 409, 425, 499, 500, 501, 502, 503, 504, 522, 599, 600, 999] {
            assert_eq!(Outcome::of_status(status), Unknown, "{status}");
        }
    }

    #[test]
    fn in_words() {
        assert_eq!(
            [NotSent, Refused, Unknown].map(|outcome| outcome.to_string()),
            ["not sent", "refused", "unknown"]
        );
        assert_eq!(format!("{NotSent:>10}"), "  not sent");
    }

    #[test]
    fn retryable_statuses() {
        let retryable: Vec<u16> = (0..1000).filter(|&status| is_retryable_status(status)).collect();
        assert_eq!(retryable, [408, 429, 500, 502, 503, 504]);
    }
}
