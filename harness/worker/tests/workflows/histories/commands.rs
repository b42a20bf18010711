//! The events of timers, patches and updates, and those that close a run.

use prost::Message as _;
use prost_types::Any;
use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    constants::PATCH_MARKER_NAME,
    coresdk::common::build_has_change_marker_details,
    temporal::api::{
        common::v1::{Payload, SearchAttributes, WorkflowType},
        enums::v1::WorkflowTaskFailedCause,
        failure::v1::Failure,
        history::v1::{
            MarkerRecordedEventAttributes, TimerCanceledEventAttributes, TimerFiredEventAttributes,
            TimerStartedEventAttributes, UpsertWorkflowSearchAttributesEventAttributes,
            WorkflowExecutionCanceledEventAttributes, WorkflowExecutionCompletedEventAttributes,
            WorkflowExecutionContinuedAsNewEventAttributes, WorkflowExecutionFailedEventAttributes,
            WorkflowExecutionTerminatedEventAttributes,
            WorkflowExecutionUpdateAcceptedEventAttributes,
            WorkflowExecutionUpdateCompletedEventAttributes, WorkflowTaskFailedEventAttributes,
            history_event::Attributes,
        },
        protocol::v1::{Message, message::SequencingId},
        update::v1::{Input, Meta, Outcome, Request, outcome},
    },
};

use super::{HistoryBuilder, RUN_ID, json, payloads, seconds, task_queue};

impl HistoryBuilder {
    /// Adds the start of a timer.
    pub(crate) fn timer_started(&mut self, timer_id: &str, after_seconds: u64) -> i64 {
        self.add(Attributes::TimerStartedEventAttributes(
            TimerStartedEventAttributes {
                timer_id: timer_id.to_owned(),
                start_to_fire_timeout: seconds(after_seconds),
                ..Default::default()
            },
        ))
    }

    fn timer_id(&self, started_event_id: i64) -> String {
        match self.attributes(started_event_id) {
            Some(Attributes::TimerStartedEventAttributes(started)) => started.timer_id.clone(),
            other => panic!("event {started_event_id} starts no timer: {other:?}"),
        }
    }

    fn attributes(&self, event_id: i64) -> Option<&Attributes> {
        usize::try_from(event_id - 1)
            .ok()
            .and_then(|index| self.events.get(index))
            .and_then(|event| event.attributes.as_ref())
    }

    /// Adds the firing of the timer that the event started.
    pub(crate) fn timer_fired(&mut self, started_event_id: i64) -> i64 {
        let timer_id = self.timer_id(started_event_id);
        self.add(Attributes::TimerFiredEventAttributes(
            TimerFiredEventAttributes {
                timer_id,
                started_event_id,
            },
        ))
    }

    /// Adds the cancellation of the timer that the event started.
    pub(crate) fn timer_canceled(&mut self, started_event_id: i64) -> i64 {
        let timer_id = self.timer_id(started_event_id);
        self.add(Attributes::TimerCanceledEventAttributes(
            TimerCanceledEventAttributes {
                timer_id,
                started_event_id,
                ..Default::default()
            },
        ))
    }

    /// Adds the marker of a patch.
    pub(crate) fn patch_marker(&mut self, patch_id: &str, deprecated: bool) -> i64 {
        self.add(Attributes::MarkerRecordedEventAttributes(
            MarkerRecordedEventAttributes {
                marker_name: PATCH_MARKER_NAME.to_owned(),
                details: build_has_change_marker_details(patch_id, deprecated)
                    .expect("an id is a string"),
                ..Default::default()
            },
        ))
    }

    /// Adds the search attribute that goes with the markers of patches.
    pub(crate) fn versions_upserted(&mut self, patch_ids: &[&str]) -> i64 {
        let mut search_attributes = SearchAttributes::default();
        search_attributes
            .indexed_fields
            .insert(VERSION_SEARCH_ATTR_KEY.to_owned(), json(&patch_ids));
        self.add(Attributes::UpsertWorkflowSearchAttributesEventAttributes(
            UpsertWorkflowSearchAttributesEventAttributes {
                search_attributes: Some(search_attributes),
                ..Default::default()
            },
        ))
    }

    /// Adds the reset of the run, which goes on under another run id.
    pub(crate) fn workflow_task_reset(&mut self, new_run_id: &str) -> i64 {
        self.add(Attributes::WorkflowTaskFailedEventAttributes(
            WorkflowTaskFailedEventAttributes {
                scheduled_event_id: self.scheduled_event_id,
                started_event_id: self.started_event_id,
                cause: WorkflowTaskFailedCause::ResetWorkflow as i32,
                base_run_id: RUN_ID.to_owned(),
                new_run_id: new_run_id.to_owned(),
                ..Default::default()
            },
        ))
    }

    /// Adds the acceptance of an update that was requested before the event `sequencing`.
    pub(crate) fn update_accepted(
        &mut self,
        update_id: &str,
        name: &str,
        input: Payload,
        sequencing: i64,
    ) -> i64 {
        self.add(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(
            WorkflowExecutionUpdateAcceptedEventAttributes {
                protocol_instance_id: update_id.to_owned(),
                accepted_request_message_id: format!("{update_id}/request"),
                accepted_request_sequencing_event_id: sequencing,
                accepted_request: Some(update_request(update_id, name, input)),
            },
        ))
    }

    /// Adds the completion of an accepted update.
    pub(crate) fn update_completed(
        &mut self,
        update_id: &str,
        accepted_event_id: i64,
        result: Payload,
    ) -> i64 {
        self.add(Attributes::WorkflowExecutionUpdateCompletedEventAttributes(
            WorkflowExecutionUpdateCompletedEventAttributes {
                meta: Some(Meta {
                    update_id: update_id.to_owned(),
                    identity: "test".to_owned(),
                }),
                accepted_event_id,
                outcome: Some(Outcome {
                    value: payloads([result]).map(outcome::Value::Success),
                }),
            },
        ))
    }

    /// Adds the end of the run that continues as a new one.
    pub(crate) fn continued_as_new(
        &mut self,
        workflow_type: &str,
        input: impl IntoIterator<Item = Payload>,
    ) -> i64 {
        self.add(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(
            WorkflowExecutionContinuedAsNewEventAttributes {
                workflow_type: Some(WorkflowType {
                    name: workflow_type.to_owned(),
                }),
                input: payloads(input),
                task_queue: Some(task_queue()),
                ..Default::default()
            },
        ))
    }

    /// Adds the completion of the workflow.
    pub(crate) fn completed(&mut self, result: Option<Payload>) -> i64 {
        self.add(Attributes::WorkflowExecutionCompletedEventAttributes(
            WorkflowExecutionCompletedEventAttributes {
                result: result.and_then(|result| payloads([result])),
                ..Default::default()
            },
        ))
    }

    /// Adds the failure of the workflow.
    pub(crate) fn failed(&mut self, failure: Failure) -> i64 {
        self.add(Attributes::WorkflowExecutionFailedEventAttributes(
            WorkflowExecutionFailedEventAttributes {
                failure: Some(failure),
                ..Default::default()
            },
        ))
    }

    /// Adds the end of the workflow as cancelled.
    pub(crate) fn canceled(&mut self) -> i64 {
        self.add(Attributes::WorkflowExecutionCanceledEventAttributes(
            WorkflowExecutionCanceledEventAttributes::default(),
        ))
    }

    /// Adds the termination of the workflow.
    pub(crate) fn terminated(&mut self) -> i64 {
        self.add(Attributes::WorkflowExecutionTerminatedEventAttributes(
            WorkflowExecutionTerminatedEventAttributes {
                details: payloads([json(&"enough")]),
                ..Default::default()
            },
        ))
    }
}

/// Returns the message that brings an update with the workflow task that started with this event.
pub(crate) fn update_message(update_id: &str, name: &str, input: Payload, started: i64) -> Message {
    Message {
        id: format!("{update_id}/request"),
        protocol_instance_id: update_id.to_owned(),
        body: Some(Any {
            type_url: "type.googleapis.com/temporal.api.update.v1.Request".to_owned(),
            value: update_request(update_id, name, input).encode_to_vec(),
        }),
        sequencing_id: Some(SequencingId::EventId(started - 1)),
    }
}

/// Returns the request for an update, as its message and its event hold it.
pub(super) fn update_request(update_id: &str, name: &str, input: Payload) -> Request {
    Request {
        meta: Some(Meta {
            update_id: update_id.to_owned(),
            identity: "test".to_owned(),
        }),
        input: Some(Input {
            name: name.to_owned(),
            args: payloads([input]),
            header: None,
        }),
        ..Default::default()
    }
}
