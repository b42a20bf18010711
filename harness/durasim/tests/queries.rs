//! Queries and updates without an answer end as they do on a server: with another worker, or with
//! the caller's deadline.

mod common;

use durasim::{Fault, FaultProfile, prelude::*};
use pretty_assertions::assert_eq;
use temporalio_client::{
    RpcOptions, WorkflowExecuteUpdateOptions,
    errors::{WorkflowQueryError, WorkflowUpdateError},
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use common::Approval;

struct Kitchen;

#[activities]
impl Kitchen {
    #[activity]
    async fn cook(_ctx: ActivityContext) -> Result<(), ActivityError> {
        tokio::time::sleep(Duration::from_secs(8)).await;
        Ok(())
    }
}

/// Cooks, which takes eight seconds.
#[workflow]
#[derive(Default)]
struct Dinner {
    is_ready: bool,
    guests: u32,
}

#[workflow_methods]
impl Dinner {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(20));
        ctx.execute_activity(Kitchen::cook, (), options).await?;
        ctx.state_mut(|dinner| dinner.is_ready = true);
        Ok(())
    }

    #[update]
    fn add_guest(&mut self, _ctx: &mut SyncWorkflowContext<Self>) -> u32 {
        self.guests += 1;
        self.guests
    }

    #[query]
    fn status(&self, _ctx: &WorkflowContextView) -> String {
        if self.is_ready { "ready" } else { "cooking" }.to_owned()
    }
}

fn start(task_queue: &str, id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, id).build()
}

fn code(refused: &WorkflowQueryError) -> tonic::Code {
    match refused {
        WorkflowQueryError::Rpc(status) => status.code(),
        other => panic!("not refused by the service: {other}"),
    }
}

/// The query is on its way to the worker that has the run in its cache when that worker dies.
fn query_dies_with_its_worker() -> FaultProfile {
    FaultProfile::from(
        Fault::message_delay()
            .at("dinners/workflow task")
            .nth(2)
            .by(Duration::from_secs(5)),
    )
    .and(Fault::worker_crash().after_activity(Kitchen::cook))
}

#[workflow_test(seeds = 1, faults = query_dies_with_its_worker())]
async fn a_query_that_dies_with_its_worker_is_answered_by_another(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("dinners")
        .workflow::<Dinner>()
        .activity(Kitchen::cook)
        .start()?;
    let dinner = env
        .client()
        .start_workflow(Dinner::run, (), start("dinners", "d-1"))
        .await?;
    env.sleep(Duration::from_secs(5)).await;
    let before = env.now();
    assert_eq!(
        dinner
            .query(Dinner::status, (), WorkflowQueryOptions::default())
            .await?,
        "cooking"
    );
    // The service waited for the first worker as long as it waits for workflow tasks.
    let waited = env.now().duration_since(before)?;
    assert!(
        waited >= Duration::from_secs(10) && waited < Duration::from_secs(11),
        "{waited:?}"
    );
    Ok(())
}

#[workflow_test]
async fn a_query_without_a_worker_ends_with_the_callers_deadline(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let handle = env
        .client()
        .start_workflow(
            Approval::run,
            "item-1".to_owned(),
            start("approvals", "a-1"),
        )
        .await?;
    let before = env.now();
    let refused = handle
        .query(Approval::status, (), WorkflowQueryOptions::default())
        .await
        .expect_err("nobody answers");
    assert_eq!(code(&refused), tonic::Code::DeadlineExceeded);
    assert_eq!(env.now().duration_since(before)?, Duration::from_secs(30));
    Ok(())
}

fn patience(timeout: Duration) -> WorkflowExecuteUpdateOptions {
    let mut rpc_options = RpcOptions::default();
    rpc_options.timeout = Some(timeout);
    WorkflowExecuteUpdateOptions::builder()
        .rpc_options(rpc_options)
        .build()
}

#[workflow_test]
async fn an_update_without_a_worker_ends_with_the_deadline_of_an_impatient_caller(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let dinner = env
        .client()
        .start_workflow(Dinner::run, (), start("dinners", "d-1"))
        .await?;
    let before = env.now();
    let refused = dinner
        .execute_update(Dinner::add_guest, (), patience(Duration::from_secs(5)))
        .await
        .expect_err("nobody answers");
    match refused {
        WorkflowUpdateError::Rpc(status) => {
            assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        }
        other => panic!("not refused by the service: {other}"),
    }
    assert_eq!(env.now().duration_since(before)?, Duration::from_secs(5));
    Ok(())
}

/// The server answers before the time of a call is over, and the client asks again.
#[workflow_test]
async fn an_update_of_a_patient_caller_waits_for_a_worker(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let dinner = env
        .client()
        .start_workflow(Dinner::run, (), start("dinners", "d-1"))
        .await?;
    let late = async {
        env.sleep(Duration::from_mins(5)).await;
        env.worker("dinners")
            .workflow::<Dinner>()
            .activity(Kitchen::cook)
            .start()
    };
    let update = dinner.execute_update(
        Dinner::add_guest,
        (),
        WorkflowExecuteUpdateOptions::default(),
    );
    let (started, guests) = tokio::join!(late, update);
    started?;
    assert_eq!(guests?, 1);
    Ok(())
}

fn every_message_is_late() -> FaultProfile {
    FaultProfile::none()
        .with_odds(FaultKind::MessageDelay, 1.0)
        .max_faults(1_000)
}

#[workflow_test(seeds = 16, faults = every_message_is_late())]
async fn no_delay_holds_a_query_until_its_caller_gives_up(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("dinners")
        .workflow::<Dinner>()
        .activity(Kitchen::cook)
        .start()?;
    let dinner = env
        .client()
        .start_workflow(Dinner::run, (), start("dinners", "d-1"))
        .await?;
    dinner
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        dinner
            .query(Dinner::status, (), WorkflowQueryOptions::default())
            .await?,
        "ready"
    );
    Ok(())
}

fn workers_die_or_are_cut_off_all_the_time() -> FaultProfile {
    FaultProfile::none()
        .with_odds(FaultKind::WorkerCrash, 0.7)
        .with_odds(FaultKind::WorkerPartition, 0.7)
        .with_odds(FaultKind::WorkflowTaskTimeout, 0.7)
        .with_odds(FaultKind::MessageDelay, 0.3)
        .max_faults(1_000)
}

#[workflow_test(seeds = 64, faults = workers_die_or_are_cut_off_all_the_time())]
async fn no_row_of_crashes_and_partitions_outlasts_a_query(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("dinners")
        .workflow::<Dinner>()
        .activity(Kitchen::cook)
        .start()?;
    let dinner = env
        .client()
        .start_workflow(Dinner::run, (), start("dinners", "d-1"))
        .await?;
    for _ in 0..4 {
        env.sleep(Duration::from_secs(5)).await;
        dinner
            .query(Dinner::status, (), WorkflowQueryOptions::default())
            .await?;
    }
    dinner
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

fn workflow_tasks_time_out_all_the_time() -> FaultProfile {
    FaultProfile::none()
        .with_odds(FaultKind::WorkflowTaskTimeout, 0.7)
        .with_odds(FaultKind::WorkflowTaskFailure, 0.7)
        .max_faults(1_000)
}

/// The server would refuse all but one of the queries that wait for one task, and each that comes
/// while the task is at its third attempt.
#[workflow_test(seeds = 64, faults = workflow_tasks_time_out_all_the_time())]
async fn queries_wait_together_for_a_task_that_faults_set_back_again_and_again(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("dinners")
        .workflow::<Dinner>()
        .activity(Kitchen::cook)
        .start()?;
    let dinner = env
        .client()
        .start_workflow(Dinner::run, (), start("dinners", "d-1"))
        .await?;
    let asked = (0..8).map(|turn| {
        let (env, dinner) = (env.clone(), &dinner);
        async move {
            env.sleep(Duration::from_secs(3 * turn)).await;
            dinner
                .query(Dinner::status, (), WorkflowQueryOptions::default())
                .await
        }
    });
    futures::future::try_join_all(asked).await?;
    Ok(())
}
