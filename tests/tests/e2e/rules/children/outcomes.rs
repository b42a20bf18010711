//! Starts and ends of a child, as its parent learns of them.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::{
        EventType::{self, *},
        RetryState, StartChildWorkflowExecutionFailedCause,
    },
    failure::v1::{Failure, failure::FailureInfo},
};
use temporalio_sdk::{
    ChildWorkflowOptions, ContinueAsNewOptions, WorkflowContext, WorkflowIdReusePolicy,
    WorkflowResult,
};

use super::{Counter, chain, failure, last, on, seconds, started};

/// The behaviour of a child.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ChildPlan {
    takes: u64,
    /// The first attempt that does not fail.
    succeeds_at: u32,
    /// The number of times that the child continues as new first.
    continues: u32,
}

#[workflow]
#[derive(Default)]
struct Child;

#[workflow_methods]
impl Child {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, plan: ChildPlan) -> WorkflowResult<String> {
        ctx.timer(seconds(plan.takes)).await;
        if ctx.cancellation_token().is_cancelled() {
            return Err(temporalio_sdk::WorkflowTermination::cancelled());
        }
        if plan.continues > 0 {
            let next = ChildPlan {
                continues: plan.continues - 1,
                ..plan
            };
            ctx.continue_as_new(next, ContinueAsNewOptions::default())?;
        }
        let attempt = ctx.info().attempt();
        if attempt < plan.succeeds_at {
            return Err(failure("Busy").into());
        }
        Ok(format!("attempt {attempt}"))
    }
}

/// The options of a parent's child.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Plan {
    child: ChildPlan,
    run_timeout: Option<u64>,
    maximum_attempts: Option<u32>,
    cron: Option<String>,
    terminates_running: bool,
}

/// Starts a child and returns the child's result.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<String> {
        let retry_policy = plan
            .maximum_attempts
            .map(|attempts| RetryPolicy::builder().maximum_attempts(attempts).build());
        let reuse = if plan.terminates_running {
            WorkflowIdReusePolicy::TerminateIfRunning
        } else {
            WorkflowIdReusePolicy::default()
        };
        let options = ChildWorkflowOptions::builder()
            .workflow_id("child".to_owned())
            .maybe_run_timeout(plan.run_timeout.map(seconds))
            .maybe_retry_policy(retry_policy)
            .maybe_cron_schedule(plan.cron)
            .id_reuse_policy(reuse)
            .build();
        let child = ctx
            .start_child_workflow(Child::run, plan.child, options)
            .await?;
        Ok(child.result().await?)
    }
}

/// Starts the parent.
async fn start(env: &TestWorkflowEnvironment, plan: Plan) -> TestResult {
    env.worker("queue")
        .workflow::<Parent>()
        .workflow::<Child>()
        .workflow::<Counter>()
        .start()?;
    env.client()
        .start_workflow(Parent::run, plan, on("parent"))
        .await?;
    env.sleep(seconds(1)).await;
    Ok(())
}

/// Runs the parent to its end and returns its result or failure.
async fn ended(env: &TestWorkflowEnvironment) -> Result<String, Failure> {
    let parent = env.client().get_workflow_handle::<Parent>("parent");
    let result = parent.get_result(WorkflowGetResultOptions::default()).await;
    result.map_err(|_| {
        events!(
            env.history("parent"),
            WorkflowExecutionFailedEventAttributes
        )
        .remove(0)
        .failure
        .unwrap()
    })
}

/// Returns the types of the parent's events about its child.
fn told(env: &TestWorkflowEnvironment) -> Vec<EventType> {
    let types = env.history("parent").event_types();
    types
        .into_iter()
        .filter(|kind| kind.as_str_name().contains("CHILD"))
        .collect()
}

#[workflow_test(core_replay = true)]
async fn a_child_is_initiated_then_started_then_closed(env: TestWorkflowEnvironment) -> TestResult {
    start(
        &env,
        Plan {
            child: ChildPlan {
                takes: 60,
                ..ChildPlan::default()
            },
            ..Plan::default()
        },
    )
    .await?;
    assert_eq!(
        told(&env),
        [
            StartChildWorkflowExecutionInitiated,
            ChildWorkflowExecutionStarted
        ]
    );
    assert_eq!(ended(&env).await.as_deref(), Ok("attempt 1"));
    assert_eq!(
        told(&env),
        [
            StartChildWorkflowExecutionInitiated,
            ChildWorkflowExecutionStarted,
            ChildWorkflowExecutionCompleted
        ]
    );
    let child = started(&env.history("child"));
    assert_eq!(
        child.parent_workflow_execution.unwrap().workflow_id,
        "parent"
    );
    assert_eq!(child.root_workflow_execution.unwrap().workflow_id, "parent");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_child_whose_id_is_running_does_not_start(env: TestWorkflowEnvironment) -> TestResult {
    env.client()
        .start_workflow(Counter::run, (), on("child"))
        .await?;
    start(&env, Plan::default()).await?;
    let failure = ended(&env).await.unwrap_err();
    assert!(
        failure.message.contains("cause=WorkflowAlreadyExists"),
        "{failure:?}"
    );
    assert_eq!(
        told(&env),
        [
            StartChildWorkflowExecutionInitiated,
            StartChildWorkflowExecutionFailed
        ]
    );
    let failed = events!(
        env.history("parent"),
        StartChildWorkflowExecutionFailedEventAttributes
    );
    assert_eq!(
        failed[0].cause(),
        StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_child_may_terminate_the_run_that_has_its_id(env: TestWorkflowEnvironment) -> TestResult {
    let running = env
        .client()
        .start_workflow(Counter::run, (), on("child"))
        .await?;
    start(
        &env,
        Plan {
            terminates_running: true,
            ..Plan::default()
        },
    )
    .await?;
    assert_eq!(ended(&env).await.as_deref(), Ok("attempt 1"));
    assert!(
        running
            .get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_that_its_child_failed(env: TestWorkflowEnvironment) -> TestResult {
    start(
        &env,
        Plan {
            child: ChildPlan {
                succeeds_at: 2,
                ..ChildPlan::default()
            },
            ..Plan::default()
        },
    )
    .await?;
    let failure = ended(&env).await.unwrap_err();
    let Some(FailureInfo::ChildWorkflowExecutionFailureInfo(info)) = &failure.failure_info else {
        panic!("{failure:?}");
    };
    assert_eq!(
        info.workflow_execution.as_ref().unwrap().workflow_id,
        "child"
    );
    assert_eq!(info.retry_state(), RetryState::RetryPolicyNotSet);
    assert_eq!(failure.cause.unwrap().message, "it was Busy");
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionFailed]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_that_its_child_was_canceled(env: TestWorkflowEnvironment) -> TestResult {
    start(
        &env,
        Plan {
            child: ChildPlan {
                takes: 60,
                ..ChildPlan::default()
            },
            ..Plan::default()
        },
    )
    .await?;
    env.client()
        .get_workflow_handle::<Child>("child")
        .cancel(WorkflowCancelOptions::default())
        .await?;
    ended(&env).await.unwrap_err();
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionCanceled]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_that_its_child_was_terminated(env: TestWorkflowEnvironment) -> TestResult {
    start(
        &env,
        Plan {
            child: ChildPlan {
                takes: 60,
                ..ChildPlan::default()
            },
            ..Plan::default()
        },
    )
    .await?;
    env.client()
        .get_workflow_handle::<Child>("child")
        .terminate(WorkflowTerminateOptions::default())
        .await?;
    ended(&env).await.unwrap_err();
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionTerminated]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_that_its_child_timed_out(env: TestWorkflowEnvironment) -> TestResult {
    let child = ChildPlan {
        takes: 60,
        ..ChildPlan::default()
    };
    start(
        &env,
        Plan {
            child,
            run_timeout: Some(10),
            ..Plan::default()
        },
    )
    .await?;
    ended(&env).await.unwrap_err();
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionTimedOut]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_only_of_the_last_attempt_of_its_child(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let child = ChildPlan {
        takes: 5,
        succeeds_at: 3,
        ..ChildPlan::default()
    };
    start(
        &env,
        Plan {
            child,
            maximum_attempts: Some(5),
            ..Plan::default()
        },
    )
    .await?;
    assert_eq!(ended(&env).await.as_deref(), Ok("attempt 3"));
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionCompleted]);
    assert_eq!(chain(&env, "child").len(), 3);
    let completed = events!(
        env.history("parent"),
        ChildWorkflowExecutionCompletedEventAttributes
    );
    let run_id = &completed[0].workflow_execution.as_ref().unwrap().run_id;
    assert_eq!(
        run_id,
        env.history("child").run_id(),
        "the event names the last run"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_that_its_child_has_no_attempt_left(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let child = ChildPlan {
        takes: 60,
        succeeds_at: 9,
        ..ChildPlan::default()
    };
    start(
        &env,
        Plan {
            child,
            maximum_attempts: Some(3),
            run_timeout: Some(10),
            ..Plan::default()
        },
    )
    .await?;
    ended(&env).await.unwrap_err();
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionTimedOut]);
    let timed_out = events!(
        env.history("parent"),
        ChildWorkflowExecutionTimedOutEventAttributes
    );
    assert_eq!(
        timed_out[0].retry_state(),
        RetryState::MaximumAttemptsReached
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_only_of_the_last_run_of_a_continued_child(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let child = ChildPlan {
        takes: 5,
        continues: 3,
        ..ChildPlan::default()
    };
    start(
        &env,
        Plan {
            child,
            ..Plan::default()
        },
    )
    .await?;
    assert_eq!(ended(&env).await.as_deref(), Ok("attempt 1"));
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionCompleted]);
    let runs = chain(&env, "child");
    assert_eq!(runs.len(), 4);
    for run in &runs {
        assert_eq!(
            started(run).parent_workflow_execution.unwrap().workflow_id,
            "parent",
            "each run knows its parent"
        );
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_parent_learns_nothing_of_a_cron_child_until_its_schedule_ends(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let child = ChildPlan {
        takes: 5,
        ..ChildPlan::default()
    };
    start(
        &env,
        Plan {
            child,
            cron: Some("* * * * *".to_owned()),
            ..Plan::default()
        },
    )
    .await?;
    env.sleep(seconds(200)).await;
    assert_eq!(told(&env).len(), 2);
    assert_eq!(chain(&env, "child").len(), 4);
    env.client()
        .get_workflow_handle::<Child>("child")
        .terminate(WorkflowTerminateOptions::default())
        .await?;
    ended(&env).await.unwrap_err();
    assert_eq!(told(&env)[2..], [ChildWorkflowExecutionTerminated]);
    assert_eq!(last(&env.history("parent")), WorkflowExecutionFailed);
    Ok(())
}
