//! Writing the trace: one entry for everything that happens, in Temporal's words.

use super::state::State;
use crate::environment::History;
use durasim_engine::digest;
use prost::Message;
use std::fmt;

impl State {
    /// Adds one entry to the trace, after the choices that led to it.
    pub(crate) fn record(&mut self, kind: &'static str, what: fmt::Arguments<'_>) {
        self.record_choices();
        self.trace.record(self.now_ms, kind, what);
        if tracing::enabled!(target: "durasim", tracing::Level::DEBUG) {
            tracing::debug!(target: "durasim", at_ms = self.now_ms - durasim_engine::START_MS, kind, "{what}");
        }
    }

    /// Adds the choices that left 0 since the last entry.
    fn record_choices(&mut self) {
        while self.choices_traced < self.choices.taken_count() {
            if let Some(choice) = self.choices.taken_entries().get(self.choices_traced) {
                self.trace.record(self.now_ms, "choice", format_args!("{} = {}", choice.point, choice.value));
            }
            self.choices_traced += 1;
        }
    }

    /// Closes the trace with every history, to the byte, and with the verdict.
    pub(crate) fn record_outcome(&mut self, histories: &[History]) {
        let mut bytes = Vec::new();
        for history in histories {
            bytes.clear();
            for event in history.events() {
                // Writing into a vector cannot fail.
                let _ = event.encode(&mut bytes);
            }
            let (count, digest) = (history.events().len(), digest(&bytes));
            self.record("history", format_args!("{} {count} events {digest:016x}", history.workflow_id()));
        }
        match self.failure.as_ref().map(|failure| failure.code) {
            None => self.record("verdict", format_args!("pass")),
            Some(code) => self.record("verdict", format_args!("{code}")),
        }
    }
}
