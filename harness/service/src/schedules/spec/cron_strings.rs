//! Cron strings of schedules: five to seven fields, a descriptor such as `@daily`, or an interval
//! such as `@every 14h/3h`; perhaps with a time zone in front, and a comment behind.
//!
//! Their rules differ from those of the cron schedules of workflows: all fields must match, and an
//! interval counts from the epoch.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/calendar.go` (`parseCronString`).

use crate::{
    api::schedule::{CalendarSpec, IntervalSpec, StructuredCalendarSpec},
    base::{go_duration, time::duration_of_nanos},
    schedules::spec::ranges::structured,
};

/// The times that a cron string stands for.
pub(super) enum Times {
    Calendar(StructuredCalendarSpec),
    Interval(IntervalSpec),
}

/// Returns the times of a cron string, and the name of its zone, which may be empty.
///
/// # Errors
///
/// The server's words for the mistake.
pub(super) fn parse(text: &str) -> Result<(Times, String), String> {
    let (zone, text) = split_zone(text.trim())?;
    let (text, comment) = text.split_once('#').unwrap_or((text, ""));
    let (text, comment) = (text.trim(), comment.trim());
    if text.starts_with("@every") {
        // The zone means nothing for an interval, and is dropped.
        return Ok((Times::Interval(interval(text)?), String::new()));
    }
    let fields: Vec<_> = described(text).split_whitespace().collect();
    let (second, minutes, year) = match fields[..] {
        [_, _, _, _, _] => ("", &fields[..], ""),
        [_, _, _, _, _, year] => ("", &fields[..5], year),
        [second, _, _, _, _, _, year] => (second, &fields[1..6], year),
        _ => return Err("CronString does not have 5-7 fields".to_owned()),
    };
    let calendar = structured(&CalendarSpec {
        second: second.to_owned(),
        minute: minutes[0].to_owned(),
        hour: minutes[1].to_owned(),
        day_of_month: minutes[2].to_owned(),
        month: minutes[3].to_owned(),
        day_of_week: minutes[4].to_owned(),
        year: year.to_owned(),
        comment: comment.to_owned(),
    })?;
    Ok((Times::Calendar(calendar), zone.to_owned()))
}

fn split_zone(text: &str) -> Result<(&str, &str), String> {
    let zoned = text
        .strip_prefix("TZ=")
        .or_else(|| text.strip_prefix("CRON_TZ="));
    let Some(zoned) = zoned else {
        return Ok(("", text));
    };
    zoned
        .split_once(' ')
        .ok_or_else(|| "CronString has time zone but missing fields".to_owned())
}

/// Returns the fields that a descriptor stands for.
fn described(text: &str) -> &str {
    match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => text,
    }
}

/// Reads `@every` and an interval, perhaps with its phase behind a slash.
fn interval(text: &str) -> Result<IntervalSpec, String> {
    let (_, every) = text
        .split_once(' ')
        .ok_or("CronString does not have interval after @every")?;
    let parse = |text: &str| {
        go_duration::parse_with_days(text)
            .map(duration_of_nanos)
            .ok_or_else(|| format!("time: invalid duration {text:?}"))
    };
    let (interval, phase) = every.split_once('/').unwrap_or((every, ""));
    Ok(IntervalSpec {
        interval: Some(parse(interval)?),
        phase: (!phase.is_empty()).then(|| parse(phase)).transpose()?,
    })
}
