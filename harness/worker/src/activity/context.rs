//! The context of an attempt, as activity code sees it.
//!
//! For tests, the SDK makes an [`ActivityContext`] only in a run of its `ActivityEnvironment`. Many
//! attempts must share one instance of the user's type, so the environment does not run the user's
//! activity, but a small one whose result is the context itself.

use std::{
    any::Any,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures::{FutureExt, future::BoxFuture};
use temporalio_client::Client;
use temporalio_common::{
    ActivityDefinition, ActivityError,
    data_converters::{
        DataConverter, DecodablePayloads, ErasedSerdePayloadConverter, PayloadConversionError,
        PayloadConverter, RawValue, SerializationContextData, TemporalDeserializable,
        TemporalSerializable,
    },
};
use temporalio_protos::{
    coresdk::activity_task, temporal::api::common::v1::Payload, utilities::TryIntoOrNone,
};
use temporalio_sdk::{
    activities::{
        ActivityContext, ActivityDefinitions, ActivityImplementer, ActivityInfo, ExecutableActivity,
    },
    testing::{ActivityEnvironment, TestActivityInfoOptions},
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::ActivityAttempt,
    callbacks::{AtHeartbeat, AtHeartbeatCallback, ClockCallback},
    current,
    heartbeat::{DetailTypes, Heartbeats},
    log::OpenCall,
    payloads::ACTIVITY_CONTEXT,
};

/// One attempt as activity code sees it.
pub(super) struct AttemptContext {
    /// The number of the attempt, from 1.
    pub(super) number: u32,
    pub(super) is_local: bool,
    heartbeat_details: Vec<Payload>,
    pub(super) data_converter: DataConverter,
    pub(super) cancel: CancellationToken,
    pub(super) heartbeats: Heartbeats,
    at_heartbeat: AtHeartbeatCallback,
    /// True once the host has stopped the code at a heartbeat.
    stopped: AtomicBool,
    pub(super) clock: ClockCallback,
    /// The index of the attempt in its log.
    pub(super) call: usize,
    /// The start of the attempt, in milliseconds since the Unix epoch.
    pub(super) started_ms: u64,
    /// The environment behind the SDK's context. It has a cancellation token of its own.
    environment: Box<ActivityEnvironment>,
    /// The SDK's context, for those who only read it.
    sdk: OnceLock<Box<ActivityContext>>,
}

impl AttemptContext {
    /// Returns the context of an attempt whose payloads have passed the codec.
    pub(super) fn new(attempt: ActivityAttempt, types: DetailTypes, call: &OpenCall) -> Arc<Self> {
        let ActivityAttempt {
            start,
            task_token,
            task_queue,
            clock,
            heartbeat,
            at_heartbeat,
            cancel,
            client,
            data_converter,
            ..
        } = attempt;
        let (number, is_local) = (start.attempt, start.is_local);
        let heartbeat_details = start.heartbeat_details.clone();
        let heartbeats = Heartbeats::new(types, data_converter.clone(), heartbeat);
        Arc::new_cyclic(|context: &Weak<Self>| {
            let context = context.clone();
            // Nobody waits for the heartbeats of an attempt that has ended.
            let record = move |details: Box<dyn Any>| {
                if let Some(context) = context.upgrade() {
                    context.record(|heartbeats| heartbeats.record_erased(&*details));
                }
            };
            let converter = data_converter.payload_converter();
            let environment = environment(start, task_token, task_queue, converter, client, record);
            Self {
                number,
                is_local,
                heartbeat_details,
                data_converter,
                cancel,
                heartbeats,
                at_heartbeat,
                stopped: AtomicBool::new(false),
                clock,
                call: call.index(),
                started_ms: call.started_ms(),
                environment,
                sdk: OnceLock::new(),
            }
        })
    }

    /// Returns the info of the attempt.
    pub(super) fn info(&self) -> &ActivityInfo {
        self.sdk().info()
    }

    /// Returns the SDK's context of this attempt, to read.
    pub(super) fn sdk(&self) -> &ActivityContext {
        self.sdk.get_or_init(|| self.hand_out())
    }

    /// Returns the SDK's context of this attempt, for activity code.
    pub(super) fn hand_out(&self) -> Box<ActivityContext> {
        if self.cancel.is_cancelled() {
            self.cancel_sdk_context();
        }
        let handed_out = self.environment.run(HandOut, ()).now_or_never();
        let Some(Ok(HandedOut(context))) = handed_out else {
            unreachable!("the activity that hands its context out neither waits nor fails")
        };
        context
    }

    /// Records a heartbeat, unless the host stops the code before it.
    pub(super) fn record(self: &Arc<Self>, record: impl FnOnce(&Heartbeats)) {
        let at_heartbeat = (self.at_heartbeat)();
        if at_heartbeat != AtHeartbeat::StopBefore {
            record(&self.heartbeats);
        }
        let is_inside = current::is_current(self);
        if at_heartbeat != AtHeartbeat::GoOn {
            self.stopped.store(true, Ordering::Relaxed);
            // The SDK records a heartbeat in the middle of a poll, so only unwinding leads out of
            // the code at that very place; a heartbeat of another task stops the code at its next
            // await. Without the panic hook: nothing went wrong.
            if is_inside && !std::thread::panicking() {
                std::panic::resume_unwind(Box::new(Stopped));
            }
        }
        // The poll that is under way delivers its heartbeats itself.
        if !is_inside {
            self.heartbeats.wake();
        }
    }

    /// Returns `true` once the host has stopped the code.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Cancels the SDK's context.
    pub(super) fn cancel_sdk_context(&self) {
        self.environment.cancel();
    }

    /// Returns the details of the last heartbeat of earlier attempts, still encoded; `None` if
    /// there was none.
    pub(super) fn heartbeat_details(&self) -> Option<DecodablePayloads> {
        (!self.heartbeat_details.is_empty()).then(|| {
            DecodablePayloads::new(
                self.heartbeat_details.clone(),
                self.data_converter.payload_converter().clone(),
                ACTIVITY_CONTEXT.clone(),
            )
        })
    }
}

/// The payload of the unwinding that stops code at a heartbeat.
struct Stopped;

/// Returns the environment of an attempt, whose heartbeats go to the closure.
fn environment(
    mut start: activity_task::Start,
    task_token: Vec<u8>,
    task_queue: String,
    converter: &PayloadConverter,
    client: Option<Client>,
    record: impl Fn(Box<dyn Any>) + Send + Sync + 'static,
) -> Box<ActivityEnvironment> {
    let details = std::mem::take(&mut start.heartbeat_details);
    let headers = std::mem::take(&mut start.header_fields);
    let builder = ActivityEnvironment::builder();
    let builder = match converter {
        // A pure serde converter encodes every value, also a payload: for the first value, it
        // has to return the payload itself.
        PayloadConverter::Serde(inner) if !details.is_empty() => {
            let converter = Verbatim {
                inner: inner.clone(),
                payload: Mutex::new(details.into_iter().next()),
            };
            builder
                .payload_converter(PayloadConverter::Serde(Arc::new(converter)))
                .heartbeat_details(0_u8)
        }
        converter if details.is_empty() => Ok(builder.payload_converter(converter.clone())),
        converter => builder
            .payload_converter(converter.clone())
            .heartbeat_details(RawValue::new(details)),
    };
    let builder = builder
        .expect("payloads become heartbeat details as they are")
        .on_heartbeat(record)
        .headers(headers)
        .maybe_client(client)
        .info(activity_info(start, task_token, task_queue));
    Box::new(builder.build())
}

/// A converter that returns the given payload, unchanged, for the first value that it encodes.
struct Verbatim {
    inner: Arc<dyn ErasedSerdePayloadConverter>,
    payload: Mutex<Option<Payload>>,
}

impl ErasedSerdePayloadConverter for Verbatim {
    fn to_payload(
        &self,
        context: &SerializationContextData,
        value: &dyn erased_serde::Serialize,
    ) -> Result<Payload, PayloadConversionError> {
        match self
            .payload
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(payload) => Ok(payload),
            None => self.inner.to_payload(context, value),
        }
    }

    fn from_payload(
        &self,
        context: &SerializationContextData,
        payload: Payload,
    ) -> Result<Box<dyn erased_serde::Deserializer<'static>>, PayloadConversionError> {
        self.inner.from_payload(context, payload)
    }
}

/// Returns the info that the SDK makes of a task (`temporalio-sdk`: `activities.rs`).
fn activity_info(
    start: activity_task::Start,
    task_token: Vec<u8>,
    task_queue: String,
) -> ActivityInfo {
    let deadline = deadline(&start);
    let (workflow_id, workflow_run_id) = start
        .workflow_execution
        .map(|execution| (execution.workflow_id, execution.run_id))
        .unzip();
    let activity_run_id =
        (workflow_id.is_none() && !start.run_id.is_empty()).then_some(start.run_id);
    let mut info = BLANK.clone();
    info.task_token = task_token;
    info.task_queue = task_queue;
    info.workflow_type = Some(start.workflow_type).filter(|name| !name.is_empty());
    info.namespace = start.workflow_namespace;
    info.workflow_id = workflow_id;
    info.workflow_run_id = workflow_run_id;
    info.activity_id = start.activity_id;
    info.activity_type = start.activity_type;
    info.heartbeat_timeout = start.heartbeat_timeout.try_into_or_none();
    info.scheduled_time = start.scheduled_time.try_into_or_none();
    info.started_time = start.started_time.try_into_or_none();
    info.deadline = deadline;
    info.attempt = start.attempt;
    info.current_attempt_scheduled_time = start.current_attempt_scheduled_time.try_into_or_none();
    info.retry_policy = start.retry_policy.map(Into::into);
    info.is_local = start.is_local;
    info.priority = start.priority.map(Into::into).unwrap_or_default();
    info.activity_run_id = activity_run_id;
    info
}

/// An info without content, to be filled in. Only the SDK's builder makes one, and it moves the
/// whole info at each of its steps.
static BLANK: LazyLock<ActivityInfo> = LazyLock::new(|| {
    TestActivityInfoOptions::builder()
        .task_token(Vec::new())
        .workflow_type(None)
        .namespace("")
        .workflow_id(None)
        .workflow_run_id(None)
        .activity_id("")
        .activity_type("")
        .task_queue("")
        .scheduled_time(None)
        .started_time(None)
        .deadline(None)
        .current_attempt_scheduled_time(None)
        .build()
});

/// Returns the earlier of the two deadlines, by the SDK's rule: there is none unless both times and
/// both timeouts are known, and a schedule-to-close timeout of zero is no deadline.
fn deadline(start: &activity_task::Start) -> Option<SystemTime> {
    let scheduled: SystemTime = start.scheduled_time?.try_into().ok()?;
    let started: SystemTime = start.started_time?.try_into().ok()?;
    let start_to_close: Duration = start.start_to_close_timeout?.try_into().ok()?;
    let schedule_to_close: Duration = start.schedule_to_close_timeout?.try_into().ok()?;
    let by_start = started.checked_add(start_to_close)?;
    if schedule_to_close.is_zero() {
        return Some(by_start);
    }
    Some(by_start.min(scheduled.checked_add(schedule_to_close)?))
}

/// An activity that returns its context.
struct HandOut;

/// The result of [`HandOut`], which never becomes a payload. The context is large, and passes
/// through many hands.
struct HandedOut(Box<ActivityContext>);

impl TemporalSerializable for HandedOut {}
impl TemporalDeserializable for HandedOut {}

impl ActivityDefinition for HandOut {
    type Input = ();
    type Output = HandedOut;

    fn name(&self) -> &'static str {
        "durasim.hand_out"
    }
}

impl ActivityImplementer for HandOut {
    fn register_all(self: Arc<Self>, _: &mut ActivityDefinitions) {}
}

impl ExecutableActivity for HandOut {
    type Implementer = Self;
    const REQUIRES_INSTANCE: bool = false;

    fn definition() -> Self {
        Self
    }

    fn execute(
        _: Option<Arc<Self>>,
        context: ActivityContext,
        (): (),
    ) -> BoxFuture<'static, Result<HandedOut, ActivityError>> {
        futures::future::ready(Ok(HandedOut(Box::new(context)))).boxed()
    }
}
