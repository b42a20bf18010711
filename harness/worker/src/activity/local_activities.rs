//! The local activities of a worker process: attempts that run within a workflow task.
//!
//! [`LocalActivities`] decides when an attempt starts, when it times out, and when its result is
//! ignored. The [`WorkflowWorker`](crate::WorkflowWorker) learns of the end of each attempt, and
//! decides if another one follows. The host runs the code and sets the alarms.
//!
//! The clocks are Core's (`temporalio-sdk-core: src/worker/activities/local_activities.rs`), its
//! peculiarities included:
//!
//! - The schedule-to-close timeout goes off once. It does not affect an activity that backs off at
//!   that moment.
//! - The start-to-close timeout of an attempt keeps counting after the attempt has failed, so it
//!   may end a later attempt.
//! - The schedule-to-start timeout counts from the request of the first attempt, also for a later
//!   attempt.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use temporalio_protos::temporal::api::enums::v1::TimeoutType;

use super::{ActivityFault, ActivityOutcome};
use crate::{
    LocalActivityOutcome, LocalActivityResolution, LocalActivityTask,
    time::{millis_after, since},
};

/// The local activities under way in one worker process.
///
/// Each call returns actions, which the host must take in order, before its next call. Only the
/// calls that [`LocalActivityAction::Resolve`] leads to may come earlier.
#[derive(Debug, Default)]
pub struct LocalActivities {
    /// The local activities, by run and sequence number.
    by_key: BTreeMap<Key, LocalActivity>,
    /// The number of requests so far.
    requests: u64,
}

type Key = (String, u32);

/// The identity of a local activity within its worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalActivityId {
    /// The run whose workflow task waits for the local activity.
    pub run_id: String,
    /// The sequence number of the local activity within its run.
    pub seq: u32,
    /// The number of the request. It tells the activity from another with the same sequence number,
    /// which was requested before its run was forgotten and replayed.
    pub request: u64,
}

/// The reason for an alarm of a local activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalActivityMoment {
    /// Its next attempt is due.
    Attempt,
    /// An attempt that runs now has taken too long.
    Timeout(TimeoutType),
}

/// One thing that the host has to do for a local activity.
#[derive(Debug)]
#[must_use]
pub enum LocalActivityAction {
    /// Call [`LocalActivities::due`] at this time.
    SetAlarm {
        /// The local activity.
        id: LocalActivityId,
        /// The time of the alarm, in milliseconds since the Unix epoch.
        due_ms: u64,
        /// The reason for the alarm.
        moment: LocalActivityMoment,
    },
    /// Start this attempt. Call [`LocalActivities::started`] once its code runs, and
    /// [`LocalActivities::returned`] with its outcome.
    Start {
        /// The local activity.
        id: LocalActivityId,
        /// The attempt.
        task: Box<LocalActivityTask>,
        /// The time of the first attempt's request, in milliseconds since the Unix epoch.
        requested_ms: u64,
    },
    /// Ask the attempt that runs to stop. Its code may take its time, or not listen.
    Cancel(LocalActivityId),
    /// Tell the worker how the attempt ended
    /// ([`WorkflowWorker::on_local_activity`](crate::WorkflowWorker::on_local_activity)), do what
    /// follows from that, and call [`LocalActivities::resolved`].
    Resolve {
        /// The local activity.
        id: LocalActivityId,
        /// The end of the attempt.
        resolution: Box<LocalActivityResolution>,
    },
    /// Drop the alarms of the local activity. Nobody listens to it any more, but its code runs on
    /// if it runs.
    Forget(LocalActivityId),
}

/// A local activity that a workflow task waits for.
#[derive(Debug)]
struct LocalActivity {
    request: u64,
    requested_ms: u64,
    /// The attempt that runs, or comes next.
    task: LocalActivityTask,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The next attempt has not started.
    Waits,
    Runs {
        started_ms: u64,
    },
    /// The attempt has ended, and the worker is about to decide if another follows.
    Ended,
}

impl LocalActivities {
    /// Takes an attempt that the worker requests: the first one of a local activity, which starts
    /// now, or the one after a failed attempt, which starts after its backoff.
    pub fn request(
        &mut self,
        run_id: &str,
        task: LocalActivityTask,
        now_ms: u64,
    ) -> Vec<LocalActivityAction> {
        let key = (run_id.to_owned(), task.seq);
        let retried = self.by_key.get_mut(&key).filter(|local| {
            matches!(local.stage, Stage::Ended) && task.attempt == local.task.attempt + 1
        });
        let Some(local) = retried else {
            return self.first_attempt(key, task, now_ms);
        };
        let due_ms = millis_after(now_ms, task.after);
        local.task = task;
        local.stage = Stage::Waits;
        vec![LocalActivityAction::SetAlarm {
            id: local.id(&key),
            due_ms,
            moment: LocalActivityMoment::Attempt,
        }]
    }

    fn first_attempt(
        &mut self,
        key: Key,
        task: LocalActivityTask,
        now_ms: u64,
    ) -> Vec<LocalActivityAction> {
        // An older activity of the same number is forgotten: its run was replayed.
        let mut actions = Vec::from_iter(self.forget(&key).map(LocalActivityAction::Forget));

        self.requests += 1;
        let deadline_ms = task.schedule_to_close_deadline_ms(now_ms);
        let mut local = LocalActivity {
            request: self.requests,
            requested_ms: now_ms,
            task,
            stage: Stage::Waits,
        };

        // The deadline of an activity that was carried over a backoff timer may have passed.
        if deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) {
            let outcome = LocalActivityOutcome::TimedOut(TimeoutType::ScheduleToClose);
            actions.push(local.end(&key, Duration::ZERO, outcome));
        } else {
            actions.extend(deadline_ms.map(|due_ms| LocalActivityAction::SetAlarm {
                id: local.id(&key),
                due_ms,
                moment: LocalActivityMoment::Timeout(TimeoutType::ScheduleToClose),
            }));
            actions.push(local.start(&key, now_ms));
        }
        self.by_key.insert(key, local);
        actions
    }

    /// Cancels a local activity, as the worker requests.
    pub fn cancel(&mut self, run_id: &str, seq: u32) -> Option<LocalActivityAction> {
        let key = (run_id.to_owned(), seq);
        let local = self.by_key.get_mut(&key)?;
        match local.stage {
            Stage::Runs { .. } => Some(LocalActivityAction::Cancel(local.id(&key))),
            Stage::Waits => {
                let outcome = LocalActivityOutcome::CancelledBetweenAttempts;
                Some(local.end(&key, Duration::ZERO, outcome))
            }
            Stage::Ended => None,
        }
    }

    /// Handles an alarm that a [`LocalActivityAction::SetAlarm`] set.
    pub fn due(
        &mut self,
        id: &LocalActivityId,
        moment: LocalActivityMoment,
        now_ms: u64,
    ) -> Vec<LocalActivityAction> {
        let Some((key, local)) = self.find(id) else {
            return Vec::new();
        };
        match (moment, &local.stage) {
            (LocalActivityMoment::Attempt, Stage::Waits) => vec![local.start(&key, now_ms)],
            (LocalActivityMoment::Timeout(timeout), Stage::Runs { started_ms }) => {
                // The code runs on, as a blocked thread would, but nobody listens to it any more.
                let runtime = since(*started_ms, now_ms);
                let outcome = LocalActivityOutcome::TimedOut(timeout);
                vec![
                    LocalActivityAction::Cancel(local.id(&key)),
                    local.end(&key, runtime, outcome),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// Notes that the code of an attempt runs, because of a [`LocalActivityAction::Start`].
    pub fn started(&mut self, id: &LocalActivityId, now_ms: u64) -> Option<LocalActivityAction> {
        let (_, local) = self.find(id)?;
        local.stage = Stage::Runs { started_ms: now_ms };
        let timeout = local.task.start_to_close_timeout()?;
        Some(LocalActivityAction::SetAlarm {
            id: id.clone(),
            due_ms: millis_after(now_ms, timeout),
            moment: LocalActivityMoment::Timeout(TimeoutType::StartToClose),
        })
    }

    /// Takes the outcome of an attempt whose code has returned. The outcome is ignored if the
    /// worker does not wait for it any more.
    ///
    /// # Errors
    ///
    /// The attempt that the worker waits for cannot be simulated.
    pub fn returned(
        &mut self,
        id: &LocalActivityId,
        attempt: u32,
        outcome: ActivityOutcome,
        now_ms: u64,
    ) -> Result<Option<LocalActivityAction>, ActivityFault> {
        let Some((key, local)) = self.find(id) else {
            return Ok(None);
        };
        let Stage::Runs { started_ms } = local.stage else {
            return Ok(None);
        };
        if local.task.attempt != attempt {
            return Ok(None);
        }
        if let ActivityOutcome::Fault(fault) = outcome {
            return Err(fault);
        }
        Ok(outcome.into_local_resolution().map(|resolution| {
            let outcome = LocalActivityOutcome::Resolved(resolution);
            local.end(&key, since(started_ms, now_ms), outcome)
        }))
    }

    /// Notes that the worker was told of a [`LocalActivityAction::Resolve`]. If it has not
    /// requested another attempt, the local activity is over.
    pub fn resolved(&mut self, id: &LocalActivityId) -> Option<LocalActivityAction> {
        let (key, local) = self.find(id)?;
        if !matches!(local.stage, Stage::Ended) {
            return None;
        }
        self.forget(&key).map(LocalActivityAction::Forget)
    }

    /// Forgets the local activities of a run that the worker has dropped, and returns them in the
    /// order of their sequence numbers. For each, the host must do what
    /// [`LocalActivityAction::Forget`] says.
    pub fn forget_run(&mut self, run_id: &str) -> Vec<LocalActivityId> {
        let of_run: RangeInclusive<Key> = (run_id.to_owned(), 0)..=(run_id.to_owned(), u32::MAX);
        let of_run: Vec<Key> = self
            .by_key
            .range(of_run)
            .map(|(key, _)| key.clone())
            .collect();
        of_run.iter().filter_map(|key| self.forget(key)).collect()
    }

    fn find(&mut self, id: &LocalActivityId) -> Option<(Key, &mut LocalActivity)> {
        let key = (id.run_id.clone(), id.seq);
        let local = self.by_key.get_mut(&key)?;
        (local.request == id.request).then_some((key, local))
    }

    fn forget(&mut self, key: &Key) -> Option<LocalActivityId> {
        self.by_key.remove(key).map(|local| local.id(key))
    }
}

impl LocalActivity {
    fn id(&self, (run_id, seq): &Key) -> LocalActivityId {
        LocalActivityId {
            run_id: run_id.clone(),
            seq: *seq,
            request: self.request,
        }
    }

    /// Returns the start of the next attempt, or the timeout of an attempt that comes too late.
    fn start(&mut self, key: &Key, now_ms: u64) -> LocalActivityAction {
        let waited = since(self.requested_ms, now_ms);
        let timeout = self.task.schedule_to_start_timeout();
        if timeout.is_some_and(|timeout| waited > timeout) {
            let outcome = LocalActivityOutcome::TimedOut(TimeoutType::ScheduleToStart);
            return self.end(key, waited, outcome);
        }
        LocalActivityAction::Start {
            id: self.id(key),
            task: Box::new(self.task.clone()),
            requested_ms: self.requested_ms,
        }
    }

    /// Ends the attempt, and returns the action that tells the worker so.
    fn end(
        &mut self,
        key: &Key,
        runtime: Duration,
        outcome: LocalActivityOutcome,
    ) -> LocalActivityAction {
        self.stage = Stage::Ended;
        LocalActivityAction::Resolve {
            id: self.id(key),
            resolution: Box::new(LocalActivityResolution { runtime, outcome }),
        }
    }
}

#[cfg(test)]
mod tests;
