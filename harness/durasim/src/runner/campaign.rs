//! A test and its fault-free world, against which every other world is judged.

use super::{
    plan::{self, is_fault},
    world::{Body, run_world},
};
use crate::{
    broken::broken,
    checks,
    faults::{Baseline, FaultProfile},
    outcome::{ChoiceSource, Reference, WorldOptions, WorldReport},
    report::{FailureCode, FailureReport, Spent},
};
use durasim_engine::{Shrunk, Tape, shrink};
use std::{collections::BTreeMap, sync::Arc};

/// How many worlds shrinking may run. Far more than it takes: a run has some dozens of choices.
const MAX_SHRINK_RUNS: usize = 2_000;

/// The same of a world that goes on without end, each of which takes thousands of steps.
const MAX_ENDLESS_RUNS: usize = 200;

/// A test with its fault-free world: runs worlds and judges them by it.
///
/// ```
/// use durasim::{Campaign, FaultProfile, TestWorkflowEnvironment, WorldOptions};
/// use futures::FutureExt;
///
/// let body = |env: TestWorkflowEnvironment| async move {
///     env.sleep(std::time::Duration::from_secs(3600)).await;
///     Ok(())
/// }.boxed_local();
/// let mut options = WorldOptions::default();
/// options.faults = FaultProfile::all();
/// let campaign = Campaign::new(&body, options);
/// assert!(campaign.fault_free().failure.is_none());
/// assert_eq!(campaign.seed(7).trace_hash, campaign.seed(7).trace_hash);
/// ```
pub struct Campaign<'a> {
    body: &'a Body,
    options: WorldOptions,
    fault_free: WorldReport,
    reference: Reference,
}

impl<'a> Campaign<'a> {
    /// Runs the fault-free world, which may fail: see [`fault_free`](Self::fault_free).
    pub fn new(body: &'a Body, mut options: WorldOptions) -> Self {
        let mut first = WorldOptions {
            choices: ChoiceSource::Benign,
            ..options.clone()
        };
        first.faults = options.faults.without_placed();
        let fault_free = run_world(body, &first);
        let mut open = BTreeMap::new();
        for workflow in &fault_free.open_diagnosis.workflows {
            *open.entry(workflow.name.workflow_type.clone()).or_default() += 1;
        }
        if options.faults.has_odds() {
            options.baseline = Arc::new(Baseline::of(&fault_free.histories));
        }
        let reference = Reference {
            observations: fault_free.observations.clone(),
            open,
        };
        Self {
            body,
            options,
            fault_free,
            reference,
        }
    }

    /// The fault-free world.
    pub fn fault_free(&self) -> &WorldReport {
        &self.fault_free
    }

    /// What may go wrong in the other worlds.
    pub fn faults(&self) -> &FaultProfile {
        &self.options.faults
    }

    /// The world of a seed, judged.
    pub fn seed(&self, seed: u64) -> WorldReport {
        self.run(ChoiceSource::Seed(seed))
    }

    /// The world of a tape, judged.
    pub fn tape(&self, tape: &Tape) -> WorldReport {
        self.run(ChoiceSource::Tape(tape.clone()))
    }

    /// A world, judged.
    pub fn run(&self, choices: ChoiceSource) -> WorldReport {
        self.judge(&WorldOptions {
            choices,
            ..self.options.clone()
        })
    }

    pub(crate) fn run_with(
        &self,
        choices: ChoiceSource,
        change: impl FnOnce(&mut WorldOptions),
    ) -> WorldReport {
        let mut options = WorldOptions {
            choices,
            ..self.options.clone()
        };
        change(&mut options);
        self.judge(&options)
    }

    fn judge(&self, options: &WorldOptions) -> WorldReport {
        let mut report = run_world(self.body, options);
        if let ChoiceSource::Tape(tape) = &options.choices {
            // Entropy follows the seed still: without it, the tape that is kept would not be the
            // same world.
            report.tape.seed = tape.seed;
        }
        report.failure = match report.failure.take() {
            None => checks::against(&report, &self.reference),
            Some(failure) if options.faults.is_none() => Some(failure),
            Some(failure) => Some(checks::failed_under_faults(
                failure,
                &report,
                &self.reference,
            )),
        };
        report
    }

    /// The same world once more with backtraces on, if the same goes wrong in it again: they name
    /// the user's lines.
    pub(crate) fn explained(
        &self,
        choices: ChoiceSource,
        failure: &FailureReport,
    ) -> Option<WorldReport> {
        let report = self.run_with(choices, |options| {
            options.backtraces = true;
            options.in_words = true;
        });
        // Backtraces may name a better line: of an assertion in a library, the one that called it.
        let kind = |failure: &FailureReport| Signature {
            location: None,
            ..Signature::of(failure)
        };
        let same = report
            .failure
            .as_ref()
            .is_some_and(|again| kind(again) == kind(failure));
        same.then_some(report)
    }

    /// Puts the choices of a failed world back to benign, as long as the same thing goes wrong at
    /// the same place; what is returned is the smallest world found, its failure complete with plan
    /// and cost.
    ///
    /// # Panics
    ///
    /// If the world did not fail.
    pub fn shrink(&self, failed: &WorldReport) -> WorldReport {
        let failure = failed
            .failure
            .as_ref()
            .expect("only a failed world shrinks");
        let endless = self.is_endless(failed);
        let shrunk = if endless {
            self.shrink_endless(failed)
        } else {
            self.shrink_to_same(failed)
        };
        let smallest = if endless {
            // Backtraces of so many commands would take longer than all else, and name no line of
            // an end that never comes.
            let again = self.run_with(ChoiceSource::Tape(shrunk.tape.clone()), |options| {
                options.in_words = true;
            });
            again
                .failure
                .as_ref()
                .is_some_and(|again| again.code == failure.code)
                .then_some(again)
        } else {
            self.explained(ChoiceSource::Tape(shrunk.tape), failure)
        };
        let mut smallest = smallest.unwrap_or_else(|| failed.clone());
        let minimal = smallest.tape.clone();
        if let Some(failure) = &mut smallest.failure {
            failure.plan = Some(plan::words(&failed.tape, &minimal));
            failure.tape = Some(minimal);
            failure.spent = Spent {
                worlds: 1,
                steps: failed.steps,
                shrink_runs: shrunk.tried as u64,
            };
            failure.seed = failed.tape.seed;
        }
        smallest
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

    /// Whether a world failed because it went on and on, for far longer than the fault-free one.
    fn is_endless(&self, failed: &WorldReport) -> bool {
        failed.failure.as_ref().is_some_and(goes_on) && failed.steps > self.endless_steps()
    }

    /// After so many steps a world is taken to go on without end while it is shrunk: the limit
    /// itself takes seconds.
    fn endless_steps(&self) -> u64 {
        self.fault_free
            .steps
            .saturating_mul(20)
            .saturating_add(2_000)
    }

    /// The same for a world that goes on without end: each that goes on far too long counts as one.
    fn shrink_endless(&self, failed: &WorldReport) -> Shrunk {
        let max_steps = self.endless_steps();
        let is_endless = |tape: &Tape| {
            let world = self.run_with(ChoiceSource::Tape(tape.clone()), |options| {
                options.limits.max_steps = max_steps
            });
            world.failure.as_ref().is_some_and(goes_on)
        };
        // Of its thousands of choices of latency most come after it had gone wrong.
        let faults = failed
            .tape
            .entries
            .iter()
            .filter(|entry| is_fault(entry))
            .cloned()
            .collect();
        let faults = Tape {
            seed: failed.tape.seed,
            entries: faults,
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

/// Whether a world that failed like this had not come to an end.
fn goes_on(failure: &FailureReport) -> bool {
    matches!(failure.code, FailureCode::Limit | FailureCode::Liveness)
}

/// What makes two failures the same: the check, what it says, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    code: FailureCode,
    workflow_type: Option<String>,
    location: Option<(String, u32)>,
    label: Option<String>,
}

impl Signature {
    pub(crate) fn of(failure: &FailureReport) -> Self {
        Self {
            code: failure.code,
            workflow_type: failure
                .workflow
                .as_ref()
                .map(|workflow| workflow.workflow_type.clone()),
            // Of a replay the line is known only with backtraces on.
            location: match failure.code {
                FailureCode::Replay => None,
                _ => failure
                    .location
                    .as_ref()
                    .map(|line| (line.file.clone(), line.line)),
            },
            label: failure
                .comparison
                .as_ref()
                .map(|comparison| comparison.label.clone()),
        }
    }
}
