//! A workflow that reads the machine's clock, which shows another time on replay.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Bills a customer, payable within a fortnight.
#[workflow]
#[derive(Default)]
pub struct ClockWorkflow;

#[workflow_methods]
impl ClockWorkflow {
    #[run]
    #[allow(clippy::disallowed_methods, reason = "reading the clock is the flaw")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        // The flaw: only `ctx.workflow_time()` is the same on replay.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let due = now + Duration::from_hours(14 * 24);
        let bill = format!("{customer} pays by {} ms", due.as_millis());
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        Ok(ctx.execute_activity(Bills::send, bill, options).await?)
    }
}

/// The sending of bills.
pub struct Bills;

#[activities]
impl Bills {
    #[activity]
    pub async fn send(_ctx: ActivityContext, bill: String) -> Result<String, ActivityError> {
        Ok(format!("sent: {bill}"))
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/clock",
    about: "the workflow reads the machine's clock instead of its own",
    flaw: Some(Flaw {
        twin: "renewal",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ClockWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("clock")
        .activity(Bills::send)
        .workflow::<ClockWorkflow>()
        .start()?;
    let handle = env
        .client()
        .start_workflow(ClockWorkflow::run, "ann".to_owned(), on("clock", "clock-1"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}
