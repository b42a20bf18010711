//! Timeouts of local activities, as Core counts them.

use pretty_assertions::assert_eq;

use super::*;

#[workflow_test(core_replay = true)]
async fn start_to_close_ends_an_attempt_and_is_retried(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        start_to_close: Some(5),
        ..Settings::default()
    };
    let ended = run(&env, settings, |call| async move {
        tokio::time::sleep(Duration::from_secs(if call.attempt == 1 { 60 } else { 4 })).await;
        Ok(format!("attempt {}", call.attempt))
    });
    assert_eq!(ended.await?, "completed: attempt 2");
    assert_eq!(seconds_of_calls(&env), [0, 6]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn start_to_close_in_the_last_attempt_is_reported(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        start_to_close: Some(5),
        attempts: 2,
        ..Settings::default()
    };
    let ended = run(&env, settings, |_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok("late".to_owned())
    });
    assert_eq!(ended.await?, "timed out: StartToClose");
    assert_eq!(env.calls(Work::work).len(), 2);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_close_ends_a_running_attempt(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(5),
        ..Settings::default()
    };
    let ended = run(&env, settings, |call| async move {
        if call.attempt > 1 {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        Err(failure("Busy"))
    });
    assert_eq!(ended.await?, "timed out: ScheduleToClose");
    assert_eq!(seconds_of_calls(&env), [0, 1]);
    assert_eq!(seconds_of(&env, "one", EventType::MarkerRecorded), [5]);
    Ok(())
}

/// Core checks once, when the time is up, whether an attempt is running.
#[workflow_test(core_replay = true)]
async fn schedule_to_close_is_not_noticed_between_attempts(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(5),
        first_delay: Some(8),
        ..Settings::default()
    };
    let ended = run(&env, settings, |call| async move {
        if call.attempt == 1 {
            return Err(failure("Busy"));
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok("late".to_owned())
    });
    assert_eq!(ended.await?, "completed: late");
    assert_eq!(seconds_of_calls(&env), [0, 8]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn schedule_to_close_is_noticed_after_a_backoff_timer(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(5),
        first_delay: Some(8),
        threshold: Some(1),
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, |_| async { Err(failure("Busy")) }).await?,
        "timed out: ScheduleToClose"
    );
    assert_eq!(seconds_of_calls(&env), [0]);
    assert_eq!(seconds_of(&env, "one", EventType::TimerFired), [8]);
    Ok(())
}

/// Schedule-to-start counts from the request for every attempt, not only for the first.
#[workflow_test(core_replay = true)]
async fn schedule_to_start_ends_an_attempt_that_starts_too_late(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_start: Some(2),
        first_delay: Some(3),
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, |_| async { Err(failure("Busy")) }).await?,
        "timed out: ScheduleToStart"
    );
    assert_eq!(seconds_of_calls(&env), [0]);
    Ok(())
}

/// Core does not stop the clock of a failed attempt: the clock ends a later attempt.
#[workflow_test(core_replay = true)]
async fn the_clock_of_a_failed_attempt_ends_a_later_attempt(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        start_to_close: Some(5),
        first_delay: Some(3),
        ..Settings::default()
    };
    let ended = run(&env, settings, |call| async move {
        match call.attempt {
            1 => return Err(failure("Busy")),
            2 => tokio::time::sleep(Duration::from_secs(4)).await,
            _ => {}
        }
        Ok(format!("attempt {}", call.attempt))
    });
    assert_eq!(ended.await?, "completed: attempt 3");
    // The second attempt begins at 3 and could run until 8; the first attempt's clock reaches five
    // seconds at 5.
    assert_eq!(seconds_of_calls(&env), [0, 3, 5 + 6]);
    Ok(())
}

/// Reads a timeout with the SDK's own method.
#[workflow]
#[derive(Default)]
struct Naive;

#[workflow_methods]
impl Naive {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        let settings = Settings {
            schedule_to_close: Some(5),
            ..Settings::default()
        };
        let error = ctx
            .execute_local_activity(Work::work, (), settings.options())
            .await
            .err();
        Ok(error.is_some_and(|error| error.as_timeout().is_some()))
    }
}

/// `as_timeout` returns a local activity's timeout when it is new, but not on replay. That is a
/// defect of the SDK, and the report says so.
#[test]
fn as_timeout_returns_another_result_on_replay() {
    let scenario = scenarios::scenario::Scenario {
        name: "naive",
        about: "",
        flaw: None,
        exhausts_retries: false,
        world: |env| {
            Box::pin(async move {
                let late = |_: ActivityCall<()>| async {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                    Ok("late".to_owned())
                };
                env.worker("queue")
                    .workflow::<Naive>()
                    .mock_activity(Work::work, late)
                    .start()?;
                let handle = env
                    .client()
                    .start_workflow(Naive::run, (), on("naive"))
                    .await?;
                assert!(
                    handle
                        .get_result(WorkflowGetResultOptions::default())
                        .await?,
                    "the local activity times out"
                );
                Ok(())
            })
        },
        workflows: scenarios::workflows![Naive],
    };
    let report = durasim_tests::worlds::run(&scenario, &durasim::advanced::WorldOptions::default());
    let failure = report.failure.expect("it is replayed");
    assert_eq!(failure.code, durasim::report::FailureCode::Replay);
    let remedy = failure.remedy.expect("a remedy of its own");
    assert!(
        remedy.contains("the timeout of a local activity"),
        "{remedy}"
    );
    let like_core = durasim_worker::ReplayMode::LikeCore;
    let differences =
        durasim_tests::parity::activation_differences_by(like_core, &scenario, &report.histories);
    assert!(
        differences.is_empty(),
        "real Core gives the same: {differences:?}"
    );
}
