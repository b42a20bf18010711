//! Options of an activity, as the service fills them in.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    enums::v1::{RetryState, WorkflowTaskFailedCause},
    history::v1::ActivityTaskScheduledEventAttributes,
};

use super::{super::on, OneActivity, Settings, Work, retry_state, start, takes};

/// Schedule-to-close, start-to-close, schedule-to-start and heartbeat, in seconds.
type Timeouts = [Option<u64>; 4];

fn settings(
    [
        schedule_to_close,
        start_to_close,
        schedule_to_start,
        heartbeat,
    ]: Timeouts,
) -> Settings {
    Settings {
        start_to_close,
        schedule_to_close,
        schedule_to_start,
        heartbeat,
        ..Settings::default()
    }
}

fn timeouts(scheduled: &ActivityTaskScheduledEventAttributes) -> [i64; 4] {
    [
        scheduled.schedule_to_close_timeout,
        scheduled.start_to_close_timeout,
        scheduled.schedule_to_start_timeout,
        scheduled.heartbeat_timeout,
    ]
    .map(|timeout| timeout.expect("each is filled in").seconds)
}

/// Returns the scheduled event of an activity with these timeouts, in a run with this run timeout.
async fn scheduled(
    env: &TestWorkflowEnvironment,
    asked: Timeouts,
    run_timeout: Option<u64>,
) -> Result<[i64; 4], TestError> {
    let id = format!("{asked:?} {run_timeout:?}");
    let mut options = on(&id);
    options.run_timeout = run_timeout.map(Duration::from_secs);
    let handle = env
        .client()
        .start_workflow(OneActivity::run, settings(asked), options)
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let scheduled = events!(env.history(id), ActivityTaskScheduledEventAttributes);
    Ok(timeouts(&scheduled[0]))
}

async fn worker(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<OneActivity>()
        .mock_activity(Work::work, |_| takes(0))
        .start()?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_close_fills_and_bounds_schedule_to_start_and_start_to_close(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env).await?;
    for (asked, shown) in [
        ([Some(60), None, None, None], [60, 60, 60, 0]),
        ([Some(60), Some(20), None, None], [60, 20, 60, 0]),
        ([Some(60), None, Some(20), None], [60, 60, 20, 0]),
        ([Some(60), Some(90), Some(90), None], [60, 60, 60, 0]),
        ([Some(60), Some(60), Some(60), Some(60)], [60, 60, 60, 60]),
    ] {
        assert_eq!(scheduled(&env, asked, None).await?, shown, "{asked:?}");
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn start_to_close_alone_leaves_the_rest_to_the_run_timeout(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env).await?;
    for (asked, run_timeout, shown) in [
        ([None, Some(20), None, None], None, [0, 20, 0, 0]),
        ([None, Some(20), Some(30), None], None, [0, 20, 30, 0]),
        ([None, Some(20), None, None], Some(600), [600, 20, 600, 0]),
        (
            [None, Some(20), Some(30), None],
            Some(600),
            [600, 20, 30, 0],
        ),
    ] {
        assert_eq!(
            scheduled(&env, asked, run_timeout).await?,
            shown,
            "{asked:?} {run_timeout:?}"
        );
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_heartbeat_timeout_is_no_longer_than_start_to_close(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env).await?;
    for (asked, shown) in [
        ([None, Some(20), None, Some(30)], [0, 20, 0, 20]),
        ([Some(60), None, None, Some(90)], [60, 60, 60, 60]),
        ([Some(60), Some(20), None, Some(30)], [60, 20, 60, 20]),
        ([Some(60), Some(20), None, Some(5)], [60, 20, 60, 5]),
    ] {
        assert_eq!(scheduled(&env, asked, None).await?, shown, "{asked:?}");
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn no_timeout_is_longer_than_the_run_timeout(env: TestWorkflowEnvironment) -> TestResult {
    worker(&env).await?;
    for (asked, shown) in [
        ([Some(60), None, None, None], [30, 30, 30, 0]),
        ([None, Some(60), None, Some(45)], [30, 30, 30, 30]),
        ([None, Some(60), Some(90), None], [30, 30, 30, 0]),
        ([Some(60), Some(10), Some(50), Some(20)], [30, 10, 30, 10]),
    ] {
        assert_eq!(scheduled(&env, asked, Some(30)).await?, shown, "{asked:?}");
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_activity_with_neither_closing_timeout_fails_the_workflow_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env).await?;
    let asked = settings([None, Some(0), Some(30), Some(5)]);
    env.client()
        .start_workflow(OneActivity::run, asked, on("one"))
        .await?;
    env.sleep(Duration::from_secs(1)).await;
    let failed = events!(env.history("one"), WorkflowTaskFailedEventAttributes);
    assert_eq!(
        failed[0].cause(),
        WorkflowTaskFailedCause::BadScheduleActivityAttributes
    );
    let message = &failed[0].failure.as_ref().unwrap().message;
    assert!(
        message.contains("a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set"),
        "{message}"
    );
    assert!(events!(env.history("one"), ActivityTaskScheduledEventAttributes).is_empty());
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_retry_policy_is_shown_with_its_defaults(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        initial_interval: Some(0),
        coefficient: Some(0.0),
        ..Settings::default()
    };
    start(&env, settings, |_| takes(0))
        .await?
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let scheduled = events!(env.history("one"), ActivityTaskScheduledEventAttributes);
    let policy = scheduled[0].retry_policy.as_ref().unwrap();
    assert_eq!(policy.initial_interval.unwrap().seconds, 1);
    assert_eq!(policy.maximum_interval.unwrap().seconds, 100);
    assert!((policy.backoff_coefficient - 2.0).abs() < f64::EPSILON);
    assert_eq!(policy.maximum_attempts, 0);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_invalid_retry_policy_fails_the_workflow_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env).await?;
    for (id, settings) in [
        (
            "coefficient",
            Settings {
                coefficient: Some(0.5),
                ..Settings::default()
            },
        ),
        (
            "maximum",
            Settings {
                initial_interval: Some(9),
                maximum_interval: Some(3),
                ..Settings::default()
            },
        ),
        (
            "type",
            Settings {
                non_retryable: vec!["TemporalTimeout:Never".to_owned()],
                ..Settings::default()
            },
        ),
    ] {
        env.client()
            .start_workflow(OneActivity::run, settings, on(id))
            .await?;
        env.sleep(Duration::from_secs(1)).await;
        let failed = events!(env.history(id), WorkflowTaskFailedEventAttributes);
        assert_eq!(
            failed[0].cause(),
            WorkflowTaskFailedCause::BadScheduleActivityAttributes,
            "{id}"
        );
    }
    Ok(())
}

/// The other fields of a policy of one attempt are never used, and nobody validates them.
#[workflow_test(core_replay = true)]
async fn a_retry_policy_of_one_attempt_may_be_invalid_otherwise(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        coefficient: Some(0.5),
        maximum_attempts: 1,
        ..Settings::default()
    };
    let one = start(&env, settings, |_| super::fails()).await?;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    Ok(())
}
