//! Features of workflows, one by one, each written as a user writes it and compared with the
//! official SDK.

#![allow(
    clippy::unused_async,
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "the SDK's macros determine the signatures of handlers and activities"
)]
#![allow(
    clippy::default_trait_access,
    clippy::redundant_closure_for_method_calls,
    reason = "as users write: default options, and versions of code as closures"
)]

/// Makes three tests of a world: as a user runs it, without a cache, and over faulty seeds.
macro_rules! worlds {
    (seeds = $seeds:tt, async fn world($env:ident) $body:block) => {
        async fn world($env: TestWorkflowEnvironment) -> TestResult $body

        #[workflow_test(core_replay = true)]
        async fn as_written(env: TestWorkflowEnvironment) -> TestResult {
            world(env).await
        }

        #[workflow_test(core_replay = true, cache = false)]
        async fn without_a_cache(env: TestWorkflowEnvironment) -> TestResult {
            world(env).await
        }

        #[workflow_test(seeds = $seeds, faults = FaultProfile::all())]
        async fn under_faults(env: TestWorkflowEnvironment) -> TestResult {
            world(env).await
        }
    };
}

/// Makes four tests of a world that shows a feature: as a user runs it, without a cache, over
/// faulty seeds, and beside real Core and the official worker (see [`durasim_tests::trial`]).
///
/// `not_official` leaves out the official worker.
macro_rules! feature {
    ($(#[$meta:meta])* [$($workflow:ty),+ $(,)?] async fn $name:ident($env:ident) $body:block) => {
        feature! {
            @ Histories, [$($workflow),+], $(#[$meta])* async fn $name($env) $body
        }
    };
    (
        $(#[$meta:meta])* not_official [$($workflow:ty),+ $(,)?]
        async fn $name:ident($env:ident) $body:block
    ) => {
        feature! {
            @ NotAsked, [$($workflow),+], $(#[$meta])* async fn $name($env) $body
        }
    };
    (
        @ $official:ident, [$($workflow:ty),+], $(#[$meta:meta])*
        async fn $name:ident($env:ident) $body:block
    ) => {
        $(#[$meta])*
        mod $name {
            use super::*;
            #[allow(unused_imports, reason = "not every world compares")]
            use pretty_assertions::assert_eq;

            worlds! { seeds = 12, async fn world($env) $body }

            #[test]
            fn beside_the_official_sdk() {
                let scenario = scenarios::scenario::Scenario {
                    name: stringify!($name),
                    about: "",
                    flaw: None,
                    exhausts_retries: false,
                    world: |env| Box::pin(world(env)),
                    workflows: scenarios::workflows![$($workflow),+],
                };
                durasim_tests::trial::try_out(&scenario, durasim_tests::trial::Official::$official);
            }
        }
    };
}

mod cancellation;
mod children;
mod client;
mod context;
mod continue_as_new;
mod converters;
mod deployments;
mod external_workflows;
mod inside_activities;
mod interceptors;
mod local_activities;
mod local_timeouts;
mod operators;
mod schedules;
mod shutdowns;
mod slots;
mod standalone_activities;
mod untyped;
mod updates;
mod versions;

use temporalio_client::WorkflowStartOptions;

/// Returns options to start a workflow with this id on the usual task queue.
fn on(workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", workflow_id).build()
}
