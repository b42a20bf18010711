//! `heartbeat_loss`: heartbeats do not arrive.
//!
//! On a real cluster the way to the service is cut while an attempt runs on. With a heartbeat
//! timeout, one lost heartbeat is often enough for the attempt to time out, for workers send them
//! at four fifths of it (`temporalio-sdk-core: src/worker/activities.rs`). The retry gets the
//! details of the last heartbeat that arrived, and runs beside an attempt that does not know of it.
//! The fault loses one heartbeat, or all of an attempt from there on. It happens to attempts that
//! may be retried.

use crate::faults::{
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment, Step, Steps},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::attempt_words,
};

fault! {
    /// A heartbeat of an activity does not arrive, nor do the later ones of the attempt.
    ///
    /// Place it with [`of_activity`](crate::Fault::of_activity), at the first heartbeat that is
    /// sent unless [`at_heartbeat`](crate::Fault::at_heartbeat) names another.
    HeartbeatLoss
}

impl FaultRule for HeartbeatLoss {
    fn odds(&self) -> f64 {
        0.2
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Activities)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::DoneAgain
    }

    fn places(&self) -> &'static str {
        "during an activity that sends heartbeats"
    }

    fn cure(&self) -> &'static str {
        "a retry may get older heartbeat details than the last ones: skip what is done already \
         by an idempotency key for each item, and not by the details alone"
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::Heartbeat]
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        let AttemptMoment::HeartbeatSent { first, last } = attempt.moment else {
            return None;
        };
        let steps = Steps {
            step: Step::Heartbeat,
            first,
            last,
        };
        let opportunity = Opportunity::of_attempt(attempt, Moment::DuringActivity)
            .at(steps)
            .ways(2)
            .tolerated_if(attempt.allowance.tolerates_silence());
        let injection = injector.inject(opportunity, &|injection| {
            let words = attempt_words(attempt.label, attempt.attempt);
            match injection.way {
                1 => format!("lose the heartbeats of {words}, from here on"),
                _ => format!("lose a heartbeat of {words}"),
            }
        })?;
        Some(AttemptFate::LoseHeartbeat {
            and_later: injection.way == 1,
        })
    }
}
