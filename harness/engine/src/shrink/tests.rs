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
fn a_failure_without_any_entry_shrinks_to_nothing_in_one_try() {
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
fn no_single_entry_of_the_result_can_be_dropped() {
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
fn an_entry_that_becomes_needless_after_a_later_one_is_dropped_too() {
    // Entry 1 is needed exactly while entry 0 is there.
    let fails = |tape: &Tape| {
        let kept = kept(tape);
        kept.contains(&2) && (kept.contains(&1) || !kept.contains(&0))
    };
    assert_eq!(kept(&shrink(&tape(3), 100, fails).tape), [2]);
}

#[test]
fn an_entry_that_only_caused_a_later_occurrence_is_dropped_with_a_recount() {
    // Two tasks are each tried until one attempt is not hit. The tape fails if the first
    // attempt of the second task is hit.
    let fails = |tape: &Tape| {
        let kept = kept(tape);
        let succeeds = (0..4).find(|attempt| !kept.contains(attempt));
        succeeds.is_some_and(|attempt| kept.contains(&(attempt + 1)))
    };
    let mut found = tape(3);
    found.entries.remove(1);
    assert!(fails(&found));
    assert_eq!(kept(&shrink(&found, 100, fails).tape), [1]);
}

#[test]
fn a_recount_includes_other_sites_with_the_same_key() {
    let mut two = tape(2);
    two.entries[0].point.site = "other".into();
    // A second attempt exists only if the first was hit.
    let fails = |tape: &Tape| match tape.entries.as_slice() {
        [only] => only.point.site == "fault" && only.point.occurrence == 0,
        entries => entries.len() == 2,
    };
    let shrunk = shrink(&two, 100, fails);
    assert_eq!(kept(&shrunk.tape), [0]);
    assert_eq!(shrunk.tape.entries[0].point.site, "fault");
}

#[test]
fn two_entries_that_cannot_be_dropped_alone_are_dropped_together() {
    let fails = |tape: &Tape| {
        let kept = kept(tape);
        kept.contains(&2) && kept.contains(&0) == kept.contains(&1)
    };
    assert_eq!(kept(&shrink(&tape(3), 100, fails).tape), [2]);
}

#[test]
fn a_search_that_reaches_its_limit_says_so() {
    let tried = Cell::new(0);
    let shrunk = shrink(&tape(64), 5, |tape| {
        tried.set(tried.get() + 1);
        kept(tape).contains(&1) && kept(tape).contains(&62)
    });
    assert_eq!((tried.get(), shrunk.tried, shrunk.minimal), (5, 5, false));
    assert!(kept(&shrunk.tape).contains(&1) && kept(&shrunk.tape).contains(&62));
}

#[test]
fn no_tape_is_tried_twice() {
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
