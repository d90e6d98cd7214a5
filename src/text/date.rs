//! Dates in the formats of the wire, from a time since the Unix epoch. Pure: no clock is read.

use std::time::Duration;

const MILLIS_A_DAY: u128 = 86_400_000;
const DAYS_A_CYCLE: u64 = 146_097;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in the Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    /// 1 to 12.
    pub(crate) month: u64,
    /// 1 to 31.
    day: u64,
    /// Days since 1 January 1970, which was a Thursday.
    days: u64,
    /// Since midnight.
    millis: u64,
}

impl Civil {
    /// The moment that is `since_epoch` after 1 January 1970, 00:00 UTC.
    pub(crate) fn new(since_epoch: Duration) -> Self {
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
        Self { year, month, day: rest + 1, days, millis }
    }

    fn time(self) -> (u64, u64, u64) {
        let seconds = self.millis / 1000;
        (seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// ISO 8601 with milliseconds, as status callbacks have it: `2021-08-10T03:55:53.408Z`.
pub(crate) fn iso_8601(since_epoch: Duration) -> String {
    let civil = Civil::new(since_epoch);
    let (hour, minute, second) = civil.time();
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        civil.year,
        civil.month,
        civil.day,
        civil.millis % 1000
    )
}

/// RFC 2822, as the resource has it: `Wed, 18 Dec 2019 20:02:01 +0000`.
pub(crate) fn rfc_2822(since_epoch: Duration) -> String {
    let civil = Civil::new(since_epoch);
    let (hour, minute, second) = civil.time();
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    format!(
        "{}, {:02} {} {:04} {hour:02}:{minute:02}:{second:02} +0000",
        name(&WEEKDAYS, civil.days % 7),
        civil.day,
        name(&MONTHS, civil.month - 1),
        civil.year
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
        for (millis, iso, rfc) in [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z", "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z", "Wed, 01 Mar 2000 00:00:00 +0000"),
            (1_576_699_321_000, "2019-12-18T20:02:01.000Z", "Wed, 18 Dec 2019 20:02:01 +0000"),
            (1_628_567_753_408, "2021-08-10T03:55:53.408Z", "Tue, 10 Aug 2021 03:55:53 +0000"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z", "Thu, 29 Feb 2024 23:59:59 +0000"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 +0000"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000"),
        ] {
            let time = Duration::from_millis(millis);
            assert_eq!(iso_8601(time), iso);
            assert_eq!(rfc_2822(time), rfc);
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
            prop_assert!(rfc_2822(time).ends_with(" +0000"));
        }
    }
}
