//! The events of activities and local activities.

use temporalio_protos::{
    constants::LOCAL_ACTIVITY_MARKER_NAME,
    coresdk::{
        common::build_local_activity_marker_details, external_data::LocalActivityMarkerData,
    },
    temporal::api::{
        common::v1::{ActivityType, Payload},
        enums::v1::RetryState,
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        history::v1::{
            ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes,
            ActivityTaskCompletedEventAttributes, ActivityTaskFailedEventAttributes,
            ActivityTaskScheduledEventAttributes, ActivityTaskStartedEventAttributes,
            MarkerRecordedEventAttributes, history_event::Attributes,
        },
    },
};

use super::{HistoryBuilder, payloads, seconds, task_queue};

impl HistoryBuilder {
    /// Adds the scheduling of an activity with a start-to-close timeout of ten seconds.
    pub(crate) fn activity_scheduled(
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

    /// Adds the start of an activity.
    pub(crate) fn activity_started(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(Attributes::ActivityTaskStartedEventAttributes(
            ActivityTaskStartedEventAttributes {
                scheduled_event_id,
                attempt: 1,
                ..Default::default()
            },
        ))
    }

    /// Adds the start and the completion of an activity.
    pub(crate) fn activity_completed(&mut self, scheduled_event_id: i64, result: Payload) -> i64 {
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

    /// Adds the start and the final failure of an activity.
    pub(crate) fn activity_failed(&mut self, scheduled_event_id: i64, message: &str) -> i64 {
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

    /// Adds the request to cancel an activity.
    pub(crate) fn activity_cancel_requested(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(Attributes::ActivityTaskCancelRequestedEventAttributes(
            ActivityTaskCancelRequestedEventAttributes {
                scheduled_event_id,
                ..Default::default()
            },
        ))
    }

    /// Adds the cancellation of an activity.
    pub(crate) fn activity_canceled(
        &mut self,
        scheduled_event_id: i64,
        started_event_id: i64,
    ) -> i64 {
        self.add(Attributes::ActivityTaskCanceledEventAttributes(
            ActivityTaskCanceledEventAttributes {
                scheduled_event_id,
                started_event_id,
                ..Default::default()
            },
        ))
    }

    /// Adds the marker of a local activity that completed.
    pub(crate) fn local_activity_marker(
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
