//! The rules of the server and of Core, with one test for each: `docs/RULES.md` lists them.
//!
//! Every history that workflow code made is also replayed by the SDK's own replayer
//! (`core_replay`).

#![expect(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]

/// Returns the attributes of each event of one type in a history, in order.
macro_rules! events {
    ($history:expr, $kind:ident) => {
        $history
            .events()
            .iter()
            .filter_map(|event| match &event.attributes {
                Some(
                    temporalio_protos::temporal::api::history::v1::history_event::Attributes::$kind(
                        attributes,
                    ),
                ) => Some(attributes.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
}

mod activities;
mod by_hand;
mod children;
mod core;
mod front_door;
mod limits;
mod models;
mod queries;
mod reset;
mod runs;
mod short_timers;
mod stock;
mod updates;
mod workflow_tasks;

use std::time::SystemTime;

use durasim::{History, WorkflowTarget, prelude::*};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{WorkflowExecutionStartedEventAttributes, history_event::Attributes},
};
use temporalio_sdk::{ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowResult};

/// Counts signals until a signal ends it.
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

/// Returns a retryable failure of this type.
fn failure(type_name: &str) -> ApplicationFailure {
    ApplicationFailure::builder(format!("it was {type_name}"))
        .type_name(type_name.to_owned())
        .build()
}

/// Returns the options of a start on the only task queue.
fn on(workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", workflow_id).build()
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns the whole seconds of virtual time since `then`.
fn seconds_since(env: &TestWorkflowEnvironment, then: SystemTime) -> u64 {
    env.now()
        .duration_since(then)
        .map_or(0, |passed| passed.as_secs())
}

/// A run, by its ids.
struct RunOf(String, String);

impl WorkflowTarget for RunOf {
    fn workflow_id(&self) -> &str {
        &self.0
    }

    fn run_id(&self) -> Option<&str> {
        Some(&self.1)
    }
}

/// Returns the histories of the latest chain of this workflow id, from its first run on.
fn chain(env: &TestWorkflowEnvironment, workflow_id: &str) -> Vec<History> {
    let mut next = started(&env.history(workflow_id)).first_execution_run_id;
    let mut runs = Vec::new();
    while !next.is_empty() {
        runs.push(env.history(RunOf(workflow_id.to_owned(), next)));
        next = match runs
            .last()
            .and_then(|run| run.events().last())
            .and_then(|event| event.attributes.as_ref())
        {
            Some(Attributes::WorkflowExecutionCompletedEventAttributes(it)) => {
                it.new_execution_run_id.clone()
            }
            Some(Attributes::WorkflowExecutionFailedEventAttributes(it)) => {
                it.new_execution_run_id.clone()
            }
            Some(Attributes::WorkflowExecutionTimedOutEventAttributes(it)) => {
                it.new_execution_run_id.clone()
            }
            Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(it)) => {
                it.new_execution_run_id.clone()
            }
            _ => String::new(),
        };
    }
    runs
}

/// Returns the attributes of a run's first event.
fn started(run: &History) -> WorkflowExecutionStartedEventAttributes {
    events!(run, WorkflowExecutionStartedEventAttributes).remove(0)
}

/// Returns the type of a run's last event.
fn last(run: &History) -> EventType {
    *run.event_types().last().expect("an event")
}
