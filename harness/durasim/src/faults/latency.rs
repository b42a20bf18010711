//! Latency: the time that messages take when nothing is wrong with the network.

use durasim_engine::{Choices, Odds, TapeEntry};

use super::{moments::Delay, words::message_words};
use crate::{label::Label, words::duration_words};

/// The site of these choices.
const SITE: &str = "network.latency";

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
