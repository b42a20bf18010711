//! Operators pause, unpause and reset activities, and give them other options.

use pretty_assertions::assert_eq;
use tonic::{Code, Status};

use super::*;
use crate::{
    api::{
        activity::ActivityOptions,
        enums::PendingActivityState,
        rpc::{
            pause_activity_request::Activity as ToPause,
            reset_activity_request::Activity as ToReset,
            unpause_activity_request::Activity as ToUnpause,
            update_activity_options_request::Activity as ToUpdate,
        },
        workflow::{PendingActivityInfo, pending_activity_info::pause_info::PausedBy},
    },
    messages::request::Request,
};

fn pause_request() -> PauseActivityRequest {
    PauseActivityRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
        identity: "ann".to_owned(),
        reason: "the shop is closed".to_owned(),
        request_id: "pause".to_owned(),
        activity: Some(ToPause::Id("1".to_owned())),
    }
}

#[track_caller]
fn pause(world: &mut World) {
    world.call(pause_request()).expect("a pause");
}

fn unpause_request() -> UnpauseActivityRequest {
    UnpauseActivityRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
        activity: Some(ToUnpause::Id("1".to_owned())),
        ..UnpauseActivityRequest::default()
    }
}

fn reset_request() -> ResetActivityRequest {
    ResetActivityRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
        activity: Some(ToReset::Id("1".to_owned())),
        ..ResetActivityRequest::default()
    }
}

/// Returns an update of these options.
fn update_request(options: ActivityOptions, paths: &[&str]) -> UpdateActivityOptionsRequest {
    UpdateActivityOptionsRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
        activity: Some(ToUpdate::Id("1".to_owned())),
        activity_options: Some(options),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..UpdateActivityOptionsRequest::default()
    }
}

#[track_caller]
fn update(world: &mut World, request: UpdateActivityOptionsRequest) -> ActivityOptions {
    match world.call(request) {
        Ok(Response::UpdateActivityOptions(response)) => response.activity_options.unwrap(),
        other => panic!("not its response: {other:?}"),
    }
}

#[track_caller]
fn description(world: &mut World) -> DescribeWorkflowExecutionResponse {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(description)) => *description,
        other => panic!("not a description: {other:?}"),
    }
}

#[track_caller]
fn pending(world: &mut World) -> PendingActivityInfo {
    description(world).pending_activities.remove(0)
}

/// Returns what an attempt hears in the answer to a heartbeat.
#[track_caller]
fn hears(
    world: &mut World,
    task: &PollActivityTaskQueueResponse,
) -> RecordActivityTaskHeartbeatResponse {
    let request = RecordActivityTaskHeartbeatRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        details: payloads("half"),
        ..RecordActivityTaskHeartbeatRequest::default()
    };
    match world.call(request) {
        Ok(Response::RecordActivityTaskHeartbeat(response)) => *response,
        other => panic!("not its response: {other:?}"),
    }
}

#[track_caller]
fn refused(world: &mut World, request: impl Into<Request>) -> Status {
    world.call(request).unwrap_err()
}

/// Source: `temporalio/temporal: service/history/api/describeworkflow/api.go`.
#[test]
fn a_closed_run_still_shows_its_pending_activities() {
    let mut world = with_activity(options());
    pause(&mut world);
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    assert!(pending(&mut world).paused);
}

#[test]
fn a_paused_activity_waits_until_it_is_unpaused() {
    let mut world = with_activity(options());
    pause(&mut world);
    world.pass(3_600_000);
    assert!(!world.has_activity_task());
    let info = pending(&mut world);
    assert!(info.paused);
    assert_eq!(info.state(), PendingActivityState::Paused);
    match info.pause_info.unwrap().paused_by {
        Some(PausedBy::Manual(manual)) => {
            assert_eq!(
                (&*manual.identity, &*manual.reason),
                ("ann", "the shop is closed")
            );
        }
        other => panic!("not paused by hand: {other:?}"),
    }

    world.call(unpause_request()).unwrap();
    world.pass(0);
    assert_eq!(world.activity_task().attempt, 1);
    assert!(!pending(&mut world).paused);
}

#[test]
fn an_attempt_that_is_paused_hears_of_it_and_fails_into_the_pause() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    assert!(!hears(&mut world, &task).activity_paused);
    pause(&mut world);
    assert_eq!(
        pending(&mut world).state(),
        PendingActivityState::PauseRequested
    );
    assert!(hears(&mut world, &task).activity_paused);
    fail(&mut world, &task, failure("paused"));
    world.pass(3_600_000);
    assert!(!world.has_activity_task());
    let info = pending(&mut world);
    assert_eq!((info.attempt, info.next_attempt_schedule_time), (2, None));

    world.call(unpause_request()).unwrap();
    world.pass(0);
    let task = world.activity_task();
    assert_eq!(
        (task.attempt, task.heartbeat_details),
        (2, payloads("half"))
    );
}

#[test]
fn a_paused_attempt_may_complete_its_activity() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    pause(&mut world);
    complete(&mut world, &task).unwrap();
    assert_eq!(
        closings(&world),
        [ActivityTaskStarted, ActivityTaskCompleted]
    );
}

#[test]
fn a_paused_activity_is_paused_again_only_by_the_same_request() {
    let mut world = with_activity(options());
    pause(&mut world);
    pause(&mut world);
    let another = PauseActivityRequest {
        request_id: "another".to_owned(),
        ..pause_request()
    };
    let status = refused(&mut world, another);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "activity is already paused");
}

#[test]
fn unpausing_may_reset_the_attempts_and_the_heartbeat() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    hears(&mut world, &task);
    fail(&mut world, &task, failure("not yet"));
    pause(&mut world);
    let request = UnpauseActivityRequest {
        reset_attempts: true,
        reset_heartbeat: true,
        ..unpause_request()
    };
    world.call(request).unwrap();
    world.pass(0);
    let task = world.activity_task();
    assert_eq!((task.attempt, task.heartbeat_details), (1, None));
}

#[test]
fn jitter_delays_an_unpaused_activity_within_its_bound() {
    let mut world = with_activity(options());
    pause(&mut world);
    let request = UnpauseActivityRequest {
        jitter: Some(duration(60_000)),
        ..unpause_request()
    };
    world.call(request).unwrap();
    let info = pending(&mut world);
    let due_ms = crate::base::time::instant_ms(&info.scheduled_time.unwrap());
    assert!((world.now_ms..world.now_ms + 60_000).contains(&due_ms));
    world.pass(60_000);
    assert!(world.has_activity_task());
}

#[test]
fn activities_are_paused_and_unpaused_by_their_type() {
    let mut world = with_activity(options());
    let by_type = PauseActivityRequest {
        activity: Some(ToPause::Type("Activity".to_owned())),
        ..pause_request()
    };
    world.call(by_type).unwrap();
    let attributes = description(&mut world).workflow_execution_info.unwrap();
    let attributes = attributes.search_attributes.unwrap().indexed_fields;
    assert_eq!(
        attributes["TemporalPauseInfo"].data,
        br#"["property:activityType=Activity"]"#
    );
    let all = UnpauseActivityRequest {
        activity: Some(ToUnpause::UnpauseAll(true)),
        ..unpause_request()
    };
    world.call(all).unwrap();
    world.pass(0);
    assert!(world.has_activity_task());
    let attributes = description(&mut world).workflow_execution_info.unwrap();
    let attributes = attributes.search_attributes.unwrap().indexed_fields;
    assert!(!attributes.contains_key("TemporalPauseInfo"));
}

#[test]
fn a_reset_in_a_backoff_begins_the_first_attempt_at_once() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    hears(&mut world, &task);
    fail(&mut world, &task, failure("not yet"));
    let request = ResetActivityRequest {
        reset_heartbeat: true,
        ..reset_request()
    };
    world.call(request).unwrap();
    world.pass(0);
    let task = world.activity_task();
    assert_eq!((task.attempt, task.heartbeat_details), (1, None));
    assert_eq!(pending(&mut world).last_failure, None);
}

#[test]
fn an_attempt_that_is_reset_hears_of_it_and_its_heartbeat_is_forgotten() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    let request = ResetActivityRequest {
        reset_heartbeat: true,
        ..reset_request()
    };
    world.call(request).unwrap();
    assert!(hears(&mut world, &task).activity_reset);
    fail(&mut world, &task, failure("reset"));
    world.pass(1_000);
    let task = world.activity_task();
    assert_eq!((task.attempt, task.heartbeat_details.clone()), (2, None));
    assert!(!hears(&mut world, &task).activity_reset);
}

#[test]
fn a_reset_may_keep_the_pause() {
    let mut world = with_activity(options());
    pause(&mut world);
    let request = ResetActivityRequest {
        keep_paused: true,
        ..reset_request()
    };
    world.call(request).unwrap();
    world.pass(0);
    assert!(!world.has_activity_task());
    world.call(reset_request()).unwrap();
    world.pass(0);
    assert!(world.has_activity_task());
}

#[test]
fn updated_options_apply_to_the_pending_attempt_and_are_restored() {
    let mut world = with_activity(options());
    let new = ActivityOptions {
        task_queue: queue("elsewhere"),
        retry_policy: Some(RetryPolicy {
            maximum_attempts: 7,
            ..RetryPolicy::default()
        }),
        ..ActivityOptions::default()
    };
    let paths = ["task_queue.name", "retry_policy.maximum_attempts"];
    let shown = update(&mut world, update_request(new, &paths));
    assert_eq!(shown.retry_policy.unwrap().maximum_attempts, 7);
    assert_eq!(shown.start_to_close_timeout, Some(duration(10_000)));
    world.pass(0);
    assert!(!world.has_activity_task());
    assert_eq!(pending(&mut world).maximum_attempts, 7);

    let request = UpdateActivityOptionsRequest {
        restore_original: true,
        update_mask: None,
        activity_options: None,
        ..update_request(ActivityOptions::default(), &[])
    };
    let shown = update(&mut world, request);
    assert_eq!(shown.task_queue.unwrap().name, TASK_QUEUE);
    world.pass(0);
    assert!(world.has_activity_task());
    assert_eq!(pending(&mut world).maximum_attempts, 0);
}

#[test]
fn a_longer_timeout_saves_a_started_attempt() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    let new = ActivityOptions {
        start_to_close_timeout: Some(duration(60_000)),
        ..ActivityOptions::default()
    };
    update(&mut world, update_request(new, &["startToCloseTimeout"]));
    world.pass(59_000);
    complete(&mut world, &task).unwrap();
}

#[test]
fn an_update_of_options_says_which_fields_it_changes() {
    let mut world = with_activity(options());
    let none = ActivityOptions::default();
    let without_mask = UpdateActivityOptionsRequest {
        update_mask: None,
        ..update_request(none.clone(), &[])
    };
    let both = UpdateActivityOptionsRequest {
        restore_original: true,
        ..update_request(none.clone(), &["heartbeat_timeout"])
    };
    let not_provided = update_request(none, &["retry_policy"]);
    for (request, message) in [
        (without_mask, "UpdateMask is not provided"),
        (both, "Both UpdateMask and RestoreOriginal are provided"),
        (not_provided, "RetryPolicy is not provided"),
    ] {
        let status = refused(&mut world, request);
        assert_eq!(
            (status.code(), status.message()),
            (Code::InvalidArgument, message)
        );
    }
}

#[test]
fn an_operator_must_name_a_pending_activity() {
    let mut world = with_activity(options());
    let unnamed = PauseActivityRequest {
        activity: None,
        ..pause_request()
    };
    assert_eq!(
        refused(&mut world, unnamed).message(),
        "Either Activity.Id or Activity.Type should be set on request."
    );
    let unknown = PauseActivityRequest {
        activity: Some(ToPause::Id("2".to_owned())),
        ..pause_request()
    };
    let status = refused(&mut world, unknown);
    assert_eq!(status.code(), Code::NotFound);
    assert!(
        status
            .message()
            .starts_with("Can't find pending activity with such ID.")
    );
}

#[test]
fn an_activity_execution_is_paused_reset_and_updated_if_it_names_its_workflow() {
    let mut world = with_activity(options());
    let request = PauseActivityExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        ..PauseActivityExecutionRequest::default()
    };
    world.call(request.clone()).unwrap();
    assert!(pending(&mut world).paused);
    let request = PauseActivityExecutionRequest {
        workflow_id: String::new(),
        ..request
    };
    assert_eq!(refused(&mut world, request).code(), Code::Unimplemented);

    let request = UpdateActivityExecutionOptionsRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        restore_original: true,
        ..UpdateActivityExecutionOptionsRequest::default()
    };
    world.call(request).unwrap();
    let request = ResetActivityExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        keep_paused: true,
        ..ResetActivityExecutionRequest::default()
    };
    world.call(request).unwrap();
    let request = UnpauseActivityExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        ..UnpauseActivityExecutionRequest::default()
    };
    world.call(request).unwrap();
    world.pass(0);
    assert!(world.has_activity_task());
}
