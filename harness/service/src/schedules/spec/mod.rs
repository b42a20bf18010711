//! Specifications of schedules: the times at which they act.
//!
//! A specification has calendars, cron strings and intervals, less the times of its exclusions,
//! from a start to an end, each delayed by jitter. [`Spec::new`] checks it and brings it into the
//! one form that descriptions show.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/spec.go`.

mod calendar;
mod checks;
mod cron_strings;
mod jitter;
mod ranges;
#[cfg(test)]
mod tests;
mod zone;

use crate::{
    api::schedule::{IntervalSpec, ScheduleSpec, StructuredCalendarSpec},
    base::time::{nanos, signed_ms},
    schedules::spec::{
        calendar::{Calendar, YEARS},
        cron_strings::Times,
        ranges::structured,
        zone::Zone,
    },
};

/// The excluded times in a row that are looked at. The server can be given such a limit
/// (`worker.schedulerSpecMaxIterations`); without it, it looks at all times until the year 2100.
const MAX_EXCLUDED: usize = 100_000;

/// A specification that was checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spec {
    /// The specification in its canonical form.
    canonical: ScheduleSpec,
    calendars: Vec<Calendar>,
    exclusions: Vec<Calendar>,
    max_jitter_ms: u64,
}

/// A time of a schedule, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextTime {
    /// The time of the specification, a whole second.
    pub(crate) nominal_ms: i64,
    /// The time with its jitter.
    pub(crate) at_ms: i64,
}

/// A search for a time that was given up, because too many times in a row are excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyExclusions;

impl Spec {
    /// Checks a specification, and brings it into its canonical form.
    ///
    /// # Errors
    ///
    /// The server's words for the mistake.
    pub(crate) fn new(spec: ScheduleSpec) -> Result<Self, String> {
        let canonical = canonical(spec)?;
        let zone = Zone::named(&canonical.timezone_name)?;
        let compile = |calendars: &[StructuredCalendarSpec]| {
            let compiled = calendars.iter().map(|it| Calendar::new(it, zone));
            compiled.collect()
        };
        Ok(Self {
            calendars: compile(&canonical.structured_calendar),
            exclusions: compile(&canonical.exclude_structured_calendar),
            max_jitter_ms: u64::try_from(nanos(canonical.jitter.as_ref()) / 1_000_000).unwrap_or(0),
            canonical,
        })
    }

    /// Returns the specification in its canonical form.
    pub(crate) fn canonical(&self) -> &ScheduleSpec {
        &self.canonical
    }

    /// Returns the longest delay of a time.
    pub(crate) fn max_jitter_ms(&self) -> u64 {
        self.max_jitter_ms
    }

    /// Returns the first time after another one, in milliseconds since the Unix epoch; `None` if no
    /// time follows.
    ///
    /// # Errors
    ///
    /// If too many times in a row are excluded.
    pub(crate) fn next(
        &self,
        seed: &str,
        after_ms: i64,
    ) -> Result<Option<NextTime>, TooManyExclusions> {
        // The first second of the schedule's time may match.
        let start_ms = self.canonical.start_time.as_ref().map_or(0, signed_ms);
        let mut after_s = after_ms.max(start_ms - 1_000).div_euclid(1_000);
        for _ in 0..MAX_EXCLUDED {
            let Some(nominal_s) = self.next_nominal(after_s) else {
                return Ok(None);
            };
            if self.is_past_end(nominal_s) {
                return Ok(None);
            }
            if !self.exclusions.iter().any(|it| it.matches(nominal_s)) {
                let nominal_ms = nominal_s * 1_000;
                let jitter_ms = self.jitter_ms(seed, nominal_s);
                return Ok(Some(NextTime {
                    nominal_ms,
                    at_ms: nominal_ms + jitter_ms,
                }));
            }
            after_s = nominal_s;
        }
        Err(TooManyExclusions)
    }

    /// Returns the first time of any calendar or interval, in seconds.
    fn next_nominal(&self, after_s: i64) -> Option<i64> {
        let of_calendars = self.calendars.iter().filter_map(|it| it.next(after_s));
        let intervals = self.canonical.interval.iter();
        of_calendars
            .chain(intervals.map(|it| next_of_interval(it, after_s)))
            .min()
    }

    fn is_past_end(&self, nominal_s: i64) -> bool {
        let end = self.canonical.end_time.as_ref();
        end.is_some_and(|end| nominal_s * 1_000 > signed_ms(end))
            || Zone::UTC.civil(nominal_s).year > *YEARS.end()
    }

    /// Returns the delay of a time. It does not reach the time that follows.
    fn jitter_ms(&self, seed: &str, nominal_s: i64) -> i64 {
        if self.max_jitter_ms == 0 {
            return 0;
        }
        let following_s = self.next_nominal(nominal_s);
        let room_ms = following_s.and_then(|it| u64::try_from((it - nominal_s) * 1_000).ok());
        let max_ms = self.max_jitter_ms.min(room_ms.unwrap_or(u64::MAX));
        // Less than 2^32.
        jitter::of_ms(seed, nominal_s, max_ms).cast_signed()
    }
}

/// Returns the first multiple of an interval, from its phase on, after a time. All are in seconds.
fn next_of_interval(interval: &IntervalSpec, after_s: i64) -> i64 {
    let seconds = |it: Option<&_>| nanos(it) / 1_000_000_000;
    let every_s = seconds(interval.interval.as_ref()).max(1);
    let phase_s = seconds(interval.phase.as_ref()).max(0);
    ((after_s - phase_s) / every_s + 1)
        .saturating_mul(every_s)
        .saturating_add(phase_s)
}

/// Brings a specification into its canonical form: texts become ranges, and cron strings become
/// calendars, intervals and the zone.
fn canonical(mut spec: ScheduleSpec) -> Result<ScheduleSpec, String> {
    for calendar in std::mem::take(&mut spec.calendar) {
        spec.structured_calendar.push(structured(&calendar)?);
    }
    #[allow(
        deprecated,
        reason = "callers still send it, and the server still takes it"
    )]
    let exclusions = std::mem::take(&mut spec.exclude_calendar);
    for calendar in exclusions {
        spec.exclude_structured_calendar
            .push(structured(&calendar)?);
    }
    let conflict = || "conflicting timezone names".to_owned();
    let mut cron_zone: Option<String> = None;
    for text in std::mem::take(&mut spec.cron_string) {
        let (times, zone) = cron_strings::parse(&text)?;
        if cron_zone.is_some_and(|other| other != zone) {
            return Err(conflict());
        }
        cron_zone = Some(zone);
        match times {
            Times::Calendar(calendar) => spec.structured_calendar.push(calendar),
            Times::Interval(interval) => spec.interval.push(interval),
        }
    }
    if let Some(zone) = cron_zone.filter(|zone| !zone.is_empty()) {
        let is_other = !spec.timezone_name.is_empty() && spec.timezone_name != zone;
        if is_other || !spec.timezone_data.is_empty() {
            return Err(conflict());
        }
        spec.timezone_name = zone;
    }
    for calendar in &spec.structured_calendar {
        checks::calendar(calendar)?;
    }
    for interval in &spec.interval {
        checks::interval(interval)?;
    }
    Ok(spec)
}

/// Fills in the defaults of ranges, as descriptions show them.
pub(crate) fn with_defaults(mut spec: ScheduleSpec) -> ScheduleSpec {
    let calendars = spec
        .structured_calendar
        .iter_mut()
        .chain(&mut spec.exclude_structured_calendar);
    for calendar in calendars {
        let fields = [
            &mut calendar.second,
            &mut calendar.minute,
            &mut calendar.hour,
            &mut calendar.day_of_month,
            &mut calendar.month,
            &mut calendar.year,
            &mut calendar.day_of_week,
        ];
        for range in fields.into_iter().flatten() {
            range.end = range.end.max(range.start);
            if range.step == 0 {
                range.step = 1;
            }
        }
    }
    spec
}
