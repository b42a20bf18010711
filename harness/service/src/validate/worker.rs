//! What workers send.

use temporalio_protos::temporal::api::{
    failure::v1::{Failure, failure::FailureInfo},
    taskqueue::v1::TaskQueue,
};
use tonic::Status;

use super::{invalid, task_queue};
use crate::config::Limits;

pub(super) fn poll(queue: &mut Option<TaskQueue>, poller: &str, limits: &Limits) -> Result<(), Status> {
    task_queue(queue, "", limits)?;
    identity(poller, limits)
}

pub(super) fn identity(identity: &str, limits: &Limits) -> Result<(), Status> {
    if identity.len() > limits.id_length {
        return invalid("Identity length exceeds limit.");
    }
    Ok(())
}

/// A worker fails an activity only with an application failure or with no failure at all.
pub(super) fn failure(failure: Option<&Failure>) -> Result<(), Status> {
    match failure {
        Some(Failure { failure_info: Some(FailureInfo::ApplicationFailureInfo(_)), .. }) | None => Ok(()),
        Some(_) => invalid("Failure must have ApplicationFailureInfo."),
    }
}

pub(super) fn activity_by_id(workflow_id: &str, activity_id: &str) -> Result<(), Status> {
    if activity_id.is_empty() {
        return invalid("ActivityId is not set on request.");
    }
    if workflow_id.is_empty() {
        return invalid("WorkflowId is not set on request.");
    }
    Ok(())
}
