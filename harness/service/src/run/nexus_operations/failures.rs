//! Failures of Nexus operations, in the server's words.
//!
//! Source: `temporalio/temporal: components/nexusoperations/executors.go`,
//! `common/nexus/failure.go`.

use crate::api::{
    enums::{NexusHandlerErrorRetryBehavior, TimeoutType},
    failure::{
        ApplicationFailureInfo, CanceledFailureInfo, Failure, NexusHandlerFailureInfo,
        TimeoutFailureInfo, failure::FailureInfo,
    },
    nexus,
};

/// Returns the failure of a handler with an error type of Nexus, such as `UPSTREAM_TIMEOUT` or
/// `INTERNAL`.
pub(crate) fn handler_failure(error_type: &str, message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::NexusHandlerFailureInfo(
            NexusHandlerFailureInfo {
                r#type: error_type.to_owned(),
                ..NexusHandlerFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}

/// Returns the failure of a request that went wrong on the server's side. It is not retried.
pub(crate) fn call_failure(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: "CallError".to_owned(),
                non_retryable: true,
                ..ApplicationFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}

pub(crate) fn timeout_failure(timeout_type: TimeoutType) -> Failure {
    Failure {
        message: "operation timed out".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: timeout_type.into(),
            ..TimeoutFailureInfo::default()
        })),
        ..Failure::default()
    }
}

/// Converts the failure of a canceled operation to a cancellation, which it may not be yet.
pub(crate) fn canceled(failure: Failure) -> Failure {
    if matches!(
        failure.failure_info,
        Some(FailureInfo::CanceledFailureInfo(_))
    ) {
        return failure;
    }
    Failure {
        message: failure.message,
        stack_trace: failure.stack_trace,
        cause: failure.cause,
        failure_info: Some(FailureInfo::CanceledFailureInfo(
            CanceledFailureInfo::default(),
        )),
        ..Failure::default()
    }
}

/// Converts a failure as older handlers report it. Its details and metadata are dropped.
pub(crate) fn operation_failure(failure: Option<nexus::Failure>) -> Failure {
    let failure = failure.unwrap_or_default();
    let cause = failure
        .cause
        .map(|cause| Box::new(operation_failure(Some(*cause))));
    Failure {
        message: failure.message,
        stack_trace: failure.stack_trace,
        cause,
        ..Failure::default()
    }
}

/// Returns `true` if a handler's error is retryable: by what it says, or else by its type. Unknown
/// types are retryable.
///
/// Source: the predefined handler errors of the Nexus protocol, `nexus-rpc/api: SPEC.md`.
pub(crate) fn is_retryable(failure: &Failure) -> bool {
    let Some(FailureInfo::NexusHandlerFailureInfo(info)) = &failure.failure_info else {
        return true;
    };
    match info.retry_behavior() {
        NexusHandlerErrorRetryBehavior::Retryable => true,
        NexusHandlerErrorRetryBehavior::NonRetryable => false,
        NexusHandlerErrorRetryBehavior::Unspecified => !matches!(
            info.r#type.as_str(),
            "BAD_REQUEST"
                | "UNAUTHENTICATED"
                | "UNAUTHORIZED"
                | "NOT_FOUND"
                | "CONFLICT"
                | "NOT_IMPLEMENTED"
        ),
    }
}
