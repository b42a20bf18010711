//! QueryWorkflow, and RespondQueryTaskCompleted for queries that went to a worker directly.

use tonic::Status;

use crate::{
    api::{
        enums::QueryResultType,
        query::WorkflowQueryResult,
        rpc::{
            QueryWorkflowRequest, RespondQueryTaskCompletedRequest,
            RespondQueryTaskCompletedResponse,
        },
    },
    base::{checks, identifiers::RequestId, status},
    frontend::answer::{Answer, Handled},
    run::token::TaskToken,
    state::{answers::queries, service::Service},
};

pub(super) fn handle(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    request: QueryWorkflowRequest,
) -> Handled {
    Ok(queries::submit(service, id, deadline_ms, request)?.map_or(Answer::Later, Answer::from))
}

pub(super) fn respond_completed(
    service: &mut Service,
    request: RespondQueryTaskCompletedRequest,
) -> Handled {
    let TaskToken::Query { query, ordinal } = TaskToken::decode(&request.task_token)? else {
        return Err(Status::invalid_argument("Error deserializing task token."));
    };
    if service.queries.sent(query, ordinal).is_none() {
        return Err(status::not_found(
            "query task not found, or already expired",
        ));
    }
    let limits = &service.config.limits;
    let result = if let Err(too_large) = checks::blob_size(request.query_result.as_ref(), limits) {
        WorkflowQueryResult {
            result_type: QueryResultType::Failed.into(),
            error_message: too_large.message().to_owned(),
            ..WorkflowQueryResult::default()
        }
    } else {
        WorkflowQueryResult {
            result_type: request.completed_type,
            answer: request.query_result,
            error_message: request.error_message,
            failure: request.failure,
        }
    };
    queries::answer(service, query, result);
    Ok(RespondQueryTaskCompletedResponse::default().into())
}
