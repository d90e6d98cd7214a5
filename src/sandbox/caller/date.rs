//! Dates as callbacks have them, from a time since the Unix epoch. Pure: no clock is read.

use std::time::Duration;

const MILLIS_A_DAY: u128 = 86_400_000;
const DAYS_A_CYCLE: u64 = 146_097;

/// A moment in the Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: u64,
    /// 1 to 12.
    pub(super) month: u64,
    /// 1 to 31.
    day: u64,
    /// Since midnight.
    millis: u64,
}

impl Civil {
    /// The moment that is `since_epoch` after 1 January 1970, 00:00 UTC.
    pub(super) fn new(since_epoch: Duration) -> Self {
        let millis = since_epoch.as_millis();
        let days = u64::try_from(millis / MILLIS_A_DAY).unwrap_or(u64::MAX);
        let millis = u64::try_from(millis % MILLIS_A_DAY).unwrap_or(0);
        // The calendar repeats every 400 years, so the walk below is short for any date.
        let mut year = 1970 + 400 * (days / DAYS_A_CYCLE);
        let mut rest = days % DAYS_A_CYCLE;
        while rest >= days_in_year(year) {
            rest -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while rest >= days_in_month(year, month) {
            rest -= days_in_month(year, month);
            month += 1;
        }
        Self { year, month, day: rest + 1, millis }
    }
}

/// ISO 8601 with milliseconds, as status callbacks have it: `2021-08-10T03:55:53.408Z`.
pub(super) fn iso_8601(since_epoch: Duration) -> String {
    let civil = Civil::new(since_epoch);
    let seconds = civil.millis / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        civil.year,
        civil.month,
        civil.day,
        civil.millis % 1000
    )
}

fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_year(year: u64) -> u64 {
    365 + u64::from(is_leap(year))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        for (millis, iso) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_576_699_321_000, "2019-12-18T20:02:01.000Z"),
            (1_628_567_753_408, "2021-08-10T03:55:53.408Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            let time = Duration::from_millis(millis);
            assert_eq!(iso_8601(time), iso);
        }
    }

    #[test]
    fn every_day_of_a_cycle_follows_the_one_before() {
        let at = |day: u64| Civil::new(Duration::from_secs(day * 86_400));
        for day in 1..DAYS_A_CYCLE + 2 {
            let (before, civil) = (at(day - 1), at(day));
            let next = if before.day < days_in_month(before.year, before.month) {
                (before.year, before.month, before.day + 1)
            } else if before.month < 12 {
                (before.year, before.month + 1, 1)
            } else {
                (before.year + 1, 1, 1)
            };
            assert_eq!((civil.year, civil.month, civil.day), next);
        }
        assert_eq!((at(DAYS_A_CYCLE).year, at(DAYS_A_CYCLE).month, at(DAYS_A_CYCLE).day), (2370, 1, 1));
    }

    proptest! {
        #[test]
        fn any_time_has_a_date(seconds: u64, nanos in 0_u32..1_000_000_000) {
            let time = Duration::new(seconds, nanos);
            prop_assert!(iso_8601(time).ends_with('Z'));
        }
    }
}
