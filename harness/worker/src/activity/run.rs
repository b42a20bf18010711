//! The run of an attempt, from its task to its outcome.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::FutureExt;
use temporalio_common::{
    ActivityError,
    data_converters::DataConverter,
    error::{ApplicationFailure, OutgoingActivityError, OutgoingError},
    payload_visitor::{decode_payloads, encode_payloads},
};
use temporalio_protos::{
    coresdk::{ActivityTaskCompletion, activity_result::ActivityExecutionResult},
    temporal::api::{common::v1::Payload, failure::v1::Failure},
};

use super::{
    attempt::ActivityAttempt,
    code::Code,
    context::AttemptContext,
    current,
    heartbeat::{DetailTypes, HeartbeatError},
    log::CallLog,
    outcome::{ActivityFault, ActivityOutcome},
    payloads::ACTIVITY_CONTEXT,
};
use crate::{codec::uses_codec, sdk_words};

/// Runs an attempt to its end, as the SDK's worker does.
pub(super) async fn run(
    code: Code,
    types: DetailTypes,
    mut attempt: Box<ActivityAttempt>,
) -> ActivityOutcome {
    // The codec first. It is rare, and its futures are large.
    let with_codec = uses_codec(&attempt.data_converter).then(|| attempt.data_converter.clone());
    let decoded = match &with_codec {
        Some(converter) => {
            let start = &mut attempt.start;
            Box::pin(decode_payloads(start, converter.codec(), &ACTIVITY_CONTEXT)).await
        }
        None => Ok(()),
    };

    // Then activity code, unless its payloads could not be decoded.
    let call = CallLog::begin(&attempt);
    let mut panicked = None;
    let result = if let Err(error) = decoded {
        let message = format!("Failed decoding activity task: {error}");
        ActivityExecutionResult::fail(Failure::application_failure(message, false))
    } else {
        let input = std::mem::take(&mut attempt.start.input);
        let context = AttemptContext::new(*attempt, types, &call);
        match execute(&code, input, context).await {
            Ok(Executed::Ended(result)) => result,
            Ok(Executed::Panicked { result, message }) => {
                panicked = Some(message);
                result
            }
            Err(fault) => return ActivityOutcome::Fault(fault),
        }
    };

    // Records are in the clear; the service gets what the codec makes of the result.
    call.end(ActivityOutcome::of(result.clone()));
    let outcome = match &with_codec {
        Some(converter) => Box::pin(encode(converter, result)).await,
        None => ActivityOutcome::of(result),
    };
    outcome.of_code(panicked)
}

/// The end of activity code, in payloads that have not passed the codec.
enum Executed {
    Ended(ActivityExecutionResult),
    /// The code panicked: the result that the SDK makes of that, and the message of the panic.
    Panicked {
        result: ActivityExecutionResult,
        message: String,
    },
}

/// Calls activity code, and returns its result as the SDK does.
async fn execute(
    code: &Code,
    input: Vec<Payload>,
    context: Arc<AttemptContext>,
) -> Result<Executed, ActivityFault> {
    let converter = &context.data_converter;
    match drive(code, input, &context).await {
        Ok(Ended::Returned(Ok(payload))) => {
            Ok(Executed::Ended(ActivityExecutionResult::ok(payload)))
        }
        Ok(Ended::Returned(Err(error))) => Ok(Executed::Ended(execution_result(converter, error))),
        Ok(Ended::Panicked(message)) if code.is_mock => Err(ActivityFault::MockPanicked {
            activity_type: context.info().activity_type.clone(),
            message,
        }),
        Ok(Ended::Panicked(message)) => {
            // The error that the SDK makes of a panic.
            let failure = ApplicationFailure::new(sdk_words::activity_panicked(&message));
            let result = execution_result(converter, ActivityError::application(failure));
            Ok(Executed::Panicked { result, message })
        }
        Err(HeartbeatError::Conversion(failure)) => {
            Ok(Executed::Ended(ActivityExecutionResult::fail(*failure)))
        }
        Err(HeartbeatError::UnknownType) => Err(ActivityFault::UnknownHeartbeatDetails {
            activity_type: context.info().activity_type.clone(),
            task_queue: context.info().task_queue.clone(),
        }),
    }
}

/// The end of activity code.
enum Ended {
    Returned(Result<Payload, ActivityError>),
    /// The code panicked with this message.
    Panicked(String),
}

/// Polls activity code, together with the request to stop and the code's heartbeats.
async fn drive(
    code: &Code,
    input: Vec<Payload>,
    context: &Arc<AttemptContext>,
) -> Result<Ended, HeartbeatError> {
    let call = async { code.invoke(input, context.clone()).await };
    let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
    let mut cancelled = pin!(context.cancel.cancelled().fuse());
    let mut result = None;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        // A request to stop reaches the code before its next poll.
        if cancelled.as_mut().poll(cx).is_ready() {
            context.cancel_sdk_context();
        }
        if result.is_none() && !context.is_stopped() {
            let entered = current::enter(context);
            let polled = call.as_mut().poll(cx);
            drop(entered);
            if let Poll::Ready(ended) = polled
                && !context.is_stopped()
            {
                result = Some(
                    ended.map_or_else(|panic| Ended::Panicked(message(&*panic)), Ended::Returned),
                );
            }
        }
        // Heartbeats are delivered before the result.
        match context.heartbeats.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => result
                .take()
                .map_or(Poll::Pending, |result| Poll::Ready(Ok(result))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Returns the message of a panic, as the SDK does.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or(sdk_words::PANIC_WITHOUT_TEXT)
        .to_owned()
}

/// Returns the result that the SDK makes of an error (`temporalio-sdk`:
/// `activity_error_to_core_result`).
fn execution_result(
    data_converter: &DataConverter,
    error: ActivityError,
) -> ActivityExecutionResult {
    let error = match error {
        ActivityError::Application(failure) => OutgoingActivityError::Application(failure),
        ActivityError::Cancelled { details } => {
            let error = OutgoingError::Activity(OutgoingActivityError::Cancelled { details });
            return ActivityExecutionResult::cancel(
                data_converter.to_failure(&ACTIVITY_CONTEXT, error),
            );
        }
        ActivityError::WillCompleteAsync => return ActivityExecutionResult::will_complete_async(),
        other => {
            let message = format!("Unsupported activity error: {other:?}");
            OutgoingActivityError::Application(Box::new(ApplicationFailure::new(message)))
        }
    };
    ActivityExecutionResult::fail(
        data_converter.to_failure(&ACTIVITY_CONTEXT, OutgoingError::Activity(error)),
    )
}

/// Encodes the payloads of a result, and returns the outcome.
async fn encode(
    data_converter: &DataConverter,
    result: ActivityExecutionResult,
) -> ActivityOutcome {
    let mut completion = ActivityTaskCompletion {
        task_token: Vec::new(),
        result: Some(result),
    };
    match encode_payloads(&mut completion, data_converter.codec(), &ACTIVITY_CONTEXT).await {
        Ok(()) => ActivityOutcome::of(completion.result.unwrap_or_default()),
        Err(error) => {
            let message = format!("Failed encoding activity completion: {error}");
            ActivityOutcome::Failed(Box::new(Failure::application_failure(message, false)))
        }
    }
}
