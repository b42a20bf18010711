//! What a transaction leaves to do elsewhere: tasks for matching, messages to other runs.
//!
//! The server's transfer queue (`temporalio/temporal: service/history/transfer_queue_active_task_executor.go`). A
//! kind of work is a variant, and a file here if it is more than a call. It is done in order, after the
//! transaction that asked for it, in the same step of the simulation.

use crate::{identifiers::RunKey, matching, service::Service};

/// A piece of work for after a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Transfer {
    /// Offer the scheduled workflow task to workers.
    WorkflowTask { run: RunKey, scheduled_event_id: i64 },
    /// Offer an attempt of an activity to workers.
    ActivityTask { run: RunKey, scheduled_event_id: i64, attempt: i32 },
    /// The run closed: whoever waits for that is told.
    Closed { run: RunKey },
}

/// Does one piece of work.
pub(crate) fn execute(service: &mut Service, transfer: Transfer) {
    match transfer {
        Transfer::WorkflowTask { run, scheduled_event_id } => {
            matching::offer_workflow_task(service, run, scheduled_event_id);
        }
        Transfer::ActivityTask { run, scheduled_event_id, attempt } => {
            matching::offer_activity_task(service, run, scheduled_event_id, attempt);
        }
        Transfer::Closed { run: _ } => {}
    }
}
