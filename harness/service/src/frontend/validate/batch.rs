//! The checks of requests about batch operations.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`,
//! `service/worker/batcher/workflow.go` (`ValidateBatchOperation`).

use tonic::Status;

use crate::{
    api::{
        batch::{
            BatchOperationReset, BatchOperationResetActivities, BatchOperationUnpauseActivities,
            BatchOperationUpdateActivityOptions,
            batch_operation_reset_activities::Activity as ToReset,
            batch_operation_unpause_activities::Activity as ToUnpause,
            batch_operation_update_activity_options::Activity as ToUpdate,
        },
        enums::{ExecutionType, ResetType},
        rpc::{
            StartBatchOperationRequest, StopBatchOperationRequest,
            start_batch_operation_request::Operation,
        },
    },
    base::checks::invalid,
    batch_operation::target_type,
};

const TYPE_OR_ALL: &str = "Either activity type must be set, or match all should be set to true";

pub(super) fn start(request: &StartBatchOperationRequest) -> Result<(), Status> {
    let Some(operation) = &request.operation else {
        return incomplete();
    };
    #[allow(deprecated, reason = "clients still send the older list")]
    let selectors = [
        !request.visibility_query.is_empty(),
        !request.executions.is_empty(),
        !request.target_executions.is_empty(),
    ];
    let selectors = selectors.iter().filter(|is_set| **is_set).count();
    if request.reason.is_empty() || selectors == 0 {
        return incomplete();
    }
    if request.job_id.is_empty() {
        return invalid(NO_JOB_ID);
    }
    if selectors > 1 {
        return invalid(
            "visibility query, executions, and target executions are mutually exclusive",
        );
    }
    let expected = target_type(operation);
    for (index, target) in request.target_executions.iter().enumerate() {
        if target.r#type() != expected {
            return invalid(format!(
                "target_executions[{index}] has type {}, but operation \
                 *workflowservice.StartBatchOperationRequest_{} requires {}",
                type_name(target.r#type()),
                go_name(operation),
                type_name(expected)
            ));
        }
    }
    check(operation)
}

const NO_JOB_ID: &str = "JobId is not set on request.";

fn incomplete() -> Result<(), Status> {
    invalid(
        "must provide required parameters: BatchType,Reason,Namespace, AND one of (Query OR \
         Executions OR TargetExecutions)",
    )
}

fn type_name(execution_type: ExecutionType) -> &'static str {
    match execution_type {
        ExecutionType::Unspecified => "Unspecified",
        ExecutionType::Workflow => "Workflow",
        ExecutionType::Activity => "Activity",
        ExecutionType::NexusOperation => "NexusOperation",
    }
}

/// Returns the name of an operation in the server's words.
fn go_name(operation: &Operation) -> &'static str {
    match operation {
        Operation::TerminationOperation(_) => "TerminationOperation",
        Operation::SignalOperation(_) => "SignalOperation",
        Operation::CancellationOperation(_) => "CancellationOperation",
        Operation::DeletionOperation(_) => "DeletionOperation",
        Operation::ResetOperation(_) => "ResetOperation",
        Operation::UpdateWorkflowOptionsOperation(_) => "UpdateWorkflowOptionsOperation",
        Operation::UnpauseActivitiesOperation(_) => "UnpauseActivitiesOperation",
        Operation::ResetActivitiesOperation(_) => "ResetActivitiesOperation",
        Operation::UpdateActivityOptionsOperation(_) => "UpdateActivityOptionsOperation",
        Operation::CancelActivitiesOperation(_) => "CancelActivitiesOperation",
        Operation::TerminateActivitiesOperation(_) => "TerminateActivitiesOperation",
        Operation::DeleteActivitiesOperation(_) => "DeleteActivitiesOperation",
    }
}

fn check(operation: &Operation) -> Result<(), Status> {
    match operation {
        Operation::SignalOperation(signal) if signal.signal.is_empty() => {
            invalid("must provide signal name")
        }
        Operation::UpdateWorkflowOptionsOperation(update) => {
            if update.workflow_execution_options.is_none() {
                return invalid("must provide UpdateOptions");
            }
            if update.update_mask.is_none() {
                return invalid("must provide UpdateMask");
            }
            Ok(())
        }
        Operation::ResetOperation(reset) => check_reset(reset),
        Operation::UnpauseActivitiesOperation(unpause) => check_unpause(unpause),
        Operation::ResetActivitiesOperation(reset) => check_reset_activities(reset),
        Operation::UpdateActivityOptionsOperation(update) => check_update(update),
        _ => Ok(()),
    }
}

fn check_reset(reset: &BatchOperationReset) -> Result<(), Status> {
    if let Some(options) = &reset.options {
        return match options.target {
            Some(_) => Ok(()),
            None => invalid("batch reset missing target"),
        };
    }
    #[allow(deprecated, reason = "clients still send the older field")]
    let number = reset.reset_type;
    match ResetType::try_from(number) {
        Ok(ResetType::Unspecified) => invalid("unknown batch reset type Unspecified"),
        Ok(_) => Ok(()),
        Err(_) => invalid(format!("unknown batch reset type {number}")),
    }
}

fn check_unpause(unpause: &BatchOperationUnpauseActivities) -> Result<(), Status> {
    match &unpause.activity {
        None => invalid("activity filter must be set"),
        Some(ToUnpause::Type(name)) => type_or_all(!name.is_empty()),
        Some(ToUnpause::MatchAll(all)) => type_or_all(*all),
    }
}

fn check_reset_activities(reset: &BatchOperationResetActivities) -> Result<(), Status> {
    match &reset.activity {
        None => invalid("must provide ActivityType or MatchAll"),
        Some(ToReset::Type(name)) => type_or_all(!name.is_empty()),
        Some(ToReset::MatchAll(all)) => type_or_all(*all),
    }
}

fn check_update(update: &BatchOperationUpdateActivityOptions) -> Result<(), Status> {
    match (update.activity_options.is_some(), update.restore_original) {
        (true, true) => return invalid("cannot set both activity options and restore original"),
        (false, false) => {
            return invalid(
                "Either activity type must be set, or restore original should be set to true",
            );
        }
        _ => {}
    }
    match &update.activity {
        // An execution that is tried without a filter fails.
        None => Ok(()),
        Some(ToUpdate::Type(name)) => type_or_all(!name.is_empty()),
        Some(ToUpdate::MatchAll(all)) => type_or_all(*all),
    }
}

fn type_or_all(is_set: bool) -> Result<(), Status> {
    if is_set { Ok(()) } else { invalid(TYPE_OR_ALL) }
}

pub(super) fn stop(request: &StopBatchOperationRequest) -> Result<(), Status> {
    job(&request.job_id)?;
    if request.reason.is_empty() {
        return invalid("Reason is not set on request.");
    }
    Ok(())
}

pub(super) fn job(job_id: &str) -> Result<(), Status> {
    if job_id.is_empty() {
        return invalid(NO_JOB_ID);
    }
    Ok(())
}
