//! An instant, and the ways the vendors write one.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time};

use crate::wire::encode::StackStr;

/// A whole second of UTC, always within the years 0000 to 9999.
///
/// The clock is an argument everywhere: nothing in this module reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0000-01-01T00:00:00Z.
    const FIRST: i64 = -62_167_219_200;
    /// 9999-12-31T23:59:59Z.
    const LAST: i64 = 253_402_300_799;

    /// From Unix seconds; what lies outside the four-digit years becomes the nearest instant inside.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(Self::FIRST, Self::LAST))
    }

    /// Unix seconds.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later (earlier when negative).
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// `20260327`
    pub fn date_compact(self) -> StackStr<8> {
        self.write("YMD")
    }

    /// `2026-03-27`
    pub fn date(self) -> StackStr<10> {
        self.write("Y-M-D")
    }

    /// `20260327T100000Z`
    pub fn iso_basic(self) -> StackStr<16> {
        self.write("YMDThmsZ")
    }

    /// `2026-03-27T10:00:00Z`
    pub fn rfc3339(self) -> StackStr<20> {
        self.write("Y-M-DTh:m:sZ")
    }

    /// `2026-03-27T10:00:00.000Z`; a timestamp is whole seconds, so the milliseconds are always 000.
    pub fn iso_millis(self) -> StackStr<24> {
        self.write("Y-M-DTh:m:s.000Z")
    }

    /// Reads an RFC 3339 time; fractions of a second are dropped, offsets are honoured.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(Self::from_unix(parsed.unix_timestamp()))
    }

    /// Reads an HTTP date in its one current form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    pub fn parse_http_date(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (_, text) = text.trim().split_once(", ")?;
        let mut parts = text.strip_suffix(" GMT")?.split([' ', ':']);
        let day = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let (_, month) = MONTHS.iter().zip(0..).find(|&(&month, _)| month == name)?;
        let month = Month::January.nth_next(month);
        let date = Date::from_calendar_date(parts.next()?.parse().ok()?, month, day).ok()?;
        let mut number = || parts.next()?.parse().ok();
        let (hour, minute, second) = (number()?, number()?, number()?);
        let time = Time::from_hms(hour, minute, second).ok()?;
        Some(Self::from_unix(date.with_time(time).assume_utc().unix_timestamp()))
    }

    /// Fills a pattern: `Y M D h m s` stand for the fields, everything else for itself.
    fn write<const N: usize>(self, pattern: &str) -> StackStr<N> {
        let at = OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        let mut text = StackStr::default();
        for symbol in pattern.bytes() {
            match symbol {
                b'Y' => {
                    two_digits(&mut text, year / 100);
                    two_digits(&mut text, year % 100);
                }
                b'M' => two_digits(&mut text, u8::from(month).into()),
                b'D' => two_digits(&mut text, day.into()),
                b'h' => two_digits(&mut text, hour.into()),
                b'm' => two_digits(&mut text, minute.into()),
                b's' => two_digits(&mut text, second.into()),
                literal => text.push(literal),
            }
        }
        text
    }
}

fn two_digits<const N: usize>(text: &mut StackStr<N>, number: i32) {
    for digit in [number / 10, number % 10] {
        text.push(b"0123456789"[digit.unsigned_abs() as usize % 10]);
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.rfc3339(), f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let at = Timestamp::from_unix(1_774_605_600);
        assert_eq!(&*at.date_compact(), "20260327");
        assert_eq!(&*at.date(), "2026-03-27");
        assert_eq!(&*at.iso_basic(), "20260327T100000Z");
        assert_eq!(&*at.rfc3339(), "2026-03-27T10:00:00Z");
        assert_eq!(&*at.iso_millis(), "2026-03-27T10:00:00.000Z");
        assert_eq!(at.to_string(), "2026-03-27T10:00:00Z");
    }

    #[test]
    fn every_form_is_read_back() {
        let at = Some(Timestamp::from_unix(784_111_777));
        for text in ["1994-11-06T08:49:37Z", "1994-11-06T08:49:37.999Z", "1994-11-06T16:49:37+08:00"] {
            assert_eq!(Timestamp::parse_rfc3339(text), at, "{text}");
        }
        assert_eq!(Timestamp::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), at);
        for text in ["", "Sun, 06 anF 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov"] {
            assert_eq!(Timestamp::parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn out_of_range_is_clamped() {
        assert_eq!(&*Timestamp::from_unix(i64::MAX).rfc3339(), "9999-12-31T23:59:59Z");
        assert_eq!(&*Timestamp::from_unix(i64::MIN).rfc3339(), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_unix(0).plus(i64::MAX), Timestamp::from_unix(i64::MAX));
        assert_eq!(&*Timestamp::from_unix(-1).rfc3339(), "1969-12-31T23:59:59Z");
    }
}
