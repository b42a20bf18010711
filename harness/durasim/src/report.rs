//! What is printed when a test fails: plain data in, text out.
//!
//! A [`FailureReport`] is made by the constructor of its kind (see `kinds`), is filled in by
//! whoever found the failure, and renders in one fixed order: what broke, with its [`FailureCode`]
//! and the workflow; the user's own line; expected and actual; the minimal plan of faults; one
//! remedy; what the search cost; and, last, the command that brings it back.
//!
//! Nothing here reads the world of a run, a clock or a file, so every text has a snapshot test.
//! Only [`Colors`] looks at the terminal.

mod code;
mod diagnosis;
mod diff;
mod excerpt;
mod kinds;
mod nondeterminism;
mod paint;
mod render;
mod sdk_defects;
pub(crate) mod source_lines;

use durasim_engine::Tape;

pub use code::FailureCode;
pub use diagnosis::{Awaited, Diagnosis, OpenWorkflow, Waiting};
pub use excerpt::{ExcerptLine, HistoryExcerpt, Mark};
pub use kinds::Registered;
pub use paint::Colors;

/// A failed test, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureReport {
    /// What kind of failure it is.
    pub code: FailureCode,
    /// What broke, in one sentence that follows the code; lower case, no full stop.
    pub what: String,
    /// The test's path as `module_path!` gives it, crate included: `payments::tests::charges_once`.
    pub test: String,
    /// The workflow it is about, if it is about one.
    pub workflow: Option<WorkflowName>,
    /// The user's own line, if one is known.
    pub location: Option<SourceLine>,
    /// The words of a panic or an error, several lines perhaps.
    pub message: Option<String>,
    /// Two values that should have been equal.
    pub comparison: Option<Comparison>,
    /// The piece of history where it went wrong.
    pub history: Option<HistoryExcerpt>,
    /// Of a run in which nothing can happen any more: what everything waits for.
    pub diagnosis: Option<Diagnosis>,
    /// The generated arguments of a proptest, after shrinking, in words.
    pub inputs: Option<String>,
    /// The faults that it takes; `None` for a run without any choice.
    pub plan: Option<FaultPlanWords>,
    /// The smallest list of choices that brings it back, as saved; `None` if it takes none.
    pub tape: Option<Tape>,
    /// What to do about it, where that is more than the code's own remedy.
    pub remedy: Option<String>,
    /// What finding and shrinking it cost.
    pub spent: Spent,
    /// The file in which the failure is kept, to be run first from now on.
    pub saved: Option<String>,
    /// The seed that brings it back; `None` if the test alone does.
    pub seed: Option<u64>,
    /// The command that brings it back, if it is not `cargo test` with the test's name and seed.
    pub command: Option<String>,
}

/// A workflow as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowName {
    /// The workflow type.
    pub workflow_type: String,
    /// The workflow id.
    pub workflow_id: String,
}

impl WorkflowName {
    /// The workflow `workflow_id` of type `workflow_type`.
    pub fn new(workflow_type: impl Into<String>, workflow_id: impl Into<String>) -> Self {
        Self {
            workflow_type: workflow_type.into(),
            workflow_id: workflow_id.into(),
        }
    }
}

/// Type and id.
impl std::fmt::Display for WorkflowName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.workflow_type, self.workflow_id)
    }
}

/// A line of the user's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The path as the compiler knows it, from the workspace's root.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
}

impl From<&std::panic::Location<'_>> for SourceLine {
    fn from(location: &std::panic::Location<'_>) -> Self {
        Self {
            file: location.file().to_owned(),
            line: location.line(),
        }
    }
}

/// Two values that should have been equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What the values are of: the name given to `env.observe`, say.
    pub label: String,
    /// Where the expected value comes from: `the fault-free run`, say.
    pub expected_from: String,
    /// The expected value, pretty-printed over several lines.
    pub expected: String,
    /// Where the actual value comes from.
    pub actual_from: String,
    /// The actual value.
    pub actual: String,
}

/// The choices that it takes to fail, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlanWords {
    /// How many faults the run had in which the failure was found.
    pub found: usize,
    /// The faults that are left after shrinking, in the order in which they happen.
    pub faults: Vec<PlannedFault>,
    /// The choices of order and latency that are left besides, in words; they are no faults.
    pub orderings: Vec<String>,
    /// Choices of a saved plan that no longer match any point of the run: the code has changed.
    pub drifted: usize,
}

/// One fault of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    /// Milliseconds of virtual time since the run began.
    pub at_ms: u64,
    /// In the user's words: `crash worker payments after Payments::charge, attempt 1`.
    pub words: String,
}

/// What finding and shrinking a failure cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Simulated worlds until the first that failed, that one included.
    pub worlds: u64,
    /// Steps of all those worlds together.
    pub steps: u64,
    /// Further worlds that shrinking ran.
    pub shrink_runs: u64,
}

impl FailureReport {
    /// The text with colours or without, ending with the command and a newline.
    pub fn render(&self, colors: Colors) -> String {
        render::render(self, colors)
    }
}

/// The text without colours.
impl std::fmt::Display for FailureReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(Colors::Off))
    }
}

#[cfg(test)]
mod tests;
