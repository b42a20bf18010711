//! The calls that may be made a second time, because the answer to the first was lost.

use durasim_service::{Request, Response};

use super::{
    pending::{Caller, CallerKind},
    state::State,
    tolerance::tolerance,
};
use crate::label::Label;

impl State {
    /// Returns `true` if a request may be made a second time by itself: a client makes it again if
    /// the answer is lost, and so does the service with its requests to Nexus handlers.
    pub(super) fn tolerates_repeat(&self, caller: &Caller, request: &Request) -> bool {
        match caller {
            Caller::Client { .. } => tolerance!(self).tolerates_second_call(request),
            #[cfg(feature = "nexus")]
            Caller::Nexus {
                request_id: Some(request_id),
                ..
            } => self.nexus_tolerates_repeat(request_id),
            _ => false,
        }
    }

    /// Returns `true` if the Nexus operation of a task on its way to a handler has the time for the
    /// service to ask again, or a client that asks for an update again gets the same answer.
    pub(super) fn reply_tolerates_repeat(
        &self,
        caller: CallerKind,
        label: Label,
        answer: Option<&Response>,
    ) -> bool {
        match (caller, answer) {
            (CallerKind::Client, Some(Response::UpdateWorkflowExecution(_))) => {
                let workflow_id = label.workflow().and_then(|it| self.names.id_of(it));
                workflow_id.is_some_and(|id| tolerance!(self).tolerates_second_update(id))
            }
            // The run is named.
            (CallerKind::Client, Some(Response::PollWorkflowExecutionUpdate(_))) => true,
            #[cfg(feature = "nexus")]
            (CallerKind::Nexus(_), Some(Response::PollNexusTaskQueue(task))) => {
                self.nexus_task_tolerates_repeat(task)
            }
            _ => false,
        }
    }
}
