//! Worlds run by hand: for programs that search in their own way, and for tests of reports.
//!
//! A `#[workflow_test]` needs nothing of this module. A [`Campaign`] is a test with its fault-free
//! world; it runs other worlds and judges them beside it. [`run_world`] runs one world alone, and
//! [`run_test`] a whole test as the attribute does.
//!
//! ```
//! use durasim::{
//!     FaultProfile, TestWorkflowEnvironment,
//!     advanced::{Campaign, WorldOptions},
//! };
//! use futures::FutureExt;
//!
//! let body = |env: TestWorkflowEnvironment| async move {
//!     env.sleep(std::time::Duration::from_secs(3600)).await;
//!     Ok(())
//! }.boxed_local();
//! let mut options = WorldOptions::default();
//! options.faults = FaultProfile::all();
//! let campaign = Campaign::new(&body, options);
//! for seed in 0..16 {
//!     let world = campaign.seed(seed);
//!     if world.failure.is_some() {
//!         println!("{}", campaign.shrink(&world));
//!     }
//! }
//! ```

#[cfg(feature = "proptest")]
pub use crate::proptest::{FaultPlan, FaultPlanTree, FaultPlans, fault_plans};
pub use crate::{
    options::TestOptions,
    outcome::{ChoiceSource, Recovery, WorldOptions, WorldReport},
    runner::{
        Body, Campaign, Plans, SearchSummary, SlowestRecovery, TestCase, run_test, run_world,
    },
};
pub use durasim_engine::{Point, Tape, TapeEntry, TraceEntry, TraceHash};
