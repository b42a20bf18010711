//! Calendars: the times at which a clock of their zone shows values that match.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/calendar.go` (`compiledCalendar`).

use std::ops::RangeInclusive;

use crate::{
    api::schedule::{Range, StructuredCalendarSpec},
    schedules::spec::zone::{Civil, Zone},
};

/// The years that calendars know.
pub(super) const YEARS: RangeInclusive<i32> = 2000..=2100;

const HOUR_S: i64 = 3_600;

/// A calendar in its zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Calendar {
    zone: Zone,
    /// The years that match; all, if none is given.
    years: Vec<i32>,
    months: Values,
    days_of_month: Values,
    days_of_week: Values,
    hours: Values,
    minutes: Values,
    seconds: Values,
}

/// The values of a field that match, one bit each.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Values(u64);

impl Values {
    fn of(ranges: &[Range]) -> Self {
        let bits = ranges.iter().flat_map(values).map(|value| 1_u64 << value);
        Self(bits.fold(0, |all, bit| all | bit))
    }

    fn has(self, value: u32) -> bool {
        self.0 & (1 << value) != 0
    }
}

/// Returns the values of a range that was checked.
fn values(range: &Range) -> impl Iterator<Item = i32> + use<> {
    let step = usize::try_from(range.step.max(1)).unwrap_or(1);
    (range.start..=range.end.max(range.start)).step_by(step)
}

impl Calendar {
    pub(super) fn new(spec: &StructuredCalendarSpec, zone: Zone) -> Self {
        Self {
            zone,
            years: spec.year.iter().flat_map(values).collect(),
            months: Values::of(&spec.month),
            days_of_month: Values::of(&spec.day_of_month),
            days_of_week: Values::of(&spec.day_of_week),
            hours: Values::of(&spec.hour),
            minutes: Values::of(&spec.minute),
            seconds: Values::of(&spec.second),
        }
    }

    /// Returns `true` if the calendar matches an instant, in seconds since the Unix epoch.
    pub(super) fn matches(&self, at_s: i64) -> bool {
        let at = self.zone.civil(at_s);
        self.matches_year(at.year)
            && self.months.has(at.month)
            && self.days_of_month.has(at.day)
            && self.days_of_week.has(self.zone.day_of_week(at_s))
            && self.hours.has(at.hour)
            && self.minutes.has(at.minute)
            && self.seconds.has(at.second)
    }

    fn matches_year(&self, year: i32) -> bool {
        self.years.is_empty() || self.years.contains(&year)
    }

    /// Returns the first instant after another that the calendar matches. A time that clocks skip
    /// never comes. An hour that they show twice matches twice.
    pub(super) fn next(&self, after_s: i64) -> Option<i64> {
        let mut at = self.zone.civil(after_s);
        // True in the second of two hours that clocks show alike.
        let mut is_repeated = self.zone.civil(after_s - HOUR_S).hour == at.hour;
        at.second += 1;
        loop {
            self.carry(&mut at, &mut is_repeated);
            if at.year > *YEARS.end() {
                return None;
            }
            // From the year down: a part that does not match moves on, and those below start anew.
            if !self.matches_year(at.year) {
                at = first_of(at.year + 1, 1, 1);
                is_repeated = false;
            } else if !self.months.has(at.month) {
                at = first_of(at.year, at.month + 1, 1);
                is_repeated = false;
            } else if !self.days_of_month.has(at.day)
                || !self
                    .days_of_week
                    .has(self.zone.day_of_week(self.zone.instant(at)))
            {
                at = first_of(at.year, at.month, at.day + 1);
                is_repeated = false;
            } else if !self.hours.has(at.hour) {
                next_hour(&mut at);
                is_repeated = false;
            } else if !self.minutes.has(at.minute) {
                at.minute += 1;
                at.second = 0;
            } else if !self.seconds.has(at.second) {
                at.second += 1;
            } else {
                let next_s = self.zone.instant(at);
                if self.zone.civil(next_s).hour == at.hour {
                    return Some(next_s + if is_repeated { HOUR_S } else { 0 });
                }
                // Clocks skip this hour.
                next_hour(&mut at);
            }
        }
    }

    /// Carries each part that exceeds its range over into the next one. The end of an hour may be
    /// that of the first of two that clocks show alike.
    fn carry(&self, at: &mut Civil, is_repeated: &mut bool) {
        if at.second >= 60 {
            at.minute += 1;
            at.second = 0;
        }
        if at.minute >= 60 {
            at.minute = 0;
            let hour_s = self.zone.instant(*at);
            at.hour += 1;
            let comes_again = self.zone.instant(*at) - hour_s > HOUR_S;
            *is_repeated = comes_again && !*is_repeated;
            if *is_repeated {
                at.hour -= 1;
            }
        }
        if at.hour >= 24 {
            at.day += 1;
            at.hour = 0;
        }
        if at.month <= 12 && at.day > days_in_month(at.year, at.month) {
            at.month += 1;
            at.day = 1;
        }
        if at.month > 12 {
            at.year += 1;
            at.month = 1;
        }
    }
}

fn first_of(year: i32, month: u32, day: u32) -> Civil {
    Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
    }
}

fn next_hour(at: &mut Civil) {
    at.hour += 1;
    at.minute = 0;
    at.second = 0;
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
