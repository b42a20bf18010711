//! `update_answer_lost`: the answer to an update is lost, and its caller asks again.
//!
//! On a real cluster the connection between the client and a frontend breaks while the client waits
//! for an update. The official client asks again, unless it has waited for ten seconds
//! (`temporalio-client: src/retry.rs`), with the same update id: the run knows the update and
//! answers as before. A run that continues it does not, and would handle the update a second time;
//! such a fault is not drawn. (`temporalio/temporal: service/history/api/updateworkflow/api.go`)

use durasim_service::Rpc;
use tonic::Status;

use crate::faults::{
    moments::{CallView, Direction, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::answer_words,
};

/// The time after which the client may not ask again, in virtual milliseconds, with room for the
/// calls that it makes meanwhile.
const ASKS_AGAIN_MS: u64 = 5_000;

fault! {
    /// The answer to an update is lost, and its caller asks again under the same update id.
    ///
    /// Place it with [`of_workflow`](crate::Fault::of_workflow) or [`at`](crate::Fault::at), such
    /// as `.at("update add")`. It happens where the client has waited for less than five seconds.
    UpdateAnswerLost
}

impl FaultRule for UpdateAnswerLost {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::DoneAgain
    }

    fn places(&self) -> &'static str {
        "where a client hears of an update that took less than five seconds"
    }

    fn cure(&self) -> &'static str {
        "the answer to an update may be lost: ask again under the same update id, and let the \
         workflow remember the updates that it has handled if it continues as new"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        let is_answer = message.direction == Direction::Reply
            && message.worker.is_none()
            && matches!(
                message.rpc?,
                Rpc::UpdateWorkflowExecution | Rpc::PollWorkflowExecutionUpdate
            );
        if !is_answer || message.waited_ms >= ASKS_AGAIN_MS {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message)
            .tolerated_if(message.tolerates_repeat)
            .sets_back(message.label);
        injector.inject(opportunity, &|_| {
            format!("lose {}", answer_words(message.label))
        })?;
        Some(Fate::AnswerLost(Status::unavailable(
            "the answer was lost (fault update_answer_lost)",
        )))
    }
}
