//! Faults placed by hand: the one schedule that a person fears, written down.

use std::{fmt, time::Duration};

use temporalio_common::{ActivityDefinition, SignalDefinition, WorkflowDefinition};

use super::{
    catalogue::{FaultKind, constructors},
    moments::{Delay, Moment, Step, Steps},
    rule::{AFTER_EFFECT, Opportunity},
    times::milliseconds,
    words::{delay_words, ordinal, step_words},
};
use crate::label::{Action, AttemptMessage, Call, Delivery, Label, Workflow};

/// The way of an outage in which the service answers RESOURCE_EXHAUSTED.
const RESOURCE_EXHAUSTED: u32 = 2;

#[derive(Clone, Debug)]
enum Place {
    /// An activity type.
    Activity(String),
    /// A workflow type.
    Workflow(String),
    /// The name of a signal.
    Signal(String),
    /// A part of the subject's name.
    Named(String),
}

impl Place {
    /// Returns `true` if the subject of a fault is at this place.
    fn is_at(&self, subject: Label) -> bool {
        match (self, subject) {
            (
                Self::Activity(name),
                Label::Attempt(_, activity)
                | Label::AttemptMessage(_, activity, AttemptMessage::Heartbeat),
            ) => activity.is(name),
            (Self::Workflow(name), _) => subject
                .workflow()
                .and_then(Workflow::workflow_type)
                .is_some_and(|workflow_type| workflow_type.is(name)),
            (
                Self::Signal(name),
                Label::Call(_, Call::Signal(signal))
                | Label::Delivery(Delivery {
                    action: Action::Signal(signal),
                    ..
                }),
            ) => signal.is(name),
            (Self::Named(part), _) => subject.to_string().contains(part.as_str()),
            (Self::Activity(_) | Self::Signal(_), _) => false,
        }
    }
}

/// A fault at one place, for a test of one schedule.
///
/// A constructor chooses the kind of fault. The methods say where the fault happens, at which
/// occasion ([`nth`](Self::nth)), and how, for some kinds. The fault happens once in every world
/// but the fault-free one, whatever retries are left. If a world never comes to the fault's place,
/// the test fails: the schedule for which it was written did not happen.
///
/// ```
/// use durasim::prelude::*;
/// # use temporalio_common::UntypedActivity;
/// # let charge = UntypedActivity::new("Payments::charge");
/// // The worker dies after the second charge ran, before the service hears of it.
/// let fault = Fault::worker_crash().after_activity(charge).nth(2);
/// assert_eq!(
///     fault.to_string(),
///     "worker_crash after activity Payments::charge, at the 2nd occasion"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    kind: FaultKind,
    moment: Option<Moment>,
    places: Vec<Place>,
    attempt: Option<u32>,
    /// The place inside the attempt's code: a kind of step, and its number.
    step: Option<(Step, u32)>,
    occurrence: u32,
    way: Option<u32>,
    delay: Option<Delay>,
    version: Option<String>,
}

impl Fault {
    constructors!(Self::new);

    /// A fault of this kind, at its first point.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            moment: None,
            places: Vec::new(),
            attempt: None,
            step: None,
            occurrence: 1,
            way: None,
            delay: None,
            version: None,
        }
    }

    #[track_caller]
    fn during(mut self, moment: Moment) -> Self {
        self.moment = Some(moment);
        match self.step {
            Some((step, number)) => self.inside(step, number),
            None => self,
        }
    }

    /// Places the fault inside the code of an attempt.
    #[track_caller]
    fn inside(mut self, step: Step, number: u32) -> Self {
        let kind = self.kind;
        let (words, number) = (step_words(step, number.max(1)), number.max(1));
        assert!(
            kind.rule().steps().contains(&step),
            "{kind} cannot happen at the {words} of an attempt; it happens {}",
            self.places()
        );
        assert!(
            self.moment.is_none_or(|it| it == Moment::DuringActivity),
            "{kind} cannot happen at the {words} of an attempt and {} the activity; \
             place it with `.during_activity(..)`",
            self.moment.map_or("", Moment::suffix),
        );
        self.step = Some((step, number));
        self
    }

    fn place(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// Places the fault before a workflow task completes.
    #[must_use]
    #[track_caller]
    pub fn before_workflow_task(self) -> Self {
        self.during(Moment::BeforeWorkflowTask)
    }

    /// Places the fault after the service has recorded the completion of a workflow task.
    #[must_use]
    #[track_caller]
    pub fn after_workflow_task(self) -> Self {
        self.during(Moment::AfterWorkflowTask)
    }

    /// Places the fault before the code of an attempt of this activity runs.
    #[must_use]
    #[track_caller]
    pub fn before_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.during(Moment::BeforeActivity).of_activity(activity)
    }

    /// Places the fault at the first await of an attempt of this activity, or where
    /// [`at_await`](Self::at_await) and [`at_heartbeat`](Self::at_heartbeat) say.
    #[must_use]
    #[track_caller]
    pub fn during_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.during(Moment::DuringActivity).of_activity(activity)
    }

    /// Places the fault after an attempt of this activity has run, before its result is sent.
    #[must_use]
    #[track_caller]
    pub fn after_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.during(Moment::AfterActivity).of_activity(activity)
    }

    /// Places the fault where this activity is concerned.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "markers are named where they are needed, as the SDK has it"
    )]
    pub fn of_activity<AD: ActivityDefinition>(self, activity: AD) -> Self {
        self.place(Place::Activity(activity.name().to_owned()))
    }

    /// Places the fault where a workflow of this type is concerned.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "markers are named where they are needed, as the SDK has it"
    )]
    pub fn of_workflow<WD: WorkflowDefinition>(self, workflow: WD) -> Self {
        self.place(Place::Workflow(workflow.name().to_owned()))
    }

    /// Places the fault where this signal is concerned.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "markers are named where they are needed, as the SDK has it"
    )]
    pub fn of_signal<SD: SignalDefinition>(self, signal: SD) -> Self {
        self.place(Place::Signal(signal.name().to_owned()))
    }

    /// Places the fault where the name of its subject contains this text: a workflow in order of
    /// appearance (`PaymentWorkflow#2`), a message to a workflow (`query status`, `update add`,
    /// `start`), or a task queue.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.place(Place::Named(place.into()))
    }

    /// Places the fault in this attempt of an activity, counted from 1.
    #[must_use]
    pub fn in_attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// Places the fault at the nth await of an attempt, counted from 1: where its code is suspended
    /// for the nth time.
    ///
    /// ```
    /// use durasim::prelude::*;
    /// # use temporalio_common::UntypedActivity;
    /// # let import = UntypedActivity::new("Files::import");
    /// let fault = Fault::worker_crash().during_activity(import).at_await(2);
    /// assert_eq!(
    ///     fault.to_string(),
    ///     "worker_crash during activity Files::import, at its 2nd await"
    /// );
    /// ```
    ///
    /// # Panics
    ///
    /// If a fault of this kind never happens there, or has another place.
    #[must_use]
    #[track_caller]
    pub fn at_await(self, number: u32) -> Self {
        self.inside(Step::Await, number)
    }

    /// Places the fault at the nth heartbeat of an attempt, counted from 1.
    ///
    /// Heartbeats count as the code of the attempt records them. The worker does not send all of
    /// them: like Core, it holds the latest back for four fifths of the heartbeat timeout after
    /// each that it sent. The next attempt gets the details that reached the service.
    ///
    /// A worker that crashes at a heartbeat dies just after the worker has sent it, or held it
    /// back; with `heartbeat_loss`, the heartbeat that would have told the service does not arrive.
    ///
    /// # Panics
    ///
    /// If a fault of this kind never happens there, or has another place.
    #[must_use]
    #[track_caller]
    pub fn at_heartbeat(self, number: u32) -> Self {
        self.inside(Step::Heartbeat, number)
    }

    /// Places the fault at the nth such occasion of the world, counted from 1, in place of the
    /// first; or at the next one, if another fault of this kind strikes there.
    #[must_use]
    pub fn nth(mut self, occurrence: u32) -> Self {
        self.occurrence = occurrence.max(1);
        self
    }

    /// Makes a delay last until so many other events have happened: for up to 30 seconds, or as
    /// long as the caller waits for its answer.
    #[must_use]
    pub fn by_events(mut self, events: u32) -> Self {
        self.delay.get_or_insert_default().events = events;
        self
    }

    /// Makes a delay, or the absence or the shutdown of a worker, last for this much virtual time.
    ///
    /// No call lasts longer than its caller waits, 30 seconds unless the caller says otherwise. A
    /// client's call that is held for longer arrives at its caller's deadline, and the caller gets
    /// DEADLINE_EXCEEDED.
    #[must_use]
    pub fn by(mut self, duration: Duration) -> Self {
        self.delay.get_or_insert_default().ms = milliseconds(duration);
        self
    }

    /// Lets what fails take effect: of a client's call, only the answer of the service is replaced
    /// by UNAVAILABLE; of an activity whose retries run out, the code of each attempt runs.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.way = Some(AFTER_EFFECT);
        self
    }

    /// Makes the service answer RESOURCE_EXHAUSTED in an outage, in place of UNAVAILABLE.
    #[must_use]
    pub fn resource_exhausted(mut self) -> Self {
        self.way = Some(RESOURCE_EXHAUSTED);
        self
    }

    /// Chooses the version of the code that is deployed, which may be an earlier one: a rollback.
    #[must_use]
    pub fn to_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    pub(crate) fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Returns the places at which a fault of this kind happens, in words that follow "it happens".
    pub(crate) fn places(&self) -> &'static str {
        self.kind.rule().places()
    }

    /// Returns `true` if the fault is placed at this opportunity. A place inside the code of an
    /// attempt has to be named; without a number it is the first await.
    pub(crate) fn is_placed_at(&self, opportunity: &Opportunity<'_>) -> bool {
        let moment = opportunity.moment;
        let is_inside = matches!(moment, Moment::AtAwait | Moment::AtHeartbeat);
        let is_moment = match (self.step, self.moment.or_else(|| self.kind.rule().moment())) {
            (Some(wanted), _) => opportunity.steps.is_some_and(|steps| steps.contain(wanted)),
            (None, Some(Moment::DuringActivity)) if moment == Moment::AtAwait => {
                opportunity.steps == Some(Steps::nth_await(1))
            }
            (None, Some(wanted)) => wanted == moment,
            (None, None) => !is_inside,
        };
        is_moment
            && self
                .attempt
                .is_none_or(|wanted| opportunity.attempt == Some(wanted))
            && self
                .places
                .iter()
                .all(|place| place.is_at(opportunity.subject))
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
        if let Some((step, number)) = self.step {
            write!(f, ", at its {}", step_words(step, number))?;
        }
        match (self.kind, self.way) {
            (FaultKind::ServiceOutage, Some(RESOURCE_EXHAUSTED)) => {
                f.write_str(" with RESOURCE_EXHAUSTED")?;
            }
            (_, Some(AFTER_EFFECT)) => f.write_str(" after it took effect")?,
            _ => {}
        }
        if let Some(delay) = self.delay {
            write!(f, " {}", delay_words(delay))?;
        }
        if let Some(version) = &self.version {
            write!(f, " to version {version}")?;
        }
        match self.occurrence {
            1 => Ok(()),
            nth => write!(f, ", at the {} occasion", ordinal(nth)),
        }
    }
}

#[cfg(test)]
mod tests;
