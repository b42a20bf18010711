//! Local activities: attempts within a workflow task, recorded as markers.

mod cancellation;
mod replays;
mod retries;
mod tasks;
mod timeouts;

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::{EventType, TimeoutType},
    failure::v1::{Failure, failure::FailureInfo},
};
use temporalio_sdk::{
    ActivityExecutionError, ApplicationFailure, LocalActivityOptions, WorkflowContext,
    WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::features::on;

/// The options of a local activity, in seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Settings {
    start_to_close: Option<u64>,
    schedule_to_close: Option<u64>,
    schedule_to_start: Option<u64>,
    attempts: u32,
    first_delay: Option<u64>,
    longest_delay: Option<u64>,
    threshold: Option<u64>,
    non_retryable: Vec<String>,
}

impl Settings {
    fn options(&self) -> LocalActivityOptions {
        let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        let policy = RetryPolicy::builder()
            .maybe_initial_interval(seconds(self.first_delay))
            .maybe_maximum_interval(seconds(self.longest_delay))
            .maximum_attempts(self.attempts)
            .non_retryable_error_types(self.non_retryable.clone());
        LocalActivityOptions::builder()
            .maybe_start_to_close_timeout(seconds(self.start_to_close))
            .maybe_schedule_to_close_timeout(seconds(self.schedule_to_close))
            .maybe_schedule_to_start_timeout(seconds(self.schedule_to_start))
            .maybe_timer_backoff_threshold(seconds(self.threshold))
            .retry_policy(policy.build())
            .build()
    }
}

/// An activity that each test mocks.
struct Work;

#[activities]
impl Work {
    #[activity]
    async fn work(_ctx: ActivityContext) -> Result<String, ActivityError> {
        Ok("real".to_owned())
    }
}

/// Calls the local activity and describes how it ended.
#[workflow]
#[derive(Default)]
struct OneLocal;

#[workflow_methods]
impl OneLocal {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, settings: Settings) -> WorkflowResult<String> {
        Ok(end(ctx
            .execute_local_activity(Work::work, (), settings.options())
            .await))
    }
}

fn end(result: Result<String, ActivityExecutionError>) -> String {
    match result {
        Ok(result) => format!("completed: {result}"),
        Err(error) => match error.failure().and_then(timeout) {
            Some(timeout) => format!("timed out: {timeout:?}"),
            None if error.as_cancelled().is_some() => "cancelled".to_owned(),
            None => format!("{error}"),
        },
    }
}

/// Returns the timeout that a failure is, or that is its cause. A new failure has the timeout as
/// its cause; on replay the failure is the timeout.
fn timeout(failure: &Failure) -> Option<TimeoutType> {
    match &failure.failure_info {
        Some(FailureInfo::TimeoutFailureInfo(timeout)) => Some(timeout.timeout_type()),
        _ => failure.cause.as_deref().and_then(timeout),
    }
}

fn failure(type_name: &str) -> ActivityError {
    ActivityError::application(
        ApplicationFailure::builder(format!("it was {type_name}"))
            .type_name(type_name.to_owned())
            .build(),
    )
}

/// Returns the times of the events of this type, in seconds since the first event.
fn seconds_of(env: &TestWorkflowEnvironment, workflow: &str, event_type: EventType) -> Vec<u64> {
    let history = env.history(workflow);
    let at = |event: &temporalio_protos::temporal::api::history::v1::HistoryEvent| {
        event
            .event_time
            .as_ref()
            .map_or(0, |time| time.seconds.cast_unsigned())
    };
    let first = history.events().first().map_or(0, at);
    history
        .events()
        .iter()
        .filter(|event| event.event_type() == event_type)
        .map(|event| at(event) - first)
        .collect()
}

async fn run<R>(
    env: &TestWorkflowEnvironment,
    settings: Settings,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
) -> TestResult<String>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    env.worker("queue")
        .workflow::<OneLocal>()
        .mock_activity(Work::work, mock)
        .start()?;
    let handle = env
        .client()
        .start_workflow(OneLocal::run, settings, on("one"))
        .await?;
    Ok(handle
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

/// Returns the start times of the calls, in seconds since the world began.
fn seconds_of_calls(env: &TestWorkflowEnvironment) -> Vec<u64> {
    env.calls(Work::work)
        .iter()
        .map(|call| (call.started_ms - durasim_engine::START_MS) / 1000)
        .collect()
}
