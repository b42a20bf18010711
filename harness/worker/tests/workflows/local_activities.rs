//! Local activities: run within the workflow task, recorded as markers.

use std::time::Duration;

use durasim_worker::{
    LocalActivityOutcome, LocalActivityResolution, LocalActivityWork, WorkflowTaskProgress,
};
use pretty_assertions::assert_eq;
use temporalio_protos::{
    coresdk::activity_result::{self, ActivityResolution, activity_resolution::Status},
    temporal::api::{common::v1::Payload, enums::v1::CommandType, failure::v1::Failure},
};

use crate::{
    histories::{HistoryBuilder, RUN_ID, json},
    support::{completed, kinds, result, worker},
};

fn work(progress: WorkflowTaskProgress) -> LocalActivityWork {
    match progress {
        WorkflowTaskProgress::RunLocalActivities(work) => *work,
        other => panic!("expected local activities to run, got {other:?}"),
    }
}

fn resolved(status: Status) -> LocalActivityResolution {
    let resolution = ActivityResolution {
        status: Some(status),
    };
    LocalActivityResolution {
        runtime: Duration::from_secs(1),
        outcome: LocalActivityOutcome::Resolved(resolution),
    }
}

fn success(result: Payload) -> LocalActivityResolution {
    resolved(Status::Completed(activity_result::Success {
        result: Some(result),
    }))
}

fn failure(message: &str) -> LocalActivityResolution {
    resolved(Status::Failed(activity_result::Failure {
        failure: Some(Failure::application_failure(message.to_owned(), false)),
        ..Default::default()
    }))
}

fn started() -> HistoryBuilder {
    let mut history = HistoryBuilder::new("LocalWorkflow", []);
    history.workflow_task_started();
    history
}

#[test]
fn a_task_waits_for_its_local_activities_and_records_markers() {
    let mut worker = worker();
    let first = work(worker.on_task(started().task()));
    assert_eq!(first.start.len(), 1);
    assert_eq!(first.start[0].schedule.activity_type, "Greetings::greet");
    assert_eq!(first.heartbeat.unwrap().after.as_secs(), 8);
    let second =
        work(worker.on_local_activity(RUN_ID, first.start[0].seq, success(json(&"hello Ada"))));
    assert_eq!(second.heartbeat, None, "once for each workflow task");
    let last = completed(worker.on_local_activity(
        RUN_ID,
        second.start[0].seq,
        success(json(&"hello Bob")),
    ));
    assert_eq!(
        kinds(&last),
        [
            CommandType::RecordMarker,
            CommandType::RecordMarker,
            CommandType::CompleteWorkflowExecution
        ]
    );
    assert_eq!(result(&last), "\"hello Ada, hello Bob\"");
}

#[test]
fn a_failed_local_activity_is_retried_after_a_second() {
    let mut worker = worker();
    let first = work(worker.on_task(started().task()));
    let again = work(worker.on_local_activity(RUN_ID, first.start[0].seq, failure("busy")));
    assert_eq!(again.start[0].attempt, 2);
    assert_eq!(again.start[0].after.as_secs(), 1);
}

#[test]
fn a_heartbeat_completes_the_task_and_requests_another() {
    let mut worker = worker();
    let mut history = started();
    let first = work(worker.on_task(history.task()));
    let task = first.heartbeat.unwrap().task;
    let heartbeat = completed(worker.on_heartbeat_due(RUN_ID, task));
    assert!(heartbeat.force_create_new_workflow_task);
    assert_eq!(kinds(&heartbeat), [CommandType::Unspecified; 0]);
    // A result that comes before the next task waits for that task.
    let early = worker.on_local_activity(RUN_ID, first.start[0].seq, success(json(&"hello Ada")));
    assert!(matches!(early, WorkflowTaskProgress::Idle));
    let after = history.workflow_task_completed();
    history.workflow_task_started();
    let second = work(worker.on_task(history.task_from(after)));
    assert_eq!(second.start[0].seq, 2);
}

#[test]
fn each_task_that_waits_has_a_heartbeat_of_its_own() {
    let mut worker = worker();
    let mut history = started();
    let first = work(worker.on_task(history.task())).heartbeat.unwrap();
    completed(worker.on_heartbeat_due(RUN_ID, first.task));
    let after = history.workflow_task_completed();
    history.workflow_task_started();
    let next = work(worker.on_task(history.task_from(after)));
    assert!(next.start.is_empty(), "it still runs");
    let next = next.heartbeat.unwrap();
    assert!(
        matches!(
            worker.on_heartbeat_due(RUN_ID, first.task),
            WorkflowTaskProgress::Idle
        ),
        "long done"
    );
    assert!(completed(worker.on_heartbeat_due(RUN_ID, next.task)).force_create_new_workflow_task);
}

#[test]
fn replay_resolves_local_activities_from_markers_and_runs_none() {
    let mut history = started();
    history.workflow_task_completed();
    history.local_activity_marker(1, "1", "Greetings::greet", json(&"hello Ada"));
    history.local_activity_marker(2, "2", "Greetings::greet", json(&"hello Bob"));
    history.signaled("nothing", []);
    history.workflow_task_started();
    let last = completed(worker().on_task(history.task()));
    assert_eq!(result(&last), "\"hello Ada, hello Bob\"");
}
