//! Dates as the resource has them.

use std::time::Duration;

/// RFC 2822, UTC: `Wed, 18 Dec 2019 20:02:01 +0000`.
pub(super) fn rfc_2822(since_epoch: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = since_epoch.as_secs();
    let days = seconds / 86_400;
    // Counted from 1 March of the year 0, leap days come last: every 400 years are 146,097 days, and five months
    // from March on are 153 days.
    let since_march = days + 719_468;
    let (cycle, day) = (since_march / 146_097, since_march % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year + u64::from(month >= 10);
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    format!(
        "{}, {day_of_month:02} {} {year:04} {:02}:{:02}:{:02} +0000",
        name(&DAYS, days % 7),
        name(&MONTHS, (month + 2) % 12),
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}
