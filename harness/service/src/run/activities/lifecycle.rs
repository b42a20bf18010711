//! The life of an activity: scheduled, started, heard from, retried, closed.

use crate::{
    api::{
        Attributes, Payloads,
        common::WorkerVersionStamp,
        enums::RetryState,
        failure::Failure,
        history::{
            ActivityTaskCanceledEventAttributes, ActivityTaskCompletedEventAttributes,
            ActivityTaskFailedEventAttributes, ActivityTaskScheduledEventAttributes,
            ActivityTaskStartedEventAttributes, ActivityTaskTimedOutEventAttributes,
        },
    },
    base::{failure, payload, versions::Respondent},
    history::EventDecoration,
    policies::activity_retry::ActivityRetry,
    run::{
        Run,
        activities::{ActivityClosing, PendingActivity, StartedAttempt},
        transfer::Transfer,
    },
};

impl Run {
    /// Returns the attributes with which an activity was scheduled.
    ///
    /// # Panics
    ///
    /// If the event is of another type, which the scheduled event of a pending activity never is.
    pub(crate) fn activity_scheduled(
        &self,
        scheduled_event_id: i64,
    ) -> &ActivityTaskScheduledEventAttributes {
        match self.history.attributes(scheduled_event_id) {
            Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => scheduled,
            other => panic!("an activity was scheduled by ActivityTaskScheduled, not by {other:?}"),
        }
    }

    /// Schedules an activity, and offers it to workers after the transaction.
    pub(crate) fn schedule_activity(
        &mut self,
        now_ms: u64,
        attributes: ActivityTaskScheduledEventAttributes,
        decoration: EventDecoration,
    ) {
        let scheduled_event_id = self.history.next_event_id();
        self.activities.insert(PendingActivity::new(
            now_ms,
            scheduled_event_id,
            &attributes,
        ));
        self.history.add_decorated(now_ms, attributes, decoration);
        self.offer_activity(scheduled_event_id);
    }

    /// Restores an activity whose scheduled event is already in history. Its attempts start anew.
    pub(crate) fn restore_activity(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        cancel_requested_event_id: Option<i64>,
    ) {
        let scheduled = self.activity_scheduled(scheduled_event_id);
        let activity = PendingActivity::new(now_ms, scheduled_event_id, scheduled);
        self.activities.insert(PendingActivity {
            cancel_requested_event_id,
            ..activity
        });
        self.offer_activity(scheduled_event_id);
    }

    /// Adds an activity whose scheduled event is already in history.
    pub(crate) fn insert_activity(&mut self, activity: PendingActivity) {
        self.activities.insert(activity);
    }

    /// Replaces a pending activity by another of the same scheduled event.
    pub(crate) fn replace_activity(&mut self, activity: PendingActivity) {
        self.activities.remove(activity.scheduled_event_id);
        self.activities.insert(activity);
    }

    pub(crate) fn offer_activity(&mut self, scheduled_event_id: i64) {
        let Some(activity) = self.activities.get(scheduled_event_id) else {
            return;
        };
        self.outbox.push(Transfer::ActivityTask {
            run: self.key,
            scheduled_event_id,
            stamp: activity.stamp,
        });
    }

    /// Offers the activities again that no worker has, because they go to other workers now. The
    /// time that they waited for the workflow to move does not count.
    pub(crate) fn reschedule_activities(&mut self, waited_ms: u64) {
        let waiting = self.activities.iter();
        let waiting = waiting.filter(|it| it.started.is_none() && it.paused.is_none());
        let waiting: Vec<_> = waiting
            .map(|it| (it.scheduled_event_id, it.is_backing_off))
            .collect();
        for (scheduled_event_id, is_backing_off) in waiting {
            self.activities.update(scheduled_event_id, |activity| {
                activity.stamp += 1;
                activity.scheduled_ms += waited_ms;
            });
            if !is_backing_off {
                self.offer_activity(scheduled_event_id);
            }
        }
    }

    /// Hands the attempt to a worker. Its started event is written only when the activity closes.
    pub(crate) fn start_activity(&mut self, scheduled_event_id: i64, started: StartedAttempt) {
        self.activities.update(scheduled_event_id, |activity| {
            activity.last_worker_identity.clone_from(&started.identity);
            activity.is_backing_off = false;
            if started.version.is_some() {
                activity.last_version.clone_from(&started.version);
            }
            activity.started = Some(started);
        });
    }

    pub(crate) fn record_activity_heartbeat(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        details: Option<Payloads>,
    ) {
        self.activities.update(scheduled_event_id, |activity| {
            activity.heartbeat_details = details;
            activity.last_heartbeat_ms = Some(now_ms);
        });
    }

    /// Schedules the next attempt after a backoff. That of a paused activity has to wait until the
    /// activity is unpaused.
    ///
    /// # Errors
    ///
    /// The reason why there is no next attempt.
    pub(super) fn retry_activity(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        failure: Option<&Failure>,
    ) -> Result<(), RetryState> {
        let Some(activity) = self.activities.get(scheduled_event_id) else {
            return Err(RetryState::InternalServerError);
        };
        let retry = ActivityRetry {
            policy: activity.retry_policy(self.activity_scheduled(scheduled_event_id)),
            attempt: activity.attempt,
            cancel_requested: activity.is_cancel_requested(),
            expires_at_ms: activity.retry_expiration_ms,
        };
        let scheduled_ms = if activity.paused.is_some() {
            retry.permits(failure)?;
            None
        } else {
            Some(now_ms.saturating_add(retry.next_attempt(now_ms, failure)?))
        };
        self.activities.update(scheduled_event_id, |activity| {
            activity.attempt += 1;
            activity.last_failure = failure.map(failure::of_attempt);
            match scheduled_ms {
                Some(scheduled_ms) => activity.schedule_attempt(scheduled_ms),
                None => activity.take_back(),
            }
        });
        Ok(())
    }

    /// Fails an attempt: the activity is retried, or it fails and a workflow task is scheduled.
    pub(crate) fn fail_activity_attempt(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        failure: Option<Failure>,
        worker: Respondent,
    ) {
        self.activities.update(scheduled_event_id, |activity| {
            activity.last_attempt_complete_ms = Some(now_ms);
        });
        if let Err(retry_state) = self.retry_activity(now_ms, scheduled_event_id, failure.as_ref())
        {
            self.close_activity(
                now_ms,
                scheduled_event_id,
                ActivityClosing::Failed {
                    failure,
                    retry_state,
                    identity: worker.identity,
                },
                worker.stamp,
            );
            self.ensure_workflow_task(now_ms);
        }
    }

    /// Offers the next attempt of an activity to workers, once its backoff has ended.
    pub(crate) fn offer_due_retry(&mut self, now_ms: u64) {
        let Some((due_ms, scheduled_event_id)) = self.activities.retries.first().copied() else {
            return;
        };
        if due_ms > now_ms {
            return;
        }
        self.activities.update(scheduled_event_id, |activity| {
            activity.is_backing_off = false;
        });
        self.offer_activity(scheduled_event_id);
    }

    /// Requests the cancellation of a pending activity, after the event that records the request.
    ///
    /// An activity that no worker has is canceled at once; then the result is `true`.
    pub(crate) fn request_activity_cancel(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        cancel_requested_event_id: i64,
        identity: &str,
    ) -> bool {
        self.activities.update(scheduled_event_id, |activity| {
            activity.cancel_requested_event_id = Some(cancel_requested_event_id);
        });
        let Some(activity) = self.activities.get(scheduled_event_id) else {
            return false;
        };
        if activity.started.is_some() {
            return false;
        }
        let details = payload::words("ACTIVITY_ID_NOT_STARTED");
        let identity = identity.to_owned();
        self.close_activity(
            now_ms,
            scheduled_event_id,
            ActivityClosing::Canceled {
                details: Some(details),
                identity,
            },
            None,
        );
        true
    }

    /// Writes the started event and the closing event of an activity. The started event has the
    /// stamp of the worker that closes the activity, if a worker does.
    #[allow(deprecated, reason = "the server still writes the stamp")]
    pub(crate) fn close_activity(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        closing: ActivityClosing,
        stamp: Option<WorkerVersionStamp>,
    ) {
        let Some(activity) = self.activities.remove(scheduled_event_id) else {
            return;
        };
        let latest_cancel_requested_event_id = activity.cancel_requested_event_id.unwrap_or(0);
        let started_event_id = activity.started_event_id;
        if let Some(started) = activity.started.filter(|_| started_event_id == 0) {
            self.history.add(
                started.at_ms,
                ActivityTaskStartedEventAttributes {
                    scheduled_event_id,
                    identity: started.identity,
                    request_id: started.request_id,
                    attempt: activity.attempt,
                    last_failure: activity.last_failure,
                    worker_version: stamp,
                    ..ActivityTaskStartedEventAttributes::default()
                },
            );
        }
        // The id of the started event, if it is new, is filled in when both leave the buffer.
        let attributes: Attributes = match closing {
            ActivityClosing::Completed { result, identity } => {
                ActivityTaskCompletedEventAttributes {
                    result,
                    scheduled_event_id,
                    started_event_id,
                    identity,
                    ..ActivityTaskCompletedEventAttributes::default()
                }
                .into()
            }
            ActivityClosing::Failed {
                failure,
                retry_state,
                identity,
            } => ActivityTaskFailedEventAttributes {
                failure,
                scheduled_event_id,
                started_event_id,
                identity,
                retry_state: retry_state.into(),
                ..ActivityTaskFailedEventAttributes::default()
            }
            .into(),
            ActivityClosing::TimedOut {
                failure,
                retry_state,
            } => ActivityTaskTimedOutEventAttributes {
                failure: Some(failure),
                scheduled_event_id,
                started_event_id,
                retry_state: retry_state.into(),
            }
            .into(),
            ActivityClosing::Canceled { details, identity } => {
                ActivityTaskCanceledEventAttributes {
                    details,
                    latest_cancel_requested_event_id,
                    scheduled_event_id,
                    started_event_id,
                    identity,
                    ..ActivityTaskCanceledEventAttributes::default()
                }
                .into()
            }
        };
        self.history.add(now_ms, attributes);
    }
}
