//! Runs: how they begin, close and follow each other.
//!
//! `service/history/{timer_queue_active_task_executor,workflow/retry,api/workflow_id_dedup}.go`,
//! `api/{signalworkflow,requestcancelworkflow,terminateworkflow}`

mod chains;
mod continue_as_new;
mod ids;
mod stopping;
mod timeouts;

use durasim::{History, prelude::*};
use serde::{Deserialize, Serialize};
use temporalio_client::{Client, WorkflowHandle};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::{ContinueAsNewInitiator, EventType, RetryState};
use temporalio_sdk::{ApplicationFailure, WorkflowContext, WorkflowResult};

use super::{chain, last, on, seconds, seconds_since, started};

/// The behaviour of each run of the workflow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Plan {
    /// The duration in seconds.
    takes: u64,
    /// The first attempt that does not fail.
    succeeds_at: u32,
    /// The retry delay that its failures ask for, in seconds.
    next_retry_delay: Option<u64>,
}

/// Takes its time, then fails or completes.
#[workflow]
#[derive(Default)]
struct Trial;

#[workflow_methods]
impl Trial {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<String> {
        if plan.takes > 0 {
            ctx.timer(seconds(plan.takes)).await;
        }
        let attempt = ctx.info().attempt();
        if attempt >= plan.succeeds_at {
            return Ok(format!("attempt {attempt}"));
        }
        let failure =
            ApplicationFailure::builder("it was Busy".to_owned()).type_name("Busy".to_owned());
        Err(failure
            .maybe_next_retry_delay(plan.next_retry_delay.map(seconds))
            .build()
            .into())
    }
}

/// Returns a plan whose runs never succeed.
fn failing(takes: u64) -> Plan {
    Plan {
        takes,
        succeeds_at: u32::MAX,
        ..Plan::default()
    }
}

/// Starts a worker and the one workflow.
async fn start(
    env: &TestWorkflowEnvironment,
    plan: Plan,
    options: WorkflowStartOptions,
) -> Result<WorkflowHandle<Client, Trial>, TestError> {
    env.worker("queue").workflow::<Trial>().start()?;
    env.client()
        .start_workflow(Trial::run, plan, options)
        .await?;
    Ok(env.client().get_workflow_handle::<Trial>("one"))
}

fn retried(maximum_attempts: u32) -> WorkflowStartOptions {
    let mut options = on("one");
    options.retry_policy = Some(
        RetryPolicy::builder()
            .maximum_attempts(maximum_attempts)
            .build(),
    );
    options
}

/// Returns, for each run of the chain, its attempt, its initiator, and the seconds that its first
/// workflow task waited.
fn beginnings(env: &TestWorkflowEnvironment) -> Vec<(i32, ContinueAsNewInitiator, i64)> {
    let beginning = |run: &History| {
        let started = started(run);
        (
            started.attempt,
            started.initiator(),
            started
                .first_workflow_task_backoff
                .map_or(0, |it| it.seconds),
        )
    };
    chain(env, "one").iter().map(beginning).collect()
}

/// Returns how each run of the chain closed.
fn endings(env: &TestWorkflowEnvironment) -> Vec<EventType> {
    chain(env, "one").iter().map(last).collect()
}

/// Returns the retry states with which the runs of the chain closed, if they have one.
fn retry_states(env: &TestWorkflowEnvironment) -> Vec<RetryState> {
    let state = |run: &History| {
        let failed = events!(run, WorkflowExecutionFailedEventAttributes)
            .pop()
            .map(|it| it.retry_state());
        failed.or_else(|| {
            events!(run, WorkflowExecutionTimedOutEventAttributes)
                .pop()
                .map(|it| it.retry_state())
        })
    };
    chain(env, "one").iter().filter_map(state).collect()
}

/// Returns the seconds from the start of the test to the last event of the chain.
fn ended_after(env: &TestWorkflowEnvironment) -> i64 {
    let runs = chain(env, "one");
    let time = |event: &temporalio_protos::temporal::api::history::v1::HistoryEvent| {
        event.event_time.unwrap().seconds
    };
    time(runs.last().unwrap().events().last().unwrap()) - time(&runs[0].events()[0])
}
