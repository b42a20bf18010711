//! Points: the names of decisions, which stay the same as long as the decisions do.
//!
//! Two points are told apart by a stable 64-bit hash. At the sizes of a world no collision is to be
//! expected; one would cost independence between two draws, never reproducibility.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The name of a decision: its kind, its subject, and its number among decisions of both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point {
    /// The kind of decision, a fixed name such as `worker.crash`.
    pub site: Cow<'static, str>,
    /// The subject of the decision, by type and order of appearance; empty if there is only one.
    pub key: String,
    /// The number of earlier decisions with this site and key.
    pub occurrence: u32,
}

impl Point {
    /// Creates the name of decision number `occurrence` (from 0) of `site` about `key`.
    pub fn new(
        site: impl Into<Cow<'static, str>>,
        key: impl Into<String>,
        occurrence: u32,
    ) -> Self {
        Self {
            site: site.into(),
            key: key.into(),
            occurrence,
        }
    }

    pub(crate) fn hash64(&self) -> u64 {
        occurrence_hash(question_hash(&self.site, &self.key), self.occurrence)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.site)?;
        if !self.key.is_empty() {
            write!(f, " of {}", self.key)?;
        }
        if self.occurrence > 0 {
            write!(f, " (occurrence {})", self.occurrence + 1)?;
        }
        Ok(())
    }
}

/// Returns the stable hash of a site and a key.
pub(crate) fn question_hash(site: &str, key: &str) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), xxh3_64(site.as_bytes()))
}

/// Returns the stable hash of a point.
pub(crate) fn occurrence_hash(question: u64, occurrence: u32) -> u64 {
    xxh3_64_with_seed(&occurrence.to_le_bytes(), question)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_print_in_words() {
        assert_eq!(
            Point::new("schedule.next", "", 0).to_string(),
            "schedule.next"
        );
        assert_eq!(
            Point::new("worker.crash", "payments", 2).to_string(),
            "worker.crash of payments (occurrence 3)"
        );
    }

    #[test]
    fn the_boundary_between_site_and_key_counts() {
        assert_ne!(question_hash("ab", "c"), question_hash("a", "bc"));
    }
}
