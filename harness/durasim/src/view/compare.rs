//! The comparison of two worlds: the events that are the same, and the first that is not.

use std::{cmp::Reverse, collections::BTreeMap};

use durasim_view::{Difference, Kind, World};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// The events of a run, by the key of the run.
type Runs = BTreeMap<(String, usize), Vec<usize>>;

/// Finds the events that are the same in both worlds, and names each in the other. Returns the
/// pairs of their orders that ascend in both worlds, and the first difference.
pub(super) fn align(first: &mut World, last: &mut World) -> (Vec<(u64, u64)>, Option<Difference>) {
    let (of_first, of_last) = (runs(first), runs(last));
    let mut pairs = Vec::new();
    let mut differences = Vec::new();
    for (key, there) in &of_first {
        let empty = Vec::new();
        let here = of_last.get(key).unwrap_or(&empty);
        let texts = |world: &World, events: &[usize]| -> Vec<String> {
            let texts = events.iter().map(|event| text(world, *event));
            texts.collect()
        };
        let (left, right) = (texts(first, there), texts(last, here));
        let mut has_differed = false;
        for op in capture_diff_slices(Algorithm::Myers, &left, &right) {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = op
            {
                let equal = there[old_index..].iter().zip(&here[new_index..]);
                pairs.extend(equal.take(len).map(|(there, here)| (*there, *here)));
            } else if !has_differed {
                has_differed = true;
                let (old, new) = (op.old_range(), op.new_range());
                differences.push(Candidate {
                    there: there[old].first().copied(),
                    here: here[new.clone()].first().copied(),
                    before: here[..new.start].last().copied(),
                });
            }
        }
    }
    for (key, here) in &of_last {
        if !of_first.contains_key(key) {
            differences.push(Candidate {
                there: None,
                here: here.first().copied(),
                before: None,
            });
        }
    }
    for (there, here) in &pairs {
        first.things[*there].same_as = Some(*here);
        last.things[*here].same_as = Some(*there);
    }
    let order = |world: &World, thing: usize| world.things[thing].moment.order;
    let orders = pairs
        .iter()
        .map(|(there, here)| (order(first, *there), order(last, *here)));
    let alignment = ascending(orders.collect());
    let earliest = differences
        .into_iter()
        .min_by_key(|it| it.here.or(it.before).map(|thing| order(last, thing)));
    let difference = earliest.map(|candidate| candidate.into_difference(first, last));
    (alignment, difference)
}

/// The first difference of a run.
struct Candidate {
    there: Option<usize>,
    here: Option<usize>,
    /// The last event before it, which is the same in both worlds.
    before: Option<usize>,
}

impl Candidate {
    fn into_difference(self, first: &World, last: &World) -> Difference {
        let words = |world: &World, thing: Option<usize>| {
            let thing = thing.map(|thing| &world.things[thing]);
            thing.map(|thing| {
                let id = thing.event_id.unwrap_or_default();
                let words = format!("event {id}, {} {}", thing.title, thing.words);
                words.trim_end().to_owned()
            })
        };
        let of = self.here.map(|thing| (last, thing));
        let of = of.or_else(|| self.there.map(|thing| (first, thing)));
        let run = of.map_or("", |(world, thing)| {
            let lane = world.things[thing].lane;
            &world.lanes[lane].name
        });
        let (there, here) = (words(first, self.there), words(last, self.here));
        let words = match (there, here) {
            (Some(there), Some(here)) => format!("{here}; in the fault-free world {there}"),
            (None, Some(here)) => format!("{here}; the fault-free world has no such event"),
            (Some(there), None) => format!("nothing that is {there} in the fault-free world"),
            (None, None) => String::new(),
        };
        Difference {
            words: format!("{run}: {words}"),
            first: self.there,
            last: self.here,
        }
    }
}

/// Returns the events of each run of a world. A run is known by its workflow id and its number
/// among the runs of that id.
fn runs(world: &World) -> Runs {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for (lane, it) in world.lanes.iter().enumerate() {
        let Some(run) = &it.run else { continue };
        let number = count.entry(&run.workflow_id).or_default();
        keys.insert(lane, (run.workflow_id.clone(), *number));
        *number += 1;
    }
    let mut runs: Runs = keys.values().map(|key| (key.clone(), Vec::new())).collect();
    for (index, thing) in world.things.iter().enumerate() {
        if thing.kind == Kind::Event
            && let Some(events) = keys.get(&thing.lane).and_then(|key| runs.get_mut(key))
        {
            events.push(index);
        }
    }
    for events in runs.values_mut() {
        events.sort_by_key(|event| world.things[*event].event_id);
    }
    runs
}

/// Returns the text by which two events are the same.
fn text(world: &World, event: usize) -> String {
    let event = &world.things[event];
    format!("{} {}", event.title, event.words)
}

/// Returns a longest part of these pairs that ascends in both numbers.
fn ascending(mut pairs: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    // Of pairs with the same first number, none comes after another.
    pairs.sort_unstable_by_key(|(first, second)| (*first, Reverse(*second)));
    // The last pair of the best part of each length so far, and the pair before each.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; pairs.len()];
    for (index, (_, second)) in pairs.iter().enumerate() {
        let length = tails.partition_point(|tail| pairs[*tail].1 < *second);
        before[index] = length.checked_sub(1).map(|shorter| tails[shorter]);
        match tails.get_mut(length) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let last = tails.last().copied();
    let mut part: Vec<_> = std::iter::successors(last, |index| before[*index])
        .map(|index| pairs[index])
        .collect();
    part.reverse();
    part
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn the_pairs_that_align_two_worlds_ascend_in_both() {
        let pairs = vec![(1, 1), (2, 9), (3, 2), (3, 4), (5, 5), (6, 3)];
        assert_eq!(ascending(pairs), [(1, 1), (3, 2), (6, 3)]);
        assert_eq!(ascending(Vec::new()), []);
    }
}
