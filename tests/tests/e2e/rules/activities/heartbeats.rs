//! Heartbeats: their deadline and their details.

use durasim::{ActivityCall, prelude::*};
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    enums::v1::{RetryState, TimeoutType},
    failure::v1::failure::FailureInfo,
};

use super::{super::seconds_since, Settings, busy, fails, retry_state, run, takes, timeout_type};

fn settings() -> Settings {
    Settings {
        start_to_close: Some(100),
        heartbeat: Some(10),
        ..Settings::default()
    }
}

fn details(call: &ActivityCall<()>) -> Option<u32> {
    call.heartbeat_details().expect("a number")
}

#[workflow_test(core_replay = true)]
async fn a_missed_heartbeat_ends_the_attempt_its_timeout_after_the_last_one(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let started = env.now();
    let result = run(&env, settings(), |call| async move {
        if call.attempt == 1 {
            takes(4).await?;
            call.record_heartbeat(&1_u32);
            takes(60).await?;
        }
        Ok(format!("attempt {}", call.attempt))
    });
    assert_eq!(result.await?.as_deref(), Some("attempt 2"));
    assert_eq!(
        seconds_since(&env, started),
        4 + 10 + 1,
        "last heartbeat, timeout, first delay"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn without_any_heartbeat_the_deadline_counts_from_the_start_of_the_attempt(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let started = env.now();
    let result = run(&env, settings(), |call| async move {
        match call.attempt {
            1 => {
                takes(9).await?;
                call.record_heartbeat(&1_u32);
                Err(busy())
            }
            // The attempt began at 10: the heartbeat of the previous attempt, at 9, does not
            // shorten its time.
            2 => takes(60).await,
            _ => takes(0).await,
        }
    });
    assert_eq!(result.await?.as_deref(), Some("done"));
    assert_eq!(seconds_since(&env, started), 10 + 10 + 2);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn heartbeats_keep_an_attempt_alive_until_start_to_close(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let started = env.now();
    let settings = Settings {
        maximum_attempts: 1,
        ..settings()
    };
    let result = run(&env, settings, |call| async move {
        for _ in 0..50 {
            takes(5).await?;
            call.record_heartbeat(&());
        }
        takes(0).await
    });
    assert_eq!(result.await?, None);
    assert_eq!(seconds_since(&env, started), 100);
    let timed_out = events!(env.history("one"), ActivityTaskTimedOutEventAttributes);
    assert_eq!(
        timeout_type(timed_out[0].failure.as_ref()),
        Some(TimeoutType::StartToClose)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn heartbeat_details_outlive_an_attempt_that_adds_none(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = run(&env, settings(), |call| async move {
        match call.attempt {
            1 => {
                call.record_heartbeat(&7_u32);
                Err(busy())
            }
            // Neither a failure nor a timeout without details removes them.
            2 => fails().await,
            3 => takes(60).await,
            _ => Ok(format!("{:?}", details(&call))),
        }
    });
    assert_eq!(result.await?.as_deref(), Some("Some(7)"));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_next_attempt_gets_the_last_details_of_the_previous_one(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = run(&env, settings(), |call| async move {
        if call.attempt == 4 {
            return Ok(format!("{:?}", details(&call)));
        }
        let so_far = details(&call).unwrap_or(0);
        for step in 1..=3 {
            call.record_heartbeat(&(so_far + step));
        }
        fails().await
    });
    assert_eq!(
        result.await?.as_deref(),
        Some("Some(9)"),
        "the last details of each attempt, throttled ones included"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_timeout_carries_the_last_details_of_any_attempt(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_attempts: 3,
        ..settings()
    };
    let result = run(&env, settings, |call| async move {
        if call.attempt == 1 {
            call.record_heartbeat(&5_u32);
        }
        takes(60).await
    });
    assert_eq!(result.await?, None);
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    let timed_out = events!(env.history("one"), ActivityTaskTimedOutEventAttributes);
    let failure = timed_out[0].failure.as_ref().unwrap();
    assert_eq!(timeout_type(Some(failure)), Some(TimeoutType::Heartbeat));
    let Some(FailureInfo::TimeoutFailureInfo(info)) = &failure.failure_info else {
        panic!("{failure:?}")
    };
    assert_eq!(
        info.last_heartbeat_details.as_ref().unwrap().payloads[0].data,
        b"5"
    );
    Ok(())
}
