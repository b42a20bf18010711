//! The RPCs about worker deployments and their versions, and the older ones about build ids, which
//! a server refuses by default.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`.

#![allow(deprecated, reason = "older clients write and read other fields")]

use tonic::Status;

use crate::{
    api::{
        enums::TaskQueueType,
        rpc::*,
        taskqueue::{TaskQueueStats, TaskQueueVersioningInfo},
    },
    base::{
        checks::invalid,
        config::Limits,
        status,
        time::timestamp,
        versions::{self, UNVERSIONED, Version, check_build_id, check_deployment_name, dotted},
    },
    deployments::{
        Deployments,
        routing::{Promotion, Queues},
    },
    frontend::answer::Handled,
    matching,
    state::{service::Service, task_queues::QueueKind},
};

/// The deployments of the largest page (`frontend.visibilityMaxPageSize`).
const MAX_PAGE: usize = 1000;

pub(super) fn describe(
    service: &mut Service,
    request: &DescribeWorkerDeploymentRequest,
) -> Handled {
    let name = &request.deployment_name;
    check_deployment_name(name, &service.config.limits)?;
    let (info, conflict_token) = service.deployments.describe(service.now_ms, name)?;
    Ok(DescribeWorkerDeploymentResponse {
        worker_deployment_info: Some(info),
        conflict_token,
    }
    .into())
}

pub(super) fn describe_version(
    service: &mut Service,
    request: DescribeWorkerDeploymentVersionRequest,
) -> Handled {
    let version = match (request.version.as_str(), request.deployment_version) {
        ("", None) => return invalid("deployment version cannot be empty"),
        ("", version) => version,
        (text, _) => parsed(text)?,
    };
    let version = version.unwrap_or_default();
    check_version(&version, service)?;
    let now_ms = service.now_ms;
    let info = service.deployments.describe_version(now_ms, &version)?;
    let queues = info.task_queue_infos.iter().map(|queue| {
        let stats = request.report_task_queue_stats.then(|| {
            let kind = QueueKind::of_task_type(queue.r#type());
            stats(service, kind, &queue.name)
        });
        describe_worker_deployment_version_response::VersionTaskQueue {
            name: queue.name.clone(),
            r#type: queue.r#type,
            stats,
            ..Default::default()
        }
    });
    Ok(DescribeWorkerDeploymentVersionResponse {
        version_task_queues: queues.collect(),
        worker_deployment_version_info: Some(info),
    }
    .into())
}

/// Returns the backlog of a task queue.
fn stats(service: &Service, kind: QueueKind, name: &str) -> TaskQueueStats {
    let queue = service.task_queues.find(kind, name);
    let backlog = queue.map_or(0, |queue| queue.backlog.len());
    TaskQueueStats {
        approximate_backlog_count: i64::try_from(backlog).unwrap_or(i64::MAX),
        ..TaskQueueStats::default()
    }
}

pub(super) fn list(service: &mut Service, request: &ListWorkerDeploymentsRequest) -> Handled {
    let asked = usize::try_from(request.page_size).unwrap_or(0);
    let page = if asked == 0 {
        MAX_PAGE
    } else {
        asked.min(MAX_PAGE)
    };
    let after = match request.next_page_token.as_slice() {
        [] => None,
        token => match token.try_into() {
            Ok(bytes) => Some(u64::from_be_bytes(bytes)),
            Err(_) => return invalid("unable to deserialize page token"),
        },
    };
    let (worker_deployments, last) = service.deployments.list(service.now_ms, page, after);
    Ok(ListWorkerDeploymentsResponse {
        worker_deployments,
        next_page_token: last.map_or_else(Vec::new, |last| last.to_be_bytes().into()),
    }
    .into())
}

pub(super) fn set_current(
    service: &mut Service,
    request: &SetWorkerDeploymentCurrentVersionRequest,
) -> Handled {
    let name = &request.deployment_name;
    if name.is_empty() {
        return invalid("deployment name cannot be empty");
    }
    let named = promoted_version(name, &request.version, &request.build_id);
    let version = named.unwrap_or_else(|| UNVERSIONED.to_owned());
    let promotion = Promotion {
        deployment: name,
        version,
        identity: &request.identity,
        conflict_token: &request.conflict_token,
        ignores_missing_task_queues: request.ignore_missing_task_queues,
        allows_no_pollers: request.allow_no_pollers,
    };
    let promoted = promote(service, &promotion, |deployments, now_ms, queues| {
        deployments.set_current(now_ms, &promotion, queues)
    })?;
    Ok(SetWorkerDeploymentCurrentVersionResponse {
        conflict_token: promoted.conflict_token,
        previous_deployment_version: parsed_or_none(&promoted.previous_version),
        previous_version: promoted.previous_version,
    }
    .into())
}

pub(super) fn set_ramping(
    service: &mut Service,
    request: &SetWorkerDeploymentRampingVersionRequest,
) -> Handled {
    let name = &request.deployment_name;
    let (build_id, percentage) = (request.build_id.as_str(), request.percentage);
    let named = promoted_version(name, &request.version, build_id);
    let mut version = named.unwrap_or_else(|| UNVERSIONED.to_owned());
    // Without a share, a ramp ends. The Go SDK names the unversioned workers then.
    #[allow(clippy::float_cmp, reason = "unset, not computed")]
    let is_unset = version == UNVERSIONED && percentage == 0.0 && build_id.is_empty();
    if is_unset {
        version.clear();
    }
    if !(0.0..=100.0).contains(&percentage) {
        return invalid("Percentage must be between 0 and 100 (inclusive)");
    }
    let promotion = Promotion {
        deployment: name,
        version,
        identity: &request.identity,
        conflict_token: &request.conflict_token,
        ignores_missing_task_queues: request.ignore_missing_task_queues,
        allows_no_pollers: request.allow_no_pollers,
    };
    let promoted = promote(service, &promotion, |deployments, now_ms, queues| {
        deployments.set_ramping(now_ms, &promotion, percentage, queues)
    })?;
    Ok(SetWorkerDeploymentRampingVersionResponse {
        conflict_token: promoted.conflict_token,
        previous_deployment_version: parsed_or_none(&promoted.previous_version),
        previous_version: promoted.previous_version,
        previous_percentage: promoted.previous_percentage,
    }
    .into())
}

/// Returns the version that a request names, in either way; `None` if it names none.
fn promoted_version(deployment: &str, version: &str, build_id: &str) -> Option<String> {
    match (version, build_id) {
        ("", "") => None,
        ("", build_id) => Some(format!("{deployment}.{build_id}")),
        (text, _) => Some(text.to_owned()),
    }
}

/// Checks a promotion, changes the routing of its deployment, and matches the tasks that go
/// elsewhere now.
fn promote<T>(
    service: &mut Service,
    promotion: &Promotion<'_>,
    change: impl FnOnce(&mut Deployments, u64, &Queues<'_>) -> Result<T, Status>,
) -> Result<T, Status> {
    check_promoted(promotion, &service.config.limits)?;
    let changed = {
        let (now_ms, task_queues) = (service.now_ms, &service.task_queues);
        let has_pollers = task_queues.have_pollers(now_ms);
        let is_in_use = |kind: TaskQueueType, name: &str, _: &Version| {
            task_queues.is_in_use(kind, name, now_ms)
        };
        let queues = Queues {
            has_pollers: &has_pollers,
            is_in_use: &is_in_use,
        };
        change(&mut service.deployments, now_ms, &queues)?
    };
    matching::dispatch_versions(service);
    Ok(changed)
}

pub(super) fn delete(service: &mut Service, request: &DeleteWorkerDeploymentRequest) -> Handled {
    let name = &request.deployment_name;
    check_deployment_name(name, &service.config.limits)?;
    service.deployments.delete_deployment(name)?;
    Ok(DeleteWorkerDeploymentResponse {}.into())
}

pub(super) fn delete_version(
    service: &mut Service,
    request: DeleteWorkerDeploymentVersionRequest,
) -> Handled {
    let version = match request.deployment_version {
        Some(version) => version,
        None => parsed(&request.version)?.unwrap_or_default(),
    };
    check_deployment_name(&version.deployment_name, &service.config.limits)?;
    let now_ms = service.now_ms;
    let has_pollers = service.task_queues.have_pollers(now_ms);
    service.deployments.delete_version(
        now_ms,
        &version,
        request.skip_drainage,
        &request.identity,
        &has_pollers,
    )?;
    Ok(DeleteWorkerDeploymentVersionResponse {}.into())
}

pub(super) fn create(service: &mut Service, request: CreateWorkerDeploymentRequest) -> Handled {
    if request.deployment_name.is_empty() {
        return invalid("deployment name cannot be empty");
    }
    check_deployment_name(&request.deployment_name, &service.config.limits)?;
    let now_ms = service.now_ms;
    let conflict_token = service.deployments.create_deployment(now_ms, request)?;
    Ok(CreateWorkerDeploymentResponse { conflict_token }.into())
}

pub(super) fn create_version(
    service: &mut Service,
    request: CreateWorkerDeploymentVersionRequest,
) -> Handled {
    let version = request.deployment_version.clone().unwrap_or_default();
    if version.deployment_name.is_empty() {
        return invalid("deployment name cannot be empty");
    }
    if version.build_id.is_empty() {
        return invalid("build ID cannot be empty");
    }
    check_version(&version, service)?;
    if request.compute_config.is_some() {
        return Err(Status::unimplemented(
            "compute_config: the simulated service starts no workers",
        ));
    }
    let now_ms = service.now_ms;
    let has_pollers = service.task_queues.have_pollers(now_ms);
    service
        .deployments
        .create_version(now_ms, request, &has_pollers)?;
    Ok(CreateWorkerDeploymentVersionResponse {}.into())
}

pub(super) fn update_metadata(
    service: &mut Service,
    request: UpdateWorkerDeploymentVersionMetadataRequest,
) -> Handled {
    if request.remove_entries.is_empty() && request.upsert_entries.is_empty() {
        return invalid("At least one of remove_entries or upsert_entries must be provided");
    }
    let version = match &request.deployment_version {
        Some(version) => version.clone(),
        None => parsed_or_none(&request.version).unwrap_or_default(),
    };
    let metadata = service.deployments.update_metadata(&version, request)?;
    Ok(UpdateWorkerDeploymentVersionMetadataResponse { metadata }.into())
}

pub(super) fn set_manager(
    service: &mut Service,
    request: &SetWorkerDeploymentManagerRequest,
) -> Handled {
    if request.identity.is_empty() {
        return invalid("Identity is required");
    }
    check_deployment_name(&request.deployment_name, &service.config.limits)?;
    let now_ms = service.now_ms;
    let (previous_manager_identity, conflict_token) =
        service.deployments.set_manager(now_ms, request)?;
    Ok(SetWorkerDeploymentManagerResponse {
        conflict_token,
        previous_manager_identity,
    }
    .into())
}

/// Refuses the version sets of the first kind of versioning.
pub(super) fn version_sets() -> Handled {
    Err(status::permission_denied(
        "Worker versioning v0.1 (Version Set-based, deprecated) is disabled on this namespace.",
    ))
}

/// Refuses the rules of the second kind of versioning, and the reachability of its build ids.
pub(super) fn version_rules() -> Handled {
    Err(status::permission_denied(
        "Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace.",
    ))
}

/// Returns the versions that a task queue routes to, for its description.
pub(super) fn versioning_info(
    service: &Service,
    kind: QueueKind,
    name: &str,
) -> TaskQueueVersioningInfo {
    let routing = service.deployments.routing(kind.task_type(), name);
    let routing = routing.cloned().unwrap_or_default();
    let mut info = TaskQueueVersioningInfo {
        current_version: dotted(routing.current.version.as_ref()),
        current_deployment_version: routing.current.version.clone(),
        update_time: Some(routing.current_changed.unwrap_or_else(|| timestamp(0))),
        ..TaskQueueVersioningInfo::default()
    };
    if routing.is_ramping() {
        info.ramping_version = dotted(routing.ramping.version.as_ref());
        info.ramping_deployment_version
            .clone_from(&routing.ramping.version);
        info.ramping_version_percentage = routing.percentage;
        let changes = [routing.current_changed, routing.ramping_changed];
        let last = changes.into_iter().flatten();
        info.update_time = last
            .max_by_key(|at| (at.seconds, at.nanos))
            .or(info.update_time);
    }
    info
}

/// Reads a version that is named by a text.
fn parsed(text: &str) -> Result<Option<Version>, Status> {
    versions::parse(text).or_else(|_| {
        invalid(format!(
            "invalid version string {text:?}, expected format is \"<deployment_name>.<build_id>\""
        ))
    })
}

fn parsed_or_none(text: &str) -> Option<Version> {
    versions::parse(text).unwrap_or_default()
}

fn check_version(version: &Version, service: &Service) -> Result<(), Status> {
    check_deployment_name(&version.deployment_name, &service.config.limits)?;
    check_build_id(&version.build_id, &service.config.limits)
}

/// Checks a version that is to be promoted, and its deployment.
fn check_promoted(promotion: &Promotion<'_>, limits: &Limits) -> Result<(), Status> {
    let (text, deployment) = (promotion.version.as_str(), promotion.deployment);
    if text.is_empty() {
        return check_deployment_name(deployment, limits);
    }
    let version = versions::parse(text)
        .map_err(|why| Status::invalid_argument(format!("invalid version string: {why}")))?;
    if let Some(version) = &version
        && version.deployment_name != deployment
    {
        return invalid(format!(
            "invalid version string '{text}' does not match deployment name '{deployment}'"
        ));
    }
    check_deployment_name(deployment, limits)?;
    match version.filter(|_| promotion.allows_no_pollers) {
        Some(version) => check_build_id(&version.build_id, limits),
        None => Ok(()),
    }
}
