//! Fields of calendars as text, such as `mon-fri` or `0-30/5,45`, and the ranges they stand for.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/calendar.go` (`makeRange`).

use crate::{
    api::schedule::{CalendarSpec, Range, StructuredCalendarSpec},
    schedules::spec::calendar::YEARS,
};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

/// Returns a calendar of texts as one of ranges.
///
/// # Errors
///
/// The server's words for all mistakes.
pub(super) fn structured(calendar: &CalendarSpec) -> Result<StructuredCalendarSpec, String> {
    let mut mistakes = Vec::new();
    let mut ranges = |field: Field, text: &str| {
        field.parse(text).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Vec::new()
        })
    };
    let structured = StructuredCalendarSpec {
        second: ranges(Field::SECOND, &calendar.second),
        minute: ranges(Field::MINUTE, &calendar.minute),
        hour: ranges(Field::HOUR, &calendar.hour),
        day_of_week: ranges(Field::DAY_OF_WEEK, &calendar.day_of_week),
        day_of_month: ranges(Field::DAY_OF_MONTH, &calendar.day_of_month),
        month: ranges(Field::MONTH, &calendar.month),
        year: ranges(Field::YEAR, &calendar.year),
        comment: calendar.comment.clone(),
    };
    if mistakes.is_empty() {
        Ok(structured)
    } else {
        Err(mistakes.join(", "))
    }
}

/// A field of a calendar.
pub(super) struct Field {
    name: &'static str,
    /// The text that an empty one stands for.
    default: &'static str,
    min: i32,
    max: i32,
    /// The names of values from the lowest on, and the number of letters that suffice of one.
    names: (&'static [&'static str], usize),
}

impl Field {
    pub(super) const SECOND: Self = Self::number("Second", "0", 0, 59);
    pub(super) const MINUTE: Self = Self::number("Minute", "0", 0, 59);
    pub(super) const HOUR: Self = Self::number("Hour", "0", 0, 23);
    pub(super) const DAY_OF_MONTH: Self = Self::number("DayOfMonth", "*", 1, 31);
    pub(super) const MONTH: Self = Self {
        names: (&MONTHS, 3),
        ..Self::number("Month", "*", 1, 12)
    };
    pub(super) const YEAR: Self = Self::number("Year", "*", *YEARS.start(), *YEARS.end());
    /// Sunday is 0, and 7 in a text.
    pub(super) const DAY_OF_WEEK: Self = Self {
        names: (&DAYS, 2),
        ..Self::number("DayOfWeek", "*", 0, 7)
    };

    const fn number(name: &'static str, default: &'static str, min: i32, max: i32) -> Self {
        Self {
            name,
            default,
            min,
            max,
            names: (&[], 0),
        }
    }

    /// Returns the ranges of a text. Any year is no range at all.
    ///
    /// # Errors
    ///
    /// The server's words for the mistake.
    pub(super) fn parse(&self, text: &str) -> Result<Vec<Range>, String> {
        let text = match text.trim() {
            "" => self.default,
            text => text,
        };
        if text == "*" && self.name == Self::YEAR.name {
            return Ok(Vec::new());
        }
        let mut ranges = Vec::new();
        for part in text.split(',') {
            self.parse_part(part, &mut ranges)?;
        }
        Ok(ranges)
    }

    /// Reads `*`, a value, or two with a dash; each perhaps with a step.
    fn parse_part(&self, part: &str, ranges: &mut Vec<Range>) -> Result<(), String> {
        let (name, min, max) = (self.name, self.min, self.max);
        let (span, step) = match part.split_once('/') {
            Some((_, step)) if step.contains('/') => {
                return Err(format!("{name} has too many slashes"));
            }
            Some((_, "")) => return Err(format!("{name} missing step value")),
            Some((span, step)) => (span, Some(number(step)?)),
            None => (part, None),
        };
        if step.is_some_and(|step| step < 1) {
            return Err(format!("{name} has invalid Step"));
        }
        let (start, mut end) = match span.split_once('-') {
            _ if span == "*" => (min, max),
            Some((_, end)) if end.contains('-') => {
                return Err(format!("{name} has too many dashes"));
            }
            Some((start, end)) => {
                let start = self
                    .value(start, min)
                    .ok_or_else(|| format!("{name} Start is not in range [{min}-{max}]"))?;
                let end = self.value(end, start).ok_or_else(|| {
                    format!("{name} End is before Start or not in range [{min}-{max}]")
                })?;
                (start, end)
            }
            None => {
                let only = self
                    .value(span, min)
                    .ok_or_else(|| format!("{name} is not in range [{min}-{max}]"))?;
                // A value with a step goes on to the largest one.
                (only, if step.is_some() { max } else { only })
            }
        };
        let step = step.unwrap_or(1);
        // The second name of Sunday becomes its first, in a range of its own if need be.
        if self.name == Self::DAY_OF_WEEK.name && end == 7 {
            if (7 - start) % step == 0 && (step > 1 || start > 1) {
                ranges.push(Range::default());
                if start == 7 {
                    return Ok(());
                }
            }
            end = 6;
        }
        // Zero stands for the default: an end at the start, and a step of one.
        ranges.push(Range {
            start,
            end: if end == start { 0 } else { end },
            step: if step == 1 { 0 } else { step },
        });
        Ok(())
    }

    /// Reads a value of at least `least`, by its number or by the beginning of its name.
    fn value(&self, text: &str, least: i32) -> Option<i32> {
        let (names, letters) = self.names;
        let text = text.to_lowercase();
        let named = names
            .iter()
            .position(|name| text.len() >= letters && name.starts_with(&text))
            .filter(|_| letters > 0);
        let value = match named {
            Some(place) => i32::try_from(place).ok()? + self.min,
            None => number(&text).ok()?,
        };
        (least..=self.max).contains(&value).then_some(value)
    }
}

fn number(text: &str) -> Result<i32, String> {
    text.parse()
        .map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(field: &Field, text: &str) -> Vec<(i32, i32, i32)> {
        let ranges = field.parse(text).unwrap();
        let parts = |range: &Range| (range.start, range.end, range.step);
        ranges.iter().map(parts).collect()
    }

    #[test]
    fn a_field_is_a_list_of_values_and_ranges_with_steps() {
        assert_eq!(ranges(&Field::HOUR, ""), [(0, 0, 0)]);
        assert_eq!(ranges(&Field::HOUR, "*"), [(0, 23, 0)]);
        assert_eq!(ranges(&Field::HOUR, "5,7"), [(5, 0, 0), (7, 0, 0)]);
        assert_eq!(
            ranges(&Field::MINUTE, "0-30/5, 7/20".replace(' ', "").as_str()),
            [(0, 30, 5), (7, 59, 20)]
        );
        assert_eq!(ranges(&Field::YEAR, "*"), []);
        assert_eq!(ranges(&Field::YEAR, "2030"), [(2030, 0, 0)]);
    }

    #[test]
    fn months_and_days_have_names_of_a_few_letters() {
        assert_eq!(ranges(&Field::MONTH, "jan,JUNE"), [(1, 0, 0), (6, 0, 0)]);
        assert_eq!(ranges(&Field::DAY_OF_WEEK, "mo-friday"), [(1, 5, 0)]);
        assert!(Field::MONTH.parse("ja").is_err());
    }

    #[test]
    fn sunday_is_seven_too() {
        assert_eq!(ranges(&Field::DAY_OF_WEEK, "7"), [(0, 0, 0)]);
        assert_eq!(ranges(&Field::DAY_OF_WEEK, "0-7"), [(0, 6, 0)]);
        assert_eq!(ranges(&Field::DAY_OF_WEEK, "3-7"), [(0, 0, 0), (3, 6, 0)]);
        assert_eq!(ranges(&Field::DAY_OF_WEEK, "3-7/3"), [(3, 6, 3)]);
        assert_eq!(ranges(&Field::DAY_OF_WEEK, "1-7/2"), [(0, 0, 0), (1, 6, 2)]);
    }

    #[test]
    fn a_mistake_is_named_with_its_field() {
        let wrong = |field: &Field, text| field.parse(text).unwrap_err();
        assert_eq!(wrong(&Field::HOUR, "24"), "Hour is not in range [0-23]");
        assert_eq!(wrong(&Field::HOUR, "5/"), "Hour missing step value");
        assert_eq!(wrong(&Field::HOUR, "5/1/1"), "Hour has too many slashes");
        assert_eq!(wrong(&Field::HOUR, "5/0"), "Hour has invalid Step");
        assert_eq!(wrong(&Field::HOUR, "1-2-3"), "Hour has too many dashes");
        assert_eq!(
            wrong(&Field::HOUR, "7-5"),
            "Hour End is before Start or not in range [0-23]"
        );
        assert!(wrong(&Field::HOUR, "1/x").contains("invalid syntax"));
    }
}
