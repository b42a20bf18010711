//! Local activities: their markers in history, and the heartbeats of tasks that wait for them.

use std::future::Future;

use durasim::{ActivityCall, History, prelude::*};
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType::*;
use temporalio_sdk::{
    LocalActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::{failure, on, seconds};

/// A local activity that each test mocks.
struct Local;

#[activities]
impl Local {
    #[activity]
    async fn work(_ctx: ActivityContext) -> Result<String, ActivityError> {
        Ok("real".to_owned())
    }
}

/// The options of the local activity, in seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Settings {
    initial_interval: Option<u64>,
    maximum_attempts: u32,
    threshold: Option<u64>,
    non_retryable: Vec<String>,
    schedule_to_close: Option<u64>,
}

/// Calls the local activity, waits a second, and returns its result.
#[workflow]
#[derive(Default)]
struct OneLocal;

#[workflow_methods]
impl OneLocal {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, settings: Settings) -> WorkflowResult<String> {
        let policy = RetryPolicy::builder()
            .maybe_initial_interval(settings.initial_interval.map(seconds))
            .maximum_attempts(settings.maximum_attempts)
            .non_retryable_error_types(settings.non_retryable);
        let options = LocalActivityOptions::builder()
            .retry_policy(policy.build())
            .maybe_timer_backoff_threshold(settings.threshold.map(seconds))
            .schedule_to_close_timeout(seconds(settings.schedule_to_close.unwrap_or(1000)))
            .build();
        let result = ctx.execute_local_activity(Local::work, (), options).await?;
        ctx.timer(seconds(1)).await;
        Ok(result)
    }
}

async fn run<R>(
    env: &TestWorkflowEnvironment,
    settings: Settings,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
    task_timeout: Option<u64>,
) -> Result<Option<String>, TestError>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    env.worker("queue")
        .workflow::<OneLocal>()
        .mock_activity(Local::work, mock)
        .start()?;
    let mut options = on("one");
    options.task_timeout = task_timeout.map(seconds);
    let one = env
        .client()
        .start_workflow(OneLocal::run, settings, options)
        .await?;
    Ok(one
        .get_result(WorkflowGetResultOptions::default())
        .await
        .ok())
}

async fn takes(duration: u64) -> Result<String, ActivityError> {
    tokio::time::sleep(seconds(duration)).await;
    Ok("done".to_owned())
}

fn fails(type_name: &str) -> Result<String, ActivityError> {
    Err(ActivityError::application(failure(type_name)))
}

/// Returns the whole seconds from the start of the run to each started workflow task.
fn tasks(history: &History) -> Vec<i64> {
    let seconds = |event: &temporalio_protos::temporal::api::history::v1::HistoryEvent| {
        event.event_time.unwrap().seconds
    };
    let began = seconds(&history.events()[0]);
    let started = history
        .events()
        .iter()
        .filter(|event| event.event_type() == WorkflowTaskStarted);
    started.map(|event| seconds(event) - began).collect()
}

#[workflow_test(core_replay = true)]
async fn a_local_activity_is_a_marker_when_its_task_completes(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), |_| takes(2), None)
            .await?
            .as_deref(),
        Some("done")
    );
    let history = env.history("one");
    assert_eq!(
        history.event_types()[2..6],
        [
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            MarkerRecorded,
            TimerStarted
        ]
    );
    assert_eq!(
        events!(history, MarkerRecordedEventAttributes)[0].marker_name,
        "core_local_activity"
    );
    Ok(())
}

#[workflow_test(cache = false, core_replay = true)]
async fn a_local_activity_is_not_run_again_on_replay(env: TestWorkflowEnvironment) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), |_| takes(2), None)
            .await?
            .as_deref(),
        Some("done")
    );
    assert_eq!(env.calls(Local::work).len(), 1);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_long_local_activity_keeps_its_task_alive_at_four_fifths_of_the_timeout(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), |_| takes(30), None)
            .await?
            .as_deref(),
        Some("done")
    );
    // The last task is that of the timer.
    assert_eq!(tasks(&env.history("one")), [0, 8, 16, 24, 31]);
    assert!(
        !env.history("one")
            .event_types()
            .contains(&WorkflowTaskTimedOut)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_heartbeats_of_a_task_follow_its_own_timeout(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), |_| takes(10), Some(5))
            .await?
            .as_deref(),
        Some("done")
    );
    assert_eq!(tasks(&env.history("one")), [0, 4, 8, 11]);
    Ok(())
}

/// Calls one local activity after the other.
#[workflow]
#[derive(Default)]
struct Row;

#[workflow_methods]
impl Row {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<()> {
        for _ in 0..count {
            let options = LocalActivityOptions::builder()
                .schedule_to_close_timeout(seconds(100))
                .build();
            ctx.execute_local_activity(Local::work, (), options).await?;
        }
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn local_activities_in_a_row_have_a_heartbeat_for_each_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Row>()
        .mock_activity(Local::work, |_| takes(3))
        .start()?;
    let row = env.client().start_workflow(Row::run, 6, on("row")).await?;
    row.get_result(WorkflowGetResultOptions::default()).await?;
    let history = env.history("row");
    assert_eq!(
        tasks(&history),
        [0, 8, 16],
        "heartbeats do not depend on the starts of the activities"
    );
    // The completion of a task has the markers of the activities that ended in it.
    let markers = |types: &[temporalio_protos::temporal::api::enums::v1::EventType]| {
        types
            .split(|kind| *kind == WorkflowTaskCompleted)
            .skip(1)
            .map(<[_]>::to_vec)
            .collect::<Vec<_>>()
    };
    let by_task: Vec<_> = markers(&history.event_types())
        .iter()
        .map(|events| {
            events
                .iter()
                .filter(|kind| **kind == MarkerRecorded)
                .count()
        })
        .collect();
    assert_eq!(by_task, [2, 3, 1]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_backoff_above_the_threshold_is_a_timer(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        initial_interval: Some(6),
        threshold: Some(5),
        ..Settings::default()
    };
    let result = run(
        &env,
        settings,
        |call| async move {
            if call.attempt < 3 {
                fails("Busy")
            } else {
                takes(0).await
            }
        },
        None,
    );
    assert_eq!(result.await?.as_deref(), Some("done"));
    let timers: Vec<_> = events!(env.history("one"), TimerStartedEventAttributes)
        .iter()
        .map(|timer| timer.start_to_fire_timeout.unwrap().seconds)
        .collect();
    assert_eq!(
        timers,
        [6, 12, 1],
        "two backoffs, and the workflow's own timer"
    );
    let attempts: Vec<_> = env
        .calls(Local::work)
        .iter()
        .map(|call| call.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_backoff_up_to_the_threshold_is_not_a_timer(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        initial_interval: Some(2),
        threshold: Some(4),
        ..Settings::default()
    };
    let result = run(
        &env,
        settings,
        |call| async move {
            if call.attempt < 3 {
                fails("Busy")
            } else {
                takes(0).await
            }
        },
        None,
    );
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(
        events!(env.history("one"), TimerStartedEventAttributes).len(),
        1,
        "only the workflow's own timer"
    );
    assert_eq!(
        events!(env.history("one"), MarkerRecordedEventAttributes).len(),
        1,
        "the marker is that of the last attempt"
    );
    Ok(())
}

/// Unlike Core, the service compares the types of other activities exactly.
#[workflow_test(core_replay = true)]
async fn core_matches_the_types_of_local_activities_without_case(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        non_retryable: vec!["DECLINED".to_owned()],
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, |_| async { fails("Declined") }, None).await?,
        None
    );
    assert_eq!(env.calls(Local::work).len(), 1);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn attempts_of_a_local_activity_end_at_the_maximum_and_at_schedule_to_close(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_attempts: 3,
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, |_| async { fails("Busy") }, None).await?,
        None
    );
    assert_eq!(env.calls(Local::work).len(), 3);
    Ok(())
}
