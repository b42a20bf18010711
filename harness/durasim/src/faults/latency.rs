//! Latency: the time that messages take when nothing is wrong with the network.

use durasim_engine::{Choices, Odds, TapeEntry};

use super::{moments::Delay, words::message_words};
use crate::{
    label::{Label, Workflow},
    words::duration_words,
};

/// The site of the choices of a message's latency.
const SITE: &str = "network.latency";

/// The site of the choices of when a short timer fires.
const SHORT_TIMER: &str = "timer.look_ahead";

/// The times after its start at which a timer under a second fires, in milliseconds, unless it
/// falls due later. The first is the benign one. The server's timer queue reads a second ahead, and
/// puts what comes too late for that behind it.
const SHORT_TIMERS_MS: [u64; 3] = [0, 500, 1000];

/// The delays that a message may have in a world whose latency varies; the first is the benign one.
const DELAYS: [Delay; 6] = [
    Delay::by_ms(0),
    Delay::by_ms(1),
    Delay::by_ms(3),
    Delay::by_ms(10),
    Delay::by_ms(40),
    Delay::by_ms(150),
];

/// The latency of a world's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    /// Messages arrive at once, in the order they were sent.
    None,
    /// Each message's latency is a choice. The choice is put into words only if `in_words` says so:
    /// most messages of a world have a latency, and few of them matter.
    Varied { in_words: bool },
}

impl Latency {
    /// Chooses the latency of a message that is sent at `now_ms`.
    pub(crate) fn delay(self, choices: &mut Choices, now_ms: u64, label: Label) -> Delay {
        let Self::Varied { in_words } = self else {
            return Delay::default();
        };
        let index = choices.choose(SITE, &label.text(), 6, Odds::Uniform);
        let delay = DELAYS[index as usize];
        if in_words {
            choices.describe(now_ms, || {
                format!(
                    "{} takes {}",
                    message_words(label),
                    duration_words(delay.ms)
                )
            });
        }
        delay
    }

    /// Chooses when a timer under a second fires that was started at `now_ms` by this workflow.
    pub(crate) fn of_short_timer(
        self,
        choices: &mut Choices,
        now_ms: u64,
        workflow: Workflow,
    ) -> u64 {
        let Self::Varied { in_words } = self else {
            return now_ms;
        };
        let index = choices.choose(SHORT_TIMER, &workflow.to_string(), 3, Odds::Uniform);
        let after_ms = SHORT_TIMERS_MS[index as usize];
        if in_words {
            choices.describe(now_ms, || {
                let after = duration_words(after_ms);
                format!("a timer of {workflow} fires after {after}, for the server reads ahead")
            });
        }
        now_ms + after_ms
    }
}

/// Returns a choice of order or latency in the user's words: `signal confirm to PaymentWorkflow#1
/// takes 40ms`.
pub(crate) fn ordering_words(entry: &TapeEntry) -> String {
    let point = &entry.point;
    if entry.words.is_empty() {
        return point.to_string();
    }
    match point.occurrence {
        before @ 1.. if point.site == SITE => {
            format!("{}, number {} of such messages", entry.words, before + 1)
        }
        _ => entry.words.clone(),
    }
}
