//! Code that changes under open workflows.

use durasim::{advanced::TestOptions, prelude::*};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use crate::{
    shop::{HOUR, Work, briefly, result, start},
    table::mistakes,
};

/// Defines a version of the workflow `Order`.
macro_rules! version {
    ($name:ident, |$ctx:ident| { $($body:tt)* }) => {
        #[workflow]
        #[derive(Default)]
        struct $name;

        #[workflow_methods]
        impl $name {
            #[run(name = "Order")]
            async fn run($ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
                $($body)*
                Ok(())
            }
        }
    };
}

version!(First, |ctx| {
    ctx.execute_activity(Work::note, "reserve", briefly())
        .await?;
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepAdded, |ctx| {
    ctx.execute_activity(Work::note, "check", briefly()).await?;
    ctx.execute_activity(Work::note, "reserve", briefly())
        .await?;
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepAddedPatched, |ctx| {
    if ctx.patched("check") {
        ctx.execute_activity(Work::note, "check", briefly()).await?;
    }
    ctx.execute_activity(Work::note, "reserve", briefly())
        .await?;
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepRemoved, |ctx| {
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepRemovedPatched, |ctx| {
    if !ctx.patched("no reserve") {
        ctx.execute_activity(Work::note, "reserve", briefly())
            .await?;
    }
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepsSwapped, |ctx| {
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::note, "reserve", briefly())
        .await?;
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepsSwappedPatched, |ctx| {
    if ctx.patched("reserve late") {
        ctx.timer(HOUR).await;
        ctx.execute_activity(Work::note, "reserve", briefly())
            .await?;
    } else {
        ctx.execute_activity(Work::note, "reserve", briefly())
            .await?;
        ctx.timer(HOUR).await;
    }
    ctx.execute_activity(Work::note, "ship", briefly()).await?;
});

version!(StepReplaced, |ctx| {
    ctx.execute_activity(Work::note, "reserve", briefly())
        .await?;
    ctx.timer(HOUR).await;
    ctx.execute_activity(Work::post, "ship", briefly()).await?;
});

version!(StepReplacedPatched, |ctx| {
    ctx.execute_activity(Work::note, "reserve", briefly())
        .await?;
    ctx.timer(HOUR).await;
    if ctx.patched("post") {
        ctx.execute_activity(Work::post, "ship", briefly()).await?;
    } else {
        ctx.execute_activity(Work::note, "ship", briefly()).await?;
    }
});

/// Runs an order; the second version is deployed after its first workflow tasks.
macro_rules! deployed {
    ($second:ident) => {
        |env| {
            Box::pin(async move {
                env.worker("shop")
                    .workflow::<First>()
                    .activity(Work::note)
                    .activity(Work::post)
                    .version("v2", |code| code.workflow::<$second>())
                    .start()?;
                let order = start!(env, First::run, ());
                result!(order);
                Ok(())
            })
        }
    };
}

fn with_a_deploy() -> TestOptions {
    TestOptions::new().faults(Fault::worker_deploy().after_workflow_task().nth(2))
}

mistakes! {
    a_step_is_added: "DS101" says ["guard changed code with `patched`"]
        with with_a_deploy(),
        wrong deployed!(StepAdded),
        mended deployed!(StepAddedPatched);
    a_step_is_removed: "DS101" says ["guard changed code with `patched`"]
        with with_a_deploy(),
        wrong deployed!(StepRemoved),
        mended deployed!(StepRemovedPatched);
    steps_are_swapped: "DS101" says ["guard changed code with `patched`"]
        with with_a_deploy(),
        wrong deployed!(StepsSwapped),
        mended deployed!(StepsSwappedPatched);
    a_step_is_replaced: "DS101" says ["ActivityTaskScheduled", "guard changed code with `patched`"]
        with TestOptions::new().faults(Fault::worker_deploy().after_workflow_task().nth(3)),
        wrong deployed!(StepReplaced),
        mended deployed!(StepReplacedPatched);
}
