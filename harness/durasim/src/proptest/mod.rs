//! Fault plans and inputs, generated and shrunk together by proptest.
//!
//! [`fault_plans`] is an ordinary `Strategy`, to be combined with others:
//!
//! ```
//! use durasim::{Campaign, FaultProfile, TestWorkflowEnvironment, WorldOptions, fault_plans};
//! use futures::FutureExt;
//! use proptest::prelude::*;
//!
//! proptest!(ProptestConfig::with_cases(4), |(plan in fault_plans(), hours in 1..100_u64)| {
//!     let body = move |env: TestWorkflowEnvironment| async move {
//!         env.sleep(std::time::Duration::from_secs(hours * 3600)).await;
//!         Ok(())
//!     }.boxed_local();
//!     let mut options = WorldOptions::default();
//!     options.faults = FaultProfile::all();
//!     let world = Campaign::new(&body, options).plan(&plan);
//!     prop_assert!(world.failure.is_none());
//! });
//! ```
//!
//! `#[workflow_test(proptest)]` is the same with less to write, and with durasim's own report.
//!
//! # What shrinking can do
//!
//! Which choices a run will offer is known only once it has run, so a fresh plan is a seed: it has no
//! parts yet. Running it records the choices it made, and it is this recording that shrinks, by putting
//! choices back to benign: first all, then halves, quarters and so on, at last one by one, until no single
//! one can be put back. Hence two things follow:
//!
//! - a plan that nobody ran (with [`Campaign::plan`](crate::Campaign::plan)) does not shrink;
//! - the recording belongs to the other inputs of the case in which it was made. In a tuple, put the plan
//!   first: proptest shrinks from left to right, so the plan shrinks under the inputs that it was recorded
//!   with, and then the inputs under the plan. A smaller input may meet fewer of the plan's points; what
//!   matches nothing is benign.

mod plan;
mod run;
mod strategy;
#[cfg(test)]
mod tests;

pub use plan::FaultPlan;
pub use run::run_proptest;
pub use strategy::{FaultPlanTree, FaultPlans, fault_plans};
