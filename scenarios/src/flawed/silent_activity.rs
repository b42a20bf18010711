//! `large_file`, but the activity never heartbeats: a worker's death is noticed half a day later.

use std::{sync::Arc, time::Duration};

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    large_file::{FakeArchive, workflow::Archive},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct SilentFileWorkflow;

#[workflow_methods]
impl SilentFileWorkflow {
    /// Returns the number of lines that were transcribed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, path: String) -> WorkflowResult<u32> {
        // The flaw: the only timeout is long enough for any file, too long to notice a dead worker.
        let options = ActivityOptions::start_to_close_timeout(Duration::from_hours(12));
        Ok(ctx
            .execute_activity(SilentFiles::transcribe, path, options)
            .await?)
    }
}

/// The long-running activity.
pub struct SilentFiles {
    archive: Arc<dyn Archive>,
}

#[activities]
impl SilentFiles {
    #[activity]
    pub async fn transcribe(
        self: Arc<Self>,
        _ctx: ActivityContext,
        path: String,
    ) -> Result<u32, ActivityError> {
        let lines = self.archive.lines(&path);
        for line in 0..lines {
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.archive.store(&path, line);
        }
        Ok(lines)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/silent_activity",
    about: "a long activity never heartbeats, so the death of its worker is noticed hours later",
    flaw: Some(Flaw {
        twin: "large_file",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![SilentFileWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("files")
        .implementer(SilentFiles {
            archive: env.shared(FakeArchive::default()),
        })
        .activity(SilentFiles::transcribe)
        .workflow::<SilentFileWorkflow>()
        .start()?;
    let begin = env.now();
    let path = "minutes.txt".to_owned();
    let file = env
        .client()
        .start_workflow(SilentFileWorkflow::run, path, on("files", "file-1"))
        .await?;
    file.get_result(WorkflowGetResultOptions::default()).await?;

    let taken = env.now().duration_since(begin)?;
    assert!(
        taken < Duration::from_hours(6),
        "the minutes of two minutes took {taken:?}"
    );
    Ok(())
}
