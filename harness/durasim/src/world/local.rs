//! Local activities: attempts that run within a workflow task, in the worker process alone.
//!
//! Their clocks are Core's (`temporalio-sdk-core: src/worker/activities/local_activities.rs`), its
//! peculiarities included: schedule-to-close goes off once, and an activity that backs off at that
//! moment does not notice; the time an attempt may take goes on counting after the attempt has
//! failed, so that it may end a later one.

use super::{World, attempts::clock_callback, diagnosis, process::Alarm, state::State};
use durasim_engine::TaskId;
use durasim_worker::{
    LocalActivityOutcome, LocalActivityResolution, LocalActivityTask, LocalActivityWork,
    activity::{ActivityAttempt, ActivityOutcome, LocalActivityOrigin},
};
use std::{collections::BTreeMap, rc::Rc, time::Duration};
use temporalio_protos::temporal::api::{common::v1::WorkflowExecution, enums::v1::TimeoutType};
use tokio_util::sync::CancellationToken;

/// A local activity of a run: the worker, the run, and the sequence number.
pub(crate) type LocalKey = (usize, String, u32);

/// The local activities under way, of all workers.
#[derive(Default)]
pub(crate) struct LocalActivities {
    by_key: BTreeMap<LocalKey, LocalActivity>,
    requests: u64,
}

/// A local activity that a workflow task waits for.
struct LocalActivity {
    /// Tells it from one of the same number that was asked for before its run was forgotten and
    /// replayed.
    request: u64,
    requested_ms: u64,
    /// The attempt that runs, or comes next.
    task: LocalActivityTask,
    stage: Stage,
}

enum Stage {
    /// It waits for its next attempt.
    Waits,
    Runs {
        task: TaskId,
        cancel: CancellationToken,
        started_ms: u64,
    },
    /// The attempt has ended, and the worker is about to say what follows.
    Ended,
}

/// What the clock does to a local activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocalMoment {
    /// Its next attempt is due.
    Attempt,
    /// It has taken too long, if it runs at all.
    Timeout(TimeoutType),
}

impl State {
    /// Starts and cancels what a workflow task asks for.
    pub(crate) fn run_local_activities(&mut self, worker: usize, work: LocalActivityWork) {
        let LocalActivityWork {
            run_id,
            cancel,
            start,
            heartbeat,
        } = work;
        for seq in cancel {
            self.cancel_local_activity(&(worker, run_id.clone(), seq));
        }
        for task in start {
            let key = (worker, run_id.clone(), task.seq);
            let retried = self.local_activities.by_key.get_mut(&key).filter(|local| {
                matches!(local.stage, Stage::Ended) && task.attempt == local.task.attempt + 1
            });
            if let Some(local) = retried {
                let (request, due_ms) = (local.request, after(self.now_ms, task.after));
                local.task = task;
                local.stage = Stage::Waits;
                self.alarms.set(
                    due_ms,
                    Alarm::LocalActivity {
                        key,
                        request,
                        moment: LocalMoment::Attempt,
                    },
                );
            } else {
                self.request_local_activity(key, task);
            }
        }
        if let Some(heartbeat) = heartbeat {
            let incarnation = self.workers[worker].incarnation;
            let alarm = Alarm::WorkflowTaskHeartbeat {
                worker,
                incarnation,
                run_id,
                task: heartbeat.task,
            };
            self.alarms.set(after(self.now_ms, heartbeat.after), alarm);
        }
    }

    /// Takes a new local activity in, and starts its first attempt.
    fn request_local_activity(&mut self, key: LocalKey, task: LocalActivityTask) {
        self.forget_local_activity(&key);
        self.local_activities.requests += 1;
        let request = self.local_activities.requests;
        let requested_ms = self.now_ms;
        let deadline_ms = task.schedule_to_close_deadline_ms(requested_ms);
        let local = LocalActivity {
            request,
            requested_ms,
            task,
            stage: Stage::Waits,
        };
        self.local_activities.by_key.insert(key.clone(), local);
        if deadline_ms.is_some_and(|deadline_ms| deadline_ms <= requested_ms) {
            let outcome = LocalActivityOutcome::TimedOut(TimeoutType::ScheduleToClose);
            return self.local_activity_ended(&key, Duration::ZERO, outcome);
        }
        if let Some(deadline_ms) = deadline_ms {
            let moment = LocalMoment::Timeout(TimeoutType::ScheduleToClose);
            self.alarms.set(
                deadline_ms,
                Alarm::LocalActivity {
                    key: key.clone(),
                    request,
                    moment,
                },
            );
        }
        self.start_local_activity(&key);
    }

    /// Its code, if it runs, may take its time, or not listen.
    fn cancel_local_activity(&mut self, key: &LocalKey) {
        let Some(local) = self.local_activities.by_key.get(key) else {
            return;
        };
        match &local.stage {
            Stage::Runs { cancel, .. } => cancel.cancel(),
            Stage::Waits => {
                let outcome = LocalActivityOutcome::CancelledBetweenAttempts;
                self.local_activity_ended(key, Duration::ZERO, outcome);
            }
            Stage::Ended => {}
        }
    }

    /// The clock has come to what was set for a local activity.
    pub(crate) fn local_activity_due(&mut self, key: &LocalKey, request: u64, moment: LocalMoment) {
        let Some(local) = self.local_activities.by_key.get(key) else {
            return;
        };
        if local.request != request {
            return;
        }
        match (moment, &local.stage) {
            (LocalMoment::Attempt, Stage::Waits) => self.start_local_activity(key),
            (
                LocalMoment::Timeout(timeout),
                Stage::Runs {
                    cancel, started_ms, ..
                },
            ) => {
                // The code runs on, as a blocked thread would; only nobody listens to it any more.
                cancel.cancel();
                let runtime = Duration::from_millis(self.now_ms - started_ms);
                self.local_activity_ended(key, runtime, LocalActivityOutcome::TimedOut(timeout));
            }
            _ => {}
        }
    }

    /// Starts the next attempt of a local activity.
    fn start_local_activity(&mut self, key: &LocalKey) {
        let Some(local) = self.local_activities.by_key.get(key) else {
            return;
        };
        let (worker, run_id, _) = key;
        let waited = Duration::from_millis(self.now_ms - local.requested_ms);
        if local
            .task
            .schedule_to_start_timeout()
            .is_some_and(|timeout| waited > timeout)
        {
            // Counted from the request, also by a later attempt.
            let outcome = LocalActivityOutcome::TimedOut(TimeoutType::ScheduleToStart);
            return self.local_activity_ended(key, waited, outcome);
        }
        let process = &self.workers[*worker];
        let Some(name) = process.runs.get(run_id).cloned() else {
            return;
        };
        let Some(origin) = self.local_origin(key, local.requested_ms) else {
            return;
        };
        let label: Rc<str> = format!("{name}/{}", local.task.schedule.activity_type).into();
        let mut attempt =
            ActivityAttempt::local(local.task.clone(), origin.clone(), clock_callback());
        attempt.log = self.calls.clone();
        attempt.client = Some(process.client(&self.namespace));
        attempt.data_converter = process.data_converter.clone();
        let cancel = attempt.cancel.clone();
        let (request, number) = (local.request, local.task.attempt);
        let future = match process.activities.start(attempt) {
            Ok(future) => future,
            Err(unregistered) => {
                let report = diagnosis::unregistered_activity(
                    self,
                    &unregistered,
                    &origin.execution.workflow_id,
                );
                return self.fail(report);
            }
        };
        if let Some(timeout) = local.task.start_to_close_timeout() {
            let moment = LocalMoment::Timeout(TimeoutType::StartToClose);
            let alarm = Alarm::LocalActivity {
                key: key.clone(),
                request,
                moment,
            };
            self.alarms.set(after(self.now_ms, timeout), alarm);
        }
        self.record("local activity", format_args!("{label} attempt {number}"));
        let of_task = key.clone();
        let task = self.executor.spawn(label, async move {
            let outcome = future.await;
            World::current()
                .state()
                .local_activity_returned(&of_task, request, number, outcome);
        });
        if let Some(local) = self.local_activities.by_key.get_mut(key) {
            local.stage = Stage::Runs {
                task,
                cancel,
                started_ms: self.now_ms,
            };
        }
    }

    fn local_origin(&self, key: &LocalKey, requested_ms: u64) -> Option<LocalActivityOrigin> {
        let (worker, run_id, _) = key;
        let execution = self.service.execution(run_id)?;
        Some(LocalActivityOrigin {
            namespace: self.namespace.clone(),
            task_queue: self.workers[*worker].spec.task_queue.to_string(),
            workflow_type: execution.workflow_type,
            execution: WorkflowExecution {
                workflow_id: execution.workflow_id,
                run_id: execution.run_id,
            },
            requested_ms,
        })
    }

    /// The code of an attempt has returned, perhaps long after its worker stopped listening.
    fn local_activity_returned(
        &mut self,
        key: &LocalKey,
        request: u64,
        attempt: u32,
        outcome: ActivityOutcome,
    ) {
        let Some(local) = self.local_activities.by_key.get(key) else {
            return;
        };
        let Stage::Runs { started_ms, .. } = local.stage else {
            return;
        };
        if local.request != request || local.task.attempt != attempt {
            return;
        }
        if let ActivityOutcome::Fault(fault) = &outcome {
            let report = diagnosis::unsimulated_attempt(fault);
            return self.fail(report);
        }
        if let Some(resolution) = outcome.into_local_resolution() {
            let runtime = Duration::from_millis(self.now_ms - started_ms);
            self.local_activity_ended(key, runtime, LocalActivityOutcome::Resolved(resolution));
        }
    }

    /// Tells the worker how an attempt ended; unless another follows, the local activity is over.
    fn local_activity_ended(
        &mut self,
        key: &LocalKey,
        runtime: Duration,
        outcome: LocalActivityOutcome,
    ) {
        let Some(local) = self.local_activities.by_key.get_mut(key) else {
            return;
        };
        local.stage = Stage::Ended;
        let request = local.request;
        let (worker, run_id, seq) = key;
        let resolution = LocalActivityResolution { runtime, outcome };
        let progress = self.workers[*worker]
            .workflows
            .on_local_activity(run_id, *seq, resolution);
        self.workflow_task_progress(*worker, run_id, progress);
        let is_over =
            self.local_activities.by_key.get(key).is_some_and(|local| {
                local.request == request && matches!(local.stage, Stage::Ended)
            });
        if is_over {
            self.forget_local_activity(key);
        }
    }

    /// Stops listening to a local activity; its code, if it runs, runs on.
    fn forget_local_activity(&mut self, key: &LocalKey) {
        if let Some(local) = self.local_activities.by_key.remove(key) {
            self.alarms.retain(
                |alarm| !matches!(alarm, Alarm::LocalActivity { request, .. } if *request == local.request),
            );
        }
    }

    /// The worker has dropped a run, and with it what its local activities come to.
    pub(crate) fn forget_local_activities(&mut self, worker: usize, run_id: &str) {
        let of_run = (worker, run_id.to_owned(), 0)..=(worker, run_id.to_owned(), u32::MAX);
        let keys: Vec<_> = self
            .local_activities
            .by_key
            .range(of_run)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.forget_local_activity(&key);
        }
    }

    /// The process died: what ran in it is gone.
    pub(crate) fn cancel_local_activities(&mut self, worker: usize) {
        let dead: Vec<_> = self
            .local_activities
            .by_key
            .keys()
            .filter(|key| key.0 == worker)
            .cloned()
            .collect();
        for key in dead {
            if let Some(LocalActivity {
                stage: Stage::Runs { task, .. },
                ..
            }) = self.local_activities.by_key.get(&key)
            {
                self.executor.cancel(*task);
            }
            self.forget_local_activity(&key);
        }
    }
}

fn after(now_ms: u64, wait: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}
