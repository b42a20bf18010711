//! A workflow that draws an id of its own: on replay it draws another.

use std::time::Duration;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};
use uuid::Uuid;

/// Gives a customer a voucher.
#[workflow]
#[derive(Default)]
pub struct VoucherWorkflow;

#[workflow_methods]
impl VoucherWorkflow {
    #[run]
    #[allow(clippy::disallowed_methods, reason = "drawing a random id is the flaw")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        // The flaw: `ctx.uuid4()` is the randomness that replay repeats.
        let code = Uuid::new_v4();
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        Ok(ctx.execute_activity(Vouchers::issue, format!("{code} for {customer}"), options).await?)
    }
}

/// Issuing vouchers.
pub struct Vouchers;

#[activities]
impl Vouchers {
    #[activity]
    pub async fn issue(_ctx: ActivityContext, voucher: String) -> Result<String, ActivityError> {
        Ok(format!("issued {voucher}"))
    }
}
