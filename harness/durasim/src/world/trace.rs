//! Writing the trace: one entry for everything that happens, in Temporal's words.

use super::state::State;
use std::fmt;

impl State {
    /// Adds one entry to the trace.
    pub(crate) fn record(&mut self, kind: &'static str, what: fmt::Arguments<'_>) {
        self.trace.record(self.now_ms, kind, what);
        if tracing::enabled!(target: "durasim", tracing::Level::DEBUG) {
            tracing::debug!(target: "durasim", at_ms = self.now_ms - durasim_engine::START_MS, kind, "{what}");
        }
    }
}
