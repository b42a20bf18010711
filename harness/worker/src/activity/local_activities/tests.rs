//! Tests of the clocks of local activities.

use temporalio_protos::coresdk::{
    activity_result::activity_resolution::Status, workflow_commands::ScheduleLocalActivity,
};

use super::*;

const RUN: &str = "run";

/// Returns an attempt of a local activity that may take 10 seconds in all, and 4 seconds in each
/// attempt.
fn attempt(number: u32, after_secs: u64) -> LocalActivityTask {
    LocalActivityTask {
        seq: 1,
        attempt: number,
        after: Duration::from_secs(after_secs),
        schedule: ScheduleLocalActivity {
            seq: 1,
            schedule_to_close_timeout: Some(seconds(10)),
            start_to_close_timeout: Some(seconds(4)),
            ..Default::default()
        },
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

fn id(request: u64) -> LocalActivityId {
    LocalActivityId {
        run_id: RUN.to_owned(),
        seq: 1,
        request,
    }
}

fn failed() -> ActivityOutcome {
    ActivityOutcome::Failed(Box::default())
}

/// Describes actions, without the identity of the activity.
fn words(actions: impl IntoIterator<Item = LocalActivityAction>) -> Vec<String> {
    let words = |action| match action {
        LocalActivityAction::SetAlarm { due_ms, moment, .. } => {
            format!("alarm at {due_ms}: {moment:?}")
        }
        LocalActivityAction::Start { task, .. } => format!("start attempt {}", task.attempt),
        LocalActivityAction::Cancel(_) => "cancel".to_owned(),
        LocalActivityAction::Resolve { resolution, .. } => {
            let outcome = match resolution.outcome {
                LocalActivityOutcome::Resolved(resolution) => match resolution.status {
                    Some(Status::Completed(_)) => "completed".to_owned(),
                    Some(Status::Failed(_)) => "failed".to_owned(),
                    other => format!("{other:?}"),
                },
                LocalActivityOutcome::TimedOut(timeout) => format!("{timeout:?} timeout"),
                LocalActivityOutcome::CancelledBetweenAttempts => "cancelled".to_owned(),
            };
            format!("{outcome} after {:?}", resolution.runtime)
        }
        LocalActivityAction::Forget(id) => format!("forget request {}", id.request),
    };
    actions.into_iter().map(words).collect()
}

fn returns(locals: &mut LocalActivities, number: u32, now_ms: u64) -> Vec<String> {
    words(locals.returned(&id(1), number, failed(), now_ms).unwrap())
}

/// Returns one local activity that was requested at 0, and whose first attempt runs.
fn running() -> LocalActivities {
    let mut locals = LocalActivities::default();
    let _ = locals.request(RUN, attempt(1, 0), 0);
    let _ = locals.started(&id(1), 0);
    locals
}

/// Returns the same local activity after its first attempt failed at 3 s. The second attempt waits
/// for its backoff.
fn backing_off(after_secs: u64) -> LocalActivities {
    let mut locals = running();
    let _ = returns(&mut locals, 1, 3_000);
    let _ = locals.request(RUN, attempt(2, after_secs), 3_000);
    let _ = locals.resolved(&id(1));
    locals
}

#[test]
fn a_request_sets_the_deadline_and_starts_the_first_attempt() {
    let mut locals = LocalActivities::default();
    let actions = words(locals.request(RUN, attempt(1, 0), 5_000));
    assert_eq!(
        actions,
        [
            "alarm at 15000: Timeout(ScheduleToClose)",
            "start attempt 1",
        ]
    );
    let actions = words(locals.started(&id(1), 5_000));
    assert_eq!(actions, ["alarm at 9000: Timeout(StartToClose)"]);
}

#[test]
fn a_request_whose_deadline_has_passed_times_out_at_once() {
    let mut task = attempt(1, 0);
    task.schedule.original_schedule_time = Some(prost_types::Timestamp::default());
    let mut locals = LocalActivities::default();
    let actions = words(locals.request(RUN, task, 10_000));
    assert_eq!(actions, ["ScheduleToClose timeout after 0ns"]);
    assert_eq!(words(locals.resolved(&id(1))), ["forget request 1"]);
}

#[test]
fn a_local_activity_is_over_unless_the_worker_asks_for_another_attempt() {
    let mut locals = running();
    assert_eq!(returns(&mut locals, 1, 3_000), ["failed after 3s"]);
    assert_eq!(words(locals.resolved(&id(1))), ["forget request 1"]);
    assert!(locals.forget_run(RUN).is_empty());
}

#[test]
fn another_attempt_starts_after_its_backoff() {
    let mut locals = running();
    assert_eq!(returns(&mut locals, 1, 3_000), ["failed after 3s"]);
    let actions = words(locals.request(RUN, attempt(2, 2), 3_000));
    assert_eq!(actions, ["alarm at 5000: Attempt"]);
    assert!(locals.resolved(&id(1)).is_none());
    let actions = words(locals.due(&id(1), LocalActivityMoment::Attempt, 5_000));
    assert_eq!(actions, ["start attempt 2"]);
}

#[test]
fn an_attempt_that_takes_too_long_is_cancelled_and_its_result_is_ignored() {
    let mut locals = running();
    let timeout = LocalActivityMoment::Timeout(TimeoutType::StartToClose);
    let actions = words(locals.due(&id(1), timeout, 4_000));
    assert_eq!(actions, ["cancel", "StartToClose timeout after 4s"]);
    assert!(returns(&mut locals, 1, 5_000).is_empty());
}

#[test]
fn the_start_to_close_timeout_of_a_failed_attempt_may_end_the_next_one() {
    let mut locals = backing_off(0);
    let _ = locals.due(&id(1), LocalActivityMoment::Attempt, 3_000);
    let _ = locals.started(&id(1), 3_000);
    let timeout = LocalActivityMoment::Timeout(TimeoutType::StartToClose);
    let actions = words(locals.due(&id(1), timeout, 4_000));
    assert_eq!(actions, ["cancel", "StartToClose timeout after 1s"]);
}

#[test]
fn an_activity_that_backs_off_does_not_notice_its_deadline() {
    let mut locals = backing_off(20);
    let timeout = LocalActivityMoment::Timeout(TimeoutType::ScheduleToClose);
    assert!(locals.due(&id(1), timeout, 10_000).is_empty());
    let actions = words(locals.due(&id(1), LocalActivityMoment::Attempt, 23_000));
    assert_eq!(actions, ["start attempt 2"]);
}

#[test]
fn the_schedule_to_start_timeout_counts_from_the_request_of_the_first_attempt() {
    let mut locals = running();
    let _ = returns(&mut locals, 1, 3_000);
    let mut second = attempt(2, 2);
    second.schedule.schedule_to_start_timeout = Some(seconds(4));
    let _ = locals.request(RUN, second, 3_000);
    let actions = words(locals.due(&id(1), LocalActivityMoment::Attempt, 5_000));
    assert_eq!(actions, ["ScheduleToStart timeout after 5s"]);
}

#[test]
fn cancelling_asks_an_attempt_that_runs_to_stop() {
    let mut locals = running();
    assert_eq!(words(locals.cancel(RUN, 1)), ["cancel"]);
    assert_eq!(returns(&mut locals, 1, 3_000), ["failed after 3s"]);
    assert!(locals.cancel(RUN, 1).is_none());
}

#[test]
fn cancelling_ends_an_activity_that_backs_off() {
    let mut locals = backing_off(2);
    assert_eq!(words(locals.cancel(RUN, 1)), ["cancelled after 0ns"]);
    assert!(
        locals
            .due(&id(1), LocalActivityMoment::Attempt, 5_000)
            .is_empty()
    );
}

#[test]
fn an_attempt_that_completes_elsewhere_leaves_its_activity_running() {
    let mut locals = running();
    let outcome = ActivityOutcome::WillCompleteAsync;
    assert!(
        locals
            .returned(&id(1), 1, outcome, 1_000)
            .unwrap()
            .is_none()
    );
    assert_eq!(words(locals.cancel(RUN, 1)), ["cancel"]);
}

#[test]
fn an_attempt_that_cannot_be_simulated_is_an_error_while_the_worker_waits_for_it() {
    let fault = || {
        ActivityOutcome::Fault(ActivityFault::MockPanicked {
            activity_type: "charge".to_owned(),
            message: "no".to_owned(),
        })
    };
    let mut locals = running();
    assert!(locals.returned(&id(1), 1, fault(), 1_000).is_err());
    let _ = locals.forget_run(RUN);
    assert!(matches!(
        locals.returned(&id(1), 1, fault(), 1_000),
        Ok(None)
    ));
}

#[test]
fn a_request_replaces_an_older_one_of_the_same_number() {
    let mut locals = running();
    let actions = words(locals.request(RUN, attempt(1, 0), 1_000));
    assert_eq!(
        actions,
        [
            "forget request 1",
            "alarm at 11000: Timeout(ScheduleToClose)",
            "start attempt 1",
        ]
    );
    let _ = locals.started(&id(2), 1_000);
    assert!(returns(&mut locals, 1, 2_000).is_empty());
}

#[test]
fn a_run_is_forgotten_with_its_local_activities_alone() {
    let mut locals = running();
    let _ = locals.request("other run", attempt(1, 0), 0);
    assert_eq!(locals.forget_run(RUN), [id(1)]);
    assert!(returns(&mut locals, 1, 1_000).is_empty());
    assert_eq!(locals.forget_run("other run").len(), 1);
}
