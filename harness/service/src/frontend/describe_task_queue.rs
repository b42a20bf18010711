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
        common::WorkerVersionCapabilities,
        enums::{BuildIdTaskReachability, DescribeTaskQueueMode, TaskQueueKind, TaskQueueType},
        rpc::{
            DescribeTaskQueueRequest, DescribeTaskQueueResponse,
            describe_task_queue_response::EffectiveRateLimit,
        },
        taskqueue::{
            PollerInfo, TaskIdBlock, TaskQueueStats, TaskQueueStatus, TaskQueueTypeInfo,
            TaskQueueVersionInfo,
        },
    },
    base::time::{duration, duration_ms, timestamp},
    frontend::{answer::Handled, worker_deployments::versioning_info},
    state::{
        rate_limits::RateLimit,
        service::Service,
        task_queues::{Poller, QueueKind, TaskQueue},
    },
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

/// Describes a queue: its pollers, its rate, its backlog and the versions that it routes to.
fn described(service: &Service, request: &DescribeTaskQueueRequest) -> DescribeTaskQueueResponse {
    let kind = QueueKind::of_task_type(request.task_queue_type());
    let name = request.task_queue.as_ref().map_or("", |queue| &queue.name);
    let mut response = DescribeTaskQueueResponse {
        versioning_info: Some(versioning_info(service, kind, name)),
        ..DescribeTaskQueueResponse::default()
    };
    let queue = service.task_queues.find(kind, name);
    let limit = queue.and_then(|queue| queue.limit.as_ref());
    let (rate, source) = limit.map_or_else(RateLimit::of_system, |limit| limit.effective());
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the message has rates of half the precision"
    )]
    let effective = EffectiveRateLimit {
        requests_per_second: rate as f32,
        rate_limit_source: source.into(),
    };
    response.effective_rate_limit = Some(effective);
    if request.report_config {
        response.config = limit.map(|limit| limit.config.clone());
    }
    if let Some(queue) = queue {
        response.pollers = pollers(queue);
        if request.report_stats {
            let is_limited = limit.is_some_and(|limit| limit.is_active());
            let of_priorities = queue.backlog.stats(service.now_ms);
            let of_priorities: Vec<_> = of_priorities
                .map(|(priority, mut stats)| {
                    stats.rate_limiting_active = is_limited;
                    (priority, stats)
                })
                .collect();
            response.stats = Some(sum(of_priorities.iter().map(|(_, stats)| stats)));
            response.stats_by_priority_key = of_priorities.into_iter().collect();
        }
    }
    response
}

/// Returns the waiting pollers of a queue: one for each worker, whose polls may be many.
fn pollers(queue: &TaskQueue) -> Vec<PollerInfo> {
    let mut identities = BTreeSet::new();
    let mut pollers: Vec<_> = queue.pollers.iter().collect();
    pollers.retain(|poller| identities.insert(&poller.identity));
    let info = |poller: &Poller| {
        let version = poller.worker_version.as_deref();
        let stamp = version.and_then(|version| version.stamp.as_ref());
        PollerInfo {
            last_access_time: queue.last_poll_ms.map(timestamp),
            identity: poller.identity.to_string(),
            worker_version_capabilities: stamp.map(|stamp| WorkerVersionCapabilities {
                build_id: stamp.build_id.clone(),
                use_versioning: stamp.use_versioning,
                ..WorkerVersionCapabilities::default()
            }),
            deployment_options: version.and_then(|version| version.options.clone()),
            ..PollerInfo::default()
        }
    };
    pollers.into_iter().map(info).collect()
}

/// Returns the statistics of all priorities together.
///
/// Source: `temporalio/temporal: common/taskqueue` (`MergeStats`).
fn sum<'a>(of_priorities: impl Iterator<Item = &'a TaskQueueStats>) -> TaskQueueStats {
    let mut sum = TaskQueueStats {
        approximate_backlog_age: Some(duration(0)),
        ..TaskQueueStats::default()
    };
    for stats in of_priorities {
        let age_ms = |stats: &TaskQueueStats| duration_ms(stats.approximate_backlog_age.as_ref());
        let oldest_ms = age_ms(&sum).max(age_ms(stats));
        sum.approximate_backlog_age = Some(duration(oldest_ms));
        sum.approximate_backlog_count += stats.approximate_backlog_count;
        sum.tasks_add_rate += stats.tasks_add_rate;
        sum.tasks_dispatch_rate += stats.tasks_dispatch_rate;
        sum.rate_limiting_active |= stats.rate_limiting_active;
    }
    sum
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
