//! Activities that a client starts without a workflow, through the official client.

use std::sync::Arc;

use durasim::{
    advanced::{WorldOptions, run_world},
    prelude::*,
};
use futures::{FutureExt, TryStreamExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_client::{ActivityStartOptions, errors::ActivityResultError};
use temporalio_common::RetryPolicy;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

/// A bank that refuses as many charges as it was told to.
struct Bank {
    refusals: u32,
}

#[activities]
impl Bank {
    #[activity]
    async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        cents: u64,
    ) -> Result<u64, ActivityError> {
        if ctx.info().attempt <= self.refusals {
            return Err(anyhow::anyhow!("not now").into());
        }
        Ok(cents)
    }

    /// Watches the vault until somebody asks it to stop.
    #[activity]
    async fn watch(self: Arc<Self>, ctx: ActivityContext, (): ()) -> Result<(), ActivityError> {
        loop {
            ctx.record_heartbeat(()).await?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = ctx.cancelled() => return Err(ActivityError::cancelled()),
            }
        }
    }
}

fn bank(env: &TestWorkflowEnvironment, refusals: u32) -> TestResult {
    env.worker("bank")
        .implementer(Bank { refusals })
        .activity(Bank::charge)
        .activity(Bank::watch)
        .start()?;
    Ok(())
}

fn within(minutes: u64, id: &str) -> ActivityStartOptions {
    let timeout = Duration::from_mins(minutes);
    ActivityStartOptions::with_start_to_close_timeout("bank", id, timeout).build()
}

#[workflow_test]
async fn a_client_awaits_an_activity_that_is_retried(env: TestWorkflowEnvironment) -> TestResult {
    bank(&env, 12)?;
    let client = env.client();
    let charge = client
        .start_activity(Bank::charge, 100, within(1, "charge"))
        .await?;
    assert_eq!(charge.result().await?, 100);
    let description = charge.describe(Default::default()).await?;
    assert_eq!(description.attempt(), 13);
    Ok(())
}

#[workflow_test]
async fn an_activity_fails_as_its_policy_says(env: TestWorkflowEnvironment) -> TestResult {
    bank(&env, 5)?;
    let mut options = within(1, "charge");
    options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(5).build());
    let charge = env
        .client()
        .start_activity(Bank::charge, 100, options)
        .await?;
    let failed = charge.result().await.expect_err("five refusals");
    assert!(
        matches!(failed, ActivityResultError::ActivityFailed(_)),
        "{failed:?}"
    );
    Ok(())
}

#[workflow_test]
async fn a_running_activity_is_cancelled_by_its_client(env: TestWorkflowEnvironment) -> TestResult {
    bank(&env, 0)?;
    let mut options = within(600, "watch");
    options.heartbeat_timeout = Some(Duration::from_secs(10));
    let watch = env
        .client()
        .start_activity(Bank::watch, (), options)
        .await?;
    env.sleep(Duration::from_mins(5)).await;
    watch.cancel(Default::default()).await?;
    let ended = watch.result().await.expect_err("a cancellation");
    assert!(
        matches!(ended, ActivityResultError::Cancelled { .. }),
        "{ended:?}"
    );
    Ok(())
}

#[workflow_test]
async fn activities_are_listed_by_a_query(env: TestWorkflowEnvironment) -> TestResult {
    bank(&env, 0)?;
    let client = env.client();
    for id in ["ann", "bob"] {
        let charge = client
            .start_activity(Bank::charge, 100, within(1, id))
            .await?;
        charge.result().await?;
    }
    let query = "ActivityType = 'Bank::charge' AND ExecutionStatus = 'Completed'";
    let found: Vec<_> = client
        .list_activities(query, Default::default())
        .try_collect()
        .await?;
    assert_eq!(found.len(), 2);
    Ok(())
}

/// Under faults the activity is late, and done all the same.
#[workflow_test(seeds = 40, faults = FaultProfile::all())]
async fn a_standalone_activity_survives_faults(env: TestWorkflowEnvironment) -> TestResult {
    bank(&env, 1)?;
    let charge = env
        .client()
        .start_activity(Bank::charge, 100, within(1, "charge"))
        .await?;
    assert_eq!(charge.result().await?, 100);
    Ok(())
}

#[test]
fn a_standalone_activity_without_a_worker_is_shown_as_what_is_missing() {
    let body = |env: TestWorkflowEnvironment| {
        async move {
            let client = env.client();
            let charge = client
                .start_activity(Bank::charge, 100, within(1, "charge"))
                .await?;
            charge.result().await?;
            Ok(())
        }
        .boxed_local() as LocalBoxFuture<'static, TestResult>
    };
    let report = run_world(&body, &WorldOptions::default());
    let text = report.failure.expect("a world that is stuck").to_string();
    assert!(
        text.contains("start a worker with Bank::charge on task queue bank"),
        "{text}"
    );
}
