//! Tasks go to workers of the version that they are for.

use pretty_assertions::assert_eq;

use super::*;
use crate::{
    api::enums::{
        EventType,
        VersioningBehavior::{AutoUpgrade, Pinned, Unspecified},
    },
    base::versions::ramp_threshold,
};

#[test]
fn a_new_run_starts_on_the_current_version_and_no_other_worker_gets_its_task() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    world.start("order");
    assert!(!world.is_answered_at_once(poll("2")));
    assert!(!world.has_workflow_task(), "an unversioned worker");
    run_task_as(&mut world, "1", Pinned, Vec::new());
    let info = info(&mut world, "order");
    let versioning = info.versioning_info.clone().unwrap();
    assert_eq!(versioning.behavior(), Pinned);
    assert_eq!(versioning.deployment_version, Some(version("1")));
    assert_eq!(versioning.version, "shop.1");
    assert_eq!(versioning.version_transition, None);
    assert_eq!(info.worker_deployment_name, SHOP);
    assert_eq!(attribute(&info, "BuildIds"), r#"["pinned:shop:1"]"#);
    assert_eq!(
        attribute(&info, "TemporalWorkerDeploymentVersion"),
        r#""shop:1""#
    );
    assert_eq!(
        attribute(&info, "TemporalWorkflowVersioningBehavior"),
        r#""Pinned""#
    );
    let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) =
        &world.last_event("order").attributes
    else {
        panic!("not completed");
    };
    assert_eq!(completed.deployment_version, Some(version("1")));
    assert_eq!(completed.versioning_behavior(), Pinned);
    assert_eq!(completed.worker_deployment_name, SHOP);
}

#[test]
fn a_rainbow_deploy_keeps_pinned_runs_and_moves_the_others() {
    let mut world = with_current("1");
    for (id, behavior) in [("pinned", Pinned), ("moving", AutoUpgrade)] {
        world.start(id);
        run_task_as(&mut world, "1", behavior, vec![start_timer("1", 60_000)]);
    }
    deploy(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    world.pass(60_000);

    let task = world.workflow_task_on(poll("1"));
    assert_eq!(
        task.workflow_execution.as_ref().unwrap().workflow_id,
        "pinned"
    );
    let done = vec![complete_workflow("")];
    world.respond(completed(&task, "1", Pinned, done)).unwrap();
    assert!(!world.is_answered_at_once(poll("1")));

    let task = world.workflow_task_on(poll("2"));
    assert_eq!(
        task.workflow_execution.as_ref().unwrap().workflow_id,
        "moving"
    );
    let moving = info(&mut world, "moving").versioning_info.unwrap();
    assert_eq!(moving.deployment_version, Some(version("1")));
    let transition = moving.version_transition.unwrap();
    assert_eq!(transition.deployment_version, Some(version("2")));
    let done = vec![complete_workflow("")];
    world
        .respond(completed(&task, "2", AutoUpgrade, done))
        .unwrap();
    let moved = info(&mut world, "moving");
    assert_eq!(
        attribute(&moved, "TemporalUsedWorkerDeploymentVersions"),
        r#"["shop:1","shop:2"]"#
    );
    let versioning = moved.versioning_info.unwrap();
    assert_eq!(versioning.version_transition, None);
    assert_eq!(versioning.deployment_version, Some(version("2")));
}

#[test]
fn a_pinned_run_is_told_once_of_the_version_that_it_does_not_move_to() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![start_timer("1", 1_000)]);
    deploy(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    world.pass(1_000);
    run_task_as(&mut world, "1", Pinned, Vec::new());
    let told =
        world
            .history("order")
            .iter()
            .filter_map(|event| match event.attributes.as_ref()? {
                Attributes::WorkflowTaskStartedEventAttributes(started) => {
                    Some(started.target_worker_deployment_version_changed)
                }
                _ => None,
            });
    assert_eq!(told.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn an_activity_waits_until_its_run_has_moved() {
    let mut world = with_current("1");
    deploy_activities(&mut world, "1");
    world.start("order");
    run_task_as(&mut world, "1", AutoUpgrade, vec![schedule_activity()]);
    deploy(&mut world, "2");
    deploy_activities(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    // The poll brings no activity, but lets the run move.
    assert!(!world.is_answered_at_once(poll_activity("1")));
    assert!(!world.is_answered_at_once(poll_activity("2")));
    assert!(!world.is_answered_at_once(poll("1")));
    run_task_as(&mut world, "2", AutoUpgrade, Vec::new());
    let task = world.activity_task_on(poll_activity("2"));
    assert_eq!(task.activity_id, "1");
    let description = description(&mut world, "order");
    let pending = &description.pending_activities[0];
    assert_eq!(pending.last_deployment_version, Some(version("2")));
}

#[test]
fn the_activities_of_a_pinned_run_stay_unless_its_version_lacks_the_task_queue() {
    let mut world = with_current("1");
    deploy_activities(&mut world, "1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![schedule_activity()]);
    deploy(&mut world, "2");
    deploy_activities(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    assert!(!world.is_answered_at_once(poll_activity("2")));
    world.activity_task_on(poll_activity("1"));

    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![schedule_activity()]);
    // Nobody of version 1 takes activities here: an unversioned worker may.
    world.activity_task();
}

#[test]
fn a_ramp_takes_in_its_share_of_new_runs_by_their_ids() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    set_ramping(&mut world, ramping_request("2", 30.0)).unwrap();
    for number in 0..20 {
        let id = format!("order-{number}");
        world.start(&id);
        let ramps = ramp_threshold(&id) <= 30.0;
        let (taker, other) = if ramps { ("2", "1") } else { ("1", "2") };
        assert!(!world.is_answered_at_once(poll(other)), "{id}");
        run_task_as(&mut world, taker, Pinned, vec![complete_workflow("")]);
    }
    set_ramping(&mut world, ramping_request("2", 100.0)).unwrap();
    world.start("all");
    run_task_as(&mut world, "2", Pinned, vec![complete_workflow("")]);
    let response = set_ramping(&mut world, ramping_request("", 0.0)).unwrap();
    assert_eq!(response.previous_deployment_version, Some(version("2")));
    world.start("none");
    run_task_as(&mut world, "1", Pinned, vec![complete_workflow("")]);
}

#[test]
fn a_run_moves_back_to_unversioned_workers_once_nothing_is_current() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", AutoUpgrade, vec![start_timer("1", 1_000)]);
    set_current(&mut world, current_request("")).unwrap();
    world.pass(1_000);
    assert!(!world.is_answered_at_once(poll("1")));
    world.run_workflow_task(Vec::new());
    let versioning = info(&mut world, "order").versioning_info.unwrap();
    assert_eq!(versioning.behavior(), Unspecified);
    assert_eq!(versioning.deployment_version, None);
}

#[test]
fn an_unversioned_run_joins_the_version_that_becomes_current() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 1_000)]);
    deploy(&mut world, "1");
    set_current(&mut world, current_request("1")).unwrap();
    world.pass(1_000);
    assert!(!world.has_workflow_task());
    run_task_as(&mut world, "1", AutoUpgrade, Vec::new());
    let info = info(&mut world, "order");
    let versioning = info.versioning_info.unwrap();
    assert_eq!(versioning.deployment_version, Some(version("1")));
    assert!(versioning.revision_number > 0);
}

#[test]
fn a_sticky_worker_loses_the_runs_that_move_and_keeps_the_pinned_ones() {
    for (behavior, stays) in [(Pinned, true), (AutoUpgrade, false)] {
        let mut world = with_current("1");
        world.start("order");
        let task = world.workflow_task_on(poll("1"));
        let sticky = RespondWorkflowTaskCompletedRequest {
            sticky_attributes: sticky_completion(&task, Vec::new(), "cache").sticky_attributes,
            ..completed(&task, "1", behavior, vec![start_timer("1", 1_000)])
        };
        world.respond(sticky).unwrap();
        let cached = PollWorkflowTaskQueueRequest {
            deployment_options: Some(options("1")),
            ..sticky_poll_request("cache")
        };
        let waiting = world.send(cached);
        deploy(&mut world, "2");
        set_current(&mut world, current_request("2")).unwrap();
        world.pass(1_000);
        let met = world.reply(waiting).is_some();
        assert_eq!(met, stays, "{behavior:?}");
        if !met {
            world.service.cancel(waiting);
            let task = world.workflow_task_on(poll("2"));
            let first = task.history.unwrap().events[0].event_type();
            assert_eq!(first, EventType::WorkflowExecutionStarted, "all of history");
        }
    }
}

#[test]
fn a_query_goes_to_the_version_of_its_run() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, Vec::new());
    deploy(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    let waiting = world.send(poll("2"));
    world.send(query_request("order"));
    assert!(world.reply(waiting).is_none());
    let task = world.workflow_task_on(poll("1"));
    assert!(task.query.is_some());
}

#[test]
fn a_query_of_a_run_whose_version_is_gone_is_refused() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![complete_workflow("")]);
    set_current(&mut world, current_request("")).unwrap();
    world.pass(600_000);
    let refused = world.call(query_request("order")).unwrap_err();
    assert!(
        refused.message().contains("is drained and has no pollers"),
        "{}",
        refused.message()
    );
}

#[test]
fn only_a_versioned_worker_tells_a_behavior() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let told = RespondWorkflowTaskCompletedRequest {
        versioning_behavior: Pinned.into(),
        ..completion(&task, Vec::new())
    };
    let refused = world.respond(told).unwrap_err();
    assert!(
        refused
            .message()
            .starts_with("versioning behavior cannot be specified without"),
        "{}",
        refused.message()
    );
}

#[test]
fn a_task_queue_tells_the_versions_that_it_routes_to() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    set_ramping(&mut world, ramping_request("2", 25.0)).unwrap();
    let request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..DescribeTaskQueueRequest::default()
    };
    let Ok(Response::DescribeTaskQueue(described)) = world.call(request) else {
        panic!("not described");
    };
    let info = described.versioning_info.unwrap();
    assert_eq!(info.current_deployment_version, Some(version("1")));
    assert_eq!(info.ramping_deployment_version, Some(version("2")));
    assert!((info.ramping_version_percentage - 25.0).abs() < f32::EPSILON);
}
