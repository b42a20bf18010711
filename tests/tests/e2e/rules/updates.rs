//! Updates: their events in history, and the answers to their callers.
//!
//! `docs/architecture/{workflow-update,speculative-workflow-task,message-protocol}.md`,
//! `service/history/workflow/update/`

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    Client, RpcOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowStartUpdateOptions, WorkflowUpdateWithStartOptions,
    errors::{WorkflowStartError, WorkflowUpdateError, WorkflowUpdateWithStartError},
};
use temporalio_protos::temporal::api::{
    command::v1::{
        CompleteWorkflowExecutionCommandAttributes,
        ContinueAsNewWorkflowExecutionCommandAttributes, command::Attributes,
    },
    common::v1::WorkflowExecution,
    enums::v1::{EventType::*, UpdateWorkflowExecutionLifecycleStage as Stage},
    failure::v1::failure::FailureInfo,
    taskqueue::v1::TaskQueue,
    update::v1::{Input, Meta, Request, WaitPolicy},
    workflowservice::v1::UpdateWorkflowExecutionRequest,
};
use tonic::{Code, IntoRequest};

use super::{
    by_hand::{by_hand, complete_task, take_task},
    chain, last, on, seconds, seconds_since,
    stock::{End, Stock},
};

async fn stock(env: &TestWorkflowEnvironment) -> Result<WorkflowHandle<Client, Stock>, TestError> {
    env.worker("queue").workflow::<Stock>().start()?;
    env.client()
        .start_workflow(Stock::run, (), on("one"))
        .await?;
    env.sleep(seconds(1)).await;
    Ok(env.client().get_workflow_handle::<Stock>("one"))
}

async fn add(
    stock: &WorkflowHandle<Client, Stock>,
    item: &str,
) -> Result<usize, WorkflowUpdateError> {
    stock
        .execute_update(
            Stock::add,
            item.to_owned(),
            WorkflowExecuteUpdateOptions::default(),
        )
        .await
}

async fn end(stock: &WorkflowHandle<Client, Stock>, how: End) -> TestResult {
    Ok(stock
        .signal(Stock::end, how, WorkflowSignalOptions::default())
        .await?)
}

fn with_id(update_id: &str) -> WorkflowStartUpdateOptions {
    WorkflowStartUpdateOptions::builder()
        .update_id(update_id.to_owned())
        .build()
}

/// Returns the type and message of the failure of an update.
fn failed(result: Result<usize, WorkflowUpdateError>) -> (String, String) {
    let Err(WorkflowUpdateError::Failed(failure)) = result else {
        panic!("{result:?}")
    };
    let Some(FailureInfo::ApplicationFailureInfo(info)) = failure.failure_info else {
        panic!("{failure:?}")
    };
    (info.r#type, failure.message)
}

#[workflow_test]
async fn an_update_that_is_only_admitted_leaves_no_event(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    complete_task(&env, &take_task(&env).await?, Vec::new()).await?;
    let before = env.history("one");
    let stock = env.client().get_workflow_handle::<Stock>("one");
    env.spawn(async move { add(&stock, "apple").await.is_ok() });
    env.sleep(seconds(4)).await;
    assert_eq!(env.history("one"), before);
    // The update is sent with a task that is not in the history either.
    let task = take_task(&env).await?;
    assert_eq!(task.messages.len(), 1);
    assert_eq!(env.history("one"), before);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_rejected_update_leaves_no_event_and_its_task_vanishes(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    let before = env.history("one");
    for _ in 0..3 {
        assert_eq!(failed(add(&stock, "bad").await).1, "it is bad");
    }
    assert_eq!(env.history("one"), before);
    end(&stock, End::Complete).await?;
    assert!(
        stock
            .get_result(WorkflowGetResultOptions::default())
            .await?
            .is_empty()
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn acceptance_carries_the_request_and_completion_the_outcome(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    let before = env.history("one").events().len();
    assert_eq!(add(&stock, "apple").await?, 1);
    let history = env.history("one");
    assert_eq!(
        history.event_types()[before..],
        [
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            WorkflowExecutionUpdateAccepted,
            WorkflowExecutionUpdateCompleted,
        ]
    );
    let accepted = &events!(history, WorkflowExecutionUpdateAcceptedEventAttributes)[0];
    let request = accepted.accepted_request.as_ref().unwrap();
    assert_eq!(request.input.as_ref().unwrap().name, "add");
    assert_eq!(
        request
            .input
            .as_ref()
            .unwrap()
            .args
            .as_ref()
            .unwrap()
            .payloads[0]
            .data,
        b"\"apple\""
    );
    assert_eq!(
        request.meta.as_ref().unwrap().update_id,
        accepted.protocol_instance_id
    );
    let completed = &events!(history, WorkflowExecutionUpdateCompletedEventAttributes)[0];
    assert_eq!(
        history.events()[usize::try_from(completed.accepted_event_id)? - 1].event_type(),
        WorkflowExecutionUpdateAccepted
    );
    assert!(completed.outcome.is_some());
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failed_handler_completes_its_update_with_the_failure(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    assert_eq!(failed(add(&stock, "worse").await).1, "it is worse");
    let types = env.history("one").event_types();
    assert!(
        types.contains(&WorkflowExecutionUpdateAccepted),
        "it was accepted"
    );
    assert!(types.contains(&WorkflowExecutionUpdateCompleted));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_caller_waits_for_acceptance_or_for_completion(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    let began = env.now();
    let accepted = stock
        .start_update(Stock::add_after, 60, WorkflowStartUpdateOptions::default())
        .await?;
    assert_eq!(seconds_since(&env, began), 0, "accepted");
    assert_eq!(accepted.get_result(RpcOptions::default()).await?, 1);
    assert_eq!(seconds_since(&env, began), 60, "completed");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_caller_cannot_wait_for_admission(env: TestWorkflowEnvironment) -> TestResult {
    stock(&env).await?;
    let request = UpdateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: "one".to_owned(),
            run_id: String::new(),
        }),
        wait_policy: Some(WaitPolicy {
            lifecycle_stage: Stage::Admitted.into(),
        }),
        request: Some(Request {
            meta: Some(Meta::default()),
            input: Some(Input {
                name: "add".to_owned(),
                ..Input::default()
            }),
            ..Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    };
    let refused = env
        .connection()
        .workflow_service()
        .update_workflow_execution(request.into_request())
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_update_counts_once_by_its_id(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    for _ in 0..3 {
        let update = stock
            .start_update(Stock::add, "apple".to_owned(), with_id("u"))
            .await?;
        assert_eq!(update.get_result(RpcOptions::default()).await?, 1);
    }
    let other = stock
        .start_update(Stock::add, "apple".to_owned(), with_id("v"))
        .await?;
    assert_eq!(other.get_result(RpcOptions::default()).await?, 2);
    end(&stock, End::Complete).await?;
    stock
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    // The closed run still knows the outcome.
    let again = stock
        .start_update(Stock::add, "apple".to_owned(), with_id("u"))
        .await?;
    assert_eq!(again.get_result(RpcOptions::default()).await?, 1);
    let late = stock
        .start_update(Stock::add, "apple".to_owned(), with_id("w"))
        .await;
    assert!(
        matches!(late, Err(WorkflowUpdateError::NotFound(_))),
        "the closed run accepts no other update"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_rejected_update_may_be_tried_again_under_its_id(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    let rejected = stock
        .start_update(Stock::add, "bad".to_owned(), with_id("u"))
        .await?;
    assert_eq!(
        failed(rejected.get_result(RpcOptions::default()).await).1,
        "it is bad"
    );
    let accepted = stock
        .start_update(Stock::add, "good".to_owned(), with_id("u"))
        .await?;
    assert_eq!(
        accepted.get_result(RpcOptions::default()).await?,
        1,
        "the rejected update has left no trace"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_that_closes_fails_the_updates_that_it_accepted(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Stock>().start()?;
    for how in [End::Complete, End::Fail, End::ContinueAsNew] {
        env.client()
            .start_workflow(Stock::run, (), on("one"))
            .await?;
        let stock = env.client().get_workflow_handle::<Stock>("one");
        let update = stock
            .start_update(Stock::add_after, 60, WorkflowStartUpdateOptions::default())
            .await?;
        end(&stock, how).await?;
        let (kind, message) = failed(update.get_result(RpcOptions::default()).await);
        assert_eq!(kind, "AcceptedUpdateCompletedWorkflow", "{how:?}");
        assert!(
            message.contains("completed before the Update completed"),
            "{message}"
        );
        stock
            .terminate(WorkflowTerminateOptions::default())
            .await
            .ok();
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn termination_fails_the_updates_that_were_accepted(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    let update = stock
        .start_update(Stock::add_after, 60, WorkflowStartUpdateOptions::default())
        .await?;
    stock.terminate(WorkflowTerminateOptions::default()).await?;
    let (kind, _) = failed(update.get_result(RpcOptions::default()).await);
    assert_eq!(kind, "AcceptedUpdateCompletedWorkflow");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_update_may_complete_in_the_task_that_closes_the_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    stock
        .execute_update(Stock::close, (), WorkflowExecuteUpdateOptions::default())
        .await?;
    stock
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        env.history("one").event_types().split_off(4)[2..],
        [
            WorkflowTaskCompleted,
            WorkflowExecutionUpdateAccepted,
            WorkflowExecutionUpdateCompleted,
            WorkflowExecutionCompleted
        ]
    );
    Ok(())
}

/// The update is admitted while the task is started that continues the run as new.
#[workflow_test]
async fn an_update_that_a_run_has_not_accepted_goes_to_the_next_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    let task = take_task(&env).await?;
    let stock = env.client().get_workflow_handle::<Stock>("one");
    let update = env.spawn(async move { add(&stock, "apple").await });
    env.sleep(seconds(2)).await;
    let command = Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(
        ContinueAsNewWorkflowExecutionCommandAttributes {
            task_queue: Some(TaskQueue {
                name: "queue".to_owned(),
                ..TaskQueue::default()
            }),
            ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
        },
    );
    complete_task(&env, &task, vec![command]).await?;
    env.worker("queue").workflow::<Stock>().start()?;
    assert_eq!(update.await?, 1);
    let runs = chain(&env, "one");
    assert_eq!(last(&runs[0]), WorkflowExecutionContinuedAsNew);
    assert!(
        runs[1]
            .event_types()
            .contains(&WorkflowExecutionUpdateAccepted)
    );
    Ok(())
}

#[workflow_test]
async fn an_update_that_a_run_has_not_accepted_is_not_found_when_the_run_closes(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    let task = take_task(&env).await?;
    let stock = env.client().get_workflow_handle::<Stock>("one");
    let update = env.spawn(async move { add(&stock, "apple").await });
    env.sleep(seconds(2)).await;
    let complete = CompleteWorkflowExecutionCommandAttributes::default();
    complete_task(
        &env,
        &task,
        vec![Attributes::CompleteWorkflowExecutionCommandAttributes(
            complete,
        )],
    )
    .await?;
    let refused = update.await;
    assert!(
        matches!(refused, Err(WorkflowUpdateError::NotFound(_))),
        "{refused:?}"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_update_to_a_closed_run_is_not_found(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    end(&stock, End::Complete).await?;
    stock
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let late = add(&stock, "apple").await;
    assert!(
        matches!(late, Err(WorkflowUpdateError::NotFound(_))),
        "{late:?}"
    );
    Ok(())
}

async fn update_with_start(
    env: &TestWorkflowEnvironment,
    reuse: WorkflowIdReusePolicy,
    conflict: WorkflowIdConflictPolicy,
) -> Result<usize, WorkflowUpdateWithStartError> {
    let options = WorkflowUpdateWithStartOptions::new("queue", "one", conflict)
        .id_reuse_policy(reuse)
        .build();
    env.client()
        .execute_update_with_start_workflow(Stock::run, (), Stock::add, "apple".to_owned(), options)
        .await
}

#[workflow_test(core_replay = true)]
async fn update_with_start_updates_or_starts_a_workflow_as_the_policies_say(
    env: TestWorkflowEnvironment,
) -> TestResult {
    use WorkflowIdConflictPolicy::{Fail, TerminateExisting, UseExisting};
    use WorkflowIdReusePolicy::{AllowDuplicate, RejectDuplicate};
    env.worker("queue").workflow::<Stock>().start()?;
    assert_eq!(
        update_with_start(&env, AllowDuplicate, Fail).await?,
        1,
        "the start succeeds"
    );
    assert_eq!(
        update_with_start(&env, AllowDuplicate, UseExisting).await?,
        2
    );
    assert_eq!(
        update_with_start(&env, RejectDuplicate, UseExisting).await?,
        3
    );
    let refused = update_with_start(&env, AllowDuplicate, Fail).await;
    assert!(
        matches!(
            refused,
            Err(WorkflowUpdateWithStartError::Start(
                WorkflowStartError::AlreadyStarted { .. }
            ))
        ),
        "{refused:?}"
    );
    assert_eq!(
        update_with_start(&env, AllowDuplicate, TerminateExisting).await?,
        1,
        "another run"
    );

    let stock = env.client().get_workflow_handle::<Stock>("one");
    end(&stock, End::Complete).await?;
    stock
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let refused = update_with_start(&env, RejectDuplicate, UseExisting).await;
    assert!(
        matches!(
            refused,
            Err(WorkflowUpdateWithStartError::Start(
                WorkflowStartError::AlreadyStarted { .. }
            ))
        ),
        "{refused:?}"
    );
    assert_eq!(
        update_with_start(&env, AllowDuplicate, UseExisting).await?,
        1,
        "another run"
    );
    Ok(())
}
