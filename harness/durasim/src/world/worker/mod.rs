//! Worker processes: the code that they run, the tasks that they hold, and their deaths.
//!
//! A worker is started once by the test. Its process may die and start again, with nothing but its
//! code, so everything that refers to a process names the start too: a [`ProcessRef`]. Whatever was
//! meant for a process that is gone is lost, and [`Workers::running`] says so.

mod alarms;
mod attempt_code;
mod attempts;
pub(super) mod call;
mod code_of_runs;
mod life;
mod local_activities;
mod partition;
pub(super) mod polls;
mod process;
pub(super) mod reference;
mod running;
mod shutdown;
mod slots;
mod spec;
mod workflow_tasks;

use std::collections::{BTreeMap, BTreeSet};

use crate::world::alarms::Alarms;
use alarms::{Alarm, ProcessAlarm};
pub(super) use call::WorkerCall;
use code_of_runs::RunCode;
pub(super) use polls::PollKind;
pub(crate) use process::WorkerProcess;
pub(crate) use reference::ProcessRef;
pub(super) use running::RunningAttempt;
pub(crate) use slots::Slots;
pub use spec::WorkflowTaskFailures;
pub(crate) use spec::{WorkerSpec, WorkerVersion};

/// The workers of a world, each with its latest process.
#[derive(Default)]
pub(crate) struct Workers {
    processes: Vec<WorkerProcess>,
    /// The processes that are shutting down, whose successors run already.
    shutting_down: BTreeMap<ProcessRef, WorkerProcess>,
    alarms: Alarms<Alarm>,
    /// The version of the code that ran each run, where there are several versions.
    code_of: BTreeMap<String, RunCode>,
    /// The processes that do not poll for a kind of task, for want of a free slot.
    without_slot: BTreeSet<(ProcessRef, PollKind)>,
}

impl Workers {
    /// Returns the number of workers.
    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// Returns the latest process of each worker, in the order in which the workers started. A
    /// process that has died counts until the next one starts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &WorkerProcess> {
        self.processes.iter()
    }

    /// Returns the latest process of each worker, and those that are shutting down.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut WorkerProcess> {
        let shutting_down = self.shutting_down.values_mut();
        self.processes.iter_mut().chain(shutting_down)
    }

    /// Puts its successor in the place of a process that is shutting down.
    fn replace(&mut self, at: ProcessRef, successor: WorkerProcess) {
        let process = std::mem::replace(&mut self.processes[at.worker], successor);
        self.shutting_down.insert(at, process);
    }

    /// Returns the processes that run.
    pub(super) fn references(&self) -> impl Iterator<Item = ProcessRef> {
        let processes = self.processes.iter().enumerate();
        let running = processes.filter(|(_, process)| process.up);
        running.map(|(worker, process)| process.reference(worker))
    }

    /// Returns the process if it runs; `None` once it has died.
    pub(super) fn running(&self, at: ProcessRef) -> Option<&WorkerProcess> {
        let latest = self.processes.get(at.worker);
        latest
            .filter(|process| process.incarnation == at.incarnation)
            .or_else(|| self.shutting_down.get(&at))
            .filter(|process| process.up)
    }

    /// Returns the process if it runs; `None` once it has died.
    pub(super) fn running_mut(&mut self, at: ProcessRef) -> Option<&mut WorkerProcess> {
        let latest = self.processes.get_mut(at.worker);
        latest
            .filter(|process| process.incarnation == at.incarnation)
            .or_else(|| self.shutting_down.get_mut(&at))
            .filter(|process| process.up)
    }

    /// Returns the latest process of this process's worker.
    pub(super) fn latest(&self, at: ProcessRef) -> &WorkerProcess {
        &self.processes[at.worker]
    }

    /// Returns `true` if this process does not poll for activity tasks, for want of a free slot.
    pub(in crate::world) fn lacks_activity_slot(&self, at: ProcessRef) -> bool {
        self.without_slot.contains(&(at, PollKind::ActivityTask))
    }

    /// Drops the alarms of processes that `forgotten` picks.
    fn forget_alarms(&mut self, forgotten: impl Fn(ProcessRef, &ProcessAlarm) -> bool) {
        self.alarms
            .retain(|alarm| !matches!(alarm, Alarm::In(at, alarm) if forgotten(*at, alarm)));
    }

    /// Returns the time at which the next alarm of any process is due.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.alarms.next_due_ms()
    }
}
