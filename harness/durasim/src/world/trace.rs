//! Writing the trace: one entry for everything that happens, in Temporal's words.

use durasim_engine::{Keep, Recorded, Trace, TraceHash};
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

    /// Ends the service and adds every history to the trace, to the byte. Returns every run's
    /// history, in the order in which the runs started, and the hash of them all.
    pub(crate) fn close(&mut self) -> (Vec<History>, TraceHash) {
        let service = std::mem::replace(&mut self.service, Service::new(ServiceConfig::default()));
        let mut histories = Vec::new();
        let mut alone = Trace::new(Keep::Hash);
        for RunHistory {
            workflow_id,
            run_id,
            events,
            digest,
        } in service.into_histories()
        {
            let digest = if broken!(TraceOfHistories) { 0 } else { digest };
            let text = format!("{workflow_id} {} events {digest:016x}", events.len());
            self.record("history", format_args!("{text}"));
            alone.record(0, "history", format_args!("{text}"));
            histories.push(History::new(workflow_id, run_id, events));
        }
        self.record_choices();
        (histories, alone.hash())
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
