//! Updates to workflows that close or continue as another run.

use durasim::prelude::*;
use temporalio_client::{WorkflowStartUpdateOptions, errors::WorkflowUpdateError};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult};

use super::{Clerks, Shelf};
use crate::features::on;

feature! {
    [Shelf]
    async fn a_closed_workflow_accepts_no_update(env) {
        env.worker("queue")
            .workflow::<Shelf>()
            .activity(Clerks::count)
            .start()?;
        let shelf = env
            .client()
            .start_workflow(Shelf::run, (), on("shelf"))
            .await?;
        shelf
            .signal(Shelf::close, (), WorkflowSignalOptions::default())
            .await?;
        shelf
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        let late = shelf
            .execute_update(Shelf::add, 1, WorkflowExecuteUpdateOptions::default())
            .await;
        assert!(
            matches!(late, Err(WorkflowUpdateError::NotFound(_))),
            "{late:?}"
        );
        Ok(())
    }
}

/// Ends without waiting for its handlers.
#[workflow]
#[derive(Default)]
struct Hasty {
    ended: bool,
}

#[workflow_methods]
impl Hasty {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.wait_condition(|state| state.ended).await?;
        Ok(())
    }

    #[signal]
    fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ended = true;
    }

    #[update]
    async fn linger(ctx: &mut WorkflowContext<Self>) -> u32 {
        // This waits for ever; the workflow is not cancelled either.
        u32::from(ctx.wait_condition(|_| false).await.is_ok())
    }
}

feature! {
    [Hasty]
    async fn an_accepted_update_fails_with_its_run(env) {
        env.worker("queue").workflow::<Hasty>().start()?;
        let hasty = env
            .client()
            .start_workflow(Hasty::run, (), on("hasty"))
            .await?;
        let update = hasty
            .start_update(Hasty::linger, (), WorkflowStartUpdateOptions::default())
            .await?;
        hasty
            .signal(Hasty::end, (), WorkflowSignalOptions::default())
            .await?;
        let failed = update.get_result(Default::default()).await;
        let Err(WorkflowUpdateError::Failed(failure)) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(
            failure.message,
            "Workflow Update failed because the Workflow completed before the Update completed."
        );
        hasty
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        Ok(())
    }
}

feature! {
    [Hasty]
    async fn an_accepted_update_fails_when_its_run_is_terminated(env) {
        env.worker("queue").workflow::<Hasty>().start()?;
        let hasty = env
            .client()
            .start_workflow(Hasty::run, (), on("hasty"))
            .await?;
        let update = hasty
            .start_update(Hasty::linger, (), WorkflowStartUpdateOptions::default())
            .await?;
        hasty.terminate(WorkflowTerminateOptions::default()).await?;
        let failed = update.get_result(Default::default()).await;
        assert!(
            matches!(failed, Err(WorkflowUpdateError::Failed(_))),
            "{failed:?}"
        );
        Ok(())
    }
}

/// Counts updates for five seconds a run; its last run returns the sum.
#[workflow]
#[derive(Default)]
struct Tally {
    sum: u32,
}

#[workflow_methods]
impl Tally {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, (runs, sum): (u32, u32)) -> WorkflowResult<u32> {
        ctx.state_mut(|state| state.sum += sum);
        ctx.timer(Duration::from_secs(5)).await;
        let sum = ctx.state(|state| state.sum);
        if runs > 1 {
            ctx.continue_as_new((runs - 1, sum), ContinueAsNewOptions::default())?;
        }
        Ok(sum)
    }

    #[update]
    fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, items: u32) -> u32 {
        self.sum += items;
        items
    }
}

feature! {
    /// Each update is answered, by one run or the next: the server passes updates that a closing
    /// run did not accept to the run that continues it.
    [Tally]
    async fn no_update_is_lost_when_a_run_continues_as_new(env) {
        env.worker("queue").workflow::<Tally>().start()?;
        let client = env.client();
        let tally = client
            .start_workflow(Tally::run, (4, 0), on("tally"))
            .await?;
        let actors: Vec<_> = (0..6)
            .map(|index| {
                let tally = client.get_workflow_handle::<Tally>("tally");
                let sleeper = env.clone();
                env.spawn(async move {
                    // The updates arrive around the ends of runs.
                    sleeper
                        .sleep(Duration::from_millis(4999 + 1667 * index))
                        .await;
                    tally
                        .execute_update(Tally::add, 1, WorkflowExecuteUpdateOptions::default())
                        .await
                })
            })
            .collect();
        let mut added = 0;
        for actor in actors {
            match actor.await {
                Ok(items) => added += items,
                // The update came after the last run had closed.
                Err(WorkflowUpdateError::NotFound(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        assert_eq!(
            tally
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            added
        );
        Ok(())
    }
}
