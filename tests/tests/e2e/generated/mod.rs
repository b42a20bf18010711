//! Generated workflows: programs drawn from a seed, with everything that a workflow can do at once,
//! compared with the official SDK.
//!
//! A program is the input of the only workflow, which executes it ([`workflow`]); [`program`] draws
//! programs. Real Core must accept all histories and derive from them the same activations as
//! durasim. Without faults the official worker must make the same histories, byte by byte.

#![allow(
    unreachable_pub,
    reason = "workflows and activities as their users ship them"
)]

mod imports;
mod program;
mod workflow;

use durasim::{
    History,
    advanced::{WorldOptions, WorldReport, run_world},
    prelude::*,
    report::FailureCode,
};
use durasim_tests::{official_tasks::official_worker, parity, worlds};
use scenarios::scenario::Scenario;
use temporalio_client::{Client, WorkflowHandle};
use temporalio_common::RetryPolicy;

use program::{Draw, Step, program};
use workflow::{Generated, Work};

const SCENARIO: Scenario = Scenario {
    name: "generated",
    about: "",
    flaw: None,
    // Each world has a program of its own.
    exhausts_retries: false,
    world: |_| unreachable!("run by its program"),
    workflows: scenarios::workflows![Generated],
};

/// The longest time that a run may take.
const RUN_TIMEOUT: Duration = Duration::from_secs(1000);

fn start(workflow_id: &str, task_queue: &str) -> WorkflowStartOptions {
    let mut options = WorkflowStartOptions::new(task_queue, workflow_id).build();
    options.run_timeout = Some(RUN_TIMEOUT);
    options
}

fn start_worker(env: &TestWorkflowEnvironment, task_queue: &str) -> TestResult {
    Ok(env
        .worker(task_queue)
        .workflow::<Generated>()
        .activity(Work::work)
        .start()?)
}

/// Runs two programs on two task queues and disturbs the first with signals, updates, queries and a
/// cancel request at any time, perhaps before its worker starts.
async fn world(env: TestWorkflowEnvironment, seed: u64) -> TestResult {
    let mut draw = Draw::new(seed);
    start_worker(&env, "elsewhere")?;
    let client = env.client();
    let other = client
        .start_workflow(
            Generated::run,
            program(&mut draw, 3),
            start("other", "elsewhere"),
        )
        .await?;
    let mut options = start("main", "queue");
    options.retry_policy = draw
        .one_in(4)
        .then(|| RetryPolicy::builder().maximum_attempts(2).build());
    let main = client
        .start_workflow(Generated::run, program(&mut draw, 5), options)
        .await?;
    let starts_ms = if draw.one_in(4) { draw.below(6_000) } else { 0 };
    let disturbances = draw.below(6);
    let actors: Vec<_> = (0..disturbances)
        .map(|_| {
            let (at, what, steps) = (draw.below(12_000), draw.below(7), draw.steps(2, 2));
            let (env_of_actor, main) =
                (env.clone(), client.get_workflow_handle::<Generated>("main"));
            env.spawn(async move {
                env_of_actor.sleep(Duration::from_millis(at)).await;
                disturb(&main, what, steps).await;
            })
        })
        .collect();
    env.sleep(Duration::from_millis(starts_ms)).await;
    start_worker(&env, "queue")?;
    // Any end and any answer is fine.
    let _ = main.get_result(WorkflowGetResultOptions::default()).await;
    env.sleep(RUN_TIMEOUT).await;
    let _ = other.get_result(WorkflowGetResultOptions::default()).await;
    for actor in actors {
        actor.await;
    }
    Ok(())
}

async fn disturb(main: &WorkflowHandle<Client, Generated>, what: u64, steps: Vec<Step>) {
    let _ = match what {
        0 => main.cancel(WorkflowCancelOptions::default()).await.is_ok(),
        1 => main
            .signal(Generated::act, steps, WorkflowSignalOptions::default())
            .await
            .is_ok(),
        2 | 3 => {
            let refused = what == 3 && steps.len() > 1;
            let options = WorkflowExecuteUpdateOptions::default();
            main.execute_update(Generated::change, (refused, steps), options)
                .await
                .is_ok()
        }
        4 => main
            .signal(Generated::tell, (), WorkflowSignalOptions::default())
            .await
            .is_ok(),
        _ => main
            .query(Generated::told, (), WorkflowQueryOptions::default())
            .await
            .is_ok(),
    };
}

/// Returns the histories of the world of this program; `None` if the program meets a defect of the
/// SDK, which Core has too.
fn run(seed: u64, options: &WorldOptions) -> Option<WorldReport> {
    let body: Box<durasim::advanced::Body> = Box::new(move |env| Box::pin(world(env, seed)));
    let report = run_world(&body, options);
    match &report.failure {
        Some(failure) if failure.code == FailureCode::Sdk => None,
        Some(failure) => {
            let outlines = report.histories.iter().map(History::outline);
            let outlines: Vec<_> = outlines.collect();
            panic!(
                "program {seed}:\n{failure}\n{}\n{}",
                report.tape,
                outlines.join("\n")
            )
        }
        None => Some(report),
    }
}

fn assert_none(seed: u64, differences: &[String]) {
    assert!(
        differences.is_empty(),
        "program {seed}\n{}",
        differences.join("\n\n")
    );
}

fn asks_core(seed: u64, report: &WorldReport) {
    assert_none(
        seed,
        &parity::rejected_by_core(&SCENARIO, &report.histories),
    );
    assert_none(
        seed,
        &parity::activation_differences(&SCENARIO, &report.histories),
    );
}

/// Returns the seeds of the programs that a test tries.
fn programs() -> std::ops::Range<u64> {
    worlds::seeds(12)
}

#[test]
fn core_accepts_what_generated_workflows_do() {
    for seed in programs() {
        for cache in [true, false] {
            let options = worlds::cached(WorldOptions::default(), cache);
            run(seed, &options).inspect(|report| asks_core(seed, report));
        }
    }
}

#[test]
fn core_accepts_what_generated_workflows_do_under_faults() {
    for seed in programs() {
        let mut options = worlds::seeded(&WorldOptions::default(), seed);
        options.faults = FaultProfile::all();
        run(seed, &options).inspect(|report| asks_core(seed, report));
    }
}

/// Without latency: if another task comes meanwhile, the stand-in answers Core's report before the
/// world does, and Core then does not learn that a rejected update's task has vanished.
#[test]
fn the_official_worker_does_the_same_with_generated_workflows() {
    let mut compared = 0;
    for seed in programs() {
        for cache in [true, false] {
            let mut options = worlds::cached(WorldOptions::default(), cache);
            let Some(simulated) = run(seed, &options) else {
                continue;
            };
            let register = SCENARIO.workflows.worker;
            options.external_worker = Some(official_worker(
                move |worker| register(worker).expect("one workflow"),
                cache,
            ));
            let official = run(seed, &options).expect("the official worker meets the same defects");
            assert_none(
                seed,
                &parity::history_differences(&simulated.histories, &official.histories),
            );
            compared += 1;
        }
    }
    assert!(compared > 0, "every program meets a defect of the SDK");
}

#[test]
fn generated_workflows_go_on_from_their_histories_after_every_step() {
    for seed in programs() {
        for cache in [true, false] {
            let mut options = worlds::cached(WorldOptions::default(), cache);
            let plain = run(seed, &options);
            options.reimports = true;
            let imported = run(seed, &options);
            let events = |report: &WorldReport| -> Vec<_> {
                let histories = report.histories.iter();
                histories.map(|it| it.events().to_vec()).collect()
            };
            assert!(
                plain.as_ref().map(events) == imported.as_ref().map(events),
                "program {seed}"
            );
        }
    }
}
