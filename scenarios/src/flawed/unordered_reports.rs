//! A courier who sends two reports at once, to a workflow that takes the last one for the latest.

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowOptions, SignalWorkflowOptions, SyncWorkflowContext, WorkflowContext,
    WorkflowResult, WorkflowSignalError, workflows::join,
};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Sends a courier, and keeps the last report.
#[workflow]
#[derive(Default)]
pub struct ReturnWorkflow {
    status: String,
}

#[workflow_methods]
impl ReturnWorkflow {
    /// Returns the last report.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let courier = ctx
            .start_child_workflow(
                HastyCourierWorkflow::run,
                ctx.workflow_id().to_owned(),
                ChildWorkflowOptions::workflow_id(format!("{}/courier", ctx.workflow_id())),
            )
            .await?;
        courier.result().await?;
        Ok(ctx.state(|state| state.status.clone()))
    }

    /// Takes a report.
    #[signal]
    pub fn report(&mut self, _ctx: &mut SyncWorkflowContext<Self>, report: String) {
        self.status = report;
    }
}

/// Reports two steps.
#[workflow]
#[derive(Default)]
pub struct HastyCourierWorkflow;

#[workflow_methods]
impl HastyCourierWorkflow {
    /// Ends when both steps are reported.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, delivery: String) -> WorkflowResult<()> {
        // The flaw: two signals under way at once may overtake each other.
        let (collected, returned) = join!(
            report(ctx, &delivery, "collected"),
            report(ctx, &delivery, "returned")
        );
        collected?;
        returned?;
        Ok(())
    }
}

async fn report(
    ctx: &WorkflowContext<HastyCourierWorkflow>,
    delivery: &str,
    step: &str,
) -> Result<(), WorkflowSignalError> {
    ctx.external_workflow(delivery, None)
        .signal(
            ReturnWorkflow::report,
            step.to_owned(),
            SignalWorkflowOptions::default(),
        )
        .await
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/unordered_reports",
    about: "a child sends its parent two signals at once, and the parent keeps the last",
    flaw: Some(Flaw {
        twin: "delivery",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ReturnWorkflow, HastyCourierWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("returns")
        .workflow::<ReturnWorkflow>()
        .workflow::<HastyCourierWorkflow>()
        .start()?;
    let returned = env
        .client()
        .start_workflow(ReturnWorkflow::run, (), on("returns", "return-1"))
        .await?;
    let status = returned
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(status, "returned");
    Ok(())
}
