//! Stacks of other threads, on systems on which nothing portable reads them.

use std::thread::JoinHandle;

/// A thread whose stack may be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StuckThread;

impl StuckThread {
    /// Returns the thread of a handle.
    pub(crate) fn of<T>(_: &JoinHandle<T>) -> Self {
        Self
    }

    /// Returns nothing: the stack cannot be read.
    #[expect(clippy::unused_self, reason = "on Linux it is needed")]
    pub(crate) fn backtrace(self) -> String {
        String::new()
    }

    /// Does nothing: the priority of a thread cannot be lowered.
    #[expect(clippy::unused_self, reason = "on Linux it is needed")]
    pub(crate) fn lower_priority(self) {}
}
