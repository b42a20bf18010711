//! Children, cancellation, other workflows, and what the SDK itself does wrong.

use durasim::prelude::*;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, ParentClosePolicy, SignalWorkflowOptions,
    SyncWorkflowContext, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
    WorkflowTermination,
};

use crate::{
    shop::{HOUR, Work, briefly, result, start},
    table::mistakes,
};

/// Waits for an hour, and returns.
#[workflow]
#[derive(Default)]
struct Child;

#[workflow_methods]
impl Child {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.timer(HOUR).await;
        Ok(())
    }

    #[signal]
    fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {}
}

/// Starts a child, as its input says.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        let mut options = ChildWorkflowOptions::workflow_id("child-1".to_owned());
        if how == "abandons" {
            options.parent_close_policy = ParentClosePolicy::Abandon;
        }
        let starting = ctx.start_child_workflow(Child::run, (), options);
        match how.as_str() {
            "forgets" => drop(starting),
            "twice" => {
                let first = starting.await?;
                let again = ChildWorkflowOptions::workflow_id("child-1".to_owned());
                ctx.start_child_workflow(Child::run, (), again).await?;
                first.result().await?;
            }
            "twice, one after the other" => {
                starting.await?.result().await?;
                let again = ChildWorkflowOptions::workflow_id("child-1".to_owned());
                ctx.start_child_workflow(Child::run, (), again)
                    .await?
                    .result()
                    .await?;
            }
            _ => drop(starting.await?),
        }
        Ok(())
    }
}

/// Waits, and cleans up when it is cancelled, as its input says.
#[workflow]
#[derive(Default)]
struct Booking;

#[workflow_methods]
impl Booking {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        let cancelled = ctx.wait_condition(|_| false).await.is_err();
        let options = match how.as_str() {
            "cleans up in vain" => briefly(),
            _ => ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
                .cancellation_token(WorkflowCancellationToken::new())
                .build(),
        };
        let cleaned = ctx
            .execute_activity(Work::note, "room 7 is free", options)
            .await;
        match how.as_str() {
            "swallows it" => Ok(()),
            _ if cancelled => Err(WorkflowTermination::cancelled()),
            _ => {
                cleaned?;
                Ok(())
            }
        }
    }
}

/// Signals another workflow, as its input says.
#[workflow]
#[derive(Default)]
struct Sender;

#[workflow_methods]
impl Sender {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        let nobody = ctx.external_workflow("nobody", None);
        let sent = nobody.signal(Child::tell, (), SignalWorkflowOptions::default());
        match how.as_str() {
            "unwraps" => sent.await.unwrap(), // <- a_signal_to_nobody_is_unwrapped
            "awaits later" => {
                ctx.timer(Duration::from_mins(1)).await;
                drop(sent.await);
            }
            _ => drop(sent.await),
        }
        Ok(())
    }
}

/// Runs a parent, and asks for the result of its child.
async fn parent(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Parent>()
        .workflow::<Child>()
        .start()?;
    let parent = start!(env, Parent::run, how.to_owned());
    result!(parent); // <- a_child_has_the_id_of_another
    if !how.starts_with("twice") {
        env.history("child-1"); // <- a_child_is_forgotten
        let child = env.client().get_workflow_handle::<Child>("child-1");
        result!(child); // <- a_child_ends_with_its_parent
    }
    Ok(())
}

/// Cancels a booking, whose room must be free again.
async fn cancels(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Booking>()
        .mock_activity(Work::note, |call| async move { Ok(call.input) })
        .times(1) // <- a_cleanup_is_cancelled_too
        .start()?;
    let booking = start!(env, Booking::run, how.to_owned());
    env.sleep(HOUR).await;
    booking.cancel(WorkflowCancelOptions::default()).await?;
    let ended = booking
        .get_result(WorkflowGetResultOptions::default())
        .await;
    assert!(ended.is_err(), "not cancelled"); // <- a_cancellation_is_swallowed
    Ok(())
}

/// Runs a sender, which may be cancelled.
async fn sends(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop").workflow::<Sender>().start()?;
    let sender = start!(env, Sender::run, how.to_owned());
    if how == "awaits later" {
        env.sleep(Duration::from_secs(1)).await;
        sender.cancel(WorkflowCancelOptions::default()).await?;
    }
    result!(sender);
    Ok(())
}

mistakes! {
    a_child_ends_with_its_parent: "DS002" says ["terminated"]
        wrong |env| Box::pin(parent(env, "ends")),
        mended |env| Box::pin(parent(env, "abandons"));
    a_child_is_forgotten: "DS001" says ["there is no workflow with id \"child-1\""]
        wrong |env| Box::pin(parent(env, "forgets")),
        mended |env| Box::pin(parent(env, "abandons"));
    a_child_has_the_id_of_another: "DS002" says ["child-1"]
        wrong |env| Box::pin(parent(env, "twice")),
        mended |env| Box::pin(parent(env, "twice, one after the other"));
    a_request_is_never_awaited: "DS003" says [
        "Booking w-1",
        "send or start what is missing, or bound the wait",
    ]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Booking>().start()?;
            let booking = start!(env, Booking::run, String::new());
            drop(booking.cancel(WorkflowCancelOptions::default())); // no `.await`
            drop(booking.get_result(WorkflowGetResultOptions::default()).await);
            Ok(())
        }),
        mended |env| Box::pin(cancels(env, "cleans up"));
    a_cancellation_is_swallowed: "DS001" says ["not cancelled"]
        wrong |env| Box::pin(cancels(env, "swallows it")),
        mended |env| Box::pin(cancels(env, "cleans up"));
    a_cleanup_is_cancelled_too: "DS109" says ["the mock of Work::note was never called"]
        wrong |env| Box::pin(cancels(env, "cleans up in vain")),
        mended |env| Box::pin(cancels(env, "cleans up"));
    a_signal_to_nobody_is_unwrapped: "DS006" says ["return an error to fail the workflow"]
        wrong |env| Box::pin(sends(env, "unwraps")),
        mended |env| Box::pin(sends(env, "ignores it"));
    a_failed_signal_is_cancelled: "DS201" says [
        "cancels something that is over already",
        "The workflow is sound",
    ]
        wrong |env| Box::pin(sends(env, "awaits later")),
        mended |env| Box::pin(sends(env, "ignores it"));
}
