//! What a `#[workflow_test]` can be told.

use crate::{faults::FaultProfile, limits::Limits};

/// How a test is run; the arguments of [`#[workflow_test]`](crate::workflow_test) set it.
#[derive(Clone, Debug)]
pub struct TestOptions {
    pub(crate) seeds: Option<u64>,
    pub(crate) faults: FaultProfile,
    pub(crate) explore: Option<Exhaustive>,
    pub(crate) limits: Limits,
    pub(crate) cache: bool,
    pub(crate) replay: bool,
    pub(crate) core_replay: bool,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TestOptions {
    /// One fault-free run, with every check on but `core_replay`.
    pub fn new() -> Self {
        Self {
            seeds: None,
            faults: FaultProfile::none(),
            explore: None,
            limits: Limits::default(),
            cache: true,
            replay: true,
            core_replay: false,
        }
    }

    /// Runs this many worlds, which differ in order and latency, and in faults if there are any.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = Some(seeds);
        self
    }

    /// What may go wrong.
    #[must_use]
    pub fn faults(mut self, faults: impl Into<FaultProfile>) -> Self {
        self.faults = faults.into();
        self
    }

    /// Runs every plan of at most so many faults: of those switched on, or of all if none is.
    #[must_use]
    pub fn explore(mut self, explore: Exhaustive) -> Self {
        self.explore = Some(explore);
        self
    }

    /// The limits of a run.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether workers keep runs between their tasks. Without, each workflow task replays from the
    /// first event.
    #[must_use]
    pub fn cache(mut self, cache: bool) -> Self {
        self.cache = cache;
        self
    }

    /// Whether every history is replayed in full at the end. On by default.
    #[must_use]
    pub fn replay(mut self, replay: bool) -> Self {
        self.replay = replay;
        self
    }

    /// Whether the SDK's own `WorkflowReplayer` must accept every history. Off by default: it costs
    /// milliseconds.
    #[must_use]
    pub fn core_replay(mut self, core_replay: bool) -> Self {
        self.core_replay = core_replay;
        self
    }
}

/// Exploration of every fault plan up to a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhaustive {
    pub(crate) faults: u32,
    pub(crate) max_worlds: u64,
}

impl Exhaustive {
    /// Every plan of at most this many faults.
    pub fn faults(faults: u32) -> Self {
        Self {
            faults,
            max_worlds: 100_000,
        }
    }

    /// Stops, with a failure that says so, after this many worlds. The default is 100,000.
    #[must_use]
    pub fn max_worlds(mut self, worlds: u64) -> Self {
        self.max_worlds = worlds;
        self
    }
}
