//! `large_file`, but nobody notices that the worker of its activity has died: the activity has no
//! heartbeat timeout, and eight hours for an attempt.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};

use crate::{
    large_file::{FakeArchive, workflow::Files},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct PatientFileWorkflow;

#[workflow_methods]
impl PatientFileWorkflow {
    /// Returns the number of lines of the file at `path` that were transcribed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, path: String) -> WorkflowResult<u32> {
        // The flaw: the next attempt starts eight hours after this one, if its worker dies. With a
        // heartbeat timeout of half a minute it starts half a minute later.
        let options = ActivityOptions::start_to_close_timeout(Duration::from_hours(8));
        Ok(ctx
            .execute_activity(Files::transcribe, path, options)
            .await?)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/late_recovery",
    about: "a long activity without a heartbeat timeout closes eight hours late after a crash",
    flaw: Some(Flaw {
        twin: "large_file",
        code: FailureCode::Recovery,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![PatientFileWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let archive = env.shared(FakeArchive::default());
    env.worker("files")
        .implementer(Files::new(archive))
        .activity(Files::transcribe)
        .workflow::<PatientFileWorkflow>()
        .start()?;
    env.recovers_within(Duration::from_mins(5));
    let options = on("files", "file-1");
    let path = "minutes.txt".to_owned();
    let file = env
        .client()
        .start_workflow(PatientFileWorkflow::run, path, options)
        .await?;
    file.get_result(WorkflowGetResultOptions::default()).await?;
    Ok(())
}
