//! Requests about standalone Nexus operations.
//!
//! Source: `temporalio/temporal: chasm/lib/nexusoperation/validator.go`.

use prost::Message;
use temporalio_protos::temporal::api::{
    enums::v1::{
        NexusOperationIdConflictPolicy, NexusOperationIdReusePolicy, NexusOperationWaitStage,
    },
    workflowservice::v1::{
        PollNexusOperationExecutionRequest, StartNexusOperationExecutionRequest,
    },
};
use tonic::Status;

use crate::base::{
    checks::{invalid, known},
    config::Limits,
    time::{limit_ms, validate_and_cap},
};

/// The longest name of a service or an operation, and the longest reason
/// (`nexusoperation.limit.service.name.length` and the like).
const LENGTH: usize = 1000;
/// The size of the header, in bytes (`nexusoperation.limit.header.size`).
const HEADER_BYTES: usize = 8192;

fn length(field: &str, value: &str, limit: usize) -> Result<(), Status> {
    if value.len() > limit {
        return invalid(format!(
            "{field} exceeds length limit. Length={} Limit={limit}",
            value.len()
        ));
    }
    Ok(())
}

/// Checks the ids of an operation.
pub(super) fn operation(operation_id: &str, run_id: &str, limits: &Limits) -> Result<(), Status> {
    if operation_id.is_empty() {
        return invalid("operation_id is required");
    }
    length("operation_id", operation_id, limits.id_length)?;
    if !run_id.is_empty() && uuid::Uuid::try_parse(run_id).is_err() {
        return invalid("invalid run id: must be a valid UUID");
    }
    Ok(())
}

/// Checks what requests to cancel and to terminate have in common.
pub(super) fn stop(
    request_id: &str,
    identity: &str,
    reason: &str,
    limits: &Limits,
) -> Result<(), Status> {
    length("request_id", request_id, limits.id_length)?;
    length("identity", identity, limits.id_length)?;
    length("reason", reason, LENGTH)
}

pub(super) fn poll(
    request: &mut PollNexusOperationExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    let stage = request.wait_stage;
    if NexusOperationWaitStage::try_from(stage).is_err() {
        return invalid(format!("unsupported wait_stage: {stage}"));
    }
    if request.wait_stage() == NexusOperationWaitStage::Unspecified {
        request.set_wait_stage(NexusOperationWaitStage::Closed);
    }
    operation(&request.operation_id, &request.run_id, limits)
}

pub(super) fn start(
    request: &mut StartNexusOperationExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    length("request_id", &request.request_id, limits.id_length)?;
    operation(&request.operation_id, "", limits)?;
    length("identity", &request.identity, limits.id_length)?;
    for (field, value) in [
        ("endpoint", &request.endpoint),
        ("service", &request.service),
        ("operation", &request.operation),
    ] {
        if value.is_empty() {
            return invalid(format!("{field} is required"));
        }
        length(field, value, LENGTH)?;
    }
    timeouts(request)?;
    let size = request.input.as_ref().map_or(0, Message::encoded_len);
    if size > limits.payload_bytes {
        return invalid(format!(
            "input exceeds size limit. Length={size} Limit={}",
            limits.payload_bytes
        ));
    }
    let header = std::mem::take(&mut request.nexus_header);
    let lower = |(name, value): (String, String)| (name.to_lowercase(), value);
    request.nexus_header = header.into_iter().map(lower).collect();
    let sizes = request.nexus_header.iter();
    if sizes
        .map(|(name, value)| name.len() + value.len())
        .sum::<usize>()
        > HEADER_BYTES
    {
        return invalid("nexus_header exceeds size limit");
    }
    known::<NexusOperationIdReusePolicy>("id_reuse_policy", request.id_reuse_policy)?;
    known::<NexusOperationIdConflictPolicy>("id_conflict_policy", request.id_conflict_policy)?;
    if !request.completion_callbacks.is_empty() {
        return Err(Status::unimplemented(
            "completion_callbacks: those of standalone Nexus operations are not simulated",
        ));
    }
    Ok(())
}

/// Checks the timeouts. Schedule-to-close bounds the others.
fn timeouts(request: &mut StartNexusOperationExecutionRequest) -> Result<(), Status> {
    for (field, timeout) in [
        (
            "schedule_to_close_timeout",
            &mut request.schedule_to_close_timeout,
        ),
        (
            "schedule_to_start_timeout",
            &mut request.schedule_to_start_timeout,
        ),
        (
            "start_to_close_timeout",
            &mut request.start_to_close_timeout,
        ),
    ] {
        validate_and_cap(timeout.as_mut())
            .or_else(|why| invalid(format!("{field} is invalid: {why}")))?;
    }
    let bound = request.schedule_to_close_timeout;
    let Some(bound_ms) = limit_ms(bound.as_ref()) else {
        return Ok(());
    };
    for timeout in [
        &mut request.schedule_to_start_timeout,
        &mut request.start_to_close_timeout,
    ] {
        if limit_ms(timeout.as_ref()).is_some_and(|ms| ms > bound_ms) {
            *timeout = bound;
        }
    }
    Ok(())
}
