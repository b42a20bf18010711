//! Responses for attempts that are over.

use durasim::prelude::*;
use temporalio_client::{ActivityIdentifier, RpcOptions, errors::AsyncActivityError};
use temporalio_sdk::ApplicationFailure;

use super::{BY_HAND, Settings, start, take_attempt, takes};

fn settings() -> Settings {
    Settings {
        start_to_close: Some(10),
        task_queue: Some(BY_HAND.to_owned()),
        ..Settings::default()
    }
}

/// Sends every kind of response for an attempt and expects NOT_FOUND each time.
async fn assert_nothing_is_heard(env: &TestWorkflowEnvironment, of: ActivityIdentifier) {
    let attempt = env.client().get_async_activity_handle(of);
    let options = RpcOptions::default;
    let failure = || ApplicationFailure::new("late".to_owned());
    let answers = [
        attempt.heartbeat(Some(1_u32), options()).await.map(drop),
        attempt.complete(Some("late".to_owned()), options()).await,
        attempt.fail(failure(), None::<u32>, options()).await,
        attempt.report_cancelation(None::<u32>, options()).await,
    ];
    for answer in answers {
        assert!(
            matches!(answer, Err(AsyncActivityError::NotFound(_))),
            "{answer:?}"
        );
    }
}

fn token(token: Vec<u8>) -> ActivityIdentifier {
    ActivityIdentifier::from_task_token(token.into())
}

#[workflow_test(core_replay = true)]
async fn a_response_for_an_earlier_attempt_is_not_found(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let one = start(&env, settings(), |_| takes(0)).await?;
    let first = take_attempt(&env).await?.task_token;
    env.sleep(Duration::from_millis(10_500)).await;
    assert_nothing_is_heard(&env, token(first.clone())).await; // while it backs off
    let second = take_attempt(&env).await?;
    assert_eq!(second.attempt, 2);
    assert_nothing_is_heard(&env, token(first)).await; // while the next one runs
    let second = env
        .client()
        .get_async_activity_handle(token(second.task_token));
    second
        .complete(Some("second".to_owned()), RpcOptions::default())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        "second"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_response_for_an_activity_that_has_closed_is_not_found(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_attempts: 1,
        ..settings()
    };
    let one = start(&env, settings, |_| takes(0)).await?;
    let attempt = take_attempt(&env).await?.task_token;
    env.sleep(Duration::from_secs(11)).await;
    assert_nothing_is_heard(&env, token(attempt)).await;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_response_after_the_workflow_closed_is_not_found(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let one = start(&env, settings(), |_| takes(0)).await?;
    let attempt = take_attempt(&env).await?;
    one.terminate(WorkflowTerminateOptions::default()).await?;
    assert_nothing_is_heard(&env, token(attempt.task_token)).await;
    assert_nothing_is_heard(
        &env,
        ActivityIdentifier::by_id_workflow("one", "", attempt.activity_id),
    )
    .await;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_attempt_that_no_worker_took_can_only_be_completed_by_id(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let one = start(&env, settings(), |_| takes(0)).await?;
    env.sleep(Duration::from_secs(1)).await;
    let by_id = ActivityIdentifier::by_id_workflow("one", "", "1");
    let attempt = env.client().get_async_activity_handle(by_id);
    let options = RpcOptions::default;
    for answer in [
        attempt.heartbeat(Some(1_u32), options()).await.map(drop),
        attempt
            .fail(
                ApplicationFailure::new("early".to_owned()),
                None::<u32>,
                options(),
            )
            .await,
        attempt.report_cancelation(None::<u32>, options()).await,
    ] {
        assert!(
            matches!(answer, Err(AsyncActivityError::NotFound(_))),
            "{answer:?}"
        );
    }
    attempt
        .complete(Some("by id".to_owned()), options())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        "by id"
    );
    Ok(())
}
