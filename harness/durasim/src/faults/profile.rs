//! Which faults are on, how often, and how many at most.

use super::{Fault, FaultKind};
use crate::words::duration_words;
use std::{collections::BTreeMap, fmt, time::Duration};

/// Which faults a world may meet, how often, and how many at most.
///
/// Each kind of fault has odds: the probability that it strikes at one of its points. In each world
/// about half of the kinds that are on, if there are three or more, are switched off as a whole
/// (swarm testing), and no more than the budget strike; then the world heals, and everything must
/// finish. Faults that are placed by hand strike besides.
///
/// ```
/// use durasim::{FaultKind, FaultProfile};
///
/// let profile = FaultProfile::all().without(FaultKind::WorkerDeploy).with(FaultKind::SignalDuplicate).max_faults(3);
/// assert_eq!(profile.to_string(), "all but worker_deploy, with signal_duplicate, at most 3 faults");
/// ```
#[derive(Clone, Debug)]
pub struct FaultProfile {
    /// What it was made from, for its name.
    preset: &'static str,
    odds: BTreeMap<FaultKind, f64>,
    heals_after_ms: Option<u64>,
    budget: u32,
    swarm: bool,
    placed: Vec<Fault>,
}

/// How many faults strike at most, unless the profile says otherwise.
const BUDGET: u32 = 8;

impl FaultProfile {
    fn of(preset: &'static str) -> Self {
        let odds = kinds_of(preset)
            .into_iter()
            .map(|kind| (kind, kind.usual_odds()))
            .collect();
        Self {
            preset,
            odds,
            heals_after_ms: None,
            budget: BUDGET,
            swarm: true,
            placed: Vec::new(),
        }
    }

    /// No faults.
    pub fn none() -> Self {
        Self::of("none")
    }

    /// Worker processes die, are redeployed, lose their caches, fail and miss workflow tasks.
    pub fn crashes() -> Self {
        Self::of("crashes")
    }

    /// Activities fail, run twice, one after the other or side by side, and lose heartbeats.
    pub fn activities() -> Self {
        Self::of("activities")
    }

    /// Signals and other messages arrive late and out of order; clients meet an unavailable
    /// service; answers of Nexus handlers are lost.
    pub fn messages() -> Self {
        Self::of("messages")
    }

    /// Every fault that a sound workflow must bear: all but `signal_duplicate`, which is a caller's
    /// doing.
    pub fn all() -> Self {
        Self::of("all")
    }

    /// Switches a fault on, with its usual odds.
    #[must_use]
    pub fn with(self, kind: FaultKind) -> Self {
        let odds = kind.usual_odds();
        self.with_odds(kind, odds)
    }

    /// Switches a fault on, with the probability that it strikes at one of its points; 0 switches
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

    /// Switches a fault on, so many times as often as usual.
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
        let odds = (kind.usual_odds() * weight).min(1.0);
        self.with_odds(kind, odds)
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

    /// From when on nothing strikes any more, in virtual time from the world's start, be the budget
    /// spent or not. By default the budget alone counts.
    #[must_use]
    pub fn heal_after(mut self, duration: Duration) -> Self {
        self.heals_after_ms = Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Whether each world switches about half of the faults off as a whole. The default is yes;
    /// with fewer than three kinds it makes no difference.
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

    pub(crate) fn heals_after_ms(&self) -> Option<u64> {
        self.heals_after_ms
    }

    pub(crate) fn is_swarm(&self) -> bool {
        self.swarm
    }

    pub(crate) fn placed(&self) -> &[Fault] {
        &self.placed
    }

    /// The profile without what was placed by hand.
    pub(crate) fn without_placed(&self) -> Self {
        Self {
            placed: Vec::new(),
            ..self.clone()
        }
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

/// The kinds that a preset switches on.
fn kinds_of(preset: &str) -> Vec<FaultKind> {
    match preset {
        "crashes" => vec![
            FaultKind::WorkerCrash,
            FaultKind::CacheEviction,
            FaultKind::WorkflowTaskTimeout,
            FaultKind::WorkflowTaskFailure,
            FaultKind::WorkerDeploy,
        ],
        "activities" => vec![
            FaultKind::ActivityCompletionLost,
            FaultKind::ActivityOverlap,
            FaultKind::ActivityFailure,
            FaultKind::HeartbeatLoss,
        ],
        "messages" => vec![
            FaultKind::SignalDelay,
            FaultKind::SignalReorder,
            FaultKind::MessageDelay,
            FaultKind::ClientUnavailable,
            FaultKind::NexusAnswerLost,
        ],
        "all" => FaultKind::ALL
            .into_iter()
            .filter(|kind| *kind != FaultKind::SignalDuplicate)
            .collect(),
        _ => Vec::new(),
    }
}

impl fmt::Display for FaultProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = kinds_of(self.preset);
        let is_on = |kind: &FaultKind| self.odds_of(*kind) > 0.0;
        let names = |kinds: &[FaultKind]| {
            kinds
                .iter()
                .map(|kind| kind.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        f.write_str(self.preset)?;
        let off: Vec<_> = usual.iter().copied().filter(|kind| !is_on(kind)).collect();
        if !off.is_empty() {
            write!(f, " but {}", names(&off))?;
        }
        for kind in FaultKind::ALL.into_iter().filter(is_on) {
            let odds = self.odds_of(kind);
            let is_usual = (odds - kind.usual_odds()).abs() < f64::EPSILON;
            match (usual.contains(&kind), is_usual) {
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
