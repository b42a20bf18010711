//! Workflow tasks that fail or time out.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::{
    EventType::{self, *},
    TaskQueueKind, TimeoutType,
};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

use super::super::{
    by_hand::{by_hand, complete_task, fail_task, start, take_task, types_of},
    on, seconds_since,
};

/// The first events of a run whose first task has failed.
const FAILED_ONCE: [EventType; 4] = [
    WorkflowExecutionStarted,
    WorkflowTaskScheduled,
    WorkflowTaskStarted,
    WorkflowTaskFailed,
];

#[workflow_test]
async fn a_workflow_task_has_ten_seconds_by_default(env: TestWorkflowEnvironment) -> TestResult {
    for (task_timeout, run_timeout, has) in [
        (None, None, 10),
        (Some(3), None, 3),
        (Some(500), None, 120),
        (Some(7), Some(600), 7),
        (None, Some(4), 4),
    ] {
        let id = format!("{task_timeout:?} {run_timeout:?}");
        let mut options = by_hand(&id);
        options.task_timeout = task_timeout.map(Duration::from_secs);
        options.run_timeout = run_timeout.map(Duration::from_secs);
        start(&env, options).await?;
        let task = take_task(&env).await?;
        let scheduled = events!(env.history(&id), WorkflowTaskScheduledEventAttributes);
        assert_eq!(
            scheduled[0].start_to_close_timeout.unwrap().seconds,
            has,
            "{id}"
        );
        complete_task(&env, &task, Vec::new()).await?;
    }
    Ok(())
}

#[workflow_test]
async fn a_task_that_is_not_answered_times_out(env: TestWorkflowEnvironment) -> TestResult {
    start(&env, by_hand("one")).await?;
    take_task(&env).await?;
    let began = env.now();
    assert_eq!(take_task(&env).await?.attempt, 2);
    assert_eq!(seconds_since(&env, began), 10);
    let timed_out = events!(env.history("one"), WorkflowTaskTimedOutEventAttributes);
    assert_eq!(timed_out[0].timeout_type(), TimeoutType::StartToClose);
    Ok(())
}

#[workflow_test]
async fn later_attempts_of_a_task_are_sent_but_not_written(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start(&env, by_hand("one")).await?;
    for attempt in 1..=4 {
        let task = take_task(&env).await?;
        assert_eq!(task.attempt, attempt);
        let types = types_of(&task);
        assert_eq!(
            types[types.len() - 2..],
            [WorkflowTaskScheduled, WorkflowTaskStarted]
        );
        assert_eq!(types.len(), if attempt == 1 { 3 } else { 6 });
        let events = &task.history.as_ref().unwrap().events;
        let in_place = events
            .iter()
            .zip(1..)
            .all(|(event, id)| event.event_id == id);
        assert!(
            in_place,
            "the events have the ids that they would have in history"
        );
        fail_task(&env, &task).await?;
        assert_eq!(
            env.history("one").event_types(),
            FAILED_ONCE,
            "later failures write no events"
        );
    }
    Ok(())
}

#[workflow_test]
async fn a_completed_task_is_written_with_its_attempt(env: TestWorkflowEnvironment) -> TestResult {
    start(&env, by_hand("one")).await?;
    for _ in 0..2 {
        fail_task(&env, &take_task(&env).await?).await?;
    }
    complete_task(&env, &take_task(&env).await?, Vec::new()).await?;
    let history = env.history("one");
    assert_eq!(
        history.event_types()[4..],
        [
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted
        ]
    );
    let attempts: Vec<_> = events!(history, WorkflowTaskScheduledEventAttributes)
        .iter()
        .map(|it| it.attempt)
        .collect();
    assert_eq!(attempts, [1, 3]);
    Ok(())
}

#[workflow_test]
async fn timeouts_of_later_attempts_write_no_events(env: TestWorkflowEnvironment) -> TestResult {
    start(&env, by_hand("one")).await?;
    for _ in 0..3 {
        take_task(&env).await?;
    }
    assert_eq!(
        env.history("one").event_types(),
        [
            WorkflowExecutionStarted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskTimedOut
        ]
    );
    Ok(())
}

/// The server adds a jitter of up to a fifth; the simulation adds none.
#[workflow_test]
async fn after_the_third_attempt_the_timeout_grows_to_ten_minutes_at_most(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start(&env, by_hand("one")).await?;
    let mut took = Vec::new();
    take_task(&env).await?;
    for _ in 0..12 {
        let began = env.now();
        take_task(&env).await?; // once the one before has timed out
        took.push(seconds_since(&env, began));
    }
    let added = [0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 600, 600];
    assert_eq!(took, added.map(|added| 10 + added));
    Ok(())
}

#[workflow_test]
async fn a_response_to_a_task_that_is_over_is_not_found(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start(&env, by_hand("one")).await?;
    let task = take_task(&env).await?;
    env.sleep(Duration::from_secs(11)).await;
    for answer in [
        complete_task(&env, &task, Vec::new()).await,
        fail_task(&env, &task).await,
    ] {
        assert_eq!(answer.unwrap_err().code(), tonic::Code::NotFound);
    }
    Ok(())
}

/// Panics the given number of times and then works: code with a bug that is fixed while it runs.
#[workflow]
struct Flaky {
    panics: Arc<AtomicU32>,
    signals: u32,
}

impl Flaky {
    fn stumble(&self) {
        let left = self
            .panics
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        assert!(left.is_err(), "it stumbles");
    }
}

#[workflow_methods(factory_only)]
impl Flaky {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.state(Self::stumble);
        ctx.wait_condition(|state| state.signals > 0).await?;
        ctx.state(Self::stumble);
        Ok(ctx.state(|state| state.signals))
    }

    #[signal]
    fn signal(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.signals += 1;
    }
}

fn flaky(env: &TestWorkflowEnvironment) -> Result<Arc<AtomicU32>, TestError> {
    let panics = Arc::new(AtomicU32::new(0));
    let given = panics.clone();
    env.worker("queue")
        .workflow_with_factory(move || Flaky {
            panics: given.clone(),
            signals: 0,
        })
        .start()?;
    Ok(panics)
}

#[workflow_test(core_replay = true)]
async fn a_panic_fails_the_workflow_task_and_not_the_workflow(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let panics = flaky(&env)?;
    panics.store(2, Ordering::SeqCst);
    let flaky = env
        .client()
        .start_workflow(Flaky::run, (), on("one"))
        .await?;
    env.sleep(Duration::from_secs(1)).await;
    assert_eq!(env.history("one").event_types(), FAILED_ONCE);
    flaky
        .signal(Flaky::signal, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        flaky
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        1,
        "the workflow continues once the code is fixed"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_failed_sticky_task_clears_stickiness_and_does_not_raise_the_attempt(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let panics = flaky(&env)?;
    let flaky = env
        .client()
        .start_workflow(Flaky::run, (), on("one"))
        .await?;
    env.sleep(Duration::from_secs(1)).await;
    panics.store(1, Ordering::SeqCst);
    flaky
        .signal(Flaky::signal, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        flaky
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        1
    );
    let history = env.history("one");
    let scheduled = events!(history, WorkflowTaskScheduledEventAttributes);
    let scheduled: Vec<_> = scheduled
        .iter()
        .map(|it| (it.attempt, it.task_queue.as_ref().unwrap().kind()))
        .collect();
    assert_eq!(
        scheduled,
        [
            (1, TaskQueueKind::Normal),
            (1, TaskQueueKind::Sticky),
            (1, TaskQueueKind::Normal)
        ],
        "the second try counts as a first attempt, so it is written"
    );
    assert_eq!(events!(history, WorkflowTaskFailedEventAttributes).len(), 1);
    Ok(())
}
