//! The small parts of requests, commands and answers.

use prost_types::Duration;
use temporalio_protos::temporal::api::{
    common::v1::{Memo, Payload, Payloads, RetryPolicy, SearchAttributes, WorkflowType},
    enums::v1::TaskQueueKind,
    failure::v1::{ApplicationFailureInfo, CanceledFailureInfo, Failure, failure::FailureInfo},
    taskqueue::v1::TaskQueue,
};

pub(crate) const WORKFLOWS: &str = "workflows";
pub(crate) const ACTIVITIES: &str = "activities";
pub(crate) const NEXUS: &str = "nexus";
pub(crate) const ENDPOINT: &str = "endpoint";
const STICKY: &str = "sticky-worker";

pub(crate) fn namespace() -> String {
    "default".to_owned()
}

pub(crate) fn workflow_id(workflow: u8) -> String {
    format!("workflow-{workflow}")
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "as the fields of the messages have it"
)]
pub(crate) fn workflow_type(name: &str) -> Option<WorkflowType> {
    Some(WorkflowType {
        name: name.to_owned(),
    })
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "as the fields of the messages have it"
)]
pub(crate) fn queue(name: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: name.to_owned(),
        ..TaskQueue::default()
    })
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "as the fields of the messages have it"
)]
pub(crate) fn sticky_queue() -> Option<TaskQueue> {
    Some(TaskQueue {
        name: STICKY.to_owned(),
        kind: TaskQueueKind::Sticky.into(),
        normal_name: WORKFLOWS.to_owned(),
    })
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "as the fields of the messages have it"
)]
pub(crate) fn seconds(seconds: u8) -> Option<Duration> {
    Some(Duration {
        seconds: seconds.into(),
        nanos: 0,
    })
}

pub(crate) fn payload() -> Payload {
    let encoding = ("encoding".to_owned(), b"json/plain".to_vec());
    Payload {
        metadata: [encoding].into(),
        data: b"1".to_vec(),
        ..Payload::default()
    }
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "as the fields of the messages have it"
)]
pub(crate) fn payloads() -> Option<Payloads> {
    Some(Payloads {
        payloads: vec![payload()],
    })
}

pub(crate) fn memo(name: u8) -> Memo {
    Memo {
        fields: [(format!("{name}"), payload())].into(),
    }
}

/// Returns search attributes: some that every namespace has, and one that no namespace has.
pub(crate) fn search_attributes(name: u8) -> SearchAttributes {
    let name = match name % 4 {
        0 => "CustomKeywordField",
        1 => "CustomIntField",
        2 => "BuildIds",
        _ => "Unheard",
    };
    SearchAttributes {
        indexed_fields: [(name.to_owned(), payload())].into(),
    }
}

pub(crate) fn retry_policy(number: u8) -> RetryPolicy {
    RetryPolicy {
        maximum_attempts: (number % 4).into(),
        ..RetryPolicy::default()
    }
}

pub(crate) fn failure(number: u8) -> Failure {
    if number % 8 == 7 {
        return Failure {
            message: "canceled".to_owned(),
            failure_info: Some(FailureInfo::CanceledFailureInfo(
                CanceledFailureInfo::default(),
            )),
            ..Failure::default()
        };
    }
    Failure {
        message: "random".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: "Random".to_owned(),
                non_retryable: number.is_multiple_of(2),
                next_retry_delay: if number % 8 == 5 {
                    seconds(number % 3)
                } else {
                    None
                },
                ..ApplicationFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}
