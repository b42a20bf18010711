//! `service/history/workflow/{retry,activity,timer_sequence}.go`

use super::{OneActivity, Settings, Work, failure, on};
use durasim::{ActivityCall, prelude::*};
use pretty_assertions::assert_eq;
use std::future::Future;
use temporalio_protos::temporal::api::{
    enums::v1::{EventType, RetryState},
    history::v1::history_event::Attributes,
};
use temporalio_sdk::{ApplicationFailure, activities::ActivityError};

/// Runs the one activity with these settings and this mock. What its workflow returned, if it did.
async fn run<R>(
    env: &TestWorkflowEnvironment,
    settings: Settings,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
) -> Result<Option<String>, TestError>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    env.worker("queue").workflow::<OneActivity>().mock_activity(Work::work, mock).start()?;
    let handle = env.client().start_workflow(OneActivity::run, settings, on("one")).await?;
    Ok(handle.get_result(WorkflowGetResultOptions::default()).await.ok())
}

/// The seconds between one attempt's end and the next one's start.
fn delays(env: &TestWorkflowEnvironment) -> Vec<u64> {
    let calls = env.calls(Work::work);
    calls.windows(2).map(|two| (two[1].started_ms - two[0].finished_ms.unwrap()) / 1000).collect()
}

/// The retry state with which the activity failed or timed out.
fn retry_state(env: &TestWorkflowEnvironment) -> Option<RetryState> {
    env.history("one").events().iter().find_map(|event| match event.attributes.as_ref()? {
        Attributes::ActivityTaskFailedEventAttributes(failed) => Some(failed.retry_state()),
        Attributes::ActivityTaskTimedOutEventAttributes(timed_out) => Some(timed_out.retry_state()),
        _ => None,
    })
}

#[workflow_test]
async fn the_delay_doubles_from_one_second_up_to_the_maximum_interval(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings { maximum_interval: Some(5), ..Settings::default() };
    let result = run(&env, settings, |call| async move {
        if call.attempt < 6 { Err(failure("Busy")) } else { Ok("done".to_owned()) }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(delays(&env), [1, 2, 4, 5, 5]);
    Ok(())
}

#[workflow_test]
async fn the_default_maximum_interval_is_a_hundred_times_the_initial_one(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = run(&env, Settings::default(), |call| async move {
        if call.attempt < 10 { Err(failure("Busy")) } else { Ok("done".to_owned()) }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(delays(&env), [1, 2, 4, 8, 16, 32, 64, 100, 100]);
    Ok(())
}

#[workflow_test]
async fn next_retry_delay_replaces_the_computed_delay_and_the_maximum_interval(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings { maximum_interval: Some(5), ..Settings::default() };
    let result = run(&env, settings, |call| async move {
        if call.attempt > 1 {
            return Ok("done".to_owned());
        }
        let later = ApplicationFailure::builder("come back later".to_owned());
        Err(ActivityError::application(later.next_retry_delay(Duration::from_secs(70)).build()))
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(delays(&env), [70]);
    Ok(())
}

#[workflow_test]
async fn a_retry_past_schedule_to_close_is_not_made(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings { schedule_to_close: Some(6), ..Settings::default() };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| async { Err(failure("Busy")) }).await?, None);
    // Attempts at 0, 1 and 3 seconds; the next would be at 7.
    assert_eq!(env.calls(Work::work).len(), 3);
    assert_eq!(retry_state(&env), Some(RetryState::Timeout));
    assert_eq!(env.now().duration_since(started)?.as_secs(), 3, "it fails at once");
    Ok(())
}

#[workflow_test]
async fn attempts_end_at_the_maximum(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings { maximum_attempts: 3, ..Settings::default() };
    assert_eq!(run(&env, settings, |_| async { Err(failure("Busy")) }).await?, None);
    assert_eq!(env.calls(Work::work).len(), 3);
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    Ok(())
}

#[workflow_test]
async fn non_retryable_types_match_exactly(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings { non_retryable: vec!["Declined".to_owned()], ..Settings::default() };
    let result = run(&env, settings, |call| async move {
        Err(failure(if call.attempt < 3 { "declined" } else { "Declined" }))
    });
    assert_eq!(result.await?, None);
    assert_eq!(env.calls(Work::work).len(), 3, "another case is another type");
    assert_eq!(retry_state(&env), Some(RetryState::NonRetryableFailure));
    Ok(())
}

#[workflow_test]
async fn timeouts_have_type_names_that_need_not_be_retried(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        start_to_close: Some(10),
        non_retryable: vec!["TemporalTimeout:StartToClose".to_owned()],
        ..Settings::default()
    };
    let result = run(&env, settings, |_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok("late".to_owned())
    });
    assert_eq!(result.await?, None);
    assert_eq!(retry_state(&env), Some(RetryState::NonRetryableFailure));
    Ok(())
}

#[workflow_test]
async fn start_to_close_counts_for_each_attempt_and_is_retried(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings { start_to_close: Some(10), ..Settings::default() };
    let result = run(&env, settings, |call| async move {
        tokio::time::sleep(Duration::from_secs(if call.attempt == 1 { 60 } else { 9 })).await;
        Ok(format!("attempt {}", call.attempt))
    });
    assert_eq!(result.await?.as_deref(), Some("attempt 2"));
    Ok(())
}

#[workflow_test]
async fn heartbeat_details_outlive_an_attempt_that_adds_none(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings { start_to_close: Some(100), heartbeat: Some(10), ..Settings::default() };
    let result = run(&env, settings, |call| async move {
        match call.attempt {
            1 => {
                call.record_heartbeat(&7_u32);
                Err(failure("Busy"))
            }
            2 => Err(failure("Busy")),
            _ => Ok(format!("{:?}", call.heartbeat_details::<u32>().ok().flatten())),
        }
    });
    assert_eq!(result.await?.as_deref(), Some("Some(7)"));
    Ok(())
}

#[workflow_test]
async fn a_missed_heartbeat_ends_the_attempt_after_its_timeout(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings { start_to_close: Some(100), heartbeat: Some(10), ..Settings::default() };
    let started = env.now();
    let result = run(&env, settings, |call| async move {
        if call.attempt == 1 {
            tokio::time::sleep(Duration::from_secs(4)).await;
            call.record_heartbeat(&1_u32);
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        Ok(format!("attempt {}", call.attempt))
    });
    assert_eq!(result.await?.as_deref(), Some("attempt 2"));
    assert_eq!(
        env.now().duration_since(started)?.as_secs(),
        4 + 10 + 1,
        "last heartbeat, timeout, first delay"
    );
    Ok(())
}

#[workflow_test]
async fn started_enters_history_together_with_the_closing_event(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<OneActivity>()
        .mock_activity(Work::work, |call| async move {
            if call.attempt == 1 {
                return Err(failure("Busy"));
            }
            tokio::time::sleep(Duration::from_secs(8)).await;
            Ok("done".to_owned())
        })
        .start()?;
    let handle = env.client().start_workflow(OneActivity::run, Settings::default(), on("one")).await?;
    env.sleep(Duration::from_secs(5)).await;
    assert!(!env.history("one").event_types().contains(&EventType::ActivityTaskStarted));
    handle.get_result(WorkflowGetResultOptions::default()).await?;

    let history = env.history("one");
    let started = history.events().iter().find_map(|event| match event.attributes.as_ref()? {
        Attributes::ActivityTaskStartedEventAttributes(started) => Some(started),
        _ => None,
    });
    let started = started.unwrap();
    assert_eq!(started.attempt, 2);
    assert_eq!(started.last_failure.as_ref().map(|failure| failure.message.as_str()), Some("it was Busy"));
    Ok(())
}
