//! Reads the clock and formats times in AWS's three formats. Only the socket code may read the clock; all
//! modules below it receive the time as an argument.
#![expect(clippy::disallowed_methods, reason = "this module reads the clock")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

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
    let (year, month, day, seconds, _) = civil(wall);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Formats a time as Lambda's `LastModified`: `2015-08-30T12:36:00.000+0000`.
pub(crate) fn last_modified(wall: SystemTime) -> String {
    let (year, month, day, seconds, millis) = civil(wall);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}+0000")
}

/// Formats a time as function URLs have it: `2015-08-30T12:36:00.000Z` (from AWS's documentation, not
/// recorded).
pub(crate) fn created(wall: SystemTime) -> String {
    last_modified(wall).replace("+0000", "Z")
}

/// Parses `20150830T123600Z`. `None` for any other format.
pub(crate) fn parse_basic(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || time.len() != 6 || !all_digits(date) || !all_digits(time) {
        return None;
    }
    let number = |text: &str| text.parse::<u64>().ok();
    let days = days_since_1970(number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?)?;
    let seconds = number(&time[..2])? * 3600 + number(&time[2..4])? * 60 + number(&time[4..])?;
    Some(UNIX_EPOCH + Duration::from_secs(days * SECONDS_A_DAY + seconds))
}

/// Returns year, month, day, second of the day and millisecond of the second, in UTC. This is Howard
/// Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>), because ten lines do
/// not justify a dependency on a date crate.
fn civil(wall: SystemTime) -> (u64, u64, u64, u64, u32) {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let days = since.as_secs() / SECONDS_A_DAY + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years start in March here, so that the leap day comes last.
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day, since.as_secs() % SECONDS_A_DAY, since.subsec_millis())
}

/// The inverse of [`civil`], `days_from_civil`. `None` before 1970 and for a month or day out of range.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

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
