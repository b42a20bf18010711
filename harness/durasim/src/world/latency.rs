//! How long messages take when nothing is wrong with the network.

use super::network::Delay;
use durasim_engine::{Choices, Odds};

/// The delays a message may have in a world whose latency varies; the first is the benign one.
///
/// Both kinds matter: one event later swaps neighbours within an instant, a few milliseconds later lets a timer
/// or a retry of another workflow come first.
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
                let index = choices.choose("network.latency", key, 6, Odds::Uniform);
                DELAYS[index as usize]
            }
        }
    }
}
