//! A workflow that draws its own random id, which differs on replay.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};
use uuid::Uuid;

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Gives a customer a voucher.
#[workflow]
#[derive(Default)]
pub struct VoucherWorkflow;

#[workflow_methods]
impl VoucherWorkflow {
    #[run]
    #[allow(clippy::disallowed_methods, reason = "drawing a random id is the flaw")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        // The flaw: only `ctx.uuid4()` is the same on replay.
        let code = Uuid::new_v4();
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        Ok(ctx
            .execute_activity(Vouchers::issue, format!("{code} for {customer}"), options)
            .await?)
    }
}

/// The issuing of vouchers.
pub struct Vouchers;

#[activities]
impl Vouchers {
    #[activity]
    pub async fn issue(_ctx: ActivityContext, voucher: String) -> Result<String, ActivityError> {
        Ok(format!("issued {voucher}"))
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/randomness",
    about: "the workflow draws a random id that replay cannot repeat",
    flaw: Some(Flaw {
        twin: "payment",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![VoucherWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("randomness")
        .activity(Vouchers::issue)
        .workflow::<VoucherWorkflow>()
        .start()?;
    let handle = env
        .client()
        .start_workflow(
            VoucherWorkflow::run,
            "ann".to_owned(),
            on("randomness", "randomness-1"),
        )
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}
