//! The smallest world that fails alike.

use durasim_engine::{Shrunk, Tape, shrink};

use super::{campaign::Campaign, plan::is_fault};
use crate::{
    broken::broken,
    logging,
    outcome::{ChoiceSource, WorldReport},
    report::{Failure, FailureCode, source_lines::is_dependencys},
};

/// The number of worlds that shrinking may run: far more than it takes, since a world has some
/// dozens of choices.
const MAX_SHRINK_RUNS: usize = 2_000;

/// The same for a world that goes on without end: each such world takes thousands of steps.
const MAX_ENDLESS_RUNS: usize = 200;

/// The smallest world found that fails alike.
pub(super) struct Smallest {
    pub(super) failure: Failure,
    pub(super) tape: Tape,
    /// The story of the world, if it was told.
    pub(super) story: Vec<String>,
    /// The number of worlds that it took to find it.
    pub(super) tried: u64,
}

impl Campaign<'_> {
    /// Makes the choices of a failed world benign again, as long as the same failure appears at the
    /// same place.
    ///
    /// # Panics
    ///
    /// If the world did not fail.
    pub(super) fn smallest(&self, failed: &WorldReport) -> Smallest {
        let failure = failed
            .failure
            .as_ref()
            .expect("only a failed world shrinks");
        let (again, tried) = if failed.stalled {
            // Every further world would take as long to stall, and keep a thread.
            (None, 0)
        } else if !failed.real_io.is_empty() {
            // Whatever real input brings, it may bring something else to the next world.
            (None, 0)
        } else if failed.tape.is_empty() && goes_on(failure) {
            // Backtraces of thousands of commands would take longer than everything else, and they
            // name no line of an end that never comes.
            (None, 0)
        } else if failed.tape.is_empty() && knows_its_line(failure) {
            // What the test prints is not printed twice, and its snapshots are not numbered anew.
            (None, 0)
        } else if failed.tape.is_empty() {
            let choices = match failed.tape.seed {
                None => ChoiceSource::Benign,
                Some(_) => ChoiceSource::Tape(failed.tape.clone()),
            };
            (self.explained(choices, failure), 0)
        } else if self.is_endless(failed) {
            let shrunk = self.shrink_endless(failed);
            self.announce();
            let again = self.run_with(ChoiceSource::Tape(shrunk.tape), |options| {
                options.in_words = true;
                options.story = logging::tells_story();
            });
            let fails_alike = |again: &Failure| again.code == failure.code;
            let again = again
                .failure
                .as_ref()
                .is_some_and(fails_alike)
                .then_some(again);
            (again, shrunk.tried)
        } else {
            let shrunk = self.shrink_to_same(failed);
            let again = self.explained(ChoiceSource::Tape(shrunk.tape), failure);
            (again, shrunk.tried)
        };
        let smallest = again.as_ref().unwrap_or(failed);
        Smallest {
            failure: smallest.failure.clone().unwrap_or_else(|| failure.clone()),
            tape: smallest.tape.clone(),
            story: smallest.story.clone(),
            tried: tried as u64,
        }
    }

    /// Runs a world once more, with backtraces on, which name the user's lines. `None` if another
    /// failure appears in it.
    fn explained(&self, choices: ChoiceSource, failure: &Failure) -> Option<WorldReport> {
        self.announce();
        let report = self.run_with(choices, |options| {
            options.backtraces = true;
            options.in_words = true;
            options.story = logging::tells_story();
        });
        // Backtraces may name a better line: for an assertion in a library, the line that called
        // it.
        let anywhere = |failure: &Failure| Signature {
            location: None,
            ..Signature::of(failure)
        };
        let same = report
            .failure
            .as_ref()
            .is_some_and(|again| anywhere(again) == anywhere(failure));
        same.then_some(report)
    }

    fn shrink_to_same(&self, failed: &WorldReport) -> Shrunk {
        let wanted = failed.failure.as_ref().map(Signature::of);
        shrink(
            &failed.tape,
            if broken!(Shrinking) {
                0
            } else {
                MAX_SHRINK_RUNS
            },
            |tape| self.tape(tape).failure.as_ref().map(Signature::of) == wanted,
        )
    }

    /// Returns `true` if a world failed because it went on for far longer than the fault-free
    /// world.
    fn is_endless(&self, failed: &WorldReport) -> bool {
        failed.failure.as_ref().is_some_and(goes_on) && failed.steps > self.endless_steps()
    }

    /// Returns the number of steps after which a world counts as endless while it is shrunk: to
    /// reach the limit itself takes seconds.
    fn endless_steps(&self) -> u64 {
        self.fault_free()
            .steps
            .saturating_mul(20)
            .saturating_add(2_000)
    }

    /// Shrinks a world that goes on without end: every world that goes on for far too long counts
    /// as the same failure.
    fn shrink_endless(&self, failed: &WorldReport) -> Shrunk {
        let max_steps = self.endless_steps();
        let is_endless = |tape: &Tape| {
            let world = self.run_with(ChoiceSource::Tape(tape.clone()), |options| {
                options.limits.max_steps = max_steps;
            });
            world.failure.as_ref().is_some_and(goes_on)
        };
        // Most of its thousands of choices of latency come after it had gone wrong, so the faults
        // alone are tried first.
        let faults = failed.tape.entries.iter().filter(|entry| is_fault(entry));
        let faults = Tape {
            seed: failed.tape.seed,
            entries: faults.cloned().collect(),
        };
        let runs = if broken!(Shrinking) {
            0
        } else {
            MAX_ENDLESS_RUNS
        };
        if runs > 0 && is_endless(&faults) {
            let shrunk = shrink(&faults, runs, is_endless);
            return Shrunk {
                tried: shrunk.tried + 1,
                ..shrunk
            };
        }
        shrink(&failed.tape, runs, is_endless)
    }
}

/// Returns `true` if a failure names the best line that there is: no backtrace of another world has
/// a better one.
fn knows_its_line(failure: &Failure) -> bool {
    let location = failure.location.as_ref();
    let is_users = location.is_some_and(|line| !is_dependencys(&line.file));
    match failure.code {
        // Commands have lines only with backtraces on.
        FailureCode::Replay | FailureCode::CoreReplay | FailureCode::WorkflowTask => false,
        FailureCode::Panic | FailureCode::Escape => is_users,
        _ => true,
    }
}

/// Returns `true` if a world that failed like this had not come to an end.
fn goes_on(failure: &Failure) -> bool {
    matches!(failure.code, FailureCode::Limit | FailureCode::Liveness)
}

/// The signature of a failure: two failures with the same signature are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    code: FailureCode,
    workflow_type: Option<String>,
    location: Option<(String, u32)>,
    label: Option<String>,
}

impl Signature {
    /// Returns the signature of a failure.
    pub(crate) fn of(failure: &Failure) -> Self {
        let workflow = failure.workflow.as_ref();
        let location = failure.location.as_ref();
        Self {
            code: failure.code,
            // For an invariant it is only the workflow in which something happened last.
            workflow_type: workflow
                .filter(|_| failure.code != FailureCode::Invariant)
                .map(|workflow| workflow.workflow_type.clone()),
            // The line of a replay is known only with backtraces on.
            location: location
                .filter(|_| failure.code != FailureCode::Replay)
                .map(|line| (line.file.clone(), line.line)),
            label: failure
                .comparison
                .as_ref()
                .map(|comparison| comparison.label.clone()),
        }
    }
}
