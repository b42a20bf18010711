//! The rule of a fault: when it may be injected, and what it does then.

use std::rc::Rc;

use super::moments::{
    AttemptFate, AttemptView, CallView, DEFAULT_TASK_TIMEOUT_MS, Delay, DeliveryFate, DeliveryView,
    Fate, Lazily, Moment, RunTimes, Step, Steps, TaskFate, TaskView, longest_hold_ms,
};
use crate::label::{Label, Workflow};

/// One fault. The world asks it at every moment that concerns it; it answers with what it does
/// there, or not at all.
///
/// A rule leaves the decision to the [`Injector`]: odds, budget, placement and the tape are no
/// business of its own.
pub(crate) trait FaultRule: Sync {
    /// Returns the probability that the fault is injected at one of its points, unless a profile
    /// says otherwise.
    ///
    /// It is chosen so that a run of a few dozen points meets one to three faults of the kinds that
    /// are on.
    fn odds(&self) -> f64;

    /// Returns the family of the fault; `None` if the fault is off unless a test asks for it.
    fn family(&self) -> Option<Family>;

    /// Returns how telling a plan is whose one fault is this one, at this moment.
    fn telling(&self, moment: Moment) -> Telling;

    /// Returns `true` if a sound workflow may close otherwise than without the fault.
    fn changes_outcome(&self) -> bool {
        false
    }

    /// Returns the places at which the fault happens, in words that follow "it happens".
    fn places(&self) -> &'static str;

    /// Returns the remedy for code that goes wrong under the fault.
    fn cure(&self) -> &'static str;

    /// Returns the steps of an attempt's code at which the fault happens.
    fn steps(&self) -> &'static [Step] {
        &[]
    }

    /// Returns the moment of a fault that a person places without one; `None` if it is the first
    /// that comes.
    fn moment(&self) -> Option<Moment> {
        None
    }

    /// Decides the fate of a message that is about to be sent.
    fn message(&self, _injector: &mut dyn Injector, _message: &CallView<'_>) -> Option<Fate> {
        None
    }

    /// Decides the fate of a delivery from one workflow to another.
    fn delivery(
        &self,
        _injector: &mut dyn Injector,
        _delivery: &DeliveryView,
    ) -> Option<DeliveryFate> {
        None
    }

    /// Decides the fate of a worker process at one of the moments of a workflow task.
    fn task(&self, _injector: &mut dyn Injector, _task: &TaskView<'_>) -> Option<TaskFate> {
        None
    }

    /// Decides the fate of an activity attempt at one of its moments.
    fn attempt(
        &self,
        _injector: &mut dyn Injector,
        _attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        None
    }
}

/// Declares the rule of a fault. Its documentation is that of the fault's [`FaultKind`] and of its
/// constructor, so that it reads well in both places and names items by their whole path.
macro_rules! fault {
    ($(#[doc = $doc:literal])+ $kind:ident) => {
        $(#[doc = $doc])+
        pub(crate) struct $kind;

        macro_rules! docs {
            () => {
                concat!($($doc, "\n"),+)
            };
        }
        pub(crate) use docs;
    };
}
pub(super) use fault;

/// The number of steps of an attempt that are all points of faults; of later ones, every power of
/// two is. A fault that is placed by hand happens at any step.
const ALL_STEPS: u32 = 16;

/// The way of a fault that leaves an effect behind, where one without effect is the other way.
pub(super) const AFTER_EFFECT: u32 = 2;

/// The number from which on steps of an attempt have the same rank.
const MAX_STEP_RANK: u32 = 999;

/// A group of faults that a profile switches on together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Worker processes die, shut down, are cut off, lose their caches, and fail or miss workflow
    /// tasks.
    Crashes,
    /// Activities fail, run twice, and lose heartbeats.
    Activities,
    /// Messages arrive late or out of order, or are lost.
    Messages,
}

/// The order in which a search tries the plans of one fault: those first that show flaws which
/// nothing else shows, and which seeds rarely meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Telling {
    /// An activity fails for good. Code for that runs in no other world, and only those who fear
    /// for it switch the fault on.
    ForGood,
    /// Two attempts run side by side. Nothing else shows code that checks first and acts later, and
    /// no such code was written in fear of it.
    SideBySide,
    /// Something was done, and nobody knows: it is done again.
    DoneAgain,
    /// Messages come in another order, or meet other code. Only the workflow's own logic helps.
    OtherOrder,
    /// Something fails, and nothing of it was done, or it knows how far it came.
    Failure,
    /// A run is rebuilt from its history. Every replay at the end of a world does that too.
    Rebuild,
    /// Something is late, and all else is as it was.
    Late,
}

/// The decision whether a fault is injected, and what a rule may know to ask for it.
pub(crate) trait Injector {
    /// Returns the virtual time, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Returns the times of a run, if a workflow task of the run has arrived.
    fn run_times(&self, workflow: Workflow) -> Option<RunTimes>;

    /// Decides whether the fault is injected at this opportunity. If it is, `words` describes to
    /// the user what happens.
    fn inject(
        &mut self,
        opportunity: Opportunity<'_>,
        words: &dyn Fn(&Injection) -> String,
    ) -> Option<Injection>;

    /// Returns `true` if every run so far can lose a workflow task, and still close in time.
    fn tolerates_lost_tasks(&self) -> bool;

    /// Returns the timeout of a run's workflow tasks, in virtual milliseconds.
    fn task_timeout_ms(&self, workflow: Workflow) -> u64 {
        self.run_times(workflow)
            .map_or(DEFAULT_TASK_TIMEOUT_MS, |times| times.task_timeout_ms)
    }

    /// Returns `true` if this run can lose a workflow task, which then times out and is done again,
    /// and still close in time.
    fn tolerates_lost_task(&self, workflow: Workflow) -> bool {
        self.run_times(workflow)
            .is_none_or(|times| times.tolerate_lost_task(self.now_ms()))
    }
}

/// An opportunity to inject a fault: a moment in the life of its subject.
#[derive(Clone, Copy)]
pub(crate) struct Opportunity<'a> {
    /// The subject of the fault: a workflow, a message, an attempt.
    pub(super) subject: Label,
    pub(super) moment: Moment,
    /// The number of the attempt, if the subject is an attempt of an activity.
    pub(super) attempt: Option<u32>,
    /// The place inside the attempt's code.
    pub(super) steps: Option<Steps>,
    /// The number of ways in which the fault can happen.
    pub(super) ways: u32,
    /// True if a sound workflow tolerates the fault here; if not, only a person may place it here.
    pub(super) is_tolerated: bool,
    /// The condition under which it tolerates the fault, if there is another.
    pub(super) tolerated_when: Option<&'a Lazily<'a>>,
    /// The run whose workflow task has to be done again, or the call that has to be made again.
    pub(super) sets_back: Option<Label>,
    /// The versions of the code that the fault may name.
    pub(super) versions: &'a [String],
}

impl<'a> Opportunity<'a> {
    /// Returns an opportunity with one way, which any sound workflow tolerates.
    pub(crate) fn new(subject: Label, moment: Moment) -> Self {
        Self {
            subject,
            moment,
            attempt: None,
            steps: None,
            ways: 1,
            is_tolerated: true,
            tolerated_when: None,
            sets_back: None,
            versions: &[],
        }
    }

    /// Returns an opportunity about a run, at a moment of one of its workflow tasks.
    pub(crate) fn of_run(workflow: Workflow, moment: Moment) -> Self {
        Self::new(Label::Workflow(workflow), moment)
    }

    /// Returns an opportunity about an attempt of an activity.
    pub(crate) fn of_attempt(attempt: &AttemptView<'_>, moment: Moment) -> Self {
        Self {
            attempt: Some(attempt.attempt),
            ..Self::new(attempt.label, moment)
        }
    }

    /// Returns an opportunity inside the code of an attempt. The first await is the moment
    /// [`Moment::DuringActivity`] to those who name no number.
    pub(crate) fn inside_attempt(attempt: &AttemptView<'_>, steps: Steps) -> Self {
        let moment = match steps.step {
            Step::Await => Moment::AtAwait,
            Step::Heartbeat => Moment::AtHeartbeat,
        };
        Self::of_attempt(attempt, moment).at(steps)
    }

    /// Adds the place inside the attempt's code.
    pub(crate) fn at(self, steps: Steps) -> Self {
        Self {
            steps: Some(steps),
            ..self
        }
    }

    /// Returns the number of the step, if the opportunity is one of many inside an attempt.
    fn number(&self) -> Option<u32> {
        let steps = self.steps?;
        matches!(self.moment, Moment::AtAwait | Moment::AtHeartbeat).then_some(steps.last)
    }

    /// Returns the part of the fault's odds that this point has.
    ///
    /// An attempt may come to any number of steps. The odds of each fall with its number, so that a
    /// long attempt is not sure to meet a fault, and reaches its end. Of the later steps only some
    /// are points, so that there are few more of them however long an attempt takes.
    pub(super) fn share_of_odds(&self) -> Option<f64> {
        match self.number() {
            None => Some(1.0),
            Some(number) if number <= ALL_STEPS || number.is_power_of_two() => {
                Some(1.0 / (f64::from(number) + 1.0))
            }
            Some(_) => None,
        }
    }

    /// Returns the rank of the point among those that exploration comes to, for a fault that is
    /// this telling. An attempt's later steps show much the same as its first.
    pub(super) fn rank(&self, telling: Telling) -> u32 {
        let step = self.number().map_or(0, |number| number.min(MAX_STEP_RANK));
        (telling as u32) * (MAX_STEP_RANK + 1) + step
    }

    pub(crate) fn ways(self, ways: u32) -> Self {
        Self { ways, ..self }
    }

    /// Adds a condition for a sound workflow to tolerate the fault here.
    pub(crate) fn tolerated_if(self, is_tolerated: bool) -> Self {
        Self {
            is_tolerated: self.is_tolerated && is_tolerated,
            ..self
        }
    }

    /// Adds a condition that is decided only if the fault would happen otherwise.
    pub(crate) fn tolerated_when(self, condition: &'a Lazily<'a>) -> Self {
        Self {
            tolerated_when: Some(condition),
            ..self
        }
    }

    pub(crate) fn sets_back(self, subject: Label) -> Self {
        Self {
            sets_back: Some(subject),
            ..self
        }
    }

    /// Notes that the run loses a workflow task, which then has to be done again.
    pub(crate) fn loses_task(self, injector: &dyn Injector, workflow: Workflow) -> Self {
        self.tolerated_if(injector.tolerates_lost_task(workflow))
            .sets_back(Label::Workflow(workflow))
    }

    pub(crate) fn versions(self, versions: &'a [String]) -> Self {
        Self { versions, ..self }
    }

    /// Returns `true` if the fault can do here what a person asks for: deploy the version that is
    /// named, or happen in any way at all.
    pub(super) fn offers(&self, version: Option<&str>) -> bool {
        version.map_or(self.ways > 0, |name| {
            self.versions.iter().any(|version| version == name)
        })
    }

    /// Returns the key of the point that this opportunity is.
    pub(super) fn key(&self) -> Rc<str> {
        let subject = self.subject.text();
        match (self.number(), self.moment.suffix()) {
            (None, "") => subject,
            (None, suffix) => [&*subject, ", ", suffix].concat().into(),
            (Some(number), suffix) => format!("{subject}, {number}, {suffix}").into(),
        }
    }
}

/// The details of a fault that is injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Injection {
    /// The way in which the fault happens, counted from 1.
    pub(crate) way: u32,
    /// The delay that a person asked for.
    pub(crate) delay: Option<Delay>,
    /// The version of the code that a person asked for.
    pub(crate) version: Option<String>,
    /// True if a person placed the fault, and it was not drawn.
    pub(crate) by_hand: bool,
}

impl Injection {
    /// Returns the entry for this way in a table that has one for each way.
    pub(crate) fn pick<T: Copy>(&self, table: &[T]) -> T {
        table[(self.way as usize).clamp(1, table.len()) - 1]
    }

    /// Returns the delay of a message: the one that a person asked for, or else the one for this
    /// way. No call lasts longer than its caller waits, and a delay that is drawn leaves the answer
    /// the time to arrive.
    pub(crate) fn delay(&self, message: &CallView<'_>, table: &[Delay]) -> Delay {
        let longest_ms = if self.by_hand {
            message.timeout_ms
        } else {
            longest_hold_ms(message.timeout_ms)
        };
        let delay = self.delay.unwrap_or_else(|| self.pick(table));
        Delay {
            ms: delay.ms.min(longest_ms),
            ..delay
        }
    }
}
