//! Reset: a run begins again from one of its workflow tasks.
//!
//! `service/history/api/resetworkflow/api.go`, `service/history/ndc/workflow_resetter.go`

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{Client, RpcOptions, WorkflowHandle, WorkflowStartUpdateOptions};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::{EventType::*, ResetReapplyExcludeType, WorkflowTaskFailedCause},
    workflowservice::v1::ResetWorkflowExecutionRequest,
};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};
use tonic::{Code, IntoRequest, Status};

use super::{
    activities::Work,
    last, on, seconds, started,
    stock::{End, Stock},
};

/// Resets the last run to its completed workflow task of this number, counted from 1; returns the
/// id of the new run.
async fn reset_to(
    env: &TestWorkflowEnvironment,
    task: usize,
    exclude: &[ResetReapplyExcludeType],
) -> Result<String, Status> {
    let history = env.history("one");
    let completed = history
        .events()
        .iter()
        .filter(|event| event.event_type() == WorkflowTaskCompleted);
    let finish_event_id = completed
        .map(|event| event.event_id)
        .nth(task - 1)
        .expect("so many tasks");
    reset(env, finish_event_id, "request", exclude).await
}

async fn reset(
    env: &TestWorkflowEnvironment,
    workflow_task_finish_event_id: i64,
    request_id: &str,
    exclude: &[ResetReapplyExcludeType],
) -> Result<String, Status> {
    let request = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: "one".to_owned(),
            run_id: String::new(),
        }),
        reason: "to try again".to_owned(),
        workflow_task_finish_event_id,
        request_id: request_id.to_owned(),
        reset_reapply_exclude_types: exclude.iter().map(|kind| (*kind).into()).collect(),
        ..ResetWorkflowExecutionRequest::default()
    };
    let answer = env
        .connection()
        .workflow_service()
        .reset_workflow_execution(request.into_request())
        .await?;
    Ok(answer.into_inner().run_id)
}

async fn stock(env: &TestWorkflowEnvironment) -> Result<WorkflowHandle<Client, Stock>, TestError> {
    env.worker("queue").workflow::<Stock>().start()?;
    env.client()
        .start_workflow(Stock::run, (), on("one"))
        .await?;
    env.sleep(seconds(1)).await;
    Ok(env.client().get_workflow_handle::<Stock>("one"))
}

async fn put(
    env: &TestWorkflowEnvironment,
    stock: &WorkflowHandle<Client, Stock>,
    item: &str,
) -> TestResult {
    stock
        .signal(
            Stock::put,
            item.to_owned(),
            WorkflowSignalOptions::default(),
        )
        .await?;
    env.sleep(seconds(1)).await;
    Ok(())
}

/// Ends the workflow and returns its stock.
async fn ended(stock: &WorkflowHandle<Client, Stock>) -> Result<Vec<String>, TestError> {
    stock
        .signal(Stock::end, End::Complete, WorkflowSignalOptions::default())
        .await?;
    Ok(stock
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

#[workflow_test(core_replay = true)]
async fn the_new_run_has_the_history_up_to_the_reset_task_which_fails(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    put(&env, &stock, "apple").await?;
    let old = env.history("one");
    let run_id = reset_to(&env, 2, &[]).await?;
    env.sleep(seconds(1)).await;
    let new = env.history("one");
    assert_eq!(new.run_id(), run_id);
    assert_ne!(new.run_id(), old.run_id());
    let kept = old
        .event_types()
        .iter()
        .rposition(|kind| *kind == WorkflowTaskStarted)
        .unwrap()
        + 1;
    assert_eq!(
        new.events()[..kept],
        old.events()[..kept],
        "the copied events are unchanged"
    );
    assert_eq!(
        new.event_types()[kept..],
        [
            WorkflowTaskFailed,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted
        ]
    );
    let failed = &events!(new, WorkflowTaskFailedEventAttributes)[0];
    assert_eq!(failed.cause(), WorkflowTaskFailedCause::ResetWorkflow);
    assert_eq!(
        (failed.base_run_id.as_str(), failed.new_run_id.as_str()),
        (old.run_id(), new.run_id())
    );
    assert_eq!(failed.failure.as_ref().unwrap().message, "to try again");
    let old = env.history(super::RunOf("one".to_owned(), old.run_id().to_owned()));
    assert_eq!(last(&old), WorkflowExecutionTerminated);
    assert_eq!(
        started(&new).first_execution_run_id,
        old.run_id(),
        "the chain is the same"
    );
    assert_eq!(ended(&stock).await?, ["apple"]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_new_run_has_another_random_seed_after_the_reset_point(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    for _ in 0..2 {
        stock
            .signal(Stock::put_unique, (), WorkflowSignalOptions::default())
            .await?;
        env.sleep(seconds(1)).await;
    }
    let before = stock
        .query(Stock::items, (), WorkflowQueryOptions::default())
        .await?;
    reset_to(&env, 3, &[]).await?;
    env.sleep(seconds(1)).await;
    let after = ended(&stock).await?;
    assert_eq!(after.len(), 2);
    assert_eq!(
        after[0], before[0],
        "values drawn before the reset point stay"
    );
    assert_ne!(
        after[1], before[1],
        "values drawn after the reset point differ"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn signals_after_the_reset_point_are_sent_again_in_order(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    for item in ["a", "b", "c"] {
        put(&env, &stock, item).await?;
    }
    reset_to(&env, 1, &[]).await?;
    env.sleep(seconds(1)).await;
    put(&env, &stock, "d").await?;
    assert_eq!(ended(&stock).await?, ["a", "b", "c", "d"]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn excluded_signals_are_not_sent_again(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    for item in ["a", "b", "c"] {
        put(&env, &stock, item).await?;
    }
    reset_to(&env, 2, &[ResetReapplyExcludeType::Signal]).await?;
    env.sleep(seconds(1)).await;
    assert_eq!(
        ended(&stock).await?,
        ["a"],
        "the signal before the reset point stays"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn accepted_updates_return_as_admitted(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    let options = WorkflowStartUpdateOptions::builder()
        .update_id("u".to_owned())
        .build();
    let update = stock
        .start_update(Stock::add, "apple".to_owned(), options)
        .await?;
    assert_eq!(update.get_result(RpcOptions::default()).await?, 1);
    reset_to(&env, 1, &[]).await?;
    env.sleep(seconds(1)).await;
    let types = env.history("one").event_types();
    let admitted = types
        .iter()
        .position(|kind| *kind == WorkflowExecutionUpdateAdmitted)
        .unwrap();
    let accepted = types
        .iter()
        .position(|kind| *kind == WorkflowExecutionUpdateAccepted)
        .unwrap();
    assert!(
        admitted < accepted && types.contains(&WorkflowExecutionUpdateCompleted),
        "{types:?}"
    );
    let accepted = &events!(
        env.history("one"),
        WorkflowExecutionUpdateAcceptedEventAttributes
    )[0];
    assert!(
        accepted.accepted_request.is_none(),
        "the admitted event carries the request"
    );
    assert!(
        env.history("one")
            .outline()
            .contains("WorkflowExecutionUpdateAccepted   as admitted")
    );
    let again = stock.get_update_handle(Stock::add, "u");
    assert_eq!(
        again.get_result(RpcOptions::default()).await?,
        1,
        "the caller gets the outcome"
    );
    assert_eq!(ended(&stock).await?, ["apple"]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn excluded_updates_do_not_return(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    stock
        .execute_update(
            Stock::add,
            "apple".to_owned(),
            WorkflowExecuteUpdateOptions::default(),
        )
        .await?;
    put(&env, &stock, "pear").await?;
    reset_to(&env, 1, &[ResetReapplyExcludeType::Update]).await?;
    env.sleep(seconds(1)).await;
    assert_eq!(ended(&stock).await?, ["pear"]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn cancel_requests_do_not_return(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    stock.cancel(WorkflowCancelOptions::default()).await?;
    stock
        .get_result(WorkflowGetResultOptions::default())
        .await
        .unwrap_err();
    reset_to(&env, 1, &[]).await?;
    env.sleep(seconds(1)).await;
    assert!(
        !env.history("one")
            .event_types()
            .contains(&WorkflowExecutionCancelRequested)
    );
    assert!(ended(&stock).await?.is_empty());
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_reset_of_a_closed_run_includes_the_signals_of_later_runs(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    put(&env, &stock, "a").await?;
    let first = env.history("one");
    stock
        .signal(
            Stock::end,
            End::ContinueAsNew,
            WorkflowSignalOptions::default(),
        )
        .await?;
    env.sleep(seconds(2)).await;
    put(&env, &stock, "b").await?;
    assert_eq!(ended(&stock).await?, ["b"]);
    // The first run, from its first task on.
    let request = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: "one".to_owned(),
            run_id: first.run_id().to_owned(),
        }),
        workflow_task_finish_event_id: 4,
        request_id: "request".to_owned(),
        ..ResetWorkflowExecutionRequest::default()
    };
    env.connection()
        .workflow_service()
        .reset_workflow_execution(request.into_request())
        .await?;
    env.sleep(seconds(1)).await;
    let signals: Vec<_> = events!(env.history("one"), WorkflowExecutionSignaledEventAttributes)
        .into_iter()
        .map(|signaled| signaled.signal_name)
        .collect();
    assert_eq!(signals, ["put", "end", "put", "end"]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_repeated_reset_resets_once(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    put(&env, &stock, "a").await?;
    let first = reset(&env, 4, "same", &[]).await?;
    assert_eq!(reset(&env, 4, "same", &[]).await?, first);
    assert_ne!(reset(&env, 4, "other", &[]).await?, first);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_reset_point_must_be_a_workflow_task_of_the_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    put(&env, &stock, "a").await?;
    let before = env.history("one");
    let past = i64::try_from(before.events().len())? + 1;
    // Started 1, Scheduled 2, Started 3, Completed 4, Signaled 5.
    for event_id in [-1, 0, 1, 2, 5, 6, past] {
        let refused = reset(&env, event_id, "request", &[]).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{event_id}: {refused:?}"
        );
    }
    assert_eq!(
        env.history("one"),
        before,
        "a refused reset changes nothing"
    );
    for event_id in [3, 4] {
        reset(&env, event_id, &event_id.to_string(), &[]).await?;
    }
    Ok(())
}

/// An activity and two timers side by side.
#[workflow]
#[derive(Default)]
struct SideBySide;

#[workflow_methods]
impl SideBySide {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let began = ctx.workflow_time().expect("a task has a time");
        let activity = ctx.execute_activity(
            Work::work,
            (),
            ActivityOptions::start_to_close_timeout(seconds(100)),
        );
        let long = ctx.timer(seconds(30));
        ctx.timer(seconds(5)).await;
        long.await;
        let fired = ctx.workflow_time().expect("a task has a time");
        activity.await?;
        Ok(fired
            .duration_since(began)
            .map_or(0, |passed| passed.as_secs()))
    }
}

#[workflow_test(core_replay = true)]
async fn activities_under_way_start_again_and_timers_continue(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<SideBySide>()
        .mock_activity(Work::work, |_| async {
            tokio::time::sleep(seconds(60)).await;
            Ok("done".to_owned())
        })
        .start()?;
    env.client()
        .start_workflow(SideBySide::run, (), on("one"))
        .await?;
    env.sleep(seconds(10)).await;
    // At the task of the short timer, the long timer and the activity are under way.
    reset_to(&env, 2, &[]).await?;
    let one = env.client().get_workflow_handle::<SideBySide>("one");
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        30
    );
    let starts: Vec<_> = env
        .calls(Work::work)
        .iter()
        .map(|call| call.started_ms)
        .collect();
    assert_eq!(starts[1] - starts[0], 10_000, "the activity started again");
    Ok(())
}
