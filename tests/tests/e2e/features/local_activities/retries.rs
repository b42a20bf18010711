//! Retries of local activities: within the task, or after a timer.

use pretty_assertions::assert_eq;

use super::*;

/// Fails in its first attempts.
fn failing(
    times: u32,
) -> impl Fn(ActivityCall<()>) -> std::future::Ready<Result<String, ActivityError>> {
    move |call| {
        let attempt = call.attempt;
        std::future::ready(if attempt <= times {
            Err(failure("Busy"))
        } else {
            Ok(format!("attempt {attempt}"))
        })
    }
}

#[workflow_test(core_replay = true)]
async fn attempts_are_made_within_the_task(env: TestWorkflowEnvironment) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), failing(2)).await?,
        "completed: attempt 3"
    );
    assert_eq!(seconds_of_calls(&env), [0, 1, 3]);
    let types = env.history("one").event_types();
    assert_eq!(
        types[types.len() - 3..],
        [
            EventType::WorkflowTaskCompleted,
            EventType::MarkerRecorded,
            EventType::WorkflowExecutionCompleted
        ]
    );
    assert_eq!(types.len(), 6, "all attempts are in one workflow task");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_long_backoff_is_a_timer(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        threshold: Some(3),
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, failing(4)).await?,
        "completed: attempt 5"
    );
    // Delays of 1 and 2 seconds pass within the task; delays of 4 and 8 seconds are timers.
    assert_eq!(seconds_of_calls(&env), [0, 1, 3, 7, 15]);
    assert_eq!(seconds_of(&env, "one", EventType::TimerStarted), [3, 7]);
    assert_eq!(
        seconds_of(&env, "one", EventType::MarkerRecorded),
        [3, 7, 15]
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_backoff_over_a_minute_is_a_timer_by_default(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(1000),
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, failing(7)).await?,
        "completed: attempt 8"
    );
    assert_eq!(seconds_of_calls(&env), [0, 1, 3, 7, 15, 31, 63, 127]);
    assert_eq!(seconds_of(&env, "one", EventType::TimerStarted), [63]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failure_may_set_the_delay_of_its_retry(env: TestWorkflowEnvironment) -> TestResult {
    let ended = run(&env, Settings::default(), |call| async move {
        if call.attempt > 1 {
            return Ok("later".to_owned());
        }
        let later = ApplicationFailure::builder("come back later".to_owned());
        Err(ActivityError::application(
            later.next_retry_delay(Duration::from_secs(70)).build(),
        ))
    });
    assert_eq!(ended.await?, "completed: later");
    assert_eq!(seconds_of_calls(&env), [0, 70]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn attempts_end_at_the_maximum(env: TestWorkflowEnvironment) -> TestResult {
    let ended = run(
        &env,
        Settings {
            attempts: 3,
            ..Settings::default()
        },
        failing(9),
    );
    assert_eq!(ended.await?, "Activity failed: it was Busy");
    assert_eq!(env.calls(Work::work).len(), 3);
    Ok(())
}

/// Unlike the server, Core ignores case in these types.
#[workflow_test(core_replay = true)]
async fn non_retryable_types_match_in_any_case(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        non_retryable: vec!["bUSY".to_owned()],
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, failing(9)).await?,
        "Activity failed: it was Busy"
    );
    assert_eq!(env.calls(Work::work).len(), 1);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failure_may_be_non_retryable(env: TestWorkflowEnvironment) -> TestResult {
    let ended = run(&env, Settings::default(), |_| async {
        Err(ActivityError::application(
            ApplicationFailure::non_retryable(anyhow::anyhow!("no way")),
        ))
    });
    assert_eq!(ended.await?, "Activity failed: no way");
    assert_eq!(env.calls(Work::work).len(), 1);
    Ok(())
}

feature! {
    /// Whatever happens to the worker, its last attempt decides.
    not_official [OneLocal]
    async fn it_completes_in_the_end(env) {
        let settings = Settings {
            threshold: Some(3),
            schedule_to_close: Some(10_000),
            ..Settings::default()
        };
        assert_eq!(
            run(&env, settings, failing(4)).await?,
            "completed: attempt 5"
        );
        Ok(())
    }
}
