//! Waiting for several things at once.

use durasim::prelude::*;
use temporalio_common::ActivityError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::ActivityContext,
    workflows::{join, join_all, select},
};

use crate::features::on;

struct Runners;

#[activities]
impl Runners {
    /// Takes the given number of seconds.
    #[activity]
    async fn race(_ctx: ActivityContext, seconds: u64) -> Result<u64, ActivityError> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok(seconds)
    }
}

/// Waits for activities, timers, signals and each other.
#[workflow]
#[derive(Default)]
struct Track {
    whistles: u32,
}

#[workflow_methods]
impl Track {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let mut told = Vec::new();
        let run = |seconds: u64| {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_hours(10));
            ctx.execute_activity(Runners::race, seconds, options)
        };
        let winner = select! {
            slow = run(3600 * 5) => format!("activity {slow:?}"),
            _ = ctx.timer(Duration::from_hours(1)) => "timer".to_owned(),
        };
        told.push(winner);
        let (one, _) = join!(run(2), ctx.timer(Duration::from_secs(1)));
        told.push(format!("{}", one?));
        let all: Result<Vec<u64>, _> = join_all([3, 1, 2].map(run)).await.into_iter().collect();
        told.push(format!("{:?}", all?));
        // A typical loop with a timeout.
        let deadline = ctx.timer(Duration::from_hours(24));
        futures::pin_mut!(deadline);
        loop {
            let heard = ctx.state(|state| state.whistles);
            select! {
                woken = ctx.wait_condition(|state| state.whistles > heard) => woken?,
                _ = deadline => break,
            }
        }
        told.push(format!("{} whistles", ctx.state(|state| state.whistles)));
        Ok(told)
    }

    #[signal]
    async fn whistle(ctx: &mut WorkflowContext<Self>) {
        // A handler may wait too, and runs beside the other code.
        ctx.timer(Duration::from_secs(1)).await;
        ctx.state_mut(|state| state.whistles += 1);
    }

    #[signal]
    fn hush(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {}
}

feature! {
    [Track]
    async fn the_first_of_several_or_all_of_them(env) {
        env.worker("queue")
            .workflow::<Track>()
            .implementer(Runners)
            .activity(Runners::race)
            .start()?;
        let track = env
            .client()
            .start_workflow(Track::run, (), on("track"))
            .await?;
        for _ in 0..3 {
            env.sleep(Duration::from_mins(1)).await;
            track.signal(Track::whistle, (), Default::default()).await?;
        }
        track.signal(Track::hush, (), Default::default()).await?;
        let told = track.get_result(Default::default()).await?;
        assert_eq!(told, ["timer", "2", "[3, 1, 2]", "3 whistles"]);
        Ok(())
    }
}
