//! The results of local activities, as they were or as markers record them.

use temporalio_protos::{
    coresdk::external_data::LocalActivityMarkerData,
    temporal::api::{
        common::v1::Payload,
        failure::v1::{CanceledFailureInfo, Failure, failure::FailureInfo},
    },
};

/// The end of a local activity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LocalResult {
    Completed(Option<Payload>),
    Failed(Failure),
    TimedOut(Failure),
    Cancelled(Option<Failure>),
}

impl LocalResult {
    /// Returns a cancellation without details.
    pub(crate) fn empty_cancel() -> Self {
        Self::Cancelled(Some(Failure {
            message: "Activity cancelled".to_owned(),
            failure_info: Some(FailureInfo::CanceledFailureInfo(
                CanceledFailureInfo::default(),
            )),
            ..Default::default()
        }))
    }
}

/// The content of a marker: the end of a local activity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordedResult {
    pub(crate) result: LocalResult,
    pub(crate) complete_time: Option<prost_types::Timestamp>,
    pub(crate) attempt: u32,
    pub(crate) backoff: Option<prost_types::Duration>,
    pub(crate) original_schedule_time: Option<prost_types::Timestamp>,
    pub(crate) activation_index: Option<u64>,
}

impl RecordedResult {
    /// Reads the data and the result of a marker.
    pub(crate) fn new(
        data: &LocalActivityMarkerData,
        result: Result<Option<Payload>, Failure>,
    ) -> Self {
        let is_cancel = |failure: &Failure| {
            matches!(
                failure.failure_info,
                Some(FailureInfo::CanceledFailureInfo(_))
            )
        };
        let result = match result {
            Ok(payload) => LocalResult::Completed(Some(payload.unwrap_or_default())),
            Err(failure)
                if is_cancel(&failure) || failure.cause.as_deref().is_some_and(is_cancel) =>
            {
                LocalResult::Cancelled(Some(failure))
            }
            Err(failure) => LocalResult::Failed(failure),
        };
        Self {
            result,
            complete_time: data.complete_time,
            attempt: data.attempt,
            backoff: data.backoff,
            original_schedule_time: data.original_schedule_time,
            activation_index: data.activation_index,
        }
    }
}
