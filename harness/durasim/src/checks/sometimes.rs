//! `sometimes`: over a campaign, every label that the test names is reached at least once.

use crate::{
    broken::broken,
    outcome::SometimesLabel,
    report::{FailureReport, Spent, source_lines::source_line},
};
use std::collections::BTreeMap;

/// In how many worlds of a campaign each label was reached.
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

    /// The first label that no world reached.
    pub(crate) fn check(&self) -> Option<FailureReport> {
        if broken!(check Sometimes) {
            return None;
        }
        let (name, (location, _)) = self.labels.iter().find(|(_, (_, reached))| *reached == 0)?;
        let others: Vec<_> = self
            .labels
            .iter()
            .filter(|(_, (_, reached))| *reached > 0)
            .map(|(name, (_, reached))| (name.clone(), *reached))
            .collect();
        let mut report =
            FailureReport::never_reached(name, self.worlds, &others, source_line(location));
        report.spent = Spent {
            worlds: self.worlds,
            steps: self.steps,
            shrink_runs: 0,
        };
        Some(report)
    }
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
    fn a_label_reached_once_in_a_campaign_is_enough() {
        let mut sometimes = Sometimes::default();
        sometimes.world(&labels(false), 30);
        let report = sometimes.check().unwrap();
        assert!(report.what.contains("refund"), "{report}");
        assert_eq!((report.spent.worlds, report.spent.steps), (1, 30));
        sometimes.world(&labels(true), 30);
        assert_eq!(sometimes.check(), None);
    }
}
