//! What becomes of a start whose workflow id is taken.
//!
//! The conflict policy is about a run that is running, the reuse policy about one that has closed.
//! Pure: it says what to do, and whoever starts the run does it. `temporalio/temporal:
//! service/history/api/workflow_id_dedup.go`
//!
//! The server can also refuse starts of one workflow id that follow each other within a second;
//! that is off by default (`history.enableWorkflowIdReuseStartTimeValidation`), and here.

use tonic::Status;

use crate::{
    api::enums::{WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    base::status,
    run::Run,
};

/// Why a run is terminated to make way for another.
pub(crate) const TERMINATED_FOR_NEW_RUN: &str = "TerminateIfRunning WorkflowIdReusePolicy";

/// What to do about the last run of the workflow id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// It has closed: start another.
    Start,
    /// It is running: answer with it.
    UseExisting,
    /// It is running: terminate it, then start another, in one transaction.
    TerminateExisting,
}

/// Applies the policies, none of which may be unspecified any more.
///
/// # Errors
///
/// ALREADY_EXISTS with the run in the way.
pub(crate) fn resolve(
    last: &Run,
    reuse: WorkflowIdReusePolicy,
    conflict: WorkflowIdConflictPolicy,
) -> Result<Resolution, Status> {
    if last.is_running() {
        return match conflict {
            WorkflowIdConflictPolicy::UseExisting => Ok(Resolution::UseExisting),
            WorkflowIdConflictPolicy::TerminateExisting => Ok(Resolution::TerminateExisting),
            WorkflowIdConflictPolicy::Fail | WorkflowIdConflictPolicy::Unspecified => Err(
                in_the_way(last, "Workflow execution is already running", ""),
            ),
        };
    }
    match reuse {
        WorkflowIdReusePolicy::RejectDuplicate => Err(in_the_way(
            last,
            "Workflow execution already finished",
            " Workflow Id reuse policy: reject duplicate workflow Id.",
        )),
        WorkflowIdReusePolicy::AllowDuplicateFailedOnly if !has_failed(last.state.status) => {
            Err(in_the_way(
                last,
                "Workflow execution already finished successfully",
                " Workflow Id reuse policy: allow duplicate workflow Id if last run failed.",
            ))
        }
        _ => Ok(Resolution::Start),
    }
}

/// Whether a run that closed like this may be repeated under "failed only"
/// (`consts.FailedWorkflowStatuses`).
fn has_failed(status: WorkflowExecutionStatus) -> bool {
    matches!(
        status,
        WorkflowExecutionStatus::Failed
            | WorkflowExecutionStatus::Canceled
            | WorkflowExecutionStatus::Terminated
            | WorkflowExecutionStatus::TimedOut
    )
}

fn in_the_way(last: &Run, what: &str, policy: &str) -> Status {
    let message = format!(
        "{what}. WorkflowId: {}, RunId: {}.{policy}",
        last.workflow_id, last.run_id
    );
    status::already_started(
        message,
        &last.start_request_id,
        &last.run_id,
        &last.started().first_execution_run_id,
    )
}
