//! Fault profiles: the faults that are on, their odds, and their budget.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{catalogue::FaultKind, placement::Fault, rule::Family, times::milliseconds};
use crate::words::duration_words;

/// The faults that a world may meet, their odds, and their number.
///
/// Each kind of fault has odds: the probability that it happens at one of its points. If three or
/// more kinds are on, each world switches about half of them off as a whole (swarm testing). No
/// more faults happen than the budget allows; then the world heals, and everything must finish.
/// Faults that are placed by hand happen in addition.
///
/// ```
/// use durasim::{FaultKind, FaultProfile};
///
/// let profile = FaultProfile::all()
///     .without(FaultKind::WorkerDeploy)
///     .with(FaultKind::SignalDuplicate)
///     .max_faults(3);
/// assert_eq!(
///     profile.to_string(),
///     "all but worker_deploy, with signal_duplicate, at most 3 faults"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct FaultProfile {
    /// The preset that the profile was made from.
    preset: Preset,
    odds: BTreeMap<FaultKind, f64>,
    heals_after_ms: Option<u64>,
    budget: u32,
    swarm: bool,
    placed: Vec<Fault>,
}

/// The number of faults that happen at most, unless the profile says otherwise.
const BUDGET: u32 = 8;

/// A set of kinds of fault with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preset {
    None,
    Crashes,
    Activities,
    Messages,
    All,
}

impl Preset {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Crashes => "crashes",
            Self::Activities => "activities",
            Self::Messages => "messages",
            Self::All => "all",
        }
    }

    /// Returns `true` if the preset switches this kind of fault on.
    fn contains(self, kind: FaultKind) -> bool {
        let family = kind.rule().family();
        match self {
            Self::None => false,
            Self::Crashes => family == Some(Family::Crashes),
            Self::Activities => family == Some(Family::Activities),
            Self::Messages => family == Some(Family::Messages),
            Self::All => family.is_some(),
        }
    }
}

impl FaultProfile {
    fn of(preset: Preset) -> Self {
        let kinds = FaultKind::ALL
            .into_iter()
            .filter(|kind| preset.contains(*kind));
        Self {
            preset,
            odds: kinds.map(|kind| (kind, kind.rule().odds())).collect(),
            heals_after_ms: None,
            budget: BUDGET,
            swarm: true,
            placed: Vec::new(),
        }
    }

    /// No faults.
    pub fn none() -> Self {
        Self::of(Preset::None)
    }

    /// Worker processes die, are shut down, redeployed or cut off, lose their caches, and fail or
    /// miss workflow tasks.
    pub fn crashes() -> Self {
        Self::of(Preset::Crashes)
    }

    /// Activities fail, run twice (one after the other or side by side), and lose heartbeats.
    pub fn activities() -> Self {
        Self::of(Preset::Activities)
    }

    /// Signals and other messages arrive late and out of order, between workflows too; clients meet
    /// an unavailable service, and everybody meets outages; answers to updates and of Nexus
    /// handlers are lost.
    pub fn messages() -> Self {
        Self::of(Preset::Messages)
    }

    /// Every fault that a sound workflow must tolerate: all but `signal_duplicate`, which is a
    /// caller's doing, and [`retries_exhausted`](Self::exhausting_retries), which may change how a
    /// workflow closes.
    pub fn all() -> Self {
        Self::of(Preset::All)
    }

    /// Lets activities fail for good: every attempt fails, until the retries run out.
    ///
    /// All other faults leave an activity its last attempt, so code for its final failure, a saga's
    /// compensation above all, runs in no other world. Switch this on for a workflow that has such
    /// code. In such a world the workflow may rightly close otherwise than without faults, so it is
    /// judged by invariants, ledgers, replay, liveness and the assertions of its test; observations
    /// are not compared. There an `Err` that the test returns ends the test and is no failure: with
    /// `?` on the result of a workflow, a test that asserts nothing else needs no change. A test
    /// that asserts more matches on the result, and asserts what must hold if the workflow failed.
    ///
    /// ```
    /// use durasim::FaultProfile;
    ///
    /// let profile = FaultProfile::all().exhausting_retries();
    /// assert_eq!(profile.to_string(), "all, with retries_exhausted");
    /// ```
    #[must_use]
    pub fn exhausting_retries(self) -> Self {
        self.with(FaultKind::RetriesExhausted)
    }

    /// Switches a fault on, with its default odds.
    #[must_use]
    pub fn with(self, kind: FaultKind) -> Self {
        self.with_odds(kind, kind.rule().odds())
    }

    /// Switches a fault on, with the probability that it happens at one of its points; 0 switches
    /// it off.
    ///
    /// # Panics
    ///
    /// If the probability is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn with_odds(mut self, kind: FaultKind, probability: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&probability),
            "the odds of {kind} must be between 0 and 1, not {probability}"
        );
        self.odds.insert(kind, probability);
        self
    }

    /// Switches a fault on, with its default odds multiplied by this weight.
    ///
    /// # Panics
    ///
    /// If the weight is negative or not a number.
    #[must_use]
    #[track_caller]
    pub fn with_weight(self, kind: FaultKind, weight: f64) -> Self {
        assert!(
            weight >= 0.0,
            "the weight of {kind} must be 0 or more, not {weight}"
        );
        let odds = (kind.rule().odds() * weight).min(1.0);
        self.with_odds(kind, odds)
    }

    /// Switches a fault off.
    #[must_use]
    pub fn without(mut self, kind: FaultKind) -> Self {
        self.odds.remove(&kind);
        self
    }

    /// Sets the number of faults that happen at most in one world; then it heals. The default is 8.
    #[must_use]
    pub fn max_faults(mut self, budget: u32) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the virtual time, from the world's start, after which no fault happens any more, even
    /// if the budget is not spent. By default the budget alone counts.
    #[must_use]
    pub fn heal_after(mut self, duration: Duration) -> Self {
        self.heals_after_ms = Some(milliseconds(duration));
        self
    }

    /// Sets whether each world switches about half of the kinds off as a whole. The default is
    /// `true`; with fewer than three kinds it makes no difference.
    #[must_use]
    pub fn swarm(mut self, swarm: bool) -> Self {
        self.swarm = swarm;
        self
    }

    /// Adds a fault that happens at one place, in every world.
    #[must_use]
    pub fn and(mut self, fault: Fault) -> Self {
        self.placed.push(fault);
        self
    }

    /// Returns the kinds of fault that are on.
    pub fn kinds(&self) -> impl Iterator<Item = FaultKind> {
        let on = self.odds.iter().filter(|(_, odds)| **odds > 0.0);
        on.map(|(kind, _)| *kind)
    }

    /// Returns the probability that a fault of this kind happens at one of its points.
    pub(crate) fn odds_of(&self, kind: FaultKind) -> f64 {
        self.odds.get(&kind).copied().unwrap_or(0.0)
    }

    pub(crate) fn budget(&self) -> u32 {
        self.budget
    }

    pub(crate) fn heals_after_ms(&self) -> Option<u64> {
        self.heals_after_ms
    }

    pub(crate) fn is_swarm(&self) -> bool {
        self.swarm
    }

    pub(crate) fn placed(&self) -> &[Fault] {
        &self.placed
    }

    /// Returns the profile without the faults that are placed by hand.
    pub(crate) fn without_placed(&self) -> Self {
        Self {
            placed: Vec::new(),
            ..self.clone()
        }
    }

    /// Returns `true` if some fault is placed by hand.
    pub(crate) fn has_placed(&self) -> bool {
        !self.placed.is_empty()
    }

    /// Returns `true` if some fault may happen by chance.
    pub(crate) fn has_odds(&self) -> bool {
        self.odds.values().any(|odds| *odds > 0.0)
    }

    /// Returns `true` if nothing can go wrong.
    pub fn is_none(&self) -> bool {
        self.placed.is_empty() && self.odds.values().all(|odds| *odds <= 0.0)
    }
}

impl From<Fault> for FaultProfile {
    fn from(fault: Fault) -> Self {
        Self::none().and(fault)
    }
}

impl<const N: usize> From<[Fault; N]> for FaultProfile {
    fn from(faults: [Fault; N]) -> Self {
        faults.into_iter().fold(Self::none(), Self::and)
    }
}

impl From<Vec<Fault>> for FaultProfile {
    fn from(faults: Vec<Fault>) -> Self {
        faults.into_iter().fold(Self::none(), Self::and)
    }
}

impl fmt::Display for FaultProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_on = |kind: &FaultKind| self.odds_of(*kind) > 0.0;
        let names = |kinds: &[FaultKind]| {
            kinds
                .iter()
                .map(|kind| kind.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        f.write_str(self.preset.name())?;
        let is_off = |kind: &FaultKind| self.preset.contains(*kind) && !is_on(kind);
        let off: Vec<_> = FaultKind::ALL.into_iter().filter(is_off).collect();
        if !off.is_empty() {
            write!(f, " but {}", names(&off))?;
        }
        for kind in FaultKind::ALL.into_iter().filter(is_on) {
            let odds = self.odds_of(kind);
            let is_default = (odds - kind.rule().odds()).abs() < f64::EPSILON;
            match (self.preset.contains(kind), is_default) {
                (true, true) => {}
                (_, false) => write!(f, ", with {kind} at {odds}")?,
                (false, true) => write!(f, ", with {kind}")?,
            }
        }
        for fault in &self.placed {
            write!(f, ", and {fault}")?;
        }
        if self.budget != BUDGET {
            let noun = if self.budget == 1 { "fault" } else { "faults" };
            write!(f, ", at most {} {noun}", self.budget)?;
        }
        if let Some(ms) = self.heals_after_ms {
            write!(f, ", healed after {}", duration_words(ms))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
