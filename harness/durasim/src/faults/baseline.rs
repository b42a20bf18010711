//! The baseline: the attempts and the time that a test needs when nothing goes wrong.
//!
//! Faults must leave an activity what it needs. To leave it one attempt is too little if its code
//! fails twice before it succeeds; to leave it half of its time is too little if it takes nearly
//! all of it. The fault-free world shows the need: for each type, the most that any activity or run
//! of that type took.
//!
//! It shows when something is cancelled, too: an attempt that has fallen silent by then is not
//! retried, and its activity fails where it should be cancelled. Faults make a world late and never
//! early, so no request to cancel comes before its time in the fault-free world.

use std::{collections::BTreeMap, sync::Arc};

use durasim_events::{Attributes, HistoryEvent};
use durasim_service::time::instant_ms;

use crate::history::History;

/// The time that is added to a measured one: messages take time, and a worker may be away.
const SLACK_MS: u64 = 5_000;

/// The time within which requests to cancel follow each other closely.
const CLOSELY_MS: u64 = 1_000;

/// The needs of activities and workflows in the fault-free world, by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Baseline {
    activities: BTreeMap<String, Need>,
    workflows_ms: BTreeMap<String, u64>,
    /// The courses of workflows by their ids, and those of all workflows of a type.
    courses: BTreeMap<String, Course>,
    courses_of_type: BTreeMap<String, Course>,
    /// True if something is cancelled.
    cancels: bool,
}

/// The course of the runs of a workflow. Times are virtual milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "names carry their unit last")]
struct Course {
    /// The times since the Unix epoch at which the workflow or an activity of it was to be
    /// cancelled, in order.
    cancels_ms: Vec<u64>,
    /// The time since the Unix epoch at which the latest run started.
    started_ms: Option<u64>,
    /// The shortest time from the start of a run to that of the next; `None` if there was one run.
    next_run_after_ms: Option<u64>,
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

    /// Returns the time at which the fault-free world cancels something of a run next, in virtual
    /// milliseconds since the Unix epoch: the run started at `started_ms`, and something of it was
    /// cancelled so many times. A workflow that the fault-free world did not know is taken for any
    /// of its type.
    pub(crate) fn next_cancel_ms(
        &self,
        workflow_id: &str,
        workflow_type: &str,
        started_ms: u64,
        cancels: usize,
    ) -> Option<u64> {
        let course = self.course(workflow_id, workflow_type)?;
        let in_time = course
            .cancels_ms
            .iter()
            .filter(|at_ms| **at_ms >= started_ms);
        in_time.skip(cancels).copied().next()
    }

    /// Returns `true` if the fault-free world cancels nothing.
    pub(crate) fn has_no_cancels(&self) -> bool {
        !self.cancels
    }

    /// Returns the shortest time from the start of a run of a workflow to that of its next run, in
    /// virtual milliseconds; `None` if the fault-free world has no next run.
    pub(crate) fn next_run_after_ms(&self, workflow_id: &str, workflow_type: &str) -> Option<u64> {
        self.course(workflow_id, workflow_type)?.next_run_after_ms
    }

    /// Returns the course of a workflow. A workflow that the fault-free world did not know is taken
    /// for any of its type.
    fn course(&self, workflow_id: &str, workflow_type: &str) -> Option<&Course> {
        self.courses
            .get(workflow_id)
            .or_else(|| self.courses_of_type.get(workflow_type))
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
        let workflow_type = started
            .workflow_type
            .as_ref()
            .map_or("", |it| it.name.as_str());
        self.add_course(history, workflow_type, at_ms(first));
        if last.is_final_wf_execution_event() {
            let longest = self
                .workflows_ms
                .entry(workflow_type.to_owned())
                .or_default();
            *longest = (*longest).max(at_ms(last).saturating_sub(at_ms(first)) + SLACK_MS);
        }
    }
}

impl Baseline {
    fn add_course(&mut self, history: &History, workflow_type: &str, started_ms: u64) {
        let cancels_ms = cancels_ms(history.shared());
        self.cancels |= !cancels_ms.is_empty();
        let own = self
            .courses
            .entry(history.workflow_id().to_owned())
            .or_default();
        let before_ms = own.started_ms.replace(started_ms);
        let after_ms = before_ms.map(|before_ms| started_ms.saturating_sub(before_ms));
        let of_type = self
            .courses_of_type
            .entry(workflow_type.to_owned())
            .or_default();
        for course in [own, of_type] {
            course.cancels_ms.extend(&cancels_ms);
            course.cancels_ms.sort_unstable();
            let known_ms = course.next_run_after_ms;
            course.next_run_after_ms = known_ms.into_iter().chain(after_ms).min();
        }
    }
}

/// Returns the times at which a run or an activity of it was to be cancelled, in virtual
/// milliseconds since the Unix epoch. A run passes a request on to its activities: requests that
/// follow each other closely count as one.
pub(crate) fn cancels_ms(events: &[Arc<HistoryEvent>]) -> Vec<u64> {
    let is_cancel = |event: &&Arc<HistoryEvent>| {
        matches!(
            event.attributes,
            Some(
                Attributes::WorkflowExecutionCancelRequestedEventAttributes(_)
                    | Attributes::ActivityTaskCancelRequestedEventAttributes(_)
            )
        )
    };
    let mut times: Vec<_> = events
        .iter()
        .filter(is_cancel)
        .map(|it| at_ms(it))
        .collect();
    times.dedup_by(|later, earlier| *later < *earlier + CLOSELY_MS);
    times
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
