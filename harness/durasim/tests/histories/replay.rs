//! Today's code, and what real runs did.

use durasim::{
    advanced::{Campaign, WorldOptions, body},
    prelude::*,
    report::FailureCode,
};
use futures::FutureExt;
use pretty_assertions::assert_eq;

use super::{
    failing::{failure, failure_with},
    history,
    order::{Order, Patched, ShipsFirst, Shop},
    start_worker,
};

#[workflow_test(histories = "tests/histories/production/*.json")]
async fn orders_of_production_can_be_replayed(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)
}

#[workflow_test(histories = "tests/histories/production", mode = replay)]
async fn a_guarded_change_can_replay_them_too(
    env: TestWorkflowEnvironment,
    history: History,
) -> TestResult {
    assert!(history.workflow_id().starts_with("order-"));
    env.worker("orders").workflow::<Patched>().start()?;
    Ok(())
}

#[test]
fn code_that_no_longer_does_what_a_run_did_is_reported_with_its_line() {
    let failure = failure(|env| {
        async move {
            env.worker("orders").workflow::<ShipsFirst>().start()?;
            env.replay(&history("production/closed.json"));
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Replay);
    let line = failure.location.as_ref().expect("the line is known");
    assert!(line.file.ends_with("tests/histories/order.rs"), "{line:?}");
    insta::assert_snapshot!(failure);
}

#[test]
fn a_workflow_type_that_no_worker_has_is_reported() {
    let failure = failure(|env| {
        async move {
            env.worker("orders").activity(Shop::charge).start()?;
            env.replay(&history("production/closed.json"));
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Unregistered);
    insta::assert_snapshot!(failure);
}

#[test]
fn the_sdks_own_replayer_has_its_say() {
    let options = durasim::advanced::TestOptions::new()
        .replay(false)
        .core_replay(true);
    let failure = failure_with(options, |env| {
        async move {
            env.worker("orders").workflow::<ShipsFirst>().start()?;
            env.replay(&history("production/packed.json"));
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::CoreReplay);
}

#[test]
fn code_that_tosses_a_coin_may_not_replay() {
    let failure = failure(|env| {
        async move {
            env.worker("orders")
                .workflow::<super::order::Tosses>()
                .start()?;
            env.replay(&history("production/closed.json"));
            TestResult::Ok(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Replay);
}

#[workflow_test]
async fn a_worker_of_another_task_queue_replays_what_its_own_lacks(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("today").workflow::<Order>().start()?;
    env.replay(&history("production/closed.json"));
    Ok(())
}

#[test]
fn the_picture_shows_the_history_that_cannot_be_replayed() {
    let test = body(|env: TestWorkflowEnvironment| async move {
        env.worker("orders").workflow::<ShipsFirst>().start()?;
        env.replay(&history("production/closed.json"));
        TestResult::Ok(())
    });
    let mut options = WorldOptions::default();
    options.draws = true;
    let campaign = Campaign::new(&test, options);
    let report = campaign.shrink(campaign.fault_free());
    let view = report.view().expect("a picture");
    let world = view.worlds.last().expect("a world");
    let is_run = |lane: &str| lane.starts_with("Order ");
    assert!(world.lanes.iter().any(|lane| is_run(&lane.name)));

    // The check stands at the event that today's code would not bring about.
    let check = view.check.as_ref().and_then(|check| check.thing);
    let check = &world.things[check.expect("a mark")];
    assert!(is_run(&world.lanes[check.lane].name), "{check:?}");
    let event = &world.things[check.causes[0]];
    assert_eq!(event.title, "ActivityTaskScheduled");
}
