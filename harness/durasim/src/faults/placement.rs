//! Faults placed by hand: the one schedule that a person fears, written down.

use super::{Delay, FaultKind, words::delay_words};
use crate::label::{AttemptMessage, Call, Label, Workflow};
use std::{fmt, time::Duration};
use temporalio_common::{ActivityDefinition, SignalDefinition, WorkflowDefinition};

/// The moments at which faults strike.
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
    /// The code of an attempt is at its first await.
    DuringActivity,
    /// The code of an attempt has run, and its result is not sent.
    AfterActivity,
}

impl Moment {
    /// How the moment ends the name of a point.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Message => "",
            Self::BeforeWorkflowTask => "before its workflow task",
            Self::AfterWorkflowTask => "after its workflow task",
            Self::BeforeActivity => "before",
            Self::DuringActivity => "during",
            Self::AfterActivity => "after",
        }
    }
}

#[derive(Clone, Debug)]
enum Place {
    Activity(String),
    Workflow(String),
    Signal(String),
    Named(String),
}

impl Place {
    fn is_at(&self, subject: Label) -> bool {
        match (self, subject) {
            (Self::Activity(name), Label::Attempt(_, activity))
            | (
                Self::Activity(name),
                Label::AttemptMessage(_, activity, AttemptMessage::Heartbeat),
            ) => activity.is(name),
            (Self::Workflow(name), _) => subject
                .workflow()
                .and_then(Workflow::workflow_type)
                .is_some_and(|workflow_type| workflow_type.is(name)),
            (Self::Signal(name), Label::Call(_, Call::Signal(signal))) => signal.is(name),
            (Self::Named(part), _) => subject.to_string().contains(part.as_str()),
            (Self::Activity(_) | Self::Signal(_), _) => false,
        }
    }
}

/// One fault at one place, for a test of one schedule.
///
/// It says which fault, where, at which occasion ([`nth`](Self::nth)), and for some faults how. It
/// strikes once, whatever retries are left, and in every world but the fault-free one. One that
/// never meets its place fails the test: the schedule that it was written for did not happen.
///
/// ```
/// use durasim::prelude::*;
/// # use temporalio_common::UntypedActivity;
/// # let charge = UntypedActivity::new("Payments::charge");
/// // The worker dies after the second charge ran, before the service hears of it.
/// let fault = Fault::worker_crash().after_activity(charge).nth(2);
/// assert_eq!(fault.to_string(), "worker_crash after activity Payments::charge, at the 2nd occasion");
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    kind: FaultKind,
    moment: Option<Moment>,
    places: Vec<Place>,
    attempt: Option<u32>,
    occurrence: u32,
    way: Option<u32>,
    delay: Option<Delay>,
    version: Option<String>,
}

macro_rules! constructors {
    ($($(#[$meta:meta])* $name:ident => $kind:ident;)*) => {
        impl Fault {
            $($(#[$meta])* pub fn $name() -> Self {
                Self::new(FaultKind::$kind)
            })*
        }
    };
}

constructors! {
    /// The worker process dies; by default before it completes a workflow task or at any other of
    /// its points, whichever comes first. Place it with
    /// [`before_workflow_task`](Self::before_workflow_task),
    /// [`after_workflow_task`](Self::after_workflow_task),
    /// [`during_activity`](Self::during_activity) or [`after_activity`](Self::after_activity).
    worker_crash => WorkerCrash;
    /// A cached run is dropped, so that its next workflow task replays from the first event.
    cache_eviction => CacheEviction;
    /// An attempt's completion never reaches the service; place it with
    /// [`of_activity`](Self::of_activity).
    activity_completion_lost => ActivityCompletionLost;
    /// An attempt stands still until its retry runs beside it; place it with
    /// [`before_activity`](Self::before_activity) or [`during_activity`](Self::during_activity).
    activity_overlap => ActivityOverlap;
    /// An attempt fails, retryably, before its code runs; place it with
    /// [`of_activity`](Self::of_activity).
    activity_failure => ActivityFailure;
    /// A heartbeat does not arrive, nor do the later ones of its attempt; place it with
    /// [`of_activity`](Self::of_activity).
    heartbeat_loss => HeartbeatLoss;
    /// A signal arrives late; place it with [`of_signal`](Self::of_signal), and say how late with
    /// [`by_events`](Self::by_events) or [`by`](Self::by).
    signal_delay => SignalDelay;
    /// A signal arrives after the next one to its workflow; place it with
    /// [`of_signal`](Self::of_signal).
    signal_reorder => SignalReorder;
    /// A signal arrives twice; place it with [`of_signal`](Self::of_signal).
    signal_duplicate => SignalDuplicate;
    /// A task, a completion or a query arrives late; place it with [`at`](Self::at).
    message_delay => MessageDelay;
    /// The worker is too slow to answer a workflow task.
    workflow_task_timeout => WorkflowTaskTimeout;
    /// The worker fails a workflow task, once.
    workflow_task_failure => WorkflowTaskFailure;
    /// A client's call is answered UNAVAILABLE; place it with [`of_signal`](Self::of_signal) or
    /// [`at`](Self::at), and say with [`after_effect`](Self::after_effect) that the service has
    /// done what was asked.
    client_unavailable => ClientUnavailable;
    /// The worker restarts with another version of the code, the next one unless
    /// [`to_version`](Self::to_version) names another.
    worker_deploy => WorkerDeploy;
    /// The answer of a Nexus handler is lost, and the service asks again; place it with
    /// [`at`](Self::at), such as `.at("nexus Accounts.charge")`.
    nexus_answer_lost => NexusAnswerLost;
}

impl Fault {
    /// This kind of fault, at its first point.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            moment: None,
            places: Vec::new(),
            attempt: None,
            occurrence: 1,
            way: None,
            delay: None,
            version: None,
        }
    }

    fn during(mut self, moment: Moment) -> Self {
        self.moment = Some(moment);
        self
    }

    fn place(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// Before a workflow task completes.
    #[must_use]
    pub fn before_workflow_task(self) -> Self {
        self.during(Moment::BeforeWorkflowTask)
    }

    /// After the service recorded the completion of a workflow task.
    #[must_use]
    pub fn after_workflow_task(self) -> Self {
        self.during(Moment::AfterWorkflowTask)
    }

    /// Before the code of an attempt of this activity runs.
    #[must_use]
    pub fn before_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.during(Moment::BeforeActivity).of_activity(activity)
    }

    /// At the first await of an attempt of this activity.
    #[must_use]
    pub fn during_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.during(Moment::DuringActivity).of_activity(activity)
    }

    /// After an attempt of this activity ran, before its result is sent.
    #[must_use]
    pub fn after_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.during(Moment::AfterActivity).of_activity(activity)
    }

    /// Only where this activity is concerned.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "markers are named where they are needed, as the SDK has it"
    )]
    pub fn of_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.place(Place::Activity(activity.name().to_owned()))
    }

    /// Only where a workflow of this type is concerned.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "markers are named where they are needed, as the SDK has it"
    )]
    pub fn of_workflow<WD: WorkflowDefinition>(self, workflow: WD) -> Self {
        self.place(Place::Workflow(workflow.name().to_owned()))
    }

    /// Only where this signal is concerned.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "markers are named where they are needed, as the SDK has it"
    )]
    pub fn of_signal<SD: SignalDefinition>(self, signal: SD) -> Self {
        self.place(Place::Signal(signal.name().to_owned()))
    }

    /// Only where the name of the point contains this: a workflow in order of appearance
    /// (`PaymentWorkflow#2`), a message to one (`query status`, `update add`, `start`), a task
    /// queue.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.place(Place::Named(place.into()))
    }

    /// Only in this attempt of an activity, counted from 1.
    #[must_use]
    pub fn in_attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// Not at the first such occasion but at the nth, counted from 1.
    #[must_use]
    pub fn nth(mut self, occurrence: u32) -> Self {
        self.occurrence = occurrence.max(1);
        self
    }

    /// Late by so many other events, however far the clock jumps meanwhile.
    #[must_use]
    pub fn by_events(mut self, events: u32) -> Self {
        self.delay.get_or_insert_default().events = events;
        self
    }

    /// Late by this much virtual time.
    #[must_use]
    pub fn by(mut self, duration: Duration) -> Self {
        self.delay.get_or_insert_default().ms =
            u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Of a call of a client: the service has done what was asked, and only the answer is
    /// UNAVAILABLE.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.way = Some(super::client_unavailable::AFTER_EFFECT);
        self
    }

    /// Of a deployment: to this version of the code, be it an earlier one that is rolled back to.
    #[must_use]
    pub fn to_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    pub(crate) fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Where a fault of this kind can be placed, in words that follow "it strikes".
    pub(crate) fn places(&self) -> &'static str {
        match self.kind {
            FaultKind::WorkerCrash => {
                "before or after a workflow task, and during or after an activity"
            }
            FaultKind::CacheEviction => "before a workflow task of a run that the worker keeps",
            FaultKind::ActivityCompletionLost => "after an activity that completes",
            FaultKind::ActivityOverlap => "before or during an activity whose attempts time out",
            FaultKind::ActivityFailure => "before an activity",
            FaultKind::HeartbeatLoss => "during an activity that sends heartbeats",
            FaultKind::SignalDelay | FaultKind::SignalReorder | FaultKind::SignalDuplicate => {
                "where a client sends a signal"
            }
            FaultKind::MessageDelay => {
                "where a task goes to a worker or is completed, and where a client starts, queries, updates or ends a \
                 workflow"
            }
            FaultKind::WorkflowTaskTimeout => "before a workflow task completes",
            FaultKind::WorkflowTaskFailure => "before the first attempt of a workflow task",
            FaultKind::ClientUnavailable => "where a client calls the service",
            FaultKind::WorkerDeploy => {
                "before or after a workflow task, if the worker has a later version of its code, or the one that is named"
            }
            FaultKind::NexusAnswerLost => "where a Nexus handler answers",
        }
    }

    pub(crate) fn is_placed_at(
        &self,
        moment: Moment,
        subject: Label,
        attempt: Option<u32>,
    ) -> bool {
        self.moment.is_none_or(|wanted| wanted == moment)
            && self.attempt.is_none_or(|wanted| attempt == Some(wanted))
            && self.places.iter().all(|place| place.is_at(subject))
    }

    pub(crate) fn occurrence(&self) -> u32 {
        self.occurrence
    }

    pub(crate) fn way(&self) -> Option<u32> {
        self.way
    }

    pub(crate) fn delay(&self) -> Option<Delay> {
        self.delay
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.moment {
            None | Some(Moment::Message) => {}
            Some(Moment::BeforeWorkflowTask) => f.write_str(" before a workflow task completes")?,
            Some(Moment::AfterWorkflowTask) => f.write_str(" after a workflow task")?,
            Some(moment) => write!(f, " {}", moment.suffix())?,
        }
        for place in &self.places {
            match place {
                Place::Activity(name) if self.moment.is_some() => write!(f, " activity {name}")?,
                Place::Activity(name) => write!(f, " of activity {name}")?,
                Place::Workflow(name) => write!(f, " of workflow {name}")?,
                Place::Signal(name) => write!(f, " of signal {name}")?,
                Place::Named(part) => write!(f, " at `{part}`")?,
            }
        }
        if let Some(attempt) = self.attempt {
            write!(f, ", attempt {attempt}")?;
        }
        if self.way == Some(super::client_unavailable::AFTER_EFFECT)
            && self.kind == FaultKind::ClientUnavailable
        {
            f.write_str(" after it took effect")?;
        }
        if let Some(delay) = self.delay {
            write!(f, " {}", delay_words(delay))?;
        }
        if let Some(version) = &self.version {
            write!(f, " to version {version}")?;
        }
        match self.occurrence {
            1 => Ok(()),
            2 => f.write_str(", at the 2nd occasion"),
            3 => f.write_str(", at the 3rd occasion"),
            nth => write!(f, ", at the {nth}th occasion"),
        }
    }
}

#[cfg(test)]
mod tests;
