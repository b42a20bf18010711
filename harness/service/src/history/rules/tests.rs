//! Histories that keep the rules, and histories that break one.

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::history::v1::*;

use super::*;

fn history(attributes: Vec<Attributes>) -> Vec<HistoryEvent> {
    attributes
        .into_iter()
        .zip(1..)
        .map(|(attributes, event_id)| HistoryEvent {
            event_id,
            event_type: attributes.event_type().into(),
            attributes: Some(attributes),
            ..HistoryEvent::default()
        })
        .collect()
}

/// Returns the beginning of a history up to event 4, which completes a workflow task.
fn beginning() -> Vec<Attributes> {
    vec![
        WorkflowExecutionStartedEventAttributes::default().into(),
        WorkflowTaskScheduledEventAttributes::default().into(),
        WorkflowTaskStartedEventAttributes {
            scheduled_event_id: 2,
            ..Default::default()
        }
        .into(),
        WorkflowTaskCompletedEventAttributes {
            scheduled_event_id: 2,
            started_event_id: 3,
            ..Default::default()
        }
        .into(),
    ]
}

fn with(events: impl IntoIterator<Item = Attributes>) -> Vec<HistoryEvent> {
    let mut attributes = beginning();
    attributes.extend(events);
    history(attributes)
}

fn timer_started() -> Attributes {
    TimerStartedEventAttributes {
        workflow_task_completed_event_id: 4,
        ..Default::default()
    }
    .into()
}

fn timer_fired(started_event_id: i64) -> Attributes {
    TimerFiredEventAttributes {
        started_event_id,
        ..Default::default()
    }
    .into()
}

fn activity_scheduled() -> Attributes {
    ActivityTaskScheduledEventAttributes {
        workflow_task_completed_event_id: 4,
        ..Default::default()
    }
    .into()
}

fn completed() -> Attributes {
    WorkflowExecutionCompletedEventAttributes {
        workflow_task_completed_event_id: 4,
        ..Default::default()
    }
    .into()
}

fn signaled() -> Attributes {
    WorkflowExecutionSignaledEventAttributes::default().into()
}

#[test]
fn a_run_that_sleeps_and_completes_is_well_formed() {
    check(&with([completed()])).unwrap();
    check(&with([timer_started(), timer_fired(5)])).unwrap();
}

#[test]
fn ids_count_from_one_without_gaps() {
    let mut gap = with([timer_started()]);
    gap[4].event_id = 6;
    assert_eq!(
        check(&gap),
        Err(Violation::Id {
            expected: 5,
            found: 6
        })
    );
}

#[test]
fn a_type_and_its_attributes_agree() {
    let mut history = with([timer_started()]);
    history[4].event_type = EventType::TimerFired.into();
    assert!(matches!(
        check(&history),
        Err(Violation::Attributes { event_id: 5, .. })
    ));
}

#[test]
fn a_run_begins_once() {
    assert!(matches!(
        check(&history(vec![signaled()])),
        Err(Violation::Start { event_id: 1, .. })
    ));
    let again = WorkflowExecutionStartedEventAttributes::default().into();
    assert!(matches!(
        check(&with([again])),
        Err(Violation::Start { event_id: 5, .. })
    ));
}

#[test]
fn nothing_follows_the_closing_event() {
    let after = check(&with([completed(), signaled()]));
    assert!(
        matches!(
            after,
            Err(Violation::AfterClose {
                event_id: 6,
                closed_by: 5,
                ..
            })
        ),
        "{after:?}"
    );
}

#[test]
fn a_cause_exists_before_its_event_and_has_the_right_kind() {
    assert!(matches!(
        check(&with([timer_fired(9)])),
        Err(Violation::Cause { cause: 9, .. })
    ));
    assert!(matches!(
        check(&with([activity_scheduled(), timer_fired(5)])),
        Err(Violation::Cause { cause: 5, .. })
    ));
}

#[test]
fn a_timer_fires_once() {
    let twice = check(&with([timer_started(), timer_fired(5), timer_fired(5)]));
    assert!(
        matches!(
            twice,
            Err(Violation::ClosedTwice {
                event_id: 7,
                cause: 5,
                ..
            })
        ),
        "{twice:?}"
    );
}

#[test]
fn a_closing_event_names_the_event_that_started_it() {
    let closed = ActivityTaskCompletedEventAttributes {
        scheduled_event_id: 5,
        started_event_id: 4,
        ..Default::default()
    };
    let wrong = check(&with([activity_scheduled(), closed.into()]));
    assert!(
        matches!(
            wrong,
            Err(Violation::Cause {
                cause: 4,
                role: "start",
                ..
            })
        ),
        "{wrong:?}"
    );
}

#[test]
fn events_wait_for_a_started_workflow_task() {
    let mut attributes = beginning();
    attributes.insert(3, signaled());
    let during = check(&history(attributes));
    assert!(
        matches!(
            during,
            Err(Violation::DuringTask {
                event_id: 4,
                started: 3,
                ..
            })
        ),
        "{during:?}"
    );
}

#[test]
fn there_is_one_workflow_task_at_a_time() {
    let scheduled = || WorkflowTaskScheduledEventAttributes::default().into();
    assert_eq!(
        check(&with([scheduled(), scheduled()])),
        Err(Violation::SecondTask {
            event_id: 6,
            scheduled: 5
        })
    );
}

#[test]
fn commands_follow_their_workflow_task_at_once() {
    let late = check(&with([signaled(), timer_started()]));
    assert!(
        matches!(
            late,
            Err(Violation::Command {
                event_id: 6,
                completed: 4,
                ..
            })
        ),
        "{late:?}"
    );
}

#[test]
fn closings_that_waited_for_a_workflow_task_come_last() {
    let started = ActivityTaskStartedEventAttributes {
        scheduled_event_id: 5,
        ..Default::default()
    };
    let closed = ActivityTaskCompletedEventAttributes {
        scheduled_event_id: 5,
        started_event_id: 6,
        ..Default::default()
    };
    let flushed = [
        activity_scheduled(),
        started.clone().into(),
        signaled(),
        closed.clone().into(),
    ];
    check(&with(flushed)).unwrap();
    let misplaced = check(&with([
        activity_scheduled(),
        started.into(),
        closed.into(),
        signaled(),
    ]));
    assert!(
        matches!(
            misplaced,
            Err(Violation::FlushOrder {
                event_id: 8,
                closing: 7,
                ..
            })
        ),
        "{misplaced:?}"
    );
}
