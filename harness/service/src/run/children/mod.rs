//! The children of a run that have not closed.
//!
//! A child is initiated by a command, then started or not started, then closed. Only the last run
//! of its chain closes it.
//!
//! Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`.

mod lifecycle;

use std::collections::BTreeMap;

use crate::{
    api::{Attributes, common::WorkflowType, enums::ParentClosePolicy, history::*},
    run::undo::UndoMap,
};

/// A child that was initiated and has not closed.
#[derive(Clone, Debug)]
pub(crate) struct PendingChild {
    pub(crate) workflow_id: String,
    pub(crate) workflow_type: Option<WorkflowType>,
    pub(crate) namespace: String,
    pub(crate) namespace_id: String,
    pub(crate) parent_close_policy: ParentClosePolicy,
    /// The started event; 0 until then.
    pub(crate) started_event_id: i64,
    /// The first run of the child's chain; empty until started.
    pub(crate) first_run_id: String,
}

impl PendingChild {
    pub(crate) fn is_started(&self) -> bool {
        self.started_event_id != 0
    }
}

/// The pending children of a run, by the id of the event that initiated each.
#[derive(Debug, Default)]
pub(crate) struct Children {
    pub(super) by_initiated_event_id: UndoMap<i64, PendingChild>,
}

impl Children {
    pub(crate) fn len(&self) -> usize {
        self.by_initiated_event_id.len()
    }

    pub(crate) fn get(&self, initiated_event_id: i64) -> Option<&PendingChild> {
        self.by_initiated_event_id.get(&initiated_event_id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&i64, &PendingChild)> {
        self.by_initiated_event_id.iter()
    }

    pub(crate) fn insert(&mut self, initiated_event_id: i64, child: PendingChild) {
        self.by_initiated_event_id.insert(initiated_event_id, child);
    }

    /// Restores children from an event in history.
    pub(crate) fn restore(&mut self, event_id: i64, attributes: &Attributes) {
        if let Attributes::ChildWorkflowExecutionStartedEventAttributes(started) = attributes {
            if let Some(child) = self
                .by_initiated_event_id
                .get_mut(&started.initiated_event_id)
            {
                child.started_event_id = event_id;
                child.first_run_id = run_id_of(started);
            }
        } else if let Some(initiated_event_id) = closed_child_of(attributes) {
            self.by_initiated_event_id.remove(&initiated_event_id);
        }
    }

    /// Sets the ids that started events got when the buffer was flushed.
    pub(crate) fn note_started(&mut self, started: &BTreeMap<i64, i64>) {
        for (initiated_event_id, started_event_id) in started {
            // The map also has the started events of activities.
            if let Some(child) = self.by_initiated_event_id.get_mut(initiated_event_id) {
                child.started_event_id = *started_event_id;
            }
        }
    }

    pub(crate) fn savepoint(&mut self) {
        self.by_initiated_event_id.savepoint();
    }

    pub(crate) fn commit(&mut self) {
        self.by_initiated_event_id.commit();
    }

    pub(crate) fn rollback(&mut self) {
        self.by_initiated_event_id.rollback();
    }
}

pub(super) fn run_id_of(started: &ChildWorkflowExecutionStartedEventAttributes) -> String {
    started
        .workflow_execution
        .as_ref()
        .map(|execution| execution.run_id.clone())
        .unwrap_or_default()
}

/// Returns the event that initiated the child which this event closes.
pub(super) fn closed_child_of(attributes: &Attributes) -> Option<i64> {
    match attributes {
        Attributes::StartChildWorkflowExecutionFailedEventAttributes(failed) => {
            Some(failed.initiated_event_id)
        }
        Attributes::ChildWorkflowExecutionCompletedEventAttributes(closed) => {
            Some(closed.initiated_event_id)
        }
        Attributes::ChildWorkflowExecutionFailedEventAttributes(closed) => {
            Some(closed.initiated_event_id)
        }
        Attributes::ChildWorkflowExecutionCanceledEventAttributes(closed) => {
            Some(closed.initiated_event_id)
        }
        Attributes::ChildWorkflowExecutionTimedOutEventAttributes(closed) => {
            Some(closed.initiated_event_id)
        }
        Attributes::ChildWorkflowExecutionTerminatedEventAttributes(closed) => {
            Some(closed.initiated_event_id)
        }
        _ => None,
    }
}
