//! The baseline: the attempts and the time that a test needs when nothing goes wrong.
//!
//! Faults must leave an activity what it needs. To leave it one attempt is too little if its code
//! fails twice before it succeeds; to leave it half of its time is too little if it takes nearly
//! all of it. The fault-free world shows the need: for each type, the most that any activity or run
//! of that type took.

use std::collections::BTreeMap;

use durasim_events::{Attributes, HistoryEvent};
use durasim_service::time::instant_ms;

use crate::history::History;

/// The time that is added to a measured one: messages take time, and a worker may be away.
const SLACK_MS: u64 = 5_000;

/// The needs of activities and workflows in the fault-free world, by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Baseline {
    activities: BTreeMap<String, Need>,
    workflows_ms: BTreeMap<String, u64>,
}

/// The need of each activity of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// The number of attempts.
    pub(crate) attempts: u32,
    /// The time over all attempts, in virtual milliseconds; `None` if no activity has closed.
    pub(crate) ms: Option<u64>,
}

impl Default for Need {
    fn default() -> Self {
        Self {
            attempts: 1,
            ms: None,
        }
    }
}

impl Baseline {
    /// Measures the needs in the histories of a world without faults.
    pub(crate) fn of(histories: &[History]) -> Self {
        let mut baseline = Self::default();
        for history in histories {
            baseline.add(history);
        }
        baseline
    }

    /// Returns the need of an activity of this type.
    pub(crate) fn activity(&self, activity_type: &str) -> Need {
        self.activities
            .get(activity_type)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the time that a run of this workflow type needs, in virtual milliseconds; 0 if none
    /// has closed.
    pub(crate) fn workflow_ms(&self, workflow_type: &str) -> u64 {
        self.workflows_ms.get(workflow_type).copied().unwrap_or(0)
    }

    fn add(&mut self, history: &History) {
        let mut scheduled = BTreeMap::new();
        let mut attempts = BTreeMap::new();
        for event in history.shared() {
            match &event.attributes {
                Some(Attributes::ActivityTaskScheduledEventAttributes(activity)) => {
                    let activity_type = activity
                        .activity_type
                        .as_ref()
                        .map_or("", |it| it.name.as_str());
                    scheduled.insert(event.event_id, (activity_type, at_ms(event)));
                }
                Some(Attributes::ActivityTaskStartedEventAttributes(started)) => {
                    attempts.insert(
                        started.scheduled_event_id,
                        u32::try_from(started.attempt).unwrap_or(1),
                    );
                }
                _ => {}
            }
            if let Some(id) = closes(event)
                && let Some((activity_type, since_ms)) = scheduled.get(&id)
            {
                let need = self
                    .activities
                    .entry((*activity_type).to_owned())
                    .or_default();
                need.attempts = need.attempts.max(attempts.get(&id).copied().unwrap_or(1));
                need.ms = need
                    .ms
                    .max(Some(at_ms(event).saturating_sub(*since_ms) + SLACK_MS));
            }
        }
        self.add_run(history);
    }

    fn add_run(&mut self, history: &History) {
        let ([first, ..], [.., last]) = (history.shared(), history.shared()) else {
            return;
        };
        let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = &first.attributes
        else {
            return;
        };
        if last.is_final_wf_execution_event() {
            let workflow_type = started
                .workflow_type
                .as_ref()
                .map_or("", |it| it.name.as_str());
            let longest = self
                .workflows_ms
                .entry(workflow_type.to_owned())
                .or_default();
            *longest = (*longest).max(at_ms(last).saturating_sub(at_ms(first)) + SLACK_MS);
        }
    }
}

/// Returns the id of the scheduled event of the activity that an event closes.
fn closes(event: &HistoryEvent) -> Option<i64> {
    match &event.attributes {
        Some(Attributes::ActivityTaskCompletedEventAttributes(closed)) => {
            Some(closed.scheduled_event_id)
        }
        Some(Attributes::ActivityTaskFailedEventAttributes(closed)) => {
            Some(closed.scheduled_event_id)
        }
        Some(Attributes::ActivityTaskTimedOutEventAttributes(closed)) => {
            Some(closed.scheduled_event_id)
        }
        Some(Attributes::ActivityTaskCanceledEventAttributes(closed)) => {
            Some(closed.scheduled_event_id)
        }
        _ => None,
    }
}

fn at_ms(event: &HistoryEvent) -> u64 {
    event.event_time.as_ref().map_or(0, instant_ms)
}
