//! Starts whose workflow id is taken.
//!
//! The conflict policy applies to a run that is open, the reuse policy to one that has closed. The
//! functions here only decide; the caller starts the run.
//!
//! The server can also refuse two starts of one workflow id within a second. That is off by default
//! (`history.enableWorkflowIdReuseStartTimeValidation`), and not simulated.
//!
//! Source: `temporalio/temporal: service/history/api/workflow_id_dedup.go`.

use tonic::Status;

use crate::{
    api::enums::{WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    base::status,
    run::Run,
};

/// The reason with which a run is terminated to make way for another.
pub(crate) const TERMINATED_FOR_NEW_RUN: &str = "TerminateIfRunning WorkflowIdReusePolicy";

/// The action on the last run of the workflow id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The last run has closed: start another.
    Start,
    /// The last run is open: answer with it.
    UseExisting,
    /// The last run is open: terminate it and start another, in one transaction.
    TerminateExisting,
}

/// Applies the policies, which must both be specified.
///
/// # Errors
///
/// ALREADY_EXISTS, with the last run.
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
        WorkflowIdReusePolicy::RejectDuplicate => Err(finished(
            &last.workflow_id,
            &last.run_id,
            &last.started().first_execution_run_id,
            &last.start_request_id,
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

/// Returns ALREADY_EXISTS for an id that was used, and that nobody may use again.
pub(crate) fn finished(
    workflow_id: &str,
    run_id: &str,
    first_run_id: &str,
    start_request_id: &str,
) -> Status {
    let message = format!(
        "Workflow execution already finished. WorkflowId: {workflow_id}, RunId: {run_id}. Workflow \
         Id reuse policy: reject duplicate workflow Id."
    );
    status::already_started(message, start_request_id, run_id, first_run_id)
}

/// Returns `true` if a run with this status may be repeated under "failed only"
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
