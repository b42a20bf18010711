//! Deployments and versions: how they come into being, what is current, and how they end.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::api::{
    common::Payload,
    enums::{
        VersionDrainageStatus, VersioningBehavior::Pinned, WorkerDeploymentVersionStatus as Status,
    },
};

#[track_caller]
fn statuses(world: &mut World) -> Vec<(String, Status)> {
    let (info, _) = deployment(world).unwrap();
    let summaries = info.version_summaries.iter();
    summaries
        .map(|it| {
            let version = it.deployment_version.clone().unwrap();
            (version.build_id, it.status())
        })
        .collect()
}

fn delete_version(build_id: &str) -> DeleteWorkerDeploymentVersionRequest {
    DeleteWorkerDeploymentVersionRequest {
        namespace: "default".to_owned(),
        deployment_version: Some(version(build_id)),
        identity: "operator".to_owned(),
        ..DeleteWorkerDeploymentVersionRequest::default()
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, tonic::Status>) -> (Code, String) {
    let refused = result.unwrap_err();
    (refused.code(), refused.message().to_owned())
}

#[test]
fn a_poll_of_a_versioned_worker_registers_its_deployment_and_version() {
    let mut world = World::new();
    assert_eq!(
        refused(deployment(&mut world)),
        (
            Code::NotFound,
            "no Worker Deployment found with name 'shop'; does your Worker Deployment have pollers?"
                .to_owned()
        )
    );
    deploy(&mut world, "1");
    world.pass(1_000);
    deploy(&mut world, "2");
    assert_eq!(
        statuses(&mut world),
        [
            ("2".to_owned(), Status::Inactive),
            ("1".to_owned(), Status::Inactive)
        ]
    );
    let request = DescribeWorkerDeploymentVersionRequest {
        namespace: "default".to_owned(),
        version: "shop.2".to_owned(),
        ..DescribeWorkerDeploymentVersionRequest::default()
    };
    let Ok(Response::DescribeWorkerDeploymentVersion(described)) = world.call(request) else {
        panic!("not described");
    };
    let queues = &described.version_task_queues;
    assert_eq!(queues.len(), 1);
    assert_eq!(queues[0].name, TASK_QUEUE);
}

#[test]
fn a_poll_without_a_name_or_with_a_delimiter_in_it_is_refused() {
    let mut world = World::new();
    let mut unnamed = poll("1");
    unnamed
        .deployment_options
        .as_mut()
        .unwrap()
        .deployment_name
        .clear();
    assert_eq!(
        refused(world.call(unnamed)).1,
        "Deployment name and build id must be set together."
    );
    let mut dotted = poll("1");
    dotted.deployment_options.as_mut().unwrap().deployment_name = "a.b".to_owned();
    assert_eq!(
        refused(world.call(dotted)).1,
        "worker deployment name cannot contain '.'"
    );
}

#[test]
fn the_version_that_was_current_drains_until_its_last_pinned_run_has_closed() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![start_timer("1", 600_000)]);
    deploy(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    assert_eq!(
        statuses(&mut world),
        [
            ("2".to_owned(), Status::Current),
            ("1".to_owned(), Status::Draining)
        ]
    );
    world.pass(600_000);
    assert_eq!(statuses(&mut world)[1].1, Status::Draining);
    run_task_as(&mut world, "1", Pinned, vec![complete_workflow("")]);
    world.pass(180_000);
    let (info, _) = deployment(&mut world).unwrap();
    let drained = &info.version_summaries[1];
    assert_eq!(drained.status(), Status::Drained);
    assert_eq!(drained.drainage_status(), VersionDrainageStatus::Drained);
    // It drains no more once it is current again.
    set_current(&mut world, current_request("1")).unwrap();
    assert_eq!(statuses(&mut world)[1].1, Status::Current);
}

#[test]
fn a_change_needs_the_latest_token_and_a_version_that_is_there() {
    let mut world = with_current("1");
    let (_, token) = deployment(&mut world).unwrap();
    deploy(&mut world, "2");
    let with_token = |build_id: &str, token: &[u8]| SetWorkerDeploymentCurrentVersionRequest {
        conflict_token: token.to_owned(),
        ..current_request(build_id)
    };
    let response = set_current(&mut world, with_token("2", &token)).unwrap();
    assert_eq!(response.previous_version, "shop.1");
    assert_eq!(
        refused(set_current(&mut world, with_token("1", &token))),
        (
            Code::FailedPrecondition,
            "conflict token mismatch".to_owned()
        )
    );
    assert_eq!(
        refused(set_current(&mut world, current_request("3"))),
        (
            Code::NotFound,
            "build ID '3' not found in Worker Deployment 'shop'".to_owned()
        )
    );
    // The same request again changes nothing.
    let again = set_current(&mut world, current_request("2")).unwrap();
    assert_eq!(again.previous_version, "shop.2");
    assert_eq!(again.conflict_token, response.conflict_token);
    // Without pollers a version comes into being by request.
    let early = SetWorkerDeploymentCurrentVersionRequest {
        allow_no_pollers: true,
        ..current_request("3")
    };
    set_current(&mut world, early).unwrap();
    assert_eq!(statuses(&mut world)[0], ("3".to_owned(), Status::Current));
}

#[test]
fn a_version_without_a_task_queue_in_use_becomes_current_only_if_asked_twice() {
    let mut world = with_current("1");
    deploy_activities(&mut world, "1");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![schedule_activity()]);
    deploy(&mut world, "2");
    let strict = SetWorkerDeploymentCurrentVersionRequest {
        ignore_missing_task_queues: false,
        ..current_request("2")
    };
    assert_eq!(
        refused(set_current(&mut world, strict.clone())),
        (
            Code::FailedPrecondition,
            "proposed current version 'shop:2' is missing active task queues from the current \
             version; these would become unversioned if it is set as the current version"
                .to_owned()
        )
    );
    deploy_activities(&mut world, "2");
    set_current(&mut world, strict).unwrap();
}

#[test]
fn only_its_manager_changes_a_deployment() {
    let mut world = with_current("1");
    let managed = SetWorkerDeploymentManagerRequest {
        namespace: "default".to_owned(),
        deployment_name: SHOP.to_owned(),
        identity: "robot".to_owned(),
        new_manager_identity: Some(
            set_worker_deployment_manager_request::NewManagerIdentity::Self_(true),
        ),
        ..SetWorkerDeploymentManagerRequest::default()
    };
    world.call(managed).unwrap();
    let (code, message) = refused(set_ramping(&mut world, ramping_request("", 50.0)));
    assert_eq!(code, Code::FailedPrecondition);
    assert!(
        message.starts_with(
            "ManagerIdentity 'robot' is set and does not match user identity 'operator'"
        ),
        "{message}"
    );
    assert_eq!(deployment(&mut world).unwrap().0.manager_identity, "robot");
}

#[test]
fn a_version_is_deleted_once_nothing_needs_it_and_then_its_deployment() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    let why = |world: &mut World, build_id| refused(world.call(delete_version(build_id))).1;
    assert_eq!(
        why(&mut world, "1"),
        "version 'shop:1' cannot be deleted since it is current or ramping"
    );
    assert_eq!(
        why(&mut world, "2"),
        "version 'shop:2' cannot be deleted since it has active pollers"
    );
    set_current(&mut world, current_request("")).unwrap();
    assert_eq!(
        why(&mut world, "1"),
        "version 'shop:1' cannot be deleted since it is draining"
    );
    world.pass(300_000);
    world.call(delete_version("1")).unwrap();
    let delete = DeleteWorkerDeploymentRequest {
        namespace: "default".to_owned(),
        deployment_name: SHOP.to_owned(),
        ..DeleteWorkerDeploymentRequest::default()
    };
    assert_eq!(
        refused(world.call(delete.clone())).1,
        "deployment has versions, can't be deleted"
    );
    world.call(delete_version("2")).unwrap();
    world.call(delete).unwrap();
    assert!(deployment(&mut world).is_err());
}

#[test]
fn a_version_has_pollers_for_five_minutes_after_the_end_of_a_poll() {
    let mut world = with_current("1");
    let polling = world.send(poll("2"));
    world.pass(3_600_000);
    let delete = |world: &mut World| refused(world.call(delete_version("2")));
    let why = "version 'shop:2' cannot be deleted since it has active pollers";
    assert_eq!(delete(&mut world).1, why);
    world.service.cancel(polling);
    world.pass(299_999);
    assert_eq!(delete(&mut world).1, why);
    world.pass(1);
    world.call(delete_version("2")).unwrap();
}

#[test]
fn deployments_are_created_and_listed_the_last_changed_first() {
    let mut world = World::new();
    let create = |name: &str| CreateWorkerDeploymentRequest {
        namespace: "default".to_owned(),
        deployment_name: name.to_owned(),
        request_id: format!("create-{name}"),
        ..CreateWorkerDeploymentRequest::default()
    };
    for name in ["a", "b", "c"] {
        world.call(create(name)).unwrap();
    }
    world.call(create("a")).unwrap();
    let another = CreateWorkerDeploymentRequest {
        request_id: "another".to_owned(),
        ..create("a")
    };
    assert_eq!(
        refused(world.call(another)),
        (
            Code::AlreadyExists,
            "Worker Deployment with name \"a\" already exists".to_owned()
        )
    );
    let version = CreateWorkerDeploymentVersionRequest {
        namespace: "default".to_owned(),
        deployment_version: Some(WorkerDeploymentVersion {
            deployment_name: "a".to_owned(),
            build_id: "1".to_owned(),
        }),
        ..CreateWorkerDeploymentVersionRequest::default()
    };
    world.call(version).unwrap();
    let mut names = Vec::new();
    let mut next_page_token = Vec::new();
    loop {
        let request = ListWorkerDeploymentsRequest {
            namespace: "default".to_owned(),
            page_size: 2,
            next_page_token,
        };
        let Ok(Response::ListWorkerDeployments(page)) = world.call(request) else {
            panic!("not listed");
        };
        names.extend(page.worker_deployments.into_iter().map(|it| it.name));
        next_page_token = page.next_page_token;
        if next_page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["a", "c", "b"]);
}

#[test]
fn the_metadata_of_a_version_is_changed_entry_by_entry() {
    let mut world = with_current("1");
    let request = UpdateWorkerDeploymentVersionMetadataRequest {
        namespace: "default".to_owned(),
        deployment_version: Some(version("1")),
        upsert_entries: [("commit".to_owned(), Payload::default())].into(),
        ..UpdateWorkerDeploymentVersionMetadataRequest::default()
    };
    world.call(request).unwrap();
    let request = UpdateWorkerDeploymentVersionMetadataRequest {
        namespace: "default".to_owned(),
        deployment_version: Some(version("1")),
        upsert_entries: [("author".to_owned(), Payload::default())].into(),
        remove_entries: vec!["commit".to_owned()],
        ..UpdateWorkerDeploymentVersionMetadataRequest::default()
    };
    let Ok(Response::UpdateWorkerDeploymentVersionMetadata(response)) = world.call(request) else {
        panic!("not updated");
    };
    let entries = response.metadata.unwrap().entries;
    assert_eq!(entries.into_keys().collect::<Vec<_>>(), ["author"]);
}

#[test]
fn versioning_by_build_ids_is_refused_as_by_a_server_with_its_defaults() {
    let mut world = World::new();
    let namespace = || "default".to_owned();
    let sets = GetWorkerBuildIdCompatibilityRequest {
        namespace: namespace(),
        ..GetWorkerBuildIdCompatibilityRequest::default()
    };
    let rules = GetWorkerVersioningRulesRequest {
        namespace: namespace(),
        ..GetWorkerVersioningRulesRequest::default()
    };
    let reachability = GetWorkerTaskReachabilityRequest {
        namespace: namespace(),
        ..GetWorkerTaskReachabilityRequest::default()
    };
    let (code, message) = refused(world.call(sets));
    assert_eq!(code, Code::PermissionDenied);
    assert!(message.contains("v0.1"), "{message}");
    assert!(refused(world.call(rules)).1.contains("v0.2"));
    assert!(refused(world.call(reachability)).1.contains("v0.2"));
}
