//! The run timeout and the execution timeout.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::{
    EventType::*,
    RetryState::{InProgress, RetryPolicyNotSet, Timeout},
};
use temporalio_sdk::{ContinueAsNewOptions, WorkflowContext, WorkflowResult};

use super::{
    Plan, beginnings, ended_after, endings, failing, on, retried, retry_states, seconds,
    seconds_since, start,
};

#[workflow_test(core_replay = true)]
async fn the_run_timeout_ends_a_run(env: TestWorkflowEnvironment) -> TestResult {
    let began = env.now();
    let mut options = on("one");
    options.run_timeout = Some(seconds(30));
    let one = start(&env, failing(60), options).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    assert_eq!(seconds_since(&env, began), 30);
    assert_eq!(retry_states(&env), [RetryPolicyNotSet]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_run_timeout_restarts_with_each_run_after_its_delay(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = retried(3);
    options.run_timeout = Some(seconds(10));
    start(&env, failing(60), options)
        .await?
        .get_result(WorkflowGetResultOptions::default())
        .await
        .ok();
    assert_eq!(ended_after(&env), 10 + 1 + 10 + 2 + 10);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_execution_timeout_caps_the_run_timeout(env: TestWorkflowEnvironment) -> TestResult {
    let mut options = on("one");
    options.run_timeout = Some(seconds(600));
    options.execution_timeout = Some(seconds(20));
    start(&env, failing(900), options)
        .await?
        .get_result(WorkflowGetResultOptions::default())
        .await
        .ok();
    let started = super::started(&env.history("one"));
    assert_eq!(started.workflow_run_timeout.unwrap().seconds, 20);
    assert_eq!(ended_after(&env), 20);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_execution_timeout_spans_retries(env: TestWorkflowEnvironment) -> TestResult {
    let mut options = retried(0);
    options.execution_timeout = Some(seconds(25));
    let one = start(&env, failing(10), options).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    assert_eq!(
        ended_after(&env),
        25,
        "two attempts of ten seconds, one between, and a third of two"
    );
    assert_eq!(
        endings(&env),
        [
            WorkflowExecutionFailed,
            WorkflowExecutionFailed,
            WorkflowExecutionTimedOut
        ]
    );
    assert_eq!(retry_states(&env), [InProgress, InProgress, Timeout]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_retry_that_would_begin_after_the_execution_timeout_is_not_made(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = retried(0);
    options.execution_timeout = Some(seconds(12));
    let one = start(&env, failing(10), options).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    // The run fails at ten seconds. Its retry would come a second later, with a second left.
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    assert_eq!(retry_states(&env), [InProgress, Timeout]);

    let mut options = retried(0);
    options.execution_timeout = Some(Duration::from_millis(10_500));
    let one = start(&env, failing(10), options).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Failed(_))),
        "the run fails at once: {end:?}"
    );
    assert_eq!(retry_states(&env), [Timeout]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_execution_timeout_spans_cron_runs_and_the_waits_between_them(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = on("one");
    options.cron_schedule = Some("* * * * *".to_owned());
    options.execution_timeout = Some(seconds(100));
    let one = start(
        &env,
        Plan {
            takes: 10,
            ..Plan::default()
        },
        options,
    )
    .await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    assert_eq!(beginnings(&env).len(), 2);
    assert_eq!(ended_after(&env), 100);
    assert_eq!(
        env.history("one").event_types(),
        [WorkflowExecutionStarted, WorkflowExecutionTimedOut]
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn retries_cron_and_the_execution_timeout_work_together(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = retried(2);
    options.cron_schedule = Some("* * * * *".to_owned());
    options.execution_timeout = Some(seconds(135));
    options.run_timeout = Some(seconds(30));
    let one = start(&env, failing(20), options).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    // From 60 to 80, from 81 to 101, and from 120 until the chain ends.
    assert_eq!(ended_after(&env), 135);
    assert_eq!(
        endings(&env),
        [
            WorkflowExecutionFailed,
            WorkflowExecutionFailed,
            WorkflowExecutionTimedOut
        ]
    );
    Ok(())
}

/// Continues as new every ten seconds.
#[workflow]
#[derive(Default)]
struct Endless;

#[workflow_methods]
impl Endless {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.timer(seconds(10)).await;
        ctx.continue_as_new((), ContinueAsNewOptions::default())?;
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn the_execution_timeout_spans_continue_as_new(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Endless>().start()?;
    let mut options = on("one");
    options.execution_timeout = Some(seconds(35));
    let one = env
        .client()
        .start_workflow(Endless::run, (), options)
        .await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    assert_eq!(ended_after(&env), 35);
    assert_eq!(endings(&env)[..3], [WorkflowExecutionContinuedAsNew; 3]);
    assert_eq!(
        retry_states(&env),
        [Timeout],
        "the chain ends with the timeout, without a retry"
    );
    Ok(())
}
