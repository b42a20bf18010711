//! Cancellation of local activities: each cancellation type, during attempts and between them.

use pretty_assertions::assert_eq;
use temporalio_sdk::{ActivityCancellationType as Type, WorkflowCancellationToken};

use super::*;

/// Runs a local activity and cancels it: when another one ends a second later, or with the
/// workflow.
#[workflow]
#[derive(Default)]
struct Canceller;

/// An activity that takes a second.
struct Clocks;

#[activities]
impl Clocks {
    #[activity]
    async fn tick(_ctx: ActivityContext) -> Result<(), ActivityError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

#[workflow_methods]
impl Canceller {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        cancel_type: Type,
    ) -> WorkflowResult<(String, u64)> {
        let token = WorkflowCancellationToken::new();
        let mut options = Settings {
            schedule_to_close: Some(1000),
            ..Settings::default()
        }
        .options();
        options.cancel_type = cancel_type;
        options.cancellation_token = Some(token.clone());
        let started = ctx.workflow_time();
        let work = ctx.execute_local_activity(Work::work, (), options);
        let seconds = LocalActivityOptions::default();
        ctx.execute_local_activity(Clocks::tick, (), seconds)
            .await?;
        token.cancel();
        let ended = end(work.await);
        let waited = ctx
            .workflow_time()
            .zip(started)
            .and_then(|(now, then)| now.duration_since(then).ok());
        Ok((ended, waited.unwrap_or_default().as_secs()))
    }
}

async fn cancels<R>(
    env: &TestWorkflowEnvironment,
    cancel_type: Type,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
) -> TestResult<(String, u64)>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    env.worker("queue")
        .workflow::<Canceller>()
        .mock_activity(Work::work, mock)
        .activity(Clocks::tick)
        .start()?;
    let handle = env
        .client()
        .start_workflow(Canceller::run, cancel_type, on("one"))
        .await?;
    Ok(handle
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

/// Waits for its cancellation, then takes three seconds to stop.
async fn slow_to_stop(call: ActivityCall<()>) -> Result<String, ActivityError> {
    call.cancelled().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    Err(ActivityError::cancelled())
}

#[workflow_test(core_replay = true)]
async fn try_cancel_ends_it_at_once(env: TestWorkflowEnvironment) -> TestResult {
    assert_eq!(
        cancels(&env, Type::TryCancel, slow_to_stop).await?,
        ("cancelled".to_owned(), 1)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn wait_cancellation_completed_waits_for_its_code(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (ended, waited) = cancels(&env, Type::WaitCancellationCompleted, slow_to_stop).await?;
    assert_eq!((ended.as_str(), waited), ("cancelled", 4));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn its_code_may_complete_although_it_was_cancelled(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let ended = cancels(&env, Type::WaitCancellationCompleted, |call| async move {
        call.cancelled().await;
        Ok("done before you knew".to_owned())
    });
    assert_eq!(
        ended.await?,
        ("completed: done before you knew".to_owned(), 1)
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn abandon_does_not_notify_its_code(env: TestWorkflowEnvironment) -> TestResult {
    let told = env.shared(std::sync::atomic::AtomicBool::default());
    let heard = told.clone();
    let ended = cancels(&env, Type::Abandon, move |call| {
        let heard = heard.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            heard.store(call.is_cancelled(), std::sync::atomic::Ordering::SeqCst);
            Ok("late".to_owned())
        }
    });
    assert_eq!(ended.await?, ("cancelled".to_owned(), 1));
    env.sleep(Duration::from_secs(5)).await;
    assert!(!told.load(std::sync::atomic::Ordering::SeqCst));
    Ok(())
}

/// No code runs that could respond.
#[workflow_test(core_replay = true)]
async fn it_is_cancelled_between_two_attempts(env: TestWorkflowEnvironment) -> TestResult {
    let ended = cancels(&env, Type::WaitCancellationCompleted, |_| async {
        let later = ApplicationFailure::builder("come back later".to_owned());
        Err(ActivityError::application(
            later.next_retry_delay(Duration::from_secs(30)).build(),
        ))
    });
    assert_eq!(ended.await?, ("cancelled".to_owned(), 1));
    assert_eq!(env.calls(Work::work).len(), 1);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn it_is_cancelled_during_a_backoff_timer(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<OneLocal>()
        .mock_activity(Work::work, |_| async { Err(failure("Busy")) })
        .start()?;
    let settings = Settings {
        first_delay: Some(3600),
        threshold: Some(1),
        ..Settings::default()
    };
    let handle = env
        .client()
        .start_workflow(OneLocal::run, settings, on("one"))
        .await?;
    env.sleep(Duration::from_mins(1)).await;
    handle.cancel(WorkflowCancelOptions::default()).await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "cancelled"
    );
    assert_eq!(seconds_of(&env, "one", EventType::TimerCanceled), [60]);
    Ok(())
}

/// A workflow task that runs a local activity learns of the workflow's cancellation with its next
/// heartbeat.
#[workflow_test(core_replay = true)]
async fn it_is_cancelled_with_its_workflow(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<OneLocal>()
        .mock_activity(Work::work, slow_to_stop)
        .start()?;
    let handle = env
        .client()
        .start_workflow(OneLocal::run, Settings::default(), on("one"))
        .await?;
    env.sleep(Duration::from_secs(2)).await;
    handle.cancel(WorkflowCancelOptions::default()).await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "cancelled"
    );
    assert_eq!(seconds_of(&env, "one", EventType::MarkerRecorded), [8]);
    Ok(())
}

/// Schedules and cancels in one task: nothing ever runs.
#[workflow]
#[derive(Default)]
struct Hasty;

#[workflow_methods]
impl Hasty {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let work = ctx.execute_local_activity(Work::work, (), LocalActivityOptions::default());
        temporalio_sdk::CancellableFuture::cancel(&work);
        Ok(end(work.await))
    }
}

feature! {
    not_official [Hasty]
    async fn before_it_runs(env) {
        env.worker("queue")
            .workflow::<Hasty>()
            .mock_activity(Work::work, |_| async { Ok("ran".to_owned()) })
            .start()?;
        let handle = env
            .client()
            .start_workflow(Hasty::run, (), on("one"))
            .await?;
        assert_eq!(
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            "cancelled"
        );
        assert!(env.calls(Work::work).is_empty());
        Ok(())
    }
}
