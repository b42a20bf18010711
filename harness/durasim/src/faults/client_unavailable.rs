//! `client_unavailable`: a client's call is answered UNAVAILABLE, before it took effect or after.
//!
//! On a real cluster a frontend restarts or a connection breaks. The official client tries again,
//! with a backoff from 100 ms on, up to ten times, but not once the call has lasted ten seconds
//! (`temporalio-client: src/retry.rs`). A call is refused a few times in a row at most, so that the
//! client never gives up; and only what the service answers at once is refused after it took
//! effect, for a call that waits (for a result, an update, a worker's answer to a query) may be
//! older than ten seconds by then.
//!
//! Tried again after it took effect, a start or a cancel request is known by its request id. A
//! signal is known too, but only while its workflow is open: the second try may find it closed, and
//! the caller is told NOT_FOUND although its signal counted. That is nothing a workflow could do
//! better, so signals, like terminations and reports of activities, are refused before they take
//! effect only. A fault placed by hand may refuse any of them after.

use super::{
    CallView, Chance, Direction, Fate, FaultKind, FaultRule, Strike, placement::Moment,
    words::message_words,
};
use durasim_service::Rpc;
use tonic::Status;

/// The way in which the service has done what was asked.
pub(super) const AFTER_EFFECT: u32 = 2;

pub(crate) struct ClientUnavailable;

impl FaultRule for ClientUnavailable {
    fn kind(&self) -> FaultKind {
        FaultKind::ClientUnavailable
    }

    fn message(&self, strike: &mut Strike<'_>, message: &CallView<'_>) -> Option<Fate> {
        if message.direction != Direction::Request || message.worker.is_some() {
            return None;
        }
        let chance = Chance::new(message.label, Moment::Message)
            .ways(ways(message.rpc?)?)
            .sets_back(message.label);
        let struck = strike.strikes(chance, |struck| {
            let when = if struck.way == AFTER_EFFECT {
                "after"
            } else {
                "before"
            };
            format!(
                "answer {} with UNAVAILABLE {when} it took effect",
                message_words(message.label)
            )
        })?;
        let status = Status::unavailable("the service is unavailable (fault client_unavailable)");
        Some(if struck.way == AFTER_EFFECT {
            Fate::AnswerLost(status)
        } else {
            Fate::Refused(status)
        })
    }
}

/// In how many ways a call may be refused; `None` if the official client does not try it again.
fn ways(rpc: Rpc) -> Option<u32> {
    match rpc {
        Rpc::StartWorkflowExecution
        | Rpc::RequestCancelWorkflowExecution
        | Rpc::DescribeWorkflowExecution => Some(2),
        Rpc::SignalWorkflowExecution
        | Rpc::SignalWithStartWorkflowExecution
        | Rpc::TerminateWorkflowExecution
        | Rpc::UpdateWorkflowExecution
        | Rpc::PollWorkflowExecutionUpdate
        | Rpc::QueryWorkflow
        | Rpc::GetWorkflowExecutionHistory
        | Rpc::RespondActivityTaskCompleted
        | Rpc::RespondActivityTaskCompletedById
        | Rpc::RespondActivityTaskFailed
        | Rpc::RespondActivityTaskFailedById
        | Rpc::RespondActivityTaskCanceled
        | Rpc::RespondActivityTaskCanceledById => Some(1),
        _ => None,
    }
}
