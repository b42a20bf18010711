//! Attempts that overrun their timeouts: the worker asks their code to stop, as Core does.

use std::sync::{Arc, Mutex};

use durasim::{
    advanced::{WorldOptions, run_world},
    prelude::*,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::on;

/// A guard who watches until somebody asks the first attempt to stop.
struct Guard(Arc<Mutex<Vec<(u32, u64)>>>);

#[activities]
impl Guard {
    /// Sends a heartbeat after so many seconds, none if 0. Later attempts return at once.
    #[activity]
    async fn watch(self: Arc<Self>, ctx: ActivityContext, beats: u64) -> Result<(), ActivityError> {
        let attempt = ctx.info().attempt;
        if attempt > 1 {
            return Ok(());
        }
        let began = tokio::time::Instant::now();
        if beats > 0 {
            tokio::time::sleep(Duration::from_secs(beats)).await;
            ctx.record_heartbeat(()).await?;
        }
        ctx.cancelled().await;
        let stopped = (attempt, began.elapsed().as_secs());
        self.0.lock().unwrap().push(stopped);
        Err(ActivityError::cancelled())
    }
}

/// Has a guard watch; with a heartbeat timeout of three seconds if he sends heartbeats.
#[workflow]
#[derive(Default)]
struct Night;

#[workflow_methods]
impl Night {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, beats: u64) -> WorkflowResult<()> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20));
        let options = if beats > 0 {
            options.heartbeat_timeout(Duration::from_secs(3)).build()
        } else {
            options.build()
        };
        ctx.execute_activity(Guard::watch, beats, options).await?;
        // Longer than any guard watches.
        ctx.timer(Duration::from_mins(5)).await;
        Ok(())
    }
}

/// Returns the attempts that were asked to stop, each with the seconds that it had run.
fn stopped(beats: u64, faults: impl Into<FaultProfile>) -> Vec<(u32, u64)> {
    let log = Arc::default();
    let kept: Arc<Mutex<Vec<_>>> = Arc::clone(&log);
    let body = move |env: TestWorkflowEnvironment| {
        let log = log.clone();
        async move {
            env.worker("queue")
                .workflow::<Night>()
                .implementer(Guard(log))
                .activity(Guard::watch)
                .start()?;
            let night = env
                .client()
                .start_workflow(Night::run, beats, on("night"))
                .await?;
            night.get_result(Default::default()).await?;
            Ok(())
        }
        .boxed_local() as LocalBoxFuture<'static, TestResult>
    };
    let mut options = WorldOptions::default();
    options.faults = faults.into();
    let report = run_world(&body, &options);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    kept.lock().unwrap().clone()
}

#[test]
fn an_attempt_is_asked_to_stop_five_seconds_after_its_start_to_close_timeout() {
    assert_eq!(stopped(0, FaultProfile::none()), [(1, 25)]);
}

#[test]
fn an_attempt_is_asked_to_stop_five_seconds_after_its_heartbeat_timeout() {
    assert_eq!(stopped(1, FaultProfile::none()), [(1, 9)]);
}

#[test]
fn a_lost_heartbeat_does_not_put_the_local_timeout_off() {
    let fault = Fault::heartbeat_loss().of_activity(Guard::watch);
    assert_eq!(stopped(2, fault), [(1, 8)]);
}
