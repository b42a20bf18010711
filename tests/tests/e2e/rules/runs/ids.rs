//! `workflow_id_dedup.go` and what clients see of runs that are closed.

use super::{Counter, on};
use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    errors::{WorkflowGetResultError, WorkflowInteractionError, WorkflowStartError},
};

#[workflow_test]
async fn a_signal_to_a_closed_run_is_not_found(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let counter = env.client().start_workflow(Counter::run, (), on("counter")).await?;
    counter.signal(Counter::finish, (), WorkflowSignalOptions::default()).await?;
    counter.get_result(WorkflowGetResultOptions::default()).await?;
    let late = counter.signal(Counter::add, (), WorkflowSignalOptions::default()).await;
    assert!(matches!(late, Err(WorkflowInteractionError::NotFound(_))), "{late:?}");
    Ok(())
}

#[workflow_test]
async fn a_cancel_request_to_a_closed_run_succeeds(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let counter = env.client().start_workflow(Counter::run, (), on("counter")).await?;
    counter.signal(Counter::finish, (), WorkflowSignalOptions::default()).await?;
    counter.get_result(WorkflowGetResultOptions::default()).await?;
    counter.cancel(WorkflowCancelOptions::default()).await?;
    Ok(())
}

#[workflow_test]
async fn a_running_id_is_in_use_unless_the_conflict_policy_says_otherwise(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let client = env.client();
    let first = client.start_workflow(Counter::run, (), on("counter")).await?;
    let again = client.start_workflow(Counter::run, (), on("counter")).await;
    let Err(WorkflowStartError::AlreadyStarted { run_id, .. }) = again else { panic!("it is in use") };
    assert_eq!(run_id.as_deref(), first.run_id());

    let mut existing = on("counter");
    existing.id_conflict_policy = WorkflowIdConflictPolicy::UseExisting;
    let same = client.start_workflow(Counter::run, (), existing).await?;
    assert_eq!(same.run_id(), first.run_id());

    let mut terminating = on("counter");
    terminating.id_conflict_policy = WorkflowIdConflictPolicy::TerminateExisting;
    let other = client.start_workflow(Counter::run, (), terminating).await?;
    assert_ne!(other.run_id(), first.run_id());
    let end = first.get_result(WorkflowGetResultOptions::default()).await;
    assert!(matches!(end, Err(WorkflowGetResultError::Terminated { .. })), "{end:?}");
    Ok(())
}

#[workflow_test]
async fn the_reuse_policy_looks_at_how_the_last_run_closed(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let client = env.client();
    let counter = client.start_workflow(Counter::run, (), on("counter")).await?;
    counter.signal(Counter::finish, (), WorkflowSignalOptions::default()).await?;
    counter.get_result(WorkflowGetResultOptions::default()).await?;
    for (policy, allowed) in [
        (WorkflowIdReusePolicy::RejectDuplicate, false),
        (WorkflowIdReusePolicy::AllowDuplicateFailedOnly, false),
        (WorkflowIdReusePolicy::AllowDuplicate, true),
    ] {
        let mut options = on("counter");
        options.id_reuse_policy = policy;
        assert_eq!(client.start_workflow(Counter::run, (), options).await.is_ok(), allowed, "{policy:?}");
    }
    Ok(())
}

#[workflow_test]
async fn the_execution_timeout_ends_the_chain(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let started = env.now();
    let mut options = on("counter");
    options.execution_timeout = Some(Duration::from_mins(5));
    let counter = env.client().start_workflow(Counter::run, (), options).await?;
    let end = counter.get_result(WorkflowGetResultOptions::default()).await;
    assert!(matches!(end, Err(WorkflowGetResultError::TimedOut)), "{end:?}");
    assert_eq!(env.now().duration_since(started)?, Duration::from_mins(5));
    Ok(())
}
