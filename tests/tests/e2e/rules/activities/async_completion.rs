//! Activities completed from outside, named by task token or by id.

use std::sync::{Arc, Mutex};

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    ActivityIdentifier, AsyncActivityHandle, Client, RpcOptions, WorkflowHandle,
    errors::AsyncActivityError,
};
use temporalio_protos::temporal::api::enums::v1::RetryState;
use temporalio_sdk::{
    ActivityCancellationType::WaitCancellationCompleted, ApplicationFailure,
    activities::ActivityError,
};

use super::{
    super::on,
    OneActivity, Settings, Work,
    cancellation::{Cancelling, Plan},
    retry_state,
};

/// The name of an activity in a request.
#[derive(Clone, Copy, Debug)]
enum Named {
    ByToken,
    ById,
}

const BOTH: [Named; 2] = [Named::ByToken, Named::ById];

/// Starts a worker whose activity leaves its completion to others. Each attempt reports its task
/// token and the heartbeat details that it received.
fn worker(env: &TestWorkflowEnvironment) -> Result<Attempts, TestError> {
    let attempts = Attempts::default();
    let told = attempts.clone();
    env.worker("queue")
        .workflow::<OneActivity>()
        .workflow::<Cancelling>()
        .mock_activity(Work::work, move |call| {
            told.lock().unwrap().push(Attempt {
                token: call.info().task_token.clone(),
                details: call.heartbeat_details().expect("a number"),
            });
            async { Err(ActivityError::WillCompleteAsync) }
        })
        .start()?;
    Ok(attempts)
}

/// Starts an activity that leaves its completion to others.
async fn left_to_others(
    env: &TestWorkflowEnvironment,
    settings: Settings,
) -> Result<(WorkflowHandle<Client, OneActivity>, Attempts), TestError> {
    let attempts = worker(env)?;
    env.client()
        .start_workflow(OneActivity::run, settings, on("one"))
        .await?;
    env.sleep(Duration::from_secs(1)).await;
    Ok((
        env.client().get_workflow_handle::<OneActivity>("one"),
        attempts,
    ))
}

type Attempts = Arc<Mutex<Vec<Attempt>>>;

struct Attempt {
    token: Vec<u8>,
    details: Option<u32>,
}

fn named(
    env: &TestWorkflowEnvironment,
    how: Named,
    attempts: &Attempts,
) -> AsyncActivityHandle<Client> {
    let identifier = match how {
        Named::ByToken => {
            let attempts = attempts.lock().unwrap();
            ActivityIdentifier::from_task_token(attempts.last().unwrap().token.clone().into())
        }
        Named::ById => ActivityIdentifier::by_id_workflow("one", "", "1"),
    };
    env.client().get_async_activity_handle(identifier)
}

#[workflow_test(core_replay = true)]
async fn an_activity_is_completed_by_its_token_or_its_id(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (one, attempts) = left_to_others(&env, Settings::default()).await?;
    let completed = named(&env, Named::ByToken, &attempts);
    completed
        .complete(Some("by token".to_owned()), RpcOptions::default())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        "by token"
    );

    let again = env
        .client()
        .start_workflow(OneActivity::run, Settings::default(), on("one"))
        .await?;
    env.sleep(Duration::from_secs(1)).await;
    let completed = named(&env, Named::ById, &attempts);
    completed
        .complete(Some("by id".to_owned()), RpcOptions::default())
        .await?;
    assert_eq!(
        again
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "by id"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failure_from_outside_is_retried_like_any_other(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        maximum_attempts: 3,
        ..Settings::default()
    };
    let (one, attempts) = left_to_others(&env, settings).await?;
    for (failed, how) in [Named::ByToken, Named::ById, Named::ByToken]
        .into_iter()
        .enumerate()
    {
        assert_eq!(attempts.lock().unwrap().len(), failed + 1);
        let failure = ApplicationFailure::new("from outside".to_owned());
        named(&env, how, &attempts)
            .fail(failure, None::<u32>, RpcOptions::default())
            .await?;
        env.sleep(Duration::from_secs(3)).await;
    }
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    assert_eq!(env.calls(Work::work).len(), 3);
    assert_eq!(retry_state(&env), Some(RetryState::MaximumAttemptsReached));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn details_sent_with_a_failure_reach_the_next_attempt(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (one, attempts) = left_to_others(&env, Settings::default()).await?;
    for (how, details) in [(Named::ByToken, 4_u32), (Named::ById, 8)] {
        let failure = ApplicationFailure::new("from outside".to_owned());
        named(&env, how, &attempts)
            .fail(failure, Some(details), RpcOptions::default())
            .await?;
        env.sleep(Duration::from_secs(3)).await;
        assert_eq!(
            attempts.lock().unwrap().last().unwrap().details,
            Some(details),
            "{how:?}"
        );
    }
    one.terminate(WorkflowTerminateOptions::default()).await?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn heartbeats_from_outside_keep_an_activity_alive_and_keep_its_details(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        start_to_close: Some(100),
        heartbeat: Some(10),
        ..Settings::default()
    };
    let (one, attempts) = left_to_others(&env, settings).await?;
    for (step, how) in BOTH.into_iter().cycle().take(6).enumerate() {
        env.sleep(Duration::from_secs(8)).await;
        let details = Some(u32::try_from(step)?);
        let answer = named(&env, how, &attempts)
            .heartbeat(details, RpcOptions::default())
            .await?;
        assert!(!answer.cancel_requested);
    }
    assert_eq!(attempts.lock().unwrap().len(), 1, "it lives on");
    env.sleep(Duration::from_secs(12)).await;
    assert_eq!(
        attempts.lock().unwrap().last().unwrap().details,
        Some(5),
        "the next one knows"
    );
    named(&env, Named::ById, &attempts)
        .complete(Some("done".to_owned()), RpcOptions::default())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        "done"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_activity_without_a_cancel_request_cannot_respond_as_canceled(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (one, attempts) = left_to_others(&env, Settings::default()).await?;
    for how in BOTH {
        let refused = named(&env, how, &attempts)
            .report_cancelation(None::<u32>, RpcOptions::default())
            .await;
        let Err(AsyncActivityError::Rpc(status)) = refused else {
            panic!("{how:?}: {refused:?}")
        };
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(
            status
                .message()
                .contains("without activity being request canceled first"),
            "{status:?}"
        );
    }
    one.terminate(WorkflowTerminateOptions::default()).await?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_heartbeat_from_outside_learns_of_a_cancel_request_and_may_answer_it(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let attempts = worker(&env)?;
    for how in BOTH {
        let plan = Plan {
            settings: Settings::default(),
            kind: WaitCancellationCompleted,
            after: 2,
        };
        let one = env
            .client()
            .start_workflow(Cancelling::run, plan, on("one"))
            .await?;
        env.sleep(Duration::from_secs(3)).await;
        let attempt = named(&env, how, &attempts);
        let answer = attempt
            .heartbeat(None::<u32>, RpcOptions::default())
            .await?;
        assert!(answer.cancel_requested, "{how:?}");
        attempt
            .report_cancelation(Some("stopped".to_owned()), RpcOptions::default())
            .await?;
        assert_eq!(
            one.get_result(WorkflowGetResultOptions::default()).await?,
            "cancelled after 3 s"
        );
        let canceled = events!(env.history("one"), ActivityTaskCanceledEventAttributes);
        assert_eq!(
            canceled[0].details.as_ref().unwrap().payloads[0].data,
            b"\"stopped\""
        );
    }
    Ok(())
}
