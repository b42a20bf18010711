//! `large_file`, but a retry resumes one line too far: a line is missing from the transcript.

use std::{sync::Arc, time::Duration};

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    large_file::{
        FakeArchive,
        workflow::{Archive, options},
    },
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct HastyFileWorkflow;

#[workflow_methods]
impl HastyFileWorkflow {
    /// Returns the number of lines of the file at `path`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, path: String) -> WorkflowResult<u32> {
        Ok(ctx
            .execute_activity(HastyFiles::transcribe, path, options())
            .await?)
    }
}

/// The long-running activity.
pub struct HastyFiles {
    archive: Arc<dyn Archive>,
}

#[activities]
impl HastyFiles {
    #[activity]
    pub async fn transcribe(
        self: Arc<Self>,
        ctx: ActivityContext,
        path: String,
    ) -> Result<u32, ActivityError> {
        // The flaw: the details are the number of the next line, not of the last one.
        let last: Option<u32> = ctx.heartbeat_details().deserialize()?;
        let next = last.map_or(0, |last| last + 1);
        let lines = self.archive.lines(&path);
        for line in next..lines {
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.archive.store(&path, line);
            ctx.record_heartbeat(line + 1).await?;
        }
        Ok(lines)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/skipped_line",
    about: "a retried activity resumes one item after the one that its heartbeat details name",
    flaw: Some(Flaw {
        twin: "large_file",
        code: FailureCode::Idempotency,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![HastyFileWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let archive = env.shared(FakeArchive::default());
    env.worker("files")
        .implementer(HastyFiles {
            archive: archive.clone(),
        })
        .activity(HastyFiles::transcribe)
        .workflow::<HastyFileWorkflow>()
        .start()?;
    env.observe("the transcript", move || archive.lines());

    let path = "minutes.txt".to_owned();
    let file = env
        .client()
        .start_workflow(HastyFileWorkflow::run, path, on("files", "file-1"))
        .await?;
    file.get_result(WorkflowGetResultOptions::default()).await?;
    Ok(())
}
