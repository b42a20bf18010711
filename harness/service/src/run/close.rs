//! The ways in which a run closes.
//!
//! Every way ends in [`Run::closed`], which drops what is pending and tells the rest of the service.

use super::Run;
use crate::{
    api::{
        Payloads,
        common::Link,
        enums::{WorkflowExecutionStatus, WorkflowTaskFailedCause},
        history::WorkflowExecutionTerminatedEventAttributes,
    },
    history::EventDecoration,
    run::workflow_task::WorkflowTaskFailure,
    transfer::Transfer,
};

/// Why and by whom a run is terminated.
#[derive(Default)]
pub(crate) struct Termination {
    pub(crate) reason: String,
    pub(crate) details: Option<Payloads>,
    pub(crate) identity: String,
    pub(crate) links: Vec<Link>,
}

impl Run {
    /// Terminates the run; a started workflow task fails first.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/util.go` (`TerminateWorkflow`).
    pub(crate) fn terminate(&mut self, now_ms: u64, termination: Termination) {
        if self.has_started_workflow_task() {
            let cause = WorkflowTaskFailedCause::ForceCloseCommand;
            self.fail_workflow_task(now_ms, WorkflowTaskFailure::new(cause, None, &termination.identity));
        }
        self.flush_buffered_events();
        self.history.add_decorated(
            now_ms,
            WorkflowExecutionTerminatedEventAttributes {
                reason: termination.reason,
                details: termination.details,
                identity: termination.identity,
            },
            EventDecoration { links: termination.links, ..EventDecoration::default() },
        );
        self.closed(now_ms, WorkflowExecutionStatus::Terminated);
    }

    /// Notes that the closing event was written.
    pub(crate) fn closed(&mut self, now_ms: u64, status: WorkflowExecutionStatus) {
        self.state.status = status;
        self.state.close_ms = Some(now_ms);
        self.state.workflow_task.current = None;
        self.state.first_workflow_task_ms = None;
        self.outbox.push(Transfer::Closed { run: self.key });
    }
}
