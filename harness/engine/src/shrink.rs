//! Shrinking: makes decisions of a failing tape benign while the tape still fails.
//!
//! This is delta debugging over the entries of a tape. First large parts are dropped at once, then
//! smaller ones, until no single entry can be dropped. The rest is the plan that a person reads.
//!
//! ```
//! use durasim_engine::{Choices, Odds, shrink};
//!
//! let mut choices = Choices::seeded(7);
//! for key in ["a", "b", "c", "d", "e", "f"] {
//!     choices.choose("worker.crash", key, 2, Odds::Rarely(1.0));
//! }
//!
//! // It fails when both `b` and `e` crash.
//! let shrunk = shrink(&choices.taken(), 1_000, |tape| {
//!     let crashed = |key| tape.entries.iter().any(|entry| entry.point.key == key);
//!     crashed("b") && crashed("e")
//! });
//! assert_eq!(shrunk.tape.len(), 2);
//! assert!(shrunk.minimal);
//! ```
//!
//! Occurrences need more than that. Of two crashes, the first may only be there to cause the second
//! attempt of a task, which the second crash hits. Without the first crash, the second attempt does
//! not exist, so neither crash can be dropped alone. So an entry is also dropped together with a
//! recount of the entries that follow it with the same key, and, if few entries are left, together
//! with one other.
//!
//! The result is minimal: no *single* entry can be dropped. Another, smaller plan may exist.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    point::Point,
    tape::{Tape, TapeEntry},
};

/// The largest number of entries that are tried in pairs.
const MAX_IN_PAIRS: usize = 8;

/// A tape after shrinking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The smallest tape found that still fails; the given tape if none smaller does.
    pub tape: Tape,
    /// The number of tapes tried.
    pub tried: usize,
    /// True if no single entry can be dropped: always, unless the limit came first.
    pub minimal: bool,
}

/// Finds a small tape that fails as the given tape does, in at most `limit` tries.
///
/// `still_fails` runs a tape and returns `true` if the tape fails in the same way. The given tape
/// is known to fail and is not tried. The order of the tries is a function of the answers.
pub fn shrink(tape: &Tape, limit: usize, still_fails: impl FnMut(&Tape) -> bool) -> Shrunk {
    let mut search = Search {
        seed: tape.seed,
        limit,
        still_fails,
        passed: BTreeSet::new(),
        tried: 0,
    };
    let mut kept = tape.entries.clone();
    let minimal = search.reduce(&mut kept).is_ok();
    Shrunk {
        tape: search.tape(&kept),
        tried: search.tried,
        minimal,
    }
}

/// The decisions of a tape, without words and times.
type Decisions = Vec<(Point, u32)>;

struct Search<F> {
    seed: Option<u64>,
    limit: usize,
    still_fails: F,
    /// The tapes that were tried and did not fail; some come up more than once.
    passed: BTreeSet<Decisions>,
    tried: usize,
}

/// The error of a search that reached its limit of tries.
struct OutOfTries;

impl<F: FnMut(&Tape) -> bool> Search<F> {
    /// Drops entries until no single one can be dropped.
    fn reduce(&mut self, kept: &mut Vec<TapeEntry>) -> Result<(), OutOfTries> {
        // Many failures need no entry at all, which is cheap to find out.
        if !kept.is_empty() && self.fails(&[])? {
            kept.clear();
        }
        self.drop_singly(kept)?;
        // Each success of a costly step may make single entries needless again.
        while self.drop_and_recount(kept)? || self.drop_pair(kept)? {
            self.drop_singly(kept)?;
        }
        Ok(())
    }

    /// Drops halves, quarters and so on down to single entries, until a whole round of single
    /// entries changes nothing.
    fn drop_singly(&mut self, kept: &mut Vec<TapeEntry>) -> Result<(), OutOfTries> {
        let mut size = kept.len().div_ceil(2);
        while !kept.is_empty() {
            size = size.clamp(1, kept.len());
            let mut changed = self.keep_one_part(kept, size)?;
            changed |= self.drop_parts(kept, size)?;
            if size == 1 && !changed {
                return Ok(());
            }
            size = if changed {
                size.min(kept.len().div_ceil(2))
            } else {
                size / 2
            };
        }
        Ok(())
    }

    /// Keeps a single part of that size if one fails by itself; returns `true` if one did.
    fn keep_one_part(
        &mut self,
        kept: &mut Vec<TapeEntry>,
        size: usize,
    ) -> Result<bool, OutOfTries> {
        if size == kept.len() || size == 1 && kept.len() > 8 {
            // Trying each entry of many by itself costs more than it finds.
            return Ok(false);
        }
        for part in parts(kept.len(), size) {
            let candidate = kept[part].to_vec();
            if self.fails(&candidate)? {
                *kept = candidate;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Drops each part of that size in turn, the last first; returns `true` if any could be
    /// dropped.
    ///
    /// Late decisions rarely matter to early ones.
    fn drop_parts(&mut self, kept: &mut Vec<TapeEntry>, size: usize) -> Result<bool, OutOfTries> {
        let mut changed = false;
        for part in parts(kept.len(), size).rev() {
            let mut candidate = kept.clone();
            candidate.drain(part);
            if self.fails(&candidate)? {
                *kept = candidate;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Drops one entry, and counts one less in those that follow it with the same site and key, or
    /// with the same key; returns `true` if one could be dropped.
    fn drop_and_recount(&mut self, kept: &mut Vec<TapeEntry>) -> Result<bool, OutOfTries> {
        for index in 0..kept.len() {
            for any_site in [false, true] {
                let Some(candidate) = recounted(kept, index, any_site) else {
                    continue;
                };
                if self.fails(&candidate)? {
                    *kept = candidate;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Drops two entries at once, of which neither can be dropped alone; returns `true` if two
    /// could.
    fn drop_pair(&mut self, kept: &mut Vec<TapeEntry>) -> Result<bool, OutOfTries> {
        if kept.len() > MAX_IN_PAIRS {
            return Ok(false);
        }
        for first in 0..kept.len() {
            for second in first + 1..kept.len() {
                let mut candidate = kept.clone();
                candidate.remove(second);
                candidate.remove(first);
                if self.fails(&candidate)? {
                    *kept = candidate;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns `true` if a tape with these entries fails; tries no tape twice.
    fn fails(&mut self, kept: &[TapeEntry]) -> Result<bool, OutOfTries> {
        let decisions: Decisions = kept
            .iter()
            .map(|entry| (entry.point.clone(), entry.value))
            .collect();
        if self.passed.contains(&decisions) {
            return Ok(false);
        }
        if self.tried == self.limit {
            return Err(OutOfTries);
        }
        self.tried += 1;
        let tape = self.tape(kept);
        let fails = (self.still_fails)(&tape);
        if !fails {
            self.passed.insert(decisions);
        }
        Ok(fails)
    }

    fn tape(&self, kept: &[TapeEntry]) -> Tape {
        Tape {
            seed: self.seed,
            entries: kept.to_vec(),
        }
    }
}

/// Returns the entries without one of them, with one less counted in those that follow it with the
/// same key; `None` if none follows, or if two would then have the same point.
fn recounted(kept: &[TapeEntry], index: usize, any_site: bool) -> Option<Vec<TapeEntry>> {
    let mut entries = kept.to_vec();
    let gone = entries.remove(index).point;
    let mut changed = false;
    for Point {
        site,
        key,
        occurrence,
    } in entries[index..].iter_mut().map(|entry| &mut entry.point)
    {
        if *key == gone.key && *occurrence > 0 && (any_site || *site == gone.site) {
            *occurrence -= 1;
            changed = true;
        }
    }
    let points: BTreeSet<_> = entries.iter().map(|entry| &entry.point).collect();
    (changed && points.len() == entries.len()).then_some(entries)
}

/// Divides `0..len` into parts of `size`; the last may be smaller.
fn parts(len: usize, size: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..len.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(len))
}

#[cfg(test)]
mod tests;
