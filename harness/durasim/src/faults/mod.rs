//! What can go wrong in a world, one file each.
//!
//! A fault is a choice that leaves 0. The world asks at fixed moments (a message is sent, a workflow task arrives
//! or is done, an activity attempt starts or is done); each fault that is switched on may answer. Adding a fault is
//! one new file and one line in [`CATALOGUE`].

mod pause;
mod odds;
mod placement;
mod profile;
mod strike;

use crate::world::{CallView, Delay, Fate};
use std::fmt;
use temporalio_protos::temporal::api::{
    failure::v1::Failure as FailureProto, workflowservice::v1::PollActivityTaskQueueResponse,
};

pub(crate) use pause::Pause;
pub use placement::Fault;
pub use profile::FaultProfile;
pub(crate) use strike::{Faults, Strike};

/// Every fault, in the order in which they are asked.
pub(crate) const CATALOGUE: &[&dyn FaultRule] = &[];

/// The faults by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The worker process dies: its cache, running activities and unsent responses are lost.
    WorkerCrash,
    /// A cached run is dropped, so that the next workflow task replays from the first event.
    CacheEviction,
    /// The activity ran, its effect stands, and the service never hears of it.
    ActivityCompletionLost,
    /// The service gives up on an attempt whose code still runs; the retry runs beside it.
    ActivityOverlap,
    /// An attempt fails, retryably, before its effect.
    ActivityFailure,
    /// Heartbeats do not arrive.
    HeartbeatLoss,
    /// A signal arrives late.
    SignalDelay,
    /// A signal arrives after those sent later.
    SignalReorder,
    /// A signal arrives twice, as when a caller retries. Off unless asked for.
    SignalDuplicate,
    /// A task, a completion or a query arrives late.
    MessageDelay,
    /// The worker is too slow to answer a workflow task.
    WorkflowTaskTimeout,
    /// The worker fails a workflow task, once.
    WorkflowTaskFailure,
    /// An RPC of a client answers UNAVAILABLE, before or after it took effect.
    ClientUnavailable,
    /// The pool restarts with another version of the code.
    WorkerDeploy,
}

impl FaultKind {
    /// Every fault.
    pub const ALL: [Self; 14] = [
        Self::WorkerCrash,
        Self::CacheEviction,
        Self::ActivityCompletionLost,
        Self::ActivityOverlap,
        Self::ActivityFailure,
        Self::HeartbeatLoss,
        Self::SignalDelay,
        Self::SignalReorder,
        Self::SignalDuplicate,
        Self::MessageDelay,
        Self::WorkflowTaskTimeout,
        Self::WorkflowTaskFailure,
        Self::ClientUnavailable,
        Self::WorkerDeploy,
    ];

    /// Its name, as in `worker_crash`.
    pub fn name(self) -> &'static str {
        match self {
            Self::WorkerCrash => "worker_crash",
            Self::CacheEviction => "cache_eviction",
            Self::ActivityCompletionLost => "activity_completion_lost",
            Self::ActivityOverlap => "activity_overlap",
            Self::ActivityFailure => "activity_failure",
            Self::HeartbeatLoss => "heartbeat_loss",
            Self::SignalDelay => "signal_delay",
            Self::SignalReorder => "signal_reorder",
            Self::SignalDuplicate => "signal_duplicate",
            Self::MessageDelay => "message_delay",
            Self::WorkflowTaskTimeout => "workflow_task_timeout",
            Self::WorkflowTaskFailure => "workflow_task_failure",
            Self::ClientUnavailable => "client_unavailable",
            Self::WorkerDeploy => "worker_deploy",
        }
    }

    /// The site of its choices, as in `fault.worker_crash`.
    pub(crate) fn site(self) -> &'static str {
        match self {
            Self::WorkerCrash => "fault.worker_crash",
            Self::CacheEviction => "fault.cache_eviction",
            Self::ActivityCompletionLost => "fault.activity_completion_lost",
            Self::ActivityOverlap => "fault.activity_overlap",
            Self::ActivityFailure => "fault.activity_failure",
            Self::HeartbeatLoss => "fault.heartbeat_loss",
            Self::SignalDelay => "fault.signal_delay",
            Self::SignalReorder => "fault.signal_reorder",
            Self::SignalDuplicate => "fault.signal_duplicate",
            Self::MessageDelay => "fault.message_delay",
            Self::WorkflowTaskTimeout => "fault.workflow_task_timeout",
            Self::WorkflowTaskFailure => "fault.workflow_task_failure",
            Self::ClientUnavailable => "fault.client_unavailable",
            Self::WorkerDeploy => "fault.worker_deploy",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When a workflow task may be struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskMoment {
    /// The worker has just got it.
    Arrives,
    /// The workflow code has run, and the response is not sent yet.
    Done,
    /// The service has recorded the response.
    Recorded,
}

/// A workflow task that may be struck.
pub(crate) struct TaskView<'a> {
    pub(crate) moment: TaskMoment,
    /// `PaymentWorkflow#1`.
    pub(crate) workflow: &'a str,
    pub(crate) task_queue: &'a str,
    /// The version of the code that runs, and how many there are.
    pub(crate) version: usize,
    pub(crate) versions: &'a [String],
}

/// When an activity attempt may be struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptMoment {
    /// The worker has just got the task.
    Starts,
    /// The code has run, and the result is not sent yet.
    Done,
}

/// An activity attempt that may be struck.
pub(crate) struct AttemptView<'a> {
    pub(crate) moment: AttemptMoment,
    /// `PaymentWorkflow#1/Payments::charge`.
    pub(crate) label: &'a str,
    pub(crate) task_queue: &'a str,
    pub(crate) version: usize,
    /// The task, when the attempt starts.
    pub(crate) task: Option<&'a PollActivityTaskQueueResponse>,
    pub(crate) attempt: u32,
}

/// What becomes of a worker process or of the workflow task it holds.
#[derive(Debug)]
pub(crate) enum TaskFate {
    /// The cached run is dropped.
    Evict,
    /// The process dies, and starts again after this time with this version of its code.
    Crash { restart_after_ms: u64, version: usize },
    /// The workflow task fails, once.
    Fail,
    /// The response is this late.
    Late(Delay),
}

/// What becomes of an activity attempt.
#[derive(Debug)]
pub(crate) enum AttemptFate {
    /// It fails before its code runs.
    Fail(Box<FailureProto>),
    /// Its code stands still for a while.
    Pause(Pause),
    /// The worker process dies.
    Crash { restart_after_ms: u64, version: usize },
}

/// One fault: asked at every moment that concerns it, it answers when it strikes.
///
/// A fault asks [`Strike`] whether it does; that is where odds, budget, placement and the tape come in.
pub(crate) trait FaultRule: Sync {
    /// Which fault this is.
    fn kind(&self) -> FaultKind;

    /// A message is about to be sent.
    fn message(&self, _strike: &mut Strike<'_>, _message: &CallView<'_>) -> Option<Fate> {
        None
    }

    /// A workflow task is at one of its moments.
    fn task(&self, _strike: &mut Strike<'_>, _task: &TaskView<'_>) -> Option<TaskFate> {
        None
    }

    /// An activity attempt is at one of its moments.
    fn attempt(&self, _strike: &mut Strike<'_>, _attempt: &AttemptView<'_>) -> Option<AttemptFate> {
        None
    }
}
