//! Requests of operators about activities.

use prost_types::Duration;
use temporalio_protos::temporal::api::common::v1::{Priority, WorkflowExecution};
use tonic::Status;

use crate::{
    base::{
        checks::{self, invalid},
        config::Limits,
        time::validate_and_cap,
    },
    frontend::validate::execution,
};

/// Checks a request about the activities of a workflow.
pub(super) fn of_workflow(
    workflow: Option<&WorkflowExecution>,
    names_activity: bool,
) -> Result<(), Status> {
    if workflow.is_none_or(|workflow| workflow.workflow_id.is_empty()) {
        return invalid("WorkflowId is not set on request.");
    }
    execution(workflow)?;
    if !names_activity {
        return invalid("Either Activity.Id or Activity.Type should be set on request.");
    }
    Ok(())
}

pub(super) fn priority(priority: Option<&Priority>) -> Result<(), Status> {
    checks::priority(priority)
}

/// The fields that name an activity execution and its caller.
pub(super) struct Named<'a> {
    pub(super) activity_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) request_id: &'a str,
    pub(super) identity: &'a str,
}

macro_rules! named {
    ($request:expr) => {
        crate::frontend::validate::activity::Named {
            activity_id: &$request.activity_id,
            run_id: &$request.run_id,
            request_id: &$request.request_id,
            identity: &$request.identity,
        }
    };
}
pub(super) use named;

/// Checks a request about an activity execution.
///
/// Source: `temporalio/temporal: chasm/lib/activity/validator.go`.
pub(super) fn of_execution(named: &Named<'_>, limits: &Limits) -> Result<(), Status> {
    let too_long = |name: &str, value: &str| {
        let (length, limit) = (value.len(), limits.id_length);
        if length > limit {
            return invalid(format!(
                "{name} exceeds length limit. Length={length} Limit={limit}"
            ));
        }
        Ok(())
    };
    too_long("request ID", named.request_id)?;
    if named.activity_id.is_empty() {
        return invalid("activity ID is required");
    }
    too_long("activity ID", named.activity_id)?;
    too_long("identity", named.identity)?;
    if !named.run_id.is_empty() && uuid::Uuid::try_parse(named.run_id).is_err() {
        return invalid("invalid run id: must be a valid UUID");
    }
    Ok(())
}

/// Checks a reason, which may be as large as a payload.
pub(super) fn reason(reason: &str, limits: &Limits) -> Result<(), Status> {
    if reason.len() > limits.payload_bytes {
        return invalid("reason exceeds length limit");
    }
    Ok(())
}

pub(super) fn jitter(jitter: Option<&mut Duration>) -> Result<(), Status> {
    validate_and_cap(jitter).or_else(|why| invalid(format!("invalid jitter: {why}")))
}
