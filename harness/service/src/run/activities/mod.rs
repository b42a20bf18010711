//! The pending activities of a run.
//!
//! An activity is pending from its scheduled event to its closing event. In between, it waits for a
//! worker, is started, or backs off before its next attempt. History shows none of these states.
//!
//! Source: `temporalio/temporal:
//! service/history/workflow/{activity,timer_sequence,mutable_state_impl}.go`.

mod lifecycle;
pub(crate) mod operations;
#[cfg(test)]
mod tests;
mod timeouts;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::{
        Payloads,
        activity::ActivityOptions,
        common::RetryPolicy,
        enums::{RetryState, TimeoutType},
        failure::Failure,
        history::ActivityTaskScheduledEventAttributes,
    },
    base::{time::limit_ms, versions::Version},
    run::undo::UndoMap,
};

/// The attempt that a worker has.
#[derive(Clone, Debug)]
pub(crate) struct StartedAttempt {
    pub(crate) at_ms: u64,
    pub(crate) identity: String,
    pub(crate) request_id: String,
    /// The version of the worker, if it is versioned.
    pub(crate) version: Option<Box<Version>>,
}

/// The request that paused an activity.
#[derive(Clone, Debug)]
pub(crate) struct ActivityPause {
    pub(crate) at_ms: u64,
    pub(crate) identity: String,
    pub(crate) reason: String,
    pub(crate) request_id: String,
}

/// An activity that has not closed.
#[derive(Clone, Debug)]
pub(crate) struct PendingActivity {
    pub(crate) scheduled_event_id: i64,
    /// The started event that is already in history; 0 if the closing will bring it.
    pub(crate) started_event_id: i64,
    pub(crate) activity_id: String,
    pub(crate) task_queue: String,
    pub(crate) attempt: i32,
    /// The time at which the first attempt was scheduled.
    pub(crate) first_scheduled_ms: u64,
    /// The time at which this attempt is or was offered to workers.
    pub(crate) scheduled_ms: u64,
    pub(crate) started: Option<StartedAttempt>,
    /// True if the attempt waits for the end of its backoff.
    pub(crate) is_backing_off: bool,
    pub(crate) cancel_requested_event_id: Option<i64>,
    pub(crate) schedule_to_close_ms: Option<u64>,
    pub(crate) schedule_to_start_ms: Option<u64>,
    pub(crate) start_to_close_ms: Option<u64>,
    pub(crate) heartbeat_ms: Option<u64>,
    pub(crate) last_heartbeat_ms: Option<u64>,
    pub(crate) heartbeat_details: Option<Payloads>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) last_worker_identity: String,
    /// The version of the last versioned worker that had an attempt.
    pub(crate) last_version: Option<Box<Version>>,
    pub(crate) last_attempt_complete_ms: Option<u64>,
    /// The number of times that the activity was offered to workers or taken back from them: a
    /// task with another stamp is stale.
    pub(crate) stamp: u32,
    /// The time after which no retry begins, which an update of the options does not change.
    pub(crate) retry_expiration_ms: Option<u64>,
    /// The options that replace those of the scheduled event, if an operator has updated them.
    pub(crate) updated: Option<Box<ActivityOptions>>,
    pub(crate) paused: Option<Box<ActivityPause>>,
    /// True if an operator has reset the activity and no attempt was scheduled since.
    pub(crate) is_reset: bool,
    /// True if the next attempt is to begin without the heartbeats of earlier ones.
    resets_heartbeat: bool,
}

impl PendingActivity {
    pub(crate) fn new(
        now_ms: u64,
        scheduled_event_id: i64,
        scheduled: &ActivityTaskScheduledEventAttributes,
    ) -> Self {
        let schedule_to_close_ms = limit_ms(scheduled.schedule_to_close_timeout.as_ref());
        Self {
            scheduled_event_id,
            started_event_id: 0,
            activity_id: scheduled.activity_id.clone(),
            task_queue: scheduled
                .task_queue
                .as_ref()
                .map_or_else(String::new, |queue| queue.name.clone()),
            attempt: 1,
            first_scheduled_ms: now_ms,
            scheduled_ms: now_ms,
            started: None,
            is_backing_off: false,
            cancel_requested_event_id: None,
            schedule_to_close_ms,
            schedule_to_start_ms: limit_ms(scheduled.schedule_to_start_timeout.as_ref()),
            start_to_close_ms: limit_ms(scheduled.start_to_close_timeout.as_ref()),
            heartbeat_ms: limit_ms(scheduled.heartbeat_timeout.as_ref()),
            last_heartbeat_ms: None,
            heartbeat_details: None,
            last_failure: None,
            last_worker_identity: String::new(),
            last_version: None,
            last_attempt_complete_ms: None,
            stamp: 1,
            retry_expiration_ms: schedule_to_close_ms.map(|ms| now_ms.saturating_add(ms)),
            updated: None,
            paused: None,
            is_reset: false,
            resets_heartbeat: false,
        }
    }

    pub(crate) fn is_cancel_requested(&self) -> bool {
        self.cancel_requested_event_id.is_some()
    }

    /// Returns the retry policy in force.
    pub(crate) fn retry_policy<'a>(
        &'a self,
        scheduled: &'a ActivityTaskScheduledEventAttributes,
    ) -> Option<&'a RetryPolicy> {
        let updated = self.updated.as_ref();
        let updated = updated.and_then(|options| options.retry_policy.as_ref());
        updated.or(scheduled.retry_policy.as_ref())
    }

    /// Returns the end of schedule-to-close.
    fn expires_at_ms(&self) -> Option<u64> {
        self.schedule_to_close_ms
            .map(|timeout_ms| self.first_scheduled_ms.saturating_add(timeout_ms))
    }

    /// Returns the earliest timeout, with its time. Of two at the same time, it is the one that the
    /// server sorts first. A paused activity does not time out.
    fn next_timeout(&self) -> Option<(u64, TimeoutType)> {
        if self.paused.is_some() {
            return None;
        }
        let after =
            |from_ms: u64, timeout_ms: Option<u64>| timeout_ms.map(|ms| from_ms.saturating_add(ms));
        let schedule_to_close = self
            .expires_at_ms()
            .map(|at| (at, TimeoutType::ScheduleToClose));
        let of_attempt = match &self.started {
            None => [
                after(self.scheduled_ms, self.schedule_to_start_ms)
                    .map(|at| (at, TimeoutType::ScheduleToStart)),
                None,
            ],
            Some(started) => {
                let beat_ms = self
                    .last_heartbeat_ms
                    .map_or(started.at_ms, |beat_ms| beat_ms.max(started.at_ms));
                [
                    after(started.at_ms, self.start_to_close_ms)
                        .map(|at| (at, TimeoutType::StartToClose)),
                    after(beat_ms, self.heartbeat_ms).map(|at| (at, TimeoutType::Heartbeat)),
                ]
            }
        };
        of_attempt
            .into_iter()
            .chain([schedule_to_close])
            .flatten()
            .min_by_key(|(at, kind)| (*at, *kind as i32))
    }
}

/// The outcome with which an activity closes.
pub(crate) enum ActivityClosing {
    Completed {
        result: Option<Payloads>,
        identity: String,
    },
    Failed {
        failure: Option<Failure>,
        retry_state: RetryState,
        identity: String,
    },
    TimedOut {
        failure: Failure,
        retry_state: RetryState,
    },
    Canceled {
        details: Option<Payloads>,
        identity: String,
    },
}

/// The pending activities of a run, indexed by scheduled event, by activity id, and by the time of
/// their next timeout or retry.
#[derive(Debug, Default)]
pub(crate) struct Activities {
    by_event: UndoMap<i64, PendingActivity>,
    by_id: BTreeMap<String, i64>,
    /// The next timeout of each activity, with its scheduled event.
    timeouts: BTreeSet<(u64, i64)>,
    /// The end of the backoff of each activity, with its scheduled event.
    retries: BTreeSet<(u64, i64)>,
}

impl Activities {
    pub(crate) fn len(&self) -> usize {
        self.by_event.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PendingActivity> {
        self.by_event.values()
    }

    pub(crate) fn get(&self, scheduled_event_id: i64) -> Option<&PendingActivity> {
        self.by_event.get(&scheduled_event_id)
    }

    pub(crate) fn by_id(&self, activity_id: &str) -> Option<&PendingActivity> {
        self.get(*self.by_id.get(activity_id)?)
    }

    pub(crate) fn next_timeout_ms(&self) -> Option<u64> {
        self.timeouts.first().map(|(at_ms, _)| *at_ms)
    }

    pub(crate) fn next_retry_ms(&self) -> Option<u64> {
        self.retries.first().map(|(at_ms, _)| *at_ms)
    }

    fn insert(&mut self, activity: PendingActivity) {
        self.by_id
            .insert(activity.activity_id.clone(), activity.scheduled_event_id);
        self.index(&activity);
        self.by_event.insert(activity.scheduled_event_id, activity);
    }

    fn remove(&mut self, scheduled_event_id: i64) -> Option<PendingActivity> {
        let activity = self.by_event.remove(&scheduled_event_id)?;
        self.by_id.remove(&activity.activity_id);
        self.unindex(&activity);
        Some(activity)
    }

    /// Changes an activity, and updates its next timeout and retry.
    fn update(&mut self, scheduled_event_id: i64, change: impl FnOnce(&mut PendingActivity)) {
        let Some(activity) = self.by_event.get_mut(&scheduled_event_id) else {
            return;
        };
        let (timeout, retry) = due_of(activity);
        change(activity);
        let (next_timeout, next_retry) = due_of(activity);
        replace(&mut self.timeouts, timeout, next_timeout);
        replace(&mut self.retries, retry, next_retry);
    }

    fn index(&mut self, activity: &PendingActivity) {
        let (timeout, retry) = due_of(activity);
        self.timeouts.extend(timeout);
        self.retries.extend(retry);
    }

    fn unindex(&mut self, activity: &PendingActivity) {
        let (timeout, retry) = due_of(activity);
        replace(&mut self.timeouts, timeout, None);
        replace(&mut self.retries, retry, None);
    }

    pub(crate) fn savepoint(&mut self) {
        self.by_event.savepoint();
    }

    pub(crate) fn commit(&mut self) {
        self.by_event.commit();
    }

    pub(crate) fn rollback(&mut self) {
        self.by_event.rollback();
        let activities = std::mem::take(&mut self.by_event);
        *self = Self::default();
        for activity in activities.values() {
            self.by_id
                .insert(activity.activity_id.clone(), activity.scheduled_event_id);
            self.index(activity);
        }
        self.by_event = activities;
    }
}

type Due = Option<(u64, i64)>;

fn due_of(activity: &PendingActivity) -> (Due, Due) {
    let event_id = activity.scheduled_event_id;
    let timeout = activity.next_timeout().map(|(at_ms, _)| (at_ms, event_id));
    (
        timeout,
        activity
            .is_backing_off
            .then_some((activity.scheduled_ms, event_id)),
    )
}

fn replace(set: &mut BTreeSet<(u64, i64)>, old: Due, new: Due) {
    if old == new {
        return;
    }
    if let Some(old) = old {
        set.remove(&old);
    }
    set.extend(new);
}
