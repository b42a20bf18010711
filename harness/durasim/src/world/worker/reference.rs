//! References to worker processes.

use crate::recording::ProcessId;

/// A reference to a worker process: the worker, and which start of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessRef {
    pub(super) worker: usize,
    pub(super) incarnation: u32,
}

impl ProcessRef {
    /// Returns the process as recordings name it.
    pub(crate) fn id(self) -> ProcessId {
        ProcessId {
            worker: self.worker,
            start: self.incarnation,
        }
    }
}
