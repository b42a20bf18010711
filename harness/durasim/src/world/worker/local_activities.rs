//! Local activities: attempts that run within a workflow task, in the worker process alone.
//!
//! [`LocalActivities`] keeps their clocks as Core does. The world runs their code and sets their
//! alarms.

use durasim_worker::{
    LocalActivityTask, LocalActivityWork,
    activity::{
        ActivityAttempt, ActivityOutcome, LocalActivities, LocalActivityAction, LocalActivityId,
        LocalActivityMoment, LocalActivityOrigin,
    },
};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;

use super::{
    ProcessRef, alarms::ProcessAlarm, attempt_code::clock_callback, running::RunningLocal,
};
use crate::{
    label::{Label, Name},
    world::{State, World, diagnosis, recorded::TaskAttempt},
};

impl State {
    /// Starts and cancels the local activities that a workflow task asks for.
    pub(super) fn run_local_activities(&mut self, at: ProcessRef, work: LocalActivityWork) {
        let LocalActivityWork {
            run_id,
            cancel,
            start,
            heartbeat,
        } = work;
        let now_ms = self.now_ms;
        for seq in cancel {
            self.on_clocks(at, |clocks| clocks.cancel(&run_id, seq));
        }
        for task in start {
            self.on_clocks(at, |clocks| clocks.request(&run_id, task, now_ms));
        }
        if let Some(heartbeat) = heartbeat {
            let task = heartbeat.task;
            let alarm = ProcessAlarm::WorkflowTaskHeartbeat { run_id, task };
            self.set_alarm(at, heartbeat.due_ms(now_ms), alarm);
        }
    }

    /// The clock has reached the time of an alarm of a local activity.
    pub(super) fn local_activity_due(
        &mut self,
        at: ProcessRef,
        id: &LocalActivityId,
        moment: LocalActivityMoment,
    ) {
        let now_ms = self.now_ms;
        self.on_clocks(at, |clocks| clocks.due(id, moment, now_ms));
    }

    /// Does what the clocks of a process ask for after this call.
    fn on_clocks<A>(&mut self, at: ProcessRef, call: impl FnOnce(&mut LocalActivities) -> A)
    where
        A: IntoIterator<Item = LocalActivityAction>,
    {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        for action in call(&mut process.local_attempts.clocks) {
            self.act_on_local(at, action);
        }
        self.start_waiting_local_activities(at);
    }

    /// Starts the local activities that have waited for a slot, as many as there are free slots.
    fn start_waiting_local_activities(&mut self, at: ProcessRef) {
        let now_ms = self.now_ms;
        while let Some(process) = self.workers.running_mut(at)
            && process.has_free_local_slot()
            && let Some(id) = process.local_attempts.waiting.pop_front()
        {
            self.on_clocks(at, |clocks| {
                clocks.due(&id, LocalActivityMoment::Attempt, now_ms)
            });
        }
    }

    fn act_on_local(&mut self, at: ProcessRef, action: LocalActivityAction) {
        match action {
            LocalActivityAction::SetAlarm { id, due_ms, moment } => {
                self.set_alarm(at, due_ms, ProcessAlarm::LocalActivity { id, moment });
            }
            LocalActivityAction::Start {
                id,
                task,
                requested_ms,
            } => self.start_local_activity(at, id, *task, requested_ms),
            LocalActivityAction::Cancel(id) => {
                let process = self.workers.running(at);
                let running =
                    process.and_then(|process| process.local_attempts.running.get(&id.request));
                if let Some(running) = running {
                    running.cancel.cancel();
                }
            }
            LocalActivityAction::Resolve { id, resolution } => {
                let Some(process) = self.workers.running_mut(at) else {
                    return;
                };
                process.local_attempts.running.remove(&id.request);
                let workflows = &mut process.workflows;
                let progress = workflows.on_local_activity(&id.run_id, id.seq, *resolution);
                self.workflow_task_progress(at, &id.run_id, progress);
                self.on_clocks(at, |clocks| clocks.resolved(&id));
            }
            LocalActivityAction::Forget(id) => self.forget_local_activity(at, &id),
        }
    }

    /// Starts the code of an attempt.
    fn start_local_activity(
        &mut self,
        at: ProcessRef,
        id: LocalActivityId,
        task: LocalActivityTask,
        requested_ms: u64,
    ) {
        let Some(origin) = self.local_origin(at, &id.run_id, requested_ms) else {
            return;
        };
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let Some(workflow) = process.runs.get(&id.run_id).copied() else {
            return;
        };
        let activity = Name::new(&task.schedule.activity_type);
        let label = Label::Attempt(workflow, activity);
        if !process.has_free_local_slot() {
            if let Some(process) = self.workers.running_mut(at) {
                process.local_attempts.waiting.push_back(id);
            }
            return;
        }
        let (number, activity_id) = (task.attempt, task.schedule.activity_id.clone());
        let attempt = ActivityAttempt::local(task, origin, clock_callback());
        let Some((future, cancel)) = self.begin_attempt(at, attempt, workflow) else {
            return;
        };
        let (request, now_ms) = (id.request, self.now_ms);
        self.record("local activity", TaskAttempt(label, number.into()));
        self.watch_attempt(at, label, (&id.run_id, &activity_id), number, true);
        let real_io = self.real_io_of(at, activity);
        let returned = id.clone();
        let task = self.executor.spawn(label.text(), async move {
            let outcome = match real_io {
                Some(real_io) => real_io.run(future).await,
                None => future.await,
            };
            let world = World::current();
            let mut state = world.state();
            if let ActivityOutcome::Panicked { message, .. } = &outcome
                && let Some(report) = diagnosis::real_io_in_activity(activity, message)
            {
                return state.fail(report);
            }
            state.local_activity_returned(at, &returned, label, number, outcome);
        });
        if let Some(process) = self.workers.running_mut(at) {
            let running = RunningLocal { task, cancel };
            process.local_attempts.running.insert(request, running);
        }
        self.on_clocks(at, |clocks| clocks.started(&id, now_ms));
    }

    fn local_origin(
        &self,
        at: ProcessRef,
        run_id: &str,
        requested_ms: u64,
    ) -> Option<LocalActivityOrigin> {
        let execution = self.service.execution(run_id)?;
        Some(LocalActivityOrigin {
            namespace: self.namespace.clone(),
            task_queue: self.workers.running(at)?.spec.task_queue.to_string(),
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
        at: ProcessRef,
        id: &LocalActivityId,
        label: Label,
        attempt: u32,
        outcome: ActivityOutcome,
    ) {
        let now_ms = self.now_ms;
        self.watch_attempt_end(at, label, attempt);
        let mut fault = None;
        self.on_clocks(at, |clocks| {
            clocks
                .returned(id, attempt, outcome, now_ms)
                .unwrap_or_else(|met| {
                    fault = Some(met);
                    None
                })
        });
        if let Some(fault) = fault {
            self.fail(diagnosis::unsimulated_attempt(&fault));
        }
    }

    /// Stops listening to a local activity; its code, if it runs, runs on.
    fn forget_local_activity(&mut self, at: ProcessRef, id: &LocalActivityId) {
        self.workers.forget_alarms(|of, alarm| {
            matches!(alarm, ProcessAlarm::LocalActivity { id: other, .. }
                if of == at && other.request == id.request)
        });
        if let Some(process) = self.workers.running_mut(at) {
            process.local_attempts.running.remove(&id.request);
        }
    }

    /// The worker has dropped a run, and with it the local activities of its workflow task.
    pub(super) fn forget_local_activities(&mut self, at: ProcessRef, run_id: &str) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        for id in process.local_attempts.clocks.forget_run(run_id) {
            self.forget_local_activity(at, &id);
        }
        self.start_waiting_local_activities(at);
    }
}
