//! Open runs of real services, and how they go on.

use durasim::{prelude::*, report::FailureCode};
use futures::FutureExt;
use pretty_assertions::assert_eq;

use super::{
    failing::failure,
    history,
    order::{Order, Patched, ShipsFirst, Shop},
    start_worker,
};

#[workflow_test(
    histories = "tests/histories/open",
    mode = continue,
    seeds = 64,
    faults = FaultProfile::all()
)]
async fn open_orders_go_on(env: TestWorkflowEnvironment, history: History) -> TestResult {
    start_worker(&env)?;
    let order = env
        .client()
        .get_workflow_handle::<Order>(history.workflow_id());
    let shipped = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert!(shipped.ends_with("shipped"), "{shipped}");
    Ok(())
}

#[workflow_test(
    histories = "tests/histories/open/*.json",
    mode = continue,
    seeds = 32,
    faults = FaultProfile::all()
)]
async fn open_orders_go_on_under_a_guarded_change(env: TestWorkflowEnvironment) -> TestResult {
    let worker = env.worker("orders").workflow::<Patched>();
    worker.activity(Shop::charge).activity(Shop::ship).start()?;
    Ok(())
}

#[workflow_test]
async fn a_timer_fires_when_it_was_due(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let open = history("open/waiting.json");
    let before = env.now();
    env.import(&open).await?;
    assert!(env.now() > before, "the clock goes on to the last event");
    let imported_at = env.now();
    let order = env.client().get_workflow_handle::<Order>("order-waiting");
    let shipped = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        shipped,
        "waiting paid in attempt 1, packed: false, waiting shipped"
    );
    let week = Duration::from_hours(7 * 24);
    assert_eq!(env.now().duration_since(imported_at)?, week);
    assert!(env.calls(Shop::charge).is_empty(), "it was charged before");
    let whole = env.history(&open);
    assert_eq!(whole.events()[..open.events().len()], *open.events());
    Ok(())
}

#[workflow_test]
async fn a_timer_that_fell_due_meanwhile_fires_at_once(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    env.sleep(Duration::from_hours(365 * 24)).await;
    let now = env.now();
    env.import(&history("open/waiting.json")).await?;
    let order = env.client().get_workflow_handle::<Order>("order-waiting");
    order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(env.now(), now);
    Ok(())
}

#[workflow_test]
async fn a_signal_reaches_an_imported_run(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    env.import(&history("open/waiting.json")).await?;
    let order = env.client().get_workflow_handle::<Order>("order-waiting");
    order
        .signal(Order::packed, (), WorkflowSignalOptions::default())
        .await?;
    let shipped = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        shipped,
        "waiting paid in attempt 1, packed: true, waiting shipped"
    );
    Ok(())
}

#[workflow_test]
async fn a_pending_activity_waits_in_the_attempt_that_the_test_names(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    env.import(&history("open/charging.json"))
        .attempt("Shop::charge", 3)
        .await?;
    let order = env.client().get_workflow_handle::<Order>("order-charging");
    let shipped = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert!(
        shipped.starts_with("packed paid in attempt 3, "),
        "{shipped}"
    );
    Ok(())
}

#[workflow_test]
async fn a_started_workflow_task_times_out_as_on_a_cluster(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    env.import(&history("open/started.json")).await?;
    let order = env.client().get_workflow_handle::<Order>("order-started");
    order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    env.history("order-started").assert_order([
        "WorkflowTaskTimedOut",
        "WorkflowTaskCompleted",
        "ActivityTaskScheduled",
    ]);
    Ok(())
}

#[workflow_test]
async fn a_scheduled_workflow_task_brings_the_signal_before_it(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    env.import(&history("open/scheduled.json")).await?;
    let order = env.client().get_workflow_handle::<Order>("order-scheduled");
    let shipped = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        shipped,
        "packed paid in attempt 1, packed: true, packed shipped"
    );
    Ok(())
}

#[workflow_test]
async fn a_run_that_has_closed_or_is_here_cannot_be_imported(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let error = |result: Result<(), durasim::ImportError>| result.unwrap_err().to_string();
    assert_eq!(
        error(env.import(&history("production/closed.json")).await),
        "the run has closed with WorkflowExecutionCompleted, so there is nothing to go on with; \
         replay its history instead"
    );
    start_worker(&env)?;
    let open = history("open/waiting.json");
    env.import(&open).await?;
    let again = error(env.import(&open).await);
    assert!(again.ends_with("is already here"), "{again}");
    let other = open.clone().with_run_id("another");
    assert_eq!(
        error(env.import(&other).await),
        format!(
            "workflow order-waiting already has an open run here, {}",
            open.run_id()
        )
    );
    let charging = history("open/charging.json");
    assert_eq!(
        error(env.import(&charging).attempt("Shop::chrage", 2).await),
        "no pending activity has the id or the type \"Shop::chrage\"; pending are: \
         1 (Shop::charge)"
    );
    Ok(())
}

#[test]
fn code_that_cannot_go_on_is_found_by_the_import_alone() {
    let failure = failure(|env| {
        async move {
            let worker = env.worker("orders").workflow::<ShipsFirst>();
            worker.activity(Shop::charge).activity(Shop::ship).start()?;
            env.import(&history("open/scheduled.json")).await?;
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Replay);
    let line = failure.location.as_ref().expect("the line is known");
    assert!(line.file.ends_with("tests/histories/order.rs"), "{line:?}");
}

#[test]
fn an_activity_that_no_worker_has_is_reported() {
    let failure = failure(|env| {
        async move {
            let worker = env.worker("orders").workflow::<Order>();
            worker.activity(Shop::ship).start()?;
            env.import(&history("open/charging.json")).await?;
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Unregistered, "{failure}");
}

#[test]
fn a_task_queue_that_nobody_polls_is_reported() {
    let failure = failure(|env| {
        async move {
            env.worker("other")
                .workflow::<Order>()
                .activity(Shop::ship)
                .start()?;
            env.import(&history("open/scheduled.json")).await?;
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Stuck, "{failure}");
    assert!(failure.to_string().contains("orders"), "{failure}");
}
