//! The parts of a schedule that descriptions and lists show.

use crate::{
    api::schedule::{ScheduleInfo, ScheduleListInfo},
    schedules::{
        schedule::Schedule,
        spec::{TooManyExclusions, with_defaults},
    },
};

/// The future actions of a description.
const FUTURE_ACTIONS: usize = 10;
/// The recent and the future actions of a list.
const ACTIONS_OF_LIST: usize = 5;
/// The calendars, exclusions and intervals that a list shows.
const SPEC_OF_LIST: usize = 10;

impl Schedule {
    pub(crate) fn is_paused(&self) -> bool {
        self.state.paused
    }

    /// Returns the counts and lists of a description.
    pub(crate) fn described_info(&self) -> ScheduleInfo {
        ScheduleInfo {
            buffer_size: i64::try_from(self.buffer.len()).unwrap_or(i64::MAX),
            future_action_times: self.future_action_times(FUTURE_ACTIONS),
            ..self.info.clone()
        }
    }

    /// Returns the entry of a list.
    pub(crate) fn list_info(&self) -> ScheduleListInfo {
        let mut spec = with_defaults(self.spec.canonical().clone());
        spec.structured_calendar.truncate(SPEC_OF_LIST);
        spec.exclude_structured_calendar.truncate(SPEC_OF_LIST);
        spec.interval.truncate(SPEC_OF_LIST);
        let recent = &self.info.recent_actions;
        let first = recent.len().saturating_sub(ACTIONS_OF_LIST);
        ScheduleListInfo {
            spec: Some(spec),
            workflow_type: self.action.as_ref().and_then(|it| it.workflow_type.clone()),
            notes: self.state.notes.clone(),
            paused: self.state.paused,
            recent_actions: recent[first..].to_vec(),
            future_action_times: self.future_action_times(ACTIONS_OF_LIST),
            ..ScheduleListInfo::default()
        }
    }

    /// Returns the first time of the specification after another.
    ///
    /// # Errors
    ///
    /// If the specification excludes too many times in a row.
    pub(crate) fn time_after(&self, after_ms: i64) -> Result<Option<i64>, TooManyExclusions> {
        let next = self.spec.next(&self.jitter_seed, after_ms)?;
        Ok(next.map(|it| it.at_ms))
    }
}
