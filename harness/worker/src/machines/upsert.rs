//! Upserts of search attributes and changes of workflow properties: recorded, never answered.

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::enums::v1::EventType;

use super::{Responses, Result, invalid_event, nondeterminism};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Created,
    CommandIssued,
    Done,
}

/// The kind of an upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpsertKind {
    SearchAttributes,
    Properties,
}

/// An upsert of search attributes or of the memo.
#[derive(Debug)]
pub(crate) struct Upsert {
    kind: UpsertKind,
    state: State,
}

impl Upsert {
    pub(crate) fn new(kind: UpsertKind) -> Self {
        Self {
            kind,
            state: State::Created,
        }
    }

    pub(crate) fn on_command(&mut self) -> Result<()> {
        if self.state != State::Created {
            return Err(nondeterminism!(
                "Unexpected upsert command in state {:?}",
                self.state
            ));
        }
        self.state = State::CommandIssued;
        Ok(())
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let (name, does_not_handle, expected) = match self.kind {
            UpsertKind::SearchAttributes => (
                "UpsertSearchAttributesMachine",
                "UpsertWorkflowSearchAttributesMachine",
                EventType::UpsertWorkflowSearchAttributes,
            ),
            UpsertKind::Properties => (
                "ModifyWorkflowPropertiesMachine",
                "ModifyWorkflowPropertiesMachine",
                EventType::WorkflowPropertiesModified,
            ),
        };
        if event.event_type() != expected {
            return Err(nondeterminism!("{does_not_handle} does not handle {event}"));
        }
        if self.state != State::CommandIssued {
            return Err(invalid_event(name, &self.state, event));
        }
        self.state = State::Done;
        Ok(Vec::new())
    }

    pub(crate) fn is_final(&self) -> bool {
        self.state == State::Done
    }
}
