//! Reads the clock and formats times in AWS's formats. Only the socket code may read the clock; all
//! modules below it receive the time as an argument.
#![expect(clippy::disallowed_methods, reason = "this module reads the clock")]

#[cfg(test)]
use std::time::Duration;
use std::time::{Instant, SystemTime};

use time::{Date, Month, OffsetDateTime};

/// The current time on two clocks: the monotonic one for durations, the system clock for signatures and
/// `LastModified`.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment { instant: Instant::now(), wall: SystemTime::now() }
    }

    #[cfg(test)]
    pub(crate) fn after(self, duration: Duration) -> Moment {
        Moment { instant: self.instant + duration, wall: self.wall + duration }
    }
}

/// Formats a time as signatures have it: `20150830T123600Z`.
pub(crate) fn basic(wall: SystemTime) -> String {
    let whole_seconds = last_modified(wall)[..19].replace(['-', ':'], "");
    format!("{whole_seconds}Z")
}

/// Formats a time as Lambda's `LastModified`: `2015-08-30T12:36:00.000+0000`.
pub(crate) fn last_modified(wall: SystemTime) -> String {
    let time = OffsetDateTime::from(wall);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, milli) = time.to_hms_milli();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}+0000")
}

/// Formats a time as function URLs have it: `2015-08-30T12:36:00.000Z` (from AWS's documentation, not
/// recorded).
pub(crate) fn created(wall: SystemTime) -> String {
    last_modified(wall).replace("+0000", "Z")
}

/// Returns the seconds since 1970, as CloudWatch has a time.
pub(crate) fn seconds(wall: SystemTime) -> f64 {
    wall.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Parses `20150830T123600Z`. `None` for any other format.
pub(crate) fn parse_basic(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || time.len() != 6 || !all_digits(date) || !all_digits(time) {
        return None;
    }
    let number = |text: &str| text.parse::<u8>().ok();
    let month = Month::try_from(number(&date[4..6])?).ok()?;
    let date = Date::from_calendar_date(date[..4].parse().ok()?, month, number(&date[6..])?).ok()?;
    let time = date.with_hms(number(&time[..2])?, number(&time[2..4])?, number(&time[4..])?).ok()?;
    Some(time.assume_utc().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[track_caller]
    fn check(text: &str, unix_seconds: u64) {
        let wall = UNIX_EPOCH + Duration::from_secs(unix_seconds);
        assert_eq!(parse_basic(text), Some(wall));
        assert_eq!(basic(wall), text);
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        check("19700101T000000Z", 0);
        check("20150830T123600Z", 1_440_938_160);
        check("20240229T235959Z", 1_709_251_199); // a leap day
        check("20261231T000001Z", 1_798_675_201);
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in ["", "20150830", "20150830T123600", "20151330T123600Z", "2015083éT12360Z"] {
            assert_eq!(parse_basic(text), None, "{text}");
        }
    }

    #[test]
    fn last_modified_carries_milliseconds_and_an_offset_without_a_colon() {
        let wall = UNIX_EPOCH + Duration::from_millis(1_440_938_160_042);
        assert_eq!(last_modified(wall), "2015-08-30T12:36:00.042+0000");
    }
}
