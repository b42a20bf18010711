//! `nexus_answer_lost`: a Nexus handler did what it was asked for, and the service never hears of
//! it.
//!
//! On a real cluster the connection breaks between the handler and the service that asked it. After
//! a while the service gives the request up and makes it again, with the same request id: a handler
//! that does not recognise the id charges twice. The fault happens to operations that have the time
//! for a second request. (`temporalio/temporal: components/nexusoperations/executors.go`)

use durasim_service::Rpc;
use tonic::Status;

use crate::faults::{
    moments::{CallView, Direction, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::answer_words,
};

fault! {
    /// A Nexus handler does what it is asked for; its answer is lost, and the service asks again.
    ///
    /// Place it with [`at`](crate::Fault::at), such as `.at("nexus Accounts.charge")`.
    NexusAnswerLost
}

impl FaultRule for NexusAnswerLost {
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
        "where a Nexus handler answers"
    }

    fn cure(&self) -> &'static str {
        "a handler may be asked again for an operation that it has started: answer the same \
         request id with the same operation"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        let is_answer = matches!(
            message.rpc,
            Some(Rpc::RespondNexusTaskCompleted | Rpc::RespondNexusTaskFailed)
        );
        if message.direction != Direction::Request || !is_answer {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message)
            .tolerated_if(message.tolerates_repeat)
            .sets_back(message.label);
        injector.inject(opportunity, &|_| {
            format!("lose {}", answer_words(message.label))
        })?;
        Some(Fate::Refused(Status::unavailable(
            "the answer was lost (fault nexus_answer_lost)",
        )))
    }
}
