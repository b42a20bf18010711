//! The checks of changes to the configuration of a task queue.
//!
//! Source: `temporalio/temporal: service/frontend/{workflow_handler,validators}.go`.

use tonic::Status;

use crate::{
    api::{
        enums::TaskQueueType,
        rpc::{UpdateTaskQueueConfigRequest, update_task_queue_config_request::RateLimitUpdate},
    },
    base::{checks::invalid, config::Limits},
};

/// The weights that one request may name (`matching.maxFairnessKeyWeightOverrides`).
const MAX_WEIGHTS: usize = 1000;
/// The length of a fairness key, in bytes.
const MAX_KEY_BYTES: usize = 64;
/// The length of a reason, in bytes.
const MAX_REASON_BYTES: usize = 1000;

pub(super) fn update(
    request: &UpdateTaskQueueConfigRequest,
    limits: &Limits,
) -> Result<(), Status> {
    let is_workflow = request.task_queue_type() == TaskQueueType::Workflow;
    let has_rate = |update: Option<&RateLimitUpdate>| {
        is_workflow && update.is_some_and(|update| update.rate_limit.is_some())
    };
    let of_queue = request.update_queue_rate_limit.as_ref();
    if has_rate(of_queue) {
        return invalid("Setting rate limit on workflow task queues is not allowed.");
    }
    rate(of_queue, "UpdateQueueRateLimit")?;
    let of_keys = request.update_fairness_key_rate_limit_default.as_ref();
    if has_rate(of_keys) {
        return invalid("Setting fairness key rate limit on workflow task queues is not allowed.");
    }
    rate(of_keys, "UpdateFairnessKeyRateLimitDefault")?;
    length("Identity", &request.identity, limits.id_length)?;
    weights(request)?;
    if request.task_queue.starts_with("/_sys/") {
        return invalid(format!(
            "task queue family name cannot have prefix /_sys/ {}",
            request.task_queue
        ));
    }
    Ok(())
}

fn rate(update: Option<&RateLimitUpdate>, label: &str) -> Result<(), Status> {
    let Some(update) = update else { return Ok(()) };
    let Some(limit) = update.rate_limit else {
        return Ok(());
    };
    // The server takes what is no number, and shows it to those who ask.
    if limit.requests_per_second < 0.0 || limit.requests_per_second.is_nan() {
        return invalid(format!(
            "RequestsPerSecond for {label} rate limit must be non-negative."
        ));
    }
    length(&format!("{label}.Reason"), &update.reason, MAX_REASON_BYTES)
}

fn length(field: &str, value: &str, max: usize) -> Result<(), Status> {
    if value.len() > max {
        return invalid(format!("{field} field too long (max {max} characters)."));
    }
    Ok(())
}

fn weights(request: &UpdateTaskQueueConfigRequest) -> Result<(), Status> {
    let (set, unset) = (
        &request.set_fairness_weight_overrides,
        &request.unset_fairness_weight_overrides,
    );
    let named = set.len() + unset.len();
    if named > MAX_WEIGHTS {
        return invalid(format!(
            "too many fairness weight overrides in request: got {named}, maximum {MAX_WEIGHTS}"
        ));
    }
    if set.keys().chain(unset).any(String::is_empty) {
        return invalid("fairness weight override key must not be empty");
    }
    if set.keys().chain(unset).any(|key| key.len() > MAX_KEY_BYTES) {
        return invalid("fairness key length exceeds limit");
    }
    let refused =
        |(key, weight): (&String, &f32)| (*weight <= 0.0 || weight.is_nan()).then(|| key.clone());
    if let Some(key) = set.iter().filter_map(refused).min() {
        return invalid(format!(
            "invalid fairness weight weight for key {key:?}: must be greater than zero"
        ));
    }
    if let Some(key) = unset.iter().find(|key| set.contains_key(*key)) {
        return invalid(format!(
            "fairness weight override key {key:?} present in both set and unset lists"
        ));
    }
    Ok(())
}
