//! Workflows that close without faults and never close with them: a failure of `liveness`, in
//! whatever way the test waits for them.

mod common;
mod failing;

use durasim::{
    Limits,
    advanced::{Campaign, TestOptions, WorldOptions},
    prelude::*,
    report::{FailureCode, FailureReport},
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
};

use common::Greetings;
use failing::report_with;

/// Forgets the signal if it comes before the greeting is done.
#[workflow]
#[derive(Default)]
struct Forgetful {
    told: bool,
}

#[workflow_methods]
impl Forgetful {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (looks, greets): (bool, bool),
    ) -> WorkflowResult<()> {
        if greets {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
            ctx.execute_activity(Greetings::greet, "you", options)
                .await?;
            ctx.state_mut(|state| state.told = false);
        }
        if !looks {
            ctx.wait_condition(|state| state.told).await?;
            return Ok(());
        }
        for _ in 0..10 {
            ctx.timer(Duration::from_secs(1)).await;
            if ctx.state(|state| state.told) {
                return Ok(());
            }
        }
        ctx.continue_as_new((true, false), ContinueAsNewOptions::default())?;
        Ok(())
    }

    #[signal]
    fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.told = true;
    }
}

/// Tells it when the greeting is done, unless something goes wrong with that.
async fn world(env: TestWorkflowEnvironment, looks: bool) -> TestResult {
    env.worker("queue")
        .workflow::<Forgetful>()
        .activity(Greetings::greet)
        .implementer(Greetings {
            greeting: "Hello".to_owned(),
        })
        .start()?;
    let options = WorkflowStartOptions::new("queue", "forgetful").build();
    let forgetful = env
        .client()
        .start_workflow(Forgetful::run, (looks, true), options)
        .await?;
    env.sleep(Duration::from_secs(5)).await;
    forgetful
        .signal(Forgetful::tell, (), WorkflowSignalOptions::default())
        .await?;
    forgetful
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

fn hangs(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    world(env, false).boxed_local()
}

fn loops(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    world(env, true).boxed_local()
}

/// Has a bound of its own.
fn gives_up(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    async { tokio::time::timeout(Duration::from_mins(10), world(env, false)).await? }.boxed_local()
}

fn under(faults: impl Into<FaultProfile>) -> WorldOptions {
    let mut options = WorldOptions::default();
    options.faults = faults.into();
    options
}

fn shrunk(campaign: &Campaign<'_>) -> FailureReport {
    let failed = (0..64)
        .map(|seed| campaign.seed(seed))
        .find(|world| world.failure.is_some());
    campaign.shrink(&failed.expect("it is caught"))
}

#[test]
fn a_workflow_that_a_fault_leaves_waiting_is_not_live_though_its_test_waits_too() {
    let options = TestOptions::new().faults(Fault::activity_completion_lost());
    insta::assert_snapshot!(report_with(options, hangs));
}

#[test]
fn a_workflow_that_a_fault_leaves_waiting_is_not_live_though_its_test_gives_up() {
    let options = TestOptions::new().faults(Fault::activity_completion_lost());
    insta::assert_snapshot!(report_with(options, gives_up));
}

#[test]
fn a_workflow_that_waits_without_any_fault_is_stuck() {
    let body = |env: TestWorkflowEnvironment| {
        async move {
            env.worker("queue").workflow::<Forgetful>().start()?;
            let options = WorkflowStartOptions::new("queue", "forgetful").build();
            let forgetful = env
                .client()
                .start_workflow(Forgetful::run, (false, false), options)
                .await?;
            forgetful
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        }
        .boxed_local()
    };
    let campaign = Campaign::new(&body, under(FaultProfile::all()));
    assert_eq!(
        campaign.fault_free().failure.as_ref().map(|it| it.code),
        Some(FailureCode::Stuck)
    );
    // Faults are not the cause in another world either.
    assert_eq!(
        campaign.seed(0).failure.map(|it| it.code),
        Some(FailureCode::Stuck)
    );
}

#[test]
fn the_plan_of_a_waiting_workflow_is_the_one_fault() {
    // A failed attempt is tried again in time, but makes a later attempt the one that is late.
    let faults = FaultProfile::all().without(FaultKind::ActivityFailure);
    let report = shrunk(&Campaign::new(&hangs, under(faults)));
    assert_eq!(report.failure.code, FailureCode::Liveness, "{report}");
    assert_eq!(
        report.found.plan.as_ref().map(|plan| plan.faults.len()),
        Some(1),
        "{report}"
    );
}

/// An endless world takes as many steps as the limit allows, but shrinking does not wait for that.
#[test]
fn a_workflow_that_loops_forever_shrinks_all_the_same() {
    let faults = FaultProfile::none().with_odds(FaultKind::ActivityCompletionLost, 1.0);
    let mut options = under(faults.max_faults(2));
    options.limits = Limits {
        max_steps: 6_000,
        ..Limits::default()
    };
    let report = shrunk(&Campaign::new(&loops, options));
    assert_eq!(report.failure.code, FailureCode::Liveness, "{report}");
    let message = report.failure.message.as_deref().unwrap_or_default();
    assert!(
        message.starts_with("the world took more than 6000 steps"),
        "{report}"
    );
    assert_eq!(
        report.found.plan.as_ref().map(|plan| plan.faults.len()),
        Some(1),
        "{report}"
    );
}
