//! Cancelling children: each type of cancellation, before and after they have started.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    CancellableFutureWithReason, ChildWorkflowCancellationType as Type, ParentClosePolicy,
    SyncWorkflowContext, TimerOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
};

use super::{Child, Does, child, end, start_failure};
use crate::features::on;

/// Takes a day to end after it was cancelled, and tells the reason it was given.
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

/// Cancels its child once it has started; how the child ended, and after how many seconds it heard
/// of that.
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
        // A request that has not left when its workflow closes never does.
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
    // The child goes on.
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
    async fn waiting_for_its_end(env) {
        let (ended, waited) = cancels(&env, Type::WaitCancellationCompleted).await?;
        assert!(ended.starts_with("completed: ") && ended.contains("enough"), "{ended}");
        assert!(waited >= DAY, "{waited}");
        Ok(())
    }
}

feature! {
    /// Core 0.10 knows the type and makes no difference: it waits for the end.
    [Canceller, Slow]
    async fn waiting_until_it_is_asked(env) {
        let (ended, waited) = cancels(&env, Type::WaitCancellationRequested).await?;
        assert!(ended.starts_with("completed: ") && ended.contains("enough"), "{ended}");
        assert!(waited >= DAY, "{waited}");
        Ok(())
    }
}

feature! {
    [Canceller, Slow]
    async fn not_waiting(env) {
        let (ended, waited) = cancels(&env, Type::TryCancel).await?;
        assert_eq!(ended, "cancelled");
        assert!(waited < DAY, "{waited}");
        Ok(())
    }
}

feature! {
    /// The child is never asked.
    [Canceller, Slow]
    async fn abandoning_it(env) {
        let (ended, waited) = cancels(&env, Type::Abandon).await?;
        assert_eq!(ended, "cancelled");
        assert!(waited < DAY, "{waited}");
        Ok(())
    }
}

/// Cancels its child in the same task that starts it: it never starts.
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
    async fn before_it_is_started(env) {
        env.worker("queue").workflow::<Hasty>().workflow::<Child>().start()?;
        let parent = env.client().start_workflow(Hasty::run, (), on("parent")).await?;
        let told = parent.get_result(WorkflowGetResultOptions::default()).await?;
        assert_eq!(told, "never started: cancelled");
        let child = env.client().get_workflow_handle::<Child>("child");
        assert!(child.describe(WorkflowDescribeOptions::default()).await.is_err(), "there is none");
        Ok(())
    }
}

/// A parent that is cancelled cancels its children, for they share its token; one of them has
/// another.
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
    async fn with_its_parent(env) {
        env.worker("queue").workflow::<Family>().workflow::<Child>().start()?;
        let client = env.client();
        let family = client.start_workflow(Family::run, (), on("family")).await?;
        env.sleep(Duration::from_hours(1)).await;
        family.cancel(WorkflowCancelOptions::default()).await?;
        env.sleep(Duration::from_hours(1)).await;
        client
            .get_workflow_handle::<Child>("detached")
            .signal(Child::tell, "go".to_owned(), WorkflowSignalOptions::default())
            .await?;
        let ends = family.get_result(WorkflowGetResultOptions::default()).await?;
        assert_eq!(ends, Ends { own: "cancelled".to_owned(), detached: "completed: go".to_owned() });
        Ok(())
    }
}
