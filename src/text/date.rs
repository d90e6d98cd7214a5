//! The calendar: converts between the date formats on the wire and times since the Unix epoch. It reads no clock.

use std::time::Duration;

const SECONDS_A_DAY: u64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
#[cfg(any(feature = "sandbox", test))]
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Reads a date in any format that is used on the wire: ISO 8601 as in callbacks, RFC 2822 as in the resource, and the
/// three formats of HTTP.
///
/// They are `2021-08-10T03:55:53.408Z`, `Sun, 06 Nov 1994 08:49:37 +0000`, the same with `GMT`,
/// `Sunday, 06-Nov-94 08:49:37 GMT`, and `Sun Nov  6 08:49:37 1994`. The weekday is not checked. Returns `None` if the
/// text has another format, a time zone other than UTC, or a date before 1970.
pub(crate) fn read(text: &str) -> Option<Duration> {
    if let Some((date, time)) =
        text.split_once('T').filter(|(date, _)| date.starts_with(|c: char| c.is_ascii_digit()))
    {
        let mut date = date.splitn(3, '-');
        let (year, month, day) = (date.next()?, number(date.next()?, 2)?, date.next()?);
        let time = ["Z", "+00:00", "+0000"].iter().find_map(|zone| time.strip_suffix(zone))?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let nanos = number(&format!("{:0<9.9}", Some(fraction).filter(|fraction| !fraction.is_empty())?), 9)?;
        let seconds = seconds(year, usize::try_from(month).ok()?, day, time)?;
        return Some(Duration::new(seconds, u32::try_from(nanos).ok()?));
    }
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let ([_, day, month, year, time, "GMT" | "+0000"] | [_, month, day, time, year]) = *words.as_slice()
    else {
        return None;
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    seconds(year, month, day, time).map(Duration::from_secs)
}

/// Returns the seconds since 1970, or `None` if a part is out of range. A day after the end of its month counts into
/// the next month.
fn seconds(year: &str, month: usize, day: &str, time: &str) -> Option<u64> {
    // A two-digit year is from the obsolete format, and means a year around 2000.
    let year = match (number(year, 4)?, year.len()) {
        (year, 2) if year < 70 => 2000 + year,
        (year, 2) => 1900 + year,
        (year, _) => year,
    };
    let (day, month) = (number(day, 2)?, u64::try_from(month).ok()?);
    let mut time = time.split(':').map(|digits| number(digits, 2));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 || time.next().is_some() {
        return None;
    }
    Some(days_since_1970(year, month, day) * SECONDS_A_DAY + hour * 3_600 + minute * 60 + second)
}

fn number(text: &str, most_digits: usize) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= most_digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Returns the days from 1970-01-01 to a later date in the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last day of its year.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// A moment in the Gregorian calendar, in UTC.
#[cfg(any(feature = "sandbox", test))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    /// 1 to 12.
    pub(crate) month: u64,
    /// 1 to 31.
    day: u64,
    since_epoch: Duration,
}

#[cfg(any(feature = "sandbox", test))]
impl Civil {
    /// Returns the moment that is `since_epoch` after 1 January 1970, 00:00 UTC.
    pub(crate) fn new(since_epoch: Duration) -> Self {
        // Years begin in March of the year 0 here too. The calendar repeats every 400 years.
        let days = since_epoch.as_secs() / SECONDS_A_DAY + 719_468;
        let (cycle, rest) = (days / 146_097, days % 146_097);
        let year = (rest - rest / 1_460 + rest / 36_524 - rest / 146_096) / 365;
        let rest = rest - (year * 365 + year / 4 - year / 100);
        let month = (rest * 5 + 2) / 153;
        let (year, day) = (cycle * 400 + year, rest - (month * 153 + 2) / 5 + 1);
        let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
        Self { year, month, day, since_epoch }
    }

    fn time(self) -> String {
        let second = self.since_epoch.as_secs() % SECONDS_A_DAY;
        format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
    }
}

/// Writes a date in ISO 8601 format with milliseconds, as in status callbacks: `2021-08-10T03:55:53.408Z`.
#[cfg(any(feature = "sandbox", test))]
pub(crate) fn iso_8601(since_epoch: Duration) -> String {
    let civil = Civil::new(since_epoch);
    let (Civil { year, month, day, .. }, time) = (civil, civil.time());
    format!("{year:04}-{month:02}-{day:02}T{time}.{:03}Z", since_epoch.subsec_millis())
}

/// Writes a date in RFC 2822 format, as in the resource: `Wed, 18 Dec 2019 20:02:01 +0000`.
#[cfg(any(feature = "sandbox", test))]
pub(crate) fn rfc_2822(since_epoch: Duration) -> String {
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let civil = Civil::new(since_epoch);
    let weekday = name(&WEEKDAYS, since_epoch.as_secs() / SECONDS_A_DAY % 7);
    let (Civil { year, day, .. }, month) = (civil, name(&MONTHS, civil.month - 1));
    format!("{weekday}, {day:02} {month} {year:04} {} +0000", civil.time())
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
            assert_eq!((iso_8601(time).as_str(), rfc_2822(time).as_str()), (iso, rfc));
            assert_eq!((read(iso), read(rfc)), (Some(time), Some(Duration::from_secs(time.as_secs()))));
        }
    }

    #[test]
    fn dates_of_http() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            // Two digits of a year.
            ("Wednesday, 31-Dec-69 23:59:59 GMT", Some(3_155_759_999)),
            ("Thursday, 01-Jan-70 00:00:00 GMT", Some(0)),
            ("Friday, 31-Dec-99 23:59:59 GMT", Some(946_684_799)),
            ("Saturday, 01-Jan-00 00:00:00 GMT", Some(946_684_800)),
            // A leap second is read as the second after it.
            ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
            ("Sat, 31 Dec 2016 23:59:61 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", Some(1_795_338_000)),
            ("Tue, 10 Nov 2026 09:00:00 GMT", Some(1_794_301_200)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Fri, 31 Dec 1969 23:59:59 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 PST", None),
            ("Sun, 06 Nov 1994 24:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37:00 GMT", None),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Foo 1994 08:49:37 GMT", None),
            ("Sun, +6 Nov 1994 08:49:37 GMT", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(read(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn dates_of_iso_8601() {
        let moment = Duration::from_millis(1_628_567_753_408);
        for (text, time) in [
            ("2021-08-10T03:55:53.408Z", Some(moment)),
            ("2021-08-10T03:55:53.408+00:00", Some(moment)),
            ("2021-08-10T03:55:53.408000000Z", Some(moment)),
            ("2021-08-10T03:55:53.4080000001Z", Some(moment)),
            ("2021-08-10T03:55:53.4Z", Some(Duration::from_millis(1_628_567_753_400))),
            ("2021-08-10T03:55:53Z", Some(Duration::from_secs(1_628_567_753))),
            ("2021-08-10T03:55:53.408", None),
            ("2021-08-10T03:55:53.408+02:00", None),
            ("2021-08-10T03:55:53.Z", None),
            ("2021-08-10T03:55:53.4x8Z", None),
            ("2021-08-10T03:55:53.éZ", None),
            ("2021-13-10T03:55:53Z", None),
            ("2021-00-10T03:55:53Z", None),
            ("2021-08-32T03:55:53Z", None),
            ("2021-08T03:55:53Z", None),
            ("2021-08-10-11T03:55:53Z", None),
            ("2021-08-10T03:55Z", None),
            ("2021-08-10T24:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("12021-08-10T03:55:53Z", None),
        ] {
            assert_eq!(read(text), time, "{text}");
        }
    }

    #[test]
    fn every_day_of_a_cycle_follows_the_one_before() {
        let cycle = 146_097;
        let at = |day: u64| Civil::new(Duration::from_secs(day * SECONDS_A_DAY));
        let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = |year, month| match month {
            2 => 28 + u64::from(leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        for day in 1..cycle + 2 {
            let (before, civil) = (at(day - 1), at(day));
            let next = if before.day < last(before.year, before.month) {
                (before.year, before.month, before.day + 1)
            } else if before.month < 12 {
                (before.year, before.month + 1, 1)
            } else {
                (before.year + 1, 1, 1)
            };
            assert_eq!((civil.year, civil.month, civil.day), next);
            assert_eq!(days_since_1970(civil.year, civil.month, civil.day), day);
        }
        assert_eq!((at(cycle).year, at(cycle).month, at(cycle).day), (2370, 1, 1));
    }

    proptest! {
        #[test]
        fn any_time_has_a_date(seconds: u64, nanos in 0_u32..1_000_000_000) {
            let time = Duration::new(seconds, nanos);
            prop_assert!(iso_8601(time).ends_with('Z'));
            prop_assert!(rfc_2822(time).ends_with(" +0000"));
        }

        #[test]
        fn any_date_comes_back(millis in 0_u64..253_402_300_800_000) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(read(&iso_8601(time)), Some(time));
            prop_assert_eq!(read(&rfc_2822(time)), Some(Duration::from_secs(time.as_secs())));
        }

        #[test]
        fn any_text_is_a_date_or_none(text in "\\PC{0,30}|[0-9T:.Z-]{0,30}|[A-Za-z0-9:, -]{0,30}") {
            read(&text);
        }
    }
}
