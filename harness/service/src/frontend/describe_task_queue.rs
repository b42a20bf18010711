//! DescribeTaskQueue.
//!
//! Clients ask in three ways: for one queue; for the same with the status that servers had in
//! former times; and, in the enhanced mode, for the queues of all kinds that have one name, by
//! build id. The last two are deprecated, and the `temporal` command line uses them.
//!
//! Source: `temporalio/temporal: service/matching/matching_engine.go` (`DescribeTaskQueue`).

#![allow(deprecated, reason = "clients ask in the deprecated ways")]

use std::collections::BTreeSet;

use tonic::Status;

use crate::{
    api::{
        enums::{BuildIdTaskReachability, DescribeTaskQueueMode, TaskQueueKind, TaskQueueType},
        rpc::{DescribeTaskQueueRequest, DescribeTaskQueueResponse},
        taskqueue::{TaskIdBlock, TaskQueueStatus, TaskQueueTypeInfo, TaskQueueVersionInfo},
    },
    frontend::{answer::Handled, system},
    state::service::Service,
};

/// The build id of the workers that have none.
const UNVERSIONED: &str = "";
/// The ids that a queue takes for its tasks at once (`matching.rangeSize`).
const TASK_IDS: i64 = 100_000;

pub(super) fn handle(service: &Service, request: &DescribeTaskQueueRequest) -> Handled {
    if request.api_mode() == DescribeTaskQueueMode::Enhanced {
        return by_build_ids(service, request);
    }
    let mut request = request.clone();
    request.report_stats |= request.include_task_queue_status;
    let mut response = described(service, &request);
    if request.include_task_queue_status {
        response.task_queue_status = Some(status(&response));
    }
    Ok(response.into())
}

/// Describes a queue, with one poller for each worker, whose polls may be many.
fn described(service: &Service, request: &DescribeTaskQueueRequest) -> DescribeTaskQueueResponse {
    let mut response = system::describe_task_queue(service, request);
    let mut identities = BTreeSet::new();
    response
        .pollers
        .retain(|poller| identities.insert(poller.identity.clone()));
    response
}

/// Returns the status of a queue in the older form.
fn status(response: &DescribeTaskQueueResponse) -> TaskQueueStatus {
    let backlog = response.stats.as_ref();
    let rate = response.effective_rate_limit.as_ref();
    TaskQueueStatus {
        backlog_count_hint: backlog.map_or(0, |stats| stats.approximate_backlog_count),
        rate_per_second: rate.map_or(0.0, |limit| limit.requests_per_second.into()),
        task_id_block: Some(TaskIdBlock {
            start_id: 1,
            end_id: TASK_IDS,
        }),
        ..TaskQueueStatus::default()
    }
}

/// Describes the queues of all kinds that have one name. The rules that assign build ids to tasks
/// do not exist here, so no worker and no task counts for a build id.
fn by_build_ids(service: &Service, request: &DescribeTaskQueueRequest) -> Handled {
    let queue = request.task_queue.clone().unwrap_or_default();
    if queue.kind() == TaskQueueKind::Sticky {
        return Err(Status::invalid_argument(
            "Enhanced DescribeTaskQueue is not valid for a sticky queue, use \
             api_mode=UNSPECIFIED or a normal queue.",
        ));
    }
    let mut build_ids = vec![UNVERSIONED.to_owned()];
    if let Some(selection) = &request.versions {
        build_ids.clone_from(&selection.build_ids);
        if selection.unversioned {
            build_ids.push(UNVERSIONED.to_owned());
        }
    }
    let versions_info = build_ids
        .into_iter()
        .map(|build_id| {
            let info = version_info(service, request, &build_id);
            (build_id, info)
        })
        .collect();
    Ok(DescribeTaskQueueResponse {
        versions_info,
        ..DescribeTaskQueueResponse::default()
    }
    .into())
}

fn version_info(
    service: &Service,
    request: &DescribeTaskQueueRequest,
    build_id: &str,
) -> TaskQueueVersionInfo {
    if build_id != UNVERSIONED {
        return TaskQueueVersionInfo {
            task_reachability: reachability(request, BuildIdTaskReachability::Unreachable),
            ..TaskQueueVersionInfo::default()
        };
    }
    let mut types: Vec<_> = request.task_queue_types().collect();
    if types.is_empty() {
        types = vec![TaskQueueType::Workflow, TaskQueueType::Activity];
    }
    let of_type = |queue_type: TaskQueueType| {
        let mut request = request.clone();
        request.set_task_queue_type(queue_type);
        let described = described(service, &request);
        let info = TaskQueueTypeInfo {
            pollers: if request.report_pollers {
                described.pollers
            } else {
                Vec::new()
            },
            stats: request
                .report_stats
                .then(|| described.stats.unwrap_or_default()),
        };
        (queue_type.into(), info)
    };
    TaskQueueVersionInfo {
        types_info: types.into_iter().map(of_type).collect(),
        task_reachability: reachability(request, BuildIdTaskReachability::Reachable),
    }
}

fn reachability(request: &DescribeTaskQueueRequest, found: BuildIdTaskReachability) -> i32 {
    if request.report_task_reachability {
        found.into()
    } else {
        BuildIdTaskReachability::Unspecified.into()
    }
}
