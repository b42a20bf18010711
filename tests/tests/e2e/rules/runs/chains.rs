//! Retries of runs, and cron schedules.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_common::RetryPolicy;
use temporalio_protos::temporal::api::enums::v1::{
    ContinueAsNewInitiator::{CronSchedule, Retry, Unspecified},
    EventType::*,
    RetryState::{self, *},
};

use super::{
    Plan, beginnings, chain, endings, failing, on, retried, retry_states, seconds, start, started,
};

#[workflow_test(core_replay = true)]
async fn a_failed_run_is_retried_after_the_delay_of_its_policy(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let plan = Plan {
        takes: 5,
        succeeds_at: 4,
        ..Plan::default()
    };
    let one = start(&env, plan, retried(0)).await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        "attempt 4",
        "the client follows"
    );
    assert_eq!(
        beginnings(&env),
        [
            (1, Unspecified, 0),
            (2, Retry, 1),
            (3, Retry, 2),
            (4, Retry, 4)
        ]
    );
    assert_eq!(retry_states(&env), [InProgress, InProgress, InProgress]);
    let runs = chain(&env, "one");
    let first = runs[0].run_id();
    for (before, run) in runs.iter().zip(&runs[1..]) {
        let started = started(run);
        assert_eq!(
            started.first_execution_run_id, first,
            "each run knows the first run"
        );
        assert_eq!(
            started.continued_execution_run_id,
            before.run_id(),
            "each run knows the run before"
        );
        assert_eq!(started.continued_failure.unwrap().message, "it was Busy");
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_without_a_policy_is_not_retried(env: TestWorkflowEnvironment) -> TestResult {
    let one = start(&env, failing(0), on("one")).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Failed(_))),
        "{end:?}"
    );
    assert_eq!(retry_states(&env), [RetryPolicyNotSet]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn retries_of_runs_end_at_the_maximum(env: TestWorkflowEnvironment) -> TestResult {
    let one = start(&env, failing(0), retried(3)).await?;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    assert_eq!(
        retry_states(&env),
        [InProgress, InProgress, MaximumAttemptsReached]
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failure_of_a_non_retryable_type_ends_the_chain(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = on("one");
    options.retry_policy = Some(
        RetryPolicy::builder()
            .non_retryable_error_types(["busy", "Busy"])
            .build(),
    );
    let one = start(&env, failing(0), options).await?;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    assert_eq!(retry_states(&env), [NonRetryableFailure]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn next_retry_delay_of_a_run_stays_within_the_maximum_interval(
    env: TestWorkflowEnvironment,
) -> TestResult {
    for (asked, waited) in [(60, 5), (3, 3)] {
        let plan = Plan {
            takes: 10,
            succeeds_at: 2,
            next_retry_delay: Some(asked),
        };
        let mut options = on("one");
        options.retry_policy = Some(RetryPolicy::builder().maximum_interval(seconds(5)).build());
        let one = start(&env, plan, options).await?;
        one.get_result(WorkflowGetResultOptions::default()).await?;
        assert_eq!(beginnings(&env), [(1, Unspecified, 0), (2, Retry, waited)]);
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_timeout_may_be_retried(env: TestWorkflowEnvironment) -> TestResult {
    let mut options = retried(2);
    options.run_timeout = Some(seconds(10));
    let one = start(&env, failing(60), options).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::TimedOut)),
        "{end:?}"
    );
    assert_eq!(
        endings(&env),
        [WorkflowExecutionTimedOut, WorkflowExecutionTimedOut]
    );
    assert_eq!(retry_states(&env), [InProgress, MaximumAttemptsReached]);
    assert_eq!(beginnings(&env), [(1, Unspecified, 0), (2, Retry, 1)]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_timeout_is_not_retried_if_the_policy_names_it(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = on("one");
    options.run_timeout = Some(seconds(10));
    let policy = RetryPolicy::builder().non_retryable_error_types(["TemporalTimeout:StartToClose"]);
    options.retry_policy = Some(policy.build());
    let one = start(&env, failing(60), options).await?;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    assert_eq!(retry_states(&env), [NonRetryableFailure]);
    Ok(())
}

/// Adds a schedule of every minute; worlds begin on a full minute.
fn every_minute(mut options: WorkflowStartOptions) -> WorkflowStartOptions {
    options.cron_schedule = Some("* * * * *".to_owned());
    options
}

#[workflow_test(core_replay = true)]
async fn a_completed_cron_run_is_followed_by_the_next(env: TestWorkflowEnvironment) -> TestResult {
    let plan = Plan {
        takes: 10,
        ..Plan::default()
    };
    let one = start(&env, plan, every_minute(on("one"))).await?;
    env.sleep(seconds(200)).await;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    assert_eq!(
        beginnings(&env),
        [
            (1, CronSchedule, 60),
            (1, CronSchedule, 50),
            (1, CronSchedule, 50),
            (1, CronSchedule, 50)
        ]
    );
    let runs = chain(&env, "one");
    assert!(started(&runs[0]).last_completion_result.is_none());
    for run in &runs[1..] {
        assert_eq!(
            started(run).last_completion_result.unwrap().payloads[0].data,
            b"\"attempt 1\""
        );
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failed_cron_run_is_followed_by_the_next_with_the_last_result(
    env: TestWorkflowEnvironment,
) -> TestResult {
    // The second attempt of the first run of the schedule succeeds; every other attempt fails.
    let plan = Plan {
        takes: 10,
        succeeds_at: 2,
        ..Plan::default()
    };
    let one = start(&env, plan, every_minute(retried(2))).await?;
    env.sleep(seconds(150)).await;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    assert_eq!(
        beginnings(&env),
        [
            (1, CronSchedule, 60),
            (2, Retry, 1),
            (1, CronSchedule, 39),
            (2, Retry, 1),
            (1, CronSchedule, 39)
        ]
    );
    let results: Vec<_> = chain(&env, "one")
        .iter()
        .map(|run| started(run).last_completion_result.is_some())
        .collect();
    assert_eq!(
        results,
        [false, false, true, false, true],
        "a retry does not carry the last result"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn retries_come_before_the_cron_schedule(env: TestWorkflowEnvironment) -> TestResult {
    let one = start(&env, failing(5), every_minute(retried(3))).await?;
    env.sleep(seconds(130)).await;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    let beginnings = beginnings(&env);
    assert_eq!(
        beginnings[..5],
        // The third attempt ends at 60 + 5 + 1 + 5 + 2 + 5 seconds.
        [
            (1, CronSchedule, 60),
            (2, Retry, 1),
            (3, Retry, 2),
            (1, CronSchedule, 42),
            (2, Retry, 1)
        ]
    );
    let expected: [RetryState; 4] = [InProgress, InProgress, MaximumAttemptsReached, InProgress];
    assert_eq!(retry_states(&env)[..4], expected);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_cron_run_that_timed_out_is_followed_by_the_next(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = every_minute(on("one"));
    options.run_timeout = Some(seconds(10));
    let one = start(&env, failing(30), options).await?;
    env.sleep(seconds(140)).await;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    assert_eq!(
        beginnings(&env),
        [
            (1, CronSchedule, 60),
            (1, CronSchedule, 50),
            (1, CronSchedule, 50)
        ]
    );
    assert_eq!(
        endings(&env)[..2],
        [WorkflowExecutionTimedOut, WorkflowExecutionTimedOut]
    );
    assert_eq!(retry_states(&env), [RetryPolicyNotSet, RetryPolicyNotSet]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_that_overruns_its_schedule_skips_the_missed_times(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let plan = Plan {
        takes: 150,
        ..Plan::default()
    };
    let one = start(&env, plan, every_minute(on("one"))).await?;
    env.sleep(seconds(250)).await;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    assert_eq!(
        beginnings(&env),
        [(1, CronSchedule, 60), (1, CronSchedule, 30)]
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn cancellation_and_termination_end_a_cron_schedule(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let one = start(
        &env,
        Plan {
            takes: 600,
            ..Plan::default()
        },
        every_minute(on("one")),
    )
    .await?;
    env.sleep(seconds(90)).await;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    let end = one.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Terminated { .. })),
        "{end:?}"
    );
    assert_eq!(endings(&env), [WorkflowExecutionTerminated]);
    Ok(())
}
