//! Tests whose failure has a cause that is not where it shows: the report names the cause.

#![allow(clippy::disallowed_methods, reason = "tasks of Tokio are the point")]

use durasim::{prelude::*, report::FailureReport};
use futures::{FutureExt, future::LocalBoxFuture};
use temporalio_client::UntypedSignal;
use temporalio_common::{
    UntypedActivity, UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    CancellableFuture, ChildWorkflowCancellationType, ChildWorkflowOptions, LocalActivityOptions,
    SignalWorkflowOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    common::{Greeter, Greetings},
    failing::report,
    on,
};

/// Waits to be told.
#[workflow]
#[derive(Default)]
struct Listener {
    told: bool,
}

#[workflow_methods]
impl Listener {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.wait_condition(|state| state.told).await?;
        Ok(())
    }

    #[signal]
    fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.told = true;
    }
}

/// Tells the listener, and closes in the same task.
#[workflow]
#[derive(Default)]
struct Teller;

#[workflow_methods]
impl Teller {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let listener = ctx.external_workflow("listener", None);
        drop(listener.signal(Listener::tell, (), SignalWorkflowOptions::default()));
        Ok(())
    }
}

/// Returns the report of a test that starts a listener, does something, and awaits the listener.
fn of_a_listener(
    then: fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>,
) -> FailureReport {
    report(move |env| {
        async move {
            env.worker("shop")
                .workflow::<Listener>()
                .workflow::<Teller>()
                .start()?;
            let options = WorkflowStartOptions::new("shop", "listener").build();
            let client = env.client();
            let listener = client.start_workflow(Listener::run, (), options).await?;
            then(env).await?;
            listener
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    })
}

#[test]
fn a_signal_asked_for_in_the_task_that_closed_its_sender_is_named() {
    insta::assert_snapshot!(of_a_listener(|env| {
        async move {
            env.client()
                .start_workflow(Teller::run, (), on("shop"))
                .await?;
            Ok(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_signal_that_nobody_handles_is_named_beside_the_one_awaited() {
    insta::assert_snapshot!(of_a_listener(|env| {
        async move {
            let listener = env
                .client()
                .get_workflow_handle::<UntypedWorkflow>("listener");
            let nothing = RawValue::from_value(&(), &PayloadConverter::default());
            let options = WorkflowSignalOptions::default();
            listener
                .signal(UntypedSignal::new("tel"), nothing, options)
                .await?;
            Ok(())
        }
        .boxed_local()
    }));
}

/// Cancels its child after the start was recorded and before the child has started: a local
/// activity that outlasts the workflow task lies between the two.
#[workflow]
#[derive(Default)]
struct Fickle;

#[workflow_methods]
impl Fickle {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        let mut options = ChildWorkflowOptions::workflow_id("child".to_owned());
        options.cancel_type = ChildWorkflowCancellationType::TryCancel;
        let child = ctx.start_child_workflow(Listener::run, (), options);
        let name = "you".to_owned();
        let long = LocalActivityOptions::default();
        ctx.execute_local_activity(Slow::greet, name, long).await?;
        child.cancel();
        Ok(child.await.is_ok())
    }
}

struct Slow;

#[activities]
impl Slow {
    #[activity]
    async fn greet(_ctx: ActivityContext, name: String) -> Result<String, ActivityError> {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Ok(name)
    }
}

#[test]
fn a_child_whose_start_was_cancelled_before_it_began_is_a_defect_of_the_sdk() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("shop")
                .workflow::<Listener>()
                .workflow::<Fickle>()
                .activity(Slow::greet)
                .start()?;
            let fickle = env
                .client()
                .start_workflow(Fickle::run, (), on("shop"))
                .await?;
            fickle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_mock_that_returns_another_type_is_named() {
    insta::assert_snapshot!(report(|env| {
        async move {
            let greet = UntypedActivity::new("Greetings::greet");
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(greet, |_| async {
                    Ok(RawValue::from_value(&7, &PayloadConverter::default()))
                })
                .start()?;
            crate::greets(&env).await
        }
        .boxed_local()
    }));
}

/// Awaits something outside the SDK.
#[workflow]
#[derive(Default)]
struct Outsider;

#[workflow_methods]
impl Outsider {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        match how.as_str() {
            "spawns" => {
                let _ = tokio::spawn(async {}).await;
            }
            "sleeps" => tokio::time::sleep(Duration::from_secs(1)).await,
            "joins" => {
                let timers = (1..=40).map(|seconds| ctx.timer(Duration::from_secs(seconds)));
                futures::future::join_all(timers).await;
            }
            other => unreachable!("{other}"),
        }
        Ok(())
    }
}

fn of_an_outsider(how: &'static str) -> FailureReport {
    report(move |env| {
        async move {
            env.worker("shop").workflow::<Outsider>().start()?;
            let outsider = env
                .client()
                .start_workflow(Outsider::run, how.to_owned(), on("shop"))
                .await?;
            outsider
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    })
}

#[test]
fn what_workflow_code_awaits_outside_the_sdk_is_named_with_its_line() {
    for how in ["spawns", "sleeps", "joins"] {
        insta::assert_snapshot!(how, of_an_outsider(how));
    }
}

#[test]
fn tokio_spawn_in_a_test_is_told_as_that() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("shop").workflow::<Listener>().start()?;
            let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
            let client = env.client();
            tokio::spawn(async move {
                let options = WorkflowStartOptions::new("shop", "listener").build();
                let listener = client.start_workflow(Listener::run, (), options).await;
                let listener = listener.expect("a workflow");
                let _ = listener
                    .get_result(WorkflowGetResultOptions::default())
                    .await;
                let _ = sender.send(());
            });
            receiver.await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_worker_that_cannot_start_is_reported_with_the_remedy_of_its_error() {
    insta::assert_snapshot!(
        "nothing",
        report(|env| {
            async move {
                env.worker("shop").start()?;
                Ok::<_, TestError>(())
            }
            .boxed_local()
        })
    );
    insta::assert_snapshot!(
        "twice",
        report(|env| {
            async move {
                env.worker("shop")
                    .workflow::<Listener>()
                    .workflow::<Listener>()
                    .start()?;
                Ok::<_, TestError>(())
            }
            .boxed_local()
        })
    );
    insta::assert_snapshot!(
        "no_instance",
        report(|env| {
            async move {
                env.worker("shop").activity(Greetings::greet).start()?;
                Ok::<_, TestError>(())
            }
            .boxed_local()
        })
    );
}
