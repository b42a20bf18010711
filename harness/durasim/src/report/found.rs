//! Findings: how a search came to a failure, and how the failure comes back.

use durasim_engine::Tape;

use durasim_view::View;

use super::SourceLine;

/// The way to a failure: its test, the choices that bring it back, and the cost of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The test's path as `module_path!` gives it, crate included: `payments::tests::charges_once`.
    pub test: String,
    /// The line of the test, which is shown for a failure that does not know its own line.
    pub test_line: Option<SourceLine>,
    /// The arguments of the test, in words: those of its case, or those that proptest generated,
    /// after shrinking.
    pub inputs: Option<String>,
    /// The faults that the failure takes. `None` if the world had no choices.
    pub plan: Option<FaultPlanWords>,
    /// The activities that did real input and output: the failure may not come back.
    pub real_io: Vec<String>,
    /// The story of the world that failed, if `DURASIM_LOG=1` asks for it: one thing a line. It is
    /// not in the text of the report.
    pub story: Vec<String>,
    /// The shortest known list of choices that brings the failure back. `None` if the failure takes
    /// no choice.
    pub tape: Option<Tape>,
    /// The cost of finding and shrinking the failure.
    pub spent: Spent,
    /// The file in which the failure is saved, to be run first from now on.
    pub saved: Option<String>,
    /// The file of the picture of the world that failed.
    pub view: Option<String>,
    /// The picture, until it is written.
    pub(crate) drawn: Option<Box<View>>,
    /// The seed that brings the failure back. `None` if the test alone does.
    pub seed: Option<u64>,
    /// The command that brings the failure back, if it is not `cargo test` with the test's name and
    /// seed.
    pub command: Option<String>,
}

/// The choices that a failure takes, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlanWords {
    /// The number of faults in the world in which the failure was found.
    pub found: usize,
    /// The faults that are left after shrinking, in the order in which they happen.
    pub faults: Vec<PlannedFault>,
    /// The choices of order and latency that are left besides, in words. They are no faults.
    pub orderings: Vec<String>,
    /// The number of choices of a saved plan that match no point of the world any more: the code
    /// has changed.
    pub drifted: usize,
}

/// One fault of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    /// Virtual milliseconds since the start of the world.
    pub at_ms: u64,
    /// The fault in the user's words: `crash worker payments after Payments::charge, attempt 1`.
    pub words: String,
    /// The remedy for code that goes wrong under the fault.
    pub cure: Option<&'static str>,
}

/// The cost of finding and shrinking a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// The number of simulated worlds until the first that failed, that world included.
    pub worlds: u64,
    /// The number of steps of all those worlds together.
    pub steps: u64,
    /// The number of further worlds that shrinking ran.
    pub shrink_runs: u64,
}

impl std::ops::Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            worlds: self.worlds + other.worlds,
            steps: self.steps + other.steps,
            shrink_runs: self.shrink_runs + other.shrink_runs,
        }
    }
}
