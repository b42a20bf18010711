//! Cancellation of an activity: the service's part, and the moment when the workflow continues.

use std::future::Future;

use durasim::{ActivityCall, prelude::*};
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::{EventType, RetryState};
use temporalio_sdk::{
    ActivityCancellationType::{self, Abandon, TryCancel, WaitCancellationCompleted},
    ActivityExecutionError, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
    activities::ActivityError,
};

use super::{
    super::{on, seconds},
    BY_HAND, Settings, Work, fails, retry_state, take_attempt, takes,
};

/// The settings of the activity, the type of cancellation, and its time in seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(super) settings: Settings,
    pub(super) kind: ActivityCancellationType,
    pub(super) after: u64,
}

/// Cancels its activity after a while and reports how and when the activity ended.
#[workflow]
#[derive(Default)]
pub(crate) struct Cancelling;

#[workflow_methods]
impl Cancelling {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<String> {
        let began = ctx.workflow_time().expect("a task has a time");
        let token = WorkflowCancellationToken::new();
        let mut options = plan.settings.options();
        options.cancellation_type = plan.kind;
        options.cancellation_token = Some(token.clone());
        let activity = ctx.execute_activity(Work::work, (), options);
        if plan.after > 0 {
            ctx.timer(seconds(plan.after)).await;
        }
        token.cancel();
        let how = match activity.await {
            Ok(result) => result,
            Err(ActivityExecutionError::Cancelled(_)) => "cancelled".to_owned(),
            Err(_) => "failed".to_owned(),
        };
        let ended = ctx.workflow_time().expect("a task has a time");
        let passed = ended
            .duration_since(began)
            .map_or(0, |passed| passed.as_secs());
        Ok(format!("{how} after {passed} s"))
    }
}

/// Runs the workflow with this mock and returns its report.
async fn cancel<R>(
    env: &TestWorkflowEnvironment,
    plan: Plan,
    mock: impl Fn(ActivityCall<()>) -> R + Send + Sync + 'static,
) -> Result<String, TestError>
where
    R: Future<Output = Result<String, ActivityError>> + Send + 'static,
{
    env.worker("queue")
        .workflow::<Cancelling>()
        .mock_activity(Work::work, mock)
        .start()?;
    let handle = env
        .client()
        .start_workflow(Cancelling::run, plan, on("one"))
        .await?;
    Ok(handle
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

/// Returns the types of the events from the cancel request on.
fn since_request(env: &TestWorkflowEnvironment) -> Vec<EventType> {
    let types = env.history("one").event_types();
    let at = types
        .iter()
        .position(|kind| *kind == EventType::ActivityTaskCancelRequested);
    at.map_or_else(Vec::new, |at| types[at..].to_vec())
}

/// The events that follow the request if the activity is cancelled at once.
const CANCELED_AT_ONCE: [EventType; 6] = [
    EventType::ActivityTaskCancelRequested,
    EventType::ActivityTaskCanceled,
    EventType::WorkflowTaskScheduled,
    EventType::WorkflowTaskStarted,
    EventType::WorkflowTaskCompleted,
    EventType::WorkflowExecutionCompleted,
];

fn waiting(settings: Settings, after: u64) -> Plan {
    Plan {
        settings,
        kind: WaitCancellationCompleted,
        after,
    }
}

fn beating() -> Settings {
    Settings {
        start_to_close: Some(100),
        heartbeat: Some(5),
        ..Settings::default()
    }
}

/// Heartbeats each second until it is asked to stop, then stops.
async fn beats(call: ActivityCall<()>) -> Result<String, ActivityError> {
    for _ in 0..90 {
        if call.is_cancelled() {
            return Err(ActivityError::cancelled());
        }
        call.record_heartbeat(&());
        takes(1).await?;
    }
    takes(0).await
}

#[workflow_test(core_replay = true)]
async fn an_activity_that_no_worker_took_is_cancelled_at_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        task_queue: Some(BY_HAND.to_owned()),
        ..Settings::default()
    };
    assert_eq!(
        cancel(&env, waiting(settings, 7), |_| takes(0)).await?,
        "cancelled after 7 s"
    );
    assert_eq!(
        since_request(&env),
        CANCELED_AT_ONCE,
        "a new workflow task follows"
    );
    let canceled = events!(env.history("one"), ActivityTaskCanceledEventAttributes);
    assert_eq!(canceled[0].started_event_id, 0);
    let types = env.history("one").event_types();
    let request = types
        .iter()
        .position(|kind| *kind == EventType::ActivityTaskCancelRequested)
        .unwrap()
        + 1;
    assert_eq!(
        canceled[0].latest_cancel_requested_event_id,
        i64::try_from(request)?
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_activity_between_attempts_is_cancelled_at_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        initial_interval: Some(60),
        ..Settings::default()
    };
    assert_eq!(
        cancel(&env, waiting(settings, 7), |_| fails()).await?,
        "cancelled after 7 s"
    );
    assert_eq!(since_request(&env), CANCELED_AT_ONCE);
    env.sleep(Duration::from_mins(5)).await;
    assert_eq!(env.calls(Work::work).len(), 1, "no attempt follows");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_running_activity_learns_of_its_cancellation_only_from_a_heartbeat(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = cancel(&env, waiting(Settings::default(), 2), |call| async move {
        takes(8).await?;
        Ok(if call.is_cancelled() {
            "it knew"
        } else {
            "it never knew"
        }
        .to_owned())
    });
    assert_eq!(
        result.await?,
        "it never knew after 8 s",
        "it did not heartbeat"
    );
    let types = env.history("one").event_types();
    assert!(types.contains(&EventType::ActivityTaskCancelRequested));
    assert!(
        types.contains(&EventType::ActivityTaskCompleted),
        "the activity may complete all the same"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_heartbeat_returns_the_cancel_request_and_the_activity_may_end_canceled(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = cancel(&env, waiting(beating(), 10), beats).await?;
    // The worker sends heartbeats at most every four fifths of their timeout.
    assert!(
        ["10", "11", "12", "13", "14"]
            .iter()
            .any(|s| result == format!("cancelled after {s} s")),
        "{result}"
    );
    let canceled = events!(env.history("one"), ActivityTaskCanceledEventAttributes);
    assert!(canceled[0].started_event_id > 0);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_attempt_that_fails_after_the_cancel_request_is_not_retried(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let result = cancel(&env, waiting(Settings::default(), 2), |_| async {
        takes(5).await.and(fails().await)
    });
    assert_eq!(result.await?, "failed after 5 s");
    assert_eq!(env.calls(Work::work).len(), 1);
    assert_eq!(retry_state(&env), Some(RetryState::CancelRequested));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_attempt_that_times_out_after_the_cancel_request_is_not_retried(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(
        cancel(&env, waiting(Settings::default(), 2), |_| takes(60)).await?,
        "failed after 10 s"
    );
    assert_eq!(env.calls(Work::work).len(), 1);
    assert_eq!(retry_state(&env), Some(RetryState::CancelRequested));
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn try_cancel_continues_at_once_and_asks_the_activity_to_stop(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let plan = Plan {
        settings: beating(),
        kind: TryCancel,
        after: 10,
    };
    assert_eq!(cancel(&env, plan, beats).await?, "cancelled after 10 s");
    assert_eq!(
        since_request(&env),
        [
            EventType::ActivityTaskCancelRequested,
            EventType::WorkflowExecutionCompleted
        ],
        "the workflow does not wait for the response"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn wait_cancellation_completed_continues_when_the_activity_has_ended(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        start_to_close: Some(100),
        ..Settings::default()
    };
    assert_eq!(
        cancel(&env, waiting(settings, 10), |_| takes(77)).await?,
        "done after 77 s"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn abandon_continues_at_once_and_does_not_notify_the_activity(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let plan = Plan {
        settings: beating(),
        kind: Abandon,
        after: 10,
    };
    assert_eq!(cancel(&env, plan, beats).await?, "cancelled after 10 s");
    assert_eq!(
        since_request(&env),
        [],
        "the service gets no cancel request"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_activity_cancelled_in_the_task_that_schedules_it_is_never_scheduled(
    env: TestWorkflowEnvironment,
) -> TestResult {
    for kind in [TryCancel, WaitCancellationCompleted, Abandon] {
        let id = format!("{kind:?}");
        env.worker("queue")
            .workflow::<Cancelling>()
            .mock_activity(Work::work, |_| takes(5))
            .start()?;
        let plan = Plan {
            settings: Settings::default(),
            kind,
            after: 0,
        };
        let handle = env
            .client()
            .start_workflow(Cancelling::run, plan, on(&id))
            .await?;
        assert_eq!(
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            "cancelled after 0 s"
        );
        assert!(
            !env.history(&id)
                .event_types()
                .contains(&EventType::ActivityTaskScheduled),
            "{id}"
        );
    }
    Ok(())
}

/// The test takes this attempt itself and sends no heartbeat: the cancel request is still pending.
#[workflow_test(core_replay = true)]
async fn the_end_of_a_workflow_leaves_its_activities_running(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let settings = Settings {
        task_queue: Some(BY_HAND.to_owned()),
        ..Settings::default()
    };
    let plan = Plan {
        settings,
        kind: TryCancel,
        after: 5,
    };
    let taken = env.clone();
    let attempt =
        env.spawn(async move { take_attempt(&taken).await.map(|attempt| attempt.attempt) });
    assert_eq!(
        cancel(&env, plan, |_| takes(0)).await?,
        "cancelled after 5 s"
    );
    assert_eq!(attempt.await?, 1);
    env.sleep(Duration::from_mins(5)).await;
    assert_eq!(
        *env.history("one").event_types().last().unwrap(),
        EventType::WorkflowExecutionCompleted
    );
    Ok(())
}
