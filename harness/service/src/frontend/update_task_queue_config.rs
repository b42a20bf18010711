//! UpdateTaskQueueConfig: the rate of a task queue, and what its fairness keys weigh.
//!
//! The rate of the whole queue is kept. That of fairness keys and their weights are shown, and
//! change nothing: by default a server orders no tasks by fairness.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`,
//! `service/matching/matching_engine.go` (`UpdateTaskQueueConfig`).

use tonic::Status;

use crate::{
    api::{
        rpc::{
            UpdateTaskQueueConfigRequest, UpdateTaskQueueConfigResponse,
            update_task_queue_config_request::RateLimitUpdate,
        },
        taskqueue::{ConfigMetadata, RateLimitConfig},
    },
    base::time::timestamp,
    frontend::answer::Handled,
    matching,
    state::{service::Service, task_queues::QueueKind},
};

/// The weights that one queue may have (`matching.maxFairnessKeyWeightOverrides`).
const MAX_WEIGHTS: usize = 1000;

pub(super) fn handle(service: &mut Service, request: UpdateTaskQueueConfigRequest) -> Handled {
    let now_ms = service.now_ms;
    let kind = QueueKind::of_task_type(request.task_queue_type());
    let queue = service.task_queues.key(kind, &request.task_queue);
    let limit = &mut service.task_queues.queue_mut(queue).limit;
    let limit = limit.get_or_insert_default();
    let mut config = limit.config.clone();
    let identity = &request.identity;
    if let Some(update) = request.update_queue_rate_limit {
        config.queue_rate_limit = Some(updated(update, identity, now_ms));
    }
    if let Some(update) = request.update_fairness_key_rate_limit_default {
        config.fairness_keys_rate_limit_default = Some(updated(update, identity, now_ms));
    }
    for key in request.unset_fairness_weight_overrides {
        config.fairness_weight_overrides.remove(&key);
    }
    let new = request.set_fairness_weight_overrides;
    config.fairness_weight_overrides.extend(new);
    if config.fairness_weight_overrides.len() > MAX_WEIGHTS {
        return Err(Status::invalid_argument(
            "fairness weight overrides update rejected: exceeding maximum key size",
        ));
    }
    limit.change(now_ms, |limit| limit.config = config.clone());
    matching::resume(service, queue);
    Ok(UpdateTaskQueueConfigResponse {
        config: Some(config),
    }
    .into())
}

/// Returns a rate as it is from now on. An update without a rate removes it.
fn updated(update: RateLimitUpdate, identity: &str, now_ms: u64) -> RateLimitConfig {
    RateLimitConfig {
        rate_limit: update.rate_limit,
        metadata: Some(ConfigMetadata {
            reason: update.reason,
            update_identity: identity.to_owned(),
            update_time: Some(timestamp(now_ms)),
        }),
    }
}
