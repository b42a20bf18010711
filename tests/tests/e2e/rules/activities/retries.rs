//! Retries: when the next attempt comes, and when there is none.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::enums::v1::{EventType, RetryState, TimeoutType};
use temporalio_sdk::{ApplicationFailure, activities::ActivityError};

use super::{
    super::{failure, seconds_since},
    Settings, Work, busy, come_back_in_ms, delays_ms, fails, retry_state, run, start, takes,
    timeout_type,
};

#[workflow_test(core_replay = true)]
async fn the_delay_doubles_from_one_second_up_to_the_maximum_interval(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_interval: Some(5),
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        if call.attempt < 6 {
            fails().await
        } else {
            takes(0).await
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(delays_ms(&env), [1000, 2000, 4000, 5000, 5000]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_delay_grows_by_the_coefficient_with_each_retry(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        initial_interval: Some(3),
        coefficient: Some(1.5),
        maximum_interval: Some(10),
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        if call.attempt < 6 {
            fails().await
        } else {
            takes(0).await
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(
        delays_ms(&env),
        [3000, 4500, 6750, 10_000, 10_000],
        "there is no jitter"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_coefficient_of_one_keeps_the_delay(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        initial_interval: Some(7),
        coefficient: Some(1.0),
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        if call.attempt < 4 {
            fails().await
        } else {
            takes(0).await
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(delays_ms(&env), [7000, 7000, 7000]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_default_maximum_interval_is_a_hundred_times_the_initial_one(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = run(&env, Settings::default(), |call| async move {
        if call.attempt < 10 {
            fails().await
        } else {
            takes(0).await
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(
        delays_ms(&env),
        [1, 2, 4, 8, 16, 32, 64, 100, 100].map(|seconds| seconds * 1000)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn attempts_are_unlimited_without_a_maximum(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        maximum_interval: Some(1),
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        if call.attempt < 40 {
            fails().await
        } else {
            takes(0).await
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn attempts_end_at_the_maximum(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        maximum_attempts: 3,
        ..Settings::default()
    };
    assert_eq!(run(&env, settings, |_| fails()).await?, None);
    assert_eq!(env.calls(Work::work).len(), 3);
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_maximum_of_one_attempt_does_not_retry_a_timeout(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        start_to_close: Some(5),
        maximum_attempts: 1,
        ..Settings::default()
    };
    assert_eq!(run(&env, settings, |_| takes(60)).await?, None);
    assert_eq!(env.calls(Work::work).len(), 1);
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    let timed_out = events!(env.history("one"), ActivityTaskTimedOutEventAttributes);
    assert_eq!(
        timeout_type(timed_out[0].failure.as_ref()),
        Some(TimeoutType::StartToClose)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn next_retry_delay_replaces_the_computed_delay_and_the_maximum_interval(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_interval: Some(5),
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        match call.attempt {
            1 => Err(come_back_in_ms(70_000)),
            2 => Err(come_back_in_ms(250)),
            // The policy's delay continues as if it had set the last delay too.
            3 => fails().await,
            _ => takes(0).await,
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(delays_ms(&env), [70_000, 250, 4000]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn next_retry_delay_past_schedule_to_close_fails_the_activity_at_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(60),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(
        run(&env, settings, |_| async { Err(come_back_in_ms(60_001)) }).await?,
        None
    );
    assert_eq!(retry_state(&env), Some(RetryState::Timeout));
    assert_eq!(env.now(), started);
    assert!(
        events!(env.history("one"), ActivityTaskTimedOutEventAttributes).is_empty(),
        "it failed"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn next_retry_delay_does_not_make_an_attempt_beyond_the_maximum(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_attempts: 2,
        ..Settings::default()
    };
    assert_eq!(
        run(&env, settings, |_| async { Err(come_back_in_ms(10)) }).await?,
        None
    );
    assert_eq!(env.calls(Work::work).len(), 2);
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    Ok(())
}

/// `nextBackoffInterval` treats a delay of zero as one that overflowed, and the maximum interval
/// does not replace it.
#[workflow_test(core_replay = true)]
async fn a_next_retry_delay_of_zero_ends_the_retries(env: TestWorkflowEnvironment) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), |_| async {
            Err(come_back_in_ms(0))
        })
        .await?,
        None
    );
    assert_eq!(env.calls(Work::work).len(), 1);
    assert_eq!(retry_state(&env), Some(RetryState::Timeout));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_retry_past_schedule_to_close_is_not_made(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(6),
        ..Settings::default()
    };
    let started = env.now();
    assert_eq!(run(&env, settings, |_| fails()).await?, None);
    // Attempts at 0, 1 and 3 seconds; the next would be at 7.
    assert_eq!(env.calls(Work::work).len(), 3);
    assert_eq!(retry_state(&env), Some(RetryState::Timeout));
    assert_eq!(
        seconds_since(&env, started),
        3,
        "the activity fails at once"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn non_retryable_types_match_exactly(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        non_retryable: vec!["Declined".to_owned(), "Dec".to_owned()],
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        let type_name =
            ["declined", "DECLINED", "Declined ", "Declined"][call.attempt as usize - 1];
        Err(ActivityError::application(failure(type_name)))
    });
    assert_eq!(result.await?, None);
    assert_eq!(
        env.calls(Work::work).len(),
        4,
        "another case is another type"
    );
    assert_eq!(retry_state(&env), Some(RetryState::NonRetryableFailure));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failure_may_be_marked_as_non_retryable(env: TestWorkflowEnvironment) -> TestResult {
    let result = run(&env, Settings::default(), |_| async {
        let declined = ApplicationFailure::builder("declined".to_owned());
        Err(ActivityError::application(
            declined
                .non_retryable(true)
                .next_retry_delay(Duration::from_secs(1))
                .build(),
        ))
    });
    assert_eq!(result.await?, None);
    assert_eq!(env.calls(Work::work).len(), 1);
    assert_eq!(retry_state(&env), Some(RetryState::NonRetryableFailure));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn timeouts_can_be_listed_as_non_retryable_types(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        start_to_close: Some(10),
        non_retryable: vec!["TemporalTimeout:StartToClose".to_owned()],
        ..Settings::default()
    };
    assert_eq!(run(&env, settings, |_| takes(60)).await?, None);
    assert_eq!(retry_state(&env), Some(RetryState::NonRetryableFailure));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn each_kind_of_timeout_has_its_own_type_name(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        start_to_close: Some(20),
        heartbeat: Some(5),
        non_retryable: vec!["TemporalTimeout:Heartbeat".to_owned()],
        ..Settings::default()
    };
    let result = run(&env, settings, |call| async move {
        for _ in 0..if call.attempt == 1 { 60 } else { 0 } {
            tokio::time::sleep(Duration::from_secs(1)).await;
            call.record_heartbeat(&());
        }
        takes(60).await
    });
    assert_eq!(result.await?, None);
    assert_eq!(
        env.calls(Work::work).len(),
        2,
        "the first attempt timed out, the second missed its heartbeat"
    );
    assert_eq!(retry_state(&env), Some(RetryState::NonRetryableFailure));
    let timed_out = events!(env.history("one"), ActivityTaskTimedOutEventAttributes);
    assert_eq!(
        timeout_type(timed_out[0].failure.as_ref()),
        Some(TimeoutType::Heartbeat)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_started_event_is_written_with_the_closing_event(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let one = start(&env, Settings::default(), |call| async move {
        if call.attempt == 1 {
            Err(busy())
        } else {
            takes(8).await
        }
    });
    let one = one.await?;
    env.sleep(Duration::from_secs(5)).await;
    assert!(
        !env.history("one")
            .event_types()
            .contains(&EventType::ActivityTaskStarted)
    );
    one.get_result(WorkflowGetResultOptions::default()).await?;

    let history = env.history("one");
    let started = events!(history, ActivityTaskStartedEventAttributes);
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].attempt, 2);
    let last_failure = started[0].last_failure.as_ref();
    assert_eq!(
        last_failure.map(|failure| failure.message.as_str()),
        Some("it was Busy")
    );
    let types = history.event_types();
    let at = types
        .iter()
        .position(|kind| *kind == EventType::ActivityTaskStarted)
        .unwrap();
    assert_eq!(types[at + 1], EventType::ActivityTaskCompleted);
    let completed = events!(history, ActivityTaskCompletedEventAttributes);
    assert_eq!(completed[0].started_event_id, history.events()[at].event_id);
    Ok(())
}
