use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::temporal::api::{
    common::v1::{ActivityType, Payload, Payloads, WorkflowType},
    enums::v1::{EventType, RetryState, TimeoutType},
    failure::v1::{ApplicationFailureInfo, Failure, TimeoutFailureInfo, failure::FailureInfo},
    history::v1::*,
    taskqueue::v1::TaskQueue,
};

use super::*;

/// Returns a history whose events follow each other after the given milliseconds.
fn history(events: Vec<(u64, EventType, Attributes)>) -> Vec<HistoryEvent> {
    let mut now_ms = durasim_engine::START_MS + 7;
    let build = |(index, (after_ms, kind, attributes)): (usize, (u64, EventType, Attributes))| {
        now_ms += after_ms;
        let mut event = HistoryEvent {
            event_id: i64::try_from(index).unwrap() + 1,
            ..Default::default()
        };
        event.event_type = kind.into();
        let time = event.event_time.get_or_insert_default();
        time.seconds = i64::try_from(now_ms / 1_000).unwrap();
        time.nanos = i32::try_from(now_ms % 1_000 * 1_000_000).unwrap();
        event.attributes = Some(attributes);
        event
    };
    events.into_iter().enumerate().map(build).collect()
}

fn encoded(encoding: &str, data: &[u8]) -> Payloads {
    let metadata = [("encoding".to_owned(), encoding.as_bytes().to_vec())].into();
    Payloads {
        payloads: vec![Payload {
            metadata,
            data: data.to_vec(),
            ..Default::default()
        }],
    }
}

fn json(text: &str) -> Payloads {
    encoded("json/plain", text.as_bytes())
}

fn declined() -> Failure {
    Failure {
        message: "card declined".into(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: "CardError".into(),
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}

/// Returns ten events of a payment, for the tests of this module and of reports.
pub(crate) fn payment() -> Vec<HistoryEvent> {
    use EventType as E;
    let queue = Some(TaskQueue {
        name: "payments".into(),
        ..Default::default()
    });
    let mut timeout = TimeoutFailureInfo::default();
    timeout.set_timeout_type(TimeoutType::StartToClose);
    let lost = Failure {
        message: "activity StartToClose timeout".into(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(timeout)),
        ..Default::default()
    };
    let mut started = ActivityTaskStartedEventAttributes {
        scheduled_event_id: 5,
        attempt: 2,
        identity: "4711@host".into(),
        last_failure: Some(lost),
        ..Default::default()
    };
    started.request_id = "b2f3".into();
    let mut failed = ActivityTaskFailedEventAttributes {
        scheduled_event_id: 5,
        failure: Some(declined()),
        ..Default::default()
    };
    failed.set_retry_state(RetryState::MaximumAttemptsReached);
    let started_workflow = WorkflowExecutionStartedEventAttributes {
        workflow_type: Some(WorkflowType {
            name: "PaymentWorkflow".into(),
        }),
        task_queue: queue.clone(),
        input: Some(json(r#"{"amount":100}"#)),
        attempt: 1,
        original_execution_run_id: "0e5c".into(),
        ..Default::default()
    };
    let mut scheduled = ActivityTaskScheduledEventAttributes {
        activity_id: "1".into(),
        activity_type: Some(ActivityType {
            name: "Payments::charge".into(),
        }),
        task_queue: queue,
        input: Some(json("100")),
        ..Default::default()
    };
    scheduled
        .start_to_close_timeout
        .get_or_insert_default()
        .seconds = 10;
    let mut timer = TimerStartedEventAttributes {
        timer_id: "1".into(),
        ..Default::default()
    };
    timer.start_to_fire_timeout.get_or_insert_default().seconds = 86_400;
    let task_scheduled = WorkflowTaskScheduledEventAttributes::default();
    let task_started = WorkflowTaskStartedEventAttributes::default();
    let task_completed = WorkflowTaskCompletedEventAttributes::default();
    history(vec![
        (0, E::WorkflowExecutionStarted, started_workflow.into()),
        (0, E::WorkflowTaskScheduled, task_scheduled.into()),
        (2, E::WorkflowTaskStarted, task_started.into()),
        (1, E::WorkflowTaskCompleted, task_completed.into()),
        (0, E::ActivityTaskScheduled, scheduled.into()),
        (0, E::TimerStarted, timer.into()),
        (11_000, E::ActivityTaskStarted, started.into()),
        (0, E::ActivityTaskFailed, failed.into()),
        (
            86_389_000,
            E::TimerFired,
            TimerFiredEventAttributes {
                timer_id: "1".into(),
                started_event_id: 6,
            }
            .into(),
        ),
        (
            0,
            E::WorkflowExecutionFailed,
            WorkflowExecutionFailedEventAttributes {
                failure: Some(declined()),
                ..Default::default()
            }
            .into(),
        ),
    ])
}

#[test]
fn an_outline_has_one_line_for_each_event() {
    insta::assert_snapshot!(outline_of(&payment()));
}

#[test]
fn random_values_and_names_of_machines_are_left_out() {
    let outline = outline_of(&payment());
    for secret in ["4711@host", "b2f3", "0e5c"] {
        assert!(!outline.contains(secret), "{outline}");
    }
}

#[test]
fn an_empty_history_has_an_empty_outline() {
    assert_eq!(outline_of::<HistoryEvent>(&[]), "");
}

#[test]
fn values_are_shown_by_their_encoding() {
    assert_eq!(values::payloads(Some(&json(r#""item-1""#))), r#""item-1""#);
    assert_eq!(values::payloads(Some(&encoded("binary/null", b""))), "null");
    assert_eq!(
        values::payloads(Some(&encoded("binary/plain", b"abc"))),
        "<binary/plain, 3 bytes>"
    );
    assert_eq!(values::payloads(None), "");
    let long = values::payloads(Some(&json(&format!("\"{}\"", "x".repeat(500)))));
    assert_eq!(long.chars().count(), 80);
    assert!(long.ends_with('…'));
}

#[test]
fn a_patch_marker_names_its_patch() {
    let mut marker = MarkerRecordedEventAttributes {
        marker_name: "core_patch".into(),
        ..Default::default()
    };
    let details = encoded("json/plain", br#"{"id":"new-fee","deprecated":false}"#);
    marker.details.insert("patch-data".into(), details);
    assert_eq!(attributes::words(&marker.into()), "core_patch new-fee");
}

#[test]
fn causes_follow_their_failure() {
    let outer = Failure {
        message: "activity failed".into(),
        cause: Some(Box::new(declined())),
        ..Default::default()
    };
    assert_eq!(
        values::failure(Some(&outer)),
        "activity failed < CardError: card declined"
    );
}
