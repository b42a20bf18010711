//! What a workflow can do, feature by feature, each as its user writes it and beside the official
//! SDK.

#![allow(
    clippy::unused_async,
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "the SDK's macros say what the signature of a handler or an activity is"
)]
#![allow(
    clippy::default_trait_access,
    clippy::redundant_closure_for_method_calls,
    reason = "as users write it: options that are not the matter of a test unnamed, versions of code as closures"
)]

/// A world as three tests: as a user runs it, with and without a cache and over faulty seeds.
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

/// A world that shows a feature, as four tests: as a user runs it, with and without a cache and
/// over faulty seeds, and beside real Core and the official worker; see [`durasim_tests::trial`].
/// `not_official` leaves the latter out.
macro_rules! feature {
    ($(#[$meta:meta])* [$($workflow:ty),+ $(,)?] async fn $name:ident($env:ident) $body:block) => {
        feature! {
            @ Histories, [$($workflow),+], $(#[$meta])* async fn $name($env) $body
        }
    };
    ($(#[$meta:meta])* not_official [$($workflow:ty),+ $(,)?] async fn $name:ident($env:ident) $body:block) => {
        feature! {
            @ NotAsked, [$($workflow),+], $(#[$meta])* async fn $name($env) $body
        }
    };
    (@ $official:ident, [$($workflow:ty),+], $(#[$meta:meta])* async fn $name:ident($env:ident) $body:block) => {
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
mod external_workflows;
mod interceptors;
mod local_activities;
mod untyped;
mod updates;
mod versions;

use temporalio_client::WorkflowStartOptions;

/// Starts the workflow of this id on the usual task queue.
fn on(workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", workflow_id).build()
}
