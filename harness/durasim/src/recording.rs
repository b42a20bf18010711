//! The recording of a world that somebody wants to see: its messages, processes, tasks and
//! attempts, each with its moments and its cause.
//!
//! A world is recorded only where a view is asked for. The recording draws nothing and changes
//! nothing: a world that is recorded has the same trace as one that is not.

use std::collections::BTreeMap;

use durasim_service::{DeliveryId, RequestId};
use temporalio_protos::temporal::api::enums::v1::CommandType;

/// A moment of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    /// The virtual time, in milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    /// The number of moments that were recorded by then.
    pub(crate) order: u64,
}

/// A process: the place of its worker among the workers, and the number of its start, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessId {
    pub(crate) worker: usize,
    pub(crate) start: u32,
}

/// The thing that others follow from: its place in the list of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Message(usize),
    Task(usize),
    Attempt(usize),
}

/// The end of a message: somebody who sends or gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// A task of the test, by its name.
    Client(String),
    Service,
    /// A worker's process, by the place of its life in the list.
    Process(usize),
    /// A workflow, by its id.
    Workflow(String),
}

/// The effect of a fault on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Touch {
    #[default]
    None,
    Held,
    /// The service, or what stands in for it, refuses the message before it arrives.
    Refused,
    /// The answer of the service is lost.
    Lost,
    /// The message is a copy that a fault has made.
    Copy,
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct MessageSeen {
    pub(crate) from: Party,
    pub(crate) to: Party,
    /// The label in words.
    pub(crate) label: String,
    /// True for an answer.
    pub(crate) is_reply: bool,
    pub(crate) sent: Instant,
    pub(crate) arrived: Option<Instant>,
    pub(crate) touch: Touch,
    /// The status with which the call ended, if it failed.
    pub(crate) status: Option<String>,
    pub(crate) cause: Option<Cause>,
}

/// The life of a worker's process.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) at: ProcessId,
    pub(crate) task_queue: String,
    /// The name of the version of its code; empty if there is only one.
    pub(crate) version: String,
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
    /// The end in words: `dies`.
    pub(crate) how: String,
}

/// A workflow task in a process.
#[derive(Clone, Debug)]
pub(crate) struct TaskSeen {
    pub(crate) process: usize,
    pub(crate) run_id: String,
    pub(crate) label: String,
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
    /// The message of its failure.
    pub(crate) failed: Option<String>,
    pub(crate) commands: Vec<CommandType>,
    /// The backtrace of the code that issued each of its commands, as far as it is known.
    pub(crate) issued_at: Vec<Option<String>>,
    pub(crate) cause: Option<Cause>,
}

/// An attempt of an activity in a process. The log of calls knows its input and its outcome.
#[derive(Clone, Debug)]
pub(crate) struct AttemptSeen {
    pub(crate) process: usize,
    pub(crate) label: String,
    pub(crate) run_id: String,
    pub(crate) activity_id: String,
    pub(crate) attempt: u32,
    pub(crate) is_local: bool,
    /// The failure of an attempt whose code never ran.
    pub(crate) failed: Option<String>,
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
    pub(crate) cause: Option<Cause>,
}

/// A fault that happened.
#[derive(Clone, Debug)]
pub(crate) struct FaultSeen {
    /// The number of its entry on the tape.
    pub(crate) entry: usize,
    pub(crate) at: Instant,
    /// The thing that it happened to.
    pub(crate) about: Option<Cause>,
    /// The process that it happened to.
    pub(crate) process: Option<usize>,
}

/// A remark about a process, or about the service.
#[derive(Clone, Debug)]
pub(crate) struct Remark {
    pub(crate) at: Instant,
    pub(crate) process: Option<usize>,
    pub(crate) words: String,
}

/// The moments at which the events of a run were written, and their cause beside history's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) events: Vec<(Instant, Option<Cause>)>,
}

/// The recording of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    pub(crate) messages: Vec<MessageSeen>,
    pub(crate) lives: Vec<Life>,
    pub(crate) tasks: Vec<TaskSeen>,
    pub(crate) attempts: Vec<AttemptSeen>,
    pub(crate) faults: Vec<FaultSeen>,
    pub(crate) remarks: Vec<Remark>,
    /// The events of each run, in the order in which the runs started.
    pub(crate) written: Vec<Written>,
    /// The number of moments so far.
    moments: u64,
    /// The thing that happens now.
    pub(crate) now: Option<Cause>,
    /// The moment at which the thing that happens now began.
    pub(crate) since: Instant,
    /// The number of choices that were looked at for faults.
    pub(crate) choices: usize,
    pub(crate) requests: BTreeMap<RequestId, usize>,
    pub(crate) replies: BTreeMap<RequestId, usize>,
    pub(crate) deliveries: BTreeMap<DeliveryId, usize>,
    /// The last answer to each task of the test.
    pub(crate) answered: BTreeMap<String, usize>,
}

impl Recording {
    /// Returns the next moment.
    pub(crate) fn next(&mut self, at_ms: u64) -> Instant {
        self.moments += 1;
        Instant {
            at_ms,
            order: self.moments,
        }
    }

    /// Returns the life of a process: its place in the list.
    pub(crate) fn life(&self, at: ProcessId) -> Option<usize> {
        self.lives.iter().rposition(|life| life.at == at)
    }

    /// Adds a message. Returns its place.
    pub(crate) fn send(&mut self, message: MessageSeen) -> usize {
        self.messages.push(message);
        self.messages.len() - 1
    }

    /// Notes that a message has arrived, if it is one: what happens from now on is its effect.
    pub(crate) fn arrives(&mut self, message: Option<usize>, now: Instant) {
        if let Some(message) = message {
            self.messages[message].arrived = Some(now);
        }
        self.now = message.map(Cause::Message);
        self.since = now;
    }

    /// Ends the newest workflow task of a run in a process that has not ended.
    pub(crate) fn end_task(&mut self, at: ProcessId, run_id: &str, ended: Instant) {
        let Some(process) = self.life(at) else { return };
        let task =
            self.tasks.iter_mut().rev().find(|task| {
                task.process == process && task.run_id == run_id && task.ended.is_none()
            });
        if let Some(task) = task {
            task.ended = Some(ended);
        }
    }

    /// Returns the newest workflow task of a run in a process.
    pub(crate) fn task(&mut self, at: ProcessId, run_id: &str) -> Option<(usize, &mut TaskSeen)> {
        let process = self.life(at)?;
        let mut tasks = self.tasks.iter_mut().enumerate().rev();
        tasks.find(|(_, task)| task.process == process && task.run_id == run_id)
    }

    /// Ends everything that runs in a process, and its life.
    pub(crate) fn end_life(&mut self, at: ProcessId, how: &str, ended: Instant) {
        let Some(process) = self.life(at) else { return };
        for task in self.tasks.iter_mut().filter(|it| it.process == process) {
            task.ended.get_or_insert(ended);
        }
        for attempt in self.attempts.iter_mut().filter(|it| it.process == process) {
            attempt.ended.get_or_insert(ended);
        }
        let life = &mut self.lives[process];
        life.ended = Some(ended);
        how.clone_into(&mut life.how);
    }
}
