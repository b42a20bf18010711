//! The slots of a worker process: the tasks that it takes at once.
//!
//! A worker polls only while it has a free slot. The tasks for which it has none wait at the
//! service, and may time out there. An activity attempt holds its slot until its code has ended, a
//! workflow task until the service has answered its completion, a local activity until it has ended
//! or timed out (`temporalio-sdk-core: src/pollers/poll_buffer.rs`, `src/worker/mod.rs`).
//!
//! A slot is for either of the two queues of workflow tasks: if one is free, polls of both wait for
//! it, and the poll that meets no task is withdrawn.

use temporalio_sdk::runtime::worker_tuner::{ResourceBasedSlotOptions, SlotSupplier, WorkerTuner};

use super::{PollKind, ProcessRef, WorkerProcess};
use crate::{broken::broken, world::State};

/// The numbers of slots of a worker, by the kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) workflow_tasks: usize,
    pub(crate) activities: usize,
    pub(crate) local_activities: usize,
}

/// The most slots that a resource-based supplier gives out, unless it says otherwise
/// (`temporalio-sdk: src/runtime/worker_tuner.rs`, `slot_defaults`).
const MOST_WORKFLOW_TASKS: usize = 1_000;
const MOST_ACTIVITIES: usize = 2_000;

impl Slots {
    /// Returns the slots of a worker with this tuner that keeps so many runs. A resource-based
    /// supplier always gives out all of its slots: a simulated machine is never busy.
    pub(crate) fn new(tuner: &WorkerTuner, max_cached: usize) -> Self {
        let all = match tuner {
            WorkerTuner::TunerHolder(holder) => Self {
                workflow_tasks: supplied(&holder.workflow_task_slot_supplier, MOST_WORKFLOW_TASKS),
                activities: supplied(&holder.activity_task_slot_supplier, MOST_ACTIVITIES),
                local_activities: supplied(
                    &holder.local_activity_task_slot_supplier,
                    MOST_ACTIVITIES,
                ),
            },
            WorkerTuner::ResourceBased(tuner) => Self {
                workflow_tasks: most(tuner.workflow_task_slot_options, MOST_WORKFLOW_TASKS),
                activities: most(tuner.activity_task_slot_options, MOST_ACTIVITIES),
                local_activities: most(tuner.local_activity_task_slot_options, MOST_ACTIVITIES),
            },
            WorkerTuner::ResourceBasedWithController(tuner) => Self {
                workflow_tasks: most(tuner.workflow_task_slot_options, MOST_WORKFLOW_TASKS),
                activities: most(tuner.activity_task_slot_options, MOST_ACTIVITIES),
                local_activities: most(tuner.local_activity_task_slot_options, MOST_ACTIVITIES),
            },
            _ => return Self::new(&WorkerTuner::default(), max_cached),
        };
        // A task needs a run in the cache; and both queues must be polled
        // (`temporalio-sdk-core: src/worker/mod.rs`).
        let cached = if max_cached > 0 {
            max_cached.max(2)
        } else {
            usize::MAX
        };
        Self {
            workflow_tasks: all.workflow_tasks.min(cached),
            ..all
        }
    }
}

fn supplied(supplier: &SlotSupplier, default: usize) -> usize {
    match supplier {
        SlotSupplier::FixedSize(fixed) => fixed.num_slots,
        SlotSupplier::ResourceBased(resources) => most(Some(resources.slot_options), default),
        _ => default,
    }
}

fn most(options: Option<ResourceBasedSlotOptions>, default: usize) -> usize {
    options
        .and_then(|options| options.maximum_slots)
        .unwrap_or(default)
}

/// The polls of a process that have met a task which is on its way, by kind.
#[derive(Default)]
pub(super) struct Matched {
    workflow_tasks: usize,
    activities: usize,
}

impl Matched {
    /// Returns the number for a kind of poll.
    pub(super) fn of(&mut self, kind: PollKind) -> &mut usize {
        match kind {
            PollKind::ActivityTask => &mut self.activities,
            PollKind::WorkflowTask | PollKind::StickyWorkflowTask => &mut self.workflow_tasks,
        }
    }

    /// Returns `true` if no task is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.workflow_tasks == 0 && self.activities == 0
    }
}

impl WorkerProcess {
    /// Returns `true` if the process can take a task of this kind.
    pub(super) fn has_free_slot(&self, kind: PollKind) -> bool {
        if broken!(Slots) {
            return true;
        }
        match kind {
            PollKind::ActivityTask => {
                self.matched.activities + self.attempts.len() < self.slots.activities
            }
            PollKind::WorkflowTask | PollKind::StickyWorkflowTask => {
                let waiting: usize = self.reporting.values().map(Vec::len).sum();
                let reported = self.reporting.len();
                let taken = self.matched.workflow_tasks + waiting + reported;
                let left = self.slots.workflow_tasks.saturating_sub(taken);
                self.workflows.has_fewer_tasks_than(left)
            }
        }
    }

    /// Returns `true` if the process can run another local activity.
    pub(super) fn has_free_local_slot(&self) -> bool {
        self.local_attempts.running.len() < self.slots.local_activities || broken!(Slots)
    }
}

impl State {
    /// Notes that a process has no free slot for tasks of this kind: it polls once it has one.
    pub(super) fn wait_for_slot(&mut self, at: ProcessRef, kind: PollKind) {
        if self.workers.without_slot.insert((at, kind))
            && let Some(process) = self.workers.running(at)
        {
            let queue = process.spec.task_queue.clone();
            self.record("worker", format_args!("{queue} has no free slot: {kind:?}"));
        }
    }

    /// Polls for the kinds of tasks for which a process has a free slot again. A process that is
    /// cut off polls when it reaches the service.
    pub(in crate::world) fn poll_with_freed_slots(&mut self) {
        if self.workers.without_slot.is_empty() {
            return;
        }
        for (at, kind) in self.workers.without_slot.clone() {
            let process = self.workers.running(at);
            let is_over = process.is_none_or(|process| process.has_free_slot(kind));
            if is_over && !self.calls.partitions.is_cut_off(at) {
                self.workers.without_slot.remove(&(at, kind));
                self.poll(at, kind);
            }
        }
    }

    /// Withdraws the polls for workflow tasks that a process could not take any more.
    pub(super) fn withdraw_polls(&mut self, at: ProcessRef) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        if process.has_free_slot(PollKind::WorkflowTask) {
            return;
        }
        let withdrawn: Vec<_> = process
            .waiting_polls
            .extract_if(.., |(_, kind)| *kind != PollKind::ActivityTask)
            .collect();
        for (poll, kind) in withdrawn {
            self.cancel_request(poll);
            self.wait_for_slot(at, kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use temporalio_sdk::runtime::worker_tuner::{
        FixedSizeSlotSupplier, ResourceBasedTuner, ResourceBasedTunerOptions, TunerHolder,
    };

    use super::*;

    #[test]
    fn a_worker_has_a_hundred_slots_of_each_kind() {
        let slots = Slots::new(&WorkerTuner::default(), 1_000);
        assert_eq!(
            slots,
            Slots {
                workflow_tasks: 100,
                activities: 100,
                local_activities: 100
            }
        );
    }

    #[test]
    fn a_worker_takes_no_more_workflow_tasks_than_it_keeps_runs() {
        let workflow_tasks =
            |max_cached| Slots::new(&WorkerTuner::default(), max_cached).workflow_tasks;
        assert_eq!([0, 1, 7].map(workflow_tasks), [100, 2, 7]);
    }

    #[test]
    fn a_fixed_size_is_honoured_for_each_kind() {
        let holder = TunerHolder::builder()
            .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(3))
            .activity_task_slot_supplier(FixedSizeSlotSupplier::new(4))
            .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(5))
            .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(6))
            .build();
        let slots = Slots::new(&holder.into(), 1_000);
        assert_eq!(
            slots,
            Slots {
                workflow_tasks: 3,
                activities: 4,
                local_activities: 5
            }
        );
    }

    #[test]
    fn a_resource_based_tuner_gives_out_its_most() {
        let targets = ResourceBasedTunerOptions::builder()
            .target_memory_usage(0.8)
            .target_cpu_usage(0.9)
            .build();
        let activities = ResourceBasedSlotOptions::builder().maximum_slots(7).build();
        let tuner = ResourceBasedTuner::builder()
            .tuner_options(targets)
            .activity_task_slot_options(activities)
            .build();
        let slots = Slots::new(&tuner.into(), 0);
        assert_eq!(
            slots,
            Slots {
                workflow_tasks: MOST_WORKFLOW_TASKS,
                activities: 7,
                local_activities: MOST_ACTIVITIES
            }
        );
    }
}
