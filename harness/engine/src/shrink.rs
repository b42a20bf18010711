//! Shrinking: puts decisions back to benign for as long as the run still fails.
//!
//! Delta debugging over the entries of a tape: first large parts are put back at once, then smaller
//! ones, until no single entry can be. What is left is the plan that a person has to read.
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
//! What is counted by its occurrence needs more than that. Of two crashes the first may only be
//! there to make the task whose second attempt the other one strikes; put back alone it takes the
//! second with it. So an entry is also put back together with a recount of what follows it on the
//! same thing, and, where few are left, together with one other.
//!
//! The result is minimal in the sense that no *single* entry can be put back; another, smaller plan
//! may exist.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::choice::Point;
use crate::tape::{Tape, TapeEntry};

/// Up to how many entries are tried in pairs.
const MAX_IN_PAIRS: usize = 8;

/// A tape after shrinking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The smallest tape found that still fails; the one given if none smaller does.
    pub tape: Tape,
    /// How many tapes were tried.
    pub tried: usize,
    /// Whether no single entry can be put back: always, unless the limit came first.
    pub minimal: bool,
}

/// Finds a small tape that fails as the given one does, in at most `limit` tries.
///
/// `still_fails` runs a tape and says whether it fails, in the same way as before; the tape given
/// is taken to fail and not tried itself. The order of the tries is a function of the answers.
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

/// What a tape decides, words and times apart.
type Decisions = Vec<(Point, u32)>;

struct Search<F> {
    seed: Option<u64>,
    limit: usize,
    still_fails: F,
    /// What was tried and did not fail; parts come up more than once.
    passed: BTreeSet<Decisions>,
    tried: usize,
}

/// The limit of tries is reached.
struct OutOfTries;

impl<F: FnMut(&Tape) -> bool> Search<F> {
    fn reduce(&mut self, kept: &mut Vec<TapeEntry>) -> Result<(), OutOfTries> {
        // Most failures need no entry at all, or one: that is cheap to find out.
        if !kept.is_empty() && self.fails(&[])? {
            kept.clear();
        }
        self.drop_singly(kept)?;
        while self.drop_and_recount(kept)? || self.drop_pair(kept)? {
            self.drop_singly(kept)?;
        }
        Ok(())
    }

    /// Halves, quarters, … down to single entries; ends when a whole round of single entries
    /// changes nothing.
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

    /// Keeps a single part of that size, if one fails by itself.
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

    /// Puts back each part of that size in turn, the last first: late decisions rarely matter to
    /// early ones.
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

    /// Puts back one entry, and counts those that follow it one less: of the same question, or of
    /// all about the same thing.
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

    /// Puts back two entries at once, of which neither can be put back alone.
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

/// The entries without that one, those that follow it about the same thing counted one less; `None`
/// if there are none of those, or if two would then be at one point.
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

/// `0..len` in parts of `size`, the last of which may be smaller.
fn parts(len: usize, size: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..len.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(len))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn tape(len: u32) -> Tape {
        let entry = |occurrence| TapeEntry {
            point: Point::new("fault", "x", occurrence),
            arity: 2,
            value: 1,
            at_ms: 0,
            words: String::new(),
        };
        Tape {
            seed: Some(1),
            entries: (0..len).map(entry).collect(),
        }
    }

    fn kept(tape: &Tape) -> Vec<u32> {
        tape.entries
            .iter()
            .map(|entry| entry.point.occurrence)
            .collect()
    }

    #[test]
    fn what_fails_without_any_entry_shrinks_to_nothing_in_one_try() {
        let shrunk = shrink(&tape(100), 1_000, |_| true);
        assert_eq!(
            (shrunk.tape.len(), shrunk.tried, shrunk.minimal),
            (0, 1, true)
        );
    }

    #[test]
    fn entries_that_need_each_other_stay_together() {
        for needed in [
            vec![0],
            vec![99],
            vec![0, 99],
            vec![49, 50],
            vec![3, 30, 60, 90],
        ] {
            let shrunk = shrink(&tape(100), 10_000, |tape| {
                needed.iter().all(|entry| kept(tape).contains(entry))
            });
            assert_eq!(kept(&shrunk.tape), needed);
            assert!(shrunk.minimal);
            assert!(shrunk.tried < 150, "{} tries for {needed:?}", shrunk.tried);
        }
    }

    #[test]
    fn no_single_entry_of_the_result_can_be_put_back() {
        // Fails as long as at least 7 entries with even numbers are left, or entry 3 with 5.
        let fails = |tape: &Tape| {
            let kept = kept(tape);
            kept.iter().filter(|entry| *entry % 2 == 0).count() >= 7
                || kept.contains(&3) && kept.contains(&5)
        };
        let shrunk = shrink(&tape(40), 10_000, fails);
        assert!(fails(&shrunk.tape));
        for index in 0..shrunk.tape.len() {
            let mut smaller = shrunk.tape.clone();
            smaller.entries.remove(index);
            assert!(!fails(&smaller));
        }
    }

    #[test]
    fn an_entry_can_become_needless_only_after_a_later_one_was_put_back() {
        // Entry 1 is needed exactly while entry 0 is there.
        let fails = |tape: &Tape| {
            let kept = kept(tape);
            kept.contains(&2) && (kept.contains(&1) || !kept.contains(&0))
        };
        assert_eq!(kept(&shrink(&tape(3), 100, fails).tape), [2]);
    }

    #[test]
    fn what_only_made_a_later_occurrence_goes_and_the_later_one_comes_earlier() {
        // Two tasks, each done again until an attempt of it is spared; it fails if the second
        // task's first is struck.
        let fails = |tape: &Tape| {
            let kept = kept(tape);
            let spared = (0..4).find(|attempt| !kept.contains(attempt));
            spared.is_some_and(|spared| kept.contains(&(spared + 1)))
        };
        let mut found = tape(3);
        found.entries.remove(1);
        assert!(fails(&found));
        assert_eq!(kept(&shrink(&found, 100, fails).tape), [1]);
    }

    #[test]
    fn a_recount_reaches_over_sites_that_are_about_the_same_thing() {
        let mut two = tape(2);
        two.entries[0].point.site = "other".into();
        // The second attempt comes only of a first that was struck.
        let fails = |tape: &Tape| match tape.entries.as_slice() {
            [only] => only.point.site == "fault" && only.point.occurrence == 0,
            entries => entries.len() == 2,
        };
        let shrunk = shrink(&two, 100, fails);
        assert_eq!(kept(&shrunk.tape), [0]);
        assert_eq!(shrunk.tape.entries[0].point.site, "fault");
    }

    #[test]
    fn two_entries_of_which_neither_goes_alone_go_together() {
        let fails = |tape: &Tape| {
            let kept = kept(tape);
            kept.contains(&2) && kept.contains(&0) == kept.contains(&1)
        };
        assert_eq!(kept(&shrink(&tape(3), 100, fails).tape), [2]);
    }

    #[test]
    fn the_limit_bounds_the_tries_and_is_owned_up_to() {
        let tried = Cell::new(0);
        let shrunk = shrink(&tape(64), 5, |tape| {
            tried.set(tried.get() + 1);
            kept(tape).contains(&1) && kept(tape).contains(&62)
        });
        assert_eq!((tried.get(), shrunk.tried, shrunk.minimal), (5, 5, false));
        assert!(kept(&shrunk.tape).contains(&1) && kept(&shrunk.tape).contains(&62));
    }

    #[test]
    fn the_same_part_is_not_tried_twice() {
        let mut seen = BTreeSet::new();
        shrink(&tape(30), 10_000, |tape| {
            let kept = kept(tape);
            assert!(seen.insert(kept.clone()), "{kept:?} tried twice");
            [4, 5, 21].iter().all(|entry| kept.contains(entry))
        });
    }

    #[test]
    fn an_empty_tape_is_minimal_without_a_try() {
        let shrunk = shrink(&Tape::default(), 10, |_| unreachable!("nothing to try"));
        assert_eq!((shrunk.tried, shrunk.minimal), (0, true));
    }
}
