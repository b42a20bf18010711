//! One attempt of an activity, before it runs.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use temporalio_client::Client;
use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::activity_task::{self, ActivityTask, activity_task::Variant},
    temporal::api::{
        common::v1::{Priority, WorkflowExecution},
        workflowservice::v1::PollActivityTaskQueueResponse,
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    CallLog,
    callbacks::{AtHeartbeat, AtHeartbeatCallback, ClockCallback, HeartbeatCallback},
};
use crate::{LocalActivityTask, codec::default_converter};

static NOWHERE: LazyLock<HeartbeatCallback> = LazyLock::new(|| Arc::new(|_| ()));

static GOES_ON: LazyLock<AtHeartbeatCallback> = LazyLock::new(|| Arc::new(|| AtHeartbeat::GoOn));

/// One attempt of an activity, ready to run.
///
/// The public fields have defaults that suit a worker without a client, whose heartbeats go
/// nowhere.
pub struct ActivityAttempt {
    pub(super) start: activity_task::Start,
    pub(super) task_token: Vec<u8>,
    pub(super) task_queue: String,
    pub(super) clock: ClockCallback,
    /// The receiver of heartbeats, as payloads that have passed the codec.
    pub heartbeat: HeartbeatCallback,
    /// The callback that may stop the code at a heartbeat.
    pub at_heartbeat: AtHeartbeatCallback,
    /// The token whose cancellation asks the activity to stop. Activity code may take its time, or
    /// not listen.
    pub cancel: CancellationToken,
    /// The client that activity code gets from its context.
    pub client: Option<Client>,
    /// The converter between payloads and inputs, results, failures and heartbeat details.
    pub data_converter: DataConverter,
    /// The log that records the call.
    pub log: CallLog,
}

/// The origin of a local activity: what the worker of its workflow knows beside its task.
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
    /// The time of its first attempt's request, in milliseconds since the Unix epoch.
    pub requested_ms: u64,
}

impl ActivityAttempt {
    /// Returns the attempt that a poll of `task_queue` brought.
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

    /// Returns an attempt of a local activity, with the times and timeouts that Core gives it.
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
            priority: Some(Priority::default()),
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
            heartbeat: NOWHERE.clone(),
            at_heartbeat: GOES_ON.clone(),
            cancel: CancellationToken::new(),
            client: None,
            data_converter: default_converter(),
            log: CallLog::default(),
        }
    }

    /// Returns the activity type.
    pub fn activity_type(&self) -> &str {
        &self.start.activity_type
    }

    /// Returns the task queue of the attempt.
    pub fn task_queue(&self) -> &str {
        &self.task_queue
    }
}

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}
