//! How long messages take when nothing is wrong with the network.

use super::network::Delay;
use crate::faults::{duration_words, message_words};
use durasim_engine::{Choices, Odds, TapeEntry};

/// The site of these choices.
const SITE: &str = "network.latency";

/// The delays a message may have in a world whose latency varies; the first is the benign one.
const DELAYS: [Delay; 6] = [
    Delay { ms: 0, events: 0 },
    Delay { ms: 1, events: 0 },
    Delay { ms: 3, events: 0 },
    Delay { ms: 10, events: 0 },
    Delay { ms: 40, events: 0 },
    Delay { ms: 150, events: 0 },
];

/// How latency is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    /// Messages arrive at once, in the order they were sent.
    None,
    /// Each message's latency is a choice.
    Varied,
}

impl Latency {
    pub(crate) fn delay(self, choices: &mut Choices, key: &str) -> Delay {
        match self {
            Self::None => Delay::default(),
            Self::Varied => {
                let index = choices.choose(SITE, key, 6, Odds::Uniform);
                DELAYS[index as usize]
            }
        }
    }
}

/// A choice of order or latency in the user's words: `signal confirm to PaymentWorkflow#1 takes
/// 40ms`.
///
/// Most messages of a world have a latency, so that it is put into words only here, for the few
/// that matter.
pub(crate) fn ordering_words(entry: &TapeEntry) -> String {
    let (point, delay) = (&entry.point, DELAYS.get(entry.value as usize));
    match delay {
        Some(delay) if point.site == SITE => {
            let words = format!(
                "{} takes {}",
                message_words(&point.key),
                duration_words(delay.ms)
            );
            match point.occurrence {
                0 => words,
                before => format!("{words}, number {} of such messages", before + 1),
            }
        }
        _ if entry.words.is_empty() => point.to_string(),
        _ => entry.words.clone(),
    }
}
