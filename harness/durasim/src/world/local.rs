//! Local activities: attempts that run within a workflow task, in the worker process alone.

use super::{World, attempts::clock_callback, diagnosis, process::Alarm, state::State};
use durasim_engine::TaskId;
use durasim_worker::{
    LocalActivityOutcome, LocalActivityResolution, LocalActivityTask, LocalActivityWork,
    activity::{ActivityAttempt, ActivityOutcome, LocalActivityOrigin},
};
use std::{collections::BTreeMap, rc::Rc};
use temporalio_protos::temporal::api::{common::v1::WorkflowExecution, enums::v1::TimeoutType};
use tokio_util::sync::CancellationToken;

/// The local activities under way, of all workers: by worker, run and sequence number.
pub(crate) type LocalActivities = BTreeMap<(usize, String, u32), LocalActivity>;

/// A local activity that waits for its next attempt, or runs.
pub(crate) struct LocalActivity {
    task: LocalActivityTask,
    running: Option<(TaskId, CancellationToken)>,
}

impl State {
    /// Starts and cancels what a workflow task asks for.
    pub(crate) fn run_local_activities(&mut self, worker: usize, work: LocalActivityWork) {
        let incarnation = self.workers[worker].incarnation;
        let run_id = work.run_id;
        for task in work.start {
            let seq = task.seq;
            let due_ms = self.now_ms + u64::try_from(task.after.as_millis()).unwrap_or(u64::MAX);
            self.local_activities
                .insert((worker, run_id.clone(), seq), LocalActivity { task, running: None });
            self.alarms
                .set(due_ms, Alarm::LocalActivity { worker, incarnation, run_id: run_id.clone(), seq });
        }
        for seq in work.cancel {
            let key = (worker, run_id.clone(), seq);
            let Some(local) = self.local_activities.get(&key) else { continue };
            if let Some((_, cancel)) = &local.running {
                // Its code may take its time, or not listen.
                cancel.cancel();
            } else {
                // Nothing runs that could answer: the next attempt is yet to start.
                let attempt = local.task.attempt;
                self.local_activity_done(&key, incarnation, attempt, ActivityOutcome::Canceled(None));
            }
        }
        let heartbeat_ms = u64::try_from(work.heartbeat_after.as_millis()).unwrap_or(u64::MAX);
        let due_ms = self.now_ms.saturating_add(heartbeat_ms);
        self.alarms.set(due_ms, Alarm::WorkflowTaskHeartbeat { worker, incarnation, run_id });
    }

    /// Starts the next attempt of a local activity whose backoff is over.
    pub(crate) fn start_local_activity(&mut self, worker: usize, run_id: String, seq: u32) {
        let key = (worker, run_id, seq);
        let Some(local) = self.local_activities.get(&key) else { return };
        if local.running.is_some() {
            return;
        }
        let process = &self.workers[worker];
        let Some(name) = process.runs.get(&key.1).cloned() else { return };
        let Some(origin) = self.local_origin(worker, &key.1) else { return };
        let label: Rc<str> = format!("{name}/{}", local.task.schedule.activity_type).into();
        let mut attempt = ActivityAttempt::local(local.task.clone(), origin.clone(), clock_callback());
        attempt.log = self.calls.clone();
        attempt.data_converter = process.data_converter.clone();
        let cancel = attempt.cancel.clone();
        let number = local.task.attempt;
        let future = match process.activities.start(attempt) {
            Ok(future) => future,
            Err(unregistered) => {
                let report =
                    diagnosis::unregistered_activity(self, &unregistered, &origin.execution.workflow_id);
                return self.fail(report);
            }
        };
        self.record("local activity", format_args!("{label} attempt {number}"));
        let incarnation = self.workers[worker].incarnation;
        self.set_local_timeouts(&key, incarnation);
        let done_key = key.clone();
        let task = self.executor.spawn(label, async move {
            let outcome = future.await;
            World::current().state().local_activity_done(&done_key, incarnation, number, outcome);
        });
        if let Some(local) = self.local_activities.get_mut(&key) {
            local.running = Some((task, cancel));
        }
    }

    /// Sets the timeouts of the attempt that starts now, and of the local activity as a whole.
    fn set_local_timeouts(&mut self, key: &(usize, String, u32), incarnation: u32) {
        let Some(local) = self.local_activities.get(key) else { return };
        let (worker, run_id, seq) = key.clone();
        let attempt = local.task.attempt;
        let attempt_ms =
            local.task.start_to_close_timeout().and_then(|timeout| u64::try_from(timeout.as_millis()).ok());
        let deadlines = [
            (attempt_ms.map(|timeout_ms| self.now_ms.saturating_add(timeout_ms)), TimeoutType::StartToClose),
            (local.task.schedule_to_close_deadline_ms(), TimeoutType::ScheduleToClose),
        ];
        for (due_ms, timeout) in deadlines {
            if let Some(due_ms) = due_ms {
                let run_id = run_id.clone();
                let alarm =
                    Alarm::LocalActivityTimeout { worker, incarnation, run_id, seq, attempt, timeout };
                self.alarms.set(due_ms, alarm);
            }
        }
    }

    /// An attempt is still running when its time is up: its worker stops waiting for it.
    pub(crate) fn local_activity_timed_out(
        &mut self,
        worker: usize,
        run_id: String,
        seq: u32,
        attempt: u32,
        timeout: TimeoutType,
    ) {
        let key = (worker, run_id, seq);
        if self.local_activities.get(&key).is_none_or(|local| local.task.attempt != attempt) {
            return;
        }
        if let Some(LocalActivity { running: Some((_, cancel)), .. }) = self.local_activities.remove(&key) {
            // The code runs on, as a blocked thread would; only nobody listens to it any more.
            cancel.cancel();
        }
        self.local_activity_resolved(&key, LocalActivityOutcome::TimedOut(timeout));
    }

    fn local_activity_resolved(&mut self, key: &(usize, String, u32), outcome: LocalActivityOutcome) {
        let (worker, run_id, seq) = key;
        let resolution = LocalActivityResolution { now_ms: self.now_ms, outcome };
        let progress = self.workers[*worker].workflows.on_local_activity(run_id, *seq, resolution);
        self.workflow_task_progress(*worker, run_id, progress);
    }

    fn local_origin(&self, worker: usize, run_id: &str) -> Option<LocalActivityOrigin> {
        let execution = self.service.execution(run_id)?;
        Some(LocalActivityOrigin {
            namespace: self.namespace.clone(),
            task_queue: self.workers[worker].spec.task_queue.to_string(),
            workflow_type: execution.workflow_type,
            execution: WorkflowExecution { workflow_id: execution.workflow_id, run_id: execution.run_id },
        })
    }

    fn local_activity_done(
        &mut self,
        key: &(usize, String, u32),
        incarnation: u32,
        attempt: u32,
        outcome: ActivityOutcome,
    ) {
        let is_current = self.local_activities.get(key).is_some_and(|local| local.task.attempt == attempt);
        if self.workers[key.0].incarnation != incarnation || !is_current {
            return;
        }
        self.local_activities.remove(key);
        if let ActivityOutcome::Fault(fault) = &outcome {
            let report = diagnosis::unsimulated_attempt(fault);
            return self.fail(report);
        }
        if let Some(resolution) = outcome.into_local_resolution() {
            self.local_activity_resolved(key, LocalActivityOutcome::Resolved(resolution));
        }
    }

    /// The process died: what ran in it is gone.
    pub(crate) fn cancel_local_activities(&mut self, worker: usize) {
        let dead: Vec<_> = self.local_activities.keys().filter(|key| key.0 == worker).cloned().collect();
        for key in dead {
            if let Some(LocalActivity { running: Some((task, _)), .. }) = self.local_activities.remove(&key) {
                self.executor.cancel(task);
            }
        }
    }
}
