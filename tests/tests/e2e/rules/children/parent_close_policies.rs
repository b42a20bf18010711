//! Parent close policies: what happens to children when their parent closes.

use durasim::{History, prelude::*};
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType::{self, *};
use temporalio_sdk::{
    ChildWorkflowOptions, ContinueAsNewOptions, ParentClosePolicy, WorkflowContext, WorkflowResult,
    WorkflowTermination,
};

use super::{Counter, chain, failure, last, on, seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Policy {
    Default,
    Terminate,
    RequestCancel,
    Abandon,
}

const POLICIES: [Policy; 4] = [
    Policy::Default,
    Policy::Terminate,
    Policy::RequestCancel,
    Policy::Abandon,
];

/// The way in which a parent closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Close {
    Complete,
    Fail,
    Cancel,
    ContinueAsNew,
    /// The parent fails and is retried.
    Retry,
    /// The parent completes, and its cron schedule continues.
    Cron,
    /// The parent is terminated from outside.
    Terminate,
    TimeOut,
}

const CLOSES: [(Close, EventType); 8] = [
    (Close::Complete, WorkflowExecutionCompleted),
    (Close::Fail, WorkflowExecutionFailed),
    (Close::Cancel, WorkflowExecutionCanceled),
    (Close::ContinueAsNew, WorkflowExecutionContinuedAsNew),
    (Close::Retry, WorkflowExecutionFailed),
    (Close::Cron, WorkflowExecutionCompleted),
    (Close::Terminate, WorkflowExecutionTerminated),
    (Close::TimeOut, WorkflowExecutionTimedOut),
];

/// The plan of a parent and its child.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Plan {
    policy: Policy,
    close: Close,
    /// True if the parent lets its child start before it closes.
    waits_for_start: bool,
    /// True if the parent has a child at all.
    has_child: bool,
}

impl Plan {
    fn child_id(self) -> String {
        format!("{:?} {:?} child", self.policy, self.close)
    }

    fn options(self) -> ChildWorkflowOptions {
        let policy = match self.policy {
            Policy::Default => ParentClosePolicy::default(),
            Policy::Terminate => ParentClosePolicy::Terminate,
            Policy::RequestCancel => ParentClosePolicy::RequestCancel,
            Policy::Abandon => ParentClosePolicy::Abandon,
        };
        ChildWorkflowOptions::builder()
            .workflow_id(self.child_id())
            .parent_close_policy(policy)
            .build()
    }
}

#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<()> {
        // The next run has no child, which would disturb the test.
        if !plan.has_child || ctx.info().attempt() > 1 {
            ctx.timer(seconds(10_000)).await;
            return Ok(());
        }
        let child = ctx.start_child_workflow(Counter::run, (), plan.options());
        if plan.waits_for_start {
            child.await?;
            ctx.timer(seconds(5)).await;
        }
        match plan.close {
            Close::Complete | Close::Cron => Ok(()),
            Close::Fail | Close::Retry => Err(failure("Closing").into()),
            Close::Cancel => Err(WorkflowTermination::cancelled()),
            Close::ContinueAsNew => {
                ctx.continue_as_new(
                    Plan {
                        has_child: false,
                        ..plan
                    },
                    ContinueAsNewOptions::default(),
                )?;
                unreachable!("it has continued")
            }
            Close::Terminate | Close::TimeOut => {
                ctx.timer(seconds(10_000)).await;
                Ok(())
            }
        }
    }
}

/// Starts a parent, lets its first run close, and returns the history of that run.
async fn closed(env: &TestWorkflowEnvironment, plan: Plan) -> Result<History, TestError> {
    let id = format!("{:?} {:?}", plan.policy, plan.close);
    let mut options = on(&id);
    if plan.close == Close::Retry {
        options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(2).build());
    }
    if plan.close == Close::Cron {
        options.cron_schedule = Some("@every 60s".to_owned());
    }
    if plan.close == Close::TimeOut {
        options.run_timeout = Some(seconds(20));
    }
    let parent = env
        .client()
        .start_workflow(Parent::run, plan, options)
        .await?;
    env.sleep(seconds(if plan.close == Close::Cron { 70 } else { 30 }))
        .await;
    if plan.close == Close::Terminate {
        parent
            .terminate(WorkflowTerminateOptions::default())
            .await?;
        env.sleep(seconds(1)).await;
    }
    let first = chain(env, &id).swap_remove(0);
    let following = env.client().get_workflow_handle::<Parent>(id);
    // The following run is of no interest.
    following
        .terminate(WorkflowTerminateOptions::default())
        .await
        .ok();
    Ok(first)
}

#[workflow_test(core_replay = true)]
async fn the_parent_close_policy_applies_to_every_way_of_closing(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Parent>()
        .workflow::<Counter>()
        .start()?;
    for policy in POLICIES {
        for (close, how) in CLOSES {
            let plan = Plan {
                policy,
                close,
                waits_for_start: true,
                has_child: true,
            };
            let parent = closed(&env, plan).await?;
            assert_eq!(last(&parent), how, "{plan:?}");
            let child = env.history(plan.child_id());
            match policy {
                Policy::Default | Policy::Terminate => {
                    assert_eq!(last(&child), WorkflowExecutionTerminated, "{plan:?}");
                    let terminated = events!(child, WorkflowExecutionTerminatedEventAttributes);
                    assert_eq!(terminated[0].reason, "by parent close policy");
                }
                Policy::RequestCancel => {
                    assert_eq!(last(&child), WorkflowExecutionCanceled, "{plan:?}");
                    let requested = events!(child, WorkflowExecutionCancelRequestedEventAttributes);
                    let by = requested[0].external_workflow_execution.as_ref().unwrap();
                    assert_eq!(by.run_id, parent.run_id());
                }
                Policy::Abandon => {
                    let child = env.client().get_workflow_handle::<Counter>(plan.child_id());
                    child
                        .signal(Counter::finish, (), WorkflowSignalOptions::default())
                        .await?;
                    child
                        .get_result(WorkflowGetResultOptions::default())
                        .await?;
                }
            }
        }
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_child_that_has_not_started_when_its_parent_closes_never_starts(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Parent>()
        .workflow::<Counter>()
        .start()?;
    for policy in POLICIES {
        for close in [
            Close::Complete,
            Close::Fail,
            Close::Cancel,
            Close::ContinueAsNew,
            Close::Retry,
        ] {
            let plan = Plan {
                policy,
                close,
                waits_for_start: false,
                has_child: true,
            };
            let parent = closed(&env, plan).await?;
            assert!(
                parent
                    .event_types()
                    .contains(&StartChildWorkflowExecutionInitiated),
                "{plan:?}"
            );
            assert!(
                !parent
                    .event_types()
                    .contains(&ChildWorkflowExecutionStarted),
                "{plan:?}"
            );
            // The child's id is free: no run has it, abandoned or not.
            let child = env
                .client()
                .start_workflow(Counter::run, (), on(&plan.child_id()))
                .await?;
            child.terminate(WorkflowTerminateOptions::default()).await?;
        }
    }
    Ok(())
}

/// Starts a parent as its child.
#[workflow]
#[derive(Default)]
struct Grandparent;

#[workflow_methods]
impl Grandparent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let plan = Plan {
            policy: Policy::Terminate,
            close: Close::Terminate,
            waits_for_start: true,
            has_child: true,
        };
        let options = ChildWorkflowOptions::workflow_id("parent".to_owned());
        ctx.start_child_workflow(Parent::run, plan, options).await?;
        ctx.timer(seconds(60)).await;
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn a_terminated_child_terminates_its_own_children(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Grandparent>()
        .workflow::<Parent>()
        .workflow::<Counter>()
        .start()?;
    let one = env
        .client()
        .start_workflow(Grandparent::run, (), on("one"))
        .await?;
    one.get_result(WorkflowGetResultOptions::default()).await?;
    env.sleep(seconds(1)).await;
    assert_eq!(last(&env.history("parent")), WorkflowExecutionTerminated);
    assert_eq!(
        last(&env.history("Terminate Terminate child")),
        WorkflowExecutionTerminated
    );
    Ok(())
}
