//! One world from outside: the options that it runs with, and the report of how it ended.

use std::{collections::BTreeMap, fmt, panic::Location, sync::Arc};

use durasim_engine::{
    Ambient, Keep, Offer, START_MS, Tape, TapeEntry, Trace, TraceEntry, TraceHash,
};
use durasim_worker::{ReplayOptions, WorkflowDefinitions, activity::ActivityCallRecord};
use serde_json::Value;

use crate::{
    broken::broken,
    external_worker::ExternalWorker,
    faults::{Baseline, FaultProfile, Outcome},
    history::History,
    limits::Limits,
    recording::Recording,
    report::{Diagnosis, Failure, WorkflowName},
};

/// The source of a world's choices.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ChoiceSource {
    /// Every choice is the benign one: no faults, no latency, one fixed order.
    #[default]
    Benign,
    /// A seed answers the choices.
    Seed(u64),
    /// A tape holds the choices that are not benign. Latency is among them.
    Tape(Tape),
    /// A tape of faults alone: messages take no time.
    Plan(Tape),
}

impl ChoiceSource {
    /// Returns the seed of the choices, if they came from one.
    pub(crate) fn seed(&self) -> Option<u64> {
        match self {
            Self::Benign => None,
            Self::Seed(seed) => Some(*seed),
            Self::Tape(tape) | Self::Plan(tape) => tape.seed,
        }
    }
}

/// The source in the words of the log.
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

/// The options of one world.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own, set by name"
)]
pub struct WorldOptions {
    /// The source of its choices.
    pub choices: ChoiceSource,
    /// The faults that may happen in it.
    pub faults: FaultProfile,
    /// Its limits.
    pub limits: Limits,
    /// If true, workers keep runs between their tasks.
    pub cache: bool,
    /// If true, every history is replayed in full at the end.
    pub replay: bool,
    /// If true, the SDK's own replayer must accept every history.
    pub core_replay: bool,
    /// If true, the entries of the trace are kept, not only its hash.
    pub keep_trace: bool,
    /// If true, backtraces are kept: of panics, and of the code that issued each command. Slow.
    pub backtraces: bool,
    /// If true, panics in libraries keep their backtraces, which name the user's line.
    pub(crate) library_lines: bool,
    /// If true, the offered choices are listed, as exploration needs them.
    pub record_offers: bool,
    /// If true, every choice is put into words, those of latency too. Slow.
    pub(crate) in_words: bool,
    /// The time that activities and workflows took in the fault-free world: faults leave them that
    /// much.
    pub(crate) baseline: Arc<Baseline>,
    /// The number of steps of the fault-free world, if the world is judged beside it.
    pub(crate) fault_free_steps: Option<u64>,
    /// If true, a line says before the last world which one it is, for what the test prints.
    pub(crate) announces: bool,
    /// If true, the world of a failure is drawn: its report has a
    /// [`view`](crate::report::FailureReport::view).
    pub draws: bool,
    /// If true, the story of the world is told.
    pub(crate) story: bool,
    /// If true, the world is recorded for a view.
    pub(crate) view: bool,
    /// If true, the world goes on however long the same thing happens again and again.
    pub(crate) patient: bool,
    /// The entropy and clocks of the machine, as the world sees them.
    pub(crate) ambient: Ambient,
    /// The answerer of workflow tasks in place of the simulated workers, if there is one.
    #[doc(hidden)]
    pub external_worker: Option<ExternalWorker>,
    /// True if open runs are made anew from their histories after every step of the service.
    #[doc(hidden)]
    pub reimports: bool,
}

impl Default for WorldOptions {
    /// Returns the options of the fault-free world, with every check on but `core_replay`.
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
            library_lines: false,
            record_offers: false,
            in_words: false,
            baseline: Arc::default(),
            fault_free_steps: None,
            announces: false,
            draws: false,
            story: false,
            view: false,
            patient: false,
            ambient: Ambient::default(),
            external_worker: None,
            reimports: false,
        }
    }
}

impl WorldOptions {
    /// Returns the options of a world whose choices a seed answers.
    pub fn seeded(seed: u64) -> Self {
        Self {
            choices: ChoiceSource::Seed(seed),
            ..Self::default()
        }
    }
}

/// The report of a world that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the world"
)]
pub struct WorldReport {
    /// The failure of the world, if it failed.
    pub failure: Option<Failure>,
    /// True if code kept the thread of the world: the world was given up, and shows nothing else.
    pub(crate) stalled: bool,
    /// The source of its choices.
    pub(crate) choices: ChoiceSource,
    /// The hash of the trace at its end.
    pub(crate) ended: TraceHash,
    /// The trace, if it was kept.
    pub trace: Vec<TraceEntry>,
    /// The number of history events of all runs.
    pub events: u64,
    /// The number of steps of the world.
    pub steps: u64,
    /// Virtual milliseconds from the start of the world to its end.
    pub virtual_ms: u64,
    /// The choices that were not benign.
    pub tape: Tape,
    /// The choices of the given tape that match no point of the world.
    pub drift: Vec<TapeEntry>,
    /// The number of faults that happened.
    pub faults: u32,
    /// The activities that were allowed real input and output, and ran: the world is no function of
    /// its choices.
    pub real_io: Vec<String>,
    /// The history of every run, in the order in which the runs started.
    pub histories: Vec<History>,
    /// The histories of runs from elsewhere that the test has replayed.
    pub(crate) given: Vec<History>,
    /// The values that the test observed at the end.
    pub observations: BTreeMap<String, Value>,
    /// The lines that ask for the observations.
    pub(crate) observed_at: BTreeMap<String, &'static Location<'static>>,
    /// The workflows that were still open.
    pub open: Vec<String>,
    /// The recovery that took longest, if the world was judged beside the fault-free world.
    pub slowest_recovery: Option<Recovery>,
    /// The longest recovery that the test allows, in virtual milliseconds, and the line that says
    /// so.
    pub(crate) recovers_within: Option<(u64, &'static Location<'static>)>,
    /// Virtual milliseconds from the start of the world to its last fault.
    pub(crate) healed_ms: u64,
    /// The outcome that a sound workflow has in this world.
    pub(crate) outcome: Outcome,
    /// True if the test returned an error, which was no failure in this world.
    pub(crate) ended_early: bool,
    /// True if the world went on after its test returned, until its workflows had closed.
    pub(crate) settles: bool,
    pub(crate) open_diagnosis: Diagnosis,
    /// The story of the world, if it was told: one thing a line.
    pub(crate) story: Vec<String>,
    /// The recording of the world, if it was recorded, with the attempts of its activities.
    pub(crate) recording: Option<Box<Recorded>>,
    /// True if the test asks for a view.
    pub(crate) wants_view: bool,
    pub(crate) labels: BTreeMap<String, SometimesLabel>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) replays: Vec<ReplayCase>,
}

impl WorldReport {
    /// Returns the report of a world that was given up.
    pub(crate) fn stalled(failure: Failure, options: &WorldOptions) -> Self {
        let tape = match &options.choices {
            ChoiceSource::Tape(tape) | ChoiceSource::Plan(tape) => tape.clone(),
            choices => Tape {
                seed: choices.seed(),
                entries: Vec::new(),
            },
        };
        Self {
            failure: Some(failure),
            stalled: true,
            choices: options.choices.clone(),
            ended: Trace::new(Keep::Hash).hash(),
            trace: Vec::new(),
            events: 0,
            steps: 0,
            virtual_ms: 0,
            tape,
            drift: Vec::new(),
            faults: 0,
            real_io: Vec::new(),
            histories: Vec::new(),
            given: Vec::new(),
            observations: BTreeMap::new(),
            observed_at: BTreeMap::new(),
            open: Vec::new(),
            slowest_recovery: None,
            recovers_within: None,
            healed_ms: 0,
            outcome: Outcome::Same,
            ended_early: false,
            settles: false,
            open_diagnosis: Diagnosis::default(),
            story: Vec::new(),
            recording: None,
            wants_view: false,
            labels: BTreeMap::new(),
            offers: Vec::new(),
            replays: Vec::new(),
        }
    }

    /// Returns the history of a [`ReplayCase`].
    pub(crate) fn history(&self, index: usize) -> &History {
        let given = index.checked_sub(self.histories.len());
        given.map_or_else(|| &self.histories[index], |index| &self.given[index])
    }

    /// Returns the histories of this world's runs, then those that the test has replayed.
    pub(crate) fn all_histories(&self) -> Vec<History> {
        self.histories.iter().chain(&self.given).cloned().collect()
    }

    /// Returns the identity of the world: two worlds agree exactly when their hashes do. It covers
    /// everything that happened, and every history to the byte.
    pub fn trace_hash(&self) -> TraceHash {
        let mut trace = Trace::new(Keep::Hash);
        trace.record(START_MS, "trace", format_args!("{}", self.ended));
        for history in &self.histories {
            let digest = match history.digest() {
                _ if broken!(TraceOfHistories) => 0,
                digest => digest,
            };
            let (workflow_id, run_id) = (history.workflow_id(), history.run_id());
            let text = format_args!("{workflow_id} {run_id} {digest:016x}");
            trace.record(START_MS, "history", text);
        }
        trace.hash()
    }
}

/// The end of the fault-free world, beside which the others are judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    pub(crate) observations: BTreeMap<String, Value>,
    /// The number of workflows of each type that stay open even without faults: nothing is expected
    /// of as many.
    pub(crate) open: BTreeMap<String, usize>,
    /// The time at which each workflow closes, by its id, in virtual milliseconds since the start
    /// of the world.
    pub(crate) closed_ms: BTreeMap<String, u64>,
}

/// A workflow that closed later than in the fault-free world, because of faults. Times are virtual
/// milliseconds since the start of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// The workflow.
    pub workflow: WorkflowName,
    /// The time at which it closed.
    pub closed_ms: u64,
    /// The time that it took longer: since it closes without faults, or since the last fault if
    /// that was later.
    pub late_ms: u64,
    /// The time at which it closes in the fault-free world.
    pub without_faults_ms: u64,
    /// The time of the last fault before it closed.
    pub last_fault_ms: u64,
}

/// The recording of a world, with the attempts of its activities.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) recording: Recording,
    pub(crate) calls: Vec<ActivityCallRecord>,
}

/// A run to replay.
#[derive(Clone)]
pub(crate) struct ReplayCase {
    /// The index of its history: see [`WorldReport::history`].
    pub(crate) history: usize,
    pub(crate) workflow_type: String,
    pub(crate) definitions: WorkflowDefinitions,
    pub(crate) options: ReplayOptions,
}

impl fmt::Debug for ReplayCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "replay of {}", self.workflow_type)
    }
}

/// A label that the search must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SometimesLabel {
    pub(crate) location: String,
    pub(crate) reached: bool,
}
