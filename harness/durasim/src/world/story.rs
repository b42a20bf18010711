//! The story of a world so far.

use crate::words::timed;

/// The story so far.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(super) lines: Vec<(u64, String)>,
    /// The number of events of each run that are told.
    pub(super) events: Vec<usize>,
    /// True for each attempt whose end is told.
    pub(super) attempts: Vec<bool>,
    /// The number of choices that were looked at.
    pub(super) choices: usize,
}

impl Story {
    /// Returns the lines, each with its time.
    pub(crate) fn lines(&self) -> Vec<String> {
        timed(self.lines.iter().cloned())
    }
}
