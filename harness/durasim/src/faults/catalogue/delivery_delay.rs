//! `delivery_delay`: what one workflow does to another takes effect late.
//!
//! The start of a child and its end, a signal and a cancel request between workflows are tasks of
//! the service's transfer queue. On a real cluster the queue lags, or a shard moves to another
//! host; a task that fails is tried again a second later and then after longer and longer times.
//! Several tasks run at the same time, so that two of them, even of one workflow, may overtake each
//! other. (`temporalio/temporal: service/history/queues/executable.go`, `common/util.go`,
//! `CreateTaskReschedulePolicy`)

use crate::{
    faults::{
        moments::{Delay, DeliveryFate, DeliveryView, LATE_DELIVERY_MS, Moment},
        rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
        words::{delay_words, message_words},
    },
    label::Label,
};

const DELAYS: [Delay; 6] = [
    Delay::by_events(3),
    Delay::by_events(1),
    Delay::by_events(8),
    Delay::by_ms(100),
    Delay::by_ms(3_000),
    Delay::by_ms(LATE_DELIVERY_MS),
];

fault! {
    /// The start or the end of a child, a signal or a cancel request between workflows is late.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal), [`of_workflow`
    /// ](crate::Fault::of_workflow) or [`at`](crate::Fault::at), such as `.at("end of child
    /// Courier#1")`, and say how late with [`by_events`](crate::Fault::by_events) or
    /// [`by`](crate::Fault::by).
    DeliveryDelay
}

impl FaultRule for DeliveryDelay {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::OtherOrder
    }

    fn places(&self) -> &'static str {
        "where one workflow starts, signals or cancels another, and where it tells another that it \
         has closed"
    }

    fn cure(&self) -> &'static str {
        "what one workflow does to another may take effect late, and two such things may overtake \
         each other: await each signal before the next and before the end, and do not infer from \
         one message that another has come"
    }

    fn delivery(
        &self,
        injector: &mut dyn Injector,
        delivery: &DeliveryView,
    ) -> Option<DeliveryFate> {
        let subject = Label::Delivery(delivery.delivery);
        let opportunity = Opportunity::new(subject, Moment::Message)
            .ways(6)
            .tolerated_if(delivery.tolerates_delay);
        let injection = injector.inject(opportunity, &|injection| {
            let delay = injection.delay.unwrap_or_else(|| injection.pick(&DELAYS));
            format!("hold {} {}", message_words(subject), delay_words(delay))
        })?;
        let delay = injection.delay.unwrap_or_else(|| injection.pick(&DELAYS));
        Some(DeliveryFate::Late(delay))
    }
}
