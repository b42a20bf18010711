//! Whether a fault strikes: the tape, the odds, the budget, and what was placed by hand.
//!
//! What was placed by hand strikes where it was placed, whatever retries are left: that schedule is
//! what its author fears. Whatever is drawn strikes only what a sound workflow bears
//! ([`Chance::tolerable`]), sets one run's workflow tasks back a few times in a row at most, and
//! ends with the budget: from then on the world heals, and everything must finish.

use super::{
    AttemptFate, AttemptView, CATALOGUE, CallView, Delay, Fate, Fault, FaultKind, FaultProfile,
    FaultRule, RunTimes, TaskFate, TaskMoment, TaskView, placement::Moment,
};
use crate::{
    broken::broken,
    label::{Label, Workflow},
};
use durasim_engine::{Choices, Odds, START_MS};
use std::collections::BTreeMap;

/// How often in a row faults may set back the workflow tasks of one run, or refuse one call of a
/// client. The official client gives up at the tenth try (`temporalio-client: src/retry.rs`).
const MAX_SETBACKS: u32 = 3;

/// With fewer kinds than this, swarm testing would only waste worlds in which nothing can go wrong.
const MIN_SWARM: usize = 3;

/// The faults of one world.
pub(crate) struct Faults {
    profile: FaultProfile,
    /// The families that this world's swarm has switched on.
    on: Vec<FaultKind>,
    /// How many were drawn; what was placed by hand is not counted against the budget.
    drawn: u32,
    struck: u32,
    last_struck_ms: Option<u64>,
    placed: Vec<PlacedFault>,
    /// How often in a row each run's workflow tasks were set back, and each call refused.
    setbacks: BTreeMap<Label, u32>,
    run_times: BTreeMap<Workflow, RunTimes>,
    /// Whether a caller is about to give up waiting for a worker.
    hurries: bool,
}

struct PlacedFault {
    fault: Fault,
    seen: u32,
    done: bool,
}

impl Faults {
    /// The faults of a profile. Swarm testing: each family is on or off in a world as a whole, for
    /// some failures need many of one fault and none of another.
    pub(crate) fn new(profile: &FaultProfile, choices: &mut Choices) -> Self {
        let on: Vec<_> = FaultKind::ALL
            .into_iter()
            .filter(|kind| profile.odds_of(*kind) > 0.0)
            .collect();
        let swarm = profile.is_swarm() && on.len() >= MIN_SWARM && !broken!(Swarm);
        let on = on
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
            })
            .collect();
        Self {
            profile: profile.clone(),
            on,
            drawn: 0,
            struck: 0,
            last_struck_ms: None,
            hurries: false,
            placed,
            setbacks: BTreeMap::new(),
            run_times: BTreeMap::new(),
        }
    }

    /// True if anything can go wrong in this world.
    pub(crate) fn any(&self) -> bool {
        !self.on.is_empty() || !self.placed.is_empty()
    }

    /// How often a fault struck.
    pub(crate) fn struck(&self) -> u32 {
        self.struck
    }

    /// When a fault struck last, in virtual milliseconds since the Unix epoch: what the world had
    /// to recover from.
    pub(crate) fn last_struck_ms(&self) -> Option<u64> {
        self.last_struck_ms
    }

    /// Faults placed by hand that met nothing to strike: a test that fears them has not been put to
    /// the test.
    pub(crate) fn missed(&self) -> Vec<&Fault> {
        self.placed
            .iter()
            .filter(|placed| !placed.done)
            .map(|placed| &placed.fault)
            .collect()
    }

    /// Whether a caller is about to give up waiting for a worker: nothing more may delay it then.
    pub(crate) fn hurry(&mut self, hurries: bool) {
        self.hurries = hurries;
    }

    pub(crate) fn message(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        message: &CallView<'_>,
    ) -> Option<Fate> {
        self.ask(choices, now_ms, |rule, strike| {
            rule.message(strike, message)
        })
    }

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
        self.ask(choices, now_ms, |rule, strike| rule.task(strike, task))
    }

    pub(crate) fn attempt(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        self.ask(choices, now_ms, |rule, strike| {
            rule.attempt(strike, attempt)
        })
    }

    /// Asks every fault that is on; the first that strikes has it.
    fn ask<T>(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        question: impl Fn(&dyn FaultRule, &mut Strike<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.any() {
            return None;
        }
        CATALOGUE.iter().find_map(|rule| {
            let kind = rule.kind();
            let placed = self
                .placed
                .iter()
                .any(|placed| !placed.done && placed.fault.kind() == kind);
            if !placed && !self.on.contains(&kind) {
                return None;
            }
            question(
                *rule,
                &mut Strike {
                    faults: self,
                    choices,
                    now_ms,
                    kind,
                },
            )
        })
    }

    fn is_healed(&self, now_ms: u64) -> bool {
        let heals_ms = self
            .profile
            .heals_after_ms()
            .map(|after_ms| START_MS.saturating_add(after_ms));
        let is_spent = self.drawn >= self.profile.budget() && !broken!(Budget);
        is_spent || heals_ms.is_some_and(|heals_ms| now_ms >= heals_ms) && !broken!(HealTime)
    }
}

/// A moment at which a fault may strike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance<'a> {
    /// The subject of the fault: a workflow, a message, an attempt.
    pub(crate) subject: Label,
    pub(crate) moment: Moment,
    /// Which attempt of an activity it is about, if it is about one.
    pub(crate) attempt: Option<u32>,
    /// In how many ways it may strike.
    pub(crate) ways: u32,
    /// Whether a sound workflow bears it here: where it does not, only a person may place it.
    pub(crate) tolerable: bool,
    /// What it sets back: a run whose workflow task has to be done again, a call that has to be
    /// made again.
    pub(crate) sets_back: Option<Label>,
    /// The versions that it may name.
    pub(crate) versions: &'a [String],
}

impl<'a> Chance<'a> {
    /// A chance with one way, which any sound workflow bears.
    pub(crate) fn new(subject: Label, moment: Moment) -> Self {
        Self {
            subject,
            moment,
            attempt: None,
            ways: 1,
            tolerable: true,
            sets_back: None,
            versions: &[],
        }
    }

    /// A chance to strike an attempt of an activity.
    pub(crate) fn of_attempt(attempt: &AttemptView<'_>, moment: Moment) -> Self {
        Self {
            attempt: Some(attempt.attempt),
            ..Self::new(attempt.label, moment)
        }
    }

    pub(crate) fn ways(self, ways: u32) -> Self {
        Self { ways, ..self }
    }

    pub(crate) fn tolerable(self, tolerable: bool) -> Self {
        Self { tolerable, ..self }
    }

    pub(crate) fn sets_back(self, what: Label) -> Self {
        Self {
            sets_back: Some(what),
            ..self
        }
    }

    pub(crate) fn versions(self, versions: &'a [String]) -> Self {
        Self { versions, ..self }
    }

    /// Whether it can do what a person asks for: without any way, only a version that is named
    /// tells which.
    fn offers(&self, version: Option<&str>) -> bool {
        version.map_or(self.ways > 0, |name| {
            self.versions.iter().any(|version| version == name)
        })
    }

    fn key(&self) -> String {
        match self.moment.suffix() {
            "" => self.subject.to_string(),
            suffix => format!("{}, {suffix}", self.subject),
        }
    }
}

/// How a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Struck {
    /// In which of its ways, counted from 1.
    pub(crate) way: u32,
    /// The delay that a person asked for.
    pub(crate) delay: Option<Delay>,
    /// The version that a person asked for.
    pub(crate) version: Option<String>,
}

impl Struck {
    /// The delay: what a person asked for, or the way's own.
    pub(crate) fn delay(&self, table: &[Delay]) -> Delay {
        let index = (self.way as usize).clamp(1, table.len()) - 1;
        self.delay.unwrap_or(table[index])
    }
}

/// One fault's chance to strike.
pub(crate) struct Strike<'a> {
    faults: &'a mut Faults,
    choices: &'a mut Choices,
    now_ms: u64,
    kind: FaultKind,
}

impl Strike<'_> {
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// What is known of the time of this run.
    pub(crate) fn run_times(&self, workflow: Workflow) -> Option<RunTimes> {
        self.faults.run_times.get(&workflow).copied()
    }

    /// Whether this run can lose a workflow task, which then times out and is done again, and still
    /// close in time.
    pub(crate) fn tolerates_lost_task(&self, workflow: Workflow) -> bool {
        let Some(times) = self.run_times(workflow) else {
            return true;
        };
        let needed_ms = times
            .task_timeout_ms
            .saturating_mul(2)
            .saturating_add(5_000);
        times
            .needed_from_ms
            .is_none_or(|from_ms| self.now_ms.saturating_add(needed_ms) < from_ms)
    }

    /// Whether the fault strikes, and how. `words` says in the user's words what then happens.
    pub(crate) fn strikes(
        &mut self,
        chance: Chance<'_>,
        words: impl FnOnce(&Struck) -> String,
    ) -> Option<Struck> {
        let key = chance.key();
        let struck = match self.placed(&chance, &key) {
            Some(struck) => struck,
            None => self.draw(&chance, &key)?,
        };
        self.faults.struck += 1;
        self.faults.last_struck_ms = Some(self.now_ms);
        if let Some(what) = chance.sets_back {
            *self.faults.setbacks.entry(what).or_default() += 1;
        }
        self.choices.describe(self.now_ms, || words(&struck));
        if broken!(Fault(kind, moment, way) if kind == self.kind
            && moment == chance.moment
            && way.is_none_or(|way| way == struck.way))
        {
            return None;
        }
        Some(struck)
    }

    fn draw(&mut self, chance: &Chance<'_>, key: &str) -> Option<Struck> {
        if !self.faults.on.contains(&self.kind) {
            return None;
        }
        let setbacks = chance
            .sets_back
            .and_then(|what| self.faults.setbacks.get(&what))
            .copied()
            .unwrap_or(0);
        let tolerable = chance.tolerable && !self.faults.hurries || broken!(Mercy);
        let goes_on = setbacks < MAX_SETBACKS || broken!(Setbacks);
        // A point is offered even where nothing may strike, so that its occurrence counts in every
        // world alike; a tape may still strike after the budget is spent, for it is the budget of
        // the draws that made it.
        let odds = if self.faults.is_healed(self.now_ms) {
            0.0
        } else {
            self.faults.profile.odds_of(self.kind)
        };
        let arity = if tolerable && goes_on {
            chance.ways + 1
        } else {
            1
        };
        let way = self
            .choices
            .choose(self.kind.site(), key, arity, Odds::Rarely(odds));
        if way == 0 {
            return None;
        }
        self.faults.drawn += 1;
        Some(Struck {
            way,
            delay: None,
            version: None,
        })
    }

    fn placed(&mut self, chance: &Chance<'_>, key: &str) -> Option<Struck> {
        let kind = self.kind;
        let placed = self.faults.placed.iter_mut().find(|placed| {
            !placed.done
                && placed.fault.kind() == kind
                && placed
                    .fault
                    .is_placed_at(chance.moment, chance.subject, chance.attempt)
                && chance.offers(placed.fault.version())
        })?;
        placed.seen += 1;
        if placed.seen < placed.fault.occurrence() {
            return None;
        }
        placed.done = true;
        let fault = &placed.fault;
        let struck = Struck {
            way: fault.way().unwrap_or(1),
            delay: fault.delay(),
            version: fault.version().map(str::to_owned),
        };
        self.choices.impose(
            kind.site(),
            key,
            struck.way.max(chance.ways) + 1,
            struck.way,
        );
        Some(struck)
    }
}

#[cfg(test)]
mod tests;
