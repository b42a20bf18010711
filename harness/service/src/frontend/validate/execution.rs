//! Requests about one run.

use temporalio_protos::temporal::api::{
    enums::v1::{HistoryEventFilterType, QueryRejectCondition, ResetReapplyType},
    workflowservice::v1::{
        GetWorkflowExecutionHistoryRequest, QueryWorkflowRequest, ResetWorkflowExecutionRequest,
        SignalWorkflowExecutionRequest, TerminateWorkflowExecutionRequest,
        UnpauseWorkflowExecutionRequest, UpdateWorkflowExecutionOptionsRequest,
    },
};
use tonic::Status;

use crate::{
    base::{
        checks::{blob_size, invalid, known, priority},
        config::Limits,
    },
    frontend::validate::execution,
};

pub(super) fn signal(
    request: &SignalWorkflowExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    execution(request.workflow_execution.as_ref())?;
    if request.signal_name.is_empty() {
        return invalid("SignalName is not set on request.");
    }
    if request.signal_name.len() > limits.id_length {
        return invalid("SignalName length exceeds limit.");
    }
    if request.request_id.len() > limits.id_length {
        return invalid("RequestId length exceeds limit.");
    }
    blob_size(request.input.as_ref(), limits)
}

pub(super) fn query(request: &mut QueryWorkflowRequest, limits: &Limits) -> Result<(), Status> {
    execution(request.execution.as_ref())?;
    let Some(query) = &request.query else {
        return invalid("WorkflowQuery is not set on request.");
    };
    if query.query_type.is_empty() {
        return invalid("QueryType is not set on request.");
    }
    blob_size(query.query_args.as_ref(), limits)?;
    let condition =
        known::<QueryRejectCondition>("QueryRejectCondition", request.query_reject_condition)?;
    if condition == QueryRejectCondition::Unspecified {
        request.set_query_reject_condition(QueryRejectCondition::None);
    }
    Ok(())
}

/// Checks a termination. If it names neither an identity nor a reason, it is marked as a user's, to
/// tell it from the server's own.
pub(super) fn terminate(request: &mut TerminateWorkflowExecutionRequest) -> Result<(), Status> {
    execution(request.workflow_execution.as_ref())?;
    if request.reason.is_empty() {
        "terminated by user via frontend".clone_into(&mut request.reason);
    }
    if request.identity.is_empty() {
        "frontend-service".clone_into(&mut request.identity);
    }
    Ok(())
}

pub(super) fn unpause(
    request: &UnpauseWorkflowExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    let fields = [
        ("reason", &request.reason),
        ("request id", &request.request_id),
        ("identity", &request.identity),
    ];
    for (name, value) in fields {
        if value.len() > limits.id_length {
            return invalid(format!("{name} is too long."));
        }
    }
    Ok(())
}

#[allow(
    deprecated,
    reason = "callers still send the old field, and the server still takes it"
)]
pub(super) fn reset(
    request: &mut ResetWorkflowExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    if request.request_id.is_empty() {
        return invalid("RequestId is not set on request.");
    }
    if request.request_id.len() > limits.id_length {
        return invalid("RequestId length exceeds limit.");
    }
    execution(request.workflow_execution.as_ref())?;
    // The server answers INTERNAL here, but the mistake is the caller's.
    known::<ResetReapplyType>("reset reapply type", request.reset_reapply_type)?;
    if request.reset_reapply_type() == ResetReapplyType::Unspecified {
        request.set_reset_reapply_type(ResetReapplyType::AllEligible);
    }
    Ok(())
}

pub(super) fn update_options(
    request: &UpdateWorkflowExecutionOptionsRequest,
) -> Result<(), Status> {
    execution(request.workflow_execution.as_ref())?;
    if request.update_mask.is_none() {
        return invalid("UpdateMask is required");
    }
    let Some(options) = &request.workflow_execution_options else {
        return invalid("WorkflowExecutionOptions is required");
    };
    priority(options.priority.as_ref())
}

pub(super) fn history(
    request: &mut GetWorkflowExecutionHistoryRequest,
    limits: &Limits,
) -> Result<(), Status> {
    execution(request.execution.as_ref())?;
    page_size(&mut request.maximum_page_size, limits);
    let filter = known::<HistoryEventFilterType>(
        "HistoryEventFilterType",
        request.history_event_filter_type,
    )?;
    if filter == HistoryEventFilterType::Unspecified {
        request.set_history_event_filter_type(HistoryEventFilterType::AllEvent);
    }
    Ok(())
}

/// Limits the page size; 0 is replaced by the limit.
pub(super) fn page_size(asked: &mut i32, limits: &Limits) {
    let limit = i32::try_from(limits.history_page_events).unwrap_or(i32::MAX);
    if *asked <= 0 || *asked > limit {
        *asked = limit;
    }
}
