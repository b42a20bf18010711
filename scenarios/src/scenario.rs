//! The definition of a scenario: a world, the result it must have, and its known flaw, if any.

use durasim::{FaultProfile, TestResult, TestWorkflowEnvironment, report::FailureCode};
use durasim_worker::{RegistrationError, WorkflowDefinitions};
use futures::future::LocalBoxFuture;
use temporalio_sdk::{
    WorkerOptions, WorkflowRegistrationError, workflow_replayer::WorkflowReplayerOptions,
};

/// A function that sets up a world, drives it, and asserts the results.
pub type World = fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>;

/// One pattern, with a world to try it in.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// The name on the command line; names of flawed scenarios begin with `flawed/`.
    pub name: &'static str,
    /// One sentence, for people.
    pub about: &'static str,
    /// The known flaw, if the scenario is flawed.
    pub flaw: Option<Flaw>,
    /// True if the retries of its activities may run out: its world asserts what holds then, too.
    pub exhausts_retries: bool,
    /// The world.
    pub world: World,
    /// The workflows, for replaying histories elsewhere.
    pub workflows: Workflows,
}

impl Scenario {
    /// Returns every fault that the scenario is to meet.
    pub fn faults(&self) -> FaultProfile {
        if self.exhausts_retries {
            FaultProfile::all().exhausting_retries()
        } else {
            FaultProfile::all()
        }
    }

    /// Returns `true` if no seed and no fault may make the scenario fail.
    pub fn is_sound(&self) -> bool {
        self.flaw.is_none()
    }
}

/// A known flaw.
#[derive(Clone, Copy, Debug)]
pub struct Flaw {
    /// The name of the sound scenario that does it right.
    pub twin: &'static str,
    /// The check that must find the flaw.
    pub code: FailureCode,
    /// The least number of faults that shows the flaw.
    pub faults: usize,
}

/// The workflow types of a scenario, each in its latest version.
#[derive(Clone, Copy)]
pub struct Workflows {
    /// A function that registers the types with the SDK's own replayer.
    pub replayer: fn(&mut WorkflowReplayerOptions) -> Result<(), WorkflowRegistrationError>,
    /// A function that registers the types with the SDK's own worker.
    pub worker: fn(&mut WorkerOptions) -> Result<(), WorkflowRegistrationError>,
    /// A function that registers the types with durasim's own replay.
    pub definitions: fn(&mut WorkflowDefinitions) -> Result<(), RegistrationError>,
}

/// Makes the [`Workflows`] of these types.
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
