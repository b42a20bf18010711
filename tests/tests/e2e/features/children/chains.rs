//! Children with more than one run, and what their runs know of their family.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowOptions, ContinueAsNewOptions, SyncWorkflowContext, TimerResult, WorkflowContext,
    WorkflowContextView, WorkflowResult, WorkflowTermination,
};

use super::{child, end};
use crate::features::on;

/// The facts that a workflow knows about itself and its family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kin {
    id: String,
    parent: Option<String>,
    root: Option<String>,
    is_first_run: bool,
    cron: Option<String>,
}

fn kin(info: &WorkflowContextView) -> Kin {
    Kin {
        id: info.workflow_id().to_owned(),
        parent: info.parent().map(|parent| parent.workflow_id().to_owned()),
        root: info.root().map(|root| root.workflow_id().to_owned()),
        is_first_run: info.first_execution_run_id() == info.run_id(),
        cron: info.cron_schedule().map(ToOwned::to_owned),
    }
}

/// Has descendants of its own kind, one below the other; returns what each knows, the youngest
/// first.
#[workflow]
#[derive(Default)]
struct Generation;

#[workflow_methods]
impl Generation {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, younger: u32) -> WorkflowResult<Vec<Kin>> {
        let mut known = Vec::new();
        if younger > 0 {
            let options = child(&format!("generation-{younger}"));
            let child = ctx
                .start_child_workflow(Generation::run, younger - 1, options)
                .await?;
            known = child.result().await?;
        }
        known.push(kin(&ctx.info()));
        Ok(known)
    }
}

feature! {
    [Generation]
    async fn each_knows_its_parent_and_the_root(env) {
        env.worker("queue").workflow::<Generation>().start()?;
        let eldest = env
            .client()
            .start_workflow(Generation::run, 2, on("eldest"))
            .await?;
        let known = eldest
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        let one = |id: &str, parent: Option<&str>| Kin {
            id: id.to_owned(),
            parent: parent.map(ToOwned::to_owned),
            // The root itself has no root in its info.
            root: parent.map(|_| "eldest".to_owned()),
            is_first_run: true,
            cron: None,
        };
        assert_eq!(
            known,
            [
                one("generation-1", Some("generation-2")),
                one("generation-2", Some("eldest")),
                one("eldest", None)
            ]
        );
        Ok(())
    }
}

/// Runs each hour until its parent cancels it.
#[workflow]
#[derive(Default)]
struct Hourly;

#[workflow_methods]
impl Hourly {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        if ctx.timer(Duration::from_mins(10)).await == TimerResult::Cancelled {
            return Err(WorkflowTermination::cancelled());
        }
        Ok(ctx.info().cron_schedule().unwrap_or("none").to_owned())
    }
}

#[workflow]
#[derive(Default)]
struct Scheduler;

#[workflow_methods]
impl Scheduler {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let mut options: ChildWorkflowOptions = child("hourly");
        options.cron_schedule = Some("@every 1h".to_owned());
        let hourly = ctx.start_child_workflow(Hourly::run, (), options).await?;
        ctx.timer(Duration::from_mins(200)).await;
        // The parent's own handle reaches only the first run, which closed long ago.
        ctx.external_workflow("hourly", None)
            .cancel(Some("enough".to_owned()))
            .await?;
        Ok(end(hourly.result().await))
    }
}

feature! {
    /// A parent learns nothing of a cron child until the child's schedule has ended.
    [Scheduler, Hourly]
    async fn a_cron_child_runs_until_it_is_cancelled(env) {
        env.worker("queue")
            .workflow::<Scheduler>()
            .workflow::<Hourly>()
            .start()?;
        let scheduler = env
            .client()
            .start_workflow(Scheduler::run, (), on("scheduler"))
            .await?;
        assert_eq!(
            scheduler
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            "cancelled"
        );
        Ok(())
    }
}

/// Continues as new once, then waits for a signal to end.
#[workflow]
#[derive(Default)]
struct Successor {
    finished: bool,
}

#[workflow_methods]
impl Successor {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, is_second: bool) -> WorkflowResult<String> {
        if !is_second {
            ctx.timer(Duration::from_secs(1)).await;
            ctx.continue_as_new(true, ContinueAsNewOptions::default())?;
        }
        ctx.wait_condition(|state| state.finished).await?;
        Ok("finished".to_owned())
    }

    #[signal]
    fn finish(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.finished = true;
    }
}

/// Cancels a child that has continued as new.
#[workflow]
#[derive(Default)]
struct Canceller;

#[workflow_methods]
impl Canceller {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let successor = ctx
            .start_child_workflow(Successor::run, false, child("successor"))
            .await?;
        ctx.timer(Duration::from_hours(1)).await;
        successor.cancel("enough".to_owned());
        Ok(end(successor.result().await))
    }
}

feature! {
    /// Core cancels the run that it saw start, and the server accepts a cancel request for a closed
    /// run without effect. So the parent cannot reach the child's later runs.
    [Canceller, Successor]
    async fn cancelling_a_child_reaches_only_its_first_run(env) {
        env.worker("queue")
            .workflow::<Canceller>()
            .workflow::<Successor>()
            .start()?;
        let client = env.client();
        let canceller = client
            .start_workflow(Canceller::run, (), on("canceller"))
            .await?;
        env.sleep(Duration::from_hours(2)).await;
        client
            .get_workflow_handle::<Successor>("successor")
            .signal(Successor::finish, (), WorkflowSignalOptions::default())
            .await?;
        let told = canceller
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(told, "completed: finished");
        Ok(())
    }
}
