//! Writing the trace: one entry for everything that happens, in Temporal's words.

use super::state::State;
use crate::{broken::broken, history::History};
use durasim_service::{RunHistory, Service, ServiceConfig};
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
        while self.choices_traced < self.choices.taken_count() && !broken!(TraceOfChoices) {
            if let Some(choice) = self.choices.taken_entries().get(self.choices_traced) {
                self.trace.record(
                    self.now_ms,
                    "choice",
                    format_args!("{} = {}", choice.point, choice.value),
                );
            }
            self.choices_traced += 1;
        }
    }

    /// Ends the service and closes the trace, with every history, to the byte, and with the
    /// verdict. Returns every run's history, in the order in which the runs started.
    pub(crate) fn close(&mut self) -> Vec<History> {
        let service = std::mem::replace(&mut self.service, Service::new(ServiceConfig::default()));
        let mut histories = Vec::new();
        for RunHistory {
            workflow_id,
            run_id,
            events,
            digest,
        } in service.into_histories()
        {
            let digest = if broken!(TraceOfHistories) { 0 } else { digest };
            self.record(
                "history",
                format_args!("{workflow_id} {} events {digest:016x}", events.len()),
            );
            histories.push(History::new(workflow_id, run_id, events));
        }
        match self.failure.as_ref().map(|failure| failure.code) {
            None => self.record("verdict", format_args!("pass")),
            Some(code) => self.record("verdict", format_args!("{code}")),
        }
        histories
    }
}
