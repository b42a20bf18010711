#![doc = include_str!("../docs/guide.md")]

pub mod advanced;
mod broken;
mod checks;
pub mod codes;
mod environment;
mod error;
mod expected_calls;
mod external_worker;
mod faults;
pub mod guide;
mod history;
mod label;
mod ledger;
mod limits;
mod logging;
mod looks;
mod mock_workflow;
#[cfg(feature = "nexus")]
pub mod nexus;
mod of_workers;
mod options;
mod outcome;
mod outline;
mod panics;
#[cfg(feature = "proptest")]
mod proptest;
mod proto_json;
mod recording;
mod regressions;
pub mod report;
mod runner;
#[cfg(test)]
mod sabotage;
mod snapshot_names;
mod variables;
mod view;
pub mod wire;
mod words;
mod world;

pub use checks::{Holds, Violation};
#[cfg(feature = "allocator")]
pub use durasim_allocator::WorldAllocator;
pub use durasim_macros::{case, workflow_test};
pub use environment::{
    Actor, Import, ImportError, InOrder, MockCall, StartError, TestWorkflowEnvironment,
    WorkerBuilder, WorkerCode, WorkflowTarget, returns_in_order,
};
pub use error::{TestError, TestOutcome, TestResult};
pub use expected_calls::CallCount;
pub use faults::{Fault, FaultKind, FaultProfile};
pub use history::{EventPattern, History, HistoryError, HistoryErrorKind};
pub use ledger::{Applier, Effect, EffectLedger, LedgerEntry, LedgerSnapshot, Recorded};
pub use limits::Limits;
pub use mock_workflow::{WorkflowCall, WorkflowCallOutcome, WorkflowCallRecord};
pub use of_workers::{
    ActivityCall, ActivityCallOutcome, ActivityCallRecord, WorkflowErrorType, WorkflowWorkerOptions,
};
pub use options::Exhaustive;
pub use world::WorkflowTaskFailures;

/// The names that most tests need, in one line: `use durasim::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "nexus")]
    pub use crate::nexus::{NexusCall, NexusError, NexusHandlerErrorType, NexusStarted};
    pub use crate::{
        ActivityCall, EffectLedger, Exhaustive, Fault, FaultKind, FaultProfile, History, Limits,
        TestError, TestResult, TestWorkflowEnvironment, WorkflowCall, WorkflowTaskFailures, case,
        returns_in_order, workflow_test,
    };
    pub use std::time::Duration;
    pub use temporalio_client::{
        WorkflowCancelOptions, WorkflowDescribeOptions, WorkflowExecuteUpdateOptions,
        WorkflowGetResultOptions, WorkflowQueryOptions, WorkflowSignalOptions,
        WorkflowStartOptions, WorkflowTerminateOptions,
    };
}

/// The functions that `#[workflow_test]` expands to.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "proptest")]
    pub use crate::proptest::{generator, run_proptest};
    pub use crate::{
        error::Boxed,
        external_worker::{ExternalWorker, WorkflowTaskAnswerer},
        options::TestOptions,
        runner::{Histories, HistoryMode, TestCase, run},
        snapshot_names::snapshot_name,
    };
    #[cfg(feature = "proptest")]
    pub use ::proptest::prelude::any;
}
