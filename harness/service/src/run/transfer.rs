//! Work that a transaction on a run leaves to do elsewhere: tasks for matching, deliveries to other
//! runs.
//!
//! The server's transfer queue (`temporalio/temporal:
//! service/history/transfer_queue_active_task_executor.go`).

use crate::{base::identifiers::RunKey, run::nexus_operations::NexusCall};

/// A piece of work for after a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Transfer {
    /// Offer the scheduled workflow task to workers.
    WorkflowTask {
        run: RunKey,
        scheduled_event_id: i64,
    },
    /// Offer an attempt of an activity to workers.
    ActivityTask {
        run: RunKey,
        scheduled_event_id: i64,
        attempt: i32,
    },
    /// Send the scheduled request to the handler of a Nexus operation.
    NexusRequest {
        run: RunKey,
        scheduled_event_id: i64,
        call: NexusCall,
    },
    /// Something for another run.
    CrossRun(Delivery),
    /// The run closed: whoever waits for that is told.
    Closed { run: RunKey },
}

/// Something that a run does to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Start the child of this event.
    StartChild {
        parent: RunKey,
        initiated_event_id: i64,
    },
    /// Tell the parent of a closed run.
    ChildClosed { child: RunKey },
    /// Do to the child of this event what its parent close policy says.
    ParentClosePolicy {
        parent: RunKey,
        initiated_event_id: i64,
    },
    /// Send the signal of this event.
    Signal {
        sender: RunKey,
        initiated_event_id: i64,
    },
    /// Send the cancel request of this event.
    RequestCancel {
        sender: RunKey,
        initiated_event_id: i64,
    },
}

/// How a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    Done,
    /// The other run cannot take it now; it will be able to.
    Again,
}

impl Delivery {
    pub(crate) fn source(self) -> RunKey {
        match self {
            Self::ChildClosed { child } => child,
            Self::StartChild { parent, .. } | Self::ParentClosePolicy { parent, .. } => parent,
            Self::Signal { sender, .. } | Self::RequestCancel { sender, .. } => sender,
        }
    }
}
