//! The calendar of virtual time: days of the proleptic Gregorian calendar in UTC.

/// The milliseconds of a day; Unix time has no leap seconds.
pub(crate) const MS_PER_DAY: u64 = 24 * 3600 * 1000;

/// A day of the calendar, from 1970-01-01 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: u64,
    /// The month, 1 to 12.
    pub(crate) month: u64,
    /// The day of the month, 1 to 31.
    pub(crate) day: u64,
    /// The day of the week; 0 is Sunday.
    pub(crate) day_of_week: u64,
    /// The number of whole days since 1970-01-01.
    days: u64,
}

impl Date {
    /// Returns the day of an instant in milliseconds since the Unix epoch.
    pub(crate) fn of_ms(at_ms: u64) -> Self {
        let days = at_ms / MS_PER_DAY;
        // Years begin in March here, so that a leap day is the last of its year.
        let since_march_0000 = days + 719_468;
        let era = since_march_0000 / 146_097;
        let day_of_era = since_march_0000 % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = 400 * era + year_of_era + u64::from(month <= 2);
        // 1970-01-01 was a Thursday.
        Self {
            year,
            month,
            day,
            day_of_week: (days + 4) % 7,
            days,
        }
    }

    /// Returns the first millisecond of the day since the Unix epoch.
    pub(crate) fn start_ms(&self) -> u64 {
        self.days * MS_PER_DAY
    }

    /// Returns the next day.
    pub(crate) fn next(&self) -> Self {
        Self::of_ms((self.days + 1) * MS_PER_DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(at_ms: u64) -> (u64, u64, u64, u64) {
        let date = Date::of_ms(at_ms);
        (date.year, date.month, date.day, date.day_of_week)
    }

    #[test]
    fn known_days_are_found() {
        assert_eq!(date(0), (1970, 1, 1, 4));
        assert_eq!(date(1_704_067_200_000), (2024, 1, 1, 1));
        assert_eq!(date(1_704_067_199_999), (2023, 12, 31, 0));
        assert_eq!(date(1_709_164_800_000), (2024, 2, 29, 4));
        assert_eq!(date(4_107_542_400_000), (2100, 3, 1, 1));
    }

    #[test]
    fn the_next_day_follows() {
        let mut day = Date::of_ms(0);
        for _ in 0..200 * 366 {
            let next = day.next();
            assert_eq!(next.start_ms(), day.start_ms() + MS_PER_DAY);
            assert!(
                next.day == day.day + 1 || (next.day == 1 && day.day >= 28),
                "{day:?} {next:?}"
            );
            day = next;
        }
    }
}
