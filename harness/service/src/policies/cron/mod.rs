//! Cron schedules in the syntax that the server accepts, and the times of their next runs.
//!
//! Five fields (minute, hour, day of month, month, day of week), the descriptors `@yearly`,
//! `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, and `@every 1h30m`. If
//! both day fields are restricted, a day that satisfies either of them matches. Times are in UTC,
//! or in the zone that a prefix names, such as `CRON_TZ=Europe/Paris`. A time that the clocks of
//! the zone skip is skipped, and a time that they show twice matches twice.
//!
//! Source: `robfig/cron: parser.go, spec.go, constantdelay.go`, `temporalio/temporal:
//! common/backoff/cron.go`.

mod calendar;
mod zone;

use tonic::Status;

use crate::{
    base::go_duration,
    policies::cron::{
        calendar::{Date, MS_PER_DAY},
        zone::Zone,
    },
};

const MINUTE_MS: u64 = 60_000;
const QUARTER_MS: u64 = 15 * MINUTE_MS;
/// The most by which any zone moves its clocks at once. All zones differ from UTC by multiples of a
/// quarter of an hour.
const MAX_SHIFT_MS: u64 = 3 * 3_600_000;

/// The bit that is set in a day field without a restriction.
const STAR: u64 = 1 << 63;

/// A cron schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Fields(Fields),
    Every { delay_ms: u64 },
}

/// The values at which each field matches, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    minute: u64,
    hour: u64,
    day_of_month: u64,
    month: u64,
    day_of_week: u64,
    /// The time zone; `None` for UTC.
    zone: Option<Zone>,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT, naming the mistake.
    pub(crate) fn parse(spec: &str) -> Result<Self, Status> {
        let invalid = |_| Status::invalid_argument("invalid CronSchedule.");
        parse(spec).map(Self).map_err(invalid)
    }

    /// Returns the first time of the schedule after this one, both in milliseconds since the Unix
    /// epoch.
    ///
    /// `None` if there is none within the next five years.
    pub(crate) fn next_ms(&self, after_ms: u64) -> Option<u64> {
        let second_ms = after_ms - after_ms % 1000;
        match &self.0 {
            Kind::Every { delay_ms } => second_ms.checked_add(*delay_ms),
            Kind::Fields(fields) => fields.first_from(second_ms.checked_add(1000)?),
        }
    }

    /// Returns the milliseconds from `now_ms` until the next run is due, rounded to whole seconds,
    /// if the last run was due at `scheduled_ms`.
    ///
    /// Times that have passed in between are skipped. `None` if the schedule has no next time.
    pub(crate) fn backoff_ms(&self, scheduled_ms: u64, now_ms: u64) -> Option<u64> {
        let next_ms = if now_ms < scheduled_ms {
            scheduled_ms
        } else {
            match &self.0 {
                // The times that have passed are skipped in one step, for a fast schedule may have
                // millions of them.
                Kind::Every { delay_ms } => {
                    let first_ms = self.next_ms(scheduled_ms)?;
                    let passed = now_ms.saturating_sub(first_ms).div_ceil(*delay_ms);
                    first_ms.checked_add(passed.checked_mul(*delay_ms)?)?
                }
                Kind::Fields(_) => self.next_ms(scheduled_ms.max(now_ms.saturating_sub(1)))?,
            }
        };
        Some((next_ms - now_ms).next_multiple_of(1000))
    }
}

/// Checks the cron schedule of a request; an empty one means that there is none.
///
/// # Errors
///
/// INVALID_ARGUMENT, naming the mistake, also for a schedule that never matches.
pub(crate) fn validate(spec: &str, now_ms: u64) -> Result<(), Status> {
    if spec.is_empty() {
        return Ok(());
    }
    if Schedule::parse(spec)?.next_ms(now_ms).is_none() {
        return Err(Status::invalid_argument(
            "invalid CronSchedule, no time can be found to satisfy the schedule",
        ));
    }
    Ok(())
}

impl Fields {
    /// Returns the first match at or after a time that is on a whole second.
    fn first_from(&self, from_ms: u64) -> Option<u64> {
        match self.zone {
            Some(zone) => self.first_in_zone(from_ms, zone),
            None => self.first_in_utc(from_ms),
        }
    }

    /// Returns the first match in a time zone.
    ///
    /// The clocks of the zone are read minute by minute, because their shifts make days and hours
    /// irregular. Steps are longer where nothing can match before the next quarter of an hour or
    /// the end of the day.
    fn first_in_zone(&self, from_ms: u64, zone: Zone) -> Option<u64> {
        let mut at_ms = from_ms.next_multiple_of(MINUTE_MS);
        let last_year = Date::of_ms(zone.local_ms(at_ms)).year + 5;
        loop {
            let local_ms = zone.local_ms(at_ms);
            let date = Date::of_ms(local_ms);
            let minute = local_ms % MS_PER_DAY / MINUTE_MS;
            let to_next_quarter_ms = QUARTER_MS - local_ms % QUARTER_MS;
            at_ms += if date.year > last_year {
                return None;
            } else if !self.matches_day(&date) {
                let rest_ms = MS_PER_DAY - local_ms % MS_PER_DAY;
                rest_ms.saturating_sub(MAX_SHIFT_MS).max(to_next_quarter_ms)
            } else if self.hour & (1 << (minute / 60)) == 0 {
                to_next_quarter_ms
            } else if self.minute & (1 << (minute % 60)) == 0 {
                MINUTE_MS
            } else {
                return Some(at_ms);
            };
        }
    }

    fn first_in_utc(&self, from_ms: u64) -> Option<u64> {
        let mut date = Date::of_ms(from_ms);
        let last_year = date.year + 5;
        let mut time_of_day_ms = from_ms % MS_PER_DAY;
        while date.year <= last_year {
            if self.matches_day(&date)
                && let Some(at_ms) = self.time_from(time_of_day_ms)
            {
                return Some(date.start_ms() + at_ms);
            }
            date = date.next();
            time_of_day_ms = 0;
        }
        None
    }

    fn matches_day(&self, date: &Date) -> bool {
        if self.month & (1 << date.month) == 0 {
            return false;
        }
        let day_of_month = self.day_of_month & (1 << date.day) != 0;
        let day_of_week = self.day_of_week & (1 << date.day_of_week) != 0;
        if (self.day_of_month | self.day_of_week) & STAR != 0 {
            day_of_month && day_of_week
        } else {
            day_of_month || day_of_week
        }
    }

    /// Returns the first matching minute of a day at or after a time of that day, in milliseconds
    /// since midnight.
    fn time_from(&self, from_ms: u64) -> Option<u64> {
        (from_ms.div_ceil(60_000)..24 * 60)
            .find(|minute| {
                self.hour & (1 << (minute / 60)) != 0 && self.minute & (1 << (minute % 60)) != 0
            })
            .map(|minute| minute * 60_000)
    }
}

/// The values that a field may have, and their names from the lowest value on.
struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds {
    min: 0,
    max: 59,
    names: &[],
};
const HOURS: Bounds = Bounds {
    min: 0,
    max: 23,
    names: &[],
};
const DAYS_OF_MONTH: Bounds = Bounds {
    min: 1,
    max: 31,
    names: &[],
};
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const DAYS_OF_WEEK: Bounds = Bounds {
    min: 0,
    max: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

fn parse(spec: &str) -> Result<Kind, String> {
    let (zone, spec) = split_zone(spec)?;
    if let Some(descriptor) = spec.strip_prefix('@') {
        return parse_descriptor(descriptor, zone);
    }
    parse_fields(spec, zone)
}

fn parse_fields(spec: &str, zone: Option<Zone>) -> Result<Kind, String> {
    let fields: Vec<_> = spec.split_whitespace().collect();
    let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
        return Err(format!("expected exactly 5 fields, found {}", fields.len()));
    };
    Ok(Kind::Fields(Fields {
        minute: parse_field(minute, &MINUTES)?,
        hour: parse_field(hour, &HOURS)?,
        day_of_month: parse_field(day_of_month, &DAYS_OF_MONTH)?,
        month: parse_field(month, &MONTHS)?,
        day_of_week: parse_field(day_of_week, &DAYS_OF_WEEK)?,
        zone,
    }))
}

/// Splits off the time zone at the start of a schedule.
fn split_zone(spec: &str) -> Result<(Option<Zone>, &str), String> {
    let Some(zoned) = spec
        .strip_prefix("TZ=")
        .or_else(|| spec.strip_prefix("CRON_TZ="))
    else {
        return Ok((None, spec));
    };
    let (zone, rest) = zoned
        .split_once(' ')
        .ok_or("a time zone without a schedule")?;
    Ok((Zone::named(zone)?, rest.trim()))
}

fn parse_descriptor(descriptor: &str, zone: Option<Zone>) -> Result<Kind, String> {
    let spec = match descriptor {
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        _ => {
            let every = descriptor
                .strip_prefix("every ")
                .ok_or_else(|| format!("unrecognized descriptor: @{descriptor}"))?;
            let delay_nanos =
                go_duration::parse(every).ok_or_else(|| format!("not a duration: {every}"))?;
            let delay_ms = u64::try_from(delay_nanos).unwrap_or(0) / 1_000_000;
            // The delay is in whole seconds, and at least one second.
            return Ok(Kind::Every {
                delay_ms: (delay_ms - delay_ms % 1000).max(1000),
            });
        }
    };
    parse_fields(spec, zone)
}

/// Reads a comma-separated list of ranges.
fn parse_field(field: &str, bounds: &Bounds) -> Result<u64, String> {
    field
        .split(',')
        .filter(|range| !range.is_empty())
        .try_fold(0, |bits, range| Ok(bits | parse_range(range, bounds)?))
}

/// Reads `number | number "-" number`, each with an optional `"/" step`; `*` and `?` stand for all.
fn parse_range(range: &str, bounds: &Bounds) -> Result<u64, String> {
    let mut parts = range.split('/');
    let (span, step) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() {
        return Err(format!("too many slashes: {range}"));
    }
    // The first and the last value.
    let ends: Vec<_> = span.split('-').collect();
    let mut star = 0;
    let (start, mut end) = if matches!(ends[0], "*" | "?") {
        star = STAR;
        (bounds.min, bounds.max)
    } else {
        match ends[..] {
            [only] => (parse_value(only, bounds)?, parse_value(only, bounds)?),
            [start, end] => (parse_value(start, bounds)?, parse_value(end, bounds)?),
            _ => return Err(format!("too many hyphens: {range}")),
        }
    };
    // The step between values.
    let step = step.map(parse_number).transpose()?;
    if let Some(step) = step {
        // "N/step" means "N-max/step".
        if ends.len() == 1 {
            end = bounds.max;
        }
        if step > 1 {
            star = 0;
        }
    }
    let step = step.unwrap_or(1);
    // The checks come in the order of the original, which decides the message.
    if start < bounds.min {
        return Err(format!(
            "beginning of range ({start}) below minimum ({}): {range}",
            bounds.min
        ));
    }
    if end > bounds.max {
        return Err(format!(
            "end of range ({end}) above maximum ({}): {range}",
            bounds.max
        ));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {range}"
        ));
    }
    if step == 0 {
        return Err(format!(
            "step of range should be a positive number: {range}"
        ));
    }
    let bits = (start..=end)
        .filter(|value| (value - start) % step == 0)
        .map(|value| 1 << value);
    Ok(bits.fold(star, |bits: u64, bit: u64| bits | bit))
}

fn parse_value(value: &str, bounds: &Bounds) -> Result<u64, String> {
    let named = bounds
        .names
        .iter()
        .position(|name| value.eq_ignore_ascii_case(name));
    match named {
        Some(index) => Ok(bounds.min + index as u64),
        None => parse_number(value),
    }
}

fn parse_number(number: &str) -> Result<u64, String> {
    number
        .parse()
        .map_err(|_| format!("failed to parse int from {number}"))
}

#[cfg(test)]
mod tests;
