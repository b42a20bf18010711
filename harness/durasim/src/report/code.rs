//! The stable codes of failures.

use std::fmt;

/// Which kind of failure it is; its code never changes its meaning.
///
#[doc = include_str!("../../docs/failure-codes.md")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureCode {
    /// The test panicked, an assertion of its own perhaps.
    Panic,
    /// The test returned an error.
    Error,
    /// Nothing can happen any more, and the test still waits.
    Stuck,
    /// The run passed a limit on steps, virtual time or history length.
    Limit,
    /// A workflow or an activity is wanted that no worker has.
    Unregistered,
    /// Workflow code fails its task on every attempt.
    WorkflowTask,
    /// Code left the simulated world: a thread, real input or output.
    Escape,
    /// The test cannot be run, or not as it is set up.
    Setup,
    /// Workflow code issued other commands than its history holds.
    Replay,
    /// The SDK's own replayer rejects the history.
    CoreReplay,
    /// What the test observes differs from the fault-free run.
    Idempotency,
    /// One effect was applied more than once.
    EffectsOnce,
    /// Faults stopped, and a workflow did not close.
    Liveness,
    /// The history breaks a rule that every history keeps.
    History,
    /// An invariant of the test's own does not hold.
    Invariant,
    /// A label was never reached in the whole campaign.
    Sometimes,
    /// A known defect of the SDK that no workflow code is to blame for.
    Sdk,
    /// Two runs of the same choices differ: the test itself is not deterministic.
    Unrepeatable,
}

impl FailureCode {
    /// All codes, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Panic,
        Self::Error,
        Self::Stuck,
        Self::Limit,
        Self::Unregistered,
        Self::WorkflowTask,
        Self::Escape,
        Self::Setup,
        Self::Replay,
        Self::CoreReplay,
        Self::Idempotency,
        Self::EffectsOnce,
        Self::Liveness,
        Self::History,
        Self::Invariant,
        Self::Sometimes,
        Self::Sdk,
        Self::Unrepeatable,
    ];

    /// The code: `DS101`. 0xx: the run itself; 1xx: checks, by rank in the catalogue; 2xx: not the
    /// workflow's fault.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// The name: `replay`. Of a check it is the check's own.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What to do about it, when nothing more precise is known.
    pub fn remedy(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Panic => (
                "DS001",
                "panic",
                "look at what the workflow saw, `env.history(workflow)`; under faults, at the plan's last \
                 line first",
            ),
            Self::Error => (
                "DS002",
                "error",
                "handle the error where it arises, or expect it in the test",
            ),
            Self::Stuck => (
                "DS003",
                "stuck",
                "send or start what is waited for, or bound the wait: `select!` with a timer in the workflow",
            ),
            Self::Limit => (
                "DS004",
                "limit",
                "look for a loop without end first; raise the limit if the run is really that long",
            ),
            Self::Unregistered => (
                "DS005",
                "unregistered",
                "register it with the worker of that task queue, or mock it",
            ),
            Self::WorkflowTask => (
                "DS006",
                "workflow_task",
                "what fails a workflow task, a panic say, is retried without end; return an error to fail the workflow \
                 instead",
            ),
            Self::Escape => (
                "DS007",
                "escape",
                "keep the work on the simulated thread; put a fake behind a trait for what must leave it",
            ),
            Self::Setup => (
                "DS008",
                "setup",
                "correct what the message names, and run the test again",
            ),
            Self::Replay => (
                "DS101",
                "replay",
                "workflow code may depend on its history alone: move clocks, randomness, I/O and hash order \
                 into activities or the context's own functions, and guard changed code with `patched`",
            ),
            Self::CoreReplay => (
                "DS102",
                "core_replay",
                "treat it like DS101 if durasim's own replay fails too; else please report it: the simulated \
                 service made a history that the real one would not",
            ),
            Self::Idempotency => (
                "DS103",
                "idempotency",
                "give each effect an idempotency key that stays the same over attempts, such as the workflow \
                 id with the activity id, and let the receiver ignore repeats",
            ),
            Self::EffectsOnce => (
                "DS104",
                "effects_once",
                "check the idempotency key before applying the effect, in one transaction with it",
            ),
            Self::Liveness => (
                "DS105",
                "liveness",
                "see above what the workflow waits for: bound retries and waits with timeouts, and keep what a signal brings \
                 until it is used",
            ),
            Self::History => (
                "DS106",
                "history",
                "please report it with the history: the simulated service broke a rule of Temporal's",
            ),
            Self::Invariant => (
                "DS107",
                "invariant",
                "look at the step just before: the last line of the plan is usually what broke it",
            ),
            Self::Sometimes => (
                "DS108",
                "sometimes",
                "give it more seeds or faults, or make the case reachable: as it is, nothing here tests it",
            ),
            Self::Sdk => ("DS201", "sdk", "see the way around in the message"),
            Self::Unrepeatable => (
                "DS202",
                "unrepeatable",
                "find what the test or its activities read from the machine: statics, clocks, hash order, \
                 threads, `select!` without `biased;`",
            ),
        }
    }
}

/// Code and name: `DS101 replay`.
impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ascending() {
        for pair in FailureCode::ALL.windows(2) {
            assert!(
                pair[0].code() < pair[1].code(),
                "{} before {}",
                pair[0],
                pair[1]
            );
        }
    }

    #[test]
    fn the_documented_table_lists_every_code() {
        let table = include_str!("../../docs/failure-codes.md");
        for code in FailureCode::ALL {
            let row = format!("| `{}` | `{}` |", code.code(), code.name());
            assert!(table.contains(&row), "docs/failure-codes.md lacks {row}");
        }
        let rows = table
            .lines()
            .filter(|line| line.starts_with("| `DS"))
            .count();
        assert_eq!(
            rows,
            FailureCode::ALL.len(),
            "docs/failure-codes.md lists codes that do not exist"
        );
    }
}
