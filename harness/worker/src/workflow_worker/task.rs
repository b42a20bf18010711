//! Workflow tasks as the worker takes them in.

use temporalio_protos::{
    coresdk::workflow_activation::{QueryWorkflow, query_to_job},
    temporal::api::{
        common::v1::WorkflowExecution, query::v1::WorkflowQuery,
        workflowservice::v1::PollWorkflowTaskQueueResponse,
    },
};

use super::outcome::RunFailure;
use crate::machines::{IncomingUpdate, MachineError};

/// The id of the query in a legacy query task, which is nothing but a query.
pub(super) const LEGACY_QUERY_ID: &str = "legacy_query";

/// The workflow task that a run works on.
#[derive(Debug)]
pub(crate) struct OpenTask {
    pub(crate) workflow_type: String,
    pub(crate) token: Vec<u8>,
    pub(crate) attempt: u32,
    /// The queries that came with the task. They are answered once history is replayed.
    pub(crate) queries: Vec<QueryWorkflow>,
    /// True if the task is a query and nothing else.
    pub(crate) is_legacy_query: bool,
}

/// A workflow task without its history.
pub(super) struct Work {
    pub(super) execution: WorkflowExecution,
    pub(super) previous_started_event_id: i64,
    pub(super) started_event_id: i64,
    pub(super) messages: Vec<IncomingUpdate>,
    pub(super) task: OpenTask,
}

impl Work {
    /// Reads a task. A task whose messages cannot be read fails.
    pub(super) fn new(
        response: Box<PollWorkflowTaskQueueResponse>,
    ) -> Result<Self, (OpenTask, Box<RunFailure>)> {
        let is_legacy_query = response.query.is_some();
        let mut queries: Vec<QueryWorkflow> = response
            .queries
            .into_iter()
            .map(|(id, query)| query_to_job(id, query))
            .collect();
        // They come as a map: the order protects every run with more than one query at once.
        queries.sort_unstable_by(|a, b| a.query_id.cmp(&b.query_id));
        queries.extend(
            response
                .query
                .map(|query: WorkflowQuery| query_to_job(LEGACY_QUERY_ID.to_owned(), query)),
        );
        let task = OpenTask {
            workflow_type: response.workflow_type.unwrap_or_default().name,
            token: response.task_token,
            attempt: u32::try_from(response.attempt).unwrap_or(1),
            queries,
            is_legacy_query,
        };
        let messages: Result<_, MachineError> = response
            .messages
            .iter()
            .map(IncomingUpdate::from_message)
            .collect();
        match messages {
            Ok(messages) => Ok(Self {
                execution: response.workflow_execution.unwrap_or_default(),
                previous_started_event_id: response.previous_started_event_id,
                started_event_id: response.started_event_id,
                messages,
                task,
            }),
            Err(error) => Err((task, error.into())),
        }
    }
}
