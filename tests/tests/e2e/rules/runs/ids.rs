//! Workflow ids: the reuse policy applies to closed runs, the conflict policy to running ones.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    Client, WorkflowHandle, WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse,
    errors::{WorkflowGetResultError, WorkflowStartError},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

use super::super::{Counter, last, on, seconds};

/// Closes in the way that a signal names.
#[workflow]
#[derive(Default)]
struct Closing {
    fails: Option<bool>,
}

#[workflow_methods]
impl Closing {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.wait_condition(|state| state.fails.is_some()).await?;
        if ctx.state(|state| state.fails == Some(true)) {
            Err(super::super::failure("Told").into())
        } else {
            Ok(())
        }
    }

    #[signal]
    fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>, fails: bool) {
        self.fails = Some(fails);
    }
}

fn with(reuse: Reuse, conflict: Conflict) -> WorkflowStartOptions {
    let mut options = on("one");
    options.id_reuse_policy = reuse;
    options.id_conflict_policy = conflict;
    options
}

async fn start(
    env: &TestWorkflowEnvironment,
    options: WorkflowStartOptions,
) -> Result<Result<String, WorkflowStartError>, TestError> {
    let started = env.client().start_workflow(Closing::run, (), options).await;
    Ok(started.map(|handle| handle.run_id().unwrap_or_default().to_owned()))
}

/// Runs the workflow until it has closed in this way.
async fn closed(env: &TestWorkflowEnvironment, how: EventType) -> Result<String, TestError> {
    let mut options = on("one");
    options.run_timeout = Some(seconds(60));
    let run_id = start(env, options).await??;
    let one = env.client().get_workflow_handle::<Closing>("one");
    match how {
        EventType::WorkflowExecutionCompleted => {
            one.signal(Closing::close, false, WorkflowSignalOptions::default())
                .await?;
        }
        EventType::WorkflowExecutionFailed => {
            one.signal(Closing::close, true, WorkflowSignalOptions::default())
                .await?;
        }
        EventType::WorkflowExecutionCanceled => {
            one.cancel(WorkflowCancelOptions::default()).await?;
        }
        EventType::WorkflowExecutionTerminated => {
            one.terminate(WorkflowTerminateOptions::default()).await?;
        }
        _ => {}
    }
    env.sleep(seconds(70)).await;
    assert_eq!(last(&env.history("one")), how);
    Ok(run_id)
}

const CLOSINGS: [EventType; 5] = [
    EventType::WorkflowExecutionCompleted,
    EventType::WorkflowExecutionFailed,
    EventType::WorkflowExecutionCanceled,
    EventType::WorkflowExecutionTerminated,
    EventType::WorkflowExecutionTimedOut,
];

#[workflow_test(core_replay = true)]
async fn the_reuse_policy_depends_on_how_the_last_run_closed(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Closing>().start()?;
    for how in CLOSINGS {
        let has_failed = how != EventType::WorkflowExecutionCompleted;
        for (reuse, allowed) in [
            (Reuse::RejectDuplicate, false),
            (Reuse::AllowDuplicateFailedOnly, has_failed),
            (Reuse::AllowDuplicate, true),
            (Reuse::Unspecified, true),
        ] {
            let run_id = closed(&env, how).await?;
            match start(&env, with(reuse, Conflict::Unspecified)).await? {
                Ok(other) => {
                    assert!(allowed, "{how:?} {reuse:?}");
                    assert_ne!(other, run_id);
                    let one = env.client().get_workflow_handle::<Closing>("one");
                    one.terminate(WorkflowTerminateOptions::default()).await?;
                }
                Err(WorkflowStartError::AlreadyStarted {
                    run_id: in_the_way, ..
                }) => {
                    assert!(!allowed, "{how:?} {reuse:?}");
                    assert_eq!(in_the_way, Some(run_id));
                }
                Err(other) => panic!("{how:?} {reuse:?}: {other:?}"),
            }
        }
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_conflict_policy_ignores_closed_runs(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Closing>().start()?;
    for conflict in [
        Conflict::Fail,
        Conflict::UseExisting,
        Conflict::TerminateExisting,
    ] {
        let run_id = closed(&env, EventType::WorkflowExecutionCompleted).await?;
        assert_ne!(
            start(&env, with(Reuse::AllowDuplicate, conflict)).await??,
            run_id,
            "{conflict:?}"
        );
        let one = env.client().get_workflow_handle::<Closing>("one");
        one.terminate(WorkflowTerminateOptions::default()).await?;
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_conflict_policy_decides_about_a_running_workflow(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Closing>().start()?;
    // The reuse policy makes no difference: it applies to closed runs.
    for reuse in [
        Reuse::AllowDuplicate,
        Reuse::AllowDuplicateFailedOnly,
        Reuse::RejectDuplicate,
    ] {
        let first = start(&env, on("one")).await??;
        for conflict in [Conflict::Unspecified, Conflict::Fail] {
            let Err(WorkflowStartError::AlreadyStarted { run_id, .. }) =
                start(&env, with(reuse, conflict)).await?
            else {
                panic!("{reuse:?} {conflict:?}: it is in use");
            };
            assert_eq!(
                run_id.as_deref(),
                Some(first.as_str()),
                "{reuse:?} {conflict:?}"
            );
        }
        assert_eq!(
            start(&env, with(reuse, Conflict::UseExisting)).await??,
            first,
            "{reuse:?}"
        );
        let replaced: WorkflowHandle<Client, Closing> =
            env.client().get_workflow_handle::<Closing>("one");
        match start(&env, with(reuse, Conflict::TerminateExisting)).await? {
            Ok(other) => assert_ne!(other, first, "{reuse:?}"),
            Err(WorkflowStartError::Rpc(status)) => {
                // The new run could neither run beside the old one nor after it.
                assert_eq!(
                    (reuse, status.code()),
                    (Reuse::RejectDuplicate, tonic::Code::InvalidArgument)
                );
            }
            Err(other) => panic!("{reuse:?}: {other:?}"),
        }
        replaced
            .terminate(WorkflowTerminateOptions::default())
            .await?;
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn terminate_existing_ends_the_running_workflow_and_starts_another(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let client = env.client();
    let first = client.start_workflow(Counter::run, (), on("one")).await?;
    client
        .start_workflow(
            Counter::run,
            (),
            with(Reuse::Unspecified, Conflict::TerminateExisting),
        )
        .await?;
    let end = first.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Terminated { .. })),
        "{end:?}"
    );
    Ok(())
}
