//! One world from outside: the options that it runs with, and the report of how it ended.

use crate::{
    faults::{Baseline, FaultProfile},
    history::History,
    limits::Limits,
    report::{Diagnosis, FailureReport},
    stand_in::StandIn,
};
use durasim_engine::{Offer, Tape, TraceEntry, TraceHash};
use durasim_worker::{ReplayOptions, WorkflowDefinitions};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, panic::Location, sync::Arc};

/// Where a world's choices come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ChoiceSource {
    /// Every choice is the benign one: no faults, no latency, one fixed order.
    #[default]
    Benign,
    /// A seed fills the choices.
    Seed(u64),
    /// A tape holds the choices that are not benign; latency is among them.
    Tape(Tape),
    /// A tape of faults alone: messages take no time.
    Plan(Tape),
}

impl ChoiceSource {
    /// The seed that they came from, if they came from one.
    pub(crate) fn seed(&self) -> Option<u64> {
        match self {
            Self::Benign => None,
            Self::Seed(seed) => Some(*seed),
            Self::Tape(tape) | Self::Plan(tape) => tape.seed,
        }
    }
}

/// In the words of the log.
impl fmt::Display for ChoiceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Benign => f.write_str("the fault-free world"),
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Tape(tape) | Self::Plan(tape) => {
                write!(f, "a plan of {} choices", tape.entries.len())
            }
        }
    }
}

/// What one world is run with.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own, set by name"
)]
pub struct WorldOptions {
    /// Where its choices come from.
    pub choices: ChoiceSource,
    /// What may go wrong in it.
    pub faults: FaultProfile,
    /// Its limits.
    pub limits: Limits,
    /// Whether workers keep runs between their tasks.
    pub cache: bool,
    /// Whether histories are replayed in full at the end.
    pub replay: bool,
    /// Whether the SDK's own replayer must accept every history.
    pub core_replay: bool,
    /// Whether the entries of the trace are kept, not only its hash.
    pub keep_trace: bool,
    /// Whether backtraces are kept, of panics and of the code that issued each command. Slow.
    pub backtraces: bool,
    /// Whether the choices that were offered are listed, as exploration needs them.
    pub record_offers: bool,
    /// Whether every choice is put into words, those of latency too. Slow.
    pub(crate) in_words: bool,
    /// What the fault-free world took: faults leave that much.
    pub(crate) baseline: Arc<Baseline>,
    /// Who answers workflow tasks in place of the simulated workers.
    #[doc(hidden)]
    pub stand_in: Option<StandIn>,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            choices: ChoiceSource::Benign,
            faults: FaultProfile::none(),
            limits: Limits::default(),
            cache: true,
            replay: true,
            core_replay: false,
            keep_trace: false,
            backtraces: false,
            record_offers: false,
            in_words: false,
            baseline: Arc::default(),
            stand_in: None,
        }
    }
}

impl WorldOptions {
    /// A world whose choices a seed fills.
    pub fn seeded(seed: u64) -> Self {
        Self {
            choices: ChoiceSource::Seed(seed),
            ..Self::default()
        }
    }
}

/// What became of a world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorldReport {
    /// What went wrong first, if anything did.
    pub failure: Option<FailureReport>,
    /// Two worlds agree exactly when their hashes do.
    pub trace_hash: TraceHash,
    /// The trace, if it was kept.
    pub trace: Vec<TraceEntry>,
    /// History events of all runs.
    pub events: u64,
    /// Steps of the simulation.
    pub steps: u64,
    /// Virtual milliseconds from the start of the world to its end.
    pub virtual_ms: u64,
    /// The choices that were not benign.
    pub tape: Tape,
    /// How many faults struck.
    pub faults: u32,
    /// Every run's history, in the order in which the runs started.
    pub histories: Vec<History>,
    /// What the test observed at the end.
    pub observations: BTreeMap<String, Value>,
    /// The lines that say what is observed.
    pub(crate) observed_at: BTreeMap<String, &'static Location<'static>>,
    /// The workflows that were still open.
    pub open: Vec<String>,
    /// Virtual milliseconds from the start of the world to its last fault.
    pub(crate) healed_ms: u64,
    /// Whether the world went on after its test returned, until its workflows had closed.
    pub(crate) settles: bool,
    pub(crate) open_diagnosis: Diagnosis,
    pub(crate) labels: BTreeMap<String, SometimesLabel>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) replays: Vec<ReplayCase>,
}

/// What the fault-free world ended with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    pub(crate) observations: BTreeMap<String, Value>,
    /// How many workflows of each type do not close even without faults: nothing is expected of
    /// them.
    pub(crate) open: BTreeMap<String, usize>,
}

/// What it takes to replay a run.
#[derive(Clone)]
pub(crate) struct ReplayCase {
    /// Which of the world's histories.
    pub(crate) history: usize,
    pub(crate) workflow_type: String,
    pub(crate) definitions: WorkflowDefinitions,
    pub(crate) options: ReplayOptions,
}

impl std::fmt::Debug for ReplayCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "replay of {}", self.workflow_type)
    }
}

/// A label that the campaign must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SometimesLabel {
    pub(crate) location: String,
    pub(crate) reached: bool,
}
