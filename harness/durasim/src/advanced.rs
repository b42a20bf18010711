//! Searches and worlds run by hand: for programs, such as a nightly job or a command of your own,
//! and for tests of reports.
//!
//! A `#[workflow_test]` needs nothing of this module.
//!
//! # A program that searches
//!
//! [`run_test`] runs a whole test as the attribute does: the fault-free world, the plans of one
//! fault, seeds on all cores, exploration, the labels of
//! [`sometimes`](crate::TestWorkflowEnvironment::sometimes). It returns the summary of a search
//! that passes, and of one that fails the report: the failure with its line, the plan, and the
//! command that brings it back. A nightly job runs more seeds than a test does, and others each
//! night:
//!
//! ```
//! use durasim::{
//!     advanced::{Body, SearchSummary, TestCase, TestOptions, body, run_test},
//!     prelude::*,
//!     report::{Colors, FailureReport},
//! };
//!
//! async fn an_hour_passes(env: TestWorkflowEnvironment) -> TestResult {
//!     let began = env.now();
//!     env.sleep(Duration::from_secs(3600)).await;
//!     env.sometimes("an hour has passed", env.now() > began);
//!     Ok(())
//! }
//!
//! /// Searches by seeds that no other night had, then every plan of two faults.
//! fn tonight(
//!     name: &'static str,
//!     test: &Body,
//!     night: u64,
//! ) -> Result<[SearchSummary; 2], Box<FailureReport>> {
//!     let seeds = 1_000; // more than this example has time for
//!     # let seeds = seeds / 50;
//!     let options = TestOptions::new()
//!         .faults(FaultProfile::all().exhausting_retries())
//!         .command(format!("nightly {name}"));
//!     let by_seeds = options.clone().seeds(seeds).first_seed(night * seeds);
//!     let exhaustive = options.explore(Exhaustive::faults(2).max_worlds(10_000));
//!     Ok([
//!         run_test(&TestCase::new(name, by_seeds), test)?,
//!         run_test(&TestCase::new(name, exhaustive), test)?,
//!     ])
//! }
//!
//! let tests: Vec<(&'static str, Box<Body>)> =
//!     vec![("an_hour_passes", Box::new(body(an_hour_passes)))];
//! let mut failed = false;
//! for (name, test) in &tests {
//!     match tonight(name, test, 17) {
//!         Ok(summaries) => {
//!             for summary in summaries {
//!                 println!("{name}: {summary}");
//!                 let plans = summary.plans.expect("faults are on");
//!                 assert!(plans.run == plans.known || !plans.knows_all);
//!             }
//!         }
//!         Err(report) => {
//!             failed = true;
//!             eprintln!("{}", report.render(Colors::detect(&std::io::stderr())));
//!             let tape = report.found.tape.as_ref().map(|tape| tape.to_json());
//!             // .. keep the tape: `Campaign::tape` brings its world back.
//!             # drop(tape);
//!         }
//!     }
//! }
//! assert!(!failed);
//! ```
//!
//! # Worlds one by one
//!
//! A [`Campaign`] is a test with its fault-free world; it runs other worlds and judges them beside
//! it: of a seed, or of a plan that was kept. [`run_world`] runs one world alone.
//!
//! ```
//! use durasim::{
//!     advanced::{Campaign, Tape, WorldOptions, body},
//!     prelude::*,
//! };
//!
//! let test = body(|env: TestWorkflowEnvironment| async move {
//!     env.sleep(std::time::Duration::from_secs(3600)).await;
//! });
//! let mut options = WorldOptions::default();
//! options.faults = FaultProfile::all();
//! let campaign = Campaign::new(&test, options);
//! for seed in 0..16 {
//!     let world = campaign.seed(seed);
//!     if world.failure.is_some() {
//!         println!("{}", campaign.shrink(&world));
//!     }
//!     let again = campaign.tape(&Tape::from_json(&world.tape.to_json()).unwrap());
//!     assert_eq!(again.trace_hash(), world.trace_hash());
//! }
//! ```

#[cfg(feature = "proptest")]
pub use crate::proptest::{FaultPlan, FaultPlanTree, FaultPlans, fault_plans};
pub use crate::view::view_of;
pub use crate::{
    options::TestOptions,
    outcome::{ChoiceSource, Recovery, WorldOptions, WorldReport},
    runner::{
        Body, Campaign, Plans, SearchSummary, SlowestRecovery, TestCase, body, run_test, run_world,
    },
};
pub use durasim_engine::{Point, Tape, TapeEntry, TraceEntry, TraceHash};
pub use durasim_view::View;
