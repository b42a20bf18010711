//! Starts of children, and reasons why they fail.

use durasim::prelude::*;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowOptions, SignalWorkflowOptions, StartedChildWorkflow, WorkflowContext,
    WorkflowIdReusePolicy, WorkflowResult, WorkflowSignalError, workflows::join_all,
};

use super::{Child, Does, child, end, start_failure};
use crate::features::on;

/// Starts a child under the id of a run that a client started.
#[workflow]
#[derive(Default)]
struct Latecomer;

#[workflow_methods]
impl Latecomer {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let started = ctx
            .start_child_workflow(Child::run, Does::Complete, child("child"))
            .await;
        Ok(started.map_or_else(|error| start_failure(&error), |_| "started".to_owned()))
    }
}

feature! {
    [Latecomer, Child]
    async fn its_id_is_in_use(env) {
        env.worker("queue")
            .workflow::<Latecomer>()
            .workflow::<Child>()
            .start()?;
        let client = env.client();
        client
            .start_workflow(Child::run, Does::Wait, on("child"))
            .await?;
        let parent = client
            .start_workflow(Latecomer::run, (), on("parent"))
            .await?;
        let told = parent
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(told, "child: WorkflowAlreadyExists");
        client
            .get_workflow_handle::<Child>("child")
            .terminate(WorkflowTerminateOptions::default())
            .await?;
        Ok(())
    }
}

/// Starts a child with the same id again and again, each time with another reuse policy, after the
/// last has closed.
#[workflow]
#[derive(Default)]
struct Repeater;

#[workflow_methods]
impl Repeater {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        use WorkflowIdReusePolicy as Reuse;
        let mut ends = Vec::new();
        for (does, reuse) in [
            (Does::Complete, Reuse::Unspecified),
            (Does::Complete, Reuse::RejectDuplicate),
            (Does::Fail, Reuse::AllowDuplicateFailedOnly),
            (Does::Fail, Reuse::AllowDuplicate),
            (Does::Complete, Reuse::AllowDuplicateFailedOnly),
        ] {
            let mut options = child("child");
            options.id_reuse_policy = reuse;
            ends.push(
                match ctx.start_child_workflow(Child::run, does, options).await {
                    Ok(child) => end(child.result().await),
                    Err(error) => start_failure(&error),
                },
            );
        }
        Ok(ends)
    }
}

feature! {
    [Repeater, Child]
    async fn its_id_is_used_again(env) {
        env.worker("queue")
            .workflow::<Repeater>()
            .workflow::<Child>()
            .start()?;
        let parent = env
            .client()
            .start_workflow(Repeater::run, (), on("parent"))
            .await?;
        let failed = "failed: the child broke (Broken), RetryPolicyNotSet";
        let taken = "child: WorkflowAlreadyExists";
        assert_eq!(
            parent
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            [
                "completed: done in attempt 1",
                taken,
                taken,
                failed,
                "completed: done in attempt 1"
            ]
        );
        Ok(())
    }
}

/// Has one child on another task queue and one on its own.
#[workflow]
#[derive(Default)]
struct Delegator;

#[workflow_methods]
impl Delegator {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let options = [None, Some("elsewhere".to_owned())]
            .into_iter()
            .map(|queue| {
                let mut options = ChildWorkflowOptions::default();
                options.task_queue = queue;
                options
            });
        let started = join_all(
            options.map(|options| ctx.start_child_workflow(Child::run, Does::Complete, options)),
        )
        .await;
        let started: Vec<_> = started.into_iter().collect::<Result<_, _>>()?;
        let results = join_all(started.into_iter().map(StartedChildWorkflow::result)).await;
        Ok(results.into_iter().map(end).collect())
    }
}

feature! {
    /// The ids of these children come from the workflow's own randomness, because the parent sets
    /// none.
    [Delegator, Child]
    async fn children_of_several_task_queues(env) {
        env.worker("queue")
            .workflow::<Delegator>()
            .workflow::<Child>()
            .start()?;
        env.worker("elsewhere").workflow::<Child>().start()?;
        let parent = env
            .client()
            .start_workflow(Delegator::run, (), on("parent"))
            .await?;
        assert_eq!(
            parent
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            [
                "completed: done in attempt 1",
                "completed: done in attempt 1"
            ]
        );
        Ok(())
    }
}

/// Signals its child while the child runs, and once more after it has closed.
#[workflow]
#[derive(Default)]
struct Teller;

#[workflow_methods]
impl Teller {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<(String, bool)> {
        let started = ctx
            .start_child_workflow(Child::run, Does::Wait, child("child"))
            .await?;
        started
            .signal(
                Child::tell,
                "enough".to_owned(),
                SignalWorkflowOptions::default(),
            )
            .await?;
        let late = ctx.external_workflow("child", Some(started.run_id.clone()));
        let ended = end(started.result().await);
        let late = late
            .signal(
                Child::tell,
                "more".to_owned(),
                SignalWorkflowOptions::default(),
            )
            .await;
        Ok((ended, matches!(late, Err(WorkflowSignalError::NotFound(_)))))
    }
}

feature! {
    [Teller, Child]
    async fn a_parent_signals_its_child(env) {
        env.worker("queue")
            .workflow::<Teller>()
            .workflow::<Child>()
            .start()?;
        let parent = env
            .client()
            .start_workflow(Teller::run, (), on("parent"))
            .await?;
        let told = parent
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(told, ("completed: enough".to_owned(), true));
        Ok(())
    }
}
