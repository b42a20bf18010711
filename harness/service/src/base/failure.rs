//! Failures that the server creates, and those that it truncates.
//!
//! Source: `temporalio/temporal: common/failure/failure.go`, `common/util.go`.

use prost::Message;

use crate::api::{
    enums::TimeoutType,
    failure::{
        ApplicationFailureInfo, Failure, ServerFailureInfo, TerminatedFailureInfo,
        TimeoutFailureInfo, failure::FailureInfo,
    },
};

/// The messages of the failures of activities whose worker sent more than an event holds.
pub(crate) const RESULT_TOO_LARGE: &str = "Complete result exceeds size limit.";
pub(crate) const CANCEL_DETAILS_TOO_LARGE: &str = "Cancel details exceed size limit.";
pub(crate) const HEARTBEAT_TOO_LARGE: &str = "Heartbeat details exceed size limit.";
const FAILURE_TOO_LARGE: &str = "Failure exceeds size limit.";

/// The bytes kept of a failure that is too large for an event (`limit.blobSize.warn`).
const KEPT_IN_EVENT: usize = 512 * 1024;
/// The bytes kept of the failure of an attempt that is retried, and the size from which it is
/// truncated (`limit.mutableStateActivityFailureSize.warn`, `.error`).
const KEPT_OF_ATTEMPT: usize = 2 * 1024;
const ATTEMPT_LIMIT: usize = 4 * 1024;

/// The depth to which a chain of causes is kept.
const DEPTH: u32 = 20;

/// Returns a failure of the server itself.
pub(crate) fn server(message: &str, non_retryable: bool) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo {
            non_retryable,
        })),
        ..Failure::default()
    }
}

/// Returns the failure of something that a client has terminated.
pub(crate) fn terminated(reason: String, identity: String) -> Failure {
    Failure {
        message: reason,
        failure_info: Some(FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo {
            identity,
        })),
        ..Failure::default()
    }
}

/// Returns the failure of an activity whose timeout has passed.
pub(crate) fn activity_timeout(timeout_type: TimeoutType) -> Failure {
    let name = match timeout_type {
        TimeoutType::Unspecified => "Unspecified",
        TimeoutType::StartToClose => "StartToClose",
        TimeoutType::ScheduleToStart => "ScheduleToStart",
        TimeoutType::ScheduleToClose => "ScheduleToClose",
        TimeoutType::Heartbeat => "Heartbeat",
    };
    timeout(&format!("activity {name} timeout"), timeout_type)
}

/// Returns a timeout failure in the server's words.
pub(crate) fn timeout(message: &str, timeout_type: TimeoutType) -> Failure {
    Failure {
        message: message.to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: timeout_type.into(),
            last_heartbeat_details: None,
        })),
        ..Failure::default()
    }
}

/// Returns the failure as an event holds it, and `true` if it was too large.
///
/// A failure that is too large becomes the truncated cause of one that is not retried.
pub(crate) fn for_event(failure: Failure, limit: usize) -> (Failure, bool) {
    if failure.encoded_len() <= limit {
        return (failure, false);
    }
    let cause = Some(Box::new(truncated(&failure, KEPT_IN_EVENT, DEPTH)));
    (
        Failure {
            cause,
            ..server(FAILURE_TOO_LARGE, true)
        },
        true,
    )
}

/// Returns the failure of an attempt that is retried, as the run keeps it: truncated if it is
/// large.
pub(crate) fn of_attempt(failure: &Failure) -> Failure {
    if failure.encoded_len() <= ATTEMPT_LIMIT {
        return failure.clone();
    }
    let cause = Some(Box::new(truncated(failure, KEPT_OF_ATTEMPT, DEPTH)));
    Failure {
        cause,
        ..server(FAILURE_TOO_LARGE, false)
    }
}

/// Truncates a failure to about this many bytes: type, source and message are kept before the stack
/// trace, and causes last.
fn truncated(failure: &Failure, size: usize, depth: u32) -> Failure {
    let mut left = size;
    let failure_info = match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => {
            let r#type = cut(&info.r#type, &mut left);
            left = left.saturating_sub(8);
            let non_retryable = info.non_retryable;
            let info = ApplicationFailureInfo {
                r#type,
                non_retryable,
                ..ApplicationFailureInfo::default()
            };
            Some(FailureInfo::ApplicationFailureInfo(info))
        }
        Some(FailureInfo::ServerFailureInfo(info)) => {
            left = left.saturating_sub(4);
            Some(FailureInfo::ServerFailureInfo(*info))
        }
        _ => None,
    };
    let source = cut(&failure.source, &mut left);
    let message = cut(&failure.message, &mut left);
    let stack_trace = cut(&failure.stack_trace, &mut left);
    let cause = failure.cause.as_ref().filter(|_| left > 4 && depth > 0);
    let cause = cause.map(|cause| Box::new(truncated(cause, left - 4, depth - 1)));
    Failure {
        message,
        source,
        stack_trace,
        cause,
        failure_info,
        ..Failure::default()
    }
}

/// Returns the beginning of the text that fits into the space left, and deducts it.
fn cut(text: &str, left: &mut usize) -> String {
    let kept = &text[..text.floor_char_boundary(*left)];
    if !kept.is_empty() {
        *left = left.saturating_sub(kept.len() + 4);
    }
    kept.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(message: &str, causes: usize) -> Failure {
        let failure = Failure {
            message: message.to_owned(),
            ..Failure::default()
        };
        (0..causes).fold(failure.clone(), |cause, _| Failure {
            cause: Some(Box::new(cause)),
            ..failure.clone()
        })
    }

    #[test]
    fn a_failure_that_fits_is_kept() {
        let failure = deep("declined", 3);
        assert_eq!(for_event(failure.clone(), 1_000), (failure.clone(), false));
        assert_eq!(of_attempt(&failure), failure);
    }

    #[test]
    fn the_beginning_of_a_failure_that_is_too_large_is_kept() {
        let failure = deep(&"\u{e9}".repeat(1_500), 30);
        let (kept, is_cut) = for_event(failure.clone(), 2_000);
        assert!(is_cut);
        assert_eq!(kept.message, FAILURE_TOO_LARGE);
        let mut depth = 0;
        let mut cause = kept.cause.as_deref();
        while let Some(failure) = cause {
            depth += 1;
            cause = failure.cause.as_deref();
        }
        assert_eq!(depth, 1 + DEPTH);
        let attempt = of_attempt(&failure);
        assert!(attempt.encoded_len() < ATTEMPT_LIMIT);
        // The text is cut between two characters.
        assert_eq!(attempt.cause.unwrap().message.len(), KEPT_OF_ATTEMPT);
    }

    #[test]
    fn the_retryability_of_a_failure_is_kept() {
        let info = ApplicationFailureInfo {
            r#type: "Declined".to_owned(),
            non_retryable: true,
            ..ApplicationFailureInfo::default()
        };
        let failure = Failure {
            failure_info: Some(FailureInfo::ApplicationFailureInfo(info.clone())),
            ..deep(&"x".repeat(9_000), 0)
        };
        let kept = of_attempt(&failure).cause.unwrap();
        assert_eq!(
            kept.failure_info,
            Some(FailureInfo::ApplicationFailureInfo(info))
        );
    }
}
