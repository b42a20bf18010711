//! Local activities: attempts that run within a workflow task, in the worker process alone.
//!
//! `durasim_worker::activity::LocalActivities` keeps their clocks as Core does. The world runs their
//! code and sets their alarms.

use super::{World, attempts::clock_callback, diagnosis, process::Alarm, state::State};
use durasim_engine::TaskId;
use durasim_worker::{
    LocalActivityTask, LocalActivityWork,
    activity::{
        self, ActivityAttempt, ActivityOutcome, LocalActivityAction, LocalActivityId,
        LocalActivityOrigin,
    },
};
use std::{collections::BTreeMap, rc::Rc};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use tokio_util::sync::CancellationToken;

pub(crate) use durasim_worker::activity::LocalActivityMoment as LocalMoment;

/// A local activity of a run: the worker, the run, and the sequence number.
pub(crate) type LocalKey = (usize, String, u32);

/// The local activities under way, of all workers.
#[derive(Default)]
pub(crate) struct LocalActivities {
    /// By worker; kept when its process dies, so that no two requests have the same number.
    by_worker: BTreeMap<usize, activity::LocalActivities>,
    /// The attempts that run, by worker and request, unless nobody listens to them any more.
    running: BTreeMap<(usize, u64), RunningLocal>,
}

/// An attempt of a local activity whose code runs.
struct RunningLocal {
    task: TaskId,
    cancel: CancellationToken,
}

impl LocalActivities {
    fn of(&mut self, worker: usize) -> &mut activity::LocalActivities {
        self.by_worker.entry(worker).or_default()
    }
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
        let now_ms = self.now_ms;
        for seq in cancel {
            let action = self.local_activities.of(worker).cancel(&run_id, seq);
            self.act_on_local(worker, action);
        }
        for task in start {
            let locals = self.local_activities.of(worker);
            let actions = locals.request(&run_id, task, now_ms);
            self.act_on_local(worker, actions);
        }
        if let Some(heartbeat) = heartbeat {
            let incarnation = self.workers[worker].incarnation;
            let alarm = Alarm::WorkflowTaskHeartbeat {
                worker,
                incarnation,
                run_id,
                task: heartbeat.task,
            };
            self.alarms.set(heartbeat.due_ms(now_ms), alarm);
        }
    }

    /// The clock has come to what was set for a local activity.
    pub(crate) fn local_activity_due(&mut self, key: &LocalKey, request: u64, moment: LocalMoment) {
        let (worker, run_id, seq) = key;
        let id = LocalActivityId {
            run_id: run_id.clone(),
            seq: *seq,
            request,
        };
        let now_ms = self.now_ms;
        let actions = self.local_activities.of(*worker).due(&id, moment, now_ms);
        self.act_on_local(*worker, actions);
    }

    fn act_on_local(
        &mut self,
        worker: usize,
        actions: impl IntoIterator<Item = LocalActivityAction>,
    ) {
        for action in actions {
            match action {
                LocalActivityAction::SetAlarm { id, due_ms, moment } => {
                    let LocalActivityId {
                        run_id,
                        seq,
                        request,
                    } = id;
                    let alarm = Alarm::LocalActivity {
                        key: (worker, run_id, seq),
                        request,
                        moment,
                    };
                    self.alarms.set(due_ms, alarm);
                }
                LocalActivityAction::Start {
                    id,
                    task,
                    requested_ms,
                } => self.start_local_activity(worker, id, *task, requested_ms),
                LocalActivityAction::Cancel(id) => {
                    if let Some(running) = self.local_activities.running.get(&(worker, id.request))
                    {
                        running.cancel.cancel();
                    }
                }
                LocalActivityAction::Resolve { id, resolution } => {
                    self.local_activities.running.remove(&(worker, id.request));
                    let progress = self.workers[worker]
                        .workflows
                        .on_local_activity(&id.run_id, id.seq, resolution);
                    self.workflow_task_progress(worker, &id.run_id, progress);
                    let action = self.local_activities.of(worker).resolved(&id);
                    self.act_on_local(worker, action);
                }
                LocalActivityAction::Forget(id) => {
                    self.forget_local_activity(worker, &id);
                }
            }
        }
    }

    /// Starts the code of an attempt.
    fn start_local_activity(
        &mut self,
        worker: usize,
        id: LocalActivityId,
        task: LocalActivityTask,
        requested_ms: u64,
    ) {
        let process = &self.workers[worker];
        let Some(name) = process.runs.get(&id.run_id).cloned() else {
            return;
        };
        let Some(origin) = self.local_origin(worker, &id.run_id, requested_ms) else {
            return;
        };
        let label: Rc<str> = format!("{name}/{}", task.schedule.activity_type).into();
        let number = task.attempt;
        let mut attempt = ActivityAttempt::local(task, origin.clone(), clock_callback());
        attempt.log = self.calls.clone();
        attempt.client = Some(process.client(&self.namespace));
        attempt.data_converter = process.data_converter.clone();
        let cancel = attempt.cancel.clone();
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
        let alarm = self.local_activities.of(worker).started(&id, self.now_ms);
        self.act_on_local(worker, alarm);
        self.record("local activity", format_args!("{label} attempt {number}"));
        let request = id.request;
        let task = self.executor.spawn(label, async move {
            let outcome = future.await;
            World::current()
                .state()
                .local_activity_returned(worker, &id, number, outcome);
        });
        let running = RunningLocal { task, cancel };
        self.local_activities
            .running
            .insert((worker, request), running);
    }

    fn local_origin(
        &self,
        worker: usize,
        run_id: &str,
        requested_ms: u64,
    ) -> Option<LocalActivityOrigin> {
        let execution = self.service.execution(run_id)?;
        Some(LocalActivityOrigin {
            namespace: self.namespace.clone(),
            task_queue: self.workers[worker].spec.task_queue.to_string(),
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
        worker: usize,
        id: &LocalActivityId,
        attempt: u32,
        outcome: ActivityOutcome,
    ) {
        let now_ms = self.now_ms;
        let locals = self.local_activities.of(worker);
        match locals.returned(id, attempt, outcome, now_ms) {
            Ok(action) => self.act_on_local(worker, action),
            Err(fault) => self.fail(diagnosis::unsimulated_attempt(&fault)),
        }
    }

    /// Stops listening to a local activity, and returns its attempt if its code runs.
    fn forget_local_activity(
        &mut self,
        worker: usize,
        id: &LocalActivityId,
    ) -> Option<RunningLocal> {
        self.alarms.retain(|alarm| {
            !matches!(alarm, Alarm::LocalActivity { key, request, .. }
                if key.0 == worker && *request == id.request)
        });
        self.local_activities.running.remove(&(worker, id.request))
    }

    /// The worker has dropped a run, and with it what its local activities come to.
    pub(crate) fn forget_local_activities(&mut self, worker: usize, run_id: &str) {
        for id in self.local_activities.of(worker).forget_run(run_id) {
            self.forget_local_activity(worker, &id);
        }
    }

    /// The process died: what ran in it is gone.
    pub(crate) fn cancel_local_activities(&mut self, worker: usize) {
        for id in self.local_activities.of(worker).forget_all() {
            if let Some(running) = self.forget_local_activity(worker, &id) {
                self.executor.cancel(running.task);
            }
        }
    }
}
