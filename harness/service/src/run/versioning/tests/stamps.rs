//! Build ids, as unversioned workers tell them.

use pretty_assertions::assert_eq;

use super::*;
use crate::api::{command::ContinueAsNewWorkflowExecutionCommandAttributes, enums::EventType};

fn capabilities(build_id: &str) -> WorkerVersionCapabilities {
    WorkerVersionCapabilities {
        build_id: build_id.to_owned(),
        ..WorkerVersionCapabilities::default()
    }
}

fn stamp(build_id: &str) -> WorkerVersionStamp {
    WorkerVersionStamp {
        build_id: build_id.to_owned(),
        use_versioning: false,
    }
}

/// Takes the next workflow task as a worker with this build id.
fn run_task(world: &mut World, build_id: &str, commands: Vec<Command>) {
    let task = world.workflow_task_on(PollWorkflowTaskQueueRequest {
        worker_version_capabilities: Some(capabilities(build_id)),
        ..poll_request()
    });
    world
        .respond(RespondWorkflowTaskCompletedRequest {
            worker_version_stamp: Some(stamp(build_id)),
            ..completion(&task, commands)
        })
        .unwrap();
}

#[test]
fn the_tasks_of_a_run_are_stamped_with_the_build_ids_of_their_workers() {
    let mut world = World::new();
    world.start("order");
    run_task(&mut world, "1.0", vec![schedule_activity()]);
    let task = world.activity_task();
    let completed = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        worker_version: Some(stamp("1.1")),
        ..RespondActivityTaskCompletedRequest::default()
    };
    world.call(completed).unwrap();
    run_task(&mut world, "1.2", Vec::new());

    let stamps = world.history("order").iter().filter_map(|event| {
        let stamp = match event.attributes.as_ref()? {
            Attributes::WorkflowTaskStartedEventAttributes(it) => it.worker_version.clone(),
            Attributes::WorkflowTaskCompletedEventAttributes(it) => it.worker_version.clone(),
            Attributes::ActivityTaskStartedEventAttributes(it) => it.worker_version.clone(),
            _ => return None,
        };
        Some((event.event_type(), stamp.map(|stamp| stamp.build_id)))
    });
    let stamps: Vec<_> = stamps.collect();
    let stamped = |event_type, build_id: &str| (event_type, Some(build_id.to_owned()));
    assert_eq!(
        stamps,
        [
            stamped(EventType::WorkflowTaskStarted, "1.0"),
            stamped(EventType::WorkflowTaskCompleted, "1.0"),
            stamped(EventType::ActivityTaskStarted, "1.1"),
            stamped(EventType::WorkflowTaskStarted, "1.2"),
            stamped(EventType::WorkflowTaskCompleted, "1.2"),
        ]
    );
    let info = info(&mut world, "order");
    assert_eq!(info.most_recent_worker_version_stamp, Some(stamp("1.2")));
    assert_eq!(
        attribute(&info, "BuildIds"),
        r#"["unversioned","unversioned:1.0","unversioned:1.2"]"#
    );
}

#[test]
fn a_run_that_no_worker_has_seen_has_no_build_ids_and_no_reset_points() {
    let mut world = World::new();
    world.start("order");
    let info = info(&mut world, "order");
    assert_eq!(attribute(&info, "BuildIds"), "");
    assert_eq!(info.auto_reset_points, None);
    assert_eq!(info.state_transition_count, 1);
    assert_eq!(info.versioning_info, None);
}

#[test]
fn each_build_id_has_a_reset_point_which_the_next_run_knows() {
    let mut world = World::new();
    let first = world.start("order");
    run_task(&mut world, "1.0", vec![start_timer("1", 1_000)]);
    world.pass(1_000);
    run_task(&mut world, "1.0", vec![start_timer("2", 1_000)]);
    world.pass(1_000);
    let next = Command::ContinueAsNewWorkflowExecutionCommandAttributes(
        ContinueAsNewWorkflowExecutionCommandAttributes::default(),
    );
    run_task(&mut world, "2.0", vec![next]);

    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
        &world.history("order")[0].attributes
    else {
        panic!("not the first event");
    };
    let points = started.prev_auto_reset_points.clone().unwrap().points;
    let told: Vec<_> = points
        .iter()
        .map(|it| (it.build_id.as_str(), it.first_workflow_task_completed_id))
        .collect();
    assert_eq!(told, [("1.0", 4), ("2.0", 14)]);
    assert!(points.iter().all(|it| it.run_id == first && it.resettable));

    run_task(&mut world, "3.0", Vec::new());
    let points = info(&mut world, "order").auto_reset_points.unwrap().points;
    let told: Vec<_> = points
        .iter()
        .map(|it| (it.build_id.as_str(), it.expire_time.is_some()))
        .collect();
    assert_eq!(told, [("1.0", true), ("2.0", true), ("3.0", false)]);
}

#[test]
fn a_child_on_another_task_queue_cannot_keep_the_build_id() {
    let mut world = World::new();
    world.start("order");
    let Command::ScheduleActivityTaskCommandAttributes(mut elsewhere) = schedule_activity() else {
        unreachable!("it is one");
    };
    elsewhere.use_workflow_build_id = true;
    elsewhere.task_queue = queue("elsewhere");
    let task = world.workflow_task();
    let command = Command::ScheduleActivityTaskCommandAttributes(elsewhere);
    let refused = world.complete(&task, vec![command]).unwrap_err();
    assert!(
        refused
            .message()
            .contains("Activity with UseCompatibleVersion cannot run on different task queue."),
        "{}",
        refused.message()
    );
}
