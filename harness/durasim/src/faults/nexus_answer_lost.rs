//! `nexus_answer_lost`: a Nexus handler did what it was asked for, and the service never hears of
//! it.
//!
//! On a real cluster the connection breaks between the handler and the service that asked it. The
//! service gives the request up after a while and makes it again, with the same request id: a
//! handler that does not know it by that charges twice. It strikes operations with the time for
//! that. (`temporalio/temporal: components/nexusoperations/executors.go`)

use super::{
    CallView, Chance, Direction, Fate, FaultKind, FaultRule, Strike, placement::Moment,
    words::answer_words,
};
use durasim_service::Rpc;
use tonic::Status;

pub(crate) struct NexusAnswerLost;

impl FaultRule for NexusAnswerLost {
    fn kind(&self) -> FaultKind {
        FaultKind::NexusAnswerLost
    }

    fn message(&self, strike: &mut Strike<'_>, message: &CallView<'_>) -> Option<Fate> {
        let is_answer = matches!(
            message.rpc,
            Some(Rpc::RespondNexusTaskCompleted | Rpc::RespondNexusTaskFailed)
        );
        if message.direction != Direction::Request || !is_answer {
            return None;
        }
        let chance = Chance::new(message.label, Moment::Message)
            .tolerable(message.tolerates_repeat)
            .sets_back(message.label);
        strike.strikes(chance, |_| format!("lose {}", answer_words(message.label)))?;
        Some(Fate::Refused(Status::unavailable(
            "the answer was lost (fault nexus_answer_lost)",
        )))
    }
}
