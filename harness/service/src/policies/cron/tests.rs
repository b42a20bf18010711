//! Cron schedules: their syntax, their next times, and their time zones.

use super::*;

/// 2024-01-01T00:00:00Z, a Monday.
const NEW_YEAR_MS: u64 = 1_704_067_200_000;
const HOUR_MS: u64 = 3_600_000;

fn next(spec: &str, after_ms: u64) -> Option<u64> {
    Schedule::parse(spec).unwrap().next_ms(after_ms)
}

#[test]
fn the_next_time_is_strictly_later() {
    assert_eq!(next("0 * * * *", NEW_YEAR_MS), Some(NEW_YEAR_MS + HOUR_MS));
    assert_eq!(next("0 * * * *", NEW_YEAR_MS - 1), Some(NEW_YEAR_MS));
    assert_eq!(
        next("@hourly", NEW_YEAR_MS + 1),
        Some(NEW_YEAR_MS + HOUR_MS)
    );
}

#[test]
fn lists_ranges_steps_and_names_are_understood() {
    let minutes = |spec: &str| {
        let mut at = NEW_YEAR_MS - 1;
        (0..4)
            .map(|_| {
                at = next(spec, at).unwrap();
                (at - NEW_YEAR_MS) / 60_000
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(minutes("5,10,50-51 * * * *"), [5, 10, 50, 51]);
    assert_eq!(minutes("*/20 * * * *"), [0, 20, 40, 60]);
    assert_eq!(minutes("50/5 * * * *"), [50, 55, 110, 115]);
    assert_eq!(
        minutes("0 0 * JAN Tue"),
        [24 * 60, 8 * 24 * 60, 15 * 24 * 60, 22 * 24 * 60]
    );
}

#[test]
fn either_day_field_is_enough_if_both_are_restricted() {
    // Tuesday the 2nd comes before the 5th; without the weekday the match is the 5th.
    assert_eq!(
        next("0 0 5 * TUE", NEW_YEAR_MS),
        Some(NEW_YEAR_MS + 24 * HOUR_MS)
    );
    assert_eq!(
        next("0 0 5 * *", NEW_YEAR_MS),
        Some(NEW_YEAR_MS + 4 * 24 * HOUR_MS)
    );
    // A star with a step is a restriction.
    assert_eq!(
        next("0 0 5 * */2", NEW_YEAR_MS),
        Some(NEW_YEAR_MS + 24 * HOUR_MS)
    );
}

#[test]
fn the_leap_day_is_found_and_the_thirtieth_of_february_is_not() {
    assert_eq!(
        next("0 0 29 2 *", NEW_YEAR_MS),
        Some(NEW_YEAR_MS + (31 + 28) * 24 * HOUR_MS)
    );
    assert_eq!(next("0 0 30 2 *", NEW_YEAR_MS), None);
    assert!(
        validate("0 0 30 2 *", NEW_YEAR_MS)
            .unwrap_err()
            .message()
            .contains("no time can be found")
    );
}

#[test]
fn every_counts_from_the_last_time_in_whole_seconds() {
    assert_eq!(
        next("@every 1h30m", NEW_YEAR_MS),
        Some(NEW_YEAR_MS + HOUR_MS * 3 / 2)
    );
    assert_eq!(
        next("@every 1.5s", NEW_YEAR_MS + 300),
        Some(NEW_YEAR_MS + 1000)
    );
    assert_eq!(next("@every 10ms", NEW_YEAR_MS), Some(NEW_YEAR_MS + 1000));
}

#[test]
fn a_schedule_that_the_server_refuses_is_refused() {
    for spec in [
        "* * * *",
        "60 * * * *",
        "* * 0 * *",
        "* * * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "1-2-3 * * * *",
        "1/2/3 * * * *",
        "x * * * *",
        "@sometimes",
        "@every day",
        "@every ",
        "CRON_TZ=UTC",
        " ",
    ] {
        let refused = Schedule::parse(spec).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{spec}");
        assert!(
            refused.message().starts_with("invalid CronSchedule."),
            "{spec}"
        );
    }
}

/// Returns the next times after `after_ms`, as hours and minutes of UTC since then.
fn hours(spec: &str, after_ms: u64) -> Vec<(u64, u64)> {
    let next = |at: &u64| next(spec, *at);
    let times = std::iter::successors(Some(after_ms), next).skip(1).take(3);
    times
        .map(|at| (at - after_ms) / MINUTE_MS)
        .map(|minutes| (minutes / 60, minutes % 60))
        .collect()
}

#[test]
fn a_schedule_may_name_a_time_zone() {
    assert_eq!(
        hours("CRON_TZ=UTC 0 1 * * *", NEW_YEAR_MS),
        [(1, 0), (25, 0), (49, 0)]
    );
    assert_eq!(
        hours("TZ=Europe/Paris 0 9 * * *", NEW_YEAR_MS),
        [(8, 0), (32, 0), (56, 0)]
    );
    assert_eq!(
        hours("CRON_TZ=Asia/Kathmandu @daily", NEW_YEAR_MS),
        [(18, 15), (42, 15), (66, 15)]
    );
    // It is still Sunday in New York.
    assert_eq!(
        hours("CRON_TZ=America/New_York 30 22 * * SUN", NEW_YEAR_MS)[0],
        (3, 30)
    );
    let refused = Schedule::parse("CRON_TZ=Mars/Phobos 0 1 * * *").unwrap_err();
    assert_eq!(refused.message(), "invalid CronSchedule.");
}

#[test]
fn a_time_that_clocks_skip_is_skipped_and_a_time_shown_twice_matches_twice() {
    // 2024-03-10T00:00 and 2024-11-03T00:00 in New York: days of 23 and of 25 hours.
    let (spring_ms, autumn_ms) = (1_710_046_800_000, 1_730_606_400_000);
    let at_half_past = |hour: u64| format!("CRON_TZ=America/New_York 30 {hour} * * *");
    assert_eq!(
        hours(&at_half_past(2), spring_ms),
        [(25, 30), (49, 30), (73, 30)]
    );
    assert_eq!(
        hours(&at_half_past(3), spring_ms),
        [(2, 30), (26, 30), (50, 30)]
    );
    assert_eq!(
        hours(&at_half_past(1), autumn_ms),
        [(1, 30), (2, 30), (26, 30)]
    );
    assert_eq!(
        hours("CRON_TZ=America/New_York 0 0 * * *", spring_ms),
        [(23, 0), (47, 0), (71, 0)]
    );
    assert_eq!(
        hours("CRON_TZ=America/New_York 0 0 * * *", autumn_ms),
        [(25, 0), (49, 0), (73, 0)]
    );
}

#[test]
fn a_zone_changes_only_what_clocks_show() {
    // The Gambia is on UTC in this period.
    for spec in [
        "*/7 3-5 * * *",
        "59 23 31 12 *",
        "0 0 29 2 *",
        "13 4 1,15 */2 1-5",
        "0 0 30 2 *",
    ] {
        let mut after_ms = NEW_YEAR_MS + 123_456;
        for _ in 0..20 {
            let zoned = next(&format!("CRON_TZ=Africa/Banjul {spec}"), after_ms);
            assert_eq!(zoned, next(spec, after_ms), "{spec}");
            let Some(at_ms) = zoned else { break };
            after_ms = at_ms;
        }
    }
}

#[test]
fn a_next_run_skips_the_times_that_have_passed() {
    let hourly = Schedule::parse("@hourly").unwrap();
    let (scheduled, now) = (NEW_YEAR_MS, NEW_YEAR_MS + 5 * HOUR_MS / 2);
    assert_eq!(hourly.backoff_ms(scheduled, now), Some(HOUR_MS / 2));
    assert_eq!(hourly.backoff_ms(scheduled, NEW_YEAR_MS + HOUR_MS), Some(0));
    assert_eq!(hourly.backoff_ms(scheduled, scheduled), Some(HOUR_MS));
    assert_eq!(
        hourly.backoff_ms(scheduled + 10_000, scheduled),
        Some(10_000)
    );
    let every = Schedule::parse("@every 1h").unwrap();
    assert_eq!(every.backoff_ms(scheduled, now), Some(HOUR_MS / 2));
    assert_eq!(
        every.backoff_ms(scheduled, NEW_YEAR_MS + 2 * HOUR_MS),
        Some(0)
    );
    assert_eq!(every.backoff_ms(scheduled, scheduled), Some(HOUR_MS));
}

#[test]
fn a_pause_is_rounded_up_to_seconds() {
    let hourly = Schedule::parse("@hourly").unwrap();
    assert_eq!(
        hourly.backoff_ms(NEW_YEAR_MS, NEW_YEAR_MS + HOUR_MS - 1),
        Some(1000)
    );
}
