//! Defects of the SDK: sound workflows that meet one fail as with a live worker, and the report
//! names the SDK as the cause.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]

use durasim::{
    advanced::{WorldOptions, run_world},
    prelude::*,
    report::{Colors, FailureCode},
};
use durasim_tests::official_tasks::official_worker;
use scenarios::scenario::Scenario;
use temporalio_client::WorkflowStartUpdateOptions;
use temporalio_common::search_attributes::SearchAttributeKey;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, ApplicationFailure, CancellableFuture,
    ChildWorkflowOptions, LocalActivityOptions, ParentClosePolicy, SyncWorkflowContext,
    TimerOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

const SECOND: Duration = Duration::from_secs(1);

fn on(workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", workflow_id).build()
}

/// Runs a world that meets a defect and returns its report.
fn meets(world: &durasim::advanced::Body) -> String {
    let failure = run_world(world, &WorldOptions::default())
        .failure
        .expect("a live worker would fail too");
    let text = failure.render(Colors::Off);
    assert_eq!(failure.code, FailureCode::Sdk, "{text}");
    let remedy = failure.remedy.expect("a workaround");
    assert!(remedy.contains("The workflow is sound: "), "{text}");
    text
}

struct Work;

#[activities]
impl Work {
    #[activity]
    async fn nap(_ctx: ActivityContext) -> Result<(), ActivityError> {
        tokio::time::sleep(6 * SECOND).await;
        Ok(())
    }

    #[activity]
    async fn fail(_ctx: ActivityContext) -> Result<(), ActivityError> {
        tokio::time::sleep(6 * SECOND).await;
        let failure = ApplicationFailure::builder("it broke".to_owned())
            .non_retryable(true)
            .build();
        Err(ActivityError::application(failure))
    }
}

/// Stops its timer on a signal.
#[workflow]
struct Alarm {
    token: WorkflowCancellationToken,
}

#[workflow_methods]
impl Alarm {
    #[init]
    fn new(_ctx: &temporalio_sdk::WorkflowContextView) -> Self {
        Self {
            token: WorkflowCancellationToken::new(),
        }
    }

    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let token = ctx.state(|state| state.token.clone());
        ctx.timer(
            TimerOptions::builder(5 * SECOND)
                .cancellation_token(token)
                .build(),
        )
        .await;
        Ok(())
    }

    /// Keeps its workflow task open until the timer has fired.
    #[signal]
    async fn nap(ctx: &mut WorkflowContext<Self>) {
        let napped = ctx
            .execute_local_activity(Work::nap, (), LocalActivityOptions::default())
            .await;
        assert!(napped.is_ok());
    }

    #[signal]
    fn stop(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.token.cancel();
    }
}

#[test]
fn a_timer_that_fires_in_the_task_that_cancels_it() {
    let text = meets(&|env| {
        Box::pin(async move {
            env.worker("queue")
                .workflow::<Alarm>()
                .activity(Work::nap)
                .start()?;
            let alarm = env
                .client()
                .start_workflow(Alarm::run, (), on("main"))
                .await?;
            env.sleep(SECOND).await;
            alarm
                .signal(Alarm::nap, (), WorkflowSignalOptions::default())
                .await?;
            env.sleep(SECOND).await;
            alarm
                .signal(Alarm::stop, (), WorkflowSignalOptions::default())
                .await?;
            alarm
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        })
    });
    assert!(
        text.contains("resolution must have a registered unblocker"),
        "{text}"
    );
}

/// Signals another workflow and awaits the result later.
#[workflow]
#[derive(Default)]
struct Sender;

#[workflow_methods]
impl Sender {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        let sent = ctx.external_workflow("nobody", None).signal(
            Alarm::stop,
            (),
            temporalio_sdk::SignalWorkflowOptions::default(),
        );
        ctx.timer(60 * SECOND).await;
        Ok(sent.await.is_ok())
    }
}

#[test]
fn a_failed_signal_is_cancelled_before_it_is_awaited() {
    let text = meets(&|env| {
        Box::pin(async move {
            env.worker("queue").workflow::<Sender>().start()?;
            let sender = env
                .client()
                .start_workflow(Sender::run, (), on("main"))
                .await?;
            env.sleep(SECOND).await;
            sender.cancel(WorkflowCancelOptions::default()).await?;
            sender
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        })
    });
    assert!(
        text.contains("[TMPRL1100] Nondeterminism error: Invalid transition in state machine"),
        "{text}"
    );
}

/// Has a child whose result it awaits later.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        let mut options = ChildWorkflowOptions::workflow_id("child".to_owned());
        options.parent_close_policy = ParentClosePolicy::Abandon;
        let child = ctx
            .start_child_workflow(Alarm::run, (), options)
            .await?
            .result();
        ctx.timer(60 * SECOND).await;
        Ok(child.await.is_ok())
    }
}

#[test]
fn a_terminated_child_is_cancelled_before_it_is_awaited() {
    let text = meets(&|env| {
        Box::pin(async move {
            env.worker("queue")
                .workflow::<Parent>()
                .workflow::<Alarm>()
                .start()?;
            let parent = env
                .client()
                .start_workflow(Parent::run, (), on("main"))
                .await?;
            env.sleep(SECOND).await;
            let child = env.client().get_workflow_handle::<Alarm>("child");
            child.terminate(WorkflowTerminateOptions::default()).await?;
            env.sleep(SECOND).await;
            parent.cancel(WorkflowCancelOptions::default()).await?;
            parent
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        })
    });
    assert!(
        text.contains("[TMPRL1100] Nondeterminism error: Invalid transition in state machine"),
        "{text}"
    );
}

/// Abandons an activity and continues.
#[workflow]
#[derive(Default)]
struct Impatient;

#[workflow_methods]
impl Impatient {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::with_start_to_close_timeout(60 * SECOND)
            .cancellation_type(ActivityCancellationType::Abandon)
            .build();
        let work = ctx.execute_activity(Work::fail, (), options);
        ctx.timer(SECOND).await;
        work.cancel();
        assert!(work.await.is_err());
        ctx.timer(60 * SECOND).await;
        Ok(())
    }
}

#[test]
fn an_abandoned_activity_fails() {
    let text = meets(&|env| {
        Box::pin(async move {
            env.worker("queue")
                .workflow::<Impatient>()
                .activity(Work::fail)
                .start()?;
            let impatient = env
                .client()
                .start_workflow(Impatient::run, (), on("main"))
                .await?;
            impatient
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        })
    });
    let words = "ActivityMachine in state Canceled says the transition is invalid";
    assert!(text.contains(words), "{text}");
}

/// Ends as soon as it is cancelled, while a handler runs.
#[workflow]
#[derive(Default)]
struct Hasty;

#[workflow_methods]
impl Hasty {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.cancelled().await;
        Ok(())
    }

    /// After the cancellation, each new step of this handler is cancelled before it begins.
    #[update]
    async fn clean_up(ctx: &mut WorkflowContext<Self>) -> bool {
        ctx.cancelled().await;
        ctx.execute_activity(
            Work::nap,
            (),
            ActivityOptions::start_to_close_timeout(60 * SECOND),
        )
        .await
        .is_ok()
    }
}

const HASTY: Scenario = Scenario {
    name: "hasty",
    about: "",
    flaw: None,
    exhausts_retries: false,
    world: |env| {
        Box::pin(async move {
            env.worker("queue")
                .workflow::<Hasty>()
                .activity(Work::nap)
                .start()?;
            let hasty = env
                .client()
                .start_workflow(Hasty::run, (), on("main"))
                .await?;
            hasty
                .start_update(Hasty::clean_up, (), WorkflowStartUpdateOptions::default())
                .await?;
            hasty.cancel(WorkflowCancelOptions::default()).await?;
            hasty
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        })
    },
    workflows: scenarios::workflows![Hasty],
};

/// The official worker sends the same, and is refused in the same way.
#[test]
fn a_handler_continues_after_the_command_that_closes_the_run() {
    let text = meets(&HASTY.world);
    let words = "[CompleteWorkflowExecution, ProtocolMessage]";
    assert!(text.contains(words), "{text}");
    let mut options = WorldOptions::default();
    options.external_worker = Some(official_worker(
        |worker| (HASTY.workflows.worker)(worker).expect("one workflow"),
        true,
    ));
    let failure = run_world(&HASTY.world, &options)
        .failure
        .expect("it is refused");
    assert!(
        failure.render(Colors::Off).contains(words),
        "{}",
        failure.render(Colors::Off)
    );
}

/// Unsets a search attribute.
#[workflow]
#[derive(Default)]
struct Unset;

#[workflow_methods]
impl Unset {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.upsert_search_attributes([SearchAttributeKey::keyword("City").value_unset()]);
        Ok(())
    }
}

#[test]
fn a_search_attribute_is_unset() {
    let text = meets(&|env| {
        Box::pin(async move {
            env.worker("queue").workflow::<Unset>().start()?;
            let unset = env
                .client()
                .start_workflow(Unset::run, (), on("main"))
                .await?;
            unset
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        })
    });
    let words = "BadSearchAttributes: invalid value for search attribute City of type Keyword:";
    assert!(text.contains(words), "{text}");
}
