//! Choices: every nondeterministic decision of a world, each made at a named point.
//!
//! A world leaves decisions open: which task is polled next, how late a message is, whether a
//! worker crashes. Each is a call of [`Choices::choose`], which answers with a number below an
//! arity; 0 is always the benign answer. A decision belongs to a [`Point`]: the site names its
//! kind, the key names its subject, and the occurrence counts the earlier decisions of both. An
//! answer depends on its point and not on the number of earlier answers, so one decision more or
//! less elsewhere leaves the others as they were.
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
//! // The tape holds the answers that were not benign, and brings them back.
//! let mut again = Choices::tape(&choices.taken());
//! assert_eq!(again.choose("schedule.next", "", 3, Odds::Uniform), next);
//! assert_eq!(again.choose("worker.crash", "payments", 2, Odds::Rarely(0.5)), crash);
//! ```

use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;

use crate::{
    point::{Point, occurrence_hash, question_hash},
    seed::{Odds, Seed},
    tape::{Tape, TapeEntry},
};

/// A decision that came up in a world and had more than one possible answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The name of the decision.
    pub point: Point,
    /// The number of possible answers, at least 2.
    pub arity: u32,
    /// The place in the order of exploration, lower ranks first; `None` unless the decision was
    /// [ranked](Choices::rank).
    pub rank: Option<u32>,
}

/// The source of every decision of one world, and the record of those that were not benign.
#[derive(Clone, Debug)]
pub struct Choices {
    source: Source,
    occurrences: IndexMap<u64, u32, BuildHasherDefault<AsIs>>,
    taken: Vec<TapeEntry>,
    /// True if the last decision was not benign, so that it is the last of `taken`.
    last_is_taken: bool,
    /// True if the last decision had more than one answer, so that it is the last of `offers`.
    last_is_offered: bool,
    offers: Option<Vec<Offer>>,
}

#[derive(Clone, Debug)]
enum Source {
    Benign,
    Seed(Seed),
    Tape(Script),
}

impl Choices {
    /// Creates choices that are all benign.
    pub fn benign() -> Self {
        Self::new(Source::Benign)
    }

    /// Creates choices that are drawn, each from the seed and its point alone.
    pub fn seeded(seed: u64) -> Self {
        Self::new(Source::Seed(Seed::new(seed)))
    }

    /// Creates choices that follow a tape, and are benign at points that the tape does not name.
    pub fn tape(tape: &Tape) -> Self {
        Self::new(Source::Tape(Script::new(tape)))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            occurrences: IndexMap::default(),
            taken: Vec::new(),
            last_is_taken: false,
            last_is_offered: false,
            offers: None,
        }
    }

    /// Makes a decision: returns a number below `arity`, where 0 is the benign answer.
    ///
    /// With an arity of 0 or 1 the answer is 0 without a draw; the occurrence counts all the same.
    pub fn choose(&mut self, site: &'static str, key: &str, arity: u32, odds: Odds) -> u32 {
        self.choose_where(site, key, arity, odds, || true)
    }

    /// Makes a decision whose other answers are open only where `open` says so: where it returns
    /// `false`, this is [`Choices::choose`] with an arity of 1.
    ///
    /// Looking whether they are open may be costly, and is done only if it matters.
    pub fn choose_where(
        &mut self,
        site: &'static str,
        key: &str,
        arity: u32,
        odds: Odds,
        open: impl FnOnce() -> bool,
    ) -> u32 {
        (self.last_is_taken, self.last_is_offered) = (false, false);
        let (occurrence, point_hash) = self.count(site, key);
        let drawn = match &self.source {
            _ if arity <= 1 => return 0,
            Source::Benign => Some(0),
            Source::Seed(seed) => Some(seed.draw(point_hash, arity, odds)),
            Source::Tape(_) => None,
        };
        let matters = drawn != Some(0) || self.offers.is_some();
        if matters && !open() {
            return 0;
        }
        if let Some(offers) = &mut self.offers {
            offers.push(Offer {
                point: Point::new(site, key, occurrence),
                arity,
                rank: None,
            });
            self.last_is_offered = true;
        }
        let value = match &mut self.source {
            Source::Tape(script) => script
                .answer(point_hash, site, key, occurrence, arity)
                .unwrap_or(0),
            Source::Benign | Source::Seed(_) => drawn.unwrap_or(0),
        };
        self.record(site, key, occurrence, arity, value);
        value
    }

    /// Makes a decision by the caller's own answer, and records it as [`Choices::choose`] does.
    ///
    /// So a fault that a person placed by hand has its line on the tape like any other decision.
    ///
    /// # Panics
    ///
    /// If the value is not below the arity.
    pub fn impose(&mut self, site: &'static str, key: &str, arity: u32, value: u32) {
        assert!(
            value < arity,
            "an answer must be below the arity: {value} of {arity} at {site}"
        );
        let (occurrence, point_hash) = self.count(site, key);
        if let Source::Tape(script) = &mut self.source {
            // The tape's entry of this decision is matched, so that it does not count as drift.
            let _ = script.answer(point_hash, site, key, occurrence, arity);
        }
        self.last_is_offered = false;
        self.record(site, key, occurrence, arity, value);
    }

    /// Counts a decision; returns its occurrence and the hash of its point.
    fn count(&mut self, site: &str, key: &str) -> (u32, u64) {
        let question = question_hash(site, key);
        let counter = self.occurrences.entry(question).or_insert(0);
        let occurrence = *counter;
        *counter += 1;
        (occurrence, occurrence_hash(question, occurrence))
    }

    /// Records a decision if it is not benign.
    fn record(&mut self, site: &'static str, key: &str, occurrence: u32, arity: u32, value: u32) {
        self.last_is_taken = value != 0;
        if value != 0 {
            self.taken.push(TapeEntry {
                point: Point::new(site, key, occurrence),
                arity,
                value,
                at_ms: 0,
                words: String::new(),
            });
        }
    }

    /// Adds words to the last decision, and its virtual time in milliseconds since the Unix epoch.
    ///
    /// Does nothing, and does not call `words`, if that decision was benign.
    pub fn describe(&mut self, now_ms: u64, words: impl FnOnce() -> String) {
        if !self.last_is_taken {
            return;
        }
        if let Some(entry) = self.taken.last_mut() {
            entry.at_ms = now_ms;
            entry.words = words();
        }
    }

    /// Ranks the last decision among those that are offered: exploration comes to lower ranks
    /// first.
    ///
    /// Does nothing if that decision had one answer, or if no offers are recorded.
    pub fn rank(&mut self, rank: u32) {
        if !self.last_is_offered {
            return;
        }
        if let Some(offer) = self.offers.as_mut().and_then(|offers| offers.last_mut()) {
            offer.rank = Some(rank);
        }
    }

    /// Adds words to those of an earlier decision: the one at this place among those that were not
    /// benign.
    pub fn add_words(&mut self, place: usize, words: impl FnOnce() -> String) {
        if let Some(entry) = self.taken.get_mut(place) {
            entry.words.push_str(&words());
        }
    }

    /// Returns the decisions so far that were not benign, in order.
    pub fn taken(&self) -> Tape {
        Tape {
            seed: self.seed(),
            entries: self.taken.clone(),
        }
    }

    /// Takes the decisions so far that were not benign, in order: at the end of a world, whose tape
    /// need not be copied.
    pub fn take_tape(&mut self) -> Tape {
        Tape {
            seed: self.seed(),
            entries: std::mem::take(&mut self.taken),
        }
    }

    fn seed(&self) -> Option<u64> {
        match &self.source {
            Source::Seed(seed) => Some(seed.number()),
            Source::Benign | Source::Tape(_) => None,
        }
    }

    /// Returns the decisions so far that were not benign, in order.
    pub fn taken_entries(&self) -> &[TapeEntry] {
        &self.taken
    }

    /// Returns the number of decisions so far that were not benign.
    pub fn taken_count(&self) -> usize {
        self.taken.len()
    }

    /// Returns the entries of the tape that had no effect: this world did not come to their points,
    /// or had too few answers there.
    pub fn drift(&self) -> Vec<TapeEntry> {
        match &self.source {
            Source::Tape(script) => script.unmatched(),
            Source::Benign | Source::Seed(_) => Vec::new(),
        }
    }

    /// Starts to record every decision that comes up, whatever its answer.
    ///
    /// To be called before the first decision.
    pub fn record_offers(&mut self) {
        self.offers.get_or_insert_default();
    }

    /// Returns the decisions that came up since [`Choices::record_offers`], in order.
    pub fn offers(&self) -> &[Offer] {
        self.offers.as_deref().unwrap_or_default()
    }
}

/// A tape arranged for looking up by point.
#[derive(Clone, Debug)]
struct Script {
    /// The entries of the tape, and `true` for those that were matched.
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

    /// Returns the answer at a point, and marks its entry as matched; `None` if the tape has no
    /// answer there, or one that is not below the arity.
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
