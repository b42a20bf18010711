//! A test and its fault-free world, beside which every other world is judged.

use std::{collections::BTreeMap, sync::Arc};

use durasim_engine::Tape;

use super::world::{Body, run_judged, run_world};
use crate::{
    checks::recovery,
    faults::Baseline,
    logging,
    outcome::{ChoiceSource, Reference, WorldOptions, WorldReport},
};

/// A test with its fault-free world: runs worlds and judges them beside it.
///
/// ```
/// use durasim::{
///     FaultProfile, TestWorkflowEnvironment,
///     advanced::{Campaign, WorldOptions},
/// };
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
/// assert_eq!(campaign.seed(7).trace_hash(), campaign.seed(7).trace_hash());
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
        let mut first = fault_free(&options);
        first.story = logging::tells_story();
        let fault_free = run_world(body, &first);
        let mut open = BTreeMap::new();
        for workflow in &fault_free.open_diagnosis.workflows {
            *open.entry(workflow.name.workflow_type.clone()).or_default() += 1;
        }
        if options.faults.has_odds() {
            options.baseline = Arc::new(Baseline::of(&fault_free.histories));
        }
        let reference = Reference {
            closed_ms: recovery::closed_ms(&fault_free.histories),
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

    /// Returns the fault-free world.
    pub fn fault_free(&self) -> &WorldReport {
        &self.fault_free
    }

    pub(super) fn options(&self) -> &WorldOptions {
        &self.options
    }

    /// Runs the fault-free world once more, and records it.
    pub(super) fn recorded_fault_free(&self) -> WorldReport {
        let options = WorldOptions {
            view: true,
            backtraces: true,
            ..fault_free(&self.options)
        };
        run_world(self.body, &options)
    }

    /// Returns the fault-free world, and ends the campaign.
    pub(super) fn into_fault_free(self) -> WorldReport {
        self.fault_free
    }

    /// Runs the world of a seed, and judges it.
    pub fn seed(&self, seed: u64) -> WorldReport {
        self.run(ChoiceSource::Seed(seed))
    }

    /// Runs the world of a tape, and judges it.
    pub fn tape(&self, tape: &Tape) -> WorldReport {
        self.run(ChoiceSource::Tape(tape.clone()))
    }

    /// Runs a world, and judges it.
    pub fn run(&self, choices: ChoiceSource) -> WorldReport {
        self.run_with(choices, |_| ())
    }

    /// Says that the next world is the one that is reported: what the test prints in it comes after
    /// what it printed in all the others.
    pub(super) fn announce(&self) {
        if self.options.announces {
            println!("durasim: printed from here on: by the world that is reported");
        }
    }

    /// Runs a world with other options, and judges it.
    pub(crate) fn run_with(
        &self,
        choices: ChoiceSource,
        change: impl FnOnce(&mut WorldOptions),
    ) -> WorldReport {
        let mut options = WorldOptions {
            choices,
            fault_free_steps: Some(self.fault_free.steps),
            patient: true,
            ..self.options.clone()
        };
        change(&mut options);
        run_judged(self.body, &options, Some(&self.reference))
    }
}

/// Returns the options of the fault-free world.
fn fault_free(options: &WorldOptions) -> WorldOptions {
    let mut first = WorldOptions {
        choices: ChoiceSource::Benign,
        ..options.clone()
    };
    first.faults = options.faults.without_placed();
    first.library_lines = true;
    first
}
