//! Priorities: set at the start, inherited, replaced.

use durasim::prelude::*;
use temporalio_client::Priority;
use temporalio_common::ActivityError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, WorkflowContext, WorkflowResult,
    activities::ActivityContext,
};

use crate::features::on;

struct Desk;

#[activities]
impl Desk {
    #[activity]
    async fn urgency(ctx: ActivityContext) -> Result<String, ActivityError> {
        Ok(tell(&ctx.info().priority))
    }
}

fn tell(priority: &Priority) -> String {
    format!("{:?} {:?}", priority.priority_key, priority.fairness_key)
}

/// Returns its own priority and those of its activities and its child.
#[workflow]
#[derive(Default)]
struct Office;

#[workflow_methods]
impl Office {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, is_child: bool) -> WorkflowResult<Vec<String>> {
        let mut told = vec![tell(&ctx.info().priority())];
        if is_child {
            return Ok(told);
        }
        for priority in [None, Some(Priority::builder().priority_key(5).build())] {
            let mut options = ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
            options.priority = priority;
            told.push(ctx.execute_activity(Desk::urgency, (), options).await?);
        }
        let mut options = ChildWorkflowOptions::default();
        options.priority = Some(Priority::builder().priority_key(4).build());
        let child = ctx.start_child_workflow(Office::run, true, options).await?;
        told.extend(child.result().await?);
        Ok(told)
    }
}

feature! {
    /// Unset priority fields of a child or an activity are inherited from its workflow.
    [Office]
    async fn priorities_are_in_the_info(env) {
        env.worker("queue")
            .workflow::<Office>()
            .implementer(Desk)
            .activity(Desk::urgency)
            .start()?;
        let mut options = on("office");
        options.priority = Priority::builder()
            .priority_key(2)
            .fairness_key("ann")
            .build();
        let office = env
            .client()
            .start_workflow(Office::run, false, options)
            .await?;
        assert_eq!(
            office.get_result(Default::default()).await?,
            [
                "Some(2) Some(\"ann\")",
                "Some(2) Some(\"ann\")",
                "Some(5) Some(\"ann\")",
                "Some(4) Some(\"ann\")"
            ]
        );
        Ok(())
    }
}
