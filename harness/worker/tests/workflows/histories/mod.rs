//! Histories made by hand, event by event.

mod activities;
mod commands;
mod nexus_operations;
mod other_workflows;

pub(crate) use commands::update_message;

use std::time::Duration;

use prost_types::Timestamp;
use serde::Serialize;
use temporalio_protos::{
    coresdk::AsJsonPayloadExt,
    temporal::api::{
        common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
        enums::v1::{TaskQueueKind, WorkflowTaskFailedCause},
        failure::v1::Failure,
        history::v1::{
            History, HistoryEvent, WorkflowExecutionCancelRequestedEventAttributes,
            WorkflowExecutionSignaledEventAttributes, WorkflowExecutionStartedEventAttributes,
            WorkflowTaskCompletedEventAttributes, WorkflowTaskFailedEventAttributes,
            WorkflowTaskScheduledEventAttributes, WorkflowTaskStartedEventAttributes,
            WorkflowTaskTimedOutEventAttributes, history_event::Attributes,
        },
        query::v1::WorkflowQuery,
        sdk::v1::WorkflowTaskCompletedMetadata,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::PollWorkflowTaskQueueResponse,
    },
};

/// The time of the first event, 2024-01-01T00:00:00Z; each event comes a second after the last.
const START_SECONDS: i64 = 1_704_067_200;
/// The run id of every history.
pub(crate) const RUN_ID: &str = "8e9a2d5c-0c2f-4b0a-9d62-1d2f0a7c5b11";
/// The workflow id of every history.
pub(crate) const WORKFLOW_ID: &str = "workflow-1";

/// Returns a value as a JSON payload, as the SDK's default converter does.
pub(crate) fn json(value: &impl Serialize) -> Payload {
    value
        .as_json_payload()
        .expect("the value can be written as JSON")
}

/// A history that grows event by event. Methods that add an event return its id.
#[derive(Debug, Clone)]
pub(crate) struct HistoryBuilder {
    events: Vec<HistoryEvent>,
    workflow_type: String,
    scheduled_event_id: i64,
    started_event_id: i64,
    previous_started_event_id: i64,
}

impl HistoryBuilder {
    /// Returns the history of a run that has just started.
    pub(crate) fn new(workflow_type: &str, input: impl IntoIterator<Item = Payload>) -> Self {
        let mut history = Self {
            events: Vec::new(),
            workflow_type: workflow_type.to_owned(),
            scheduled_event_id: 0,
            started_event_id: 0,
            previous_started_event_id: 0,
        };
        let payloads: Vec<Payload> = input.into_iter().collect();
        history.add(Attributes::WorkflowExecutionStartedEventAttributes(
            WorkflowExecutionStartedEventAttributes {
                workflow_type: Some(WorkflowType {
                    name: workflow_type.to_owned(),
                }),
                workflow_id: WORKFLOW_ID.to_owned(),
                task_queue: Some(task_queue()),
                input: (!payloads.is_empty()).then_some(Payloads { payloads }),
                workflow_task_timeout: seconds(10),
                original_execution_run_id: RUN_ID.to_owned(),
                first_execution_run_id: RUN_ID.to_owned(),
                attempt: 1,
                identity: "test".to_owned(),
                ..Default::default()
            },
        ));
        history
    }

    /// Returns the events so far.
    pub(crate) fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    /// Returns the events so far, as the service sends them.
    pub(crate) fn history(&self) -> History {
        History {
            events: self.events.clone(),
        }
    }

    /// Adds any event.
    pub(crate) fn add(&mut self, attributes: Attributes) -> i64 {
        let event_id = i64::try_from(self.events.len()).expect("a test's history is short") + 1;
        self.events.push(HistoryEvent {
            event_id,
            event_time: Some(Timestamp {
                seconds: START_SECONDS + event_id - 1,
                nanos: 0,
            }),
            event_type: attributes.event_type() as i32,
            attributes: Some(attributes),
            ..Default::default()
        });
        event_id
    }

    /// Adds the scheduling, the start and the completion of a workflow task.
    pub(crate) fn workflow_task(&mut self) -> i64 {
        self.workflow_task_started();
        self.workflow_task_completed()
    }

    /// Adds the scheduling and the start of a workflow task.
    pub(crate) fn workflow_task_started(&mut self) -> i64 {
        self.scheduled_event_id = self.add(Attributes::WorkflowTaskScheduledEventAttributes(
            WorkflowTaskScheduledEventAttributes {
                task_queue: Some(task_queue()),
                start_to_close_timeout: seconds(10),
                attempt: 1,
            },
        ));
        self.started_event_id = self.add(Attributes::WorkflowTaskStartedEventAttributes(
            WorkflowTaskStartedEventAttributes {
                scheduled_event_id: self.scheduled_event_id,
                history_size_bytes: 1000 + self.scheduled_event_id,
                ..Default::default()
            },
        ));
        self.started_event_id
    }

    /// Adds the completion of the started workflow task, by a worker with all of Core's flags.
    pub(crate) fn workflow_task_completed(&mut self) -> i64 {
        let first = self.previous_started_event_id == 0;
        self.previous_started_event_id = self.started_event_id;
        let metadata = WorkflowTaskCompletedMetadata {
            core_used_flags: if first { vec![1, 2, 3] } else { Vec::new() },
            sdk_name: if first {
                "temporal-rust".to_owned()
            } else {
                String::new()
            },
            sdk_version: if first {
                "1.1.1".to_owned()
            } else {
                String::new()
            },
            ..Default::default()
        };
        self.add(Attributes::WorkflowTaskCompletedEventAttributes(
            WorkflowTaskCompletedEventAttributes {
                scheduled_event_id: self.scheduled_event_id,
                started_event_id: self.started_event_id,
                sdk_metadata: Some(metadata),
                ..Default::default()
            },
        ))
    }

    /// Adds the failure of the started workflow task.
    pub(crate) fn workflow_task_failed(&mut self) -> i64 {
        self.add(Attributes::WorkflowTaskFailedEventAttributes(
            WorkflowTaskFailedEventAttributes {
                scheduled_event_id: self.scheduled_event_id,
                started_event_id: self.started_event_id,
                cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure as i32,
                failure: Some(Failure {
                    message: "oops".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            },
        ))
    }

    /// Adds the timeout of the started workflow task.
    pub(crate) fn workflow_task_timed_out(&mut self) -> i64 {
        self.add(Attributes::WorkflowTaskTimedOutEventAttributes(
            WorkflowTaskTimedOutEventAttributes {
                scheduled_event_id: self.scheduled_event_id,
                started_event_id: self.started_event_id,
                ..Default::default()
            },
        ))
    }

    /// Adds a signal.
    pub(crate) fn signaled(&mut self, name: &str, input: impl IntoIterator<Item = Payload>) -> i64 {
        self.add(Attributes::WorkflowExecutionSignaledEventAttributes(
            WorkflowExecutionSignaledEventAttributes {
                signal_name: name.to_owned(),
                input: Some(Payloads {
                    payloads: input.into_iter().collect(),
                }),
                identity: "test".to_owned(),
                ..Default::default()
            },
        ))
    }

    /// Adds a request to cancel the workflow.
    pub(crate) fn cancel_requested(&mut self, cause: &str) -> i64 {
        self.add(Attributes::WorkflowExecutionCancelRequestedEventAttributes(
            WorkflowExecutionCancelRequestedEventAttributes {
                cause: cause.to_owned(),
                ..Default::default()
            },
        ))
    }

    /// Returns a workflow task with the whole history.
    pub(crate) fn task(&self) -> PollWorkflowTaskQueueResponse {
        self.task_from(1)
    }

    /// Returns a workflow task of the sticky queue, with the history from the given event on.
    pub(crate) fn task_from(&self, event_id: i64) -> PollWorkflowTaskQueueResponse {
        let skip = usize::try_from(event_id - 1).expect("event ids start at 1");
        PollWorkflowTaskQueueResponse {
            task_token: format!("task-{}", self.started_event_id).into_bytes(),
            workflow_execution: Some(execution()),
            workflow_type: Some(WorkflowType {
                name: self.workflow_type.clone(),
            }),
            workflow_execution_task_queue: Some(task_queue()),
            previous_started_event_id: self.previous_started_event_id,
            started_event_id: self.started_event_id,
            attempt: 1,
            history: Some(History {
                events: self.events[skip..].to_vec(),
            }),
            ..Default::default()
        }
    }

    /// Returns a legacy query: a task that is nothing but a query.
    pub(crate) fn query_task(
        &self,
        query_type: &str,
        with_history: bool,
    ) -> PollWorkflowTaskQueueResponse {
        let events = if with_history {
            self.events.clone()
        } else {
            Vec::new()
        };
        PollWorkflowTaskQueueResponse {
            task_token: b"query".to_vec(),
            started_event_id: 0,
            history: Some(History { events }),
            query: Some(query(query_type)),
            ..self.task()
        }
    }
}

/// Returns a query without arguments.
pub(crate) fn query(query_type: &str) -> WorkflowQuery {
    WorkflowQuery {
        query_type: query_type.to_owned(),
        ..Default::default()
    }
}

fn execution() -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: WORKFLOW_ID.to_owned(),
        run_id: RUN_ID.to_owned(),
    }
}

fn task_queue() -> TaskQueue {
    TaskQueue {
        name: "queue".to_owned(),
        kind: TaskQueueKind::Normal as i32,
        normal_name: String::new(),
    }
}

fn seconds(seconds: u64) -> Option<prost_types::Duration> {
    Duration::from_secs(seconds).try_into().ok()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the fields of messages are options"
)]
fn payloads(payloads: impl IntoIterator<Item = Payload>) -> Option<Payloads> {
    Some(Payloads {
        payloads: payloads.into_iter().collect(),
    })
}
