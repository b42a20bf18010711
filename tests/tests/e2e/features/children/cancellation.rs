//! Cancellation of children: each cancellation type, before and after the start.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    CancellableFutureWithReason, ChildWorkflowCancellationType as Type, ParentClosePolicy,
    SyncWorkflowContext, TimerOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
};

use super::{Child, Does, child, end, start_failure};
use crate::features::on;

/// Takes a day to end after it was cancelled, and returns the reason it was given.
#[workflow]
#[derive(Default)]
struct Slow {
    finished: bool,
}

#[workflow_methods]
impl Slow {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let reason = ctx.cancelled().await;
        let own = TimerOptions::builder(Duration::from_hours(24))
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        ctx.timer(own).await;
        Ok(reason.unwrap_or_default())
    }

    #[signal]
    fn finish(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.finished = true;
    }
}

/// Cancels its child once it has started; returns how the child ended, and after how many seconds
/// the parent learned of that.
#[workflow]
#[derive(Default)]
struct Canceller;

#[workflow_methods]
impl Canceller {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        cancel_type: Type,
    ) -> WorkflowResult<(String, u64)> {
        let mut options = child("child");
        options.cancel_type = cancel_type;
        options.parent_close_policy = ParentClosePolicy::Abandon;
        let child = ctx.start_child_workflow(Slow::run, (), options).await?;
        let asked = ctx.workflow_time();
        child.cancel("enough".to_owned());
        let ended = end(child.result().await);
        let waited = ctx
            .workflow_time()
            .zip(asked)
            .and_then(|(now, asked)| now.duration_since(asked).ok());
        // A request that is not sent when its workflow closes is never sent.
        ctx.timer(Duration::from_mins(1)).await;
        Ok((ended, waited.unwrap_or_default().as_secs()))
    }
}

async fn cancels(env: &TestWorkflowEnvironment, cancel_type: Type) -> TestResult<(String, u64)> {
    env.worker("queue")
        .workflow::<Canceller>()
        .workflow::<Slow>()
        .start()?;
    let parent = env
        .client()
        .start_workflow(Canceller::run, cancel_type, on("parent"))
        .await?;
    let told = parent
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    // The child continues.
    let child = env.client().get_workflow_handle::<Slow>("child");
    if cancel_type == Type::Abandon {
        child.cancel(WorkflowCancelOptions::default()).await?;
    }
    let reason = child
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    if cancel_type != Type::Abandon {
        assert!(reason.contains("enough"), "{reason}");
    }
    Ok(told)
}

const DAY: u64 = 24 * 3600;

feature! {
    [Canceller, Slow]
    async fn wait_cancellation_completed(env) {
        let (ended, waited) = cancels(&env, Type::WaitCancellationCompleted).await?;
        assert!(
            ended.starts_with("completed: ") && ended.contains("enough"),
            "{ended}"
        );
        assert!(waited >= DAY, "{waited}");
        Ok(())
    }
}

feature! {
    /// Core 0.10 accepts the type but treats it like the previous one: it waits for the end.
    [Canceller, Slow]
    async fn wait_cancellation_requested(env) {
        let (ended, waited) = cancels(&env, Type::WaitCancellationRequested).await?;
        assert!(
            ended.starts_with("completed: ") && ended.contains("enough"),
            "{ended}"
        );
        assert!(waited >= DAY, "{waited}");
        Ok(())
    }
}

feature! {
    [Canceller, Slow]
    async fn try_cancel(env) {
        let (ended, waited) = cancels(&env, Type::TryCancel).await?;
        assert_eq!(ended, "cancelled");
        assert!(waited < DAY, "{waited}");
        Ok(())
    }
}

feature! {
    /// The child never gets a cancel request.
    [Canceller, Slow]
    async fn abandon(env) {
        let (ended, waited) = cancels(&env, Type::Abandon).await?;
        assert_eq!(ended, "cancelled");
        assert!(waited < DAY, "{waited}");
        Ok(())
    }
}

/// Cancels its child in the task that starts it: the child never starts.
#[workflow]
#[derive(Default)]
struct Hasty;

#[workflow_methods]
impl Hasty {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let starting = ctx.start_child_workflow(Child::run, Does::Wait, child("child"));
        starting.cancel_with_reason("changed my mind".to_owned());
        Ok(match starting.await {
            Ok(child) => end(child.result().await),
            Err(error) => start_failure(&error),
        })
    }
}

feature! {
    [Hasty, Child]
    async fn before_the_child_is_started(env) {
        env.worker("queue")
            .workflow::<Hasty>()
            .workflow::<Child>()
            .start()?;
        let parent = env
            .client()
            .start_workflow(Hasty::run, (), on("parent"))
            .await?;
        let told = parent
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(told, "never started: cancelled");
        let child = env.client().get_workflow_handle::<Child>("child");
        assert!(
            child
                .describe(WorkflowDescribeOptions::default())
                .await
                .is_err(),
            "the child was never started"
        );
        Ok(())
    }
}

/// A cancelled parent cancels the children that share its token; one of its children has another.
#[workflow]
#[derive(Default)]
struct Family;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ends {
    own: String,
    detached: String,
}

#[workflow_methods]
impl Family {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Ends> {
        let own = ctx
            .start_child_workflow(Child::run, Does::Wait, child("own"))
            .await?;
        let mut options = child("detached");
        options.cancellation_token = Some(WorkflowCancellationToken::new());
        let detached = ctx
            .start_child_workflow(Child::run, Does::Wait, options)
            .await?;
        let own = end(own.result().await);
        let detached = end(detached.result().await);
        Ok(Ends { own, detached })
    }
}

feature! {
    [Family, Child]
    async fn together_with_the_parent(env) {
        env.worker("queue")
            .workflow::<Family>()
            .workflow::<Child>()
            .start()?;
        let client = env.client();
        let family = client.start_workflow(Family::run, (), on("family")).await?;
        env.sleep(Duration::from_hours(1)).await;
        family.cancel(WorkflowCancelOptions::default()).await?;
        env.sleep(Duration::from_hours(1)).await;
        client
            .get_workflow_handle::<Child>("detached")
            .signal(
                Child::tell,
                "go".to_owned(),
                WorkflowSignalOptions::default(),
            )
            .await?;
        let ends = family
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(
            ends,
            Ends {
                own: "cancelled".to_owned(),
                detached: "completed: go".to_owned()
            }
        );
        Ok(())
    }
}
