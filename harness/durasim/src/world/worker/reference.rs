//! References to worker processes.

/// A reference to a worker process: the worker, and which start of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessRef {
    pub(super) worker: usize,
    pub(super) incarnation: u32,
}
