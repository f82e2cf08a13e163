//! Time: the one read of the clock, and the vendors' ways to write an instant.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time};

/// Unix seconds now.
#[allow(clippy::disallowed_methods, reason = "the one place where the sandbox reads the clock")]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn utc(at: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `YYYY-MM-DDTHH:MM:SSZ`, the form of `x-acs-date` and `Timestamp`.
pub(crate) fn dashed(at: i64) -> String {
    let t = utc(at);
    let (hour, minute, second) = t.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", day(at))
}

/// `YYYY-MM-DD` in UTC, the first part of a TC3 credential scope.
pub(crate) fn day(at: i64) -> String {
    let t = utc(at);
    format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day())
}

/// The `Date` response header.
pub(crate) fn http_date(at: i64) -> String {
    let since = Duration::from_secs(u64::try_from(at).unwrap_or(0));
    httpdate::fmt_http_date(UNIX_EPOCH + since)
}

/// Reads an HTTP date.
pub(crate) fn parse_http_date(text: &str) -> Option<i64> {
    let at = httpdate::parse_http_date(text).ok()?;
    i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Reads `YYYYMMDDTHHMMSSZ`; anything else, fractions included, is refused.
pub(crate) fn parse_compact(text: &str) -> Option<i64> {
    let shape = text.len() == 16 && text.as_bytes()[8] == b'T' && text.ends_with('Z');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !shape || digits.len() != 14 {
        return None;
    }
    instant(&digits)
}

/// Reads `YYYY-MM-DDTHH:MM:SSZ`; anything else, fractions included, is refused.
pub(crate) fn parse_dashed(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let at = |i: usize, c: u8| bytes.get(i) == Some(&c);
    let shape =
        text.len() == 20 && at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':');
    if !shape || !at(19, b'Z') {
        return None;
    }
    instant(&text.replace(['-', ':', 'T', 'Z'], ""))
}

/// Reads the `expiration` of a policy: ISO 8601 in UTC, with or without a fraction.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    if !text.ends_with('Z') {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

fn instant(digits: &str) -> Option<i64> {
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u8>().ok();
    let year = digits.get(0..4)?.parse::<i32>().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(part(4, 6)?).ok()?, part(6, 8)?).ok()?;
    let clock = Time::from_hms(part(8, 10)?, part(10, 12)?, part(12, 14)?).ok()?;
    Some(date.with_time(clock).assume_utc().unix_timestamp())
}
