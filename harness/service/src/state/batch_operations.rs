//! All batch operations, running and ended.

use std::convert::Infallible;

use crate::{
    base::identifiers::BatchKey,
    batch_operation::BatchOperation,
    state::{
        standalone::{Standalone, StandaloneExecutions},
        store::Stored,
    },
};

/// All batch operations. Nobody waits for them.
pub(crate) type BatchOperations = StandaloneExecutions<BatchOperation>;

impl Stored for BatchOperation {
    type Key = BatchKey;

    fn key(&self) -> BatchKey {
        self.key
    }

    fn id(&self) -> &str {
        &self.request.job_id
    }

    fn run_id(&self) -> &str {
        &self.run_id
    }
}

impl Standalone for BatchOperation {
    type Wait = Infallible;

    /// On the server a job is a workflow.
    const NAME: &'static str = "workflow";
    const SEED: &'static str = "batch operation";

    fn close_ms(&self) -> Option<u64> {
        self.close.map(|(close_ms, _)| close_ms)
    }

    fn next_due_ms(&self) -> Option<u64> {
        self.next_due_ms()
    }

    /// No worker of anybody's does the work.
    fn is_worked_on(&self) -> bool {
        false
    }
}
