use chrono::{DateTime, NaiveDateTime};
use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::{
    api::schedule::{CalendarSpec, Range},
    base::time::{duration, signed_timestamp},
};

/// Returns the milliseconds of a time in UTC, such as `2022-03-23T09:00:00`.
fn utc(text: &str) -> i64 {
    let at: NaiveDateTime = text.parse().unwrap();
    at.and_utc().timestamp_millis()
}

fn shown(at_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap();
    format!("{:?}", at.naive_utc())
}

fn of(spec: ScheduleSpec) -> Spec {
    Spec::new(spec).unwrap()
}

fn cron(zone: &str, text: &str) -> Spec {
    of(ScheduleSpec {
        cron_string: vec![text.to_owned()],
        timezone_name: zone.to_owned(),
        ..ScheduleSpec::default()
    })
}

fn every(minutes: u64, phase_s: u64) -> IntervalSpec {
    IntervalSpec {
        interval: Some(duration(minutes * 60_000)),
        phase: Some(duration(phase_s * 1_000)),
    }
}

/// Returns the times that follow one in UTC.
fn times(spec: &Spec, after: &str, count: usize) -> Vec<String> {
    let next = |after_ms| spec.next("", after_ms).unwrap().map(|it| it.at_ms);
    std::iter::successors(next(utc(after)), |at_ms| next(*at_ms))
        .take(count)
        .map(shown)
        .collect()
}

fn refusal(spec: ScheduleSpec) -> String {
    Spec::new(spec).unwrap_err()
}

#[test]
fn a_calendar_of_texts_becomes_one_of_ranges() {
    let spec = cron("", "23 5,7 * * * # twice");
    let range = |start, end| Range {
        start,
        end,
        step: 0,
    };
    let calendar = StructuredCalendarSpec {
        second: vec![range(0, 0)],
        minute: vec![range(23, 0)],
        hour: vec![range(5, 0), range(7, 0)],
        day_of_month: vec![range(1, 31)],
        month: vec![range(1, 12)],
        year: vec![],
        day_of_week: vec![range(0, 6)],
        comment: "twice".to_owned(),
    };
    assert_eq!(spec.canonical().structured_calendar, [calendar]);
    let described = with_defaults(spec.canonical().clone());
    let hours = &described.structured_calendar[0].hour;
    assert_eq!((hours[1].start, hours[1].end, hours[1].step), (7, 7, 1));
}

#[test]
fn cron_strings_have_five_to_seven_fields_descriptors_and_intervals() {
    let after = "2024-05-05T12:00:00";
    let first = |text| times(&cron("", text), after, 1);
    assert_eq!(first("15 10 * * *"), ["2024-05-06T10:15:00"]);
    assert_eq!(first("15 10 * * * 2030"), ["2030-01-01T10:15:00"]);
    assert_eq!(first("7 15 10 * * * *"), ["2024-05-06T10:15:07"]);
    assert_eq!(first("@monthly"), ["2024-06-01T00:00:00"]);
    assert_eq!(first("@every 1d12h/3h"), ["2024-05-06T15:00:00"]);
    assert_eq!(first("0 0 13 * fri"), ["2024-09-13T00:00:00"]);
    for wrong in [
        "",
        "1 2 3 4",
        "@every",
        "@every soon",
        "TZ=UTC",
        "61 * * * *",
    ] {
        let spec = ScheduleSpec {
            cron_string: vec![wrong.to_owned()],
            ..ScheduleSpec::default()
        };
        assert!(Spec::new(spec).is_err(), "{wrong}");
    }
}

#[test]
fn all_cron_strings_name_one_time_zone() {
    let zoned = |zone: &str, texts: &[&str]| ScheduleSpec {
        cron_string: texts.iter().map(|it| (*it).to_owned()).collect(),
        timezone_name: zone.to_owned(),
        ..ScheduleSpec::default()
    };
    let london = "CRON_TZ=Europe/London 23 5 * * *";
    let spec = of(zoned("", &[london]));
    assert_eq!(spec.canonical().timezone_name, "Europe/London");
    assert_eq!(
        times(&spec, "2024-07-01T00:00:00", 1),
        ["2024-07-01T04:23:00"]
    );
    for other in [
        zoned("America/New_York", &[london]),
        zoned("", &[london, "23 5 * * *"]),
        zoned("", &["23 5 * * *", london]),
    ] {
        assert_eq!(refusal(other), "conflicting timezone names");
    }
    assert_eq!(
        refusal(zoned("Mars/Base", &[])),
        "unknown time zone Mars/Base"
    );
}

#[test]
fn intervals_count_from_the_epoch_and_their_phase() {
    let spec = of(ScheduleSpec {
        interval: vec![every(90, 344), every(157, 1331)],
        ..ScheduleSpec::default()
    });
    assert_eq!(
        times(&spec, "2022-03-23T12:53:02.009", 4),
        [
            "2022-03-23T13:35:44",
            "2022-03-23T15:05:44",
            "2022-03-23T15:26:11",
            "2022-03-23T16:35:44"
        ]
    );
    let too_small = IntervalSpec {
        interval: Some(duration(999)),
        phase: None,
    };
    for (interval, mistake) in [
        (too_small, "interval is too small"),
        (every(1, 60), "phase cannot be greater than Interval"),
    ] {
        let spec = ScheduleSpec {
            interval: vec![interval],
            ..ScheduleSpec::default()
        };
        assert_eq!(refusal(spec), mistake);
    }
}

#[test]
fn jitter_and_exclusions_are_the_servers() {
    // The times are those of the server's own test.
    let exclusion = CalendarSpec {
        hour: "12-14".to_owned(),
        minute: "*".to_owned(),
        second: "*".to_owned(),
        ..CalendarSpec::default()
    };
    #[allow(deprecated, reason = "the server still takes it")]
    let spec = of(ScheduleSpec {
        interval: vec![every(90, 0)],
        exclude_calendar: vec![exclusion],
        jitter: Some(duration(1_000)),
        ..ScheduleSpec::default()
    });
    assert_eq!(
        times(&spec, "2022-03-23T08:00:00", 4),
        [
            "2022-03-23T09:00:00.235",
            "2022-03-23T10:30:00.139",
            "2022-03-23T15:00:00.089",
            "2022-03-23T16:30:00.687"
        ]
    );
    let of_another = spec.next("another schedule", utc("2022-03-23T08:00:00"));
    assert_ne!(
        shown(of_another.unwrap().unwrap().at_ms),
        "2022-03-23T09:00:00.235"
    );
}

#[test]
fn a_schedule_has_a_start_and_an_end() {
    let spec = of(ScheduleSpec {
        interval: vec![every(60, 0)],
        start_time: Some(signed_timestamp(utc("2022-03-23T12:00:00"))),
        end_time: Some(signed_timestamp(utc("2022-03-23T13:00:00"))),
        ..ScheduleSpec::default()
    });
    assert_eq!(
        times(&spec, "2022-03-23T08:00:00", 3),
        ["2022-03-23T12:00:00", "2022-03-23T13:00:00"]
    );
}

#[test]
fn a_search_among_excluded_times_ends() {
    let all = StructuredCalendarSpec {
        hour: vec![Range {
            start: 0,
            end: 23,
            step: 1,
        }],
        minute: vec![Range {
            start: 0,
            end: 59,
            step: 1,
        }],
        second: vec![Range {
            start: 0,
            end: 59,
            step: 1,
        }],
        day_of_month: vec![Range {
            start: 1,
            end: 31,
            step: 1,
        }],
        month: vec![Range {
            start: 1,
            end: 12,
            step: 1,
        }],
        day_of_week: vec![Range {
            start: 0,
            end: 6,
            step: 1,
        }],
        ..StructuredCalendarSpec::default()
    };
    let spec = of(ScheduleSpec {
        structured_calendar: vec![all.clone()],
        exclude_structured_calendar: vec![all],
        ..ScheduleSpec::default()
    });
    assert_eq!(
        spec.next("", utc("2022-03-23T08:00:00")),
        Err(TooManyExclusions)
    );
    let never = cron("", "0 0 30 2 *");
    assert_eq!(
        times(&never, "2022-03-23T08:00:00", 1),
        Vec::<String>::new()
    );
}

// The times of these tests were computed by the server's own code.

#[test]
fn an_hour_that_clocks_repeat_matches_twice_in_new_york() {
    let spec = cron("America/New_York", "30 1 * * *");
    assert_eq!(
        times(&spec, "2024-11-02T04:00:00", 4),
        [
            "2024-11-02T05:30:00",
            "2024-11-03T05:30:00",
            "2024-11-03T06:30:00",
            "2024-11-04T06:30:00"
        ]
    );
}

#[test]
fn east_of_greenwich_the_hour_before_the_repeated_one_matches_twice() {
    let before = cron("Europe/Berlin", "30 1 27 10 *");
    assert_eq!(
        times(&before, "2024-10-26T00:00:00", 3),
        [
            "2024-10-26T23:30:00",
            "2024-10-27T00:30:00",
            "2025-10-27T00:30:00"
        ]
    );
    let repeated = cron("Europe/Berlin", "30 2 27 10 *");
    assert_eq!(
        times(&repeated, "2024-10-26T00:00:00", 1),
        ["2024-10-27T01:30:00"]
    );
}

#[test]
fn a_time_that_clocks_skip_never_comes() {
    let new_york = cron("America/New_York", "30 2 * * *");
    assert_eq!(
        times(&new_york, "2024-03-09T05:00:00", 2),
        ["2024-03-09T07:30:00", "2024-03-11T06:30:00"]
    );
    let berlin = cron("Europe/Berlin", "30 2 * * *");
    assert_eq!(
        times(&berlin, "2024-03-30T00:00:00", 2),
        ["2024-03-30T01:30:00", "2024-04-01T00:30:00"]
    );
    // A day that begins at one o'clock.
    let sao_paulo = cron("America/Sao_Paulo", "0 0 * * sun");
    assert_eq!(
        times(&sao_paulo, "2018-11-01T19:00:00", 1),
        ["2018-11-11T02:00:00"]
    );
}

#[test]
fn a_shift_by_half_an_hour_leaves_half_of_the_hour() {
    let spec = cron("Australia/Lord_Howe", "15 2 6 10 *");
    assert_eq!(
        times(&spec, "2024-10-05T03:46:40", 1),
        ["2024-10-05T15:45:00"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn no_second_that_matches_is_passed_over(
        after_s in 1_600_000_000_i64..1_900_000_000,
        minute in 0..60_i32,
        step in 1..30_i32,
        zone in prop::sample::select(&["UTC", "America/New_York", "Asia/Kolkata"][..]),
    ) {
        let spec = cron(zone, &format!("*/{step} {minute}-59 * * * * *"));
        let calendar = &spec.calendars[0];
        let next_s = calendar.next(after_s).unwrap();
        prop_assert!(next_s > after_s && calendar.matches(next_s));
        for second in after_s + 1..next_s {
            prop_assert!(!calendar.matches(second), "{second} is passed over");
        }
    }

    #[test]
    fn a_canonical_form_is_its_own(hour in 0..24, minute in 0..60, step in 1..9) {
        let spec = cron("Europe/Paris", &format!("{minute}/{step} {hour} * * 1-5"));
        prop_assert_eq!(of(spec.canonical().clone()), spec);
    }

    #[test]
    fn jitter_delays_and_does_not_reach_the_following_time(
        after_ms in 1_600_000_000_000_i64..1_900_000_000_000,
        jitter_ms in 0..200_000_u64,
        seed in "[a-z]{0,40}",
    ) {
        let spec = of(ScheduleSpec {
            interval: vec![every(2, 0)],
            jitter: Some(duration(jitter_ms)),
            ..ScheduleSpec::default()
        });
        let next = spec.next(&seed, after_ms).unwrap().unwrap();
        let delay_ms = next.at_ms - next.nominal_ms;
        prop_assert!((0..120_000).contains(&delay_ms));
        prop_assert!(jitter_ms == 0 || delay_ms < jitter_ms.cast_signed());
    }
}
