//! `sometimes`: every label that the test names is reached in at least one world of a search.

use std::collections::BTreeMap;

use super::{Check, Needs};
use crate::{
    outcome::SometimesLabel,
    report::{Failure, FailureCode, SourceLine, Spent, source_lines::source_line},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Sometimes,
    needs: Needs::Search(Sometimes::check),
};

/// The labels of a search, each with the number of worlds that reached it.
#[derive(Default)]
pub(crate) struct Sometimes {
    worlds: u64,
    steps: u64,
    labels: BTreeMap<String, (String, u64)>,
}

impl Sometimes {
    /// Counts one world: its labels, and the steps that it took.
    pub(crate) fn world(&mut self, labels: &BTreeMap<String, SometimesLabel>, steps: u64) {
        self.worlds += 1;
        self.steps += steps;
        for (name, label) in labels {
            let (_, reached) = self
                .labels
                .entry(name.clone())
                .or_insert_with(|| (label.location.clone(), 0));
            *reached += u64::from(label.reached);
        }
    }

    /// Returns the cost of all those worlds.
    pub(crate) fn spent(&self) -> Spent {
        Spent {
            worlds: self.worlds,
            steps: self.steps,
            shrink_runs: 0,
        }
    }

    /// Returns the failure of the first label that no world reached.
    fn check(&self) -> Option<Failure> {
        let (name, (location, _)) = self.labels.iter().find(|(_, (_, reached))| *reached == 0)?;
        let others: Vec<_> = self
            .labels
            .iter()
            .filter(|(_, (_, reached))| *reached > 0)
            .map(|(name, (_, reached))| (name.clone(), *reached))
            .collect();
        Some(failure(name, self.worlds, &others, source_line(location)))
    }
}

/// Returns the failure of a label that none of the worlds reached. `reached` lists the other
/// labels, each with the number of worlds that reached it.
pub(super) fn failure(
    label: &str,
    worlds: u64,
    reached: &[(String, u64)],
    location: Option<SourceLine>,
) -> Failure {
    let noun = if worlds == 1 { "world" } else { "worlds" };
    let what = format!("{label:?} was reached in none of {worlds} {noun}");
    let others: Vec<_> = reached
        .iter()
        .map(|(label, count)| format!("{label:?} was reached in {count}"))
        .collect();
    let failure = Failure::new(FailureCode::Sometimes, what).at(location);
    if others.is_empty() {
        return failure;
    }
    failure.with_message(others.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(reached: bool) -> BTreeMap<String, SometimesLabel> {
        BTreeMap::from([(
            "refund".to_owned(),
            SometimesLabel {
                location: "pay.rs:7".to_owned(),
                reached,
            },
        )])
    }

    #[test]
    fn a_label_reached_once_in_a_search_is_enough() {
        let mut sometimes = Sometimes::default();
        sometimes.world(&labels(false), 30);
        let failure = sometimes.check().unwrap();
        assert!(failure.what.contains("refund"), "{failure}");
        assert_eq!((sometimes.spent().worlds, sometimes.spent().steps), (1, 30));
        sometimes.world(&labels(true), 30);
        assert_eq!(sometimes.check(), None);
    }
}
