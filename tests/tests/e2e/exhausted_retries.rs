//! Activities whose retries run out: in these worlds code for their final failure runs.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use durasim::{
    advanced::{Body, Campaign, SearchSummary, TestCase, TestOptions, WorldOptions, run_test},
    prelude::*,
    report::{FailureCode, FailureReport},
};
use futures::FutureExt;
use pretty_assertions::assert_eq;
use scenarios::registry;
use temporalio_common::{ActivityCloseTimeouts, RetryPolicy};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

fn search(body: &Body, options: TestOptions) -> Result<SearchSummary, Box<FailureReport>> {
    let case = TestCase {
        name: "shop::ships",
        file: "shop.rs",
        line: 1,
        manifest_dir: "",
        options,
    };
    run_test(&case, body)
}

/// The effects of the activities: shipments, and apologies for shipments that failed.
#[derive(Clone, Default)]
struct Shop {
    shipped: Arc<AtomicU32>,
    apologies: Arc<AtomicU32>,
}

#[activities]
impl Shop {
    #[activity]
    async fn ship(self: Arc<Self>, _ctx: ActivityContext) -> Result<(), ActivityError> {
        self.shipped.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[activity]
    async fn apologize(self: Arc<Self>, _ctx: ActivityContext) -> Result<(), ActivityError> {
        self.apologies.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The attempts that a shipment has, and the seconds in which it must be done; 0 for no limit.
type Limits = (u32, u64);

/// Ships, and apologizes if that fails for good; then it fails.
#[workflow]
#[derive(Default)]
struct Order;

#[workflow_methods]
impl Order {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, (attempts, secs): Limits) -> WorkflowResult<()> {
        let start_to_close = Duration::from_secs(10);
        let timeouts = if secs > 0 {
            ActivityCloseTimeouts::ScheduleAndStartToClose {
                schedule_to_close: Duration::from_secs(secs),
                start_to_close,
            }
        } else {
            ActivityCloseTimeouts::StartToClose(start_to_close)
        };
        let retry = RetryPolicy::builder().maximum_attempts(attempts).build();
        let options = ActivityOptions::with_close_timeouts(timeouts)
            .retry_policy(retry)
            .build();
        let Err(error) = ctx.execute_activity(Shop::ship, (), options).await else {
            return Ok(());
        };
        let options = ActivityOptions::start_to_close_timeout(start_to_close);
        ctx.execute_activity(Shop::apologize, (), options).await?;
        Err(error.into())
    }
}

/// Ships an order. The test asserts nothing: it has an invariant, an observation, and a label that
/// some world must reach.
async fn ships(env: TestWorkflowEnvironment, limits: Limits) -> TestResult {
    let shop = Shop::default();
    let (apologies, shipped) = (shop.apologies.clone(), shop.shipped.clone());
    env.worker("shop")
        .workflow::<Order>()
        .implementer(shop)
        .activity(Shop::ship)
        .activity(Shop::apologize)
        .start()?;
    env.observe("was shipped", move || shipped.load(Ordering::Relaxed) > 0);
    let apologized = apologies.clone();
    env.invariant("there are not ten apologies", move || {
        apologized.load(Ordering::Relaxed) < 10
    });
    let options = WorkflowStartOptions::new("shop", "order-1").build();
    let order = env
        .client()
        .start_workflow(Order::run, limits, options)
        .await?;
    let result = order.get_result(WorkflowGetResultOptions::default()).await;
    env.sometimes("apologized", apologies.load(Ordering::Relaxed) > 0);
    result?;
    Ok(())
}

fn exhausting() -> FaultProfile {
    FaultProfile::all().exhausting_retries()
}

#[test]
fn a_failure_for_good_is_reached_by_seeds_and_by_exploration() {
    for limits in [(1, 0), (4, 0), (0, 60), (3, 600)] {
        let body = move |env| ships(env, limits).boxed_local();
        let seeds = TestOptions::new().seeds(64).faults(exhausting());
        let summary = search(&body, seeds).unwrap_or_else(|report| panic!("{limits:?}: {report}"));
        assert!(!summary.none_failed_for_good);
        let explored = TestOptions::new()
            .explore(Exhaustive::faults(1))
            .faults(exhausting());
        search(&body, explored).unwrap_or_else(|report| panic!("{limits:?}: {report}"));
    }
}

#[test]
fn seeds_alone_reach_it_too_and_their_worlds_repeat() {
    let body = |env| ships(env, (1, 0)).boxed_local();
    let mut options = WorldOptions::default();
    options.faults = exhausting();
    let campaign = Campaign::new(&body, options);
    let fails = |seed: &u64| {
        let report = campaign.seed(*seed);
        assert_eq!(report.failure, None, "seed {seed}");
        report.histories[0]
            .outline()
            .contains("WorkflowExecutionFailed")
    };
    let seed = (0..64).find(fails).expect("a seed lets the order fail");
    let (once, again) = (campaign.seed(seed), campaign.seed(seed));
    assert_eq!(once.trace_hash(), again.trace_hash());
}

#[test]
fn an_activity_without_a_limit_never_fails_for_good() {
    let body = |env| ships(env, (0, 0)).boxed_local();
    let options = TestOptions::new().seeds(64).faults(exhausting());
    let report = search(&body, options).unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Sometimes);
}

#[test]
fn a_test_that_passes_without_a_failure_for_good_says_how_to_reach_it() {
    let plain = |env: TestWorkflowEnvironment, limits| async move {
        env.worker("shop")
            .workflow::<Order>()
            .implementer(Shop::default())
            .activity(Shop::ship)
            .start()?;
        let options = WorkflowStartOptions::new("shop", "order-1").build();
        let order = env
            .client()
            .start_workflow(Order::run, limits, options)
            .await?;
        order
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        Ok(())
    };
    let summary = |limits| {
        let body = move |env| plain(env, limits).boxed_local();
        let options = TestOptions::new().seeds(16).faults(FaultProfile::all());
        search(&body, options).unwrap()
    };
    assert!(summary((3, 0)).none_failed_for_good);
    assert!(summary((0, 60)).none_failed_for_good);
    // Every attempt is followed by another: there is no failure to reach.
    assert!(!summary((0, 0)).none_failed_for_good);
}

#[test]
fn an_assertion_of_the_test_counts_and_its_report_tells_why_it_fails() {
    let body = |env: TestWorkflowEnvironment| {
        async move {
            env.worker("shop")
                .workflow::<Order>()
                .implementer(Shop::default())
                .activity(Shop::ship)
                .activity(Shop::apologize)
                .start()?;
            let options = WorkflowStartOptions::new("shop", "order-1").build();
            let order = env
                .client()
                .start_workflow(Order::run, (1, 0), options)
                .await?;
            let result = order.get_result(WorkflowGetResultOptions::default()).await;
            assert!(result.is_ok(), "the order failed");
            Ok(())
        }
        .boxed_local()
    };
    let options = TestOptions::new().seeds(64).faults(exhausting());
    let report = search(&body, options).unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Panic);
    let text = report.to_string();
    assert!(
        text.contains("fail every attempt of Shop::ship: its retries run out"),
        "{text}"
    );
    assert!(
        text.contains("an activity failed for good in this world"),
        "{text}"
    );
}

#[test]
fn a_fault_placed_by_hand_leaves_the_error_of_the_workflow_to_its_test() {
    let fault = Fault::retries_exhausted()
        .of_activity(Shop::ship)
        .after_effect();
    assert_eq!(
        fault.to_string(),
        "retries_exhausted of activity Shop::ship after it took effect"
    );
    let body = |env| ships(env, (3, 0)).boxed_local();
    let report = search(&body, TestOptions::new().faults(fault)).unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Error);
}

#[test]
fn a_saga_that_forgets_what_may_have_taken_effect_is_found_and_its_twin_is_not() {
    let run = |name: &str| {
        let scenario = registry::find(name).unwrap();
        let options = TestOptions::new().seeds(128).faults(scenario.faults());
        search(&scenario.world, options)
    };
    let report = run("flawed/late_undo").unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Panic);
    let plan = report.found.plan.unwrap();
    assert!(
        plan.faults[0]
            .words
            .starts_with("lose the completion of every attempt of Bookings::book_"),
        "{plan:?}"
    );
    run("saga").unwrap();
}
