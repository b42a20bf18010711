//! The boundaries between the workflow tasks of a history.
//!
//! An activation is made of the events up to a started workflow task that was then completed. Tasks
//! that failed or timed out, and heartbeats, have no activation of their own. The rules are Core's
//! (`temporalio-sdk-core: src/worker/workflow/history_update.rs`).

use std::sync::Arc;

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::temporal::api::enums::v1::EventType;

/// The end of the next workflow task's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskEnd {
    /// The task ends with the event at this index.
    At(usize),
    /// The task does not end within these events.
    Incomplete,
}

/// Finds the end of the first workflow task after the event `after_event_id`. The tasks that
/// accepted the updates `joined` are not parted from those without commands before them.
pub(super) fn find_task_end(
    events: &[Arc<HistoryEvent>],
    after_event_id: i64,
    has_last_task: bool,
    joined: &[i64],
) -> TaskEnd {
    let mut saw_command_or_start = false;
    let mut saw_command = false;
    // The started events of tasks that were completed: an update may belong to one of them.
    let mut started: Vec<(i64, usize)> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        // History may come again from an earlier event on: after an unhandled command, say.
        if event.event_id <= after_event_id {
            continue;
        }
        if event.is_command_event() {
            saw_command = true;
            saw_command_or_start = true;
        }
        let event_type = event.event_type();
        if event_type == EventType::WorkflowExecutionStarted {
            saw_command_or_start = true;
        }
        if event.is_final_wf_execution_event() {
            return TaskEnd::At(index);
        }
        if event_type != EventType::WorkflowTaskStarted {
            continue;
        }

        // The event after the start says what became of the task.
        match events.get(index + 1).map(|event| event.event_type()) {
            Some(
                EventType::WorkflowTaskFailed
                | EventType::WorkflowTaskTimedOut
                | EventType::WorkflowExecutionTimedOut
                | EventType::WorkflowExecutionTerminated
                | EventType::WorkflowExecutionCanceled,
            ) => continue,
            Some(EventType::WorkflowTaskCompleted) => {
                started.push((event.event_id, index));
                match events.get(index + 2) {
                    // A heartbeat: nothing happened before the task was completed, and the next one
                    // was scheduled at once.
                    Some(next)
                        if !saw_command
                            && next.event_type() == EventType::WorkflowTaskScheduled =>
                    {
                        continue;
                    }
                    Some(next) if joined.contains(&next.event_id) => return TaskEnd::At(index),
                    Some(next) => {
                        return TaskEnd::At(update_boundary(next, &started).unwrap_or(index));
                    }
                    None if !has_last_task && !saw_command_or_start => continue,
                    None => {}
                }
            }
            Some(_) => started.push((event.event_id, index)),
            None if !has_last_task && !saw_command_or_start => continue,
            None => {}
        }
        if saw_command_or_start {
            return TaskEnd::At(index);
        }
    }
    TaskEnd::Incomplete
}

/// Returns the end of the task in which an accepted update was requested, which may be an earlier
/// task than the one that accepted it.
fn update_boundary(event: &HistoryEvent, started: &[(i64, usize)]) -> Option<usize> {
    let Some(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted)) =
        &event.attributes
    else {
        return None;
    };
    let sequenced = accepted.accepted_request_sequencing_event_id;
    started
        .iter()
        .rev()
        .find(|(event_id, _)| *event_id < sequenced)
        .map(|(_, index)| *index)
}

/// Returns the accepted updates whose tasks Core cuts in two ways: the events `UpdateAccepted` that
/// follow a completed task without commands and the task that accepted them.
///
/// A worker that has lost its cache joins both tasks while it works on the second one, whose end it
/// cannot see. It parts them in each later replay.
pub(crate) fn updates_cut_in_two_ways(events: &[Arc<HistoryEvent>]) -> Vec<i64> {
    let mut after_idle_task = false;
    let mut cut = Vec::new();
    for pair in events.windows(2) {
        let [before, event] = pair else { continue };
        let follows_completed = before.event_type() == EventType::WorkflowTaskCompleted;
        match event.event_type() {
            EventType::WorkflowTaskScheduled if follows_completed => after_idle_task = true,
            EventType::WorkflowExecutionUpdateAccepted if follows_completed && after_idle_task => {
                cut.push(event.event_id);
            }
            _ => {}
        }
        if event.is_command_event() {
            after_idle_task = false;
        }
    }
    cut
}
