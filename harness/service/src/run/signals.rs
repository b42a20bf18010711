//! The signals that a run receives.
//!
//! Source: `temporalio/temporal: service/history/api/{signalworkflow/api,signal_workflow_util}.go`.

use tonic::Status;

use crate::{
    api::{
        Payloads, WorkflowExecution,
        common::{Header, Link},
        history::WorkflowExecutionSignaledEventAttributes,
    },
    base::{config::Limits, status},
    history::EventDecoration,
    run::Run,
};

/// A signal, from a client or from another run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    pub(crate) name: String,
    pub(crate) input: Option<Payloads>,
    pub(crate) identity: String,
    pub(crate) header: Option<Header>,
    /// The run that sent the signal; `None` for a client.
    pub(crate) sender: Option<WorkflowExecution>,
    pub(crate) request_id: String,
    pub(crate) links: Vec<Link>,
}

impl Run {
    /// Accepts a signal and schedules a workflow task for it, unless the signal is a repetition.
    ///
    /// # Errors
    ///
    /// NOT_FOUND if the run is closed, RESOURCE_EXHAUSTED if it is about to close, INVALID_ARGUMENT
    /// if it has reached its limit of signals.
    pub(crate) fn signal(
        &mut self,
        now_ms: u64,
        signal: Signal,
        limits: &Limits,
    ) -> Result<(), Status> {
        if self.signal_request_ids.contains(&signal.request_id) {
            return Ok(());
        }
        if !self.is_running() {
            return Err(status::not_found("workflow execution already completed"));
        }
        if self.state.signals >= limits.signals {
            return Err(Status::invalid_argument(
                "exceeded workflow execution limit for signal events",
            ));
        }
        if self.state.workflow_task.close_attempted && self.has_started_workflow_task() {
            return Err(Status::resource_exhausted(
                "workflow operation can not be applied because workflow is closing",
            ));
        }
        self.record_signal(now_ms, signal);
        self.ensure_workflow_task(now_ms);
        Ok(())
    }

    /// Writes the event of a signal.
    pub(crate) fn record_signal(&mut self, now_ms: u64, signal: Signal) {
        if !signal.request_id.is_empty() {
            self.signal_request_ids.insert(signal.request_id.clone());
        }
        self.state.signals += 1;
        self.history.add_decorated(
            now_ms,
            WorkflowExecutionSignaledEventAttributes {
                signal_name: signal.name,
                input: signal.input,
                identity: signal.identity,
                header: signal.header,
                external_workflow_execution: signal.sender,
                request_id: signal.request_id,
                ..WorkflowExecutionSignaledEventAttributes::default()
            },
            EventDecoration {
                links: signal.links,
                ..EventDecoration::default()
            },
        );
    }
}
