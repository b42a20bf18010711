//! Values that live as long as a process: the same in every replay of one process, and others after
//! a restart. The test binary runs itself again to find it.
//!
//! The tests that must fail name the words of the report; the reported line is that of the command.

#![expect(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "they are what is to be caught"
)]

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use durasim::prelude::*;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

const FARES: [(&str, u32); 6] = [
    ("bus", 2),
    ("ferry", 7),
    ("metro", 3),
    ("plane", 99),
    ("taxi", 30),
    ("train", 40),
];

static HASHED: LazyLock<HashMap<&str, u32>> = LazyLock::new(|| FARES.into());
static SORTED: LazyLock<BTreeMap<&str, u32>> = LazyLock::new(|| FARES.into());

struct Tickets;

#[activities]
impl Tickets {
    #[activity]
    async fn buy(_ctx: ActivityContext, fare: String) -> Result<String, ActivityError> {
        Ok(fare)
    }
}

/// Buys a ticket for each means of transport, in the order that its input names.
#[workflow]
#[derive(Default)]
struct Journey;

#[workflow_methods]
impl Journey {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, order: String) -> WorkflowResult<()> {
        let fares: Vec<&str> = match order.as_str() {
            "hashed" => HASHED.keys().copied().collect(),
            "sorted" => SORTED.keys().copied().collect(),
            _ if RandomState::new().hash_one(0).is_multiple_of(2) => vec!["bus"],
            _ => vec!["ferry"],
        };
        for fare in fares {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
            ctx.execute_activity(Tickets::buy, fare, options).await?;
        }
        Ok(())
    }
}

async fn travels(env: TestWorkflowEnvironment, order: &str) -> TestResult {
    env.worker("journeys")
        .workflow::<Journey>()
        .activity(Tickets::buy)
        .start()?;
    let options = WorkflowStartOptions::new("journeys", "journey-1").build();
    let journey = env
        .client()
        .start_workflow(Journey::run, order.to_owned(), options)
        .await?;
    journey
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

#[workflow_test]
#[should_panic(expected = "at        tests/tests/e2e/fresh_process.rs:68")]
async fn a_static_hash_map_is_iterated_over(env: TestWorkflowEnvironment) -> TestResult {
    travels(env, "hashed").await
}

#[workflow_test]
#[should_panic(expected = "the replay ran in a fresh process")]
async fn the_report_names_the_fresh_process(env: TestWorkflowEnvironment) -> TestResult {
    travels(env, "hashed").await
}

#[workflow_test(seeds = 4, faults = FaultProfile::all())]
#[should_panic(expected = "DS101")]
async fn a_search_that_passes_is_followed_by_it(env: TestWorkflowEnvironment) -> TestResult {
    travels(env, "hashed").await
}

#[workflow_test]
async fn a_static_sorted_map_is_iterated_over(env: TestWorkflowEnvironment) -> TestResult {
    travels(env, "sorted").await
}

#[workflow_test]
#[should_panic(expected = "DS101")]
async fn a_hasher_is_used_as_a_coin(env: TestWorkflowEnvironment) -> TestResult {
    travels(env, "tossed").await
}

#[workflow_test(fresh_process = false)]
async fn a_test_may_stay_in_its_process(env: TestWorkflowEnvironment) -> TestResult {
    travels(env, "hashed").await
}
