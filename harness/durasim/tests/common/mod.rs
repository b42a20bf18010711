//! Small workflows that the tests share.

#![allow(
    unreachable_pub,
    reason = "workflows and activities as their users ship them"
)]

use std::{sync::Arc, time::Duration};

use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// Activities with an instance.
pub struct Greetings {
    /// The words of the greeting.
    pub greeting: String,
}

#[activities]
impl Greetings {
    /// Greets.
    #[activity]
    pub async fn greet(
        self: Arc<Self>,
        _ctx: ActivityContext,
        name: String,
    ) -> Result<String, ActivityError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(format!("{}, {name}!", self.greeting))
    }
}

/// Runs one activity.
#[workflow]
#[derive(Default)]
pub struct Greeter;

#[workflow_methods]
impl Greeter {
    /// Greets somebody.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx
            .execute_activity(Greetings::greet, name, options)
            .await?)
    }
}

/// Waits.
#[workflow]
#[derive(Default)]
pub struct Patience;

#[workflow_methods]
impl Patience {
    /// Waits so many days.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, days: u64) -> WorkflowResult<String> {
        ctx.timer(Duration::from_hours(days * 24)).await;
        Ok(format!("{days} days later"))
    }
}

/// Waits for an approval, at most a day.
#[workflow]
pub struct Approval {
    item: String,
    status: &'static str,
}

#[workflow_methods]
impl Approval {
    #[init]
    fn new(_ctx: &WorkflowContextView, item: String) -> Self {
        Self {
            item,
            status: "pending",
        }
    }

    /// Waits.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        select! {
            approved = ctx.wait_condition(|state| state.status == "approved") => approved?,
            _ = ctx.timer(Duration::from_hours(24)) => {
                ctx.state_mut(|state| state.status = "expired");
            }
        }
        Ok(ctx.state(|state| format!("{} {}", state.status, state.item)))
    }

    /// Approves.
    #[signal]
    pub fn approve(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.status = "approved";
    }

    /// Says where it stands.
    #[query]
    pub fn status(&self, _ctx: &WorkflowContextView) -> String {
        self.status.to_owned()
    }
}
