//! The RPCs about the server and its workers.

#![allow(
    deprecated,
    reason = "task queues are described in deprecated ways, too"
)]

use pretty_assertions::assert_eq;

use crate::{
    ServiceConfig,
    api::{
        enums::{
            BuildIdTaskReachability, DescribeTaskQueueMode, IndexedValueType, TaskQueueKind,
            TaskQueueType,
        },
        rpc::*,
        taskqueue::{TaskQueueVersionInfo, TaskQueueVersionSelection},
    },
    messages::request::Response,
    testing::*,
};

#[test]
fn a_server_claims_no_capability_that_it_lacks() {
    let mut world = World::new();
    let Ok(Response::GetSystemInfo(info)) = world.call(GetSystemInfoRequest {}) else {
        panic!("not its response")
    };
    let capabilities = info.capabilities.unwrap();
    assert!(capabilities.encoded_failure_attributes && capabilities.sdk_metadata);
    assert!(capabilities.supports_schedules && capabilities.eager_workflow_start);
    assert!(!capabilities.server_scaled_deployments);
}

#[test]
fn the_one_namespace_is_described() {
    let mut world = World::new();
    let request = DescribeNamespaceRequest {
        namespace: "default".to_owned(),
        ..DescribeNamespaceRequest::default()
    };
    let Ok(Response::DescribeNamespace(described)) = world.call(request) else {
        panic!("not its response")
    };
    let namespace = described.namespace_info.unwrap();
    assert_eq!(namespace.name, "default");
    // SDKs hold back payloads that the server would refuse.
    assert_eq!(
        namespace.limits.unwrap().blob_size_limit_error,
        2 * 1024 * 1024
    );
}

#[test]
fn a_task_queue_is_described_by_its_pollers() {
    let mut world = World::new();
    let poll = world.send(poll_request());
    let request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..DescribeTaskQueueRequest::default()
    };
    let pollers = |world: &mut World| match world.call(request.clone()) {
        Ok(Response::DescribeTaskQueue(described)) => described
            .pollers
            .into_iter()
            .map(|poller| poller.identity)
            .collect::<Vec<_>>(),
        other => panic!("not its response: {other:?}"),
    };
    let other_poll = world.send(poll_request());
    assert_eq!(pollers(&mut world), ["worker"]);
    world.service.cancel(poll);
    world.service.cancel(other_poll);
    assert!(pollers(&mut world).is_empty());
}

#[track_caller]
fn described(world: &mut World, request: DescribeTaskQueueRequest) -> DescribeTaskQueueResponse {
    match world.call(request) {
        Ok(Response::DescribeTaskQueue(described)) => *described,
        other => panic!("not its response: {other:?}"),
    }
}

#[test]
fn an_older_client_gets_the_status_of_a_task_queue() {
    let mut world = World::new();
    world.start("w");
    let mut request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..DescribeTaskQueueRequest::default()
    };
    assert_eq!(
        described(&mut world, request.clone()).task_queue_status,
        None
    );
    request.include_task_queue_status = true;
    let status = described(&mut world, request).task_queue_status.unwrap();
    assert_eq!(status.backlog_count_hint, 1);
}

#[test]
fn all_queues_of_a_name_are_described_by_build_id() {
    let mut world = World::new();
    world.start("w");
    let mut request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        api_mode: DescribeTaskQueueMode::Enhanced.into(),
        report_pollers: true,
        report_stats: true,
        report_task_reachability: true,
        ..DescribeTaskQueueRequest::default()
    };
    let backlog_of = |info: &TaskQueueVersionInfo, queue_type: TaskQueueType| {
        let of_type = &info.types_info[&i32::from(queue_type)];
        of_type.stats.as_ref().unwrap().approximate_backlog_count
    };
    let versions = described(&mut world, request.clone()).versions_info;
    assert_eq!(backlog_of(&versions[""], TaskQueueType::Workflow), 1);
    assert_eq!(backlog_of(&versions[""], TaskQueueType::Activity), 0);
    assert_eq!(
        versions[""].task_reachability(),
        BuildIdTaskReachability::Reachable
    );

    world.workflow_task();
    world.send(poll_request());
    request.versions = Some(TaskQueueVersionSelection {
        build_ids: vec!["1.0".to_owned()],
        unversioned: true,
        ..TaskQueueVersionSelection::default()
    });
    let versions = described(&mut world, request.clone()).versions_info;
    let of_workflows = &versions[""].types_info[&i32::from(TaskQueueType::Workflow)];
    assert_eq!(of_workflows.pollers[0].identity, "worker");
    assert_eq!(
        versions["1.0"].task_reachability(),
        BuildIdTaskReachability::Unreachable
    );

    request.task_queue = queue(TASK_QUEUE).map(|mut queue| {
        queue.set_kind(TaskQueueKind::Sticky);
        queue
    });
    let refused = world.call(request).unwrap_err();
    assert!(refused.message().contains("not valid for a sticky queue"));
}

#[test]
fn a_task_queue_has_one_partition_of_each_kind() {
    let mut world = World::new();
    let request = ListTaskQueuePartitionsRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
    };
    let Ok(Response::ListTaskQueuePartitions(listed)) = world.call(request) else {
        panic!("not its response")
    };
    assert_eq!(listed.workflow_task_queue_partitions[0].key, TASK_QUEUE);
    assert_eq!(listed.activity_task_queue_partitions.len(), 1);
}

/// Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`ShutdownWorker`).
#[test]
fn no_task_waits_for_a_worker_that_has_shut_down() {
    let mut world = World::new();
    world.start("w");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 5_000)],
            "sticky",
        ))
        .unwrap();
    let poll = world.send(sticky_poll_request("sticky"));
    let request = ShutdownWorkerRequest {
        namespace: "default".to_owned(),
        sticky_task_queue: "sticky".to_owned(),
        ..ShutdownWorkerRequest::default()
    };
    assert!(matches!(
        world.call(request),
        Ok(Response::ShutdownWorker(_))
    ));
    match world.reply(poll) {
        Some(Ok(Response::PollWorkflowTaskQueue(task))) => assert!(task.task_token.is_empty()),
        other => panic!("still polls: {other:?}"),
    }
    world.pass(5_000);
    assert_eq!(world.workflow_task().history.unwrap().events[0].event_id, 1);
}

#[test]
fn a_run_whose_stickiness_is_reset_goes_to_the_normal_queue_with_all_events() {
    let mut world = World::new();
    world.start("w");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 5_000)],
            "sticky",
        ))
        .unwrap();
    let request = ResetStickyTaskQueueRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
    };
    world.call(request).unwrap();
    world.pass(5_000);
    assert_eq!(world.workflow_task().history.unwrap().events[0].event_id, 1);
}

#[test]
fn a_cluster_is_one_server_that_takes_the_clients_of_every_sdk() {
    let mut world = World::new();
    let Ok(Response::GetClusterInfo(info)) = world.call(GetClusterInfoRequest {}) else {
        panic!("not its response")
    };
    assert_eq!(info.cluster_name, "active");
    assert!(info.supported_clients.contains_key("temporal-typescript"));
}

#[test]
fn search_attributes_are_listed_with_their_types() {
    let mut config = ServiceConfig::default();
    let registry = &mut config.search_attributes;
    registry.add("Customer", IndexedValueType::Keyword).unwrap();
    let mut world = World::with(config);
    let request = GetSearchAttributesRequest {};
    let Ok(Response::GetSearchAttributes(listed)) = world.call(request) else {
        panic!("not its response")
    };
    for (name, value_type) in [
        ("Customer", IndexedValueType::Keyword),
        ("StartTime", IndexedValueType::Datetime),
        ("TemporalChangeVersion", IndexedValueType::KeywordList),
    ] {
        assert_eq!(listed.keys.get(name), Some(&value_type.into()), "{name}");
    }
}
