//! What a random worker answers.

use proptest::prelude::*;
use prost::Name;
use prost_types::{Any, Duration};
use temporalio_protos::temporal::api::{
    command::v1::{command::Attributes, *},
    common::v1::{
        ActivityType, Memo, Payload, RetryPolicy, SearchAttributes, WorkflowExecution, WorkflowType,
    },
    failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
    protocol::v1::Message,
    taskqueue::v1::TaskQueue,
    update::v1::{Acceptance, Meta, Outcome, Rejection, Response, outcome},
};

/// A command in few numbers.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    kind: u8,
    name: u8,
    number: u8,
}

/// A message about an update.
#[derive(Clone, Debug)]
pub(crate) struct UpdateMessage {
    kind: u8,
    update: u8,
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    (0..40_u8, 0..4_u8, any::<u8>()).prop_map(|(kind, name, number)| Command { kind, name, number })
}

pub(crate) fn update_message() -> impl Strategy<Value = UpdateMessage> {
    (0..5_u8, 0..4_u8).prop_map(|(kind, update)| UpdateMessage { kind, update })
}

pub(crate) fn failure(non_retryable: bool) -> Failure {
    Failure {
        message: "random".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: "Random".to_owned(),
            non_retryable,
            ..ApplicationFailureInfo::default()
        })),
        ..Failure::default()
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as the fields of the messages have it")]
fn seconds(seconds: u8) -> Option<Duration> {
    Some(Duration { seconds: seconds.into(), nanos: 0 })
}

fn payload() -> Payload {
    Payload { data: b"1".to_vec(), ..Payload::default() }
}

impl Command {
    /// Puts a field of this number into the memo.
    pub(crate) fn upsert_memo(name: u8) -> Self {
        Self { kind: 36, name, number: 0 }
    }

    /// The command, mostly one that makes sense.
    pub(crate) fn attributes(&self) -> Attributes {
        let name = format!("{}", self.name);
        let workflow_id = format!("workflow-{}", self.name);
        match self.kind {
            0..=7 => Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
                timer_id: format!("{}", self.number),
                start_to_fire_timeout: seconds(self.number % 8),
            }),
            8 | 9 => {
                Attributes::CancelTimerCommandAttributes(CancelTimerCommandAttributes { timer_id: name })
            }
            10..=16 => Attributes::ScheduleActivityTaskCommandAttributes(self.activity()),
            17 => Attributes::RequestCancelActivityTaskCommandAttributes(
                RequestCancelActivityTaskCommandAttributes { scheduled_event_id: (self.number % 20).into() },
            ),
            18 => Attributes::CompleteWorkflowExecutionCommandAttributes(
                CompleteWorkflowExecutionCommandAttributes::default(),
            ),
            19 => {
                Attributes::FailWorkflowExecutionCommandAttributes(FailWorkflowExecutionCommandAttributes {
                    failure: Some(failure(self.number.is_multiple_of(2))),
                })
            }
            20 => Attributes::CancelWorkflowExecutionCommandAttributes(
                CancelWorkflowExecutionCommandAttributes::default(),
            ),
            21 | 22 => Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(
                ContinueAsNewWorkflowExecutionCommandAttributes {
                    backoff_start_interval: seconds(self.number % 3),
                    ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
                },
            ),
            23..=27 => Attributes::StartChildWorkflowExecutionCommandAttributes(self.child()),
            28..=30 => Attributes::SignalExternalWorkflowExecutionCommandAttributes(
                SignalExternalWorkflowExecutionCommandAttributes {
                    execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
                    signal_name: "signal".to_owned(),
                    child_workflow_only: self.number.is_multiple_of(4),
                    ..SignalExternalWorkflowExecutionCommandAttributes::default()
                },
            ),
            31 | 32 => Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(
                RequestCancelExternalWorkflowExecutionCommandAttributes {
                    workflow_id,
                    ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
                },
            ),
            33 | 34 => Attributes::RecordMarkerCommandAttributes(RecordMarkerCommandAttributes {
                marker_name: if self.number == 0 { String::new() } else { name },
                ..RecordMarkerCommandAttributes::default()
            }),
            35 => Attributes::UpsertWorkflowSearchAttributesCommandAttributes(
                UpsertWorkflowSearchAttributesCommandAttributes {
                    search_attributes: Some(SearchAttributes { indexed_fields: [(name, payload())].into() }),
                },
            ),
            36 => Attributes::ModifyWorkflowPropertiesCommandAttributes(
                ModifyWorkflowPropertiesCommandAttributes {
                    upserted_memo: Some(Memo { fields: [(name, payload())].into() }),
                },
            ),
            37 => Attributes::ProtocolMessageCommandAttributes(ProtocolMessageCommandAttributes {
                message_id: format!("{}", self.number % 3),
            }),
            // Refused, whatever it is.
            38 => Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
                timer_id: String::new(),
                start_to_fire_timeout: Some(Duration { seconds: -1, nanos: 0 }),
            }),
            _ => Attributes::ScheduleActivityTaskCommandAttributes(
                ScheduleActivityTaskCommandAttributes::default(),
            ),
        }
    }

    fn activity(&self) -> ScheduleActivityTaskCommandAttributes {
        ScheduleActivityTaskCommandAttributes {
            activity_id: format!("{}", self.name),
            activity_type: Some(ActivityType { name: "activity".to_owned() }),
            task_queue: Some(TaskQueue { name: "activities".to_owned(), ..TaskQueue::default() }),
            schedule_to_close_timeout: seconds(self.number % 60),
            start_to_close_timeout: seconds(1 + self.number % 10),
            heartbeat_timeout: seconds(self.number % 5),
            retry_policy: (!self.number.is_multiple_of(3)).then(|| RetryPolicy {
                maximum_attempts: (self.number % 4).into(),
                ..RetryPolicy::default()
            }),
            ..ScheduleActivityTaskCommandAttributes::default()
        }
    }

    fn child(&self) -> StartChildWorkflowExecutionCommandAttributes {
        StartChildWorkflowExecutionCommandAttributes {
            workflow_id: format!("workflow-{}", self.name + self.number % 3),
            workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
            parent_close_policy: (self.number % 4).into(),
            workflow_id_reuse_policy: (self.number % 4).into(),
            workflow_run_timeout: seconds(self.number % 90),
            cron_schedule: if self.number == 7 { "@every 30s".to_owned() } else { String::new() },
            ..StartChildWorkflowExecutionCommandAttributes::default()
        }
    }
}

impl UpdateMessage {
    /// What a worker may say to the request of an update.
    pub(crate) fn answers(update_id: &str, how: u8) -> Vec<Message> {
        let update = update_id.bytes().last().map_or(0, |digit| digit.wrapping_sub(b'0'));
        let kinds: &[u8] = match how % 4 {
            0 => &[0],
            1 => &[0, 3],
            2 => &[2],
            _ => &[],
        };
        kinds.iter().zip(0..).map(|(kind, place)| Self { kind: *kind, update }.message(place)).collect()
    }

    /// The message with a number for its id, so that commands can name it.
    pub(crate) fn message(&self, place: usize) -> Message {
        let update_id = format!("update-{}", self.update);
        let body = match self.kind {
            0 | 1 => packed(&Acceptance {
                accepted_request_message_id: format!("{update_id}/request"),
                accepted_request_sequencing_event_id: 1,
                ..Acceptance::default()
            }),
            2 => packed(&Rejection { failure: Some(failure(true)), ..Rejection::default() }),
            3 => packed(&Response {
                meta: Some(Meta { update_id: update_id.clone(), ..Meta::default() }),
                outcome: Some(Outcome { value: Some(outcome::Value::Failure(failure(true))) }),
            }),
            _ => Any { type_url: "type.googleapis.com/nonsense".to_owned(), value: vec![1, 2, 3] },
        };
        Message {
            id: format!("{place}"),
            protocol_instance_id: update_id,
            body: Some(body),
            ..Message::default()
        }
    }
}

fn packed<M: prost::Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}
