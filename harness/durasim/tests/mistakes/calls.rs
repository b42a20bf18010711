//! Calls of clients and commands of workflows that the service refuses, or answers with a failure.

use durasim::prelude::*;
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, ChildWorkflowOptions, SyncWorkflowContext,
    WorkflowContext, WorkflowContextView, WorkflowResult, activities::ActivityError,
};

use crate::{
    shop::{HOUR, Work, at_most, briefly, on_shop, result, start},
    table::mistakes,
};

/// Asks for something, as its input says.
#[workflow]
struct Demand {
    how: String,
}

#[workflow_methods]
impl Demand {
    #[init]
    fn new(_ctx: &WorkflowContextView, how: String) -> Self {
        assert!(how != "panics at once", "no such demand"); // <- the_making_of_a_workflow_panics
        Self { how }
    }

    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let how = ctx.state(|state| state.how.clone());
        let options = match how.as_str() {
            "no time" => ActivityOptions::start_to_close_timeout(Duration::ZERO),
            "a policy that contradicts itself" => {
                let policy = RetryPolicy::builder()
                    .initial_interval(HOUR)
                    .maximum_interval(Duration::from_secs(1));
                ActivityOptions::with_start_to_close_timeout(HOUR)
                    .retry_policy(policy.build())
                    .build()
            }
            "a misspelt type of error" | "a type of error" => {
                let name = if how == "a type of error" {
                    "Declined"
                } else {
                    "declined"
                };
                let policy = RetryPolicy::builder()
                    .maximum_attempts(3)
                    .non_retryable_error_types(vec![name.to_owned()]);
                ActivityOptions::with_start_to_close_timeout(HOUR)
                    .retry_policy(policy.build())
                    .build()
            }
            "a day" => {
                ctx.timer(24 * HOUR).await;
                briefly()
            }
            "a failing child" => {
                let child =
                    ctx.start_child_workflow(Child::run, (), ChildWorkflowOptions::default());
                child.await?.result().await?;
                briefly()
            }
            "a child that may fail" => {
                let child =
                    ctx.start_child_workflow(Child::run, (), ChildWorkflowOptions::default());
                drop(child.await?.result().await);
                briefly()
            }
            _ => at_most(1),
        };
        drop(ctx.execute_activity(Work::note, how, options).await);
        Ok(())
    }

    #[signal]
    fn hurry(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {}
}

/// Fails.
#[workflow]
#[derive(Default)]
struct Child;

#[workflow_methods]
impl Child {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        Err(ApplicationFailure::new("out of paper"))?
    }
}

async fn demands(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Demand>()
        .workflow::<Child>()
        .activity(Work::note)
        .start()?;
    let demand = start!(env, Demand::run, how.to_owned());
    result!(demand); // <- a_child_fails
    Ok(())
}

/// Counts the attempts of an activity that is declined.
async fn declined(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Demand>()
        .mock_activity(Work::note, |_| async {
            let failure = ApplicationFailure::builder("declined".to_owned())
                .type_name("Declined".to_owned())
                .build();
            Err(ActivityError::application(failure))
        })
        .start()?;
    let demand = start!(env, Demand::run, how.to_owned());
    result!(demand);
    assert_eq!(env.calls(Work::note).len(), 1); // <- a_type_of_error_is_misspelt
    Ok(())
}

/// Runs a workflow of a day that may take so many hours.
async fn bounded(env: TestWorkflowEnvironment, hours: u32) -> TestResult {
    env.worker("shop")
        .workflow::<Demand>()
        .activity(Work::note)
        .start()?;
    let options = WorkflowStartOptions::new("shop", "w-1")
        .run_timeout(hours * HOUR)
        .build();
    let demand = env
        .client()
        .start_workflow(Demand::run, "a day".to_owned(), options)
        .await?;
    result!(demand); // <- a_run_has_too_little_time
    Ok(())
}

mistakes! {
    the_making_of_a_workflow_panics: "DS006" says ["no such demand"]
        wrong |env| Box::pin(demands(env, "panics at once")),
        mended |env| Box::pin(demands(env, "nothing"));
    an_activity_has_no_time: "DS006" says ["correct what the workflow asks for"]
        wrong |env| Box::pin(demands(env, "no time")),
        mended |env| Box::pin(demands(env, "an hour"));
    a_retry_policy_contradicts_itself: "DS006" says ["correct what the workflow asks for"]
        wrong |env| Box::pin(demands(env, "a policy that contradicts itself")),
        mended |env| Box::pin(demands(env, "an hour"));
    a_type_of_error_is_misspelt: "DS001" says ["left: 3", "right: 1"]
        wrong |env| Box::pin(declined(env, "a misspelt type of error")),
        mended |env| Box::pin(declined(env, "a type of error"));
    a_child_fails: "DS002" says ["out of paper"]
        wrong |env| Box::pin(demands(env, "a failing child")),
        mended |env| Box::pin(demands(env, "a child that may fail"));
    a_run_has_too_little_time: "DS002" says ["imed out"]
        wrong |env| Box::pin(bounded(env, 1)),
        mended |env| Box::pin(bounded(env, 48));
    a_signal_comes_after_the_end: "DS002" says ["already completed"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Demand>().activity(Work::note).start()?;
            let demand = start!(env, Demand::run, "an hour".to_owned());
            demand.get_result(WorkflowGetResultOptions::default()).await?;
            let options = WorkflowSignalOptions::default();
            demand.signal(Demand::hurry, (), options).await?; // <- a_signal_comes_after_the_end
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Demand>().activity(Work::note).start()?;
            let demand = start!(env, Demand::run, "a day".to_owned());
            demand.signal(Demand::hurry, (), WorkflowSignalOptions::default()).await?;
            result!(demand);
            Ok(())
        });
    nobody_has_started_the_workflow: "DS002" says ["not found"]
        wrong |env| Box::pin(async move {
            let demand = env.client().get_workflow_handle::<Demand>("w-2");
            result!(demand); // <- nobody_has_started_the_workflow
            Ok(())
        }),
        mended |env| Box::pin(demands(env, "an hour"));
    a_workflow_is_terminated: "DS002" says ["erminated"]
        wrong |env| Box::pin(async move {
            let demand = env.client().start_workflow(Demand::run, String::new(), on_shop()).await?;
            demand.terminate(WorkflowTerminateOptions::default()).await?;
            result!(demand); // <- a_workflow_is_terminated
            Ok(())
        }),
        mended |env| Box::pin(async move {
            let demand = env.client().start_workflow(Demand::run, String::new(), on_shop()).await?;
            demand.terminate(WorkflowTerminateOptions::default()).await?;
            assert!(demand.get_result(WorkflowGetResultOptions::default()).await.is_err());
            Ok(())
        });
    a_mock_is_on_another_worker: "DS005" says ["activity Work::note", "or name task queue printers"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Demand>().activity(Work::slow).start()?;
            env.worker("printers")
                .mock_activity(Work::note, |call| async move { Ok(call.input) })
                .start()?;
            let demand = start!(env, Demand::run, "an hour".to_owned());
            result!(demand);
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Demand>()
                .mock_activity(Work::note, |call| async move { Ok(call.input) })
                .start()?;
            let demand = start!(env, Demand::run, "an hour".to_owned());
            result!(demand);
            Ok(())
        });
}
