//! The attempts whose code runs in a worker process, of activities and of local activities.

use std::collections::{BTreeMap, VecDeque};

use durasim_engine::TaskId;
use durasim_worker::activity::{HeartbeatThrottle, LocalActivities, LocalActivityId};
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;
use tokio_util::sync::CancellationToken;

use crate::{
    faults::{Allowance, AttemptFate, limit_ms},
    label::{AttemptMessage, Label, Name, Workflow, Workflows},
    world::alarms::AlarmKey,
};

/// An activity attempt whose code runs.
pub(in crate::world) struct RunningAttempt {
    pub(super) task: TaskId,
    pub(super) subject: Subject,
    pub(super) cancel: CancellationToken,
    pub(super) heartbeat: Heartbeat,
    /// The faults that the activity can still tolerate.
    pub(in crate::world) allowance: Allowance,
    /// The reason for which the worker asked the code to stop; it asks once.
    pub(super) cancelled: Option<CancelReason>,
    pub(super) local_timeout: LocalTimeout,
    /// True if the activity is given up at some time, however often it fails.
    pub(super) bounded: bool,
    /// True if its completion is not to be sent.
    pub(super) report_lost: bool,
}

impl RunningAttempt {
    /// Returns the type of its activity.
    pub(in crate::world) fn activity_type(&self) -> Name {
        self.subject.activity
    }
}

/// The reason for which a worker asks the code of an attempt to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelReason {
    /// The service asks for it.
    Requested,
    /// The process is shutting down, and its grace period is over. An attempt that stops then is
    /// reported as failed.
    WorkerShutdown,
    /// The service does not know the attempt any more, or will not by now. Whatever becomes of the
    /// attempt is not reported.
    NotFound,
}

/// The time that Core waits for the service to time an attempt out before Core does so itself, in
/// virtual milliseconds.
///
/// Source: `temporalio-sdk-core: src/worker/mod.rs`, `local_timeout_buffer_for_activities`.
const BUFFER_MS: u64 = 5_000;

/// The clock by which a worker gives up on an attempt whose timeouts have passed, so that code that
/// sends no heartbeats is asked to stop too.
///
/// Start-to-close counts from the attempt's arrival, the heartbeat timeout from the last answer to
/// a heartbeat; the others do not count. (`temporalio-sdk-core: src/worker/activities.rs`,
/// `ActivityLocalTimers`)
pub(super) struct LocalTimeout {
    closes_ms: Option<u64>,
    heartbeat_ms: Option<u64>,
    /// The alarm that is set.
    pub(super) alarm: Option<AlarmKey>,
}

impl LocalTimeout {
    /// Returns the clock of the attempt of a task that arrives now.
    pub(super) fn new(task: &PollActivityTaskQueueResponse, now_ms: u64) -> Self {
        let buffered = |timeout_ms: u64| timeout_ms.saturating_add(BUFFER_MS);
        let start_to_close_ms = limit_ms(task.start_to_close_timeout.as_ref()).map(buffered);
        Self {
            closes_ms: start_to_close_ms.map(|ms| now_ms.saturating_add(ms)),
            heartbeat_ms: limit_ms(task.heartbeat_timeout.as_ref()).map(buffered),
            alarm: None,
        }
    }

    /// Returns the time at which the worker gives up on the attempt if it hears of no heartbeat
    /// after `heard_ms`.
    pub(super) fn due_ms(&self, heard_ms: u64) -> Option<u64> {
        let silent_ms = self.heartbeat_ms.map(|ms| heard_ms.saturating_add(ms));
        [self.closes_ms, silent_ms].into_iter().flatten().min()
    }

    /// Returns `true` if heartbeats matter.
    pub(super) fn has_heartbeats(&self) -> bool {
        self.heartbeat_ms.is_some()
    }
}

/// The heartbeats of one attempt.
pub(super) struct Heartbeat {
    pub(super) throttle: HeartbeatThrottle,
    /// The number of heartbeats that the code has recorded; counted if faults may happen.
    pub(super) recorded: u32,
    /// The number of those that the throttle has got.
    pub(super) throttled: u32,
    /// The number of those of which the service was told, or would have been told.
    pub(super) told: u32,
    /// True once a fault has taken all heartbeats from here on.
    pub(super) lost: bool,
    /// The fate of the attempt, which its code met at a heartbeat.
    pub(super) fate: Option<AttemptFate>,
}

impl Heartbeat {
    pub(super) fn new(task: &PollActivityTaskQueueResponse) -> Self {
        Self {
            throttle: HeartbeatThrottle::new(task),
            recorded: 0,
            throttled: 0,
            told: 0,
            lost: false,
            fate: None,
        }
    }
}

/// An attempt as choices, traces and reports name it.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) workflow: Workflow,
    pub(super) activity: Name,
    /// The number of the attempt, from 1.
    pub(super) number: u32,
}

impl Subject {
    /// Returns the attempt of a task. A standalone activity has the name of its type in the place
    /// of a workflow's.
    pub(super) fn of(task: &PollActivityTaskQueueResponse, names: &mut Workflows) -> Self {
        let activity_type = task.activity_type.as_ref().map_or("", |t| t.name.as_str());
        let workflow_type = task.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        let workflow = if let Some(execution) = &task.workflow_execution {
            names.appears(&execution.workflow_id, workflow_type)
        } else {
            let name = format!("standalone activity {}", task.activity_id);
            names.appears(&name, activity_type)
        };
        Self {
            workflow,
            activity: Name::new(activity_type),
            number: u32::try_from(task.attempt).unwrap_or(1),
        }
    }

    pub(super) fn label(self) -> Label {
        Label::Attempt(self.workflow, self.activity)
    }

    pub(super) fn message(self, message: AttemptMessage) -> Label {
        Label::AttemptMessage(self.workflow, self.activity, message)
    }
}

/// The local activities of one process.
#[derive(Default)]
pub(super) struct LocalAttempts {
    pub(super) clocks: LocalActivities,
    /// The attempts whose code runs and counts for something, by request.
    pub(super) running: BTreeMap<u64, RunningLocal>,
    /// The local activities that wait for a free slot.
    pub(super) waiting: VecDeque<LocalActivityId>,
}

/// An attempt of a local activity whose code runs.
pub(super) struct RunningLocal {
    pub(super) task: TaskId,
    pub(super) cancel: CancellationToken,
}

impl LocalAttempts {
    /// Returns `true` if no attempt runs or waits for a slot.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Returns the tasks of the attempts that run.
    pub(super) fn into_tasks(self) -> impl Iterator<Item = TaskId> {
        self.running.into_values().map(|running| running.task)
    }
}
