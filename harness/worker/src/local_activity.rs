//! The attempts of local activities, between the runs that wait for them and the code that runs.

use std::time::Duration;

use temporalio_protos::{
    coresdk::{activity_result::ActivityResolution, workflow_commands::ScheduleLocalActivity},
    temporal::api::enums::v1::TimeoutType,
};

use crate::time;

/// One attempt of a local activity.
#[derive(Debug, Clone)]
pub struct LocalActivityTask {
    /// The sequence number of the local activity within its run.
    pub seq: u32,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The time to wait before the attempt starts: the backoff after the last attempt.
    pub after: Duration,
    /// The command of workflow code.
    pub schedule: ScheduleLocalActivity,
}

/// The end of one attempt of a local activity.
#[derive(Debug, Clone)]
pub struct LocalActivityResolution {
    /// The time that the attempt ran. Workflow time advances by it.
    pub runtime: Duration,
    /// The outcome of the attempt.
    pub outcome: LocalActivityOutcome,
}

/// The outcome of one attempt of a local activity.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
pub enum LocalActivityOutcome {
    /// The attempt completed, failed or was cancelled. The retry policy and the failure decide
    /// whether a failed attempt is followed by another.
    Resolved(ActivityResolution),
    /// The attempt took too long. Only [`TimeoutType::StartToClose`] is followed by another.
    TimedOut(TimeoutType),
    /// The local activity was cancelled while it waited for its next attempt.
    CancelledBetweenAttempts,
}

impl LocalActivityTask {
    /// Returns the time after which no attempt may run, in milliseconds since the Unix epoch, for
    /// an activity whose first attempt was requested at `requested_ms`.
    ///
    /// An activity that was carried over a backoff timer counts from its very first request.
    pub fn schedule_to_close_deadline_ms(&self, requested_ms: u64) -> Option<u64> {
        let timeout = time::duration(self.schedule.schedule_to_close_timeout)?;
        let from_ms = self
            .schedule
            .original_schedule_time
            .map_or(requested_ms, time::to_millis);
        Some(time::millis_after(from_ms, timeout))
    }

    /// Returns the time after its request in which an attempt may start.
    pub fn schedule_to_start_timeout(&self) -> Option<Duration> {
        self.within_schedule_to_close(self.schedule.schedule_to_start_timeout)
    }

    /// Returns the time that an attempt may take.
    pub fn start_to_close_timeout(&self) -> Option<Duration> {
        self.within_schedule_to_close(self.schedule.start_to_close_timeout)
    }

    fn within_schedule_to_close(&self, timeout: Option<prost_types::Duration>) -> Option<Duration> {
        let total = time::duration(self.schedule.schedule_to_close_timeout);
        let timeout = time::duration(timeout)?;
        Some(total.map_or(timeout, |total| timeout.min(total)))
    }
}
