//! Clocks of a time zone: what they show at an instant, and the instant at which they show it.
//!
//! The rules for times that clocks skip or show twice are those of Go's `time.Date`, for the server
//! is written in Go.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

/// A time zone of the IANA database, which is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone(Tz);

/// A date and a time of day, as a clock shows them. Each part may exceed its range by one, which
/// carries over into the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i32,
    /// The month, 1 to 12.
    pub(super) month: u32,
    /// The day of the month, 1 to 31.
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
}

impl Civil {
    /// Returns the seconds since the Unix epoch, as if the clock were set to UTC.
    fn as_if_utc_s(self) -> i64 {
        let first = NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or_default();
        let midnight_s = first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        midnight_s
            + i64::from(self.day - 1) * 86_400
            + i64::from(self.hour) * 3_600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }
}

impl Zone {
    pub(super) const UTC: Self = Self(Tz::UTC);

    /// Returns the zone of this name. An empty one is UTC, and so is the server's local zone.
    ///
    /// # Errors
    ///
    /// The words of Go for an unknown zone.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::UTC);
        }
        let zone = name.parse().map(Self);
        zone.map_err(|_| format!("unknown time zone {name}"))
    }

    /// Returns what the clocks show at an instant, in seconds since the Unix epoch.
    pub(super) fn civil(self, at_s: i64) -> Civil {
        let shown = at(at_s.saturating_add(self.offset_s(at_s)));
        Civil {
            year: shown.year(),
            month: shown.month(),
            day: shown.day(),
            hour: shown.hour(),
            minute: shown.minute(),
            second: shown.second(),
        }
    }

    /// Returns the instant at which the clocks show this time, in seconds since the Unix epoch.
    ///
    /// Of a time that they show twice, it is the first instant west of Greenwich and the second
    /// east of it. For a time that they skip, it is an instant near by, when they show another
    /// time.
    ///
    /// Source: `golang/go: src/time/time.go` (`Date`).
    pub(super) fn instant(self, civil: Civil) -> i64 {
        let as_if_utc_s = civil.as_if_utc_s();
        let near_s = as_if_utc_s - self.offset_s(as_if_utc_s);
        as_if_utc_s - self.offset_s(near_s)
    }

    /// Returns the day of the week of an instant, 0 for Sunday.
    pub(super) fn day_of_week(self, at_s: i64) -> u32 {
        at(at_s + self.offset_s(at_s))
            .weekday()
            .num_days_from_sunday()
    }

    fn offset_s(self, at_s: i64) -> i64 {
        if self == Self::UTC {
            return 0;
        }
        let offset = self.0.offset_from_utc_datetime(&at(at_s).naive_utc()).fix();
        offset.local_minus_utc().into()
    }
}

fn at(at_s: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(at_s, 0).unwrap_or_default()
}
