//! The ways in which a child ends, as its parent learns of them.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ChildWorkflowOptions, WorkflowContext, WorkflowResult};

use super::{Child, Does, child, end};
use crate::features::on;

/// Starts one child and returns how the child ended.
#[workflow]
#[derive(Default)]
struct Parent;

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    does: Does,
    run_timeout: Option<Duration>,
    attempts: u32,
}

fn order(does: Does) -> Order {
    Order {
        does,
        run_timeout: None,
        attempts: 1,
    }
}

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        let mut options: ChildWorkflowOptions = child("child");
        options.run_timeout = order.run_timeout;
        if order.attempts != 1 {
            options.retry_policy = Some(
                RetryPolicy::builder()
                    .maximum_attempts(order.attempts)
                    .build(),
            );
        }
        let child = ctx
            .start_child_workflow(Child::run, order.does, options)
            .await?;
        Ok(end(child.result().await))
    }
}

async fn hears(env: TestWorkflowEnvironment, order: Order, expected: &str) -> TestResult {
    env.worker("queue")
        .workflow::<Parent>()
        .workflow::<Child>()
        .start()?;
    let parent = env
        .client()
        .start_workflow(Parent::run, order, on("parent"))
        .await?;
    env.observe_result(&parent);
    assert_eq!(
        parent
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        expected
    );
    Ok(())
}

feature! {
    [Parent, Child]
    async fn it_completes(env) {
        hears(env, order(Does::Complete), "completed: done in attempt 1").await
    }
}

feature! {
    [Parent, Child]
    async fn it_fails(env) {
        hears(
            env,
            order(Does::Fail),
            "failed: the child broke (Broken), RetryPolicyNotSet",
        )
        .await
    }
}

feature! {
    [Parent, Child]
    async fn it_times_out(env) {
        let order = Order {
            run_timeout: Some(Duration::from_secs(30)),
            ..order(Does::Wait)
        };
        hears(env, order, "timed out: StartToClose, RetryPolicyNotSet").await
    }
}

feature! {
    /// The parent learns of the last run only.
    [Parent, Child]
    async fn it_completes_as_another_run(env) {
        hears(
            env,
            order(Does::ContinueAsNew),
            "completed: done in attempt 1",
        )
        .await
    }
}

feature! {
    [Parent, Child]
    async fn it_fails_as_another_run(env) {
        let expected = "failed: the child broke (Broken), RetryPolicyNotSet";
        hears(env, order(Does::ContinueAsNewAndFail), expected).await
    }
}

feature! {
    [Parent, Child]
    async fn it_completes_after_retries(env) {
        hears(
            env,
            Order {
                attempts: 3,
                ..order(Does::FailTwice)
            },
            "completed: done in attempt 3",
        )
        .await
    }
}

feature! {
    [Parent, Child]
    async fn it_fails_in_its_last_attempt(env) {
        let expected = "failed: the child broke (Broken), MaximumAttemptsReached";
        hears(
            env,
            Order {
                attempts: 2,
                ..order(Does::FailTwice)
            },
            expected,
        )
        .await
    }
}

feature! {
    [Parent, Child]
    async fn every_attempt_times_out(env) {
        let order = Order {
            run_timeout: Some(Duration::from_secs(30)),
            attempts: 2,
            ..order(Does::Wait)
        };
        hears(
            env,
            order,
            "timed out: StartToClose, MaximumAttemptsReached",
        )
        .await
    }
}

feature! {
    [Parent, Child]
    async fn it_is_terminated(env) {
        env.worker("queue")
            .workflow::<Parent>()
            .workflow::<Child>()
            .start()?;
        let client = env.client();
        let parent = client
            .start_workflow(Parent::run, order(Does::Wait), on("parent"))
            .await?;
        env.sleep(Duration::from_hours(1)).await;
        client
            .get_workflow_handle::<Child>("child")
            .terminate(WorkflowTerminateOptions::default())
            .await?;
        assert_eq!(
            parent
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            "terminated"
        );
        Ok(())
    }
}

feature! {
    [Parent, Child]
    async fn somebody_else_cancels_it(env) {
        env.worker("queue")
            .workflow::<Parent>()
            .workflow::<Child>()
            .start()?;
        let client = env.client();
        let parent = client
            .start_workflow(Parent::run, order(Does::Wait), on("parent"))
            .await?;
        env.sleep(Duration::from_hours(1)).await;
        client
            .get_workflow_handle::<Child>("child")
            .cancel(WorkflowCancelOptions::default())
            .await?;
        assert_eq!(
            parent
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            "cancelled"
        );
        Ok(())
    }
}
