//! Checks of calendars and intervals.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/spec.go` (`validateStructuredCalendar`,
//! `validateInterval`).

use crate::{
    api::schedule::{IntervalSpec, Range, StructuredCalendarSpec},
    base::time::nanos,
    schedules::spec::calendar::YEARS,
};

/// The longest comment of a calendar, in bytes.
const MAX_COMMENT: usize = 200;

/// Checks the ranges and the comment of a calendar.
pub(super) fn calendar(calendar: &StructuredCalendarSpec) -> Result<(), String> {
    let mut mistakes = Vec::new();
    let fields = [
        ("Second", &calendar.second, 0, 59),
        ("Minute", &calendar.minute, 0, 59),
        ("Hour", &calendar.hour, 0, 23),
        ("DayOfMonth", &calendar.day_of_month, 1, 31),
        ("Month", &calendar.month, 1, 12),
        ("Year", &calendar.year, *YEARS.start(), *YEARS.end()),
        ("DayOfWeek", &calendar.day_of_week, 0, 6),
    ];
    for (name, ranges, min, max) in fields {
        for range in ranges {
            mistakes.extend(mistakes_of(name, range, min, max));
        }
    }
    if calendar.comment.len() > MAX_COMMENT {
        mistakes.push("comment is too long".to_owned());
    }
    if mistakes.is_empty() {
        return Ok(());
    }
    Err(format!("invalid calendar spec: {}", mistakes.join(", ")))
}

fn mistakes_of(name: &str, range: &Range, min: i32, max: i32) -> impl Iterator<Item = String> {
    let is_within = (min..=max).contains(&range.start);
    let ends_within = range.end == 0 || (range.start..=max).contains(&range.end);
    let mistakes = [
        (!is_within).then(|| format!("{name} Start is not in range [{min}-{max}]")),
        (!ends_within).then(|| format!("{name} End is before Start or not in range [{min}-{max}]")),
        (range.step < 0).then(|| format!("{name} has invalid Step")),
    ];
    mistakes.into_iter().flatten()
}

/// Checks that an interval is at least a second, and its phase within it.
pub(super) fn interval(interval: &IntervalSpec) -> Result<(), String> {
    let every = nanos(interval.interval.as_ref());
    let phase = nanos(interval.phase.as_ref());
    let mistake = if every < 1_000_000_000 {
        "interval is too small"
    } else if phase < 0 {
        "phase is negative"
    } else if phase >= every {
        "phase cannot be greater than Interval"
    } else {
        return Ok(());
    };
    Err(mistake.to_owned())
}
