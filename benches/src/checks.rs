//! The measured world, with and without one check.

use durasim::{TestResult, TestWorkflowEnvironment};
use futures::{FutureExt, future::LocalBoxFuture};
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};

use crate::{Rounds, Steps};

/// The check that a test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// None, besides the checks that always run.
    Nothing,
    /// `idempotency`: of the workflow's result and a value.
    Observations,
    /// `effects_once`: of one effect for each activity.
    Effects,
    /// `invariant`: of a closure that costs nothing itself.
    Invariant,
    /// `sometimes`: once for each activity.
    Sometimes,
}

/// Returns a world of ten rounds with mocked activities.
pub fn rounds(
    asked: Asked,
) -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync {
    move |env| run(env, asked).boxed_local()
}

async fn run(env: TestWorkflowEnvironment, asked: Asked) -> TestResult {
    let ledger = (asked == Asked::Effects).then(|| env.ledger("steps"));
    let mocked = env.clone();
    env.worker("rounds")
        .workflow::<Rounds>()
        .mock_activity(Steps::step, move |call| {
            if let Some(ledger) = &ledger {
                ledger.record(format!("step {}", call.input), call.input);
            }
            if asked == Asked::Sometimes {
                mocked.sometimes("a step", true);
            }
            async move { Ok(call.input) }
        })
        .start()?;
    if asked == Asked::Invariant {
        env.invariant("it holds", || true);
    }
    let options = WorkflowStartOptions::new("rounds", "rounds-1").build();
    let handle = env
        .client()
        .start_workflow(Rounds::run, 10, options)
        .await?;
    if asked == Asked::Observations {
        env.observe_result(&handle);
        env.observe("ten", || 10);
    }
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}
