//! Queries: they see a run after all its events, and never change it.
//!
//! `service/history/api/queryworkflow/api.go`

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    Client, QueryRejectCondition, WorkflowExecutionStatus, WorkflowHandle,
    errors::WorkflowQueryError,
};
use tonic::Code;

use super::{
    by_hand::{by_hand, complete_task, fail_task, take_task},
    on, seconds,
    stock::{End, Stock},
};

async fn items(stock: &WorkflowHandle<Client, Stock>) -> Result<Vec<String>, WorkflowQueryError> {
    stock
        .query(Stock::items, (), WorkflowQueryOptions::default())
        .await
}

async fn put(stock: &WorkflowHandle<Client, Stock>, item: &str) -> TestResult {
    Ok(stock
        .signal(
            Stock::put,
            item.to_owned(),
            WorkflowSignalOptions::default(),
        )
        .await?)
}

async fn stock(env: &TestWorkflowEnvironment) -> Result<WorkflowHandle<Client, Stock>, TestError> {
    env.worker("queue").workflow::<Stock>().start()?;
    env.client()
        .start_workflow(Stock::run, (), on("one"))
        .await?;
    Ok(env.client().get_workflow_handle::<Stock>("one"))
}

#[workflow_test(seeds = 16, core_replay = true)]
async fn a_query_sees_all_events_so_far(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    for count in 1..=5 {
        put(&stock, "apple").await?;
        assert_eq!(
            items(&stock).await?.len(),
            count,
            "the query sees the earlier signals"
        );
    }
    Ok(())
}

#[workflow_test(seeds = 8, cache = false, core_replay = true)]
async fn a_query_sees_all_events_so_far_without_a_cache_too(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    for count in 1..=3 {
        put(&stock, "apple").await?;
        assert_eq!(items(&stock).await?.len(), count);
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_query_leaves_no_event(env: TestWorkflowEnvironment) -> TestResult {
    let stock = stock(&env).await?;
    put(&stock, "apple").await?;
    env.sleep(seconds(1)).await;
    let before = env.history("one");
    for _ in 0..3 {
        items(&stock).await?;
    }
    assert_eq!(env.history("one"), before);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_query_works_on_a_closed_run(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Stock>().start()?;
    for how in [End::Complete, End::Fail] {
        env.client()
            .start_workflow(Stock::run, (), on("one"))
            .await?;
        let stock = env.client().get_workflow_handle::<Stock>("one");
        put(&stock, "apple").await?;
        stock
            .signal(Stock::end, how, WorkflowSignalOptions::default())
            .await?;
        stock
            .get_result(WorkflowGetResultOptions::default())
            .await
            .ok();
        env.sleep(seconds(3600)).await;
        let before = env.history("one");
        assert_eq!(items(&stock).await?, ["apple"], "{how:?}");
        assert_eq!(env.history("one"), before, "{how:?}");
    }
    let client = env.client();
    client.start_workflow(Stock::run, (), on("one")).await?;
    let stock = client.get_workflow_handle::<Stock>("one");
    put(&stock, "apple").await?;
    env.sleep(seconds(1)).await;
    stock.terminate(WorkflowTerminateOptions::default()).await?;
    assert_eq!(items(&stock).await?, ["apple"], "terminated");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_caller_may_have_queries_of_closed_runs_rejected(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Stock>().start()?;
    for (how, condition, rejected) in [
        (None, QueryRejectCondition::NotOpen, false),
        (Some(End::Complete), QueryRejectCondition::None, false),
        (Some(End::Complete), QueryRejectCondition::NotOpen, true),
        (
            Some(End::Complete),
            QueryRejectCondition::NotCompletedCleanly,
            false,
        ),
        (
            Some(End::Fail),
            QueryRejectCondition::NotCompletedCleanly,
            true,
        ),
    ] {
        env.client()
            .start_workflow(Stock::run, (), on("one"))
            .await?;
        let stock = env.client().get_workflow_handle::<Stock>("one");
        env.sleep(seconds(1)).await;
        if let Some(how) = how {
            stock
                .signal(Stock::end, how, WorkflowSignalOptions::default())
                .await?;
            stock
                .get_result(WorkflowGetResultOptions::default())
                .await
                .ok();
        }
        let options = WorkflowQueryOptions::builder()
            .reject_condition(condition)
            .build();
        let answer = stock.query(Stock::items, (), options).await;
        match answer {
            Err(WorkflowQueryError::Rejected { status }) => {
                assert!(rejected, "{how:?} {condition:?}");
                let expected = if how == Some(End::Fail) {
                    WorkflowExecutionStatus::Failed
                } else {
                    WorkflowExecutionStatus::Completed
                };
                assert_eq!(status, Some(expected));
            }
            answer => assert!(
                !rejected && answer.is_ok(),
                "{how:?} {condition:?}: {answer:?}"
            ),
        }
        stock
            .terminate(WorkflowTerminateOptions::default())
            .await
            .ok();
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_query_waits_for_a_pending_task(env: TestWorkflowEnvironment) -> TestResult {
    // No worker polls yet: the first task is pending.
    let stock = env
        .client()
        .start_workflow(Stock::run, (), on("one"))
        .await?;
    put(&env.client().get_workflow_handle::<Stock>("one"), "apple").await?;
    let asked = env.spawn(async move {
        stock
            .query(Stock::items, (), WorkflowQueryOptions::default())
            .await
    });
    env.sleep(seconds(5)).await;
    env.worker("queue").workflow::<Stock>().start()?;
    assert_eq!(asked.await?, ["apple"]);
    Ok(())
}

#[workflow_test]
async fn a_query_fails_fast_while_the_task_keeps_failing(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    for _ in 0..2 {
        fail_task(&env, &take_task(&env).await?).await?;
    }
    let stock = env.client().get_workflow_handle::<Stock>("one");
    let began = env.now();
    let Err(WorkflowQueryError::Rpc(status)) = items(&stock).await else {
        panic!("it keeps failing")
    };
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        status.message(),
        "Unable to query workflow due to Workflow Task in failed state."
    );
    assert_eq!(env.now(), began, "at once");
    Ok(())
}

#[workflow_test]
async fn a_query_fails_on_a_run_that_closed_while_its_task_kept_failing(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    complete_task(&env, &take_task(&env).await?, Vec::new()).await?;
    let stock = env.client().get_workflow_handle::<Stock>("one");
    put(&stock, "apple").await?;
    for _ in 0..2 {
        fail_task(&env, &take_task(&env).await?).await?;
    }
    stock.terminate(WorkflowTerminateOptions::default()).await?;
    let Err(WorkflowQueryError::Rpc(status)) = items(&stock).await else {
        panic!("it kept failing")
    };
    assert_eq!(status.code(), Code::FailedPrecondition);
    Ok(())
}

#[workflow_test]
async fn a_query_fails_on_a_run_that_closed_before_its_first_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = env
        .client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    stock.terminate(WorkflowTerminateOptions::default()).await?;
    let Err(WorkflowQueryError::Rpc(status)) =
        items(&env.client().get_workflow_handle::<Stock>("one")).await
    else {
        panic!("there is nothing to ask")
    };
    assert_eq!(status.code(), Code::FailedPrecondition);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failed_query_handler_reports_its_error_and_does_no_harm(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stock = stock(&env).await?;
    let refused = stock
        .query(Stock::nothing, (), WorkflowQueryOptions::default())
        .await;
    let Err(WorkflowQueryError::Rpc(status)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("nothing is known"), "{status:?}");
    assert!(items(&stock).await?.is_empty());
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_query_of_an_unknown_workflow_is_not_found(env: TestWorkflowEnvironment) -> TestResult {
    let refused = items(&env.client().get_workflow_handle::<Stock>("nobody")).await;
    assert!(
        matches!(refused, Err(WorkflowQueryError::NotFound(_))),
        "{refused:?}"
    );
    Ok(())
}
