//! Time zones of cron schedules, from the IANA database that is compiled in and so is the same on
//! every machine.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A time zone that is not UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone(Tz);

impl Zone {
    /// Returns the zone of this name; `None` for UTC, which also an empty name and the server's
    /// local zone stand for.
    pub(super) fn named(name: &str) -> Result<Option<Self>, String> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(None);
        }
        name.parse()
            .map(|zone| Some(Self(zone)))
            .map_err(|_| format!("provided bad location {name}: unknown time zone {name}"))
    }

    /// Returns the time that clocks in the zone show at this instant: milliseconds since the Unix
    /// epoch, as if the zone were UTC.
    pub(super) fn local_ms(self, at_ms: u64) -> u64 {
        let at = i64::try_from(at_ms)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or_default();
        let offset = self.0.offset_from_utc_datetime(&at.naive_utc()).fix();
        at_ms.saturating_add_signed(i64::from(offset.local_minus_utc()) * 1000)
    }
}
