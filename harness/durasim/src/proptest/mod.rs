//! Fault plans and inputs, generated and shrunk together by proptest.
//!
//! `plan` is what is generated, `strategy` generates and shrinks it, `run` is what
//! `#[workflow_test(proptest)]` expands to.

mod plan;
mod run;
mod strategy;
#[cfg(test)]
mod tests;

pub use plan::FaultPlan;
pub use run::{generator, run_proptest};
pub use strategy::{FaultPlanTree, FaultPlans, fault_plans};
