//! All standalone Nexus operations, open and closed, and the callers that wait for them.

use crate::{
    api::{enums::NexusOperationWaitStage, rpc::DescribeNexusOperationExecutionRequest},
    base::identifiers::OperationKey,
    nexus_operation_execution::NexusOperationExecution,
    state::{
        standalone::{Poll, Standalone, StandaloneExecutions},
        store::Stored,
    },
};

/// All standalone Nexus operations.
pub(crate) type NexusOperationExecutions = StandaloneExecutions<NexusOperationExecution>;

/// A caller that waits for an operation.
pub(crate) type OperationPoll = Poll<OperationWait>;

/// The wait of a caller.
#[derive(Clone, Debug)]
pub(crate) enum OperationWait {
    /// The caller waits for the start or the end of the operation.
    Stage(NexusOperationWaitStage),
    /// The caller waits for a change after this many.
    Change {
        transitions: i64,
        request: Box<DescribeNexusOperationExecutionRequest>,
    },
}

impl Stored for NexusOperationExecution {
    type Key = OperationKey;

    fn key(&self) -> OperationKey {
        self.key
    }

    fn id(&self) -> &str {
        &self.request.operation_id
    }

    fn run_id(&self) -> &str {
        &self.run_id
    }
}

impl Standalone for NexusOperationExecution {
    type Wait = OperationWait;

    const NAME: &'static str = "operation";
    const SEED: &'static str = "nexus operation";

    fn close_ms(&self) -> Option<u64> {
        self.end.as_ref().map(|end| end.at_ms)
    }

    fn next_due_ms(&self) -> Option<u64> {
        self.next_due_ms()
    }

    /// A worker is its handler, which has a request.
    fn is_worked_on(&self) -> bool {
        !self.is_closed() && self.pending.has_request_under_way()
    }
}
