//! The moments at which faults may strike: what a fault is told of each, and what it may make of
//! it.

use super::{Allowance, Pause};
use crate::label::{Label, Workflow};
use durasim_service::{Response, Rpc};
use temporalio_protos::temporal::api::failure::v1::Failure as FailureProto;
use tonic::Status;

/// How long a message is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delay {
    /// Virtual milliseconds.
    pub(crate) ms: u64,
    /// Other events that must happen first.
    pub(crate) events: u32,
}

impl std::ops::Add for Delay {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            ms: self.ms.saturating_add(other.ms),
            events: self.events.saturating_add(other.events),
        }
    }
}

/// Which way a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a client or a worker to the service.
    Request,
    /// From the service back.
    Reply,
}

/// What a fault is told of a message.
pub(crate) struct CallView<'a> {
    pub(crate) direction: Direction,
    pub(crate) label: Label,
    /// The RPC; `None` for a reply that is an error.
    pub(crate) rpc: Option<Rpc>,
    /// The task queue of the worker that sent or gets it; `None` for a client.
    pub(crate) worker: Option<&'a str>,
    /// What a reply says, unless it is an error.
    pub(crate) answer: Option<&'a Response>,
    /// What the activity of an activity task on its way can still lose.
    pub(crate) allowance: Option<Allowance>,
    /// Whether the Nexus operation that it is about has the time for the service to ask again.
    pub(crate) tolerates_repeat: bool,
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It arrives, this much later than it would have.
    Late(Delay),
    /// The caller is told this instead, and the service never hears of it.
    Refused(Status),
    /// The service handles it, and the caller is told this instead of the answer.
    AnswerLost(Status),
    /// It arrives, and so does the same asked again by its caller, this much later.
    Twice(Delay),
    /// It arrives after the next signal to this workflow, or after so many events.
    Overtaken {
        by_signal_to: Workflow,
        at_most_events: u32,
    },
}

/// What is known of a run's time, from its latest workflow task.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RunTimes {
    /// How long the task may take, from its start to its completion.
    pub(crate) task_timeout_ms: u64,
    /// From when on the run needs all the time it has left, if it has a timeout.
    pub(crate) needed_from_ms: Option<u64>,
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
    pub(crate) workflow: Workflow,
    pub(crate) task_queue: &'a str,
    /// The attempt of the task, from 1.
    pub(crate) attempt: i32,
    /// Whether it carries a query and nothing else.
    pub(crate) is_query: bool,
    /// Whether the worker keeps the run.
    pub(crate) is_cached: bool,
    /// Whether everything that would die with the worker can be tried again.
    pub(crate) tolerates_crash: bool,
    /// The version of the code that runs, and how many there are.
    pub(crate) version: usize,
    pub(crate) versions: &'a [String],
    /// What is known of the run's time, when the task arrives.
    pub(crate) times: Option<RunTimes>,
}

/// When an activity attempt may be struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptMoment {
    /// The worker has just got the task.
    Starts,
    /// The worker is about to send a heartbeat of it.
    Heartbeat,
    /// The code has run, and the result is not sent yet.
    Done,
}

/// An activity attempt that may be struck.
pub(crate) struct AttemptView<'a> {
    pub(crate) moment: AttemptMoment,
    pub(crate) label: Label,
    pub(crate) task_queue: &'a str,
    pub(crate) version: usize,
    pub(crate) attempt: u32,
    /// What its activity can still lose.
    pub(crate) allowance: Allowance,
    /// Whether it is done, and successfully.
    pub(crate) completed: bool,
    /// Whether everything else that would die with the worker can be tried again.
    pub(crate) tolerates_crash: bool,
}

/// What becomes of a worker process or of the workflow task it holds.
#[derive(Debug)]
pub(crate) enum TaskFate {
    /// The cached run is dropped.
    Evict,
    /// The process dies, and starts again after this time with this version of its code.
    Crash {
        restart_after_ms: u64,
        version: usize,
    },
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
    /// The worker process dies now.
    Crash {
        restart_after_ms: u64,
        version: usize,
    },
    /// The worker process dies when the code comes to its first await, or is done without one.
    CrashAtFirstAwait {
        restart_after_ms: u64,
        version: usize,
    },
    /// Its result is not sent.
    LoseReport,
    /// The heartbeat is not sent, nor any later one if so.
    LoseHeartbeat { and_later: bool },
}
