//! The requests that end a workflow task.

use temporalio_protos::{
    coresdk::workflow_commands::{QueryResult, query_result},
    temporal::api::{
        common::v1::MeteringMetadata,
        enums::v1::{QueryResultType, TaskQueueKind, WorkflowTaskFailedCause},
        failure::v1::Failure,
        query::v1::WorkflowQueryResult,
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        workflowservice::v1::{
            RespondQueryTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
            RespondWorkflowTaskFailedRequest,
            respond_workflow_task_completed_request::Capabilities,
        },
    },
};

use super::{
    WorkflowWorkerOptions,
    task::{LEGACY_QUERY_ID, OpenTask},
};
use crate::execution::TaskResponse;

/// Returns the completion of a workflow task.
#[expect(
    deprecated,
    reason = "Core still sends the version stamp, and histories show it"
)]
pub(super) fn completed(
    options: &WorkflowWorkerOptions,
    task: OpenTask,
    response: TaskResponse,
    queries: Vec<QueryResult>,
    force_create_new_workflow_task: bool,
    nonfirst_local_activity_execution_attempts: u32,
) -> RespondWorkflowTaskCompletedRequest {
    let sticky_attributes = sticky_attributes(options);
    RespondWorkflowTaskCompletedRequest {
        task_token: task.token,
        commands: response.commands,
        messages: response.messages,
        identity: options.identity.clone(),
        // A task in the response has only the new part of history: only a cached run can use it.
        return_new_workflow_task: sticky_attributes.is_some(),
        sticky_attributes,
        force_create_new_workflow_task,
        query_results: queries.into_iter().map(query_result).collect(),
        namespace: options.namespace.clone(),
        sdk_metadata: Some(response.sdk_metadata),
        metering_metadata: Some(MeteringMetadata {
            nonfirst_local_activity_execution_attempts,
        }),
        capabilities: Some(Capabilities {
            discard_speculative_workflow_task_with_events: true,
        }),
        worker_version_stamp: options.version_stamp(),
        deployment_options: options.deployment(),
        versioning_behavior: options.versioning_behavior().into(),
        ..Default::default()
    }
}

/// Returns the failure of a workflow task.
#[expect(
    deprecated,
    reason = "Core still sends the version stamp, and histories show it"
)]
pub(super) fn failed(
    options: &WorkflowWorkerOptions,
    task: OpenTask,
    cause: WorkflowTaskFailedCause,
    failure: Failure,
) -> RespondWorkflowTaskFailedRequest {
    RespondWorkflowTaskFailedRequest {
        task_token: task.token,
        cause: cause as i32,
        failure: Some(failure),
        identity: options.identity.clone(),
        namespace: options.namespace.clone(),
        worker_version: options.version_stamp(),
        deployment_options: options.deployment(),
        ..Default::default()
    }
}

/// Returns the answer to a legacy query.
pub(super) fn query_answered(
    options: &WorkflowWorkerOptions,
    task: OpenTask,
    result: QueryResult,
) -> RespondQueryTaskCompletedRequest {
    let (_, answer) = query_result(result);
    RespondQueryTaskCompletedRequest {
        task_token: task.token,
        completed_type: answer.result_type,
        query_result: answer.answer,
        error_message: answer.error_message,
        namespace: options.namespace.clone(),
        ..Default::default()
    }
}

/// Returns the answer to a legacy query whose run could not be rebuilt.
pub(super) fn query_failed(
    options: &WorkflowWorkerOptions,
    task: OpenTask,
    cause: WorkflowTaskFailedCause,
    failure: Failure,
) -> RespondQueryTaskCompletedRequest {
    let variant = Some(query_result::Variant::Failed(failure.clone()));
    let result = QueryResult {
        query_id: LEGACY_QUERY_ID.to_owned(),
        variant,
    };
    RespondQueryTaskCompletedRequest {
        failure: Some(failure),
        cause: cause as i32,
        ..query_answered(options, task, result)
    }
}

fn query_result(result: QueryResult) -> (String, WorkflowQueryResult) {
    let (id, kind, answer, error_message) = result.into_components();
    debug_assert_ne!(
        kind,
        QueryResultType::Unspecified,
        "an answer is given or failed"
    );
    (
        id,
        WorkflowQueryResult {
            result_type: kind as i32,
            answer,
            error_message,
            failure: None,
        },
    )
}

fn sticky_attributes(options: &WorkflowWorkerOptions) -> Option<StickyExecutionAttributes> {
    let name = options
        .sticky_queue
        .as_ref()
        .filter(|_| options.max_cached > 0)?;
    Some(StickyExecutionAttributes {
        worker_task_queue: Some(TaskQueue {
            name: name.clone(),
            kind: TaskQueueKind::Sticky as i32,
            normal_name: options.task_queue.clone(),
        }),
        schedule_to_start_timeout: options.sticky_schedule_to_start_timeout.try_into().ok(),
    })
}
