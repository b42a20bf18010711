use durasim_engine::Tape;
use temporalio_common::UntypedActivity;
use temporalio_protos::temporal::api::{
    common::v1::RetryPolicy, workflowservice::v1::PollActivityTaskQueueResponse,
};

use super::*;
use crate::{
    faults::{allowance::Allowance, baseline::Need, moments::AttemptMoment},
    label::{Name, Workflows},
};

/// The first workflow of a world.
fn payment() -> Workflow {
    Workflows::default().appears("payment-1", "Payment")
}

fn faults(profile: impl Into<FaultProfile>, choices: &mut Choices) -> Faults {
    Faults::new(&profile.into(), choices)
}

/// An attempt of an activity that has a minute for each attempt and attempts without limit.
fn attempt(moment: AttemptMoment, number: i32, maximum_attempts: i32) -> AttemptView<'static> {
    let minute = std::time::Duration::from_mins(1)
        .try_into()
        .expect("a small duration");
    let second = std::time::Duration::from_secs(1)
        .try_into()
        .expect("a small duration");
    let policy = RetryPolicy {
        initial_interval: Some(second),
        backoff_coefficient: 2.0,
        maximum_attempts,
        ..RetryPolicy::default()
    };
    let task = PollActivityTaskQueueResponse {
        attempt: number,
        start_to_close_timeout: Some(minute),
        retry_policy: Some(policy),
        ..PollActivityTaskQueueResponse::default()
    };
    AttemptView {
        shuts_down: false,
        moment,
        label: Label::Attempt(payment(), Name::new("charge")),
        task_queue: "payments",
        version: 0,
        attempt: u32::try_from(number).expect("attempts count from 1"),
        allowance: Allowance::of(&task, None, Need::default()),
        last_heartbeat_ms: None,
        completed: moment == AttemptMoment::Done,
        tolerates_crash: lazily(true),
    }
}

/// Returns a condition that lives as long as a view needs it.
fn lazily(holds: bool) -> &'static Lazily<'static> {
    let decide: &dyn Fn() -> bool = if holds { &|| true } else { &|| false };
    Box::leak(Box::new(Lazily::new(decide)))
}

fn task(moment: TaskMoment) -> TaskView<'static> {
    TaskView {
        shuts_down: false,
        moment,
        workflow: payment(),
        task_queue: "payments",
        attempt: 1,
        is_query: false,
        is_cached: true,
        tolerates_crash: lazily(true),
        version: 0,
        versions: &[],
        times: None,
    }
}

fn certain(kind: FaultKind) -> FaultProfile {
    FaultProfile::none()
        .with_odds(kind, 1.0)
        .max_faults(u32::MAX)
}

#[test]
fn a_fault_that_happens_is_on_the_tape_with_its_words_and_its_time() {
    let mut choices = Choices::seeded(1);
    let mut faults = faults(certain(FaultKind::ActivityCompletionLost), &mut choices);
    let fate = faults.attempt(
        &mut choices,
        START_MS + 5,
        &attempt(AttemptMoment::Done, 1, 0),
    );
    assert!(matches!(fate, Some(AttemptFate::LoseReport)), "{fate:?}");
    let tape = choices.taken();
    assert_eq!(
        tape.entries[0].words,
        "lose the completion of charge, attempt 1"
    );
    assert_eq!(tape.entries[0].at_ms, START_MS + 5);
    assert_eq!(
        (faults.injected(), faults.last_injected_ms()),
        (1, Some(START_MS + 5))
    );
}

#[test]
fn a_drawn_fault_spares_the_last_attempt() {
    for kind in [
        FaultKind::ActivityCompletionLost,
        FaultKind::ActivityOverlap,
        FaultKind::ActivityFailure,
        FaultKind::HeartbeatLoss,
        FaultKind::WorkerCrash,
    ] {
        for moment in [
            AttemptMoment::Starts,
            AttemptMoment::Await(2),
            AttemptMoment::Heartbeat(1),
            AttemptMoment::HeartbeatSent { first: 1, last: 1 },
            AttemptMoment::Done,
        ] {
            let mut choices = Choices::seeded(1);
            let mut faults = faults(certain(kind), &mut choices);
            let fate = faults.attempt(&mut choices, START_MS, &attempt(moment, 2, 2));
            assert!(fate.is_none(), "{kind} at {moment:?}: {fate:?}");
        }
    }
}

#[test]
fn a_drawn_crash_spares_a_worker_that_holds_something_that_cannot_be_retried() {
    for kind in [FaultKind::WorkerCrash, FaultKind::WorkerDeploy] {
        for moment in [TaskMoment::Arrives, TaskMoment::Done, TaskMoment::Recorded] {
            let mut choices = Choices::seeded(1);
            let mut faults = faults(certain(kind), &mut choices);
            let versions = [String::new(), "v2".to_owned()];
            let view = TaskView {
                tolerates_crash: lazily(false),
                versions: &versions,
                ..task(moment)
            };
            assert!(faults.task(&mut choices, START_MS, &view).is_none());
        }
    }
}

#[test]
fn a_fault_placed_by_hand_happens_once_even_to_the_last_attempt() {
    let mut choices = Choices::benign();
    let charge = UntypedActivity::new("charge");
    let mut faults = faults(
        Fault::activity_failure().of_activity(charge).nth(2),
        &mut choices,
    );
    let last = attempt(AttemptMoment::Starts, 1, 1);
    assert!(faults.attempt(&mut choices, START_MS, &last).is_none());
    assert_eq!(faults.missed().len(), 1);
    assert!(matches!(
        faults.attempt(&mut choices, START_MS, &last),
        Some(AttemptFate::Fail(_))
    ));
    assert!(faults.missed().is_empty());
    assert!(faults.attempt(&mut choices, START_MS, &last).is_none());
    assert_eq!(
        choices.taken().entries[0].words,
        "fail charge, attempt 1, before its code runs"
    );
}

#[test]
fn a_fault_placed_by_hand_that_does_not_happen_is_missed() {
    let mut choices = Choices::benign();
    let mut faults = faults(Fault::cache_eviction().at("Refund#1"), &mut choices);
    assert!(
        faults
            .task(&mut choices, START_MS, &task(TaskMoment::Arrives))
            .is_none()
    );
    assert_eq!(
        faults.missed()[0].fault.to_string(),
        "cache_eviction at `Refund#1`"
    );
    let points: Vec<_> = faults.missed()[0].points.keys().cloned().collect();
    assert_eq!(points.len(), 1, "{points:?}");
}

#[test]
fn nothing_is_drawn_once_the_budget_is_spent() {
    let mut choices = Choices::seeded(1);
    let profile = FaultProfile::none()
        .with_odds(FaultKind::CacheEviction, 1.0)
        .max_faults(2);
    let mut faults = faults(profile, &mut choices);
    let count = (0..9)
        .filter_map(|_| faults.task(&mut choices, START_MS, &task(TaskMoment::Arrives)))
        .count();
    assert_eq!(count, 2);
}

#[test]
fn nothing_is_drawn_after_the_time_at_which_the_world_heals() {
    let mut choices = Choices::seeded(1);
    let profile = certain(FaultKind::CacheEviction).heal_after(std::time::Duration::from_secs(1));
    let mut faults = faults(profile, &mut choices);
    assert!(
        faults
            .task(&mut choices, START_MS + 999, &task(TaskMoment::Arrives))
            .is_some()
    );
    assert!(
        faults
            .task(&mut choices, START_MS + 1_000, &task(TaskMoment::Arrives))
            .is_none()
    );
}

#[test]
fn a_run_is_set_back_a_few_times_in_a_row_and_again_once_it_has_made_progress() {
    let mut choices = Choices::seeded(1);
    let mut faults = faults(certain(FaultKind::WorkflowTaskTimeout), &mut choices);
    let set_backs = |faults: &mut Faults, choices: &mut Choices| {
        (0..9)
            .filter_map(|_| faults.task(choices, START_MS, &task(TaskMoment::Done)))
            .count()
    };
    assert_eq!(set_backs(&mut faults, &mut choices), 3);
    assert!(
        faults
            .task(&mut choices, START_MS, &task(TaskMoment::Recorded))
            .is_none()
    );
    assert_eq!(set_backs(&mut faults, &mut choices), 3);
}

#[test]
fn a_run_about_to_time_out_loses_no_workflow_task() {
    for kind in [
        FaultKind::WorkflowTaskFailure,
        FaultKind::WorkflowTaskTimeout,
        FaultKind::WorkerCrash,
    ] {
        let mut choices = Choices::seeded(1);
        let mut faults = faults(certain(kind), &mut choices);
        let times = RunTimes {
            task_timeout_ms: 10_000,
            needed_from_ms: Some(START_MS + 20_000),
        };
        let arrives = TaskView {
            times: Some(times),
            ..task(TaskMoment::Arrives)
        };
        assert!(faults.task(&mut choices, START_MS, &arrives).is_none());
        assert!(
            faults
                .task(&mut choices, START_MS, &task(TaskMoment::Done))
                .is_none()
        );
    }
}

#[test]
fn a_tape_repeats_the_faults_of_a_seed_whatever_the_odds_and_the_budget() {
    let mut choices = Choices::seeded(1);
    let mut of_seed = faults(certain(FaultKind::WorkflowTaskTimeout), &mut choices);
    let fate = of_seed.task(&mut choices, START_MS, &task(TaskMoment::Done));
    let tape: Tape = choices.taken();
    let mut choices = Choices::tape(&tape);
    let unlikely = FaultProfile::none()
        .with_odds(FaultKind::WorkflowTaskTimeout, 0.001)
        .max_faults(0);
    let mut of_tape = faults(unlikely, &mut choices);
    assert_eq!(
        format!(
            "{:?}",
            of_tape.task(&mut choices, START_MS, &task(TaskMoment::Done))
        ),
        format!("{fate:?}")
    );
}

#[test]
fn a_swarm_switches_about_half_of_many_kinds_off_but_none_of_two() {
    let on = |profile: &FaultProfile, seed| {
        let Kinds(on) = Faults::new(profile, &mut Choices::seeded(seed)).on;
        on.count_ones() as usize
    };
    let all: usize = (0..100).map(|seed| on(&FaultProfile::all(), seed)).sum();
    // All but `signal_duplicate` and `retries_exhausted`.
    let kinds = FaultKind::ALL.len() - 2;
    assert!(
        (40 * kinds..60 * kinds).contains(&all),
        "{all} of {}",
        100 * kinds
    );
    let two = FaultProfile::none()
        .with(FaultKind::WorkerCrash)
        .with(FaultKind::CacheEviction);
    assert!((0..100).all(|seed| on(&two, seed) == 2));
    assert!((0..100).all(|seed| on(&FaultProfile::all().swarm(false), seed) == kinds));
}

#[test]
fn of_many_awaits_of_an_attempt_the_first_ones_and_then_fewer_and_fewer_are_points() {
    let mut choices = Choices::benign();
    choices.record_offers();
    let mut faults = faults(certain(FaultKind::WorkerCrash), &mut choices);
    for number in 1..=1_000 {
        let at_await = attempt(AttemptMoment::Await(number), 1, 0);
        assert!(faults.attempt(&mut choices, START_MS, &at_await).is_none());
    }
    let keys: Vec<_> = choices
        .offers()
        .iter()
        .map(|offer| offer.point.key.clone())
        .collect();
    let points = (2..=16).chain([32, 64, 128, 256, 512]);
    let wanted: Vec<_> = points
        .map(|number| format!("Payment#1/charge, {number}, at await"))
        .collect();
    assert_eq!(keys, wanted);
}

#[test]
fn a_fault_that_is_placed_at_an_await_happens_however_late_it_is() {
    let mut choices = Choices::benign();
    let mut faults = faults(Fault::worker_crash().at_await(777), &mut choices);
    let mut happened = (1..=1_000).filter(|number| {
        let at_await = attempt(AttemptMoment::Await(*number), 1, 0);
        faults.attempt(&mut choices, START_MS, &at_await).is_some()
    });
    assert_eq!(happened.next(), Some(777));
    assert_eq!(happened.next(), None);
}
