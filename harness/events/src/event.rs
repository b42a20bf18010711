//! An event of history.

use std::fmt;

use prost_types::Timestamp;
use temporalio_protos::temporal::api::{
    common::v1::{Link, Principal},
    enums::v1::EventType,
    history::v1 as sdk,
    sdk::v1::{EventGroupMarker, UserMetadata},
};

use crate::attributes::{Attributes, event_type_of};

/// An event of history: the SDK's `HistoryEvent`, with large fields in boxes.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct HistoryEvent {
    /// The number of the event in its history, from 1.
    #[prost(int64, tag = "1")]
    pub event_id: i64,
    /// The time of the event.
    #[prost(message, optional, tag = "2")]
    pub event_time: Option<Timestamp>,
    /// The number of the type of the event, an [`EventType`].
    #[prost(int32, tag = "3")]
    pub event_type: i32,
    /// The failover version, which SDKs ignore.
    #[prost(int64, tag = "4")]
    pub version: i64,
    /// The id of the server's task for the event, which SDKs ignore.
    #[prost(int64, tag = "5")]
    pub task_id: i64,
    /// True if a worker that does not know the type of the event may skip it.
    #[prost(bool, tag = "300")]
    pub worker_may_ignore: bool,
    /// The summary and details that the caller gave.
    #[prost(message, optional, boxed, tag = "301")]
    pub user_metadata: Option<Box<UserMetadata>>,
    /// Links to related entities.
    #[prost(message, repeated, tag = "302")]
    pub links: Vec<Link>,
    /// The caller who caused the event.
    #[prost(message, optional, boxed, tag = "303")]
    pub principal: Option<Box<Principal>>,
    /// The groups of events that this one is in.
    #[prost(message, repeated, tag = "304")]
    pub event_group_markers: Vec<EventGroupMarker>,
    /// The attributes, which match the type.
    #[prost(
        oneof = "Attributes",
        tags = "6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, \
                27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, \
                47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65"
    )]
    pub attributes: Option<Attributes>,
}

/// The methods of the SDK's `HistoryEvent`.
///
/// Source: `sdk-rust: crates/protos/src/protos/mod.rs` (`history::v1::sdk_helpers`).
impl HistoryEvent {
    /// Returns the type of the event; `Unspecified` for a number that stands for no type.
    #[inline]
    pub fn event_type(&self) -> EventType {
        event_type_of(self.event_type)
    }

    /// Returns `true` if the event records a command.
    #[inline]
    pub fn is_command_event(&self) -> bool {
        matches!(
            self.event_type(),
            EventType::ActivityTaskScheduled
                | EventType::ActivityTaskCancelRequested
                | EventType::MarkerRecorded
                | EventType::RequestCancelExternalWorkflowExecutionInitiated
                | EventType::SignalExternalWorkflowExecutionInitiated
                | EventType::StartChildWorkflowExecutionInitiated
                | EventType::TimerCanceled
                | EventType::TimerStarted
                | EventType::UpsertWorkflowSearchAttributes
                | EventType::WorkflowPropertiesModified
                | EventType::NexusOperationScheduled
                | EventType::NexusOperationCancelRequested
                | EventType::WorkflowExecutionCanceled
                | EventType::WorkflowExecutionCompleted
                | EventType::WorkflowExecutionContinuedAsNew
                | EventType::WorkflowExecutionFailed
                | EventType::WorkflowExecutionUpdateAccepted
                | EventType::WorkflowExecutionUpdateRejected
                | EventType::WorkflowExecutionUpdateCompleted
        )
    }

    /// Returns the event to which this one belongs: of an activity's closing, say, its scheduled
    /// event.
    #[inline]
    pub fn get_initial_command_event_id(&self) -> Option<i64> {
        self.attributes.as_ref()?.initial_event_id()
    }

    /// Returns `true` if the event closes a run.
    #[inline]
    pub fn is_final_wf_execution_event(&self) -> bool {
        matches!(
            self.event_type(),
            EventType::WorkflowExecutionCompleted
                | EventType::WorkflowExecutionCanceled
                | EventType::WorkflowExecutionFailed
                | EventType::WorkflowExecutionTimedOut
                | EventType::WorkflowExecutionContinuedAsNew
                | EventType::WorkflowExecutionTerminated
        )
    }

    /// Returns `true` if a worker may skip the event, and Core has no use for it.
    #[inline]
    pub fn is_ignorable(&self) -> bool {
        let has_no_use = |attributes: &Attributes| {
            matches!(
                attributes.event_type(),
                EventType::WorkflowExecutionOptionsUpdated
                    | EventType::WorkflowExecutionPaused
                    | EventType::WorkflowExecutionUnpaused
                    | EventType::WorkflowExecutionTimeSkippingTransitioned
            )
        };
        self.worker_may_ignore && self.attributes.as_ref().is_none_or(has_no_use)
    }
}

/// The words of the SDK's own event.
impl fmt::Debug for HistoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sdk::HistoryEvent::from(self).fmt(f)
    }
}

impl fmt::Display for HistoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "HistoryEvent(id: {}, {:?})",
            self.event_id,
            self.event_type()
        )
    }
}

impl From<sdk::HistoryEvent> for HistoryEvent {
    fn from(event: sdk::HistoryEvent) -> Self {
        Self {
            event_id: event.event_id,
            event_time: event.event_time,
            event_type: event.event_type,
            version: event.version,
            task_id: event.task_id,
            worker_may_ignore: event.worker_may_ignore,
            user_metadata: event.user_metadata.map(Box::new),
            links: event.links,
            principal: event.principal.map(Box::new),
            event_group_markers: event.event_group_markers,
            attributes: event.attributes.map(Attributes::from),
        }
    }
}

impl From<&HistoryEvent> for sdk::HistoryEvent {
    fn from(event: &HistoryEvent) -> Self {
        Self {
            event_id: event.event_id,
            event_time: event.event_time,
            event_type: event.event_type,
            version: event.version,
            task_id: event.task_id,
            worker_may_ignore: event.worker_may_ignore,
            user_metadata: event.user_metadata.as_deref().cloned(),
            links: event.links.clone(),
            principal: event.principal.as_deref().cloned(),
            event_group_markers: event.event_group_markers.clone(),
            attributes: event.attributes.as_ref().map(Into::into),
        }
    }
}
