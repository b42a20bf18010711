//! The randomness of a workflow: the same on replay, different in each run.

use durasim::prelude::*;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ContinueAsNewOptions, WorkflowContext, WorkflowResult};

use crate::features::on;

type Drawn = (u64, String, Vec<u32>, Vec<u32>);

/// Draws before and after a timer, in two runs.
#[workflow]
#[derive(Default)]
struct Lottery;

#[workflow_methods]
impl Lottery {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        first: Option<Drawn>,
    ) -> WorkflowResult<(Drawn, Drawn)> {
        let (red, blue) = (ctx.random_stream("red"), ctx.random_stream("blue"));
        let mut reds = vec![red.random::<u32>()];
        let number = ctx.random::<u64>();
        ctx.timer(Duration::from_secs(2)).await;
        let id = ctx.uuid4();
        let blues = vec![blue.random::<u32>(), blue.random()];
        reds.push(ctx.random_stream("red").random());
        let drawn = (number, id, reds, blues);
        match first {
            Some(first) => Ok((first, drawn)),
            None => Err(ctx
                .continue_as_new(Some(drawn), ContinueAsNewOptions::default())
                .unwrap_err()),
        }
    }
}

feature! {
    [Lottery]
    async fn each_run_draws_its_own(env) {
        env.worker("queue").workflow::<Lottery>().start()?;
        let lottery = env
            .client()
            .start_workflow(Lottery::run, None, on("lottery"))
            .await?;
        env.observe_result(&lottery);
        let (first, second) = lottery.get_result(Default::default()).await?;
        assert_ne!(first, second);
        for (_, id, reds, blues) in [&first, &second] {
            assert_eq!(
                (id.len(), &id[14..15]),
                (36, "4"),
                "{id} is a UUID of version 4"
            );
            assert_ne!(reds, blues, "streams are independent");
            assert_ne!(reds[0], reds[1], "a stream continues");
        }
        Ok(())
    }
}
