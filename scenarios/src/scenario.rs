//! What a scenario is: a world, what it must come to, and what it takes to break it.

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use durasim_worker::{RegistrationError, WorkflowDefinitions};
use futures::future::LocalBoxFuture;
use temporalio_sdk::{
    WorkerOptions, WorkflowRegistrationError, workflow_replayer::WorkflowReplayerOptions,
};

/// Sets up a world, drives it, and asserts what must hold.
pub type World = fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>;

/// One pattern, with a world to try it in.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// As on the command line; flawed ones begin with `flawed/`.
    pub name: &'static str,
    /// One sentence, for people.
    pub about: &'static str,
    /// What is wrong with it, if it is one of those that must be caught.
    pub flaw: Option<Flaw>,
    /// Its world.
    pub world: World,
    /// Its workflows, for replaying its histories elsewhere.
    pub workflows: Workflows,
}

impl Scenario {
    /// Whether no seed and no fault may make it fail.
    pub fn is_sound(&self) -> bool {
        self.flaw.is_none()
    }
}

/// What is known of a flaw.
#[derive(Clone, Copy, Debug)]
pub struct Flaw {
    /// The sound scenario that does it right.
    pub twin: &'static str,
    /// The check that must catch it.
    pub code: FailureCode,
    /// The least number of faults with which it shows.
    pub faults: usize,
}

/// The workflow types of a scenario, in the latest version of each.
#[derive(Clone, Copy)]
pub struct Workflows {
    /// Registers them with the SDK's own replayer.
    pub replayer: fn(&mut WorkflowReplayerOptions) -> Result<(), WorkflowRegistrationError>,
    /// Registers them with the SDK's own worker.
    pub worker: fn(&mut WorkerOptions) -> Result<(), WorkflowRegistrationError>,
    /// Registers them with durasim's own replay.
    pub definitions: fn(&mut WorkflowDefinitions) -> Result<(), RegistrationError>,
}

/// The [`Workflows`] of these types.
#[macro_export]
macro_rules! workflows {
    ($($workflow:ty),+ $(,)?) => {
        $crate::scenario::Workflows {
            replayer: |options| {
                $(options.register_workflow::<$workflow>()?;)+
                Ok(())
            },
            worker: |options| {
                $(options.register_workflow::<$workflow>()?;)+
                Ok(())
            },
            definitions: |definitions| {
                $(definitions.register::<$workflow>()?;)+
                Ok(())
            },
        }
    };
}
pub use workflows;
