//! Tests that cannot succeed as they are written: each ends soon, with a report that says what to
//! do.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../failing/mod.rs"]
mod failing;

mod causes;
mod code;
mod real_io;
mod registration;
mod stuck;
mod types;
mod unrepeatable;
mod watch;

use durasim::prelude::*;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use common::Greeter;

fn on(task_queue: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, "w-1").build()
}

async fn greets(env: &TestWorkflowEnvironment) -> TestResult {
    let handle = env
        .client()
        .start_workflow(Greeter::run, "Ann".to_owned(), on("greetings"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// An activity that always panics.
struct Broken;

#[activities]
impl Broken {
    #[activity]
    async fn panics(_ctx: ActivityContext) -> Result<(), ActivityError> {
        panic!("out of paper")
    }
}

/// Calls an activity on a task queue of its own.
#[workflow]
#[derive(Default)]
struct Elsewhere;

#[workflow_methods]
impl Elsewhere {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_hours(24))
            .task_queue("printers")
            .build();
        Ok(ctx.execute_activity(Broken::panics, (), options).await?)
    }
}
