//! `delivery_answer_lost`: a signal or a cancel request from one workflow reaches another, and the
//! sender does not hear of it.
//!
//! On a real cluster the call from the sender's shard to the receiver's times out after it took
//! effect, or the sender's shard moves to another host before it has recorded the answer. The task
//! of the transfer queue is tried again with the same request id: the receiver knows the signal,
//! and a second cancel request changes nothing, so the sender just learns of it a second later. If
//! the receiver has continued as another run meanwhile, that run does not know the request and gets
//! it too; such a fault is not drawn. (`temporalio/temporal:
//! service/history/transfer_queue_active_task_executor.go`, `processSignalExecution`)

use crate::{
    faults::{
        moments::{DeliveryFate, DeliveryView, Moment},
        rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
        words::answer_words,
    },
    label::Label,
};

fault! {
    /// A signal or a cancel request from one workflow reaches another; its answer is lost, and the
    /// service asks again.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal), [`of_workflow`
    /// ](crate::Fault::of_workflow) or [`at`](crate::Fault::at).
    DeliveryAnswerLost
}

impl FaultRule for DeliveryAnswerLost {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::Late
    }

    fn places(&self) -> &'static str {
        "where one workflow signals or cancels another"
    }

    fn cure(&self) -> &'static str {
        "a workflow may learn late that its signal or its cancel request has arrived: the other \
         workflow may have gone on, or be closed, by then"
    }

    fn delivery(
        &self,
        injector: &mut dyn Injector,
        delivery: &DeliveryView,
    ) -> Option<DeliveryFate> {
        if !delivery.is_answered {
            return None;
        }
        let subject = Label::Delivery(delivery.delivery);
        let opportunity = Opportunity::new(subject, Moment::Message)
            .tolerated_if(delivery.tolerates_delay && delivery.tolerates_repeat);
        injector.inject(opportunity, &|_| format!("lose {}", answer_words(subject)))?;
        Some(DeliveryFate::AnswerLost)
    }
}
