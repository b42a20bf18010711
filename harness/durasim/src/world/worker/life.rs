//! The life of a worker process: its start, its polls, its death, and its next start.

use std::rc::Rc;

use durasim_service::RequestId;

use super::{
    ProcessRef, WorkerCall, WorkerProcess, WorkerSpec,
    alarms::{Alarm, ProcessAlarm},
    polls::{Poll, PollKind},
};
use crate::{
    broken::broken,
    world::{State, pending::Caller},
};

impl State {
    /// Starts a worker process for the first time.
    pub(crate) fn start_worker(&mut self, spec: WorkerSpec) {
        let queue = spec.task_queue.clone();
        let process = WorkerProcess::new(
            &mut self.service,
            Rc::new(spec),
            0,
            0,
            &self.namespace,
            self.options.backtraces,
        );
        let at = process.reference(self.workers.len());
        self.workers.processes.push(process);
        self.record("worker", format_args!("{queue} starts"));
        self.watch_start(at, &queue, "");
        self.poll_everything(at);
    }

    /// Polls for every kind of task that the process can do. A real worker keeps several polls
    /// open; here the next poll is sent as soon as one is matched.
    fn poll_everything(&mut self, at: ProcessRef) {
        let process = &self.workers.processes[at.worker];
        let (runs_workflows, runs_activities) =
            (process.runs_any_workflow(), process.runs_any_activity());
        let is_cached = process.spec.max_cached > 0;
        if runs_workflows {
            self.poll(at, PollKind::WorkflowTask);
            if is_cached {
                self.poll(at, PollKind::StickyWorkflowTask);
            }
        }
        if runs_activities {
            self.poll(at, PollKind::ActivityTask);
        }
    }

    /// Polls for a kind of task: now, or once the process has a free slot, or once the service no
    /// longer refuses every call. A process that is shutting down polls no more.
    pub(super) fn poll(&mut self, at: ProcessRef, kind: PollKind) {
        if self.workers.is_shutting_down(at) {
            return;
        }
        let outage = self.calls.outage.as_ref();
        if let Some(after_ms) = outage.and_then(|it| it.polls_again_after_ms(self.now_ms)) {
            let due_ms = self.now_ms.saturating_add(after_ms);
            self.set_alarm(at, due_ms, ProcessAlarm::PollsAgain { kind });
            return;
        }
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        let has_slot = process.has_free_slot(kind);
        let Poll { label, standing } = process.polls.of(kind);
        let Some(standing) = standing else { return };
        if !has_slot {
            return self.wait_for_slot(at, kind);
        }
        let caller = Caller::Worker {
            at,
            call: WorkerCall::Poll(kind),
        };
        let id = self.calls.open(*label, caller);
        // A poll is no message of its own: it has been waiting at the service all along.
        self.service.poll(self.now_ms, id, standing);
        process.waiting_polls.push((id, kind));
    }

    /// Lets the polls of all processes fail that wait at the service. They are made again later.
    pub(in crate::world) fn fail_polls(&mut self) {
        let processes: Vec<_> = self.workers.references().collect();
        for at in processes {
            let process = self.workers.running_mut(at);
            let polls = process.map(|it| std::mem::take(&mut it.waiting_polls));
            for (poll, kind) in polls.unwrap_or_default() {
                self.cancel_request(poll);
                self.poll(at, kind);
            }
        }
    }

    /// Polls again for what a poll was just matched with.
    pub(in crate::world) fn repoll(&mut self, at: ProcessRef, kind: PollKind, matched: RequestId) {
        if let Some(process) = self.workers.running_mut(at) {
            process.waiting_polls.retain(|(poll, _)| *poll != matched);
            *process.matched.of(kind) += 1;
            if !self.calls.partitions.stops_polling(at, kind, self.now_ms) {
                self.poll(at, kind);
            }
            self.withdraw_polls(at);
        }
    }

    /// Kills the process, which starts again after this time, unless its successor runs already.
    pub(super) fn crash_worker(&mut self, at: ProcessRef, restart_after_ms: u64, version: usize) {
        if self.workers.running(at).is_none() {
            return;
        }
        let has_successor = self.workers.is_shutting_down(at);
        self.end_process(at, "dies");
        if has_successor {
            return;
        }
        let restart = Alarm::Restart {
            worker: at.worker,
            version,
        };
        self.workers
            .alarms
            .set(self.now_ms + restart_after_ms, restart);
    }

    /// Ends a process: its cache, its running activities and its unsent messages are lost.
    pub(super) fn end_process(&mut self, at: ProcessRef, how: &str) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        process.up = false;
        let polls = std::mem::take(&mut process.waiting_polls);
        let attempts = std::mem::take(&mut process.attempts);
        let local_attempts = std::mem::take(&mut process.local_attempts);
        process.runs.clear();
        let queue = process.spec.task_queue.clone();
        // The code that runs in the process dies with it.
        let tasks = attempts
            .into_values()
            .map(|attempt| attempt.task)
            .filter(|_| !broken!(DeathOfAttempts))
            .chain(local_attempts.into_tasks());
        for task in tasks {
            self.executor.cancel(task);
        }
        // Its requests have nobody to be answered to.
        for (poll, _) in polls {
            self.cancel_request(poll);
        }
        self.calls.forget_process(at);
        self.workers.forget_alarms(|of, _| of == at);
        self.workers.forget_shutdown(at);
        self.record("worker", format_args!("{queue} {how}"));
        self.watch_end(at, how);
    }

    /// Starts the worker's process again, with nothing but its code.
    pub(super) fn restart_worker(&mut self, worker: usize, version: usize) {
        let dead = self.workers.processes[worker].reference(worker);
        let process = self.successor(dead, version);
        self.workers.processes[worker] = process;
        self.starts_again(worker);
    }

    /// Returns the process that comes after this one, with nothing but its code.
    pub(super) fn successor(&mut self, at: ProcessRef, version: usize) -> WorkerProcess {
        let spec = self.workers.latest(at).spec.clone();
        WorkerProcess::new(
            &mut self.service,
            spec,
            version,
            at.incarnation + 1,
            &self.namespace,
            self.options.backtraces,
        )
    }

    /// A process that has taken the place of another begins to poll.
    pub(super) fn starts_again(&mut self, worker: usize) {
        let process = &self.workers.processes[worker];
        let (spec, version, at) = (
            process.spec.clone(),
            process.version,
            process.reference(worker),
        );
        let (queue, name) = (&spec.task_queue, &spec.versions[version].name);
        self.record("worker", format_args!("{queue} starts again {name}"));
        self.watch_start(at, queue, name);
        self.poll_everything(at);
    }
}
