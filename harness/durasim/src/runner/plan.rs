//! The plan of a failure in the user's words, made from its tape.

use durasim_engine::{START_MS, Tape, TapeEntry};

use crate::{
    faults::{cure_of_site, is_fault_site, ordering_words},
    report::{FaultPlanWords, PlannedFault},
};

/// Returns `true` if a choice is a fault, and not a choice of order or latency.
pub(super) fn is_fault(entry: &TapeEntry) -> bool {
    is_fault_site(&entry.point.site)
}

/// Returns the plan of `minimal`, to which `found` was shrunk; `drifted` choices of `found` match
/// no point of the world any more.
pub(super) fn words(found: &Tape, minimal: &Tape, drifted: usize) -> FaultPlanWords {
    let (faults, orderings): (Vec<_>, Vec<_>) =
        minimal.entries.iter().partition(|entry| is_fault(entry));
    FaultPlanWords {
        found: found.entries.iter().filter(|entry| is_fault(entry)).count(),
        faults: faults.into_iter().map(planned).collect(),
        orderings: orderings.into_iter().map(ordering_words).collect(),
        drifted,
    }
}

/// Returns the faults of a tape, in the order in which they happened.
pub(super) fn faults(tape: &Tape) -> Vec<PlannedFault> {
    let faults = tape.entries.iter().filter(|entry| is_fault(entry));
    faults.map(planned).collect()
}

fn planned(entry: &TapeEntry) -> PlannedFault {
    let words = if entry.words.is_empty() {
        entry.point.to_string()
    } else {
        entry.words.clone()
    };
    PlannedFault {
        at_ms: entry.at_ms.saturating_sub(START_MS),
        words,
        cure: cure_of_site(&entry.point.site),
    }
}

#[cfg(test)]
mod tests {
    use durasim_engine::Point;
    use pretty_assertions::assert_eq;

    use super::*;

    fn entry(site: &'static str, occurrence: u32, words: &str) -> TapeEntry {
        TapeEntry {
            point: Point::new(site, "Payment#1/signal confirm", occurrence),
            arity: 2,
            value: 1,
            at_ms: START_MS + 1_500,
            words: words.to_owned(),
        }
    }

    #[test]
    fn a_plan_separates_faults_from_choices_of_order_and_latency() {
        let minimal = Tape {
            seed: None,
            entries: vec![
                entry("fault.signal_delay", 0, "hold the signal"),
                entry("network.latency", 1, "the signal takes 40ms"),
                entry("task.next", 0, ""),
            ],
        };
        let found = Tape {
            seed: None,
            entries: vec![entry("fault.signal_delay", 0, "hold the signal"); 3],
        };
        let plan = words(&found, &minimal, 2);
        let expected = FaultPlanWords {
            found: 3,
            faults: vec![PlannedFault {
                at_ms: 1_500,
                words: "hold the signal".to_owned(),
                cure: cure_of_site("fault.signal_delay"),
            }],
            orderings: vec![
                "the signal takes 40ms, number 2 of such messages".to_owned(),
                "task.next of Payment#1/signal confirm".to_owned(),
            ],
            drifted: 2,
        };
        assert_eq!(plan, expected);
    }
}
