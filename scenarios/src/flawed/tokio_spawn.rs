//! A workflow that spawns its own task, whose progress is not in the history.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Thinks a while in the background, then says what it found.
#[workflow]
#[derive(Default)]
pub struct BackgroundWorkflow;

#[workflow_methods]
impl BackgroundWorkflow {
    #[run]
    #[allow(clippy::disallowed_methods, reason = "the spawned task is the flaw")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, question: String) -> WorkflowResult<String> {
        // The flaw: `ctx.timer` waits for time, an activity does work, and `join!` does both at
        // once.
        let thinking = tokio::task::spawn(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            format!("{question}? 42")
        });
        let answer = thinking.await.unwrap_or_default();
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        Ok(ctx
            .execute_activity(Answers::publish, answer, options)
            .await?)
    }
}

/// The publishing of answers.
pub struct Answers;

#[activities]
impl Answers {
    #[activity]
    pub async fn publish(_ctx: ActivityContext, answer: String) -> Result<String, ActivityError> {
        Ok(answer)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/tokio_spawn",
    about: "the workflow awaits a task that it spawned outside the SDK",
    flaw: Some(Flaw {
        twin: "fetch_and_process",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![BackgroundWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("tokio-spawn")
        .activity(Answers::publish)
        .workflow::<BackgroundWorkflow>()
        .start()?;
    let handle = env
        .client()
        .start_workflow(
            BackgroundWorkflow::run,
            "six times seven".to_owned(),
            on("tokio-spawn", "tokio-spawn-1"),
        )
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}
