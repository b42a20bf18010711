//! Today's code, and what real runs did.

use durasim::{prelude::*, report::FailureCode};
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
