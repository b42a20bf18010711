//! The options of a `#[workflow_test]`.

use std::borrow::Cow;

use crate::{faults::FaultProfile, limits::Limits, outcome::WorldOptions};

/// The options of a test, which the arguments of [`#[workflow_test]`](crate::workflow_test) set.
#[derive(Clone, Debug, Default)]
pub struct TestOptions {
    /// The options of each of its worlds.
    pub(crate) world: WorldOptions,
    pub(crate) seeds: Option<u64>,
    pub(crate) first_seed: u64,
    pub(crate) command: Option<String>,
    pub(crate) explore: Option<Exhaustive>,
    /// True if histories are not replayed in a fresh process.
    pub(crate) in_one_process: bool,
    /// The arguments that the report shows, one a line.
    pub(crate) inputs: Option<Cow<'static, str>>,
}

impl TestOptions {
    /// Returns the options of a bare `#[workflow_test]`: one fault-free world, with every check on
    /// but `core_replay`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs this many worlds, which differ in order and latency, and in faults if there are any.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = Some(seeds);
        self
    }

    /// Begins with this seed in place of 0: a job that runs every night tries others each time.
    #[must_use]
    pub fn first_seed(mut self, seed: u64) -> Self {
        self.first_seed = seed;
        self
    }

    /// Sets the command that runs the test, for the last line of its reports, if it is not
    /// `cargo test` with the name of the test. `DURASIM_SEED=..` comes before it if a seed failed.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Switches faults on.
    #[must_use]
    pub fn faults(mut self, faults: impl Into<FaultProfile>) -> Self {
        self.world.faults = faults.into();
        self
    }

    /// Runs every plan of at most so many faults: of those switched on, or of all if none is.
    #[must_use]
    pub fn explore(mut self, explore: Exhaustive) -> Self {
        self.explore = Some(explore);
        self
    }

    /// Sets the limits of a world.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.world.limits = limits;
        self
    }

    /// Keeps runs in the caches of workers between their tasks, or does not. Without a cache each
    /// workflow task replays its run from the first event. On by default.
    #[must_use]
    pub fn cache(mut self, cache: bool) -> Self {
        self.world.cache = cache;
        self
    }

    /// Replays every history in full at the end, or does not. On by default.
    #[must_use]
    pub fn replay(mut self, replay: bool) -> Self {
        self.world.replay = replay;
        self
    }

    /// Replays the histories of the fault-free world in a fresh process, or does not. On by
    /// default: the test binary runs itself again for this one test, and finds what lives as long
    /// as a process, such as a `static`.
    #[must_use]
    pub fn fresh_process(mut self, fresh_process: bool) -> Self {
        self.in_one_process = !fresh_process;
        self
    }

    /// Has the SDK's own `WorkflowReplayer` accept every history, or does not. Off by default: it
    /// costs milliseconds.
    #[must_use]
    pub fn core_replay(mut self, core_replay: bool) -> Self {
        self.world.core_replay = core_replay;
        self
    }

    /// Shows these arguments of the test in its report, one a line, as the attribute does for a
    /// `#[case(..)]`.
    #[must_use]
    pub fn inputs(mut self, inputs: impl Into<Cow<'static, str>>) -> Self {
        self.inputs = Some(inputs.into());
        self
    }

    /// Returns the options of each world.
    pub(crate) fn world_options(&self) -> WorldOptions {
        let mut options = self.world.clone();
        // Without any fault there would be nothing to explore but the one plan of none.
        if self.explore.is_some() && options.faults.is_none() {
            options.faults = FaultProfile::all();
        }
        options
    }
}

/// Exploration of every fault plan up to a size.
///
/// Plans of fewer faults come first. Of as many, the most telling come first: attempts that run
/// side by side, then losses that have something done again, then another order of messages, then
/// failures, then runs that are rebuilt from their history, then delays.
///
/// ```
/// use durasim::prelude::*;
///
/// #[workflow_test(explore = Exhaustive::faults(2).max_worlds(10_000))]
/// async fn one_reminder_in_every_plan(env: TestWorkflowEnvironment) -> TestResult {
///     // ..
///     # Ok(())
/// }
/// # let _ = Exhaustive::faults(2).max_worlds(10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhaustive {
    pub(crate) faults: u32,
    pub(crate) max_worlds: u64,
    pub(crate) purpose: Purpose,
}

/// The search that an exploration belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The test asks for it, and is told how it ends.
    Exploration,
    /// The plans of one fault come before the seeds.
    Seeds,
}

impl Exhaustive {
    /// Explores every plan of at most this many faults.
    pub fn faults(faults: u32) -> Self {
        Self {
            faults,
            max_worlds: 100_000,
            purpose: Purpose::Exploration,
        }
    }

    /// The plans of one fault, the fault-free one among them, that come before seeds.
    pub(crate) fn before_seeds(max_worlds: u64) -> Self {
        Self {
            purpose: Purpose::Seeds,
            ..Self::faults(1).max_worlds(max_worlds)
        }
    }

    /// Stops after this many worlds, and says that there are more: the test does not fail for that.
    /// The default is 100,000.
    #[must_use]
    pub fn max_worlds(mut self, worlds: u64) -> Self {
        self.max_worlds = worlds;
        self
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::Fault;

    /// The faults that the worlds of a test may meet, in words.
    fn faults(options: &TestOptions) -> String {
        options.world_options().faults.to_string()
    }

    #[test]
    fn exploration_explores_all_faults_unless_some_are_named() {
        let explored = TestOptions::new().explore(Exhaustive::faults(1));
        assert_eq!(faults(&explored), FaultProfile::all().to_string());
        assert_eq!(
            faults(&explored.faults(FaultProfile::crashes())),
            FaultProfile::crashes().to_string()
        );
    }

    #[test]
    fn a_test_that_names_no_faults_meets_none() {
        assert_eq!(
            faults(&TestOptions::new().seeds(8)),
            FaultProfile::none().to_string()
        );
        let placed = TestOptions::new().faults(Fault::worker_crash());
        assert!(!placed.world_options().faults.has_odds());
    }
}
