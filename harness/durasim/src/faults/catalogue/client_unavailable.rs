//! `client_unavailable`: a client's call is answered UNAVAILABLE, before it took effect or after.
//!
//! On a real cluster a frontend restarts or a connection breaks. The official client tries again,
//! with a backoff from 100 ms on, up to ten times, but not once the call has lasted ten seconds
//! (`temporalio-client: src/retry.rs`). A call is refused a few times in a row at most, so that the
//! client never gives up. Only a call that the service answers at once is refused after it took
//! effect: a call that waits (for a result, an update, a worker's answer to a query) may be older
//! than ten seconds by then.
//!
//! The service knows a start or a cancel request that is made again by its request id, as long as
//! the workflow has no other run by then: one that retries or continues the first does not know the
//! request, and the caller gets ALREADY_EXISTS. So these calls are refused after they took effect
//! only where the fault-free world shows no such run. The service knows a signal too, but only
//! while the workflow is open: the second try may find the workflow closed, and the caller gets
//! NOT_FOUND although its signal counted. No workflow could prevent that. So signals, like
//! terminations and reports of activities, are refused only before they take effect. A fault that
//! is placed by hand may refuse any of them after.

use durasim_service::Rpc;
use tonic::Status;

use crate::faults::{
    moments::{CallView, Direction, Fate, Moment},
    rule::{AFTER_EFFECT, Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::message_words,
};

fault! {
    /// A client's call is answered UNAVAILABLE, before or after it took effect.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal) or [`at`](crate::Fault::at). With
    /// [`after_effect`](crate::Fault::after_effect) the service has done what was asked.
    ClientUnavailable
}

impl FaultRule for ClientUnavailable {
    fn odds(&self) -> f64 {
        0.08
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::DoneAgain
    }

    fn places(&self) -> &'static str {
        "where a client calls the service"
    }

    fn cure(&self) -> &'static str {
        "a call may be refused, or its answer lost: make it again under the same id (of the \
         workflow, the update or the request), and take \"already started\" for success"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        if message.direction != Direction::Request || message.worker.is_some() {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message)
            .ways(ways(message)?)
            .sets_back(message.label);
        let injection = injector.inject(opportunity, &|injection| {
            let when = if injection.way == AFTER_EFFECT {
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
        Some(if injection.way == AFTER_EFFECT {
            Fate::AnswerLost(status)
        } else {
            Fate::Refused(status)
        })
    }
}

/// Returns the number of ways in which a call may be refused; `None` if the official client does
/// not make it again.
fn ways(message: &CallView<'_>) -> Option<u32> {
    let rpc = message.rpc?;
    is_made_again(rpc).then_some(match rpc {
        Rpc::DescribeWorkflowExecution => 2,
        Rpc::StartWorkflowExecution | Rpc::RequestCancelWorkflowExecution
            if message.tolerates_repeat =>
        {
            2
        }
        _ => 1,
    })
}

/// Returns `true` if the official client makes such a call again if it is refused.
pub(crate) fn is_made_again(rpc: Rpc) -> bool {
    matches!(
        rpc,
        Rpc::DescribeWorkflowExecution
            | Rpc::StartWorkflowExecution
            | Rpc::RequestCancelWorkflowExecution
            | Rpc::SignalWorkflowExecution
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
            | Rpc::RespondActivityTaskCanceledById
    )
}
