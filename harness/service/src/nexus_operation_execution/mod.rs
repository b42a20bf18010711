//! One standalone Nexus operation: an operation that a client starts, without a workflow.
//!
//! Its requests to the handler and its timeouts are those of an operation of a workflow
//! ([`PendingNexusOperation`]); it has no history.
//!
//! Source: `temporalio/temporal: chasm/lib/nexusoperation/{operation,operation_statemachine}.go`.

mod lifecycle;
#[cfg(test)]
mod tests;

use crate::{
    api::{
        common::{Link, Payload},
        enums::{NexusOperationExecutionStatus, PendingNexusOperationState},
        failure::Failure,
        history::NexusOperationScheduledEventAttributes,
        rpc::StartNexusOperationExecutionRequest,
    },
    base::identifiers::OperationKey,
    run::nexus_operations::{PendingNexusOperation, Phase},
};

/// The client's request to cancel an operation.
#[derive(Clone, Debug)]
pub(crate) struct OperationCancel {
    pub(crate) request_id: String,
    pub(crate) reason: String,
    pub(crate) at_ms: u64,
}

/// The end of an operation.
#[derive(Clone, Debug)]
pub(crate) struct OperationEnd {
    pub(crate) at_ms: u64,
    pub(crate) status: NexusOperationExecutionStatus,
    pub(crate) ending: Result<Option<Payload>, Box<Failure>>,
}

/// A standalone Nexus operation.
#[derive(Debug)]
pub(crate) struct NexusOperationExecution {
    pub(crate) key: OperationKey,
    pub(crate) run_id: String,
    pub(crate) request: Box<StartNexusOperationExecutionRequest>,
    /// The operation as its handler sees it.
    pub(crate) scheduled: NexusOperationScheduledEventAttributes,
    pub(crate) pending: PendingNexusOperation,
    pub(crate) cancel: Option<OperationCancel>,
    pub(crate) terminate_request_id: Option<String>,
    pub(crate) end: Option<OperationEnd>,
    pub(crate) links: Vec<Link>,
    /// The number of changes so far.
    pub(crate) transitions: i64,
}

impl NexusOperationExecution {
    pub(crate) fn is_closed(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn status(&self) -> NexusOperationExecutionStatus {
        let end = self.end.as_ref();
        end.map_or(NexusOperationExecutionStatus::Running, |end| end.status)
    }

    pub(crate) fn state(&self) -> PendingNexusOperationState {
        match self.pending.starting.phase {
            _ if self.is_closed() => PendingNexusOperationState::Unspecified,
            _ if self.pending.started.is_some() => PendingNexusOperationState::Started,
            Phase::BackingOff { .. } => PendingNexusOperationState::BackingOff,
            _ => PendingNexusOperationState::Scheduled,
        }
    }

    /// Returns the time at which something is due.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        if self.is_closed() {
            return None;
        }
        self.pending.next_due().map(|(due_ms, _)| due_ms)
    }
}
