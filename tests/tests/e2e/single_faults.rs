//! Searches by seeds run every plan of one fault first, so that flaws which one fault shows are
//! found for certain.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use durasim::{
    advanced::{Body, Campaign, TestCase, TestOptions, WorldOptions, run_test},
    prelude::*,
    report::{FailureCode, FailureReport},
};
use futures::FutureExt;
use pretty_assertions::assert_eq;
use scenarios::registry;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Runs a test under these faults in 64 worlds, without saving what it finds.
fn in_64_worlds(
    name: &'static str,
    body: &Body,
    faults: FaultProfile,
) -> Result<(), Box<FailureReport>> {
    let case = TestCase {
        name,
        file: "payments.rs",
        line: 1,
        manifest_dir: "",
        options: TestOptions::new().seeds(64).faults(faults),
    };
    run_test(&case, body).map(drop)
}

/// A counter at the shop's desk: the stock, and what was handed out.
#[derive(Clone, Default)]
struct Desk {
    taken: Arc<AtomicU32>,
}

#[activities]
impl Desk {
    /// Hands one out for each order: looks whether it did, asks the stock, and notes that it did.
    #[activity]
    async fn hand_out(self: Arc<Self>, _ctx: ActivityContext) -> Result<(), ActivityError> {
        // The flaw: two attempts side by side both look before one of them has noted anything.
        if self.taken.load(Ordering::Relaxed) > 0 {
            return Ok(());
        }
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[activity]
    async fn greet(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(())
    }
}

#[workflow]
#[derive(Default)]
struct Shop;

#[workflow_methods]
impl Shop {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = || ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
        for _ in 0..3 {
            ctx.execute_activity(Desk::greet, (), options()).await?;
        }
        ctx.execute_activity(Desk::hand_out, (), options()).await?;
        Ok(())
    }
}

async fn hands_out_once(env: TestWorkflowEnvironment) -> TestResult {
    let desk = Desk::default();
    let taken = desk.taken.clone();
    env.worker("shop")
        .workflow::<Shop>()
        .implementer(desk)
        .activity(Desk::greet)
        .activity(Desk::hand_out)
        .start()?;
    env.invariant("one is handed out at most", move || {
        taken.load(Ordering::Relaxed) <= 1
    });
    let options = WorkflowStartOptions::new("shop", "order-1").build();
    let shop = env.client().start_workflow(Shop::run, (), options).await?;
    shop.get_result(WorkflowGetResultOptions::default()).await?;
    Ok(())
}

#[test]
fn a_flaw_that_only_an_overlap_shows_is_found_for_certain() {
    let body = |env| hands_out_once(env).boxed_local();
    let mut options = WorldOptions::default();
    options.faults = FaultProfile::all();
    let campaign = Campaign::new(&body, options);
    let failed = (0..200).filter(|seed| campaign.seed(*seed).failure.is_some());
    let failed = failed.count();
    assert!(failed <= 16, "{failed} of 200 seeds find it anyway");

    let report = in_64_worlds("payments::hands_out_once", &body, FaultProfile::all()).unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Invariant);
    let plan = report.found.plan.as_ref().unwrap();
    assert_eq!(plan.faults.len(), 1);
    assert!(
        plan.faults[0].words.starts_with("pause Desk::hand_out"),
        "{plan:?}"
    );
    assert_eq!(report.found.seed, None);
    // No seed leads to it: the test itself does, for its plans of one fault come first.
    let text = report.to_string();
    assert!(text.ends_with("\ncargo test hands_out_once\n"), "{text}");
}

#[test]
fn the_plan_that_is_found_is_the_same_on_any_number_of_threads() {
    let body = |env| hands_out_once(env).boxed_local();
    let found =
        || in_64_worlds("payments::hands_out_once", &body, FaultProfile::all()).unwrap_err();
    assert_eq!(found(), found());
}

#[test]
fn each_flaw_that_one_fault_shows_is_found_before_any_seed() {
    for scenario in registry::flawed() {
        let flaw = scenario.flaw.unwrap();
        if flaw.faults != 1 {
            continue;
        }
        let report = in_64_worlds(scenario.name, &scenario.world, scenario.faults()).unwrap_err();
        let found = (report.failure.code, report.found.seed);
        assert_eq!(found, (flaw.code, None), "{}", scenario.name);
    }
}

#[test]
fn a_search_by_seeds_spends_at_most_half_of_its_worlds_on_plans() {
    let case = |seeds| TestCase {
        name: "payments::transfers",
        file: "payments.rs",
        line: 1,
        manifest_dir: "",
        options: TestOptions::new().seeds(seeds).faults(FaultProfile::all()),
    };
    let transfer = registry::find("transfer").unwrap();
    let summary = run_test(&case(10), &transfer.world).unwrap();
    let plans = summary.plans.unwrap();
    assert_eq!((plans.run, summary.seeds, summary.worlds), (5, 5, 11));
    assert!(plans.known > 20 && plans.knows_all, "{plans:?}");

    let all = run_test(&case(2 * plans.known), &transfer.world).unwrap();
    assert_eq!(all.plans.unwrap().run, plans.known);
    assert_eq!(all.seeds, plans.known);
}
