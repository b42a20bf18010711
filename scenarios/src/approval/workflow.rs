//! A decision by a person, awaited for at most a day.

use std::time::Duration;

use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// The time that an item waits for a decision.
pub const PATIENCE: Duration = Duration::from_hours(24);

/// The decision so far.
#[derive(Clone, Debug, Default)]
enum Decision {
    #[default]
    Pending,
    Approved,
    Rejected(String),
    Expired,
}

/// Waits for `approve` or `reject`, and processes the item only once it is approved.
#[workflow]
#[derive(Default)]
pub struct ApprovalWorkflow {
    decision: Decision,
}

impl ApprovalWorkflow {
    fn is_decided(&self) -> bool {
        !matches!(self.decision, Decision::Pending)
    }
}

#[workflow_methods]
impl ApprovalWorkflow {
    /// Returns the result of processing the item, or the reason why the item was not processed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, item: String) -> WorkflowResult<String> {
        // `select!` polls from top to bottom, so a decision that arrives together with the deadline
        // counts.
        select! {
            decided = ctx.wait_condition(Self::is_decided) => decided?,
            _ = ctx.timer(PATIENCE) => ctx.state_mut(|state| state.decision = Decision::Expired),
        }

        match ctx.state(|state| state.decision.clone()) {
            Decision::Approved => {
                let done = ctx
                    .execute_activity(
                        Items::process,
                        item,
                        ActivityOptions::start_to_close_timeout(Duration::from_mins(5)),
                    )
                    .await?;
                Ok(done)
            }
            Decision::Rejected(reason) => Ok(format!("rejected: {reason}")),
            Decision::Pending | Decision::Expired => Ok("expired".to_owned()),
        }
    }

    /// Approves the item, unless it was decided before.
    #[signal]
    pub fn approve(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        if matches!(self.decision, Decision::Pending) {
            self.decision = Decision::Approved;
        }
    }

    /// Rejects the item, unless it was decided before.
    #[signal]
    pub fn reject(&mut self, _ctx: &mut SyncWorkflowContext<Self>, reason: String) {
        if matches!(self.decision, Decision::Pending) {
            self.decision = Decision::Rejected(reason);
        }
    }

    /// Returns `pending`, `approved`, `rejected: <reason>` or `expired`.
    #[query]
    pub fn status(&self, _ctx: &WorkflowContextView) -> String {
        match &self.decision {
            Decision::Pending => "pending".to_owned(),
            Decision::Approved => "approved".to_owned(),
            Decision::Rejected(reason) => format!("rejected: {reason}"),
            Decision::Expired => "expired".to_owned(),
        }
    }
}

/// The processing of approved items.
pub struct Items;

#[activities]
impl Items {
    /// Processes an item; doing it twice changes nothing.
    #[activity]
    pub async fn process(_ctx: ActivityContext, item: String) -> Result<String, ActivityError> {
        Ok(format!("processed {item}"))
    }
}
