//! The server's rules, one test for each that can be seen through the environment, named for it.

#![expect(clippy::unused_async, reason = "an activity that is not async would leave the simulated thread")]

mod activities;
mod runs;
mod workflow_tasks;

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// The options of the one activity, in seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Settings {
    start_to_close: Option<u64>,
    schedule_to_close: Option<u64>,
    heartbeat: Option<u64>,
    maximum_interval: Option<u64>,
    maximum_attempts: u32,
    non_retryable: Vec<String>,
}

impl Settings {
    fn options(&self) -> ActivityOptions {
        let mut options = match (self.start_to_close, self.schedule_to_close) {
            (_, Some(total)) => ActivityOptions::schedule_to_close_timeout(Duration::from_secs(total)),
            (attempt, None) => {
                ActivityOptions::start_to_close_timeout(Duration::from_secs(attempt.unwrap_or(10)))
            }
        };
        options.heartbeat_timeout = self.heartbeat.map(Duration::from_secs);
        let retry = RetryPolicy::builder()
            .maybe_maximum_interval(self.maximum_interval.map(Duration::from_secs))
            .maximum_attempts(self.maximum_attempts)
            .non_retryable_error_types(self.non_retryable.clone());
        options.retry_policy = Some(retry.build());
        options
    }
}

/// Does one thing; tests say how.
struct Work;

#[activities]
impl Work {
    #[activity]
    async fn work(_ctx: ActivityContext) -> Result<String, ActivityError> {
        Ok("real".to_owned())
    }
}

/// Calls the one activity, and returns what it returns.
#[workflow]
#[derive(Default)]
struct OneActivity;

#[workflow_methods]
impl OneActivity {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, settings: Settings) -> WorkflowResult<String> {
        Ok(ctx.execute_activity(Work::work, (), settings.options()).await?)
    }
}

/// Counts signals until it is told to finish.
#[workflow]
#[derive(Default)]
struct Counter {
    count: u32,
    finished: bool,
}

#[workflow_methods]
impl Counter {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.wait_condition(|state| state.finished).await?;
        Ok(ctx.state(|state| state.count))
    }

    #[signal]
    fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.count += 1;
    }

    #[signal]
    fn finish(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.finished = true;
    }
}

/// A failure of this type.
fn failure(type_name: &str) -> ActivityError {
    ActivityError::application(
        ApplicationFailure::builder(format!("it was {type_name}")).type_name(type_name.to_owned()).build(),
    )
}

fn on(workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", workflow_id).build()
}
