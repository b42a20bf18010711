//! The work that a transaction on a run leaves for later: tasks for matching, and deliveries to
//! other runs.
//!
//! On the server this is the transfer queue (`temporalio/temporal:
//! service/history/transfer_queue_active_task_executor.go`).

use crate::{base::identifiers::RunKey, run::nexus_operations::NexusCall};

/// A piece of work for after a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Transfer {
    /// Offers the scheduled workflow task to workers.
    WorkflowTask {
        run: RunKey,
        scheduled_event_id: i64,
    },
    /// Offers an attempt of an activity to workers.
    ActivityTask {
        run: RunKey,
        scheduled_event_id: i64,
        stamp: u32,
    },
    /// Sends the scheduled request to the handler of a Nexus operation.
    NexusRequest {
        run: RunKey,
        scheduled_event_id: i64,
        call: NexusCall,
    },
    /// Makes a delivery to another run.
    CrossRun(Delivery),
    /// Notifies the relatives of a closed run.
    Closed { run: RunKey },
}

/// An action of one run on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Starts the child of this event.
    StartChild {
        parent: RunKey,
        initiated_event_id: i64,
    },
    /// Notifies the parent of a closed run.
    ChildClosed { child: RunKey },
    /// Applies the parent close policy to the child of this event.
    ParentClosePolicy {
        parent: RunKey,
        initiated_event_id: i64,
    },
    /// Sends the signal of this event.
    Signal {
        sender: RunKey,
        initiated_event_id: i64,
    },
    /// Sends the cancel request of this event.
    RequestCancel {
        sender: RunKey,
        initiated_event_id: i64,
    },
}

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    Done,
    /// The other run cannot take the delivery now, but will be able to.
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
