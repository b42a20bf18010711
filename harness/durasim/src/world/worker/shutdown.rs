//! The shutdown of a worker process.
//!
//! A process that shuts down polls no more, and finishes what it has. After its grace period, if it
//! has one, it asks the attempts that still run to stop. Whatever runs when its time is over dies
//! with it. Its successor has started meanwhile, as in a rolling update.
//!
//! Source: `temporalio-sdk-core: src/worker/mod.rs` (`shutdown`), `src/worker/activities.rs`
//! (`ActivityTaskStream`).

use std::sync::Arc;

use durasim_service::Rpc;
use temporalio_protos::temporal::api::workflowservice::v1::ShutdownWorkerRequest;

use super::{
    ProcessRef, WorkerCall, WorkerProcess, Workers, alarms::ProcessAlarm, running::CancelReason,
};
use crate::{
    broken::broken,
    faults::Shutdown,
    label::Label,
    world::{State, tolerance::tolerance},
};

/// The time from one look at a process that nothing may be taken from to the next, in virtual
/// milliseconds.
const LOOKS_AGAIN_MS: u64 = 1_000;

/// The shutdown of a process, under way.
pub(super) struct ShuttingDown {
    /// True if no attempt is taken that its activity cannot do without.
    spares: bool,
    /// True once the grace period is over: attempts are asked to stop as soon as they start.
    pub(super) cancels: bool,
}

impl Workers {
    /// Returns `true` if this process is shutting down.
    pub(super) fn is_shutting_down(&self, at: ProcessRef) -> bool {
        self.shutting_down.contains_key(&at)
    }

    /// Forgets a process whose shutdown is over, if this is one.
    pub(super) fn forget_shutdown(&mut self, at: ProcessRef) {
        self.shutting_down.remove(&at);
    }
}

impl State {
    /// Begins the shutdown of a process, and starts its successor.
    pub(super) fn shut_down(&mut self, at: ProcessRef, shutdown: Shutdown) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        if process.shutting_down.is_some() {
            return;
        }
        process.shutting_down = Some(ShuttingDown {
            spares: shutdown.spares,
            cancels: false,
        });
        let polls = std::mem::take(&mut process.waiting_polls);
        let (spec, version) = (process.spec.clone(), process.version);
        let request = ShutdownWorkerRequest {
            namespace: self.namespace.clone(),
            identity: process.identity.clone(),
            sticky_task_queue: process.polls.sticky_queue().to_owned(),
            reason: "graceful shutdown".to_owned(),
            ..Default::default()
        };
        self.record("worker", format_args!("{} shuts down", spec.task_queue));
        self.watch_remark(Some(at), "shuts down");

        // It polls no more: the service learns of it, so that no task waits for this process.
        for (poll, _) in polls {
            self.cancel_request(poll);
        }
        let label = Label::Rpc(Rpc::ShutdownWorker);
        self.worker_request(at, WorkerCall::Report, label, request.into());

        // The times at which it asks attempts to stop, and at which it dies.
        if let Some(grace_ms) = spec.grace_ms {
            let due_ms = self.now_ms.saturating_add(grace_ms);
            let _ = self.set_alarm(at, due_ms, ProcessAlarm::GraceEnds);
        }
        let due_ms = self.now_ms.saturating_add(shutdown.lasts_ms);
        let _ = self.set_alarm(at, due_ms, ProcessAlarm::ShutdownEnds);

        // The successor takes its place.
        let successor = self.successor(at, version);
        self.workers.replace(at, successor);
        self.starts_again(at.worker);
    }

    /// The grace period of a process is over: it asks the attempts that still run to stop.
    pub(super) fn grace_ends(&mut self, at: ProcessRef) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        let Some(shutting_down) = &mut process.shutting_down else {
            return;
        };
        shutting_down.cancels = true;
        let tokens: Vec<_> = process.attempts.keys().cloned().collect();
        for token in tokens {
            self.cancel_for_shutdown(at, &token);
        }
    }

    /// Asks an attempt to stop for the sake of a shutdown, unless it is to be spared.
    pub(super) fn cancel_for_shutdown(&mut self, at: ProcessRef, token: &Arc<[u8]>) {
        let tolerance = tolerance!(self);
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let (Some(shutting_down), Some(attempt)) =
            (&process.shutting_down, process.attempts.get(token))
        else {
            return;
        };
        let is_spared = shutting_down.spares
            && !tolerance
                .still_allowed(token, attempt.allowance)
                .tolerates_failure(self.now_ms);
        if !is_spared && !broken!(GracePeriod) {
            self.cancel_attempt(at, token, CancelReason::WorkerShutdown);
        }
    }

    /// The time of a process that shuts down is over: it dies, unless something in it is to be
    /// spared.
    pub(super) fn shutdown_ends(&mut self, at: ProcessRef) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let spares = process.shutting_down.as_ref().is_some_and(|it| it.spares);
        if spares && !tolerance!(self).tolerates_crash(at) {
            let due_ms = self.now_ms.saturating_add(LOOKS_AGAIN_MS);
            let _ = self.set_alarm(at, due_ms, ProcessAlarm::ShutdownEnds);
            return;
        }
        self.end_process(at, "dies");
    }

    /// Ends the processes that have shut down and have finished everything.
    pub(in crate::world) fn end_finished_processes(&mut self) {
        if self.workers.shutting_down.is_empty() {
            return;
        }
        let finished = self.workers.shutting_down.iter();
        let finished = finished.filter(|(at, process)| {
            process.is_idle() && self.calls.of_process(**at).next().is_none()
        });
        let finished: Vec<_> = finished.map(|(at, _)| *at).collect();
        for at in finished {
            self.end_process(at, "has shut down");
        }
    }
}

impl WorkerProcess {
    /// Returns `true` if nothing runs in the process, and nothing is on its way to it.
    fn is_idle(&self) -> bool {
        self.attempts.is_empty()
            && self.local_attempts.is_empty()
            && self.reporting.is_empty()
            && self.matched.is_empty()
            && self.workflows.has_fewer_tasks_than(1)
    }
}
