//! The four timeouts of an activity, and which of them are retried.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    enums::v1::{RetryState, TimeoutType},
    history::v1::ActivityTaskTimedOutEventAttributes,
};

use super::{
    super::{on, seconds_since},
    BY_HAND, OneActivity, Settings, Work, delays_ms, fails, retry_state, run, start, take_attempt,
    takes, timeout_type,
};

fn timed_out(env: &TestWorkflowEnvironment) -> ActivityTaskTimedOutEventAttributes {
    let mut all = events!(env.history("one"), ActivityTaskTimedOutEventAttributes);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Returns the message of the cause of a timeout: the failure of the previous attempt.
fn cause(timed_out: &ActivityTaskTimedOutEventAttributes) -> Option<&str> {
    Some(timed_out.failure.as_ref()?.cause.as_ref()?.message.as_str())
}

#[workflow_test(core_replay = true)]
async fn start_to_close_counts_for_each_attempt_and_is_retried(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        start_to_close: Some(10),
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        takes(if call.attempt < 3 { 60 } else { 9 }).await?;
        Ok(format!("attempt {}", call.attempt))
    });
    let started = env.now();
    assert_eq!(result.await?.as_deref(), Some("attempt 3"));
    assert_eq!(seconds_since(&env, started), 10 + 1 + 10 + 2 + 9);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_close_counts_from_the_first_schedule_over_all_attempts(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(20),
        start_to_close: Some(15),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| takes(60)).await?, None);
    assert_eq!(
        seconds_since(&env, started),
        20,
        "15 for the first attempt, 1 between, 4 of the second"
    );
    assert_eq!(env.calls(Work::work).len(), 2);
    assert_eq!(
        timeout_type(timed_out(&env).failure.as_ref()),
        Some(TimeoutType::ScheduleToClose)
    );
    assert_eq!(retry_state(&env), Some(RetryState::Timeout));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_timeout_without_time_for_a_retry_is_reported_as_schedule_to_close(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(21),
        start_to_close: Some(10),
        ..Settings::default()
    };
    let started = env.now();
    let result = run(&env, settings, |call| async move {
        if call.attempt == 1 {
            takes(9).await.and(fails().await)
        } else {
            takes(60).await
        }
    });
    assert_eq!(result.await?, None);
    // The second attempt ran from 10 to 20; the third would begin at 22.
    assert_eq!(seconds_since(&env, started), 20);
    let timed_out = timed_out(&env);
    assert_eq!(
        timeout_type(timed_out.failure.as_ref()),
        Some(TimeoutType::ScheduleToClose)
    );
    assert_eq!(timed_out.retry_state(), RetryState::Timeout);
    assert_eq!(
        cause(&timed_out),
        Some("it was Busy"),
        "the cause is the failure of the previous attempt"
    );
    assert!(
        timed_out
            .failure
            .unwrap()
            .message
            .starts_with("Not enough time to schedule next retry"),
        "the message says that there is no time for a retry"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_heartbeat_timeout_without_time_is_reported_as_schedule_to_close(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(12),
        heartbeat: Some(10),
        initial_interval: Some(5),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| takes(60)).await?, None);
    assert_eq!(seconds_since(&env, started), 10);
    assert_eq!(
        timeout_type(timed_out(&env).failure.as_ref()),
        Some(TimeoutType::ScheduleToClose)
    );
    Ok(())
}

/// Only the deadline changes the kind of a timeout: if the attempts are used up, the timeout keeps
/// its kind.
#[workflow_test(core_replay = true)]
async fn a_timeout_of_the_last_attempt_keeps_its_kind(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(11),
        start_to_close: Some(10),
        maximum_attempts: 1,
        ..Settings::default()
    };
    assert_eq!(run(&env, settings, |_| takes(60)).await?, None);
    let timed_out = timed_out(&env);
    assert_eq!(
        timeout_type(timed_out.failure.as_ref()),
        Some(TimeoutType::StartToClose)
    );
    assert_eq!(timed_out.retry_state(), RetryState::MaximumAttemptsReached);
    Ok(())
}

/// A retry may begin exactly when schedule-to-close ends, but not later. The deadline then ends the
/// activity first.
#[workflow_test(core_replay = true)]
async fn schedule_to_close_ends_an_activity_between_attempts(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(7),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| fails()).await?, None);
    assert_eq!(delays_ms(&env), [1000, 2000]);
    assert_eq!(
        seconds_since(&env, started),
        7,
        "the fourth attempt would begin then"
    );
    let timed_out = timed_out(&env);
    assert_eq!(
        timeout_type(timed_out.failure.as_ref()),
        Some(TimeoutType::ScheduleToClose)
    );
    assert_eq!(cause(&timed_out), Some("it was Busy"));
    assert_eq!(timed_out.started_event_id, 0, "no attempt was under way");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_start_is_never_retried(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        start_to_close: Some(10),
        schedule_to_start: Some(30),
        task_queue: Some(BY_HAND.to_owned()),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| takes(0)).await?, None);
    assert_eq!(seconds_since(&env, started), 30);
    let timed_out = timed_out(&env);
    assert_eq!(
        timeout_type(timed_out.failure.as_ref()),
        Some(TimeoutType::ScheduleToStart)
    );
    assert_eq!(timed_out.retry_state(), RetryState::Timeout);
    assert_eq!(timed_out.started_event_id, 0);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_start_restarts_with_each_attempt(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        start_to_close: Some(10),
        schedule_to_start: Some(30),
        initial_interval: Some(100),
        task_queue: Some(BY_HAND.to_owned()),
        ..Settings::default()
    };
    let started = env.now();
    let one = start(&env, settings, |_| takes(0)).await?;
    take_attempt(&env).await?;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    // The polled attempt timed out after 10 seconds; the next one was offered 100 seconds later.
    assert_eq!(seconds_since(&env, started), 10 + 100 + 30);
    let timed_out = timed_out(&env);
    assert_eq!(
        timeout_type(timed_out.failure.as_ref()),
        Some(TimeoutType::ScheduleToStart)
    );
    assert_eq!(cause(&timed_out), Some("activity StartToClose timeout"));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_close_ends_an_activity_that_no_worker_takes(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(40),
        schedule_to_start: Some(90),
        task_queue: Some(BY_HAND.to_owned()),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| takes(0)).await?, None);
    assert_eq!(seconds_since(&env, started), 40);
    // Schedule-to-start is capped by schedule-to-close; if both fire at the same time,
    // schedule-to-start comes first.
    let timed_out = timed_out(&env);
    assert_eq!(
        timeout_type(timed_out.failure.as_ref()),
        Some(TimeoutType::ScheduleToStart)
    );
    assert_eq!(timed_out.retry_state(), RetryState::Timeout);
    Ok(())
}

/// An activity without its own schedule-to-close has until its run times out, which ends both.
#[workflow_test(core_replay = true)]
async fn the_run_timeout_ends_retries_too(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<OneActivity>()
        .mock_activity(Work::work, |_| fails())
        .start()?;
    let mut options = on("one");
    options.run_timeout = Some(Duration::from_secs(6));
    let one = env
        .client()
        .start_workflow(OneActivity::run, Settings::default(), options)
        .await?;
    let started = env.now();
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    assert_eq!(
        seconds_since(&env, started),
        3,
        "the fourth attempt would begin at 7"
    );
    assert_eq!(retry_state(&env), Some(RetryState::Timeout));
    Ok(())
}
