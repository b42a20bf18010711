//! The sticky queue of the worker that has a run in its cache.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::enums::v1::{EventType::*, TaskQueueKind, TimeoutType};

use super::super::{
    Counter,
    by_hand::{
        BY_HAND, by_hand, complete_task_sticking_to, start, take_task, take_task_from, types_of,
    },
    on, seconds_since,
};

/// Starts a run by hand whose next task goes to the sticky queue `mine`, and signals the run.
async fn signalled_while_sticky(env: &TestWorkflowEnvironment, polled: bool) -> TestResult {
    start(env, by_hand("one")).await?;
    let task = take_task(env).await?;
    if polled {
        // This poll has no reader: the worker dies before the task comes.
        let gone = env.clone();
        let poll = env.spawn(async move {
            tokio::time::timeout(Duration::from_secs(1), take_task_from(&gone, "mine"))
                .await
                .is_err()
        });
        assert!(poll.await);
    }
    complete_task_sticking_to(env, &task, "mine", Duration::from_secs(10)).await?;
    let one = env.client().get_workflow_handle::<Counter>("one");
    one.signal(Counter::add, (), WorkflowSignalOptions::default())
        .await?;
    Ok(())
}

#[workflow_test]
async fn a_sticky_task_that_times_out_goes_to_the_normal_queue(
    env: TestWorkflowEnvironment,
) -> TestResult {
    signalled_while_sticky(&env, true).await?;
    let began = env.now();
    let task = take_task(&env).await?;
    assert_eq!(seconds_since(&env, began), 10);
    assert_eq!(
        types_of(&task)[0],
        WorkflowExecutionStarted,
        "the full history"
    );
    assert_eq!(task.attempt, 1);
    let history = env.history("one");
    assert_eq!(
        history.event_types()[4..],
        [
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled,
            WorkflowTaskTimedOut,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
        ]
    );
    let timed_out = events!(history, WorkflowTaskTimedOutEventAttributes);
    assert_eq!(timed_out[0].timeout_type(), TimeoutType::ScheduleToStart);
    assert_eq!(timed_out[0].started_event_id, 0);
    let kinds: Vec<_> = events!(history, WorkflowTaskScheduledEventAttributes)
        .iter()
        .map(|it| it.task_queue.as_ref().unwrap().kind())
        .collect();
    assert_eq!(
        kinds,
        [
            TaskQueueKind::Normal,
            TaskQueueKind::Sticky,
            TaskQueueKind::Normal
        ]
    );
    Ok(())
}

#[workflow_test]
async fn a_sticky_queue_without_pollers_is_skipped_at_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    signalled_while_sticky(&env, false).await?;
    let began = env.now();
    let task = take_task_from(&env, BY_HAND).await?;
    assert_eq!(seconds_since(&env, began), 0);
    assert_eq!(
        types_of(&task)[0],
        WorkflowExecutionStarted,
        "the full history"
    );
    Ok(())
}

#[workflow_test]
async fn a_sticky_worker_gets_only_the_events_since_its_last_task(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start(&env, by_hand("one")).await?;
    let task = take_task(&env).await?;
    complete_task_sticking_to(&env, &task, "mine", Duration::from_secs(10)).await?;
    let taken = env.clone();
    let next = env.spawn(async move { take_task_from(&taken, "mine").await });
    env.sleep(Duration::from_secs(1)).await;
    let one = env.client().get_workflow_handle::<Counter>("one");
    one.signal(Counter::add, (), WorkflowSignalOptions::default())
        .await?;
    let types = types_of(&next.await?);
    assert_eq!(
        types,
        [
            WorkflowTaskCompleted,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled,
            WorkflowTaskStarted
        ]
    );
    Ok(())
}

/// A worker of the SDK asks for ten seconds and gets its own queue while it lives.
#[workflow_test(core_replay = true)]
async fn a_worker_sticks_to_its_queue_for_ten_seconds_by_default(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let counter = env
        .client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    for _ in 0..2 {
        counter
            .signal(Counter::add, (), WorkflowSignalOptions::default())
            .await?;
        env.sleep(Duration::from_hours(1)).await;
    }
    counter
        .signal(Counter::finish, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        counter
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        2
    );
    let scheduled = events!(env.history("one"), WorkflowTaskScheduledEventAttributes);
    let kinds: Vec<_> = scheduled
        .iter()
        .map(|it| it.task_queue.as_ref().unwrap().kind())
        .collect();
    assert_eq!(kinds[0], TaskQueueKind::Normal);
    assert!(
        kinds[1..].iter().all(|kind| *kind == TaskQueueKind::Sticky),
        "{kinds:?}"
    );
    Ok(())
}
