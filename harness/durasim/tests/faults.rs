//! Tests that every world keeps to its fault profile: the kinds that are on, their number, and the
//! time at which the world heals.

#![allow(
    clippy::unused_async,
    reason = "a workflow is async, though one here panics at once"
)]

mod common;

use std::collections::BTreeSet;

use durasim::{
    WorkerCode,
    advanced::{Campaign, WorldOptions, WorldReport, run_world},
    prelude::*,
};
use futures::future::LocalBoxFuture;
use pretty_assertions::assert_eq;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};

use common::{Approval, Greeter, Greetings};

/// Greets, as a later version of the code.
#[workflow]
#[derive(Default)]
struct Greeter2;

#[workflow_methods]
impl Greeter2 {
    #[run(name = "Greeter")]
    async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx
            .execute_activity(Greetings::greet, name, options)
            .await?)
    }
}

fn on(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", id).build()
}

/// Runs two workflows, with an activity, a signal and a query.
async fn day(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Greeter>()
        .workflow::<Approval>()
        .activity(Greetings::greet)
        .implementer(Greetings {
            greeting: "Hello".to_owned(),
        })
        .version("v2", WorkerCode::workflow::<Greeter2>)
        .start()?;
    let greeter = env
        .client()
        .start_workflow(Greeter::run, "you".to_owned(), on("greeter"))
        .await?;
    let approval = env
        .client()
        .start_workflow(Approval::run, "it".to_owned(), on("approval"))
        .await?;
    // The approval may expire: a message may be delayed until the next event, and that may be the
    // timer of the approval.
    env.observe_result(&"greeter");
    approval
        .query(Approval::status, (), WorkflowQueryOptions::default())
        .await?;
    // The signal may have arrived although its caller got UNAVAILABLE; sent again, it may then come
    // too late.
    approval
        .signal(Approval::approve, (), WorkflowSignalOptions::default())
        .await
        .ok();
    approval
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    greeter
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

fn body(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    Box::pin(day(env))
}

fn worlds(faults: FaultProfile) -> impl Iterator<Item = WorldReport> {
    let mut options = WorldOptions::default();
    options.faults = faults;
    let campaign = Campaign::new(&body, options);
    (0..12).map(move |seed| {
        let world = campaign.seed(seed);
        assert!(
            world.failure.is_none(),
            "seed {seed}: {}",
            world.failure.unwrap()
        );
        world
    })
}

/// Returns the names of the faults that happened, with their times.
fn happened(world: &WorldReport) -> Vec<(String, u64)> {
    let fault = |entry: &durasim_engine::TapeEntry| {
        let kind = entry.point.site.strip_prefix("fault.")?;
        Some((kind.to_owned(), entry.at_ms - durasim_engine::START_MS))
    };
    world.tape.entries.iter().filter_map(fault).collect()
}

/// Returns the kinds of fault that can happen to the workflows of [`day`].
fn kinds() -> impl Iterator<Item = FaultKind> {
    // The workflows have no heartbeats, Nexus operations or updates, and only one signal. They know
    // nothing of each other, and their activities are retried for ever.
    let absent = [
        FaultKind::RetriesExhausted,
        FaultKind::HeartbeatLoss,
        FaultKind::NexusAnswerLost,
        FaultKind::UpdateAnswerLost,
        FaultKind::DeliveryDelay,
        FaultKind::DeliveryAnswerLost,
        FaultKind::SignalReorder,
    ];
    FaultKind::ALL
        .into_iter()
        .filter(move |kind| !absent.contains(kind))
}

#[test]
fn a_fault_that_is_on_happens_alone_and_within_its_budget() {
    for kind in kinds() {
        let faults = FaultProfile::none().with_odds(kind, 1.0).max_faults(2);
        let all: Vec<_> = worlds(faults).map(|world| happened(&world)).collect();
        assert!(
            all.iter().all(|happened| (1..=2).contains(&happened.len())),
            "{kind}: {all:?}"
        );
        assert!(
            all.iter().flatten().all(|(name, _)| name == kind.name()),
            "{kind}: {all:?}"
        );
    }
}

#[test]
fn a_fault_that_is_off_never_happens() {
    let all = FaultProfile::all().swarm(false).max_faults(100);
    let happened_with = |faults: FaultProfile| -> BTreeSet<String> {
        worlds(faults)
            .flat_map(|world| happened(&world))
            .map(|(kind, _)| kind)
            .collect()
    };
    let with_all = happened_with(all.clone());
    // It is off unless a test asks for it.
    assert!(!with_all.contains("signal_duplicate"), "{with_all:?}");
    for kind in [
        FaultKind::WorkerCrash,
        FaultKind::MessageDelay,
        FaultKind::ClientUnavailable,
    ] {
        assert!(with_all.contains(kind.name()), "{with_all:?}");
        assert!(
            !happened_with(all.clone().without(kind)).contains(kind.name()),
            "{kind}"
        );
        assert!(
            !happened_with(all.clone().with_weight(kind, 0.0)).contains(kind.name()),
            "{kind}"
        );
    }
}

#[test]
fn the_world_heals_when_it_is_told_to() {
    let faults = FaultProfile::all().swarm(false).max_faults(100);
    let late = |faults| {
        worlds(faults)
            .flat_map(|world| happened(&world))
            .filter(|(_, at_ms)| *at_ms > 100)
            .count()
    };
    assert!(late(faults.clone()) > 0);
    assert_eq!(late(faults.heal_after(Duration::from_millis(100))), 0);
}

#[test]
fn a_fault_placed_by_hand_happens_once_and_nothing_else_does() {
    for kind in kinds() {
        let mut options = WorldOptions::default();
        options.faults = Fault::new(kind).into();
        let world = run_world(&body, &options);
        assert!(
            world.failure.is_none(),
            "{kind}: {}",
            world.failure.unwrap()
        );
        assert_eq!(world.faults, 1, "{kind}");
    }
}

#[test]
fn a_version_that_is_named_is_deployed_and_one_that_is_unknown_is_reported() {
    let world = |faults: FaultProfile| {
        let mut options = WorldOptions::default();
        options.faults = faults;
        run_world(&body, &options)
    };
    let deploy = || Fault::worker_deploy().after_workflow_task();
    let rolled_back = world([deploy().to_version("v2"), deploy().to_version("v1")].into());
    assert!(
        rolled_back.failure.is_none(),
        "{}",
        rolled_back.failure.unwrap()
    );
    let deployed: Vec<_> = rolled_back
        .tape
        .entries
        .iter()
        .map(|entry| entry.words.clone())
        .collect();
    assert!(
        deployed[0].starts_with("deploy version v2 "),
        "{deployed:?}"
    );
    assert!(
        deployed[1].starts_with("deploy version v1 "),
        "{deployed:?}"
    );

    let message = world(deploy().to_version("v9").into())
        .failure
        .unwrap()
        .message
        .unwrap();
    assert!(
        message.starts_with("the fault placed by hand did not happen: worker_deploy "),
        "{message}"
    );
    assert!(
        message.contains("a later version of its code, or the one that is named"),
        "{message}"
    );
}

#[test]
fn a_fault_that_met_nothing_lists_the_points_that_there_were() {
    let message = |fault: Fault| {
        let mut options = WorldOptions::default();
        options.faults = fault.into();
        let failure = run_world(&body, &options).failure.unwrap();
        failure.message.unwrap()
    };
    let misspelt = message(Fault::worker_crash().after_workflow_task().at("Greeter#7"));
    assert!(
        misspelt.contains("the points of worker_crash in this world were\n"),
        "{misspelt}"
    );
    assert!(
        misspelt.contains("\n  Approval#1, after its workflow task (2 occasions)"),
        "{misspelt}"
    );
    let nothing = message(Fault::heartbeat_loss());
    assert!(
        nothing.ends_with("this world had no point of heartbeat_loss at all"),
        "{nothing}"
    );
}

#[test]
fn a_deploy_without_a_place_comes_after_the_first_recorded_workflow_task() {
    let mut options = WorldOptions::default();
    options.faults = Fault::worker_deploy().into();
    let world = run_world(&body, &options);
    assert!(world.failure.is_none(), "{}", world.failure.unwrap());
    assert_eq!(
        world.tape.entries[0].words,
        "deploy version v2 to worker queue after a workflow task of Greeter#1"
    );
}

/// Panics in every version but the last.
#[workflow]
#[derive(Default)]
struct Panics;

#[workflow_methods]
impl Panics {
    #[run(name = "Greeter")]
    async fn run(_ctx: &mut WorkflowContext<Self>, _name: String) -> WorkflowResult<String> {
        panic!("out of paper")
    }
}

async fn mended(env: &TestWorkflowEnvironment, failures: WorkflowTaskFailures) -> TestResult {
    env.worker("queue")
        .workflow::<Panics>()
        .activity(Greetings::greet)
        .implementer(Greetings {
            greeting: "Hello".to_owned(),
        })
        .version("v2", WorkerCode::workflow::<Greeter2>)
        .workflow_task_failures(failures)
        .start()?;
    let greeter = env
        .client()
        .start_workflow(Greeter::run, "you".to_owned(), on("greeter"))
        .await?;
    let result = greeter.get_result(WorkflowGetResultOptions::default());
    assert_eq!(result.await?, "Hello, you!");
    Ok(())
}

#[test]
fn a_worker_may_tolerate_workflow_task_failures_until_a_deploy_mends_them() {
    let world = |failures| {
        let mut options = WorldOptions::default();
        options.faults = Fault::worker_deploy().before_workflow_task().nth(6).into();
        let body = move |env: TestWorkflowEnvironment| -> LocalBoxFuture<'static, TestResult> {
            Box::pin(async move { mended(&env, failures).await })
        };
        run_world(&body, &options)
    };
    let tolerated = world(WorkflowTaskFailures::Tolerated);
    assert!(
        tolerated.failure.is_none(),
        "{}",
        tolerated.failure.unwrap()
    );
    let fatal = world(WorkflowTaskFailures::default()).failure.unwrap();
    assert_eq!(fatal.code.code(), "DS006");
}

/// The second version names its workflow; the rest it has from the first.
#[workflow_test(faults = Fault::worker_deploy().after_workflow_task().of_workflow(Greeter::run))]
async fn a_version_has_what_it_does_not_change_from_the_one_before(
    env: TestWorkflowEnvironment,
) -> TestResult {
    day(env).await
}

/// Runs a greeter with so many workers; returns its result.
async fn greeted(env: &TestWorkflowEnvironment, workers: usize) -> TestResult<String> {
    for _ in 0..workers {
        let greetings = Greetings {
            greeting: "Hello".to_owned(),
        };
        env.worker("queue")
            .workflow::<Greeter>()
            .activity(Greetings::greet)
            .implementer(greetings)
            .start()?;
    }
    let greeter = env
        .client()
        .start_workflow(Greeter::run, "you".to_owned(), on("greeter"))
        .await?;
    let result = greeter.get_result(WorkflowGetResultOptions::default());
    Ok(result.await?)
}

/// Returns the partition of a worker that holds a workflow task, for this time.
fn partition(duration: Duration) -> Fault {
    Fault::worker_partition()
        .before_workflow_task()
        .by(duration)
}

#[test]
fn a_worker_that_was_cut_off_for_an_hour_goes_on_afterwards() {
    let body = |env: TestWorkflowEnvironment| -> LocalBoxFuture<'static, TestResult> {
        Box::pin(async move {
            assert_eq!(greeted(&env, 1).await?, "Hello, you!");
            Ok(())
        })
    };
    let mut options = WorldOptions::default();
    options.faults = partition(Duration::from_hours(1)).into();
    let world = run_world(&body, &options);
    assert!(world.failure.is_none(), "{}", world.failure.unwrap());
    let expected = 3_600_000..3_630_000;
    assert!(
        expected.contains(&world.virtual_ms),
        "{} ms",
        world.virtual_ms
    );
}

#[workflow_test(faults = partition(Duration::from_hours(1)))]
async fn another_worker_takes_over_from_one_that_is_cut_off(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let begin = env.now();
    assert_eq!(greeted(&env, 2).await?, "Hello, you!");
    let taken = env.now().duration_since(begin)?;
    assert!(taken < Duration::from_mins(2), "{taken:?}");
    Ok(())
}
