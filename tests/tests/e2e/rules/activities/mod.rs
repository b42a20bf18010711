//! Activities: attempts, timeouts, heartbeats, cancellation, and responses from outside.
//!
//! `service/history/workflow/{retry,activity,timer_sequence,mutable_state_impl}.go`,
//! `common/retrypolicy`

mod async_completion;
mod cancellation;
mod heartbeats;
mod options;
mod responses;
mod retries;
mod timeouts;

use std::future::Future;

use durasim::{ActivityCall, prelude::*};
use serde::{Deserialize, Serialize};
use temporalio_client::{Client, WorkflowHandle};
use temporalio_common::{ActivityCloseTimeouts, RetryPolicy};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::{RetryState, TimeoutType},
    failure::v1::{Failure, failure::FailureInfo},
    history::v1::history_event::Attributes,
};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::{
    by_hand::{BY_HAND, take_attempt},
    failure, on, seconds,
};

/// The options of the one activity, durations in seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(super) start_to_close: Option<u64>,
    pub(super) schedule_to_close: Option<u64>,
    pub(super) schedule_to_start: Option<u64>,
    pub(super) heartbeat: Option<u64>,
    pub(super) initial_interval: Option<u64>,
    pub(super) coefficient: Option<f64>,
    pub(super) maximum_interval: Option<u64>,
    pub(super) maximum_attempts: u32,
    pub(super) non_retryable: Vec<String>,
    /// The task queue; the workflow's own if unset.
    pub(super) task_queue: Option<String>,
}

impl Settings {
    pub(super) fn options(&self) -> ActivityOptions {
        let timeouts = match (self.schedule_to_close, self.start_to_close) {
            (Some(all), Some(one)) => ActivityCloseTimeouts::ScheduleAndStartToClose {
                schedule_to_close: seconds(all),
                start_to_close: seconds(one),
            },
            (Some(all), None) => ActivityCloseTimeouts::ScheduleToClose(seconds(all)),
            (None, one) => ActivityCloseTimeouts::StartToClose(seconds(one.unwrap_or(10))),
        };
        let retry = RetryPolicy::builder()
            .maybe_initial_interval(self.initial_interval.map(seconds))
            .maybe_backoff_coefficient(self.coefficient)
            .maybe_maximum_interval(self.maximum_interval.map(seconds))
            .maximum_attempts(self.maximum_attempts)
            .non_retryable_error_types(self.non_retryable.clone());
        ActivityOptions::with_close_timeouts(timeouts)
            .maybe_schedule_to_start_timeout(self.schedule_to_start.map(seconds))
            .maybe_heartbeat_timeout(self.heartbeat.map(seconds))
            .maybe_task_queue(self.task_queue.clone())
            .retry_policy(retry.build())
            .build()
    }
}

/// An activity that each test mocks.
pub(crate) struct Work;

#[activities]
impl Work {
    #[activity]
    pub(crate) async fn work(_ctx: ActivityContext) -> Result<String, ActivityError> {
        Ok("real".to_owned())
    }
}

/// Calls the activity and returns its result.
#[workflow]
#[derive(Default)]
pub(crate) struct OneActivity;

#[workflow_methods]
impl OneActivity {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        settings: Settings,
    ) -> WorkflowResult<String> {
        Ok(ctx
            .execute_activity(Work::work, (), settings.options())
            .await?)
    }
}

/// Starts a worker with this mock as its activity, and the workflow that calls it.
async fn start<R>(
    env: &TestWorkflowEnvironment,
    settings: Settings,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
) -> Result<WorkflowHandle<Client, OneActivity>, TestError>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    env.worker("queue")
        .workflow::<OneActivity>()
        .mock_activity(Work::work, mock)
        .start()?;
    env.client()
        .start_workflow(OneActivity::run, settings, on("one"))
        .await?;
    Ok(env.client().get_workflow_handle::<OneActivity>("one"))
}

/// Runs the activity with these settings and this mock; returns the workflow's result.
async fn run<R>(
    env: &TestWorkflowEnvironment,
    settings: Settings,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
) -> Result<Option<String>, TestError>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    let handle = start(env, settings, mock).await?;
    Ok(handle
        .get_result(WorkflowGetResultOptions::default())
        .await
        .ok())
}

/// Returns after the given number of seconds.
async fn takes(duration: u64) -> Result<String, ActivityError> {
    tokio::time::sleep(seconds(duration)).await;
    Ok("done".to_owned())
}

/// Fails with a retryable failure.
async fn fails() -> Result<String, ActivityError> {
    Err(busy())
}

/// Returns a retryable failure.
fn busy() -> ActivityError {
    ActivityError::application(failure("Busy"))
}

/// Returns a failure that sets the delay of its retry, in milliseconds.
fn come_back_in_ms(delay_ms: u64) -> ActivityError {
    let later = ApplicationFailure::builder("come back later".to_owned());
    ActivityError::application(
        later
            .next_retry_delay(Duration::from_millis(delay_ms))
            .build(),
    )
}

/// Returns the milliseconds between the end of each attempt and the start of the next.
fn delays_ms(env: &TestWorkflowEnvironment) -> Vec<u64> {
    let calls = env.calls(Work::work);
    calls
        .windows(2)
        .map(|two| two[1].started_ms - two[0].finished_ms.unwrap())
        .collect()
}

/// Returns the retry state with which the activity failed or timed out.
fn retry_state(env: &TestWorkflowEnvironment) -> Option<RetryState> {
    env.history("one")
        .events()
        .iter()
        .find_map(|event| match event.attributes.as_ref()? {
            Attributes::ActivityTaskFailedEventAttributes(failed) => Some(failed.retry_state()),
            Attributes::ActivityTaskTimedOutEventAttributes(timed_out) => {
                Some(timed_out.retry_state())
            }
            _ => None,
        })
}

/// Returns the timeout type of a failure.
fn timeout_type(failure: Option<&Failure>) -> Option<TimeoutType> {
    match failure?.failure_info.as_ref()? {
        FailureInfo::TimeoutFailureInfo(info) => Some(info.timeout_type()),
        _ => None,
    }
}
