//! Buffering: events that happen while a workflow task is started wait until it has ended.
//!
//! A local activity holds a task for as long as it runs.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_client::{Client, WorkflowHandle};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::{EventType::*, WorkflowTaskFailedCause};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, ContinueAsNewOptions, LocalActivityOptions,
    SyncWorkflowContext, WorkflowContext, WorkflowResult, WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};

use super::super::{chain, failure, on, seconds};

/// An activity that takes its time.
struct Slow;

#[activities]
impl Slow {
    #[activity]
    async fn takes(_ctx: ActivityContext, duration: u64) -> Result<(), ActivityError> {
        tokio::time::sleep(seconds(duration)).await;
        Ok(())
    }
}

fn within_ten_seconds() -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(seconds(10))
        .build()
}

/// Takes two and a half seconds.
#[workflow]
#[derive(Default)]
struct Child;

#[workflow_methods]
impl Child {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.timer(Duration::from_millis(2500)).await;
        Ok(())
    }
}

/// Starts one of each, then holds its task from the first second to the fifth.
#[workflow]
#[derive(Default)]
struct Holding {
    signals: u32,
}

#[workflow_methods]
impl Holding {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let child = ctx
            .start_child_workflow(Child::run, (), ChildWorkflowOptions::default())
            .await?;
        let activity = ctx.execute_activity(
            Slow::takes,
            2_u64,
            ActivityOptions::start_to_close_timeout(seconds(10)),
        );
        let timer = ctx.timer(seconds(3));
        ctx.wait_condition(|state| state.signals > 0).await?;
        ctx.execute_local_activity(Slow::takes, 4_u64, within_ten_seconds())
            .await?;
        timer.await;
        activity.await?;
        child.result().await?;
        Ok(())
    }

    #[signal]
    fn signal(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.signals += 1;
    }
}

#[workflow_test(core_replay = true)]
async fn buffered_events_end_with_the_results_of_activities_and_children(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Holding>()
        .workflow::<Child>()
        .activity(Slow::takes)
        .start()?;
    let one = env
        .client()
        .start_workflow(Holding::run, (), on("one"))
        .await?;
    env.sleep(seconds(1)).await;
    one.signal(Holding::signal, (), WorkflowSignalOptions::default())
        .await?;
    env.sleep(seconds(3)).await;
    one.signal(Holding::signal, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        *env.history("one").event_types().last().unwrap(),
        WorkflowTaskStarted,
        "all events are buffered"
    );
    one.get_result(WorkflowGetResultOptions::default()).await?;
    let types = env.history("one").event_types();
    let marker = types
        .iter()
        .position(|kind| *kind == MarkerRecorded)
        .unwrap();
    assert_eq!(
        types[marker - 1..marker + 7],
        [
            WorkflowTaskCompleted,
            MarkerRecorded,
            // In the order of arrival: at 0 or 2, at 3, and at 4 seconds;
            ActivityTaskStarted,
            TimerFired,
            WorkflowExecutionSignaled,
            // then the results, which arrived at 2 and at 2.5.
            ActivityTaskCompleted,
            ChildWorkflowExecutionCompleted,
            WorkflowTaskScheduled,
        ]
    );
    Ok(())
}

/// The way in which a workflow closes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Close {
    Complete,
    Fail,
    Cancel,
    ContinueAsNew,
}

/// The thing that is under way while a workflow closes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum UnderWay {
    Nothing,
    Timer,
    Activity,
}

/// Holds its task for four seconds, then closes in it.
#[workflow]
#[derive(Default)]
struct Closing {
    signals: u32,
}

#[workflow_methods]
impl Closing {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (close, under_way): (Close, UnderWay),
    ) -> WorkflowResult<u32> {
        let timer = (under_way == UnderWay::Timer).then(|| ctx.timer(seconds(2)));
        let options = ActivityOptions::start_to_close_timeout(seconds(10));
        let activity = (under_way == UnderWay::Activity)
            .then(|| ctx.execute_activity(Slow::takes, 2_u64, options));
        ctx.timer(seconds(1)).await;
        ctx.execute_local_activity(Slow::takes, 4_u64, within_ten_seconds())
            .await?;
        drop((timer, activity));
        match close {
            Close::Complete => Ok(ctx.state(|state| state.signals)),
            Close::Fail => Err(failure("Closing").into()),
            Close::Cancel => Err(WorkflowTermination::cancelled()),
            Close::ContinueAsNew => {
                ctx.continue_as_new(
                    (Close::Complete, UnderWay::Nothing),
                    ContinueAsNewOptions::default(),
                )?;
                unreachable!("it has continued")
            }
        }
    }

    #[signal]
    fn signal(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.signals += 1;
    }
}

async fn closing(
    env: &TestWorkflowEnvironment,
    close: Close,
    under_way: UnderWay,
) -> Result<WorkflowHandle<Client, Closing>, TestError> {
    let id = format!("{close:?} {under_way:?}");
    env.client()
        .start_workflow(Closing::run, (close, under_way), on(&id))
        .await?;
    Ok(env.client().get_workflow_handle::<Closing>(id))
}

fn worker(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Closing>()
        .activity(Slow::takes)
        .start()?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_does_not_close_before_it_has_seen_a_signal(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env)?;
    for (close, closed) in [
        (Close::Complete, WorkflowExecutionCompleted),
        (Close::Fail, WorkflowExecutionFailed),
        (Close::Cancel, WorkflowExecutionCanceled),
        (Close::ContinueAsNew, WorkflowExecutionContinuedAsNew),
    ] {
        let one = closing(&env, close, UnderWay::Nothing).await?;
        env.sleep(seconds(3)).await;
        one.signal(Closing::signal, (), WorkflowSignalOptions::default())
            .await?;
        env.sleep(seconds(10)).await;
        let types = chain(&env, &one.info().workflow_id)[0].event_types();
        let failed = types
            .iter()
            .position(|kind| *kind == WorkflowTaskFailed)
            .unwrap();
        assert_eq!(
            types[failed..],
            [
                WorkflowTaskFailed,
                WorkflowExecutionSignaled,
                WorkflowTaskScheduled,
                WorkflowTaskStarted,
                WorkflowTaskCompleted,
                MarkerRecorded,
                closed,
            ],
            "{close:?}: the failed task leaves no other events"
        );
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_signal_to_a_closing_workflow_is_seen_in_the_retried_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env)?;
    let one = closing(&env, Close::Complete, UnderWay::Nothing).await?;
    env.sleep(seconds(3)).await;
    one.signal(Closing::signal, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        1
    );
    let failed = events!(env.history(&one), WorkflowTaskFailedEventAttributes);
    assert_eq!(failed[0].cause(), WorkflowTaskFailedCause::UnhandledCommand);
    assert_eq!(
        env.calls(Slow::takes).len(),
        2,
        "the marker of its local activity was lost with the task"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn every_buffered_event_keeps_the_run_from_closing(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env)?;
    for under_way in [UnderWay::Timer, UnderWay::Activity] {
        let one = closing(&env, Close::Complete, under_way).await?;
        one.get_result(WorkflowGetResultOptions::default()).await?;
        let failed = events!(env.history(&one), WorkflowTaskFailedEventAttributes);
        assert_eq!(
            failed[0].cause(),
            WorkflowTaskFailedCause::UnhandledCommand,
            "{under_way:?}"
        );
    }
    let one = closing(&env, Close::Complete, UnderWay::Nothing).await?;
    env.sleep(seconds(3)).await;
    one.cancel(WorkflowCancelOptions::default()).await?;
    assert!(
        one.get_result(WorkflowGetResultOptions::default())
            .await
            .is_err(),
        "the workflow has seen the cancel request"
    );
    let failed = events!(env.history(&one), WorkflowTaskFailedEventAttributes);
    assert_eq!(
        failed[0].cause(),
        WorkflowTaskFailedCause::UnhandledCommand,
        "a cancel request"
    );
    Ok(())
}
