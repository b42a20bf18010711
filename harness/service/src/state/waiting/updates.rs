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

/// A caller that waits for an update.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) id: RequestId,
    /// The deadline of the caller, if it comes before the server would answer anyway.
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) update_id: String,
    pub(crate) stage: Stage,
    pub(crate) call: Call,
}

/// The call that waits.
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
    /// The response to the start.
    pub(crate) started: StartWorkflowExecutionResponse,
    /// True if the start started the run that the update is for.
    pub(crate) starts_run: bool,
    /// True if the update was tried before, on a run that closed before it accepted the update.
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

/// The callers that wait, by the run of their update.
#[derive(Debug, Default)]
pub(crate) struct UpdateWaiters {
    pub(crate) by_run: BTreeMap<RunKey, Vec<Waiter>>,
}
