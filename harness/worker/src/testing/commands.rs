//! The events that commands become, and what follows them.

use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    constants::{LOCAL_ACTIVITY_MARKER_NAME, PATCH_MARKER_NAME},
    coresdk::{
        common::{build_has_change_marker_details, build_local_activity_marker_details},
        external_data::LocalActivityMarkerData,
    },
    temporal::api::{
        common::v1::{
            ActivityType, Payload, Payloads, SearchAttributes, WorkflowExecution, WorkflowType,
        },
        enums::v1::{
            CancelExternalWorkflowExecutionFailedCause, RetryState,
            SignalExternalWorkflowExecutionFailedCause, WorkflowTaskFailedCause,
        },
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        history::v1::{
            ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes,
            ActivityTaskCompletedEventAttributes, ActivityTaskFailedEventAttributes,
            ActivityTaskScheduledEventAttributes, ActivityTaskStartedEventAttributes,
            ChildWorkflowExecutionCompletedEventAttributes,
            ChildWorkflowExecutionStartedEventAttributes,
            ExternalWorkflowExecutionCancelRequestedEventAttributes,
            ExternalWorkflowExecutionSignaledEventAttributes, MarkerRecordedEventAttributes,
            RequestCancelExternalWorkflowExecutionFailedEventAttributes,
            RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
            SignalExternalWorkflowExecutionFailedEventAttributes,
            SignalExternalWorkflowExecutionInitiatedEventAttributes,
            StartChildWorkflowExecutionInitiatedEventAttributes, TimerCanceledEventAttributes,
            TimerFiredEventAttributes, TimerStartedEventAttributes,
            UpsertWorkflowSearchAttributesEventAttributes,
            WorkflowExecutionCanceledEventAttributes, WorkflowExecutionCompletedEventAttributes,
            WorkflowExecutionContinuedAsNewEventAttributes, WorkflowExecutionFailedEventAttributes,
            WorkflowExecutionTerminatedEventAttributes,
            WorkflowExecutionUpdateAcceptedEventAttributes,
            WorkflowExecutionUpdateCompletedEventAttributes, WorkflowTaskFailedEventAttributes,
            history_event::Attributes,
        },
        update::v1::{Input, Meta, Outcome, Request, outcome},
    },
};

use super::{HistoryBuilder, RUN_ID, json, seconds, task_queue};

#[expect(clippy::unnecessary_wraps, reason = "as the messages want it")]
fn payloads(payloads: impl IntoIterator<Item = Payload>) -> Option<Payloads> {
    Some(Payloads {
        payloads: payloads.into_iter().collect(),
    })
}

impl HistoryBuilder {
    /// A timer starts; the event's id.
    pub fn timer_started(&mut self, timer_id: &str, after_seconds: u64) -> i64 {
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

    /// The timer that the event started fires.
    ///
    /// # Panics
    /// If the event starts no timer.
    pub fn timer_fired(&mut self, started_event_id: i64) -> i64 {
        let timer_id = self.timer_id(started_event_id);
        self.add(Attributes::TimerFiredEventAttributes(
            TimerFiredEventAttributes {
                timer_id,
                started_event_id,
            },
        ))
    }

    /// The timer that the event started is cancelled.
    ///
    /// # Panics
    /// If the event starts no timer.
    pub fn timer_canceled(&mut self, started_event_id: i64) -> i64 {
        let timer_id = self.timer_id(started_event_id);
        self.add(Attributes::TimerCanceledEventAttributes(
            TimerCanceledEventAttributes {
                timer_id,
                started_event_id,
                ..Default::default()
            },
        ))
    }

    /// An activity is scheduled, with a timeout of ten seconds; the event's id.
    pub fn activity_scheduled(
        &mut self,
        activity_id: &str,
        activity_type: &str,
        input: impl IntoIterator<Item = Payload>,
    ) -> i64 {
        self.add(Attributes::ActivityTaskScheduledEventAttributes(
            ActivityTaskScheduledEventAttributes {
                activity_id: activity_id.to_owned(),
                activity_type: Some(ActivityType {
                    name: activity_type.to_owned(),
                }),
                task_queue: Some(task_queue()),
                input: payloads(input),
                start_to_close_timeout: seconds(10),
                ..Default::default()
            },
        ))
    }

    /// The activity starts.
    pub fn activity_started(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(Attributes::ActivityTaskStartedEventAttributes(
            ActivityTaskStartedEventAttributes {
                scheduled_event_id,
                attempt: 1,
                ..Default::default()
            },
        ))
    }

    /// The activity starts and completes.
    pub fn activity_completed(&mut self, scheduled_event_id: i64, result: Payload) -> i64 {
        let started_event_id = self.activity_started(scheduled_event_id);
        self.add(Attributes::ActivityTaskCompletedEventAttributes(
            ActivityTaskCompletedEventAttributes {
                result: payloads([result]),
                scheduled_event_id,
                started_event_id,
                ..Default::default()
            },
        ))
    }

    /// The activity starts and fails for good.
    pub fn activity_failed(&mut self, scheduled_event_id: i64, message: &str) -> i64 {
        let started_event_id = self.activity_started(scheduled_event_id);
        self.add(Attributes::ActivityTaskFailedEventAttributes(
            ActivityTaskFailedEventAttributes {
                failure: Some(application_failure(message)),
                scheduled_event_id,
                started_event_id,
                retry_state: RetryState::NonRetryableFailure as i32,
                ..Default::default()
            },
        ))
    }

    /// A request to cancel the activity is recorded.
    pub fn activity_cancel_requested(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(Attributes::ActivityTaskCancelRequestedEventAttributes(
            ActivityTaskCancelRequestedEventAttributes {
                scheduled_event_id,
                ..Default::default()
            },
        ))
    }

    /// The activity is cancelled.
    pub fn activity_canceled(&mut self, scheduled_event_id: i64, started_event_id: i64) -> i64 {
        self.add(Attributes::ActivityTaskCanceledEventAttributes(
            ActivityTaskCanceledEventAttributes {
                scheduled_event_id,
                started_event_id,
                ..Default::default()
            },
        ))
    }

    /// A patch's marker.
    ///
    /// # Panics
    /// If the id cannot be written as JSON, which no string is.
    pub fn patch_marker(&mut self, patch_id: &str, deprecated: bool) -> i64 {
        self.add(Attributes::MarkerRecordedEventAttributes(
            MarkerRecordedEventAttributes {
                marker_name: PATCH_MARKER_NAME.to_owned(),
                details: build_has_change_marker_details(patch_id, deprecated)
                    .expect("an id is a string"),
                ..Default::default()
            },
        ))
    }

    /// The search attribute that goes with patch markers.
    pub fn versions_upserted(&mut self, patch_ids: &[&str]) -> i64 {
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

    /// The run is reset here: it goes on under another run id.
    pub fn workflow_task_reset(&mut self, new_run_id: &str) -> i64 {
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

    /// A local activity's marker, with its result.
    pub fn local_activity_marker(
        &mut self,
        seq: u32,
        activity_id: &str,
        activity_type: &str,
        result: Payload,
    ) -> i64 {
        let data = LocalActivityMarkerData {
            seq,
            attempt: 1,
            activity_id: activity_id.to_owned(),
            activity_type: activity_type.to_owned(),
            complete_time: None,
            backoff: None,
            original_schedule_time: None,
            activation_index: None,
        };
        self.add(Attributes::MarkerRecordedEventAttributes(
            MarkerRecordedEventAttributes {
                marker_name: LOCAL_ACTIVITY_MARKER_NAME.to_owned(),
                details: build_local_activity_marker_details(data, Some(result)),
                ..Default::default()
            },
        ))
    }

    /// A child workflow is initiated and started; the initiated event's id.
    pub fn child_started(
        &mut self,
        workflow_id: &str,
        workflow_type: &str,
        input: impl IntoIterator<Item = Payload>,
    ) -> i64 {
        let initiated_event_id = self.add(
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(
                StartChildWorkflowExecutionInitiatedEventAttributes {
                    workflow_id: workflow_id.to_owned(),
                    workflow_type: Some(WorkflowType {
                        name: workflow_type.to_owned(),
                    }),
                    input: payloads(input),
                    task_queue: Some(task_queue()),
                    ..Default::default()
                },
            ),
        );
        self.add(Attributes::ChildWorkflowExecutionStartedEventAttributes(
            ChildWorkflowExecutionStartedEventAttributes {
                initiated_event_id,
                workflow_execution: Some(child_execution(workflow_id)),
                workflow_type: Some(WorkflowType {
                    name: workflow_type.to_owned(),
                }),
                ..Default::default()
            },
        ));
        initiated_event_id
    }

    /// The child that the event initiated completes.
    pub fn child_completed(&mut self, initiated_event_id: i64, result: Payload) -> i64 {
        self.add(Attributes::ChildWorkflowExecutionCompletedEventAttributes(
            ChildWorkflowExecutionCompletedEventAttributes {
                initiated_event_id,
                started_event_id: initiated_event_id + 1,
                result: payloads([result]),
                ..Default::default()
            },
        ))
    }

    /// An update is accepted that was requested before the given event.
    pub fn update_accepted(
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

    /// An accepted update completes.
    pub fn update_completed(
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

    /// A signal to another workflow is on its way; the event's id.
    pub fn signal_external_initiated(
        &mut self,
        workflow_id: &str,
        signal_name: &str,
        input: impl IntoIterator<Item = Payload>,
    ) -> i64 {
        self.add(
            Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(
                SignalExternalWorkflowExecutionInitiatedEventAttributes {
                    workflow_execution: Some(external(workflow_id)),
                    signal_name: signal_name.to_owned(),
                    input: payloads(input),
                    ..Default::default()
                },
            ),
        )
    }

    /// The signal has reached the other workflow.
    pub fn external_signaled(&mut self, initiated_event_id: i64, workflow_id: &str) -> i64 {
        self.add(
            Attributes::ExternalWorkflowExecutionSignaledEventAttributes(
                ExternalWorkflowExecutionSignaledEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    ..Default::default()
                },
            ),
        )
    }

    /// There is no such workflow to signal.
    pub fn signal_external_failed(&mut self, initiated_event_id: i64, workflow_id: &str) -> i64 {
        self.add(Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(
            SignalExternalWorkflowExecutionFailedEventAttributes {
                initiated_event_id,
                workflow_execution: Some(external(workflow_id)),
                cause: SignalExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound as i32,
                ..Default::default()
            },
        ))
    }

    /// A request to cancel another workflow is on its way; the event's id.
    pub fn cancel_external_initiated(&mut self, workflow_id: &str) -> i64 {
        self.add(
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(
                RequestCancelExternalWorkflowExecutionInitiatedEventAttributes {
                    workflow_execution: Some(external(workflow_id)),
                    ..Default::default()
                },
            ),
        )
    }

    /// The request has reached the other workflow.
    pub fn external_cancel_requested(&mut self, initiated_event_id: i64, workflow_id: &str) -> i64 {
        self.add(
            Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(
                ExternalWorkflowExecutionCancelRequestedEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    ..Default::default()
                },
            ),
        )
    }

    /// There is no such workflow to cancel.
    pub fn cancel_external_failed(&mut self, initiated_event_id: i64, workflow_id: &str) -> i64 {
        self.add(
            Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(
                RequestCancelExternalWorkflowExecutionFailedEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    cause: CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound
                        as i32,
                    ..Default::default()
                },
            ),
        )
    }

    /// The workflow goes on as a new run.
    pub fn continued_as_new(
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

    /// The workflow completes.
    pub fn completed(&mut self, result: Option<Payload>) -> i64 {
        self.add(Attributes::WorkflowExecutionCompletedEventAttributes(
            WorkflowExecutionCompletedEventAttributes {
                result: result.and_then(|result| payloads([result])),
                ..Default::default()
            },
        ))
    }

    /// The workflow fails.
    pub fn failed(&mut self, failure: Failure) -> i64 {
        self.add(Attributes::WorkflowExecutionFailedEventAttributes(
            WorkflowExecutionFailedEventAttributes {
                failure: Some(failure),
                ..Default::default()
            },
        ))
    }

    /// The workflow ends as cancelled.
    pub fn canceled(&mut self) -> i64 {
        self.add(Attributes::WorkflowExecutionCanceledEventAttributes(
            WorkflowExecutionCanceledEventAttributes::default(),
        ))
    }

    /// The workflow is terminated.
    pub fn terminated(&mut self) -> i64 {
        self.add(Attributes::WorkflowExecutionTerminatedEventAttributes(
            WorkflowExecutionTerminatedEventAttributes {
                details: payloads([json(&"enough")]),
                ..Default::default()
            },
        ))
    }
}

/// The request for an update, as its message and its event hold it.
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

fn child_execution(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: RUN_ID.to_owned(),
    }
}

fn external(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    }
}

fn application_failure(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                non_retryable: true,
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}
