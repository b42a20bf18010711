//! What can go wrong in a world, one file each.
//!
//! A fault is a choice that leaves 0. The world asks at fixed moments (a message is sent, a
//! workflow task arrives or is done, an activity attempt starts or is done); each fault that is
//! switched on may answer. Adding a fault is one new file and one line in [`CATALOGUE`].

mod activity_completion_lost;
mod activity_failure;
mod activity_overlap;
mod allowance;
mod cache_eviction;
mod client_unavailable;
mod heartbeat_loss;
mod latency;
mod message_delay;
mod moments;
mod nexus_answer_lost;
mod odds;
mod pause;
mod placement;
mod profile;
mod signal_delay;
mod signal_duplicate;
mod signal_reorder;
mod strike;
mod usual;
mod words;
mod worker_crash;
mod worker_deploy;
mod workflow_task_failure;
mod workflow_task_timeout;

use std::fmt;

pub(crate) use allowance::{Allowance, instant_ms, limit_ms};
pub(crate) use latency::{Latency, ordering_words};
pub(crate) use moments::{
    AttemptFate, AttemptMoment, AttemptView, CallView, Delay, Direction, Fate, RunTimes, TaskFate,
    TaskMoment, TaskView,
};
pub(crate) use pause::{Pause, first_await};
pub use placement::Fault;
#[cfg(test)]
pub(crate) use placement::Moment;
pub use profile::FaultProfile;
pub(crate) use strike::{Chance, Faults, Strike, Struck};
pub(crate) use usual::Usual;

/// Every fault, in the order in which they are asked: the first that strikes has the moment.
pub(crate) const CATALOGUE: &[&dyn FaultRule] = &[
    &worker_deploy::WorkerDeploy,
    &worker_crash::WorkerCrash,
    &cache_eviction::CacheEviction,
    &workflow_task_failure::WorkflowTaskFailure,
    &workflow_task_timeout::WorkflowTaskTimeout,
    &activity_failure::ActivityFailure,
    &activity_overlap::ActivityOverlap,
    &activity_completion_lost::ActivityCompletionLost,
    &heartbeat_loss::HeartbeatLoss,
    &client_unavailable::ClientUnavailable,
    &nexus_answer_lost::NexusAnswerLost,
    &signal_duplicate::SignalDuplicate,
    &signal_reorder::SignalReorder,
    &signal_delay::SignalDelay,
    &message_delay::MessageDelay,
];

/// What the sites of all faults begin with, and no other site does.
const SITES: &str = "fault.";

/// Whether a choice at this site is a fault, and not one of order or latency.
pub(crate) fn is_fault_site(site: &str) -> bool {
    site.starts_with(SITES)
}

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
    /// A Nexus handler did what it was asked for, and the service, which never hears of it, asks
    /// again.
    NexusAnswerLost,
}

impl FaultKind {
    /// Every fault.
    pub const ALL: [Self; 15] = [
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
        Self::NexusAnswerLost,
    ];

    /// Its name, as in `worker_crash`.
    pub fn name(self) -> &'static str {
        let site = self.site();
        site.strip_prefix(SITES).unwrap_or(site)
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
            Self::NexusAnswerLost => "fault.nexus_answer_lost",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One fault: asked at every moment that concerns it, it answers when it strikes.
///
/// A fault asks [`Strike`] whether it does; that is where odds, budget, placement and the tape come
/// in.
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
