//! The moments at which faults may be injected: the facts that a fault learns at each, and the
//! fates that it may choose.

use std::cell::Cell;

use durasim_service::{Response, Rpc};
use temporalio_protos::temporal::api::failure::v1::Failure as FailureProto;
use tonic::Status;

use super::Allowance;
use crate::label::{Delivery, Label, Workflow};

/// A moment at which a fault may be injected, as a test names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A message is sent.
    Message,
    /// A worker has a workflow task, and has not completed it.
    BeforeWorkflowTask,
    /// The service has recorded the completion of a workflow task.
    AfterWorkflowTask,
    /// A worker has an activity task, and its code has not begun.
    BeforeActivity,
    /// The code of an attempt runs: it comes to its first await, or sends a heartbeat.
    DuringActivity,
    /// The code of an attempt comes to one of its later awaits.
    AtAwait,
    /// The code of an attempt records a heartbeat.
    AtHeartbeat,
    /// The code of an attempt has run, and its result is not sent.
    AfterActivity,
}

impl Moment {
    /// Returns the end of the key of a point at this moment.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Message => "",
            Self::BeforeWorkflowTask => "before its workflow task",
            Self::AfterWorkflowTask => "after its workflow task",
            Self::BeforeActivity => "before",
            Self::DuringActivity => "during",
            Self::AtAwait => "at await",
            Self::AtHeartbeat => "at heartbeat",
            Self::AfterActivity => "after",
        }
    }
}

/// A kind of place inside the code of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The code is suspended until something wakes it.
    Await,
    /// The code records a heartbeat.
    Heartbeat,
}

/// Places inside the code of one attempt: the steps of one kind with these numbers, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) step: Step,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Steps {
    /// The nth await.
    pub(crate) const fn nth_await(number: u32) -> Self {
        Self {
            step: Step::Await,
            first: number,
            last: number,
        }
    }

    /// The nth heartbeat that the code records.
    pub(crate) const fn heartbeat(number: u32) -> Self {
        Self {
            step: Step::Heartbeat,
            first: number,
            last: number,
        }
    }

    pub(super) fn contain(self, (step, number): (Step, u32)) -> bool {
        self.step == step && (self.first..=self.last).contains(&number)
    }
}

/// The delay of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delay {
    /// Virtual milliseconds.
    pub(crate) ms: u64,
    /// The number of other events that must happen first.
    pub(crate) events: u32,
}

impl Delay {
    /// A delay by time alone.
    pub(crate) const fn by_ms(ms: u64) -> Self {
        Self { ms, events: 0 }
    }

    /// A delay by events alone.
    pub(crate) const fn by_events(events: u32) -> Self {
        Self { ms: 0, events }
    }
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

/// The time that the official client and Core wait for the answer to a call, in virtual
/// milliseconds, unless a caller says otherwise.
///
/// Source: `temporalio-client: src/lib.rs` (`OTHER_CALL_TIMEOUT`). A call that ends with
/// DEADLINE_EXCEEDED is not made again: `src/retry.rs` (`RETRYABLE_ERROR_CODES`).
pub(crate) const CALL_TIMEOUT_MS: u64 = 30_000;

/// The time that the answer to a call is left to arrive in, in virtual milliseconds.
const ANSWER_MS: u64 = 1_000;

/// The longest time that a message of such a call waits for events, in virtual milliseconds.
pub(crate) const HOLD_MS: u64 = longest_hold_ms(CALL_TIMEOUT_MS);

/// Returns the longest time that a message may wait without costing its caller the answer, in
/// virtual milliseconds.
pub(crate) const fn longest_hold_ms(timeout_ms: u64) -> u64 {
    timeout_ms.saturating_sub(ANSWER_MS)
}

/// The longest time that a drawn fault holds a delivery between workflows, in virtual milliseconds.
pub(crate) const LATE_DELIVERY_MS: u64 = 20_000;

/// The direction in which a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a client or a worker to the service.
    Request,
    /// From the service back.
    Reply,
}

/// A message that is about to be sent.
pub(crate) struct CallView<'a> {
    pub(crate) direction: Direction,
    pub(crate) label: Label,
    /// The RPC; `None` for a reply that is an error.
    pub(crate) rpc: Option<Rpc>,
    /// The task queue of the worker at the other end; `None` for a client.
    pub(crate) worker: Option<&'a str>,
    /// The response that a reply carries, unless it carries an error.
    pub(crate) answer: Option<&'a Response>,
    /// The allowance of the activity, if the message brings a worker an activity task.
    pub(crate) allowance: Option<Allowance>,
    /// True if the message may be sent a second time by itself: its Nexus operation has the time
    /// for the service to ask again, or the run that a client's call is about is still the current
    /// one when the client asks again.
    pub(crate) tolerates_repeat: bool,
    /// True if everything tolerates that the service refuses all calls for a moment.
    pub(crate) tolerates_outage: &'a Lazily<'a>,
    /// The time that the caller waits for the answer, in virtual milliseconds.
    pub(crate) timeout_ms: u64,
    /// The time for which the caller has waited, in virtual milliseconds.
    pub(crate) waited_ms: u64,
}

impl CallView<'_> {
    /// Returns `true` if a client is sending a signal, alone or with a start.
    pub(super) fn is_signal(&self) -> bool {
        self.direction == Direction::Request
            && self.worker.is_none()
            && matches!(
                self.rpc,
                Some(Rpc::SignalWorkflowExecution | Rpc::SignalWithStartWorkflowExecution)
            )
    }
}

/// A delivery from one workflow to another that has just come up.
#[derive(Clone, Copy)]
pub(crate) struct DeliveryView {
    pub(crate) delivery: Delivery,
    /// True if both workflows have the time for the delivery to be late.
    pub(crate) tolerates_delay: bool,
    /// True if the sender hears of the outcome, and the receiver knows the delivery when it is made
    /// again.
    pub(crate) is_answered: bool,
    /// True if the receiver's run is still the current one when the delivery is made again.
    pub(crate) tolerates_repeat: bool,
}

/// The fate of a delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DeliveryFate {
    /// It is made, later than it would have been by this delay.
    Late(Delay),
    /// It is made, and the sender, which does not hear of the outcome, makes it again.
    AnswerLost,
}

/// The fate of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It arrives, later than it would have by this delay.
    Late(Delay),
    /// Its caller gets this error, and the service never hears of it.
    Refused(Status),
    /// The service handles it, and its caller gets this error in place of the answer.
    AnswerLost(Status),
    /// The service refuses it, and every other call for a while.
    Outage(Outage),
    /// It arrives, and so does a copy that its caller makes, later than it by this delay.
    Twice(Delay),
    /// It arrives after the next signal to this workflow, or after so many events.
    Overtaken {
        by_signal_to: Workflow,
        at_most_events: u32,
    },
}

/// The service's default timeout of a workflow task, in virtual milliseconds
/// (`temporalio/temporal: common/primitives`).
pub(crate) const DEFAULT_TASK_TIMEOUT_MS: u64 = 10_000;

/// The times of a run, as its latest workflow task shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RunTimes {
    /// The time that a task may take, from its start to its completion.
    pub(crate) task_timeout_ms: u64,
    /// The time from which the run needs all that is left of its timeout, if it has a timeout.
    pub(crate) needed_from_ms: Option<u64>,
}

impl RunTimes {
    /// Returns `true` if the run can lose a workflow task now, which then times out and is done
    /// again, and still close in time.
    pub(crate) fn tolerate_lost_task(&self, now_ms: u64) -> bool {
        let lost_ms = self.task_timeout_ms.saturating_mul(2).saturating_add(5_000);
        self.needed_from_ms
            .is_none_or(|from_ms| now_ms.saturating_add(lost_ms) < from_ms)
    }
}

/// A condition that takes a look at much of a world: it is decided once, when it is asked for.
pub(crate) struct Lazily<'a> {
    decide: &'a dyn Fn() -> bool,
    answer: Cell<Option<bool>>,
}

impl<'a> Lazily<'a> {
    pub(crate) fn new(decide: &'a dyn Fn() -> bool) -> Self {
        Self {
            decide,
            answer: Cell::new(None),
        }
    }

    pub(super) fn holds(&self) -> bool {
        let answer = self.answer.get().unwrap_or_else(|| (self.decide)());
        self.answer.set(Some(answer));
        answer
    }
}

/// A moment in the life of a workflow task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskMoment {
    /// The worker has just got it.
    Arrives,
    /// The workflow code has run, and the response is not sent yet.
    Done,
    /// The service has recorded the response.
    Recorded,
}

/// A workflow task at one of its moments.
pub(crate) struct TaskView<'a> {
    pub(crate) moment: TaskMoment,
    pub(crate) workflow: Workflow,
    pub(crate) task_queue: &'a str,
    /// The attempt of the task, from 1.
    pub(crate) attempt: i32,
    /// True if the task carries a query and nothing else.
    pub(crate) is_query: bool,
    /// True if the worker keeps the run.
    pub(crate) is_cached: bool,
    /// True if everything that would die with the worker can be tried again.
    pub(crate) tolerates_crash: &'a Lazily<'a>,
    /// True if the process is shutting down.
    pub(crate) shuts_down: bool,
    /// The version of the code that runs.
    pub(crate) version: usize,
    pub(crate) versions: &'a [String],
    /// The times of the run, when the task arrives.
    pub(crate) times: Option<RunTimes>,
}

/// A moment in the life of an activity attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptMoment {
    /// The worker has just got the task.
    Starts,
    /// The code has come to its nth await.
    Await(u32),
    /// The code records its nth heartbeat.
    Heartbeat(u32),
    /// The worker is about to send a heartbeat: it tells of those that the code recorded from the
    /// `first` to the `last`.
    HeartbeatSent { first: u32, last: u32 },
    /// The code has run, and the result is not sent yet.
    Done,
}

/// An activity attempt at one of its moments.
pub(crate) struct AttemptView<'a> {
    pub(crate) moment: AttemptMoment,
    pub(crate) label: Label,
    pub(crate) task_queue: &'a str,
    /// True if the process is shutting down.
    pub(crate) shuts_down: bool,
    pub(crate) version: usize,
    pub(crate) attempt: u32,
    /// The losses that its activity still tolerates.
    pub(crate) allowance: Allowance,
    /// The time of the last heartbeat that the service hears of if the code stands still from now
    /// on.
    pub(crate) last_heartbeat_ms: Option<u64>,
    /// True if the attempt is done, and succeeded.
    pub(crate) completed: bool,
    /// True if everything else that would die with the worker can be tried again.
    pub(crate) tolerates_crash: &'a Lazily<'a>,
}

/// A partition: a worker process lives on, cut off from the service for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    /// Virtual milliseconds.
    pub(crate) ms: u64,
    /// True if the partition ends as soon as something would not be tolerated any more, such as the
    /// loss of the last attempt of an activity.
    pub(crate) ends_early: bool,
}

/// A shutdown: a worker process is told to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shutdown {
    /// The time after which whatever still runs dies, in virtual milliseconds.
    pub(crate) lasts_ms: u64,
    /// True if no attempt is taken that its activity cannot do without.
    pub(crate) spares: bool,
}

/// The fate of a worker process, or of the workflow task that it holds.
#[derive(Debug)]
pub(crate) enum TaskFate {
    /// The cached run is dropped.
    Evict,
    /// The process dies, and starts again after this time with this version of its code.
    Crash {
        restart_after_ms: u64,
        version: usize,
    },
    /// The process is told to stop.
    ShutDown(Shutdown),
    /// The process is cut off from the service.
    CutOff(Partition),
    /// The worker fails the workflow task, once.
    Fail,
    /// The response is late by this delay.
    Late(Delay),
}

/// The fate of an activity attempt, or of the process that runs it.
#[derive(Debug)]
pub(crate) enum AttemptFate {
    /// The attempt fails now, and its code goes no further.
    Fail(Box<FailureProto>),
    /// Every attempt of the activity fails, from this one on.
    ForGood(ForGood),
    /// The code stands still for so many virtual milliseconds.
    Pause { ms: u64 },
    /// The worker process dies now.
    Crash {
        restart_after_ms: u64,
        version: usize,
    },
    /// As `Crash`, before the heartbeat that the code records is sent.
    CrashBeforeHeartbeat {
        restart_after_ms: u64,
        version: usize,
    },
    /// This happens when the code comes to its first await, or is done without one.
    AtFirstAwait(Box<AttemptFate>),
    /// The worker process is told to stop.
    ShutDown(Shutdown),
    /// The worker process is cut off from the service.
    CutOff(Partition),
    /// The result is not sent.
    LoseReport,
    /// The heartbeat is not sent; nor is any later one, if `and_later`.
    LoseHeartbeat { and_later: bool },
}

/// The way in which every attempt of an activity fails, so that it fails for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForGood {
    /// The attempt fails before its code runs.
    Fails,
    /// The code runs, and its completion is not sent.
    ReportLost,
}

/// An outage: the service refuses every call for a while.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    /// Virtual milliseconds.
    pub(crate) ms: u64,
    /// The answer to each call.
    pub(crate) status: Status,
    /// True if a person placed it: then it spares nobody.
    pub(crate) by_hand: bool,
}
