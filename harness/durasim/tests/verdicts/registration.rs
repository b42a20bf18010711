//! Tests in which a workflow or an activity is not registered.

use durasim::{prelude::*, report::FailureCode};
use futures::FutureExt;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};

use crate::{
    Broken,
    common::{Greeter, Greetings, Patience},
    failing::{failure, report},
    greets, on,
};

/// Calls an activity that has a minute.
#[workflow]
#[derive(Default)]
struct InTime;

#[workflow_methods]
impl InTime {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::schedule_to_close_timeout(Duration::from_mins(1));
        Ok(ctx.execute_activity(Broken::panics, (), options).await?)
    }
}

#[test]
fn a_wrong_task_queue_is_reported_with_the_right_one() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greeting").workflow::<Greeter>().start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

#[test]
fn a_worker_without_any_activity_lacks_the_one_that_is_called() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings").workflow::<Greeter>().start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

/// The activity may wait for a worker no longer than this, so that the run is not stuck.
#[test]
fn an_activity_that_times_out_for_want_of_a_worker_is_unregistered() {
    for elsewhere in [false, true] {
        let report = report(move |env| {
            async move {
                env.worker("printers").workflow::<InTime>().start()?;
                if elsewhere {
                    env.worker("presses").activity(Broken::panics).start()?;
                }
                let handle = env
                    .client()
                    .start_workflow(InTime::run, (), on("printers"))
                    .await?;
                handle
                    .get_result(WorkflowGetResultOptions::default())
                    .await?;
                Ok::<_, TestError>(())
            }
            .boxed_local()
        });
        insta::assert_snapshot!(report);
    }
}

#[test]
fn an_unpolled_activity_does_not_explain_another_failure() {
    let failure = failure(|env| {
        async move {
            env.worker("printers").workflow::<InTime>().start()?;
            let handle = env
                .client()
                .start_workflow(InTime::run, (), on("printers"))
                .await?;
            assert!(
                handle
                    .get_result(WorkflowGetResultOptions::default())
                    .await
                    .is_ok(),
                "no paper"
            );
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Panic, "{failure}");
}

#[test]
fn a_worker_without_any_workflow_lacks_the_one_that_is_started() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings")
                .mock_activity(Greetings::greet, |call| async move { Ok(call.input) })
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

#[test]
fn a_workflow_that_only_some_workers_of_a_queue_have_is_unregistered() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings").workflow::<Patience>().start()?;
            env.worker("greetings").workflow::<Greeter>().start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}
