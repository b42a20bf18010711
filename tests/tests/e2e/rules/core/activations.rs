//! Activations: their time, their randomness, and the order of their jobs.

use std::time::SystemTime;

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType::*;
use temporalio_sdk::{
    ContinueAsNewOptions, LocalActivityOptions, SyncWorkflowContext, WorkflowContext,
    WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::{chain, on, seconds};

/// Draws random values and reads its clock on each signal, and continues as another run.
#[workflow]
#[derive(Default)]
struct Drawing {
    drawn: Vec<String>,
    times: Vec<SystemTime>,
    ends: bool,
}

#[workflow_methods]
impl Drawing {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, continues: bool) -> WorkflowResult<Vec<String>> {
        ctx.wait_condition(|state| state.ends).await?;
        if continues {
            ctx.continue_as_new(false, ContinueAsNewOptions::default())?;
        }
        Ok(ctx.state(|state| state.drawn.clone()))
    }

    #[signal]
    fn draw(&mut self, ctx: &mut SyncWorkflowContext<Self>) {
        let number: u64 = ctx.random();
        self.drawn.push(format!("{} {number}", ctx.uuid4()));
        self.times.extend(ctx.workflow_time());
    }

    #[signal]
    fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ends = true;
    }

    #[query]
    fn drawn(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.drawn.clone()
    }

    #[query]
    fn times(&self, _ctx: &WorkflowContextView) -> Vec<SystemTime> {
        self.times.clone()
    }
}

#[workflow_test(cache = false, core_replay = true)]
async fn random_values_depend_on_the_run_and_not_on_the_replay(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Drawing>().start()?;
    let mut all = Vec::new();
    for id in ["one", "other"] {
        let one = env
            .client()
            .start_workflow(Drawing::run, false, on(id))
            .await?;
        for count in 1..=3 {
            one.signal(Drawing::draw, (), WorkflowSignalOptions::default())
                .await?;
            env.sleep(seconds(1)).await;
            let drawn = one
                .query(Drawing::drawn, (), WorkflowQueryOptions::default())
                .await?;
            assert_eq!(drawn.len(), count);
        }
        let before = one
            .query(Drawing::drawn, (), WorkflowQueryOptions::default())
            .await?;
        one.signal(Drawing::end, (), WorkflowSignalOptions::default())
            .await?;
        assert_eq!(
            one.get_result(WorkflowGetResultOptions::default()).await?,
            before,
            "each replay draws the same"
        );
        all.extend(before);
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "all draws of both runs differ");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_continued_run_draws_new_random_values(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Drawing>().start()?;
    env.client()
        .start_workflow(Drawing::run, true, on("one"))
        .await?;
    let one = env.client().get_workflow_handle::<Drawing>("one");
    let mut drawn = Vec::new();
    for _ in 0..2 {
        one.signal(Drawing::draw, (), WorkflowSignalOptions::default())
            .await?;
        env.sleep(seconds(1)).await;
        drawn.push(
            one.query(Drawing::drawn, (), WorkflowQueryOptions::default())
                .await?,
        );
        one.signal(Drawing::end, (), WorkflowSignalOptions::default())
            .await?;
        env.sleep(seconds(2)).await;
    }
    assert_eq!(chain(&env, "one").len(), 2);
    assert_ne!(drawn[0], drawn[1]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn workflow_time_is_that_of_the_started_event_of_the_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Drawing>().start()?;
    let one = env
        .client()
        .start_workflow(Drawing::run, false, on("one"))
        .await?;
    for wait in [3, 70, 3600] {
        env.sleep(seconds(wait)).await;
        one.signal(Drawing::draw, (), WorkflowSignalOptions::default())
            .await?;
    }
    let seen = one
        .query(Drawing::times, (), WorkflowQueryOptions::default())
        .await?;
    let history = env.history("one");
    let started = history
        .events()
        .iter()
        .filter(|event| event.event_type() == WorkflowTaskStarted);
    let times: Vec<SystemTime> = started
        .map(|event| SystemTime::try_from(event.event_time.unwrap()))
        .collect::<Result<_, _>>()?;
    assert_eq!(seen, times[1..], "the first task drew nothing");
    Ok(())
}

struct Slow;

#[activities]
impl Slow {
    #[activity]
    async fn takes(_ctx: ActivityContext, duration: u64) -> Result<(), ActivityError> {
        tokio::time::sleep(seconds(duration)).await;
        Ok(())
    }
}

/// Notes the order of a timer and a later signal that arrive in one task.
#[workflow]
#[derive(Default)]
struct Hearing {
    heard: Vec<String>,
}

#[workflow_methods]
impl Hearing {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let timer = ctx.timer(seconds(2));
        // The first task is over; the next one lasts from the first second to the fifth.
        ctx.timer(seconds(1)).await;
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(seconds(10))
            .build();
        ctx.execute_local_activity(Slow::takes, 4_u64, options)
            .await?;
        timer.await;
        ctx.state_mut(|state| state.heard.push("timer".to_owned()));
        ctx.wait_condition(|state| state.heard.len() == 2).await?;
        Ok(ctx.state(|state| state.heard.clone()))
    }

    #[signal]
    fn signal(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.heard.push("signal".to_owned());
    }
}

#[workflow_test(core_replay = true)]
async fn signals_come_before_the_other_jobs_of_a_task(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Hearing>()
        .activity(Slow::takes)
        .start()?;
    let one = env
        .client()
        .start_workflow(Hearing::run, (), on("one"))
        .await?;
    env.sleep(seconds(3)).await;
    one.signal(Hearing::signal, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        ["signal", "timer"]
    );
    let types = env.history("one").event_types();
    let fired = types.iter().rposition(|kind| *kind == TimerFired).unwrap();
    assert_eq!(
        types[fired + 1],
        WorkflowExecutionSignaled,
        "the signal comes first, although it arrived later"
    );
    Ok(())
}
