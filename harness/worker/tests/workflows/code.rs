//! The workflows under test.

#![allow(
    clippy::unused_async,
    clippy::unused_self,
    clippy::ptr_arg,
    reason = "the SDK's macros say what a handler's signature is"
)]

use std::time::Duration;

use temporalio_common::ActivityError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, CancellableFuture, ChildWorkflowOptions,
    ContinueAsNewOptions, LocalActivityOptions, SignalWorkflowOptions, SyncWorkflowContext,
    WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
    activities::ActivityContext, workflows::select,
};

const TEN_SECONDS: Duration = Duration::from_secs(10);

pub(crate) struct Greetings;

#[activities]
impl Greetings {
    #[activity]
    pub(crate) async fn greet(
        _ctx: ActivityContext,
        name: String,
    ) -> Result<String, ActivityError> {
        Ok(format!("hello {name}"))
    }
}

/// Calls an activity, waits for a minute, and returns the result of the activity.
#[workflow]
#[derive(Default)]
pub(crate) struct GreetWorkflow;

#[workflow_methods]
impl GreetWorkflow {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        name: String,
    ) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(TEN_SECONDS);
        let greeting = ctx
            .execute_activity(Greetings::greet, name, options)
            .await?;
        ctx.timer(Duration::from_mins(1)).await;
        Ok(greeting)
    }
}

/// Waits for a signal, at most for an hour, and returns what it has heard.
#[workflow]
#[derive(Default)]
pub(crate) struct WaitWorkflow {
    heard: Vec<String>,
}

#[workflow_methods]
impl WaitWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        select! {
            heard = ctx.wait_condition(|state| !state.heard.is_empty()) => heard?,
            _ = ctx.timer(Duration::from_hours(1)) => return Ok("nobody".to_owned()),
        }
        Ok(ctx.state(|state| state.heard.join(",")))
    }

    #[signal]
    pub(crate) fn hear(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) {
        self.heard.push(what);
    }

    #[query]
    pub(crate) fn heard(&self, _ctx: &WorkflowContextView) -> usize {
        self.heard.len()
    }

    #[update_validator(tell)]
    fn validate_tell(
        &self,
        _ctx: &WorkflowContextView,
        what: &String,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if what.is_empty() {
            Err("nothing to tell".into())
        } else {
            Ok(())
        }
    }

    #[update]
    pub(crate) fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) -> usize {
        self.heard.push(what);
        self.heard.len()
    }
}

/// Panics at once.
#[workflow]
#[derive(Default)]
pub(crate) struct PanicWorkflow;

#[workflow_methods]
impl PanicWorkflow {
    #[run]
    pub(crate) async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        panic!("out of {}", "luck");
    }
}

/// Cancels an activity after a timer, in the way that the input says.
#[workflow]
#[derive(Default)]
pub(crate) struct CancelWorkflow;

#[workflow_methods]
impl CancelWorkflow {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        waits: bool,
    ) -> WorkflowResult<String> {
        let cancellation_type = if waits {
            ActivityCancellationType::WaitCancellationCompleted
        } else {
            ActivityCancellationType::TryCancel
        };
        let options = ActivityOptions::with_start_to_close_timeout(TEN_SECONDS)
            .cancellation_type(cancellation_type)
            .build();
        let activity = ctx.execute_activity(Greetings::greet, "Ada".to_owned(), options);
        ctx.timer(Duration::from_secs(1)).await;
        activity.cancel();
        Ok(match activity.await {
            Ok(greeting) => greeting,
            Err(_) => "cancelled".to_owned(),
        })
    }
}

/// Asks for a patch between two timers.
#[workflow]
#[derive(Default)]
pub(crate) struct PatchedWorkflow;

#[workflow_methods]
impl PatchedWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        ctx.timer(Duration::from_secs(1)).await;
        let patched = ctx.patched("better");
        ctx.timer(Duration::from_secs(if patched { 2 } else { 3 }))
            .await;
        Ok(patched)
    }
}

/// Starts a child, and returns its result.
#[workflow]
#[derive(Default)]
pub(crate) struct ParentWorkflow;

#[workflow_methods]
impl ParentWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let options = ChildWorkflowOptions::workflow_id("child".to_owned());
        let child = ctx
            .start_child_workflow(GreetWorkflow::run, "Ada".to_owned(), options)
            .await?;
        Ok(child.result().await?)
    }
}

/// Calls two local activities, one after the other.
#[workflow]
#[derive(Default)]
pub(crate) struct LocalWorkflow;

#[workflow_methods]
impl LocalWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let options = || {
            LocalActivityOptions::builder()
                .start_to_close_timeout(TEN_SECONDS)
                .build()
        };
        let first = ctx
            .execute_local_activity(Greetings::greet, "Ada".to_owned(), options())
            .await?;
        let second = ctx
            .execute_local_activity(Greetings::greet, "Bob".to_owned(), options())
            .await?;
        Ok(format!("{first}, {second}"))
    }
}

/// Uses a channel of Tokio's in workflow code.
#[workflow]
#[derive(Default)]
pub(crate) struct ChannelWorkflow;

#[workflow_methods]
impl ChannelWorkflow {
    #[run]
    pub(crate) async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let (sender, mut receiver) = futures::channel::mpsc::unbounded::<()>();
        let waits = futures::StreamExt::next(&mut receiver);
        let sends = async move { drop(sender.unbounded_send(())) };
        futures::join!(waits, sends);
        Ok(())
    }
}

/// Starts a timer, and cancels it in the same task.
#[workflow]
#[derive(Default)]
pub(crate) struct HastyWorkflow;

#[workflow_methods]
impl HastyWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let timer = ctx.timer(Duration::from_hours(1));
        timer.cancel();
        Ok("hasty".to_owned())
    }
}

/// Cancels a long timer after a short one.
#[workflow]
#[derive(Default)]
pub(crate) struct DropTimerWorkflow;

#[workflow_methods]
impl DropTimerWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let long = ctx.timer(Duration::from_hours(1));
        ctx.timer(Duration::from_secs(1)).await;
        long.cancel();
        Ok("dropped".to_owned())
    }
}

/// Does nothing until it is cancelled.
#[workflow]
#[derive(Default)]
pub(crate) struct WaitForCancelWorkflow;

#[workflow_methods]
impl WaitForCancelWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.cancelled().await;
        Err(WorkflowTermination::cancelled())
    }
}

/// Signals another workflow, and returns `true` if that worked.
#[workflow]
#[derive(Default)]
pub(crate) struct SignalWorkflow;

#[workflow_methods]
impl SignalWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        let other = ctx.external_workflow("other", None);
        let sent = other
            .signal(
                WaitWorkflow::hear,
                "bells".to_owned(),
                SignalWorkflowOptions::default(),
            )
            .await;
        Ok(sent.is_ok())
    }
}

/// Requests to cancel another workflow, and returns `true` if that worked.
#[workflow]
#[derive(Default)]
pub(crate) struct CancelOtherWorkflow;

#[workflow_methods]
impl CancelOtherWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        let asked = ctx.external_workflow("other", None).cancel(None).await;
        Ok(asked.is_ok())
    }
}

/// Continues as a new run, with the next number.
#[workflow]
#[derive(Default)]
pub(crate) struct AgainWorkflow;

#[workflow_methods]
impl AgainWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, number: u32) -> WorkflowResult<()> {
        ctx.continue_as_new(number + 1, ContinueAsNewOptions::default())?;
        Ok(())
    }
}
