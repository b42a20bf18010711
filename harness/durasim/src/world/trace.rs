//! Writing the trace: one entry for everything that happens, in Temporal's words.

use std::fmt;

use durasim_engine::{Keep, Recorded, Trace, TraceHash};
use durasim_service::{RunHistory, Service, ServiceConfig};
use temporalio_protos::temporal::api::enums::v1::CommandType;

use super::state::State;
use crate::{
    broken::broken,
    history::History,
    label::{Label, Workflow},
};

/// An attempt of a task.
pub(super) struct TaskAttempt(pub(super) Label, pub(super) i64);

impl fmt::Display for TaskAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt {}", self.0, self.1)
    }
}

impl Recorded for TaskAttempt {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        self.0.write_bytes(bytes);
        bytes.extend_from_slice(&self.1.to_le_bytes());
    }
}

/// A command of a workflow.
pub(super) struct IssuedCommand(pub(super) Workflow, pub(super) CommandType);

impl fmt::Display for IssuedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.0, self.1)
    }
}

impl Recorded for IssuedCommand {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        self.0.write_bytes(bytes);
        bytes.extend_from_slice(&(self.1 as i32).to_le_bytes());
    }
}

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
                self.trace.record(
                    self.now_ms,
                    "choice",
                    format_args!("{} = {}", choice.point, choice.value),
                );
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
