//! Statuses whose details clients read.
//!
//! The details are encoded as gRPC encodes them: a `google.rpc.Status` that holds the detail
//! message.
//!
//! Source: `temporalio/api-go: serviceerror`.

use prost::Message;
use prost_types::Any;
use temporalio_protos::{
    google::rpc,
    temporal::api::{
        errordetails::v1::{
            ActivityExecutionAlreadyStartedFailure, MultiOperationExecutionFailure,
            NamespaceAlreadyExistsFailure, NamespaceNotFoundFailure,
            NexusOperationExecutionAlreadyStartedFailure, NotFoundFailure, PermissionDeniedFailure,
            QueryFailedFailure, ResourceExhaustedFailure, WorkflowExecutionAlreadyStartedFailure,
            WorkflowNotReadyFailure, multi_operation_execution_failure::OperationStatus,
        },
        failure::v1::{Failure, MultiOperationExecutionAborted},
    },
};
use tonic::{Code, Status};

use crate::base::reason::Reason;

const ERROR_DETAILS: &str = "temporal.api.errordetails.v1";

/// Returns ALREADY_EXISTS, with the run that exists and the request that started it.
pub(crate) fn already_started(
    message: impl Into<String>,
    start_request_id: &str,
    run_id: &str,
    first_execution_run_id: &str,
) -> Status {
    let detail = WorkflowExecutionAlreadyStartedFailure {
        start_request_id: start_request_id.to_owned(),
        run_id: run_id.to_owned(),
        first_execution_run_id: first_execution_run_id.to_owned(),
    };
    with_detail(
        Code::AlreadyExists,
        message,
        "WorkflowExecutionAlreadyStartedFailure",
        &detail,
    )
}

/// Returns ALREADY_EXISTS for the id of a standalone activity, with the activity that exists and
/// the request that started it.
pub(crate) fn activity_already_started(start_request_id: &str, run_id: &str) -> Status {
    let detail = ActivityExecutionAlreadyStartedFailure {
        start_request_id: start_request_id.to_owned(),
        run_id: run_id.to_owned(),
    };
    with_detail(
        Code::AlreadyExists,
        "activity execution already started",
        "ActivityExecutionAlreadyStartedFailure",
        &detail,
    )
}

/// Returns ALREADY_EXISTS for the id of a standalone Nexus operation, with the operation that
/// exists and the request that started it.
pub(crate) fn operation_already_started(start_request_id: &str, run_id: &str) -> Status {
    let detail = NexusOperationExecutionAlreadyStartedFailure {
        start_request_id: start_request_id.to_owned(),
        run_id: run_id.to_owned(),
    };
    with_detail(
        Code::AlreadyExists,
        "nexus operation execution already started",
        "NexusOperationExecutionAlreadyStartedFailure",
        &detail,
    )
}

/// Returns DEADLINE_EXCEEDED, for a caller that waits no longer.
pub(crate) fn deadline_exceeded() -> Status {
    Reason::DeadlineExceeded.on(Status::deadline_exceeded("context deadline exceeded"))
}

/// Returns NOT_FOUND with the details by which clients tell it from a proxy's.
pub(crate) fn not_found(message: impl Into<String>) -> Status {
    with_detail(
        Code::NotFound,
        message,
        "NotFoundFailure",
        &NotFoundFailure::default(),
    )
}

/// Returns NOT_FOUND for a workflow without runs.
pub(crate) fn workflow_not_found(workflow_id: &str) -> Status {
    not_found(format!("workflow not found for ID: {workflow_id}"))
}

/// Returns RESOURCE_EXHAUSTED, with its cause.
pub(crate) fn resource_exhausted(message: String, detail: ResourceExhaustedFailure) -> Status {
    with_detail(
        Code::ResourceExhausted,
        message,
        "ResourceExhaustedFailure",
        &detail,
    )
}

/// Returns NOT_FOUND for a namespace that is not registered.
pub(crate) fn namespace_not_found(name: &str) -> Status {
    let detail = NamespaceNotFoundFailure {
        namespace: name.to_owned(),
    };
    with_detail(
        Code::NotFound,
        format!("Namespace {name} is not found."),
        "NamespaceNotFoundFailure",
        &detail,
    )
}

/// Returns ALREADY_EXISTS for a namespace that is registered.
pub(crate) fn namespace_already_exists(name: &str) -> Status {
    with_detail(
        Code::AlreadyExists,
        format!("Namespace {name:?} already exists"),
        "NamespaceAlreadyExistsFailure",
        &NamespaceAlreadyExistsFailure {},
    )
}

/// Returns FAILED_PRECONDITION, with the details that say that the workflow is not ready.
pub(crate) fn workflow_not_ready(message: impl Into<String>) -> Status {
    with_detail(
        Code::FailedPrecondition,
        message,
        "WorkflowNotReadyFailure",
        &WorkflowNotReadyFailure {},
    )
}

/// Returns PERMISSION_DENIED, with the details that clients of the server get.
pub(crate) fn permission_denied(message: impl Into<String>) -> Status {
    with_detail(
        Code::PermissionDenied,
        message,
        "PermissionDeniedFailure",
        &PermissionDeniedFailure::default(),
    )
}

/// Returns INVALID_ARGUMENT for a query whose handler failed.
pub(crate) fn query_failed(message: impl Into<String>, failure: Option<Failure>) -> Status {
    with_detail(
        Code::InvalidArgument,
        message,
        "QueryFailedFailure",
        &QueryFailedFailure { failure },
    )
}

/// The outcome of one of two operations that were requested together.
pub(crate) enum Operation {
    Succeeded,
    /// The operation was not done because the other was refused.
    Aborted,
    Refused(Status),
}

impl From<Option<Status>> for Operation {
    fn from(refused: Option<Status>) -> Self {
        refused.map_or(Self::Aborted, Self::Refused)
    }
}

/// Returns the status of a start and an update that were requested together and of which at least
/// one was refused.
///
/// The code is that of the first refused operation.
pub(crate) fn multi_operation(operations: [Operation; 2]) -> Status {
    let code = operations.iter().find_map(|operation| match operation {
        Operation::Refused(status) => Some(status.code()),
        Operation::Succeeded | Operation::Aborted => None,
    });
    let code = code.unwrap_or(Code::Aborted);
    let statuses = operations.map(|operation| match operation {
        Operation::Succeeded => OperationStatus::default(),
        Operation::Aborted => aborted(),
        Operation::Refused(status) => operation_status(&status),
    });
    let detail = MultiOperationExecutionFailure {
        statuses: statuses.into(),
    };
    let message = "Update-with-Start could not be executed.";
    with_detail(code, message, "MultiOperationExecutionFailure", &detail)
}

fn operation_status(status: &Status) -> OperationStatus {
    let details = rpc::Status::decode(status.details())
        .map(|status| status.details)
        .unwrap_or_default();
    OperationStatus {
        code: status.code() as i32,
        message: status.message().to_owned(),
        details,
    }
}

fn aborted() -> OperationStatus {
    OperationStatus {
        code: Code::Aborted as i32,
        message: "Operation was aborted.".to_owned(),
        details: vec![any(
            "temporal.api.failure.v1.MultiOperationExecutionAborted",
            &MultiOperationExecutionAborted {},
        )],
    }
}

fn with_detail(
    code: Code,
    message: impl Into<String>,
    name: &str,
    detail: &impl Message,
) -> Status {
    let message = message.into();
    let status = rpc::Status {
        code: code as i32,
        message: message.clone(),
        details: vec![any(&format!("{ERROR_DETAILS}.{name}"), detail)],
    };
    Status::with_details(code, message, status.encode_to_vec().into())
}

fn any(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{name}"),
        value: message.encode_to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_beside_a_refused_one_is_aborted() {
        let busy = already_started("busy", "", "run", "run");
        let status = multi_operation([Operation::Refused(busy), Operation::Aborted]);
        assert_eq!(status.code(), Code::AlreadyExists);
        let status = rpc::Status::decode(status.details()).unwrap();
        let failure = MultiOperationExecutionFailure::decode(&*status.details[0].value).unwrap();
        assert_eq!(failure.statuses[0].message, "busy");
        let started =
            WorkflowExecutionAlreadyStartedFailure::decode(&*failure.statuses[0].details[0].value);
        assert_eq!(started.unwrap().run_id, "run");
        assert_eq!(failure.statuses[1].code, Code::Aborted as i32);
        assert!(
            failure.statuses[1].details[0]
                .type_url
                .ends_with(".MultiOperationExecutionAborted")
        );
    }
}
