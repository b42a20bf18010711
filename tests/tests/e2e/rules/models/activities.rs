//! Activities with every mixture of timeouts, delays, failures, heartbeats and cancellation.

use std::{collections::BTreeMap, sync::Arc};

use durasim::{ActivityCall, History, prelude::*};
use pretty_assertions::assert_eq;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::RetryState,
    failure::v1::{Failure, failure::FailureInfo},
    history::v1::history_event::Attributes,
};
use temporalio_sdk::{
    ActivityCancellationType, ApplicationFailure, WorkflowCancellationToken, WorkflowContext,
    WorkflowResult,
    activities::ActivityError,
    runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
};

use super::{
    Draws,
    activity_cases::{Attempt, Case, Closing, End, How, LATE_MS, case, closing},
};
use crate::rules::{
    activities::{Settings, Work},
    on, seconds,
};

/// Calls the activity and perhaps cancels it; waits until it has closed.
#[workflow]
#[derive(Default)]
struct Caller;

#[workflow_methods]
impl Caller {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        plan: (Settings, Option<u64>),
    ) -> WorkflowResult<()> {
        let (settings, cancelled_ms) = plan;
        let token = WorkflowCancellationToken::new();
        let mut options = settings.options();
        options.cancellation_type = ActivityCancellationType::WaitCancellationCompleted;
        options.cancellation_token = Some(token.clone());
        let activity = ctx.execute_activity(Work::work, (), options);
        if let Some(cancelled_ms) = cancelled_ms {
            ctx.timer(Duration::from_millis(cancelled_ms)).await;
            token.cancel();
        }
        activity.await.ok();
        Ok(())
    }
}

async fn attempt(call: ActivityCall<()>, attempt: Attempt) -> Result<String, ActivityError> {
    let sleep = |ms| tokio::time::sleep(Duration::from_millis(ms));
    let before = attempt
        .heartbeat_ms
        .filter(|it| *it < attempt.takes_ms)
        .unwrap_or(0);
    if before > 0 {
        sleep(before).await;
        call.record_heartbeat(&before);
    }
    sleep(attempt.takes_ms - before).await;
    match attempt.ends {
        End::Well => Ok("done".to_owned()),
        End::Badly {
            type_name,
            is_retryable,
            delay_ms,
        } => {
            let failure = ApplicationFailure::builder(format!("it was {type_name}"))
                .type_name(type_name.to_owned())
                .non_retryable(!is_retryable)
                .maybe_next_retry_delay(delay_ms.map(Duration::from_millis));
            Err(ActivityError::application(failure.build()))
        }
    }
}

/// Describes the kind of a failure.
fn kind(failure: &Failure) -> String {
    match failure.failure_info.as_ref() {
        Some(FailureInfo::ApplicationFailureInfo(info)) => info.r#type.clone(),
        Some(FailureInfo::TimeoutFailureInfo(info)) => format!("{:?}", info.timeout_type()),
        other => panic!("an unexpected failure: {other:?}"),
    }
}

/// Returns how the only activity of a run closed.
fn seen(history: &History) -> Option<Closing> {
    let mut scheduled_ms = 0;
    let mut started = None;
    let mut last_failure = None;
    for event in history.events() {
        let time = event.event_time.unwrap();
        let at_ms = u64::try_from(time.seconds * 1000 + i64::from(time.nanos) / 1_000_000).unwrap();
        let (how, retry_state) = match event.attributes.as_ref()? {
            Attributes::ActivityTaskScheduledEventAttributes(_) => {
                scheduled_ms = at_ms;
                continue;
            }
            Attributes::ActivityTaskStartedEventAttributes(it) => {
                started = Some((u32::try_from(it.attempt).unwrap(), at_ms - scheduled_ms));
                last_failure = it.last_failure.as_ref().map(kind);
                continue;
            }
            Attributes::ActivityTaskCompletedEventAttributes(_) => {
                (How::Completed, RetryState::Unspecified)
            }
            Attributes::ActivityTaskCanceledEventAttributes(_) => {
                (How::Canceled, RetryState::Unspecified)
            }
            Attributes::ActivityTaskFailedEventAttributes(it) => (How::Failed, it.retry_state()),
            Attributes::ActivityTaskTimedOutEventAttributes(it) => {
                let failure = it.failure.as_ref().unwrap();
                let Some(FailureInfo::TimeoutFailureInfo(info)) = &failure.failure_info else {
                    panic!("a timeout")
                };
                last_failure = failure.cause.as_deref().map(kind);
                (How::TimedOut(info.timeout_type()), it.retry_state())
            }
            _ => continue,
        };
        return Some(Closing {
            how,
            after_ms: at_ms - scheduled_ms,
            started,
            last_failure,
            retry_state,
        });
    }
    None
}

#[workflow_test(core_replay = true)]
async fn activities_with_random_options_close_as_the_model_says(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut draws = Draws(1);
    let mut cases: Vec<(Case, Closing)> = Vec::new();
    while cases.len() < 300 {
        let case = case(&mut draws);
        if let Some(closing) = closing(&case)
            && case
                .run_timeout
                .is_none_or(|run_timeout| closing.after_ms < run_timeout * 1000)
        {
            cases.push((case, closing));
        }
    }
    let attempts: Arc<Vec<Vec<Attempt>>> =
        Arc::new(cases.iter().map(|(it, _)| it.attempts.clone()).collect());
    let mock = move |call: ActivityCall<()>| {
        let number: usize = call.info().workflow_id.as_ref().unwrap().parse().unwrap();
        let mine = &attempts[number];
        let index = usize::try_from(call.attempt).unwrap().min(mine.len()) - 1;
        attempt(call, mine[index].clone())
    };
    // A slot for each: the model knows none.
    let slots = FixedSizeSlotSupplier::new(cases.len());
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(slots)
        .activity_task_slot_supplier(slots)
        .local_activity_task_slot_supplier(slots)
        .nexus_task_slot_supplier(slots)
        .build();
    env.worker("queue")
        .workflow::<Caller>()
        .mock_activity(Work::work, mock.clone())
        .tuner(tuner.clone())
        .start()?;
    for (number, (case, _)) in cases.iter().enumerate() {
        let mut options = on(&number.to_string());
        options.run_timeout = case.run_timeout.map(seconds);
        env.client()
            .start_workflow(
                Caller::run,
                (case.settings.clone(), case.cancelled_ms),
                options,
            )
            .await?;
    }
    env.sleep(Duration::from_millis(LATE_MS)).await;
    env.worker("late")
        .mock_activity(Work::work, mock)
        .tuner(tuner)
        .start()?;
    env.sleep(seconds(3600)).await;
    let mut ways: BTreeMap<String, u32> = BTreeMap::new();
    for (number, (case, closing)) in cases.iter().enumerate() {
        let seen = seen(&env.history(number.to_string().as_str()));
        assert_eq!(seen.as_ref(), Some(closing), "case {number}: {case:#?}");
        *ways
            .entry(format!("{:?} {:?}", closing.how, closing.retry_state))
            .or_default() += 1;
    }
    assert!(
        ways.len() >= 14,
        "some ways to close are missing: {ways:#?}"
    );
    Ok(())
}
