//! The executions of a batch operation.

use tonic::Status;

use crate::{
    api::{
        batch::batch_operation_unpause_activities::Activity as ToUnpause,
        common::Execution,
        enums::ExecutionType,
        rpc::{StartBatchOperationRequest, start_batch_operation_request::Operation},
    },
    base::search_attributes::PAUSE_INFO,
    batch_operation::{PAGE, target_type},
    frontend::{
        activity_executions,
        batch_operations::{named, targets},
        list_workflow_executions,
    },
    state::service::Service,
};

/// The filter for operations that closed runs do not take.
const OPEN: &str = "ExecutionStatus='Running' OR ExecutionStatus='Paused'";

/// Returns the executions of a job, and the number of them in a page.
///
/// # Errors
///
/// Those of a list of workflows, for a query that names an unknown attribute, say.
pub(super) fn find(
    service: &Service,
    request: &StartBatchOperationRequest,
) -> Result<(Vec<Execution>, usize), Status> {
    let named = named(request);
    if !named.is_empty() {
        let page = named.len();
        return Ok((named, page));
    }
    let of_activities = request
        .operation
        .as_ref()
        .is_some_and(|operation| target_type(operation) == ExecutionType::Activity);
    let found = if of_activities {
        activity_executions::all(service, &query(request))?
    } else {
        list_workflow_executions::all(service, &query(request))?
    };
    Ok((targets(request, found), PAGE))
}

/// Returns the query of a job. The activities of a type are found by what is paused in their
/// workflows, whatever query came with the request.
fn query(request: &StartBatchOperationRequest) -> String {
    let query = match &request.operation {
        Some(Operation::UnpauseActivitiesOperation(unpause)) => match &unpause.activity {
            Some(ToUnpause::Type(name)) => {
                let name = name.replace('\\', "\\\\").replace('\'', "\\'");
                format!("{PAUSE_INFO} = 'property:activityType={name}'")
            }
            _ => request.visibility_query.clone(),
        },
        _ => request.visibility_query.clone(),
    };
    let takes_closed = matches!(
        request.operation,
        Some(
            Operation::DeletionOperation(_)
                | Operation::ResetOperation(_)
                | Operation::DeleteActivitiesOperation(_)
        )
    );
    if takes_closed {
        query
    } else {
        format!("({query}) AND ({OPEN})")
    }
}
