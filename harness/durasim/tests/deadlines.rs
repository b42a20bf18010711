//! No call lasts longer than its caller waits, whatever holds it.

mod common;

use std::time::SystemTime;

use durasim::{
    advanced::{Campaign, WorldOptions, WorldReport, run_world},
    prelude::*,
};
use futures::future::LocalBoxFuture;
use pretty_assertions::assert_eq;
use temporalio_client::{
    RpcOptions,
    errors::{WorkflowInteractionError, WorkflowStartError},
};

use common::{Approval, Patience};

fn on(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", id).build()
}

fn start_worker(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Approval>()
        .workflow::<Patience>()
        .start()?;
    Ok(())
}

/// Approves an hour after the start, which leaves twenty-three until the approval expires.
async fn approve_in_time(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let client = env.client();
    let approval = client
        .start_workflow(Approval::run, "it".to_owned(), on("approval"))
        .await?;
    env.sleep(Duration::from_hours(1)).await;
    approval
        .signal(Approval::approve, (), WorkflowSignalOptions::default())
        .await?;
    let approved = approval
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(approved, "approved it");
    Ok(())
}

/// Starts a workflow that has a timer of days, and looks at it meanwhile.
async fn wait_for_days(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let waiting = env
        .client()
        .start_workflow(Patience::run, 3, on("patience"))
        .await?;
    for _ in 0..3 {
        env.sleep(Duration::from_hours(10)).await;
        let before = env.now();
        waiting.describe(WorkflowDescribeOptions::default()).await?;
        assert!(env.now().duration_since(before)? < Duration::from_secs(30));
    }
    let result = waiting
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(result, "3 days later");
    Ok(())
}

type Body = fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>;

/// Runs worlds of these seeds in which these kinds of fault happen wherever they may.
fn worlds(body: Body, kinds: &[FaultKind], seeds: u64) -> Vec<WorldReport> {
    let mut options = WorldOptions::default();
    options.faults = kinds.iter().fold(FaultProfile::none(), |profile, kind| {
        profile.with_odds(*kind, 0.5)
    });
    let campaign = Campaign::new(&body, options);
    (0..seeds)
        .map(|seed| {
            let world = campaign.seed(seed);
            assert!(
                world.failure.is_none(),
                "seed {seed}: {}\n{}",
                world.failure.unwrap(),
                world.tape
            );
            world
        })
        .collect()
}

fn plans(worlds: &[WorldReport]) -> Vec<&str> {
    let entries = worlds.iter().flat_map(|world| &world.tape.entries);
    entries
        .map(|entry| entry.words.as_str())
        .filter(|words| !words.is_empty())
        .collect()
}

#[test]
fn a_signal_sent_once_is_not_held_until_the_approval_has_expired() {
    let body: Body = |env| Box::pin(approve_in_time(env));
    let worlds = worlds(
        body,
        &[FaultKind::SignalReorder, FaultKind::SignalDelay],
        30,
    );
    let held = "hold signal approve to Approval#1 until the next signal has arrived, \
                at most 8 events; it arrives at +1h29";
    let plans = plans(&worlds);
    assert!(
        plans.iter().any(|words| words.starts_with(held)),
        "{plans:?}"
    );
}

#[test]
fn the_plan_tells_when_the_copy_of_a_signal_arrived() {
    let body: Body = |env| Box::pin(approve_in_time(env));
    let mut options = WorldOptions::default();
    options.faults = Fault::signal_duplicate().by_events(1).into();
    let world = run_world(&body, &options);
    let twice = "send signal approve to Approval#1 twice, and hold the copy until 1 more event has \
                 happened; the copy arrives at +1h";
    assert_eq!(plans(&[world]), [twice]);
}

#[test]
fn a_message_held_by_events_does_not_wait_for_a_timer_of_days() {
    let body: Body = |env| Box::pin(wait_for_days(env));
    let worlds = worlds(body, &[FaultKind::MessageDelay], 60);
    let plans = plans(&worlds);
    let held = |words: &&str| words.contains("until 12 more events");
    assert!(plans.iter().any(held), "{plans:?}");
    let days = |words: &&str| words.contains("it arrives at +1d");
    assert!(!plans.iter().any(days), "{plans:?}");
}

/// Returns a fault that holds what is sent at this place for so long.
fn held(place: &str, by: Duration) -> Fault {
    Fault::message_delay().at(place).by(by)
}

/// Checks that a call ended as it does in the fault-free world, at once, or else with its caller's
/// deadline.
fn assert_ends_in_time<T>(
    env: &TestWorkflowEnvironment,
    before: SystemTime,
    answer: Result<T, WorkflowInteractionError>,
) -> TestResult {
    let (code, after) = match answer {
        Ok(_) => (tonic::Code::Ok, Duration::ZERO),
        Err(WorkflowInteractionError::Rpc(status)) => (status.code(), Duration::from_secs(30)),
        Err(other) => return Err(other.into()),
    };
    let took = env.now().duration_since(before)?;
    assert!(
        [tonic::Code::Ok, tonic::Code::DeadlineExceeded].contains(&code) && took == after,
        "{code}, after {took:?}"
    );
    Ok(())
}

#[workflow_test(seeds = 1, faults = Fault::signal_delay().by(Duration::from_hours(2)))]
async fn a_signal_without_an_answer_ends_at_its_callers_deadline_and_has_arrived(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let approval = env
        .client()
        .start_workflow(Approval::run, "it".to_owned(), on("approval"))
        .await?;
    let before = env.now();
    let signalled = approval
        .signal(Approval::approve, (), WorkflowSignalOptions::default())
        .await;
    assert_ends_in_time(&env, before, signalled)?;
    let approved = approval
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(approved, "approved it");
    Ok(())
}

#[workflow_test(seeds = 1, faults = Fault::signal_delay().by_events(9))]
async fn a_signal_is_answered_before_a_deadline_that_its_caller_chose(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let approval = env
        .client()
        .start_workflow(Approval::run, "it".to_owned(), on("approval"))
        .await?;
    env.sleep(Duration::from_mins(1)).await;
    let mut rpc_options = RpcOptions::default();
    rpc_options.timeout = Some(Duration::from_secs(5));
    let options = WorkflowSignalOptions::builder()
        .rpc_options(rpc_options)
        .build();
    let before = env.now();
    approval.signal(Approval::approve, (), options).await?;
    assert!(env.now().duration_since(before)? < Duration::from_secs(5));
    Ok(())
}

#[workflow_test(seeds = 1, faults = held("Approval#1/start", Duration::from_mins(5)))]
async fn a_start_without_an_answer_ends_at_its_callers_deadline(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let client = env.client();
    let before = env.now();
    let started = client
        .start_workflow(Approval::run, "it".to_owned(), on("approval"))
        .await;
    let started = started.map_err(|refused| match refused {
        WorkflowStartError::Rpc(status) => WorkflowInteractionError::Rpc(status),
        other => panic!("not refused by the service: {other}"),
    });
    assert_ends_in_time(&env, before, started)?;
    // The start arrived all the same.
    let approval = client.get_workflow_handle::<Approval>("approval");
    approval
        .signal(Approval::approve, (), WorkflowSignalOptions::default())
        .await?;
    approval
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

#[workflow_test(seeds = 1, faults = held("Patience#1/cancel", Duration::from_mins(5)))]
async fn a_cancel_request_without_an_answer_ends_at_its_callers_deadline(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let waiting = env
        .client()
        .start_workflow(Patience::run, 3, on("patience"))
        .await?;
    let before = env.now();
    let cancelled = waiting.cancel(WorkflowCancelOptions::default()).await;
    assert_ends_in_time(&env, before, cancelled)?;
    Ok(())
}

#[workflow_test(seeds = 1, faults = held("Patience#1/terminate", Duration::from_mins(5)))]
async fn a_termination_without_an_answer_ends_at_its_callers_deadline(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let waiting = env
        .client()
        .start_workflow(Patience::run, 3, on("patience"))
        .await?;
    let before = env.now();
    let ended = waiting.terminate(WorkflowTerminateOptions::default()).await;
    assert_ends_in_time(&env, before, ended)?;
    Ok(())
}
