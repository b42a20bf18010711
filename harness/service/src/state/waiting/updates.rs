//! The callers that wait for updates.

use std::collections::BTreeMap;

use crate::{
    api::{
        enums::UpdateWorkflowExecutionLifecycleStage as Stage,
        rpc::{
            StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
            UpdateWorkflowExecutionRequest,
        },
    },
    base::identifiers::{RequestId, RunKey},
};

/// Somebody who waits for an update.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) id: RequestId,
    /// When it waits no longer, if that is before the server would answer it anyway.
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) update_id: String,
    pub(crate) stage: Stage,
    pub(crate) call: Call,
}

/// What was called.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Update(Box<UpdateWorkflowExecutionRequest>),
    UpdateWithStart(Box<UpdateWithStart>),
    Poll,
}

/// An update, and the start of its workflow that came with it.
#[derive(Clone, Debug)]
pub(crate) struct UpdateWithStart {
    pub(crate) start: StartWorkflowExecutionRequest,
    pub(crate) update: UpdateWorkflowExecutionRequest,
    /// The answer to the start.
    pub(crate) started: StartWorkflowExecutionResponse,
    /// Whether it started the run that it updates.
    pub(crate) starts_run: bool,
    /// Whether the run that it tried to update first closed before it had accepted the update.
    pub(crate) is_second_try: bool,
}

impl UpdateWithStart {
    pub(crate) fn new(
        start: StartWorkflowExecutionRequest,
        update: UpdateWorkflowExecutionRequest,
    ) -> Self {
        Self {
            start,
            update,
            started: StartWorkflowExecutionResponse::default(),
            starts_run: false,
            is_second_try: false,
        }
    }
}

/// The callers that wait, by the run whose update it is.
#[derive(Debug, Default)]
pub(crate) struct UpdateWaiters {
    pub(crate) by_run: BTreeMap<RunKey, Vec<Waiter>>,
}
