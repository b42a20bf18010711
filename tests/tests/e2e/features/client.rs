//! Requests of clients beyond starting a workflow and waiting for its result.

use durasim::prelude::*;
use futures::TryStreamExt;
use temporalio_client::{
    QueryRejectCondition, WorkflowExecutionStatus, WorkflowFetchHistoryOptions,
    WorkflowQueryOptions,
    errors::{WorkflowGetResultError, WorkflowQueryError},
    grpc::WorkflowService,
};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    workflowservice::v1::{ListArchivedWorkflowExecutionsRequest, StartWorkflowExecutionRequest},
};
use temporalio_sdk::{
    ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    WorkflowTermination,
};
use tonic::{Code, IntoRequest};

use super::on;

/// Counts signals until a signal ends it.
#[workflow]
#[derive(Default)]
struct Counter {
    count: u32,
    stopped: bool,
}

#[workflow_methods]
impl Counter {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.wait_condition(|state| state.stopped).await?;
        Ok(ctx.state(|state| state.count))
    }

    #[signal]
    fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, items: u32) {
        self.count += items;
    }

    #[signal]
    fn stop(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.stopped = true;
    }

    #[query]
    fn count(&self, _ctx: &WorkflowContextView) -> u32 {
        self.count
    }
}

feature! {
    /// The first call starts the workflow; the second finds it running.
    [Counter]
    async fn a_signal_with_start(env) {
        env.worker("queue").workflow::<Counter>().start()?;
        let client = env.client();
        for items in [2, 3] {
            client
                .signal_with_start_workflow(Counter::run, (), Counter::add, items, on("counter"))
                .await?;
        }
        let counter = client.get_workflow_handle::<Counter>("counter");
        counter
            .signal(Counter::stop, (), Default::default())
            .await?;
        assert_eq!(counter.get_result(Default::default()).await?, 5);
        Ok(())
    }
}

feature! {
    /// A closed run answers queries, unless the caller rejects that.
    [Counter]
    async fn a_query_may_refuse_a_closed_run(env) {
        env.worker("queue").workflow::<Counter>().start()?;
        let counter = env
            .client()
            .start_workflow(Counter::run, (), on("counter"))
            .await?;
        counter.signal(Counter::add, 4, Default::default()).await?;
        counter
            .signal(Counter::stop, (), Default::default())
            .await?;
        let count = counter.get_result(Default::default()).await?;
        assert_eq!(
            counter
                .query(Counter::count, (), Default::default())
                .await?,
            count
        );
        let open = WorkflowQueryOptions::builder()
            .reject_condition(QueryRejectCondition::NotOpen)
            .build();
        let refused = counter.query(Counter::count, (), open).await;
        assert!(
            matches!(
                refused,
                Err(WorkflowQueryError::Rejected {
                    status: Some(WorkflowExecutionStatus::Completed)
                })
            ),
            "{refused:?}"
        );
        Ok(())
    }
}

#[workflow_test]
async fn a_termination_has_a_reason_and_details(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let counter = env
        .client()
        .start_workflow(Counter::run, (), on("counter"))
        .await?;
    let mut options = WorkflowTerminateOptions::default();
    options.reason = "enough".to_owned();
    counter.terminate(options).await?;
    let end = counter.get_result(Default::default()).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Terminated { .. })),
        "{end:?}"
    );
    let described = counter.describe(Default::default()).await?;
    assert_eq!(described.status(), WorkflowExecutionStatus::Terminated);
    assert!(env.history("counter").outline().contains("enough"));
    Ok(())
}

#[workflow_test]
async fn a_client_fetches_a_history(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let counter = env
        .client()
        .start_workflow(Counter::run, (), on("counter"))
        .await?;
    counter
        .signal(Counter::stop, (), Default::default())
        .await?;
    counter.get_result(Default::default()).await?;
    let fetched = counter
        .fetch_history(WorkflowFetchHistoryOptions::default())
        .into_events()
        .await?;
    assert_eq!(fetched, env.history("counter").events());
    Ok(())
}

/// Fails until its third run.
#[workflow]
#[derive(Default)]
struct Stubborn;

#[workflow_methods]
impl Stubborn {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.timer(Duration::from_secs(1)).await;
        let attempt = ctx.info().attempt();
        if attempt < 3 {
            let failure = ApplicationFailure::builder(anyhow::anyhow!("not yet")).build();
            return Err(WorkflowTermination::failed_application(failure));
        }
        Ok(attempt)
    }
}

feature! {
    [Stubborn]
    async fn a_workflow_is_retried(env) {
        env.worker("queue").workflow::<Stubborn>().start()?;
        let mut options = on("stubborn");
        options.retry_policy = Some(
            RetryPolicy::builder()
                .initial_interval(Duration::from_mins(1))
                .build(),
        );
        let began = env.now();
        let stubborn = env
            .client()
            .start_workflow(Stubborn::run, (), options)
            .await?;
        assert_eq!(stubborn.get_result(Default::default()).await?, 3);
        // Three runs of a second, with pauses of one and two minutes.
        assert!(env.now().duration_since(began)? >= Duration::from_secs(3 + 60 + 120));
        Ok(())
    }
}

/// Takes its time and returns its schedule.
#[workflow]
#[derive(Default)]
struct Nightly;

#[workflow_methods]
impl Nightly {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        ctx.timer(Duration::from_mins(20)).await;
        Ok(ctx.info().cron_schedule().unwrap_or("none").to_owned())
    }
}

#[workflow_test(core_replay = true)]
async fn a_cron_schedule_starts_run_after_run(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Nightly>().start()?;
    let mut options = on("nightly");
    options.cron_schedule = Some("0 3 * * *".to_owned());
    let nightly = env
        .client()
        .start_workflow(Nightly::run, (), options)
        .await?;
    // The world begins at midnight.
    env.sleep(Duration::from_hours(2)).await;
    assert_eq!(
        env.history("nightly").event_types(),
        [EventType::WorkflowExecutionStarted]
    );
    env.sleep(Duration::from_hours(24 * 3)).await;
    let first = WorkflowGetResultOptions::builder()
        .follow_runs(false)
        .build();
    let end = nightly.get_result(first).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::ContinuedAsNew)),
        "the status is the server's: {end:?}"
    );
    let runs = env.histories("nightly");
    assert_eq!(runs.len(), 4);
    assert!(runs[..3].iter().all(|run| {
        run.event_types()
            .ends_with(&[EventType::WorkflowExecutionCompleted])
    }));
    let latest = env.client().get_workflow_handle::<Nightly>("nightly");
    let info = latest.describe(Default::default()).await?;
    assert_eq!(info.status(), WorkflowExecutionStatus::Running);
    assert_eq!(
        info.execution_time(),
        Some(env.now() + Duration::from_hours(1)),
        "the run began at three the next morning"
    );
    latest.terminate(Default::default()).await?;
    Ok(())
}

/// The run has no history to replay, and Core would wait for its first task for ever.
#[workflow_test(core_replay = true)]
async fn a_run_that_waits_for_its_schedule_is_not_replayed(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Nightly>().start()?;
    let mut options = on("nightly");
    options.cron_schedule = Some("0 3 * * *".to_owned());
    env.client()
        .start_workflow(Nightly::run, (), options)
        .await?;
    assert_eq!(
        env.history("nightly").event_types(),
        [EventType::WorkflowExecutionStarted]
    );
    Ok(())
}

/// The typed client has no option for a delayed start; the raw client has.
#[workflow_test(core_replay = true)]
async fn a_start_is_delayed(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let mut service = env.connection().workflow_service();
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "counter".to_owned(),
        workflow_type: Some("Counter".into()),
        task_queue: Some(temporalio_protos::temporal::api::taskqueue::v1::TaskQueue {
            name: "queue".to_owned(),
            ..Default::default()
        }),
        request_id: "one".to_owned(),
        workflow_start_delay: Some(Duration::from_hours(5).try_into()?),
        ..Default::default()
    };
    service
        .start_workflow_execution(tonic::Request::new(request))
        .await?;
    env.sleep(Duration::from_hours(4)).await;
    assert_eq!(
        env.history("counter").event_types(),
        [EventType::WorkflowExecutionStarted]
    );
    env.sleep(Duration::from_hours(2)).await;
    let counter = env.client().get_workflow_handle::<Counter>("counter");
    counter
        .signal(Counter::stop, (), Default::default())
        .await?;
    assert_eq!(counter.get_result(Default::default()).await?, 0);
    Ok(())
}

/// Workflows are found by queries.
#[workflow_test]
async fn workflows_are_listed_and_counted(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let client = env.client();
    for id in ["counter-1", "counter-2", "other"] {
        client.start_workflow(Counter::run, (), on(id)).await?;
    }
    let second = client.get_workflow_handle::<Counter>("counter-2");
    second.signal(Counter::stop, (), Default::default()).await?;
    second.get_result(Default::default()).await?;

    let query = "WorkflowId STARTS_WITH 'counter-' AND ExecutionStatus = 'Running'";
    let listed = client.list_workflows(query, Default::default());
    let listed: Vec<_> = listed.try_collect().await?;
    let ids: Vec<_> = listed.iter().map(|found| found.id()).collect();
    assert_eq!(ids, ["counter-1"]);
    let counted = client
        .count_workflows("WorkflowType = 'Counter'", Default::default())
        .await?;
    assert_eq!(counted.count(), 3);

    let other = client.get_workflow_handle::<Counter>("other");
    let first = client.get_workflow_handle::<Counter>("counter-1");
    for open in [first, other] {
        open.signal(Counter::stop, (), Default::default()).await?;
    }
    Ok(())
}

/// The error names the RPC that is not simulated.
#[workflow_test]
async fn an_rpc_that_is_not_simulated_is_named(env: TestWorkflowEnvironment) -> TestResult {
    let request = ListArchivedWorkflowExecutionsRequest::default().into_request();
    let mut client = env.client();
    let refused = WorkflowService::list_archived_workflow_executions(&mut client, request).await;
    let error = refused.map(drop).unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(
        error.message().contains("ListArchivedWorkflowExecutions"),
        "{error}"
    );
    Ok(())
}
