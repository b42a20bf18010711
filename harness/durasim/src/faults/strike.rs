//! Whether a fault strikes: the tape, the odds, the budget, and what was placed by hand.

use super::{
    AttemptFate, AttemptView, CATALOGUE, Fault, FaultKind, FaultProfile, FaultRule, TaskFate, TaskView,
};
use crate::world::{CallView, Fate};
use durasim_engine::{Choices, Odds};
use std::fmt;

/// The faults of one world.
pub(crate) struct Faults {
    profile: FaultProfile,
    /// The families that this world's swarm has switched on.
    on: Vec<FaultKind>,
    struck: u32,
    placed: Vec<PlacedFault>,
    healed: bool,
}

struct PlacedFault {
    fault: Fault,
    seen: u32,
    done: bool,
}

impl Faults {
    /// A world in which nothing goes wrong.
    pub(crate) fn none() -> Self {
        Self { profile: FaultProfile::none(), on: Vec::new(), struck: 0, placed: Vec::new(), healed: false }
    }

    /// The faults of a profile. Swarm testing: each family is on or off in a world as a whole, for some failures
    /// need many of one fault and none of another.
    pub(crate) fn new(profile: &FaultProfile, choices: &mut Choices) -> Self {
        let swarm = profile.is_swarm();
        let on = FaultKind::ALL
            .into_iter()
            .filter(|kind| profile.odds_of(*kind) > 0.0)
            .filter(|kind| !swarm || choices.choose("swarm", kind.name(), 2, Odds::Uniform) == 0)
            .collect();
        let placed = profile
            .placed()
            .iter()
            .map(|fault| PlacedFault { fault: fault.clone(), seen: 0, done: false })
            .collect();
        Self { profile: profile.clone(), on, struck: 0, placed, healed: false }
    }

    /// True if anything can go wrong in this world.
    pub(crate) fn any(&self) -> bool {
        !self.on.is_empty() || !self.placed.is_empty()
    }

    /// How often a fault struck.
    pub(crate) fn struck(&self) -> u32 {
        self.struck
    }

    /// Faults placed by hand that met nothing to strike: a test that fears them has not been put to the test.
    pub(crate) fn missed(&self) -> Vec<&Fault> {
        self.placed.iter().filter(|placed| !placed.done).map(|placed| &placed.fault).collect()
    }

    pub(crate) fn message(&mut self, choices: &mut Choices, now_ms: u64, message: &CallView<'_>) -> Option<Fate> {
        self.ask(choices, now_ms, |rule, strike| rule.message(strike, message))
    }

    pub(crate) fn task(&mut self, choices: &mut Choices, now_ms: u64, task: &TaskView<'_>) -> Option<TaskFate> {
        self.ask(choices, now_ms, |rule, strike| rule.task(strike, task))
    }

    pub(crate) fn attempt(
        &mut self,
        choices: &mut Choices,
        now_ms: u64,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        self.ask(choices, now_ms, |rule, strike| rule.attempt(strike, attempt))
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
            let placed = self.placed.iter().any(|placed| !placed.done && placed.fault.kind() == kind);
            if !placed && !self.on.contains(&kind) {
                return None;
            }
            question(*rule, &mut Strike { faults: self, choices, now_ms, kind })
        })
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
    /// Whether the fault strikes `key`, and in which of its `ways`, counted from 1; 0 if it does not. `words` says
    /// in the user's words what then happens, given the way.
    pub(crate) fn strikes(&mut self, key: &str, ways: u32, words: impl FnOnce(u32) -> String) -> u32 {
        let placed = self.placed_way(key, ways);
        if let Some(way) = placed {
            return way;
        }
        let spent = self.faults.healed || self.faults.struck >= self.faults.profile.budget();
        if !self.faults.on.contains(&self.kind) {
            return 0;
        }
        // The point is offered even when the budget is spent, so that its occurrence counts in every world alike.
        let odds = if spent { 0.0 } else { self.faults.profile.odds_of(self.kind) };
        let way = self.choices.choose(self.kind.site(), key, ways + 1, Odds::Rarely(odds));
        if way > 0 {
            self.faults.struck += 1;
            self.choices.describe(self.now_ms, || words(way));
        }
        way
    }

    fn placed_way(&mut self, key: &str, ways: u32) -> Option<u32> {
        let kind = self.kind;
        let placed = self
            .faults
            .placed
            .iter_mut()
            .find(|placed| !placed.done && placed.fault.kind() == kind && placed.fault.strikes_at(key))?;
        placed.seen += 1;
        if placed.seen < placed.fault.occurrence() {
            return None;
        }
        placed.done = true;
        self.faults.struck += 1;
        Some(placed.fault.way().min(ways))
    }
}

impl fmt::Debug for Strike<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strike").field("kind", &self.kind).finish_non_exhaustive()
    }
}
