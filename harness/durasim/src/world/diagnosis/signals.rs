//! The signals behind a workflow that waits for a condition of its own code.

use std::sync::Arc;

use durasim_events::{Attributes, HistoryEvent};
use durasim_service::ExecutionSummary;

use crate::{
    report::{DroppedSignal, Signals, WorkflowName},
    world::State,
};

/// Returns the signals that a workflow has handlers for, sent or not, and those that came to
/// nothing.
pub(super) fn signals(state: &State, execution: &ExecutionSummary) -> Signals {
    let sent = sent(history(state, execution));
    let handled = state.workers.iter().find_map(|process| {
        process.spec.versions[process.version]
            .workflows
            .signals(&execution.workflow_type)
    });
    let Some(handled) = handled else {
        return Signals::default();
    };
    let unhandled = sent.iter().filter(|signal| !handled.contains(signal));
    let unhandled = unhandled.cloned().collect();
    let (sent, unsent): (Vec<_>, Vec<_>) = handled
        .into_iter()
        .partition(|signal| sent.contains(signal));
    let mut dropped = dropped(state, &execution.workflow_id);
    dropped.retain(|dropped| unsent.contains(&dropped.signal));
    Signals {
        unsent,
        sent,
        unhandled,
        dropped,
    }
}

/// Returns the names of the signals in a history, each once.
fn sent(events: &[Arc<HistoryEvent>]) -> Vec<String> {
    let mut sent: Vec<String> = Vec::new();
    for event in events {
        if let Some(Attributes::WorkflowExecutionSignaledEventAttributes(signal)) =
            &event.attributes
            && !sent.contains(&signal.signal_name)
        {
            sent.push(signal.signal_name.clone());
        }
    }
    sent
}

/// Returns the signals to a workflow that another one asked for in the task that closed it. The
/// service does not send them (`temporalio/temporal: service/history/
/// transfer_queue_active_task_executor.go`, `processSignalExecution`).
fn dropped(state: &State, workflow_id: &str) -> Vec<DroppedSignal> {
    let executions = state.service.executions();
    let closed = executions.filter(|execution| !execution.open);
    closed
        .flat_map(|execution| {
            let events = history(state, &execution);
            let asked = events
                .iter()
                .filter_map(move |event| match &event.attributes {
                    Some(Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(
                        it,
                    )) => {
                        let receiver = it.workflow_execution.as_ref()?;
                        let is_meant = receiver.workflow_id == workflow_id;
                        (is_meant && !is_answered(events, event.event_id))
                            .then(|| it.signal_name.clone())
                    }
                    _ => None,
                });
            let sender = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
            asked.map(move |signal| DroppedSignal {
                signal,
                sender: sender.clone(),
            })
        })
        .collect()
}

/// Returns `true` if a history tells what became of the signal that this event asked for.
fn is_answered(events: &[Arc<HistoryEvent>], initiated_event_id: i64) -> bool {
    events.iter().any(|event| match &event.attributes {
        Some(Attributes::ExternalWorkflowExecutionSignaledEventAttributes(it)) => {
            it.initiated_event_id == initiated_event_id
        }
        Some(Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(it)) => {
            it.initiated_event_id == initiated_event_id
        }
        _ => false,
    })
}

fn history<'a>(state: &'a State, execution: &ExecutionSummary) -> &'a [Arc<HistoryEvent>] {
    state
        .service
        .history(&execution.workflow_id, Some(&execution.run_id))
        .unwrap_or_default()
}
