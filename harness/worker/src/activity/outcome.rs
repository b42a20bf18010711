//! The outcome of an attempt of an activity.

use temporalio_protos::{
    coresdk::activity_result::{
        ActivityExecutionResult, ActivityResolution, Cancellation, Failure as FailureResult,
        Success, activity_execution_result::Status, activity_resolution,
    },
    temporal::api::{
        common::v1::{Payload, Payloads},
        failure::v1::{ApplicationFailureInfo, CanceledFailureInfo, Failure, failure::FailureInfo},
    },
};

/// The outcome of an attempt, for its worker to report, with payloads as they go over the wire.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ActivityOutcome {
    /// The activity returned a result.
    Completed(Option<Payloads>),
    /// The activity returned an error, or its payloads could not be converted.
    Failed(Box<Failure>),
    /// The activity panicked.
    Panicked {
        /// The failure that the SDK makes of a panic.
        failure: Box<Failure>,
        /// The message of the panic.
        message: String,
    },
    /// The activity stopped because it was cancelled, with these details.
    Canceled(Option<Payloads>),
    /// Somebody else completes the activity later; the worker reports nothing.
    WillCompleteAsync,
    /// The attempt cannot be simulated. The worker must report nothing: it would not be true.
    Fault(ActivityFault),
}

/// The reason for which an attempt cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivityFault {
    /// The details of a heartbeat are of a type that is not registered.
    #[error(
        "activity `{activity_type}` on task queue `{task_queue}` recorded a heartbeat whose \
         details are of a type that is not known here; name the type when registering the worker: \
         `.heartbeat_details::<TheType>()`"
    )]
    UnknownHeartbeatDetails {
        /// The activity type.
        activity_type: String,
        /// The task queue of the attempt.
        task_queue: String,
    },
    /// A mock panicked: an assertion of the test failed, which no retry must hide.
    #[error("the mock of activity `{activity_type}` panicked: {message}")]
    MockPanicked {
        /// The activity type.
        activity_type: String,
        /// The message of the panic.
        message: String,
    },
}

impl ActivityOutcome {
    /// Returns the resolution of a local activity's attempt, for its workflow; `None` if there is
    /// nothing to tell the workflow.
    pub fn into_local_resolution(self) -> Option<ActivityResolution> {
        let status = match self {
            Self::Completed(result) => activity_resolution::Status::Completed(Success {
                result: result.and_then(|payloads| payloads.payloads.into_iter().next()),
            }),
            Self::Failed(failure) | Self::Panicked { failure, .. } => {
                activity_resolution::Status::Failed(FailureResult {
                    failure: Some(*failure),
                    ..Default::default()
                })
            }
            Self::Canceled(details) => activity_resolution::Status::Cancelled(Cancellation {
                failure: Some(Failure {
                    message: "Activity cancelled".to_owned(),
                    failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
                        details,
                        ..Default::default()
                    })),
                    ..Default::default()
                }),
            }),
            Self::WillCompleteAsync | Self::Fault(_) => return None,
        };
        Some(ActivityResolution {
            status: Some(status),
        })
    }

    /// Returns the outcome as a worker reports it that has asked the attempt to stop because it
    /// shuts down: an attempt that stopped is to be retried.
    ///
    /// Source: `temporalio-sdk-core: src/worker/activities.rs` (`worker_shutdown_failure`).
    #[must_use]
    pub fn of_worker_that_shuts_down(self) -> Self {
        let Self::Canceled(_) = self else {
            return self;
        };
        let info = ApplicationFailureInfo {
            r#type: "WorkerShutdown".to_owned(),
            ..Default::default()
        };
        Self::Failed(Box::new(Failure {
            message: "Worker is shutting down and this activity did not complete in time"
                .to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
            ..Default::default()
        }))
    }

    /// Returns the outcome that a result of the SDK stands for.
    pub(super) fn of(result: ActivityExecutionResult) -> Self {
        match result.status {
            Some(Status::Completed(success)) => Self::Completed(success.result.map(one)),
            Some(Status::Failed(failed)) => {
                Self::Failed(Box::new(failed.failure.unwrap_or_default()))
            }
            // Core reports only the details of a cancellation.
            Some(Status::Cancelled(cancellation)) => Self::Canceled(
                match cancellation
                    .failure
                    .and_then(|failure| failure.failure_info)
                {
                    Some(FailureInfo::CanceledFailureInfo(info)) => info.details,
                    _ => None,
                },
            ),
            Some(Status::WillCompleteAsync(_)) => Self::WillCompleteAsync,
            None => unreachable!("every attempt ends in some status"),
        }
    }

    /// Returns the outcome of an attempt whose code panicked with the message, if there is one.
    pub(super) fn of_code(self, panicked: Option<String>) -> Self {
        match (self, panicked) {
            (Self::Failed(failure), Some(message)) => Self::Panicked { failure, message },
            (outcome, _) => outcome,
        }
    }
}

fn one(payload: Payload) -> Payloads {
    Payloads {
        payloads: vec![payload],
    }
}
