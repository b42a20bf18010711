//! Operators' changes to a pending activity: pause, unpause, reset, and other options.
//!
//! Source: `temporalio/temporal: service/history/workflow/activity.go`,
//! `service/history/api/updateactivityoptions/api.go`.

use std::collections::BTreeSet;

use crate::{
    api::{
        activity::ActivityOptions,
        common::{Priority, RetryPolicy},
        history::ActivityTaskScheduledEventAttributes,
        taskqueue::TaskQueue,
    },
    base::{
        identifiers::derived_below,
        payload, priorities,
        search_attributes::PAUSE_INFO,
        time::{limit_ms, nanos_to_ms},
    },
    policies::retry,
    run::{
        Run,
        activities::{ActivityPause, PendingActivity},
    },
};

/// The changes that unpausing an activity makes beside ending its pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpause {
    pub(crate) resets_attempts: bool,
    pub(crate) resets_heartbeat: bool,
    pub(crate) jitter_ms: u64,
}

/// The changes that a reset makes beside the number of attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActivityReset {
    pub(crate) resets_heartbeat: bool,
    pub(crate) keeps_paused: bool,
    pub(crate) restores_options: bool,
    pub(crate) jitter_ms: u64,
}

impl PendingActivity {
    /// Returns the options in force, error types included.
    pub(crate) fn options(
        &self,
        scheduled: &ActivityTaskScheduledEventAttributes,
    ) -> ActivityOptions {
        match &self.updated {
            Some(updated) => (**updated).clone(),
            None => scheduled_options(scheduled),
        }
    }

    /// Returns the priority in force.
    pub(crate) fn priority<'a>(
        &'a self,
        scheduled: &'a ActivityTaskScheduledEventAttributes,
    ) -> Option<&'a Priority> {
        match &self.updated {
            Some(updated) => updated.priority.as_ref(),
            None => scheduled.priority.as_ref(),
        }
    }

    /// Schedules the attempt for this time, unless the activity is paused. Earlier tasks for it
    /// become stale.
    pub(super) fn schedule_attempt(&mut self, at_ms: u64) {
        self.take_back();
        self.scheduled_ms = at_ms;
        self.is_backing_off = self.paused.is_none();
        self.is_reset = false;
        if std::mem::take(&mut self.resets_heartbeat) {
            self.forget_heartbeat();
        }
    }

    /// Makes all tasks of the activity stale. No worker has it from here on.
    pub(super) fn take_back(&mut self) {
        self.started = None;
        self.is_backing_off = false;
        self.stamp += 1;
    }

    /// Schedules the attempt anew after an operator's change, without the last failure.
    fn reschedule(&mut self, at_ms: u64) {
        self.last_failure = None;
        self.schedule_attempt(at_ms);
    }

    fn forget_heartbeat(&mut self) {
        self.heartbeat_details = None;
        self.last_heartbeat_ms = None;
    }

    fn set_options(&mut self, options: ActivityOptions) {
        let queue = options.task_queue.as_ref();
        self.task_queue = queue.map_or_else(String::new, |queue| queue.name.clone());
        self.schedule_to_close_ms = limit_ms(options.schedule_to_close_timeout.as_ref());
        self.schedule_to_start_ms = limit_ms(options.schedule_to_start_timeout.as_ref());
        self.start_to_close_ms = limit_ms(options.start_to_close_timeout.as_ref());
        self.heartbeat_ms = limit_ms(options.heartbeat_timeout.as_ref());
        self.updated = Some(Box::new(options));
    }

    /// Returns the time at which the attempt is due by the retry policy in force.
    fn due_by_policy_ms(&self, policy: Option<&RetryPolicy>) -> u64 {
        let Some(policy) = policy.filter(|_| self.attempt > 1) else {
            return self.scheduled_ms;
        };
        let interval = nanos_to_ms(retry::interval_nanos(policy, self.attempt));
        match self.last_attempt_complete_ms {
            Some(complete_ms) if interval > 0 => complete_ms.saturating_add(interval),
            _ => self.scheduled_ms,
        }
    }
}

/// Returns the options with which an activity was scheduled.
pub(crate) fn scheduled_options(
    scheduled: &ActivityTaskScheduledEventAttributes,
) -> ActivityOptions {
    let queue = scheduled.task_queue.as_ref();
    ActivityOptions {
        task_queue: queue.map(|queue| TaskQueue {
            name: queue.name.clone(),
            ..TaskQueue::default()
        }),
        schedule_to_close_timeout: scheduled.schedule_to_close_timeout,
        schedule_to_start_timeout: scheduled.schedule_to_start_timeout,
        start_to_close_timeout: scheduled.start_to_close_timeout,
        heartbeat_timeout: scheduled.heartbeat_timeout,
        retry_policy: scheduled.retry_policy.clone(),
        priority: scheduled.priority.clone(),
        start_delay: None,
    }
}

impl Run {
    /// Returns the priority of an activity that has not closed: its own, and for what is unset that
    /// of the run.
    pub(crate) fn activity_priority(&self, scheduled_event_id: i64) -> Option<Priority> {
        let activity = self.activities.get(scheduled_event_id)?;
        let own = activity.priority(self.activity_scheduled(scheduled_event_id));
        priorities::merge(self.state.options.priority.as_ref(), own.cloned())
    }

    /// Pauses an activity. An attempt that a worker has goes on; the next one waits.
    pub(crate) fn pause_activity(&mut self, scheduled_event_id: i64, pause: ActivityPause) {
        self.activities.update(scheduled_event_id, |activity| {
            if activity.started.is_none() {
                activity.take_back();
            }
            activity.paused = Some(Box::new(pause));
        });
        self.show_paused_activities();
    }

    /// Unpauses an activity. If no worker has it, its attempt is due at once.
    pub(crate) fn unpause_activity(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        unpause: Unpause,
    ) {
        let due_ms = self.jittered_ms(now_ms, scheduled_event_id, unpause.jitter_ms);
        self.activities.update(scheduled_event_id, |activity| {
            activity.paused = None;
            if unpause.resets_attempts {
                activity.attempt = 1;
            }
            if unpause.resets_heartbeat {
                activity.forget_heartbeat();
            }
            if activity.started.is_none() {
                activity.reschedule(due_ms);
            }
        });
        self.show_paused_activities();
    }

    /// Resets an activity to its first attempt. If no worker has it, and unless it remains paused,
    /// the attempt is due at once.
    pub(crate) fn reset_activity(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        reset: ActivityReset,
    ) {
        let due_ms = self.jittered_ms(now_ms, scheduled_event_id, reset.jitter_ms);
        let original = reset
            .restores_options
            .then(|| scheduled_options(self.activity_scheduled(scheduled_event_id)));
        self.activities.update(scheduled_event_id, |activity| {
            activity.attempt = 1;
            activity.is_reset = true;
            activity.resets_heartbeat |= reset.resets_heartbeat;
            if let Some(mut original) = original {
                // The server leaves the priority as it is.
                if let Some(updated) = activity.updated.take() {
                    original.priority = updated.priority;
                }
                activity.set_options(original);
            }
            if !reset.keeps_paused {
                activity.paused = None;
            }
            if activity.started.is_none() && activity.paused.is_none() {
                activity.reschedule(due_ms);
            }
        });
        self.show_paused_activities();
    }

    /// Replaces the options of an activity. If no worker has it, its attempt is scheduled anew.
    pub(crate) fn set_activity_options(
        &mut self,
        scheduled_event_id: i64,
        options: ActivityOptions,
    ) {
        self.activities.update(scheduled_event_id, |activity| {
            let due_ms = activity.due_by_policy_ms(options.retry_policy.as_ref());
            activity.set_options(options);
            if activity.started.is_none() {
                activity.reschedule(due_ms);
            }
        });
    }

    /// Returns a time within the jitter from now on. The server draws it; here it depends on the
    /// run, the activity and the time, so that it is the same in every world of a seed.
    fn jittered_ms(&self, now_ms: u64, scheduled_event_id: i64, jitter_ms: u64) -> u64 {
        let ordinal = now_ms ^ scheduled_event_id.unsigned_abs();
        now_ms.saturating_add(derived_below(jitter_ms, &self.run_id, ordinal))
    }

    /// Shows the types of the paused activities in a search attribute of the run.
    fn show_paused_activities(&mut self) {
        let types: BTreeSet<String> = self
            .activities
            .iter()
            .filter(|activity| activity.paused.is_some())
            .filter_map(|activity| {
                let scheduled = self.activity_scheduled(activity.scheduled_event_id);
                Some(scheduled.activity_type.as_ref()?.name.clone())
            })
            .collect();
        let fields = &mut self
            .state
            .search_attributes
            .get_or_insert_default()
            .indexed_fields;
        if types.is_empty() {
            fields.remove(PAUSE_INFO);
        } else {
            let entries = types
                .iter()
                .map(|name| format!("property:activityType={name}"));
            fields.insert(PAUSE_INFO.to_owned(), payload::keywords(entries));
        }
    }
}
