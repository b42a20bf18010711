//! `large_file`, but a retry ignores the progress of the last attempt: lines are typed twice.

use std::{sync::Arc, time::Duration};

use durasim::{EffectLedger, TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    large_file::{LINES, workflow::options},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// A typist who is paid for every line, repeated lines included.
pub trait Typist: Send + Sync {
    /// Returns the number of lines of the file.
    fn lines(&self, path: &str) -> u32;

    /// Types a line.
    fn type_line(&self, path: &str, line: u32);
}

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct ForgetfulFileWorkflow;

#[workflow_methods]
impl ForgetfulFileWorkflow {
    /// Returns the number of lines that were transcribed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, path: String) -> WorkflowResult<u32> {
        Ok(ctx
            .execute_activity(ForgetfulFiles::transcribe, path, options())
            .await?)
    }
}

/// The long-running activity.
pub struct ForgetfulFiles {
    typist: Arc<dyn Typist>,
}

#[activities]
impl ForgetfulFiles {
    #[activity]
    pub async fn transcribe(
        self: Arc<Self>,
        ctx: ActivityContext,
        path: String,
    ) -> Result<u32, ActivityError> {
        let lines = self.typist.lines(&path);
        // The flaw: `ctx.heartbeat_details()` says which line comes next.
        for line in 0..lines {
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.typist.type_line(&path, line);
            ctx.record_heartbeat(line + 1).await?;
        }
        Ok(lines)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/ignored_heartbeat",
    about: "a retried activity ignores its heartbeat details and does its work twice",
    flaw: Some(Flaw {
        twin: "large_file",
        code: FailureCode::EffectsOnce,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ForgetfulFileWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let typist = env.shared(FakeTypist(env.ledger("typist")));
    env.worker("files")
        .implementer(ForgetfulFiles { typist })
        .activity(ForgetfulFiles::transcribe)
        .workflow::<ForgetfulFileWorkflow>()
        .start()?;

    let path = "minutes.txt".to_owned();
    let file = env
        .client()
        .start_workflow(ForgetfulFileWorkflow::run, path, on("files", "file-1"))
        .await?;
    file.get_result(WorkflowGetResultOptions::default()).await?;
    Ok(())
}

/// The lines that were typed, by file and number.
struct FakeTypist(EffectLedger<(String, u32)>);

impl Typist for FakeTypist {
    fn lines(&self, _path: &str) -> u32 {
        LINES
    }

    fn type_line(&self, path: &str, line: u32) {
        self.0.apply((path.to_owned(), line));
    }
}
