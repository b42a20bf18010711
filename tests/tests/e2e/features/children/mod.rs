//! Children: how they end, what their parents learn, and what happens to them when their parents
//! close.

mod cancellation;
mod chains;
mod ends;
mod mocks;
mod parent_closes;
mod starts;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_common::error::IncomingError;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ApplicationFailure, ChildWorkflowExecutionError, ChildWorkflowOptions, ChildWorkflowStartError,
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    WorkflowTermination,
};

/// The behaviour of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Does {
    /// Completes a second later.
    Complete,
    /// Fails a second later.
    Fail,
    /// Fails in its first attempts and completes in the third.
    FailTwice,
    /// Ends when it is cancelled or gets a signal.
    Wait,
    /// Continues as new a second later, and then completes.
    ContinueAsNew,
    /// Continues as new a second later, and then fails.
    ContinueAsNewAndFail,
}

/// A child.
#[workflow]
#[derive(Default)]
struct Child {
    told: Option<String>,
}

#[workflow_methods]
impl Child {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, does: Does) -> WorkflowResult<String> {
        let again = |does| ctx.continue_as_new(does, ContinueAsNewOptions::default());
        if does == Does::Wait {
            ctx.wait_condition(|state| state.told.is_some()).await?;
            return Ok(ctx.state(|state| state.told.clone().unwrap_or_default()));
        }
        ctx.timer(Duration::from_secs(1)).await;
        match does {
            Does::Fail => Err(broken()),
            Does::FailTwice if ctx.info().attempt() < 3 => Err(broken()),
            Does::ContinueAsNew => Err(again(Does::Complete).unwrap_err()),
            Does::ContinueAsNewAndFail => Err(again(Does::Fail).unwrap_err()),
            _ => Ok(format!("done in attempt {}", ctx.info().attempt())),
        }
    }

    #[signal]
    fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) {
        self.told = Some(what);
    }
}

fn broken() -> WorkflowTermination {
    WorkflowTermination::failed_application(
        ApplicationFailure::builder(anyhow::anyhow!("the child broke"))
            .type_name("Broken".to_owned())
            .build(),
    )
}

fn child(id: &str) -> ChildWorkflowOptions {
    ChildWorkflowOptions::workflow_id(id.to_owned())
}

/// Describes how a child ended.
fn end(result: Result<String, ChildWorkflowExecutionError>) -> String {
    let error = match result {
        Ok(result) => return format!("completed: {result}"),
        Err(ChildWorkflowExecutionError::Failed(error)) => error,
        Err(other) => return format!("{other}"),
    };
    match error.cause() {
        Some(IncomingError::Application(failure)) => {
            format!(
                "failed: {failure} ({}), {:?}",
                failure.type_name().unwrap_or("?"),
                error.retry_state()
            )
        }
        Some(IncomingError::Timeout(timeout)) => {
            format!(
                "timed out: {:?}, {:?}",
                timeout.timeout_type(),
                error.retry_state()
            )
        }
        Some(IncomingError::Cancelled(_)) => "cancelled".to_owned(),
        Some(IncomingError::Terminated(_)) => "terminated".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Describes how the start of a child failed.
fn start_failure(error: &ChildWorkflowStartError) -> String {
    match error {
        ChildWorkflowStartError::StartFailed {
            workflow_id, cause, ..
        } => {
            format!("{workflow_id}: {cause:?}")
        }
        ChildWorkflowStartError::Cancelled(_) => "never started: cancelled".to_owned(),
        other => format!("{other}"),
    }
}
