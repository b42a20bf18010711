//! Cancellation within a workflow: tokens and their groups, reasons, and clean-up.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_sdk::{
    ActivityCancellationType as Type, ActivityExecutionError, ActivityOptions, CancellableFuture,
    TimerOptions, TimerResult, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext,
    WorkflowResult, WorkflowTermination,
    activities::{ActivityContext, ActivityError},
    workflows::join,
};

use super::on;

struct Rooms;

#[activities]
impl Rooms {
    /// Cleans until it is cancelled, then takes two seconds to stop and reports how that went.
    #[activity]
    async fn clean(ctx: ActivityContext, room: String) -> Result<String, ActivityError> {
        for _ in 0..1000 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ctx.record_heartbeat(room.clone()).await?;
            if ctx.is_cancelled() {
                tokio::time::sleep(Duration::from_secs(2)).await;
                return Err(ActivityError::cancelled_with_details(room));
            }
        }
        Ok(format!("{room} is clean"))
    }

    #[activity]
    async fn tidy(_ctx: ActivityContext, room: String) -> Result<String, ActivityError> {
        Ok(format!("{room} is tidy"))
    }
}

fn cleaning(cancellation_type: Type) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_hours(1))
        .heartbeat_timeout(Duration::from_secs(5))
        .cancellation_type(cancellation_type)
        .build()
}

fn end(result: Result<String, ActivityExecutionError>) -> String {
    match result {
        Ok(result) => result,
        Err(error) if error.as_cancelled().is_some() => "cancelled".to_owned(),
        Err(error) => format!("{error}"),
    }
}

/// Reports how its cancelled activity ended, and after how many seconds.
#[workflow]
#[derive(Default)]
struct Cleaner;

#[workflow_methods]
impl Cleaner {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        cancellation_type: Type,
    ) -> WorkflowResult<(String, u64)> {
        let cleaning =
            ctx.execute_activity(Rooms::clean, "hall".to_owned(), cleaning(cancellation_type));
        ctx.timer(Duration::from_secs(30)).await;
        let asked = ctx.workflow_time();
        cleaning.cancel();
        let ended = end(cleaning.await);
        let waited = ctx
            .workflow_time()
            .zip(asked)
            .and_then(|(now, asked)| now.duration_since(asked).ok());
        Ok((ended, waited.unwrap_or_default().as_secs()))
    }
}

async fn cleans(
    env: &TestWorkflowEnvironment,
    cancellation_type: Type,
) -> TestResult<(String, u64)> {
    env.worker("queue")
        .workflow::<Cleaner>()
        .implementer(Rooms)
        .activity(Rooms::clean)
        .start()?;
    let cleaner = env
        .client()
        .start_workflow(Cleaner::run, cancellation_type, on("cleaner"))
        .await?;
    Ok(cleaner.get_result(Default::default()).await?)
}

feature! {
    [Cleaner]
    async fn try_cancel_does_not_wait_for_the_activity(env) {
        assert_eq!(cleans(&env, Type::TryCancel).await?.0, "cancelled");
        assert!(
            env.history("cleaner")
                .event_types()
                .contains(&EventType::ActivityTaskCancelRequested)
        );
        Ok(())
    }
}

feature! {
    /// The activity learns of its cancellation from a heartbeat and takes its time.
    [Cleaner]
    async fn wait_cancellation_completed_waits_for_the_activity(env) {
        let (ended, waited) = cleans(&env, Type::WaitCancellationCompleted).await?;
        assert_eq!(ended, "cancelled");
        // An activity that no worker has taken yet is cancelled at once, by the service itself.
        let is_recorded = env
            .history("cleaner")
            .event_types()
            .contains(&EventType::ActivityTaskStarted);
        assert!(waited >= 2 || !is_recorded, "{waited}");
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn an_activity_learns_of_its_cancellation_from_a_heartbeat(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (ended, waited) = cleans(&env, Type::WaitCancellationCompleted).await?;
    assert_eq!(ended, "cancelled");
    // Heartbeats are throttled to 80 % of their timeout, which is four seconds; stopping takes two
    // more.
    assert!((2..=6).contains(&waited), "{waited}");
    Ok(())
}

feature! {
    [Cleaner]
    async fn abandon_leaves_the_activity_running(env) {
        assert_eq!(cleans(&env, Type::Abandon).await?.0, "cancelled");
        assert!(
            !env.history("cleaner")
                .event_types()
                .contains(&EventType::ActivityTaskCancelRequested)
        );
        Ok(())
    }
}

/// Cancels activities and timers before they are sent: nothing ever starts.
#[workflow]
#[derive(Default)]
struct Hasty;

#[workflow_methods]
impl Hasty {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<(String, bool)> {
        let cleaning =
            ctx.execute_activity(Rooms::clean, "hall".to_owned(), cleaning(Type::TryCancel));
        let timer = ctx.timer(Duration::from_hours(1));
        cleaning.cancel();
        timer.cancel();
        Ok((end(cleaning.await), timer.await == TimerResult::Cancelled))
    }
}

feature! {
    [Hasty]
    async fn cancelled_before_it_is_sent(env) {
        env.worker("queue").workflow::<Hasty>().start()?;
        let hasty = env
            .client()
            .start_workflow(Hasty::run, (), on("hasty"))
            .await?;
        assert_eq!(
            hasty.get_result(Default::default()).await?,
            ("cancelled".to_owned(), true)
        );
        let types = env.history("hasty").event_types();
        assert!(
            !types.contains(&EventType::ActivityTaskScheduled)
                && !types.contains(&EventType::TimerStarted)
        );
        Ok(())
    }
}

/// The results of the parts of a group, and of work outside the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parts {
    activity: String,
    timer: bool,
    condition: Option<String>,
    outside: String,
    inner: (bool, Option<String>),
}

/// Cancels a group: everything with its token, and tokens that are its children.
#[workflow]
#[derive(Default)]
struct Groups;

#[workflow_methods]
impl Groups {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Parts> {
        let group = ctx.cancellation_token().child_token();
        let inner = group.child_token();
        let mut options = cleaning(Type::TryCancel);
        options.cancellation_token = Some(group.clone());
        let activity = ctx.execute_activity(Rooms::clean, "hall".to_owned(), options);
        let timer = ctx.timer(
            TimerOptions::builder(Duration::from_hours(1))
                .cancellation_token(inner.clone())
                .build(),
        );
        let condition = ctx.wait_condition_with_options(
            |_| false,
            WaitConditionOptions::builder()
                .cancellation_token(inner.clone())
                .build(),
        );
        let minute = ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
        let outside = ctx.execute_activity(Rooms::tidy, "hall".to_owned(), minute);
        ctx.timer(Duration::from_secs(10)).await;
        group.cancel_with_reason("enough");
        let (activity, timer, condition, outside) = join!(activity, timer, condition, outside);
        Ok(Parts {
            activity: end(activity),
            timer: timer == TimerResult::Cancelled,
            condition: condition
                .err()
                .and_then(|error| error.reason().map(ToOwned::to_owned)),
            outside: end(outside),
            inner: (inner.is_cancelled(), inner.reason()),
        })
    }
}

feature! {
    [Groups]
    async fn a_group_is_cancelled_together(env) {
        env.worker("queue")
            .workflow::<Groups>()
            .implementer(Rooms)
            .activity(Rooms::clean)
            .activity(Rooms::tidy)
            .start()?;
        let groups = env
            .client()
            .start_workflow(Groups::run, (), on("groups"))
            .await?;
        let expected = Parts {
            activity: "cancelled".to_owned(),
            timer: true,
            condition: Some("enough".to_owned()),
            outside: "hall is tidy".to_owned(),
            inner: (true, Some("enough".to_owned())),
        };
        assert_eq!(groups.get_result(Default::default()).await?, expected);
        Ok(())
    }
}

/// Is cancelled and cleans up with a token of its own.
#[workflow]
#[derive(Default)]
struct Careful;

#[workflow_methods]
impl Careful {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let Err(cancelled) = ctx.wait_condition(|_| false).await else {
            return Ok("never".to_owned());
        };
        let minute = || ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1));
        let inherited = ctx
            .execute_activity(Rooms::tidy, "hall".to_owned(), minute().build())
            .await;
        let detached = minute()
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        let tidied = ctx
            .execute_activity(Rooms::tidy, "hall".to_owned(), detached)
            .await?;
        let rest = TimerOptions::builder(Duration::from_secs(5))
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        ctx.timer(rest).await;
        let reason = cancelled.reason().unwrap_or("no reason");
        Err(WorkflowTermination::cancelled_with_details(format!(
            "{reason}, {}, {tidied}",
            end(inherited)
        )))
    }
}

feature! {
    [Careful]
    async fn clean_up_has_a_token_of_its_own(env) {
        env.worker("queue")
            .workflow::<Careful>()
            .implementer(Rooms)
            .activity(Rooms::tidy)
            .start()?;
        let careful = env
            .client()
            .start_workflow(Careful::run, (), on("careful"))
            .await?;
        env.sleep(Duration::from_secs(1)).await;
        careful
            .cancel(
                WorkflowCancelOptions::builder()
                    .reason("enough".to_owned())
                    .build(),
            )
            .await?;
        let end = careful.get_result(Default::default()).await;
        let Err(WorkflowGetResultError::Cancelled { details }) = end else {
            panic!("{end:?}")
        };
        let told = details.deserialize::<String>()?;
        assert_eq!(told, "enough, cancelled, hall is tidy");
        Ok(())
    }
}

/// Returns an error that comes from its own cancellation: it ends as cancelled, not as failed.
#[workflow]
#[derive(Default)]
struct Frank;

#[workflow_methods]
impl Frank {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        Ok(ctx
            .execute_activity(Rooms::clean, "hall".to_owned(), cleaning(Type::TryCancel))
            .await?)
    }
}

feature! {
    [Frank]
    async fn an_error_from_a_cancellation_is_no_failure(env) {
        env.worker("queue")
            .workflow::<Frank>()
            .implementer(Rooms)
            .activity(Rooms::clean)
            .start()?;
        let frank = env
            .client()
            .start_workflow(Frank::run, (), on("frank"))
            .await?;
        env.sleep(Duration::from_secs(10)).await;
        frank.cancel(Default::default()).await?;
        let end = frank.get_result(Default::default()).await;
        assert!(
            matches!(end, Err(WorkflowGetResultError::Cancelled { .. })),
            "{end:?}"
        );
        Ok(())
    }
}
