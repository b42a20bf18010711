//! A workflow that reads the machine's clock: on replay it is another time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Bills a customer, due in a fortnight.
#[workflow]
#[derive(Default)]
pub struct ClockWorkflow;

#[workflow_methods]
impl ClockWorkflow {
    #[run]
    #[allow(clippy::disallowed_methods, reason = "reading the clock is the flaw")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        // The flaw: `ctx.workflow_time()` is the time that replay knows.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let due = now + Duration::from_hours(14 * 24);
        let bill = format!("{customer} pays by {} ms", due.as_millis());
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        Ok(ctx.execute_activity(Bills::send, bill, options).await?)
    }
}

/// Sending bills.
pub struct Bills;

#[activities]
impl Bills {
    #[activity]
    pub async fn send(_ctx: ActivityContext, bill: String) -> Result<String, ActivityError> {
        Ok(format!("sent: {bill}"))
    }
}
