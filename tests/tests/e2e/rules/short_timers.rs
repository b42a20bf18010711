//! Timers under a second: the server's timer queue reads a second ahead, so that they may fire
//! late, together with others. They are exact where nothing is left to chance.

use std::sync::{Arc, Mutex};

use durasim::{
    advanced::{ChoiceSource, WorldOptions, run_world},
    prelude::*,
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use super::on;

/// Sleeps this many milliseconds, and returns how long it slept.
#[workflow]
#[derive(Default)]
struct Nap;

#[workflow_methods]
impl Nap {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, ms: u64) -> WorkflowResult<u128> {
        let slept_at = ctx.workflow_time();
        ctx.timer(Duration::from_millis(ms)).await;
        let slept = ctx.workflow_time().zip(slept_at);
        let slept = slept.and_then(|(now, then)| now.duration_since(then).ok());
        Ok(slept.unwrap_or_default().as_millis())
    }
}

/// Returns how long the workflow sleeps in the world of these choices, in milliseconds.
fn slept(ms: u64, choices: ChoiceSource) -> u128 {
    let slept = Arc::new(Mutex::new(0));
    let kept = slept.clone();
    let world = move |env: TestWorkflowEnvironment| {
        let slept = slept.clone();
        async move {
            env.worker("queue").workflow::<Nap>().start()?;
            let nap = env.client().start_workflow(Nap::run, ms, on("nap")).await?;
            *slept.lock().unwrap() = nap.get_result(WorkflowGetResultOptions::default()).await?;
            Ok(())
        }
    };
    let mut options = WorldOptions::default();
    options.choices = choices;
    let report = run_world(&move |env| Box::pin(world(env)), &options);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    *kept.lock().unwrap()
}

#[test]
fn a_short_timer_is_exact_if_nothing_is_left_to_chance() {
    assert_eq!(slept(100, ChoiceSource::Benign), 100);
}

#[test]
fn a_short_timer_may_take_a_second_and_a_longer_one_is_never_held() {
    let long = |ms| {
        (0..40)
            .filter(|seed| slept(ms, ChoiceSource::Seed(*seed)) >= 900)
            .count()
    };
    let late = long(100);
    assert!((1..40).contains(&late), "{late} of 40 worlds");
    let latest = (0..40)
        .map(|seed| slept(1_000, ChoiceSource::Seed(seed)))
        .max();
    assert!(latest < Some(1_400), "{latest:?}");
}
