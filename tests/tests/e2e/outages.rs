//! Outages: the service refuses every call for a while, and then everything comes at once.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]

use std::time::SystemTime;

use durasim::{
    advanced::{Campaign, WorldOptions},
    prelude::*,
};
use futures::FutureExt;
use pretty_assertions::assert_eq;
use scenarios::scenario::Scenario;
use temporalio_client::errors::WorkflowStartError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

struct Clerk;

#[activities]
impl Clerk {
    #[activity]
    async fn stamp(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(())
    }
}

/// Waits for so many seconds, and then has something stamped.
#[workflow]
#[derive(Default)]
struct Letter;

#[workflow_methods]
impl Letter {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, secs: u64) -> WorkflowResult<()> {
        ctx.timer(Duration::from_secs(secs)).await;
        let options = ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
        ctx.execute_activity(Clerk::stamp, (), options).await?;
        Ok(())
    }
}

fn letter(number: u64) -> WorkflowStartOptions {
    WorkflowStartOptions::new("letters", format!("letter-{number}")).build()
}

/// Sends three letters, which are stamped after ten, eleven and twelve seconds; the outage begins
/// with a fourth, after nine. Returns the times of the stamps, in seconds.
async fn stamps(env: TestWorkflowEnvironment) -> TestResult<Vec<u64>> {
    let began = env.now();
    let stamped_at = env.ledger::<u64>("times");
    let (clock, times) = (env.clone(), stamped_at.clone());
    env.worker("letters")
        .workflow::<Letter>()
        .mock_activity(Clerk::stamp, move |_| {
            times.apply(seconds_since(began, clock.now()));
            async { Ok(()) }
        })
        .start()?;
    let client = env.client();
    let mut letters = Vec::new();
    for number in 10..13 {
        letters.push(
            client
                .start_workflow(Letter::run, number, letter(number))
                .await?,
        );
    }
    env.sleep(Duration::from_secs(9)).await;
    letters.push(client.start_workflow(Letter::run, 60, letter(60)).await?);
    for letter in letters {
        letter
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    Ok(stamped_at.effects())
}

fn seconds_since(began: SystemTime, now: SystemTime) -> u64 {
    now.duration_since(began).map_or(0, |it| it.as_secs())
}

#[workflow_test]
async fn without_an_outage_each_letter_is_stamped_in_time(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(stamps(env).await?[..3], [10, 11, 12]);
    Ok(())
}

#[workflow_test(faults = Fault::service_outage().at("Letter#4/start").by(Duration::from_secs(5)))]
async fn in_an_outage_tasks_pile_up_and_then_all_come_at_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let stamps = stamps(env).await?;
    // The worker polls again with a backoff: 6.2 seconds after its polls were refused.
    assert_eq!(stamps[..3], [15, 15, 15], "{stamps:?}");
    Ok(())
}

#[workflow_test(faults = Fault::service_outage().at("Letter#1/start").by(Duration::from_mins(1)))]
async fn a_client_gives_up_on_an_outage_of_a_minute(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("letters")
        .workflow::<Letter>()
        .activity(Clerk::stamp)
        .start()?;
    let began = env.now();
    let refused = env.client().start_workflow(Letter::run, 1, letter(1)).await;
    let Err(WorkflowStartError::Rpc(status)) = refused else {
        return Err(TestError::new("the start was not refused"));
    };
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!((5..=10).contains(&seconds_since(began, env.now())));

    env.sleep(Duration::from_mins(1)).await;
    let letter = env
        .client()
        .start_workflow(Letter::run, 1, letter(1))
        .await?;
    letter
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

#[test]
fn outages_come_back_from_their_seed() {
    let body = |env| stamps(env).map(|stamps| stamps.map(drop)).boxed_local();
    let mut options = WorldOptions::default();
    options.faults = FaultProfile::none().with_odds(FaultKind::ServiceOutage, 0.5);
    let campaign = Campaign::new(&body, options);
    for seed in 0..8 {
        let (once, again) = (campaign.seed(seed), campaign.seed(seed));
        assert_eq!(once.trace_hash(), again.trace_hash());
        assert_eq!(campaign.tape(&once.tape).trace_hash(), once.trace_hash());
    }
}

/// Runs a sound scenario in worlds with many outages, together with everything else.
fn tolerates_outages(scenario: &Scenario) {
    let mut options = WorldOptions::default();
    options.faults = FaultProfile::all()
        .with_odds(FaultKind::ServiceOutage, 0.5)
        .max_faults(20);
    let campaign = Campaign::new(&scenario.world, options);
    for seed in 0..48 {
        let report = campaign.seed(seed);
        assert_eq!(report.failure, None, "seed {seed}: {}", report.tape);
    }
}

mod sound_scenarios_tolerate_outages {
    each_sound_scenario!(super::tolerates_outages);
}
