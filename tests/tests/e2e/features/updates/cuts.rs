//! Workflow tasks that Core cuts otherwise when it replays them: a worker without a cache hands an
//! update to its code together with the tasks without commands before it.

use durasim::{
    advanced::{WorldOptions, run_world},
    prelude::*,
    report::{Colors, Failure, FailureCode},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_sdk::{CancellableFuture, SyncWorkflowContext, WorkflowContext, WorkflowResult};

use crate::features::on;

/// Draws a number, and another in its update: which comes first depends on the cut.
#[workflow]
#[derive(Default)]
struct Raffle {
    is_drawn: bool,
}

#[workflow_methods]
impl Raffle {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let consolation = ctx.random::<u32>();
        ctx.wait_condition(|state| state.is_drawn).await?;
        Ok(consolation)
    }

    #[update]
    fn draw(&mut self, ctx: &mut SyncWorkflowContext<Self>) -> u32 {
        self.is_drawn = true;
        ctx.random()
    }

    /// Keeps the task of a crashed worker in history.
    #[signal]
    fn hello(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {}
}

/// Cancels a timer at once, which takes a number and leaves no command; its update starts another.
#[workflow]
#[derive(Default)]
struct Patient {
    is_over: bool,
}

#[workflow_methods]
impl Patient {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.timer(Duration::from_mins(1)).cancel();
        ctx.wait_condition(|state| state.is_over).await?;
        ctx.timer(Duration::from_secs(1)).await;
        Ok(())
    }

    #[update]
    async fn wait(ctx: &mut WorkflowContext<Self>) {
        ctx.timer(Duration::from_secs(1)).await;
        ctx.state_mut(|state| state.is_over = true);
    }

    /// Keeps the task of a crashed worker in history.
    #[signal]
    fn hello(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {}
}

/// Returns the failure of a world in which the worker crashes before it completes these of its
/// workflow tasks.
fn crashed_at<const N: usize>(tasks: [u32; N]) -> Option<Failure> {
    let crash = |task| Fault::worker_crash().before_workflow_task().nth(task);
    let mut options = WorldOptions::default();
    options.faults = tasks.map(crash).into();
    let world = |env: TestWorkflowEnvironment| async move {
        env.worker("queue").workflow::<Patient>().start()?;
        let patient = env
            .client()
            .start_workflow(Patient::run, (), on("patient"))
            .await?;
        env.sleep(Duration::from_secs(1)).await;
        let wait = patient.execute_update(Patient::wait, (), Default::default());
        let (waited, ()) = futures::join!(wait, async {
            env.sleep(Duration::from_secs(2)).await;
            let _ = patient.signal(Patient::hello, (), Default::default()).await;
        });
        waited?;
        Ok(patient.get_result(Default::default()).await?)
    };
    run_world(&move |env| Box::pin(world(env)), &options).failure
}

fn meets_the_defect(failure: Option<Failure>) {
    let failure = failure.expect("Core refuses such a history");
    let text = failure.render(Colors::Off);
    assert_eq!(failure.code, FailureCode::Sdk, "{text}");
    assert!(
        text.contains("did not have expected timer id 2, it was 1!"),
        "{text}"
    );
}

#[test]
fn without_a_crash_the_numbers_of_timers_are_the_same_in_a_replay() {
    assert!(crashed_at([]).is_none());
}

#[test]
fn a_history_that_only_a_rebuilt_worker_could_write_is_the_sdks_fault() {
    meets_the_defect(crashed_at([2]));
}

#[test]
fn a_worker_that_is_rebuilt_twice_meets_it_while_it_lives() {
    meets_the_defect(crashed_at([2, 4]));
}

#[workflow_test(core_replay = true, faults = Fault::worker_crash().before_workflow_task().nth(2))]
async fn a_rebuilt_worker_may_draw_in_another_order(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Raffle>().start()?;
    let client = env.client();
    let raffle = client.start_workflow(Raffle::run, (), on("raffle")).await?;
    // The first workflow task is completed without a command.
    env.sleep(Duration::from_secs(1)).await;
    let draw = raffle.execute_update(Raffle::draw, (), WorkflowExecuteUpdateOptions::default());
    let (drawn, ()) = futures::join!(draw, async {
        env.sleep(Duration::from_secs(2)).await;
        let _ = raffle.signal(Raffle::hello, (), Default::default()).await;
    });
    let consolation = raffle.get_result(Default::default()).await?;
    let types = env.history("raffle").event_types();
    let retried = types.contains(&EventType::WorkflowTaskTimedOut);
    env.sometimes("the update came with a task of a rebuilt worker", retried);
    env.sometimes("both numbers are drawn", drawn? != consolation);
    Ok(())
}
