//! Tapes: the decisions of a world that were not benign, in words for people and as JSON for files.
//!
//! A tape replays by point and not by position, so it survives edits to the test. A decision that
//! the world no longer comes to has no effect, and is reported as drift
//! ([`Choices::drift`](crate::Choices::drift)).
//!
//! ```
//! use durasim_engine::{Choices, Odds, START_MS, Tape};
//!
//! let mut choices = Choices::seeded(7);
//! choices.choose("worker.crash", "payments", 2, Odds::Rarely(1.0));
//! choices.describe(START_MS + 1_500, || "crash worker payments".to_owned());
//!
//! let tape = choices.taken();
//! assert_eq!(tape.to_string(), "+1.5s  crash worker payments\n");
//! assert_eq!(Tape::from_json(&tape.to_json()).unwrap(), tape);
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{point::Point, time::SinceStart};

/// The decisions of a world that were not benign, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tape {
    /// The seed that drew the decisions, if they were drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The decisions.
    pub entries: Vec<TapeEntry>,
}

/// One decision that was not benign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeEntry {
    /// The name of the decision.
    #[serde(flatten)]
    pub point: Point,
    /// The number of possible answers.
    pub arity: u32,
    /// The answer, below the arity.
    pub value: u32,
    /// The virtual time of the decision, in milliseconds since the Unix epoch; 0 if it was never
    /// described.
    #[serde(default)]
    pub at_ms: u64,
    /// The meaning of the answer; empty if the decision was never described.
    #[serde(default)]
    pub words: String,
}

impl Tape {
    /// Returns `true` if every decision was benign.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the number of decisions that were not benign.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the tape as indented JSON, the format of files.
    ///
    /// # Panics
    ///
    /// Never: JSON can hold everything in a tape.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a tape holds strings and numbers only")
    }

    /// Reads a tape from the JSON that [`Tape::to_json`] writes.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, or is JSON but not a tape.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for TapeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at_ms > 0 {
            write!(f, "{}  ", SinceStart(self.at_ms))?;
        }
        if self.words.is_empty() {
            write!(
                f,
                "{}: answer {} of 0 to {}",
                self.point,
                self.value,
                self.arity.saturating_sub(1)
            )
        } else {
            f.write_str(&self.words)
        }
    }
}
