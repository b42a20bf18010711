//! `retries_exhausted`: an activity fails for good, for every attempt of it fails until its retries
//! run out.
//!
//! On a real cluster something that the activity calls is down for longer than the retry policy has
//! patience, or the worker loses every answer on its way to the service. Then the workflow gets the
//! failure of the activity: here is the code that compensates, notifies or gives up. All other
//! faults leave an activity its last attempt, so a sound workflow never sees such a failure.
//!
//! Either each attempt fails before its code runs, or its code runs, has its effect, and the
//! completion is lost: the activity times out for good, and its effect stands.
//!
//! The fault happens to activities that fail for good at some time: those with a maximum of
//! attempts, one attempt among them, or with a schedule-to-close timeout. Activities that are tried
//! more than a hundred times are left alone. So are local activities.
//!
//! A workflow may rightly close otherwise than in the fault-free world then, or earlier. So a world
//! in which the fault was drawn is judged by its invariants, its ledgers, replay and liveness, and
//! by the assertions of the test, which must hold there too. Observations are not compared, and an
//! `Err` that the test returns, such as that of a workflow that failed, only ends the test.

use crate::faults::{
    moments::{AttemptFate, AttemptMoment, AttemptView, ForGood, Moment},
    rule::{AFTER_EFFECT, Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::activity_words,
};

fault! {
    /// Every attempt of an activity fails until its retries run out, so that it fails for good.
    ///
    /// Place it with [`of_activity`](crate::Fault::of_activity). With
    /// [`after_effect`](crate::Fault::after_effect) the code of each attempt runs and has its
    /// effect, and the completion is lost; without it no code runs.
    /// [`exhausting_retries`](crate::FaultProfile::exhausting_retries) switches it on.
    RetriesExhausted
}

impl FaultRule for RetriesExhausted {
    fn odds(&self) -> f64 {
        0.1
    }

    fn family(&self) -> Option<Family> {
        None
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::ForGood
    }

    fn changes_outcome(&self) -> bool {
        true
    }

    fn cure(&self) -> &'static str {
        "handle the final failure of the activity: undo what may have been done, and expect that a \
         step which is reported as failed may have taken effect"
    }

    fn places(&self) -> &'static str {
        "as the first attempt of an activity starts, if its retries run out at some time"
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Starts || !attempt.allowance.runs_out() {
            return None;
        }
        let opportunity = Opportunity::of_attempt(attempt, Moment::BeforeActivity).ways(2);
        let injection = injector.inject(opportunity, &|injection| {
            let words = activity_words(attempt.label);
            match injection.way {
                AFTER_EFFECT => {
                    format!("lose the completion of every attempt of {words}: its retries run out")
                }
                _ => format!("fail every attempt of {words}: its retries run out"),
            }
        })?;
        Some(AttemptFate::ForGood(match injection.way {
            AFTER_EFFECT => ForGood::ReportLost,
            _ => ForGood::Fails,
        }))
    }
}
