//! Writing the trace: one entry for everything that happens, in Temporal's words.

use durasim_engine::{Recorded, Trace};
use durasim_service::{RunHistory, Service, ServiceConfig};

use super::{recorded::TakenChoice, state::State};
use crate::{broken::broken, history::History};

impl State {
    /// Adds one entry to the trace, after the choices that led to it.
    pub(crate) fn record(&mut self, kind: &'static str, what: impl Recorded) {
        self.record_choices();
        record(&mut self.trace, self.now_ms, kind, what);
    }

    /// Adds the choices that left 0 since the last entry.
    fn record_choices(&mut self) {
        while self.choices_traced < self.choices.taken_count() && !broken!(TraceOfChoices) {
            if let Some(choice) = self.choices.taken_entries().get(self.choices_traced) {
                self.trace
                    .record(self.now_ms, "choice", TakenChoice(choice));
            }
            self.choices_traced += 1;
        }
    }

    /// Ends the service. Returns every run's history, in the order in which the runs started.
    pub(crate) fn close(&mut self) -> Vec<History> {
        self.record_choices();
        let service = std::mem::replace(&mut self.service, Service::new(ServiceConfig::default()));
        let histories = service.into_histories().map(|history| {
            let RunHistory {
                workflow_id,
                run_id,
                events,
            } = history;
            History::new(workflow_id, run_id, events)
        });
        histories.collect()
    }
}

/// Adds an entry to a trace, and to the log.
pub(crate) fn record(trace: &mut Trace, at_ms: u64, kind: &'static str, what: impl Recorded) {
    if tracing::enabled!(target: "durasim", tracing::Level::DEBUG) {
        let at_ms = at_ms - durasim_engine::START_MS;
        tracing::debug!(target: "durasim", at_ms, kind, "{what}");
    }
    trace.record(at_ms, kind, what);
}
