//! Parent close policies: each policy, for each way in which a parent closes.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_client::{WorkflowExecutionStatus, errors::WorkflowGetResultError};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ContinueAsNewOptions, ParentClosePolicy as Policy, WorkflowContext, WorkflowResult,
    WorkflowTermination,
};

use super::{Child, Does, broken, child};
use crate::features::on;

/// The way in which the parent closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Closing {
    Completes,
    Fails,
    IsRetried,
    ContinuesAsNew,
    IsCancelled,
    IsTerminated,
    TimesOut,
}

/// A policy that serializes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Then {
    Terminate,
    Abandon,
    RequestCancel,
}

/// Starts a child and closes a minute later.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (closing, then): (Closing, Then),
    ) -> WorkflowResult<()> {
        let is_first = ctx.info().continued_from_run_id().is_none();
        if !is_first {
            return Ok(());
        }
        let mut options = child("child");
        options.parent_close_policy = match then {
            Then::Terminate => Policy::Terminate,
            Then::Abandon => Policy::Abandon,
            Then::RequestCancel => Policy::RequestCancel,
        };
        // A token of its own, because the parent's own cancellation is not the subject here.
        options.cancellation_token = Some(temporalio_sdk::WorkflowCancellationToken::new());
        ctx.start_child_workflow(Child::run, Does::Wait, options)
            .await?;
        match closing {
            Closing::IsCancelled => {
                ctx.cancelled().await;
                return Err(WorkflowTermination::cancelled());
            }
            Closing::IsTerminated | Closing::TimesOut => ctx.wait_condition(|_| false).await?,
            _ => {}
        }
        ctx.timer(Duration::from_mins(1)).await;
        match closing {
            Closing::Fails | Closing::IsRetried => Err(broken()),
            Closing::ContinuesAsNew => Err(ctx
                .continue_as_new((closing, then), ContinueAsNewOptions::default())
                .unwrap_err()),
            _ => Ok(()),
        }
    }
}

async fn becomes(env: TestWorkflowEnvironment, closing: Closing, then: Then) -> TestResult {
    env.worker("queue")
        .workflow::<Parent>()
        .workflow::<Child>()
        .start()?;
    let client = env.client();
    let mut options = on("parent");
    if closing == Closing::IsRetried {
        options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(2).build());
    }
    if closing == Closing::TimesOut {
        options.run_timeout = Some(Duration::from_hours(2));
    }
    let parent = client
        .start_workflow(Parent::run, (closing, then), options)
        .await?;
    env.sleep(Duration::from_hours(1)).await;
    match closing {
        Closing::IsCancelled => parent.cancel(WorkflowCancelOptions::default()).await?,
        Closing::IsTerminated => {
            parent
                .terminate(WorkflowTerminateOptions::default())
                .await?;
        }
        _ => {}
    }
    let closed = parent.get_result(WorkflowGetResultOptions::default()).await;
    match closing {
        Closing::Completes | Closing::ContinuesAsNew | Closing::IsRetried => closed?,
        _ => assert!(closed.is_err(), "{closing:?}"),
    }

    let child = client.get_workflow_handle::<Child>("child");
    let ended = match then {
        Then::Abandon => {
            env.sleep(Duration::from_hours(1)).await;
            let described = child.describe(WorkflowDescribeOptions::default()).await?;
            assert_eq!(described.status(), WorkflowExecutionStatus::Running);
            child
                .signal(
                    Child::tell,
                    "orphan".to_owned(),
                    WorkflowSignalOptions::default(),
                )
                .await?;
            child.get_result(WorkflowGetResultOptions::default()).await
        }
        _ => child.get_result(WorkflowGetResultOptions::default()).await,
    };
    match then {
        Then::Abandon => assert_eq!(ended?, "orphan"),
        Then::Terminate => {
            assert!(
                matches!(ended, Err(WorkflowGetResultError::Terminated { .. })),
                "{ended:?}"
            );
        }
        Then::RequestCancel => {
            assert!(
                matches!(ended, Err(WorkflowGetResultError::Cancelled { .. })),
                "{ended:?}"
            );
        }
    }
    Ok(())
}

macro_rules! each_policy {
    ($($module:ident: $closing:ident),+ $(,)?) => {
        $(
            mod $module {
                use super::*;

                feature! {
                    [Parent, Child]
                    async fn its_child_is_terminated(env) {
                        becomes(env, Closing::$closing, Then::Terminate).await
                    }
                }

                feature! {
                    [Parent, Child]
                    async fn its_child_is_abandoned(env) {
                        becomes(env, Closing::$closing, Then::Abandon).await
                    }
                }

                feature! {
                    [Parent, Child]
                    async fn its_child_is_asked_to_cancel(env) {
                        becomes(env, Closing::$closing, Then::RequestCancel).await
                    }
                }
            }
        )+
    };
}

each_policy! {
    a_parent_completes: Completes,
    a_parent_fails: Fails,
    a_parent_is_retried: IsRetried,
    a_parent_continues_as_new: ContinuesAsNew,
    a_parent_is_cancelled: IsCancelled,
    a_parent_is_terminated: IsTerminated,
    a_parent_times_out: TimesOut,
}
