//! The permission to do real input and output.

use super::{CodeError, WorkerCode};

impl WorkerCode {
    /// Lets the activity that was registered last do real input and output: talk to a real
    /// database, say.
    ///
    /// While an attempt of it waits, the world waits in real time, and virtual time stands still.
    /// An attempt that waits for longer than a second may wait for something in its world: virtual
    /// time then goes on, no faster than real time. Such a world cannot be repeated exactly, and
    /// its report says so. Tokio's timers in the activity, and its clocks, are the machine's. An
    /// activity that may not do real input and output fails its test with `DS007`.
    #[must_use]
    pub fn real_io(mut self) -> Self {
        match self.last_activity {
            Some(ref name) => {
                self.real_io.insert(name.clone());
            }
            None => {
                self.error.get_or_insert(CodeError::RealIoOfNone);
            }
        }
        self
    }
}
