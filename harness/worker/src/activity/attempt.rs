//! One attempt of an activity: what it needs, how it runs, what becomes of it.

use std::{
    any::Any,
    cell::RefCell,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, LazyLock, OnceLock},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures::{FutureExt, future::BoxFuture};
use temporalio_client::Client;
use temporalio_common::{
    ActivityError,
    data_converters::{ActivitySerializationContext, DataConverter, SerializationContextData},
    error::{ApplicationFailure, OutgoingActivityError, OutgoingError},
    payload_visitor::{decode_payloads, encode_payloads},
};
use temporalio_protos::{
    coresdk::{
        ActivityTaskCompletion,
        activity_result::{
            ActivityExecutionResult, ActivityResolution, Cancellation, Failure as FailureResult,
            Success, activity_execution_result::Status, activity_resolution,
        },
        activity_task::{self, ActivityTask, activity_task::Variant},
    },
    temporal::api::{
        common::v1::{Payload, Payloads, WorkflowExecution},
        failure::v1::{CanceledFailureInfo, Failure, failure::FailureInfo},
        workflowservice::v1::PollActivityTaskQueueResponse,
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    CallLog,
    context::{AttemptContext, activity_info},
    current,
    heartbeat::{DetailTypes, HeartbeatCallback, HeartbeatError, Heartbeats},
    log::{CallFacts, OpenCall},
};
use crate::{LocalActivityTask, codec, sdk_words};

/// Tells virtual time in milliseconds since the Unix epoch.
pub type ClockCallback = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The kind of code that payloads are converted for.
pub(super) static ACTIVITY_CONTEXT: LazyLock<SerializationContextData> =
    LazyLock::new(|| SerializationContextData::Activity(ActivitySerializationContext::new()));

/// Runs activity code on its input. What it may fail on, decoding the input included, comes out as
/// an error.
pub(super) type Invocation = Arc<
    dyn Fn(Vec<Payload>, Arc<AttemptContext>) -> BoxFuture<'static, Result<Payload, ActivityError>>
        + Send
        + Sync,
>;

/// One attempt of an activity, ready to run.
///
/// The fields that [`new`](Self::new) and [`local`](Self::local) do not ask for have defaults that
/// suit a worker without a client, whose heartbeats go nowhere.
pub struct ActivityAttempt {
    start: activity_task::Start,
    task_token: Vec<u8>,
    task_queue: String,
    clock: ClockCallback,
    /// Takes heartbeats, as payloads that have passed the codec.
    pub heartbeat: HeartbeatCallback,
    /// Cancelling it asks the activity to stop; activity code may take its time, or not listen.
    pub cancel: CancellationToken,
    /// The client that activity code gets from its context.
    pub client: Option<Client>,
    /// How inputs, results, failures and heartbeat details become payloads.
    pub data_converter: DataConverter,
    /// Where the call is recorded.
    pub log: CallLog,
}

/// Where a local activity comes from: what its workflow's worker knows and its own task does not
/// say.
#[derive(Debug, Clone)]
pub struct LocalActivityOrigin {
    /// The namespace of the workflow.
    pub namespace: String,
    /// The task queue of the workflow's worker, which runs the activity too.
    pub task_queue: String,
    /// The workflow type.
    pub workflow_type: String,
    /// The workflow and its run.
    pub execution: WorkflowExecution,
    /// When its first attempt was asked for, in milliseconds since the Unix epoch.
    pub requested_ms: u64,
}

impl ActivityAttempt {
    /// The attempt that a poll of `task_queue` returned.
    pub fn new(
        task: PollActivityTaskQueueResponse,
        task_queue: impl Into<String>,
        clock: ClockCallback,
    ) -> Self {
        let task = ActivityTask::start_from_poll_resp(task);
        let Some(Variant::Start(start)) = task.variant else {
            unreachable!("the response of a poll is made into the start of an activity")
        };
        Self::from_start(start, task.task_token, task_queue.into(), clock)
    }

    /// An attempt of a local activity, with the times and timeouts that Core gives it.
    pub fn local(
        task: LocalActivityTask,
        origin: LocalActivityOrigin,
        clock: ClockCallback,
    ) -> Self {
        let LocalActivityTask {
            seq,
            attempt,
            schedule,
            ..
        } = task;
        let token = format!("local/{}/{seq}", origin.execution.run_id);
        let scheduled = at(origin.requested_ms);
        let start = activity_task::Start {
            workflow_namespace: origin.namespace,
            workflow_type: origin.workflow_type,
            workflow_execution: Some(origin.execution),
            activity_id: schedule.activity_id,
            activity_type: schedule.activity_type,
            header_fields: schedule.headers,
            input: schedule.arguments,
            scheduled_time: Some(scheduled.into()),
            current_attempt_scheduled_time: Some(scheduled.into()),
            started_time: Some(at(clock()).into()),
            attempt,
            schedule_to_close_timeout: Some(schedule.schedule_to_close_timeout.unwrap_or_default()),
            start_to_close_timeout: schedule
                .start_to_close_timeout
                .or(schedule.schedule_to_close_timeout),
            retry_policy: Some(schedule.retry_policy.unwrap_or_default()),
            priority: Some(temporalio_protos::temporal::api::common::v1::Priority::default()),
            is_local: true,
            ..Default::default()
        };
        Self::from_start(start, token.into_bytes(), origin.task_queue, clock)
    }

    fn from_start(
        start: activity_task::Start,
        task_token: Vec<u8>,
        task_queue: String,
        clock: ClockCallback,
    ) -> Self {
        Self {
            start,
            task_token,
            task_queue,
            clock,
            heartbeat: Arc::new(|_| ()),
            cancel: CancellationToken::new(),
            client: None,
            data_converter: DataConverter::default(),
            log: CallLog::default(),
        }
    }

    /// What the attempt is called with, taken out of its task.
    fn take_facts(&mut self) -> CallFacts {
        let payloads = Payloads {
            payloads: std::mem::take(&mut self.start.input),
        };
        let task_token = std::mem::take(&mut self.task_token);
        let task_queue = std::mem::take(&mut self.task_queue);
        let info = activity_info(&mut self.start, task_token, task_queue);
        CallFacts {
            info,
            payloads,
            converter: self.data_converter.payload_converter().clone(),
        }
    }

    /// The activity type.
    pub fn activity_type(&self) -> &str {
        &self.start.activity_type
    }

    /// The task queue it was taken from.
    pub fn task_queue(&self) -> &str {
        &self.task_queue
    }
}

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

/// What an attempt's worker reports to the service, its payloads as they go over the wire.
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
    /// The activity returned that it was cancelled, with these details.
    Canceled(Option<Payloads>),
    /// Somebody else will complete the activity; nothing is reported.
    WillCompleteAsync,
    /// The attempt cannot be simulated as it is; nothing must be reported, for it would not be
    /// true.
    Fault(ActivityFault),
}

/// Why an attempt cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivityFault {
    /// A heartbeat's details are of a type that nobody registered.
    #[error(
        "activity `{activity_type}` on task queue `{task_queue}` recorded a heartbeat whose \
         details are of a type that is not known here; name it when registering the worker: \
         `.heartbeat_details::<TheType>()`"
    )]
    UnknownHeartbeatDetails {
        /// The activity type.
        activity_type: String,
        /// The task queue of the attempt.
        task_queue: String,
    },
    /// A mock panicked: an assertion of the test's, which no retry must hide.
    #[error("the mock of activity `{activity_type}` panicked: {message}")]
    MockPanicked {
        /// The activity type.
        activity_type: String,
        /// What it panicked with.
        message: String,
    },
}

impl ActivityOutcome {
    /// What a workflow gets to know of a local activity's attempt; `None` if there is nothing to
    /// tell it.
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

    fn of(result: ActivityExecutionResult) -> Self {
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

    /// The outcome of an attempt, if its code panicked with this message.
    fn of_code(self, panicked: Option<String>) -> Self {
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

/// Runs an attempt to its end, as the SDK's worker does around activity code.
pub(super) async fn run(
    invocation: Invocation,
    is_mock: bool,
    types: DetailTypes,
    mut attempt: Box<ActivityAttempt>,
) -> ActivityOutcome {
    let data_converter = attempt.data_converter.clone();
    let codec = uses_codec(&data_converter);
    let decoded = if codec {
        decode_payloads(
            &mut attempt.start,
            data_converter.codec(),
            &ACTIVITY_CONTEXT,
        )
        .await
    } else {
        Ok(())
    };
    let facts = Arc::new(attempt.take_facts());
    let call = attempt.log.begin(facts.clone(), attempt.clock.clone());
    let mut panicked = None;
    let result = if let Err(error) = decoded {
        let message = format!("Failed decoding activity task: {error}");
        ActivityExecutionResult::fail(Failure::application_failure(message, false))
    } else {
        let executed = execute(&invocation, is_mock, types, *attempt, facts, &call);
        match executed.await {
            Ok(Executed::Ended(result)) => result,
            Ok(Executed::Panicked { result, message }) => {
                panicked = Some(message);
                result
            }
            Err(fault) => return ActivityOutcome::Fault(fault),
        }
    };
    call.end(ActivityOutcome::of(result.clone()));
    let outcome = if codec {
        encode(&data_converter, result).await
    } else {
        ActivityOutcome::of(result)
    };
    outcome.of_code(panicked)
}

/// Whether payloads change on their way through the converter's codec.
fn uses_codec(data_converter: &DataConverter) -> bool {
    thread_local! {
        /// The last answer, with its converter: a worker has one for all of its attempts.
        static LAST: RefCell<Option<(DataConverter, bool)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, answer)) if std::ptr::addr_eq(known.codec(), data_converter.codec()) => {
            *answer
        }
        _ => {
            last.insert((data_converter.clone(), codec::uses_codec(data_converter)))
                .1
        }
    })
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

/// Calls activity code.
async fn execute(
    invocation: &Invocation,
    is_mock: bool,
    types: DetailTypes,
    attempt: ActivityAttempt,
    facts: Arc<CallFacts>,
    call: &OpenCall,
) -> Result<Executed, ActivityFault> {
    let input = facts.payloads.payloads.clone();
    let data_converter = attempt.data_converter;
    let context = Arc::new(AttemptContext {
        facts,
        headers: attempt.start.header_fields,
        heartbeat_details: attempt.start.heartbeat_details,
        heartbeats: Arc::new(Heartbeats::new(
            types,
            data_converter.clone(),
            attempt.heartbeat,
        )),
        data_converter,
        client: attempt.client,
        cancel: attempt.cancel,
        clock: attempt.clock,
        call: call.index(),
        started_ms: call.started_ms(),
        environment: OnceLock::new(),
    });
    let converter = &context.data_converter;
    match drive(invocation, input, &context).await {
        Ok(Ended::Returned(Ok(payload))) => {
            Ok(Executed::Ended(ActivityExecutionResult::ok(payload)))
        }
        Ok(Ended::Returned(Err(error))) => Ok(Executed::Ended(execution_result(converter, error))),
        Ok(Ended::Panicked(message)) if is_mock => Err(ActivityFault::MockPanicked {
            activity_type: context.info().activity_type.clone(),
            message,
        }),
        Ok(Ended::Panicked(message)) => {
            // The error the SDK makes of a panic.
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

/// How activity code ended.
enum Ended {
    Returned(Result<Payload, ActivityError>),
    /// What it panicked with.
    Panicked(String),
}

/// Polls activity code together with what surrounds it: the request to stop, and its heartbeats.
async fn drive(
    invocation: &Invocation,
    input: Vec<Payload>,
    context: &Arc<AttemptContext>,
) -> Result<Ended, HeartbeatError> {
    let call = async { invocation(input, context.clone()).await };
    let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
    let mut cancelled = pin!(context.cancel.cancelled().fuse());
    let mut result = None;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        if cancelled.as_mut().poll(cx).is_ready() {
            context.cancel_sdk_context();
        }
        if result.is_none() {
            let _entered = current::enter(context);
            if let Poll::Ready(ended) = call.as_mut().poll(cx) {
                result = Some(
                    ended.map_or_else(|panic| Ended::Panicked(words(&*panic)), Ended::Returned),
                );
            }
        }
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

/// What a panic was raised with, in the SDK's words if it is no text.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or(sdk_words::PANIC_WITHOUT_TEXT)
        .to_owned()
}

/// The result the SDK makes of an error (`temporalio-sdk`: `activity_error_to_core_result`).
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

/// Passes the result's payloads through the codec.
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
