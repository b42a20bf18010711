//! The draw: decides whether a fault happens, by the tape, the odds, the budget, and what was
//! placed by hand.
//!
//! A fault that was placed by hand happens where it was placed, whatever retries are left: its
//! author fears that very schedule. A fault that is drawn happens only where a sound workflow
//! tolerates it ([`Opportunity::tolerated_if`]), and sets the workflow tasks of one run back a few
//! times in a row at most. Once the budget is spent, the world heals, and everything must finish.

use std::{collections::BTreeMap, rc::Rc};

use durasim_engine::{Choices, Odds, START_MS};

use super::{
    catalogue::FaultKind,
    moments::{
        AttemptFate, AttemptView, CallView, DeliveryFate, DeliveryView, Fate, ForGood, Lazily,
        RunTimes, TaskFate, TaskMoment, TaskView,
    },
    placement::Fault,
    profile::FaultProfile,
    rule::{FaultRule, Injection, Injector, Opportunity},
};
use crate::{
    broken::broken,
    label::{Label, Workflow},
};

/// The number of times in a row that faults may set back the workflow tasks of one run, or refuse
/// one call of a client. The official client gives up at the tenth try (`temporalio-client:
/// src/retry.rs`).
const MAX_SETBACKS: u32 = 3;

/// The number of kinds from which swarm testing pays: with fewer kinds it would only waste worlds
/// in which nothing can go wrong.
const MIN_SWARM: usize = 3;

/// The faults of one world.
pub(crate) struct Faults {
    profile: FaultProfile,
    /// The kinds that this world's swarm has left on.
    on: Kinds,
    /// The number of faults that were drawn; those placed by hand do not count against the budget.
    drawn: u32,
    injected: u32,
    last_injected_ms: Option<u64>,
    placed: Vec<PlacedFault>,
    /// The number of times in a row that each run's workflow tasks were set back, and that each
    /// call was refused.
    setbacks: BTreeMap<Label, u32>,
    run_times: BTreeMap<Workflow, RunTimes>,
    /// The activities whose attempts all fail, by run id and activity id.
    for_good: BTreeMap<(String, String), ForGood>,
    outcome: Outcome,
    /// True if a caller is about to give up waiting for a worker.
    hurries: bool,
}

/// A set of kinds.
#[derive(Clone, Copy, Default)]
struct Kinds(u32);

impl Kinds {
    fn contains(self, kind: FaultKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<FaultKind> for Kinds {
    fn from_iter<T: IntoIterator<Item = FaultKind>>(kinds: T) -> Self {
        Self(
            kinds
                .into_iter()
                .fold(0, |all, kind| all | 1 << kind as u32),
        )
    }
}

/// The outcome that a sound workflow has in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The outcome that it has in the fault-free world.
    #[default]
    Same,
    /// Another outcome, perhaps, because of a fault that its test placed.
    OtherByHand,
    /// Another outcome, perhaps, of which its test does not know beforehand.
    Other,
}

/// A fault that was placed by hand.
struct PlacedFault {
    fault: Fault,
    /// The number of occasions that it met so far.
    seen: u32,
    done: bool,
    /// The points of its kind that the world had so far, each with the number of its occasions.
    points: BTreeMap<Rc<str>, u32>,
}

/// A fault placed by hand that did not happen.
pub(crate) struct Missed<'a> {
    pub(crate) fault: &'a Fault,
    /// The points of its kind that the world had, each with the number of its occasions.
    pub(crate) points: &'a BTreeMap<Rc<str>, u32>,
}

impl Faults {
    /// Returns the faults of a world with this profile. Swarm testing switches each kind on or off
    /// in a world as a whole, for some failures need many faults of one kind and none of another.
    pub(crate) fn new(profile: &FaultProfile, choices: &mut Choices) -> Self {
        let on: Vec<_> = FaultKind::ALL
            .into_iter()
            .filter(|kind| profile.odds_of(*kind) > 0.0)
            .collect();
        let swarm = profile.is_swarm() && on.len() >= MIN_SWARM && !broken!(Swarm);
        let on: Kinds = on
            .into_iter()
            .filter(|kind| !swarm || choices.choose("swarm", kind.name(), 2, Odds::Uniform) == 0)
            .collect();
        let placed = profile
            .placed()
            .iter()
            .map(|fault| PlacedFault {
                fault: fault.clone(),
                seen: 0,
                done: false,
                points: BTreeMap::new(),
            })
            .collect();
        Self {
            profile: profile.clone(),
            on,
            drawn: 0,
            injected: 0,
            last_injected_ms: None,
            hurries: false,
            placed,
            setbacks: BTreeMap::new(),
            run_times: BTreeMap::new(),
            for_good: BTreeMap::new(),
            outcome: Outcome::Same,
        }
    }

    /// Returns `true` if anything can go wrong in this world.
    pub(crate) fn any(&self) -> bool {
        !self.on.is_empty() || !self.placed.is_empty()
    }

    /// Returns the number of faults that happened.
    pub(crate) fn injected(&self) -> u32 {
        self.injected
    }

    /// Returns the time of the last fault, in virtual milliseconds since the Unix epoch: the world
    /// has had to recover since then.
    pub(crate) fn last_injected_ms(&self) -> Option<u64> {
        self.last_injected_ms
    }

    /// Returns the outcome that a sound workflow has in this world, as far as the faults decide it.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Lets every attempt of an activity fail from now on.
    pub(crate) fn fail_for_good(&mut self, run_id: &str, activity_id: &str, how: ForGood) {
        let activity = (run_id.to_owned(), activity_id.to_owned());
        self.for_good.insert(activity, how);
    }

    /// Returns the way in which every attempt of an activity fails, if it does.
    pub(crate) fn for_good(&self, run_id: &str, activity_id: &str) -> Option<ForGood> {
        if self.for_good.is_empty() {
            return None;
        }
        let activity = (run_id.to_owned(), activity_id.to_owned());
        self.for_good.get(&activity).copied()
    }

    /// Returns the faults placed by hand that did not happen: the test has not tried the schedule
    /// that its author fears.
    pub(crate) fn missed(&self) -> Vec<Missed<'_>> {
        let missed = self.placed.iter().filter(|placed| !placed.done);
        missed
            .map(|placed| Missed {
                fault: &placed.fault,
                points: &placed.points,
            })
            .collect()
    }

    /// Sets whether a caller is about to give up waiting for a worker: nothing may delay it then.
    pub(crate) fn hurry(&mut self, hurries: bool) {
        self.hurries = hurries;
    }

    /// Notes that a call was refused: others that happen to it by chance count together.
    pub(crate) fn refused(&mut self, call: Label) {
        *self.setbacks.entry(call).or_default() += 1;
    }

    /// Decides the fate of a message.
    pub(crate) fn message(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        message: &CallView<'_>,
    ) -> Option<Fate> {
        self.ask(choices, now_ms, |rule, draw| rule.message(draw, message))
    }

    /// Decides the fate of a delivery from one workflow to another.
    pub(crate) fn delivery(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        delivery: &DeliveryView,
    ) -> Option<DeliveryFate> {
        self.ask(choices, now_ms, |rule, draw| rule.delivery(draw, delivery))
    }

    /// Decides the fate of a worker process at a moment of a workflow task.
    pub(crate) fn task(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        task: &TaskView<'_>,
    ) -> Option<TaskFate> {
        match (task.moment, task.times) {
            (TaskMoment::Arrives, Some(times)) => {
                self.run_times.insert(task.workflow, times);
            }
            (TaskMoment::Recorded, _) => {
                self.setbacks.remove(&Label::Workflow(task.workflow));
            }
            _ => {}
        }
        self.ask(choices, now_ms, |rule, draw| rule.task(draw, task))
    }

    /// Decides the fate of an activity attempt at one of its moments.
    pub(crate) fn attempt(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        self.ask(choices, now_ms, |rule, draw| rule.attempt(draw, attempt))
    }

    /// Asks every fault that is on; the first that is injected has the moment.
    fn ask<T>(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        question: impl Fn(&dyn FaultRule, &mut Draw<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.any() {
            return None;
        }
        FaultKind::ALL.into_iter().find_map(|kind| {
            let is_placed = |it: &PlacedFault| !it.done && it.fault.kind() == kind;
            if !self.on.contains(kind) && !self.placed.iter().any(is_placed) {
                return None;
            }
            let mut draw = Draw {
                faults: self,
                choices,
                now_ms,
                kind,
            };
            question(kind.rule(), &mut draw)
        })
    }

    /// Returns `true` if no more faults are drawn.
    fn is_healed(&self, now_ms: u64) -> bool {
        let heals_ms = self
            .profile
            .heals_after_ms()
            .map(|after_ms| START_MS.saturating_add(after_ms));
        let is_spent = self.drawn >= self.profile.budget() && !broken!(Budget);
        is_spent || heals_ms.is_some_and(|heals_ms| now_ms >= heals_ms) && !broken!(HealTime)
    }
}

/// The draw for one kind of fault, at one moment of a world.
struct Draw<'a> {
    faults: &'a mut Faults,
    choices: &'a mut Choices,
    now_ms: u64,
    kind: FaultKind,
}

impl Injector for Draw<'_> {
    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn run_times(&self, workflow: Workflow) -> Option<RunTimes> {
        self.faults.run_times.get(&workflow).copied()
    }

    fn tolerates_lost_tasks(&self) -> bool {
        let mut times = self.faults.run_times.values();
        times.all(|times| times.tolerate_lost_task(self.now_ms))
    }

    fn inject(
        &mut self,
        opportunity: Opportunity<'_>,
        words: &dyn Fn(&Injection) -> String,
    ) -> Option<Injection> {
        let key = opportunity.key();
        let injection = match self.placed(&opportunity, &key) {
            Some(injection) => injection,
            None => self.draw(&opportunity, &key)?,
        };
        self.faults.injected += 1;
        self.faults.last_injected_ms = Some(self.now_ms);
        if self.kind.rule().changes_outcome() {
            let outcome = if injection.by_hand {
                Outcome::OtherByHand
            } else {
                Outcome::Other
            };
            self.faults.outcome = self.faults.outcome.max(outcome);
        }
        if let Some(subject) = opportunity.sets_back {
            *self.faults.setbacks.entry(subject).or_default() += 1;
        }
        self.choices.describe(self.now_ms, || words(&injection));
        if broken!(Fault(kind, moment, way) if kind == self.kind
            && moment == opportunity.moment
            && way.is_none_or(|way| way == injection.way))
        {
            return None;
        }
        Some(injection)
    }
}

impl Draw<'_> {
    /// Draws whether the fault happens, and in which way.
    fn draw(&mut self, opportunity: &Opportunity<'_>, key: &str) -> Option<Injection> {
        if !self.faults.on.contains(self.kind) {
            return None;
        }
        let share_of_odds = opportunity.share_of_odds()?;
        let setbacks = opportunity
            .sets_back
            .and_then(|subject| self.faults.setbacks.get(&subject))
            .copied()
            .unwrap_or(0);
        let is_tolerated = opportunity.is_tolerated && !self.faults.hurries || broken!(Tolerance);
        let goes_on = setbacks < MAX_SETBACKS || broken!(Setbacks);
        // The point is offered even where nothing may happen, so that its occurrence counts in
        // every world alike. A tape may hold faults beyond the budget: the budget was that of the
        // draws that made the tape.
        let odds = if self.faults.is_healed(self.now_ms) {
            0.0
        } else {
            self.faults.profile.odds_of(self.kind) * share_of_odds
        };
        let arity = if is_tolerated && goes_on {
            opportunity.ways + 1
        } else {
            1
        };
        let tolerates =
            || opportunity.tolerated_when.is_none_or(Lazily::holds) || broken!(Tolerance);
        let may_happen = odds > 0.0;
        let odds = Odds::Rarely(odds);
        let way = self
            .choices
            .choose_where(self.kind.site(), key, arity, odds, tolerates);
        if may_happen {
            let telling = self.kind.rule().telling(opportunity.moment);
            self.choices.rank(opportunity.rank(telling));
        }
        if way == 0 {
            return None;
        }
        self.faults.drawn += 1;
        Some(Injection {
            way,
            delay: None,
            version: None,
            by_hand: false,
        })
    }

    /// Returns the details of a fault that was placed by hand at this opportunity.
    fn placed(&mut self, opportunity: &Opportunity<'_>, key: &str) -> Option<Injection> {
        let kind = self.kind;
        let waiting = |placed: &PlacedFault| !placed.done && placed.fault.kind() == kind;
        for placed in self.faults.placed.iter_mut().filter(|it| waiting(it)) {
            *placed.points.entry(key.into()).or_default() += 1;
        }
        // Each fault counts its own occasions. One that comes due together with another strikes at
        // the next occasion.
        let mut due = None;
        for placed in self.faults.placed.iter_mut().filter(|it| waiting(it)) {
            if placed.fault.is_placed_at(opportunity) && opportunity.offers(placed.fault.version())
            {
                placed.seen += 1;
                if placed.seen >= placed.fault.occurrence() {
                    due = due.or(Some(placed));
                }
            }
        }
        let placed = due?;
        placed.done = true;
        let fault = &placed.fault;
        let injection = Injection {
            way: fault.way().unwrap_or(1),
            delay: fault.delay(),
            version: fault.version().map(str::to_owned),
            by_hand: true,
        };
        self.choices.impose(
            kind.site(),
            key,
            injection.way.max(opportunity.ways) + 1,
            injection.way,
        );
        Some(injection)
    }
}

#[cfg(test)]
mod tests;
