//! `signal_delay`: a signal arrives late.
//!
//! On a real cluster the caller is slow, queues the signal, or sends it again after an outage. The
//! fault holds the signal until so many other events have happened, however far the clock jumps
//! meanwhile, or for some time. Delays by events make the signal race with timers: when time skips,
//! a delay by time almost never meets a timer of hours.

use crate::faults::{
    moments::{CallView, Delay, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, fault},
    words::{delay_words, message_words},
};

const DELAYS: [Delay; 6] = [
    Delay::by_events(3),
    Delay::by_events(1),
    Delay::by_events(8),
    Delay::by_ms(100),
    Delay::by_ms(5_000),
    Delay::by_ms(60_000),
];

fault! {
    /// A signal arrives late.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal), and say how late with
    /// [`by_events`](crate::Fault::by_events) or [`by`](crate::Fault::by).
    SignalDelay
}

impl FaultRule for SignalDelay {
    fn odds(&self) -> f64 {
        0.25
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn places(&self) -> &'static str {
        "where a client sends a signal"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        if !message.is_signal() {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message).ways(6);
        let injection = injector.inject(opportunity, &|injection| {
            format!(
                "hold {} {}",
                message_words(message.label),
                delay_words(injection.delay(&DELAYS))
            )
        })?;
        Some(Fate::Late(injection.delay(&DELAYS)))
    }
}
