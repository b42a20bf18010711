//! Signals, cancel requests and termination of running and closed runs.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    Client, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    errors::{WorkflowGetResultError, WorkflowInteractionError, WorkflowStartError},
};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowType,
    enums::v1::{EventType::*, WorkflowTaskFailedCause},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::SignalWithStartWorkflowExecutionRequest,
};
use tonic::IntoRequest;

use super::super::{
    Counter,
    by_hand::{by_hand, complete_task, start, take_task},
    last, on, seconds,
    stock::{End, Stock},
};

async fn counter(
    env: &TestWorkflowEnvironment,
) -> Result<WorkflowHandle<Client, Counter>, TestError> {
    env.worker("queue").workflow::<Counter>().start()?;
    env.client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    Ok(env.client().get_workflow_handle::<Counter>("one"))
}

async fn finished(
    env: &TestWorkflowEnvironment,
) -> Result<WorkflowHandle<Client, Counter>, TestError> {
    let counter = counter(env).await?;
    counter
        .signal(Counter::finish, (), WorkflowSignalOptions::default())
        .await?;
    counter
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(counter)
}

fn with_request_id(request_id: &str) -> WorkflowSignalOptions {
    WorkflowSignalOptions::builder()
        .request_id(request_id.to_owned())
        .build()
}

#[workflow_test(core_replay = true)]
async fn a_signal_to_a_closed_run_is_not_found(env: TestWorkflowEnvironment) -> TestResult {
    let counter = finished(&env).await?;
    let late = counter
        .signal(Counter::add, (), WorkflowSignalOptions::default())
        .await;
    assert!(
        matches!(late, Err(WorkflowInteractionError::NotFound(_))),
        "{late:?}"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_signal_counts_once_by_its_request_id(env: TestWorkflowEnvironment) -> TestResult {
    let counter = counter(&env).await?;
    for request_id in ["a", "b", "a", "a", "b"] {
        counter
            .signal(Counter::add, (), with_request_id(request_id))
            .await?;
        env.sleep(seconds(1)).await;
    }
    counter
        .signal(Counter::finish, (), with_request_id("finish"))
        .await?;
    assert_eq!(
        counter
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        2
    );
    // A signal that the closed run already has is accepted again without effect.
    counter
        .signal(Counter::add, (), with_request_id("a"))
        .await?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_new_run_of_an_id_accepts_signals_of_the_last_run_again(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let first = counter(&env).await?;
    first.signal(Counter::add, (), with_request_id("a")).await?;
    first.terminate(WorkflowTerminateOptions::default()).await?;
    let second = env
        .client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    second
        .signal(Counter::add, (), with_request_id("a"))
        .await?;
    second
        .signal(Counter::finish, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        second
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        1
    );
    Ok(())
}

async fn signal_with_start(
    env: &TestWorkflowEnvironment,
    reuse: WorkflowIdReusePolicy,
    conflict: WorkflowIdConflictPolicy,
) -> Result<String, WorkflowStartError> {
    let mut options = on("one");
    options.id_reuse_policy = reuse;
    options.id_conflict_policy = conflict;
    let handle = env
        .client()
        .signal_with_start_workflow(Counter::run, (), Counter::add, (), options)
        .await?;
    Ok(handle.run_id().unwrap_or_default().to_owned())
}

#[workflow_test(core_replay = true)]
async fn signal_with_start_starts_a_run_with_the_signal_before_its_first_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    signal_with_start(
        &env,
        WorkflowIdReusePolicy::Unspecified,
        WorkflowIdConflictPolicy::Unspecified,
    )
    .await?;
    env.sleep(seconds(1)).await;
    assert_eq!(
        env.history("one").event_types()[..3],
        [
            WorkflowExecutionStarted,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled
        ]
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn signal_with_start_signals_a_running_workflow_by_default(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let counter = counter(&env).await?;
    let running = env.history("one").run_id().to_owned();
    for (reuse, conflict) in [
        (
            WorkflowIdReusePolicy::Unspecified,
            WorkflowIdConflictPolicy::Unspecified,
        ),
        (
            WorkflowIdReusePolicy::RejectDuplicate,
            WorkflowIdConflictPolicy::UseExisting,
        ),
    ] {
        assert_eq!(signal_with_start(&env, reuse, conflict).await?, running);
    }
    let refused = signal_with_start(
        &env,
        WorkflowIdReusePolicy::Unspecified,
        WorkflowIdConflictPolicy::Fail,
    )
    .await;
    let Err(WorkflowStartError::Rpc(status)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        status.code(),
        tonic::Code::InvalidArgument,
        "the server refuses this policy here"
    );

    let terminating = WorkflowIdConflictPolicy::TerminateExisting;
    let other = signal_with_start(&env, WorkflowIdReusePolicy::Unspecified, terminating).await?;
    assert_ne!(other, running);
    counter
        .signal(Counter::finish, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        counter
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        1,
        "the new run has the signal"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn signal_with_start_applies_the_reuse_policy_to_a_closed_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    finished(&env).await?;
    for reuse in [
        WorkflowIdReusePolicy::RejectDuplicate,
        WorkflowIdReusePolicy::AllowDuplicateFailedOnly,
    ] {
        let refused = signal_with_start(&env, reuse, WorkflowIdConflictPolicy::Unspecified).await;
        // The client maps this error to that of a start only for a start alone.
        let Err(WorkflowStartError::Rpc(status)) = refused else {
            panic!("{reuse:?}: {refused:?}")
        };
        assert_eq!(status.code(), tonic::Code::AlreadyExists, "{reuse:?}");
    }
    let reuse = WorkflowIdReusePolicy::AllowDuplicate;
    signal_with_start(&env, reuse, WorkflowIdConflictPolicy::Unspecified).await?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn signal_with_start_returns_the_first_run_of_the_chain(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Stock>().start()?;
    let first = env
        .client()
        .start_workflow(Stock::run, (), on("one"))
        .await?;
    first
        .signal(
            Stock::end,
            End::ContinueAsNew,
            WorkflowSignalOptions::default(),
        )
        .await?;
    env.sleep(seconds(10)).await;
    let request = SignalWithStartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "one".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Stock".to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: "queue".to_owned(),
            ..TaskQueue::default()
        }),
        signal_name: "put_unique".to_owned(),
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    let mut service = env.connection().workflow_service();
    let answer = service
        .signal_with_start_workflow_execution(request.into_request())
        .await?
        .into_inner();
    assert!(!answer.started);
    assert_eq!(Some(answer.first_execution_run_id.as_str()), first.run_id());
    assert_eq!(answer.run_id, env.history("one").run_id());
    assert_ne!(answer.run_id, answer.first_execution_run_id);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_cancel_request_to_a_closed_run_succeeds_and_does_nothing(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let counter = finished(&env).await?;
    let before = env.history("one");
    counter.cancel(WorkflowCancelOptions::default()).await?;
    assert_eq!(env.history("one"), before);
    Ok(())
}

#[workflow_test]
async fn a_second_cancel_request_does_nothing(env: TestWorkflowEnvironment) -> TestResult {
    start(&env, by_hand("one")).await?;
    complete_task(&env, &take_task(&env).await?, Vec::new()).await?;
    let one = env.client().get_workflow_handle::<Counter>("one");
    for reason in ["first", "second"] {
        one.cancel(WorkflowCancelOptions::builder().reason(reason).build())
            .await?;
        env.sleep(seconds(1)).await;
    }
    let requested = events!(
        env.history("one"),
        WorkflowExecutionCancelRequestedEventAttributes
    );
    assert_eq!(requested.len(), 1);
    assert_eq!(requested[0].cause, "first");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_workflow_that_is_asked_to_cancel_may_close_as_canceled(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let counter = counter(&env).await?;
    counter.cancel(WorkflowCancelOptions::default()).await?;
    let end = counter
        .get_result(WorkflowGetResultOptions::default())
        .await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Cancelled { .. })),
        "{end:?}"
    );
    assert_eq!(last(&env.history("one")), WorkflowExecutionCanceled);
    Ok(())
}

#[workflow_test]
async fn termination_fails_a_started_task_and_keeps_buffered_events(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start(&env, by_hand("one")).await?;
    let task = take_task(&env).await?;
    let one = env.client().get_workflow_handle::<Counter>("one");
    one.signal(Counter::add, (), WorkflowSignalOptions::default())
        .await?;
    one.terminate(WorkflowTerminateOptions::builder().reason("enough").build())
        .await?;
    let history = env.history("one");
    assert_eq!(
        history.event_types()[3..],
        [
            WorkflowTaskFailed,
            WorkflowExecutionSignaled,
            WorkflowExecutionTerminated
        ]
    );
    let failed = events!(history, WorkflowTaskFailedEventAttributes);
    assert_eq!(
        failed[0].cause(),
        WorkflowTaskFailedCause::ForceCloseCommand
    );
    assert_eq!(
        events!(history, WorkflowExecutionTerminatedEventAttributes)[0].reason,
        "enough"
    );
    let late = complete_task(&env, &task, Vec::new()).await.unwrap_err();
    assert_eq!(late.code(), tonic::Code::NotFound);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn termination_of_a_closed_run_is_not_found(env: TestWorkflowEnvironment) -> TestResult {
    let counter = finished(&env).await?;
    let late = counter.terminate(WorkflowTerminateOptions::default()).await;
    assert!(
        matches!(late, Err(WorkflowInteractionError::NotFound(_))),
        "{late:?}"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_handle_of_a_start_stops_only_runs_of_its_chain(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let first = env
        .client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    first.terminate(WorkflowTerminateOptions::default()).await?;
    let second = env
        .client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    let refused = first.terminate(WorkflowTerminateOptions::default()).await;
    assert!(
        matches!(refused, Err(WorkflowInteractionError::NotFound(_))),
        "{refused:?}"
    );
    let refused = first.cancel(WorkflowCancelOptions::default()).await;
    assert!(
        matches!(refused, Err(WorkflowInteractionError::NotFound(_))),
        "{refused:?}"
    );
    second
        .terminate(WorkflowTerminateOptions::default())
        .await?;
    Ok(())
}
