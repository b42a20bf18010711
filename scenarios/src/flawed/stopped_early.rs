//! `large_file`, but an attempt that is asked to stop returns the lines so far as its result.

use std::{sync::Arc, time::Duration};

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    large_file::workflow::options,
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// The number of lines of the file.
const LINES: u32 = 2;

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct ShortFileWorkflow;

#[workflow_methods]
impl ShortFileWorkflow {
    /// Returns the number of lines that were transcribed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        Ok(ctx
            .execute_activity(ShortFiles::transcribe, (), options())
            .await?)
    }
}

/// The long-running activity.
pub struct ShortFiles;

#[activities]
impl ShortFiles {
    #[activity]
    pub async fn transcribe(self: Arc<Self>, ctx: ActivityContext) -> Result<u32, ActivityError> {
        let done: u32 = ctx.heartbeat_details().deserialize()?.unwrap_or(0);
        for line in done..LINES {
            if ctx.is_cancelled() {
                // The flaw: a worker that shuts down asks its activities to stop too.
                return Ok(line);
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            ctx.record_heartbeat(line + 1).await?;
        }
        Ok(LINES)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/stopped_early",
    about: "an activity that is asked to stop returns the part that is done, as if it were all",
    flaw: Some(Flaw {
        twin: "large_file",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ShortFileWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("files")
        .implementer(ShortFiles)
        .activity(ShortFiles::transcribe)
        .workflow::<ShortFileWorkflow>()
        .graceful_shutdown_period(Duration::from_secs(5))
        .start()?;

    let file = env
        .client()
        .start_workflow(ShortFileWorkflow::run, (), on("files", "file-1"))
        .await?;
    assert_eq!(
        file.get_result(WorkflowGetResultOptions::default()).await?,
        LINES
    );
    Ok(())
}
