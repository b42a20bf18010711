//! The summary of a search in which no world failed.

use std::{cmp::Reverse, fmt};

use durasim_events::Attributes;

use super::plan;
use crate::{
    checks::Sometimes,
    faults::{FaultKind, FaultProfile, limit_ms},
    history::History,
    outcome::{Recovery, WorldReport},
    report::{PlannedFault, Spent},
    words::duration_words,
};

/// The summary of a search in which no world failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchSummary {
    /// The number of simulated worlds.
    pub worlds: u64,
    /// The number of steps of all those worlds together.
    pub steps: u64,
    /// The plans that were run in order: those of one fault before the seeds, or those of an
    /// exploration. `None` if there are none.
    pub plans: Option<Plans>,
    /// The number of seeds.
    pub seeds: u64,
    /// The recovery that took longest, if faults made a workflow late.
    pub slowest_recovery: Option<SlowestRecovery>,
    /// True if the search met faults, some of its activities may fail for good, and none did: the
    /// code for such a failure has not run.
    pub none_failed_for_good: bool,
}

/// The plans that a search ran in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plans {
    /// The most faults that a plan has.
    pub faults: u32,
    /// The number of plans that were run, the plan of no fault among them.
    pub run: u64,
    /// The number of plans that there are, as far as is known.
    pub known: u64,
    /// True if there are no other plans: a search that ends early may not know those of more
    /// faults.
    pub knows_all: bool,
}

/// The recovery that took longest in a search.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowestRecovery {
    /// The workflow, and its times.
    pub recovery: Recovery,
    /// The faults of its world, in the order in which they happened.
    pub faults: Vec<PlannedFault>,
}

/// The recovery in words: one line.
impl fmt::Display for SlowestRecovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recovery {
            workflow, late_ms, ..
        } = &self.recovery;
        let late = duration_words(*late_ms);
        write!(f, "{workflow} closed {late} late")?;
        let words = self.faults.iter().map(|fault| fault.words.as_str());
        let plan = words.collect::<Vec<_>>().join("; then ");
        write!(f, " ({plan})")
    }
}

/// The plans in words: `31 of 46 plans of at most 1 fault`.
impl fmt::Display for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, known, .. } = self;
        match (run == known, self.knows_all) {
            (true, _) => write!(f, "all {run}")?,
            (false, true) => write!(f, "{run} of {known}")?,
            (false, false) => write!(f, "{run} of at least {known}")?,
        }
        let faults = self.faults;
        let noun = if faults == 1 { "fault" } else { "faults" };
        write!(f, " plans of at most {faults} {noun}")
    }
}

/// The summary in words: one line.
impl fmt::Display for SearchSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worlds, steps, .. } = self;
        let noun = if *worlds == 1 { "world" } else { "worlds" };
        write!(f, "{worlds} {noun} passed, in {steps} steps")?;
        let plans = self.plans.map(|plans| plans.to_string());
        let seeds = (self.seeds > 0).then(|| match self.seeds {
            1 => "1 seed".to_owned(),
            seeds => format!("{seeds} seeds"),
        });
        let parts: Vec<_> = plans.into_iter().chain(seeds).collect();
        if !parts.is_empty() {
            write!(f, ": {}", parts.join(" and "))?;
        }
        if let Some(slowest) = &self.slowest_recovery {
            write!(f, "; slowest recovery: {slowest}")?;
        }
        if self.none_failed_for_good {
            f.write_str(
                "; no activity ever failed for good: `FaultProfile::exhausting_retries` reaches \
                 the code for that",
            )?;
        }
        Ok(())
    }
}

/// The place of a world in the order of its search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    First,
    Plan(u64),
    Seed(u64),
}

/// The count of worlds that passed, in a search that goes on.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) summary: SearchSummary,
    pub(super) sometimes: Sometimes,
    slowest: Option<(u64, Reverse<Place>)>,
    /// True if an activity may fail for good, by its retry policy or its deadline.
    may_fail: bool,
    /// True if an activity failed for good.
    failed: bool,
}

impl Tally {
    /// Counts a world that passed. Of several with equally slow recoveries, that with the lowest
    /// `place` counts, on any number of cores.
    pub(super) fn world(&mut self, report: &WorldReport, place: Place) {
        self.sometimes.world(&report.labels, report.steps);
        self.summary.worlds += 1;
        self.summary.steps += report.steps;
        self.recovery(report, place);
        let events = report.histories.iter().flat_map(History::shared);
        let activities = events.filter_map(|event| event.attributes.as_ref());
        for attributes in activities {
            match attributes {
                Attributes::ActivityTaskScheduledEventAttributes(activity) => {
                    let policy = activity.retry_policy.as_ref();
                    self.may_fail |= policy.is_some_and(|it| it.maximum_attempts > 0)
                        || limit_ms(activity.schedule_to_close_timeout.as_ref()).is_some();
                }
                Attributes::ActivityTaskFailedEventAttributes(_)
                | Attributes::ActivityTaskTimedOutEventAttributes(_) => self.failed = true,
                _ => {}
            }
        }
    }

    fn recovery(&mut self, report: &WorldReport, place: Place) {
        let Some(recovery) = &report.slowest_recovery else {
            return;
        };
        let slowness = (recovery.late_ms, Reverse(place));
        if self.slowest.is_none_or(|slowest| slowness > slowest) {
            self.slowest = Some(slowness);
            self.summary.slowest_recovery = Some(SlowestRecovery {
                recovery: recovery.clone(),
                faults: plan::faults(&report.tape),
            });
        }
    }

    /// Returns the summary of a search that met these faults.
    pub(super) fn summary(self, faults: &FaultProfile) -> SearchSummary {
        let exhausts = faults.odds_of(FaultKind::RetriesExhausted) > 0.0;
        SearchSummary {
            none_failed_for_good: faults.has_odds() && !exhausts && self.may_fail && !self.failed,
            ..self.summary
        }
    }

    /// Returns the cost of all worlds so far.
    pub(super) fn spent(&self) -> Spent {
        self.sometimes.spent()
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::report::WorkflowName;

    #[test]
    fn a_summary_tells_the_plans_and_the_seeds_that_were_run() {
        let summary = SearchSummary {
            worlds: 64,
            steps: 3_200,
            plans: Some(Plans {
                faults: 1,
                run: 31,
                known: 46,
                knows_all: true,
            }),
            seeds: 32,
            slowest_recovery: None,
            none_failed_for_good: false,
        };
        assert_eq!(
            summary.to_string(),
            "64 worlds passed, in 3200 steps: 31 of 46 plans of at most 1 fault and 32 seeds"
        );
        let alone = SearchSummary {
            worlds: 1,
            steps: 30,
            ..SearchSummary::default()
        };
        assert_eq!(alone.to_string(), "1 world passed, in 30 steps");
        let slow = SearchSummary {
            slowest_recovery: Some(SlowestRecovery {
                recovery: Recovery {
                    workflow: WorkflowName::new("Import", "import-1"),
                    closed_ms: 30_000_000,
                    late_ms: 28_800_000,
                    without_faults_ms: 1_200_000,
                    last_fault_ms: 1_000,
                },
                faults: vec![PlannedFault {
                    at_ms: 1_000,
                    words: "crash worker files during Files::import, attempt 1".to_owned(),
                    cure: None,
                }],
            }),
            ..alone.clone()
        };
        assert_eq!(
            slow.to_string(),
            "1 world passed, in 30 steps; slowest recovery: Import import-1 closed 8h late \
             (crash worker files during Files::import, attempt 1)"
        );
        let spared = SearchSummary {
            none_failed_for_good: true,
            ..alone
        };
        assert_eq!(
            spared.to_string(),
            "1 world passed, in 30 steps; no activity ever failed for good: \
             `FaultProfile::exhausting_retries` reaches the code for that"
        );
    }
}
