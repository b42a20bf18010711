//! The attempts whose code runs in a worker process, of activities and of local activities.

use std::collections::BTreeMap;

use durasim_engine::TaskId;
use durasim_worker::activity::{HeartbeatThrottle, LocalActivities};
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;
use tokio_util::sync::CancellationToken;

use crate::{
    faults::{Allowance, AttemptFate},
    label::{AttemptMessage, Label, Name, Workflow},
};

/// An activity attempt whose code runs.
pub(in crate::world) struct RunningAttempt {
    pub(super) task: TaskId,
    pub(super) subject: Subject,
    pub(super) cancel: CancellationToken,
    pub(super) heartbeat: Heartbeat,
    /// The faults that the activity can still tolerate.
    pub(in crate::world) allowance: Allowance,
    /// True if the activity is given up at some time, however often it fails.
    pub(super) bounded: bool,
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
}

/// An attempt of a local activity whose code runs.
pub(super) struct RunningLocal {
    pub(super) task: TaskId,
    pub(super) cancel: CancellationToken,
}

impl LocalAttempts {
    /// Returns the tasks of the attempts that run.
    pub(super) fn into_tasks(self) -> impl Iterator<Item = TaskId> {
        self.running.into_values().map(|running| running.task)
    }
}
