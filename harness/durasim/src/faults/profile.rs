//! Which faults are on, how often, and how many at most.

use super::{Fault, FaultKind};
use std::collections::BTreeMap;

/// Which faults a world may meet, how often, and how many at most.
///
/// Each kind of fault has odds: the probability that it strikes at one of its points. In each world about half of
/// the kinds that are on are switched off as a whole (swarm testing), and no more than the budget strike; then the
/// world heals, and everything must finish.
///
/// ```
/// use durasim::{FaultKind, FaultProfile};
///
/// let profile = FaultProfile::all().without(FaultKind::WorkerDeploy).with(FaultKind::SignalDuplicate).max_faults(3);
/// assert_eq!(profile.to_string(), "all but worker_deploy, with signal_duplicate, at most 3 faults");
/// # let _ = FaultProfile::none();
/// ```
#[derive(Clone, Debug)]
pub struct FaultProfile {
    odds: BTreeMap<FaultKind, f64>,
    budget: u32,
    swarm: bool,
    placed: Vec<Fault>,
}

/// How many faults strike at most, unless the profile says otherwise.
const BUDGET: u32 = 8;

impl FaultProfile {
    fn of(kinds: &[FaultKind]) -> Self {
        let odds = kinds.iter().map(|kind| (*kind, kind.usual_odds())).collect();
        Self { odds, budget: BUDGET, swarm: true, placed: Vec::new() }
    }

    /// No faults.
    pub fn none() -> Self {
        Self::of(&[])
    }

    /// Worker processes die, are redeployed, lose their caches, fail and miss workflow tasks.
    pub fn crashes() -> Self {
        Self::of(&[
            FaultKind::WorkerCrash,
            FaultKind::CacheEviction,
            FaultKind::WorkflowTaskTimeout,
            FaultKind::WorkflowTaskFailure,
            FaultKind::WorkerDeploy,
        ])
    }

    /// Activities fail, run twice, one after the other or side by side, and lose heartbeats.
    pub fn activities() -> Self {
        Self::of(&[
            FaultKind::ActivityCompletionLost,
            FaultKind::ActivityOverlap,
            FaultKind::ActivityFailure,
            FaultKind::HeartbeatLoss,
        ])
    }

    /// Signals and other messages arrive late and out of order; clients meet an unavailable service.
    pub fn messages() -> Self {
        Self::of(&[
            FaultKind::SignalDelay,
            FaultKind::SignalReorder,
            FaultKind::MessageDelay,
            FaultKind::ClientUnavailable,
        ])
    }

    /// Every fault that a sound workflow must bear: all but `signal_duplicate`, which is a caller's doing.
    pub fn all() -> Self {
        let kinds: Vec<_> =
            FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::SignalDuplicate).collect();
        Self::of(&kinds)
    }

    /// Switches a fault on, with its usual odds.
    #[must_use]
    pub fn with(self, kind: FaultKind) -> Self {
        let odds = kind.usual_odds();
        self.with_odds(kind, odds)
    }

    /// Switches a fault on, with the probability that it strikes at one of its points; 0 switches it off.
    ///
    /// # Panics
    ///
    /// If the probability is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn with_odds(mut self, kind: FaultKind, probability: f64) -> Self {
        assert!((0.0..=1.0).contains(&probability), "the odds of {kind} must be between 0 and 1, not {probability}");
        self.odds.insert(kind, probability);
        self
    }

    /// Switches a fault off.
    #[must_use]
    pub fn without(mut self, kind: FaultKind) -> Self {
        self.odds.remove(&kind);
        self
    }

    /// How many faults strike at most in one world; then it heals. The default is 8.
    #[must_use]
    pub fn max_faults(mut self, budget: u32) -> Self {
        self.budget = budget;
        self
    }

    /// Whether each world switches about half of the faults off as a whole. The default is yes.
    #[must_use]
    pub fn swarm(mut self, swarm: bool) -> Self {
        self.swarm = swarm;
        self
    }

    /// Adds a fault that strikes at one place, in every world.
    #[must_use]
    pub fn and(mut self, fault: Fault) -> Self {
        self.placed.push(fault);
        self
    }

    pub(crate) fn odds_of(&self, kind: FaultKind) -> f64 {
        self.odds.get(&kind).copied().unwrap_or(0.0)
    }

    pub(crate) fn budget(&self) -> u32 {
        self.budget
    }

    pub(crate) fn is_swarm(&self) -> bool {
        self.swarm
    }

    pub(crate) fn placed(&self) -> &[Fault] {
        &self.placed
    }

    /// The profile without what was placed by hand.
    pub(crate) fn without_placed(&self) -> Self {
        Self { placed: Vec::new(), ..self.clone() }
    }

    /// True if some fault may strike by chance.
    pub(crate) fn has_odds(&self) -> bool {
        self.odds.values().any(|odds| *odds > 0.0)
    }

    /// True if nothing can go wrong.
    pub fn is_none(&self) -> bool {
        self.placed.is_empty() && self.odds.values().all(|odds| *odds <= 0.0)
    }
}

impl From<Fault> for FaultProfile {
    fn from(fault: Fault) -> Self {
        Self::none().and(fault)
    }
}
