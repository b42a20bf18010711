//! Choices: every nondeterministic decision of a run, each made at a named point.
//!
//! Whatever a run leaves open (which task is polled next, how late a message is, whether a worker
//! dies here) is asked of [`Choices::choose`] as a number below an arity, where 0 is always the
//! benign answer. A decision belongs to a [`Point`]: the site names the kind of decision, the key
//! names what it happens to, the occurrence counts how often that question was asked before.
//! Because an answer depends on its point and not on how many answers came before it, a decision
//! more or less elsewhere leaves the others as they were.
//!
//! The answers come from a seed ([`Choices::seeded`]), from a [`Tape`] ([`Choices::tape`]), or are
//! all benign ([`Choices::benign`]).
//!
//! ```
//! use durasim_engine::{Choices, Odds};
//!
//! let mut choices = Choices::seeded(7);
//! let next = choices.choose("schedule.next", "", 3, Odds::Uniform);
//! let crash = choices.choose("worker.crash", "payments", 2, Odds::Rarely(0.5));
//!
//! // The tape holds what was not benign, and brings the same answers back.
//! let mut again = Choices::tape(&choices.taken());
//! assert_eq!(again.choose("schedule.next", "", 3, Odds::Uniform), next);
//! assert_eq!(again.choose("worker.crash", "payments", 2, Odds::Rarely(0.5)), crash);
//! ```
//!
//! Two points are told apart by a stable 64-bit hash; at the sizes of a run a collision is not to
//! be expected, and would cost independence between two draws, never reproducibility.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::tape::{Tape, TapeEntry};

/// Where a decision is made: its kind, what it happens to, and how often that was asked before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point {
    /// The kind of decision, a fixed name such as `worker.crash`.
    pub site: Cow<'static, str>,
    /// What it happens to, by type and order of appearance; empty where there is only one.
    pub key: String,
    /// How many decisions with this site and key came before this one.
    pub occurrence: u32,
}

impl Point {
    /// The decision number `occurrence` (from 0) of `site` about `key`.
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

/// How a seed draws an answer. Tapes and benign choices do not ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Odds {
    /// Every answer below the arity is equally likely.
    Uniform,
    /// An answer other than 0 has this probability (from 0 to 1), shared equally by all of them.
    Rarely(f64),
}

/// A decision that a run offered: a point at which more than one answer was possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Where.
    pub point: Point,
    /// How many answers there were, at least 2.
    pub arity: u32,
}

/// The source of every decision of one run, and the record of those that were not benign.
#[derive(Clone, Debug)]
pub struct Choices {
    seed: Option<Seed>,
    script: Option<Script>,
    occurrences: IndexMap<u64, u32, BuildHasherDefault<AsIs>>,
    taken: Vec<TapeEntry>,
    last_left_zero: bool,
    offers: Option<Vec<Offer>>,
}

impl Choices {
    /// Answers 0 everywhere.
    pub fn benign() -> Self {
        Self::new(None, None)
    }

    /// Draws each answer from the seed and the point alone.
    pub fn seeded(seed: u64) -> Self {
        Self::new(Some(Seed::new(seed)), None)
    }

    /// Answers what the tape says at a point, and 0 where it says nothing.
    pub fn tape(tape: &Tape) -> Self {
        Self::new(None, Some(Script::new(tape)))
    }

    /// Answers what the tape says at a point, a 0 on it included, and draws from the seed where it
    /// says nothing.
    ///
    /// It is for plans that fix a few decisions of an otherwise seeded run.
    pub fn seeded_with(seed: u64, overlay: &Tape) -> Self {
        Self::new(Some(Seed::new(seed)), Some(Script::new(overlay)))
    }

    fn new(seed: Option<Seed>, script: Option<Script>) -> Self {
        Self {
            seed,
            script,
            occurrences: IndexMap::default(),
            taken: Vec::new(),
            last_left_zero: false,
            offers: None,
        }
    }

    /// Decides: a number below `arity`, where 0 is the benign answer.
    ///
    /// With an arity of 0 or 1 the answer is 0 without a draw; the occurrence counts all the same.
    pub fn choose(&mut self, site: &'static str, key: &str, arity: u32, odds: Odds) -> u32 {
        let question = question_hash(site, key);
        let counter = self.occurrences.entry(question).or_insert(0);
        let occurrence = *counter;
        *counter += 1;
        self.last_left_zero = false;
        if arity <= 1 {
            return 0;
        }
        if let Some(offers) = &mut self.offers {
            offers.push(Offer {
                point: Point::new(site, key, occurrence),
                arity,
            });
        }
        let point_hash = occurrence_hash(question, occurrence);
        let scripted = self
            .script
            .as_mut()
            .and_then(|script| script.answer(point_hash, site, key, occurrence, arity));
        let value = match (scripted, &self.seed) {
            (Some(value), _) => value,
            (None, Some(seed)) => seed.draw(point_hash, arity, odds),
            (None, None) => 0,
        };
        if value != 0 {
            let point = Point::new(site, key, occurrence);
            self.taken.push(TapeEntry {
                point,
                arity,
                value,
                at_ms: 0,
                words: String::new(),
            });
            self.last_left_zero = true;
        }
        value
    }

    /// Decides by the caller's own answer, and records it as [`Choices::choose`] does: for what a
    /// person placed by hand, so that it has its line on the tape like any other decision.
    ///
    /// # Panics
    ///
    /// If the value is not below the arity.
    pub fn impose(&mut self, site: &'static str, key: &str, arity: u32, value: u32) {
        assert!(
            value < arity,
            "an answer must be below the arity: {value} of {arity} at {site}"
        );
        let question = question_hash(site, key);
        let counter = self.occurrences.entry(question).or_insert(0);
        let occurrence = *counter;
        *counter += 1;
        if let Some(script) = &mut self.script {
            // Matched, so that it is not taken for drift.
            let _ = script.answer(
                occurrence_hash(question, occurrence),
                site,
                key,
                occurrence,
                arity,
            );
        }
        self.last_left_zero = value != 0;
        if value != 0 {
            let point = Point::new(site, key, occurrence);
            self.taken.push(TapeEntry {
                point,
                arity,
                value,
                at_ms: 0,
                words: String::new(),
            });
        }
    }

    /// Puts the last decision into words, with its virtual time in milliseconds since the Unix
    /// epoch.
    ///
    /// Does nothing, and does not call `words`, if that decision was benign.
    pub fn describe(&mut self, now_ms: u64, words: impl FnOnce() -> String) {
        if !self.last_left_zero {
            return;
        }
        if let Some(entry) = self.taken.last_mut() {
            entry.at_ms = now_ms;
            entry.words = words();
        }
    }

    /// The decisions so far that were not benign, in order.
    pub fn taken(&self) -> Tape {
        Tape {
            seed: self.seed.as_ref().map(|seed| seed.number),
            entries: self.taken.clone(),
        }
    }

    /// The decisions so far that were not benign, in order.
    pub fn taken_entries(&self) -> &[TapeEntry] {
        &self.taken
    }

    /// How many decisions so far were not benign.
    pub fn taken_count(&self) -> usize {
        self.taken.len()
    }

    /// What the tape says about points that this run did not come to, or that had fewer answers
    /// than the tape's.
    pub fn drift(&self) -> Vec<TapeEntry> {
        self.script
            .as_ref()
            .map(Script::unmatched)
            .unwrap_or_default()
    }

    /// From here on, remembers every decision offered, whatever the answer. To be called before the
    /// run.
    pub fn record_offers(&mut self) {
        self.offers.get_or_insert_default();
    }

    /// The decisions offered since [`Choices::record_offers`], in order.
    pub fn offers(&self) -> &[Offer] {
        self.offers.as_deref().unwrap_or_default()
    }
}

/// A seed, and the generator that it keys; the point selects the stream.
#[derive(Clone, Debug)]
struct Seed {
    number: u64,
    /// Never drawn from itself: a draw clones it and moves the clone to the point's stream.
    generator: ChaCha8Rng,
}

impl Seed {
    fn new(number: u64) -> Self {
        let mut key = *b"--------durasim: one run choices";
        key[..8].copy_from_slice(&number.to_le_bytes());
        Self {
            number,
            generator: ChaCha8Rng::from_seed(key),
        }
    }

    fn draw(&self, point_hash: u64, arity: u32, odds: Odds) -> u32 {
        let mut generator = self.generator.clone();
        generator.set_stream(point_hash);
        match odds {
            Odds::Uniform => below(generator.next_u64(), arity),
            Odds::Rarely(probability) => {
                if unit(generator.next_u64()) < probability {
                    1 + below(generator.next_u64(), arity - 1)
                } else {
                    0
                }
            }
        }
    }
}

/// Scales 64 random bits to a number below `bound`.
fn below(bits: u64, bound: u32) -> u32 {
    let scaled = (u128::from(bits) * u128::from(bound)) >> 64;
    u32::try_from(scaled).expect("a product of 64 and 32 bits, shifted by 64, has 32 bits")
}

/// Scales 64 random bits to a number from 0 up to but not including 1.
fn unit(bits: u64) -> f64 {
    let high = u32::try_from(bits >> 32).expect("the upper half has 32 bits");
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

/// A tape arranged for looking up by point.
#[derive(Clone, Debug)]
struct Script {
    entries: Vec<(TapeEntry, bool)>,
    by_point: IndexMap<u64, usize, BuildHasherDefault<AsIs>>,
}

impl Script {
    fn new(tape: &Tape) -> Self {
        let by_point = tape
            .entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.point.hash64(), index))
            .collect();
        Self {
            entries: tape
                .entries
                .iter()
                .map(|entry| (entry.clone(), false))
                .collect(),
            by_point,
        }
    }

    fn answer(
        &mut self,
        point_hash: u64,
        site: &str,
        key: &str,
        occurrence: u32,
        arity: u32,
    ) -> Option<u32> {
        let (entry, matched) = &mut self.entries[*self.by_point.get(&point_hash)?];
        let same = entry.point.site == site
            && entry.point.key == key
            && entry.point.occurrence == occurrence;
        if !same || entry.value >= arity {
            return None;
        }
        *matched = true;
        Some(entry.value)
    }

    fn unmatched(&self) -> Vec<TapeEntry> {
        self.entries
            .iter()
            .filter(|(_, matched)| !matched)
            .map(|(entry, _)| entry.clone())
            .collect()
    }
}

/// The stable hash of a site and a key.
fn question_hash(site: &str, key: &str) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), xxh3_64(site.as_bytes()))
}

/// The stable hash of a point.
fn occurrence_hash(question: u64, occurrence: u32) -> u64 {
    xxh3_64_with_seed(&occurrence.to_le_bytes(), question)
}

/// A hasher for keys that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests;
