//! Failures and diagnoses, made from the state of a world.
//!
//! This module says what everything waits for. Its children make the failures: of the test, of
//! workflow code, of attempts of activities, of invariants, and for want of a registered type.

mod attempts;
mod ends;
mod invariants;
mod payloads;
mod registration;
mod signals;
mod unpolled;
mod workflow_code;

use std::collections::BTreeMap;

use durasim_engine::START_MS;
use durasim_service::{ExecutionSummary, PendingActivitySummary};

use super::{state::State, worker::WorkerProcess};
use crate::{
    label::{Call, Label},
    panics::TEST,
    report::{Awaited, Diagnosis, OpenWorkflow, TakenSlots, UNVERSIONED, Waiting, WorkflowName},
};

pub(crate) use attempts::{
    activity_panicked, real_io_in_activity, silent_io, unsimulated_attempt, unusable_mock,
};
pub(crate) use ends::{
    asked_in_vain, limit, missed_fault, monotonous, oversleeps, panicked, returned_error, spinning,
    stalled, stuck,
};
pub(crate) use invariants::invariant_broken;
pub(crate) use registration::{unregistered_activity, unregistered_workflow};
pub(crate) use unpolled::{Unpolled, unpolled};
pub(crate) use workflow_code::{
    commands_refused, query_failed, thread_started, woken_from_outside, workflow_task_failed,
};

/// Returns what every open workflow waits for, and everybody else.
pub(crate) fn diagnose(state: &State) -> Diagnosis {
    let executions = state.service.executions();
    let workflows = executions
        .filter(|execution| execution.open)
        .map(|execution| open_workflow(state, &execution));
    // A standalone activity stands here for a workflow that waits for nothing else.
    let standalone = state.service.open_activity_executions();
    let standalone = standalone.iter().map(|(id, activity)| OpenWorkflow {
        name: WorkflowName::new(&activity.activity_type, id),
        awaits: vec![awaited_activity(state, activity)],
    });
    let workflows = workflows.chain(standalone).collect();
    Diagnosis {
        workflows,
        waiting: waiting(state),
        gave_up: None,
        spawned: durasim_engine::spawned_tasks(),
        polled: state.polled_queues(),
    }
}

/// Returns what the test and others wait for.
fn waiting(state: &State) -> Vec<Waiting> {
    let clients = state.calls.iter().filter_map(|pending| {
        let who = name_of_task(pending.asked_by.as_deref()?);
        Some(Waiting {
            who,
            what: state.answer_in_words(pending.label),
        })
    });
    let mut waiting: Vec<_> = clients.collect();
    if !waiting.iter().any(is_test) && state.executor.names().iter().any(|name| &**name == TEST) {
        let what =
            "something outside its world: no answer is under way, and no timer is set".to_owned();
        waiting.insert(
            0,
            Waiting {
                who: name_of_task(TEST),
                what,
            },
        );
    }
    waiting
}

/// Returns the name of a task for people.
pub(crate) fn name_of_task(task: &str) -> String {
    if task == TEST {
        "the test".to_owned()
    } else {
        task.to_owned()
    }
}

fn is_test(waiting: &Waiting) -> bool {
    waiting.who == name_of_task(TEST)
}

fn awaited_activity(state: &State, activity: &PendingActivitySummary) -> Awaited {
    Awaited::Activity {
        activity_type: activity.activity_type.clone(),
        task_queue: activity.task_queue.clone(),
        attempt: u32::try_from(activity.attempt).unwrap_or(1),
        paused: activity.paused,
        polled: state.is_polled(&activity.task_queue, WorkerProcess::runs_any_activity),
        no_slot: (!activity.started)
            .then(|| state.taken_slots(&activity.task_queue))
            .flatten(),
        last_failure: activity.last_failure.clone(),
    }
}

fn open_workflow(state: &State, execution: &ExecutionSummary) -> OpenWorkflow {
    let mut awaits = Vec::new();
    for activity in &execution.pending_activities {
        awaits.push(awaited_activity(state, activity));
    }
    for child in &execution.pending_children {
        awaits.push(Awaited::Child(WorkflowName::new(
            &child.workflow_type,
            &child.workflow_id,
        )));
    }
    for operation in &execution.pending_nexus_operations {
        awaits.push(Awaited::NexusOperation {
            endpoint: operation.endpoint.clone(),
            operation: format!("{}/{}", operation.service, operation.operation),
            token: operation.token.clone(),
            attempt: u32::try_from(operation.attempt).unwrap_or(1),
            last_failure: operation.last_failure.clone(),
        });
    }
    for timer in &execution.pending_timers {
        awaits.push(Awaited::Timer {
            timer_id: timer.timer_id.clone(),
            fires_at_ms: timer.fires_at_ms.saturating_sub(START_MS),
        });
    }
    if let Some(task) = &execution.pending_workflow_task {
        awaits.push(Awaited::WorkflowTask {
            task_queue: task.task_queue.clone(),
            attempt: u32::try_from(task.attempt).unwrap_or(1),
            polled: state.is_polled(&task.task_queue, WorkerProcess::runs_any_workflow),
            lacks_version: (!state.is_polled(&task.task_queue, |process| {
                process.runs_any_workflow() && process.deployment_version == task.version
            }))
            .then(|| {
                task.version
                    .clone()
                    .unwrap_or_else(|| UNVERSIONED.to_owned())
            }),
            last_failure: task.last_failure.clone(),
        });
    }
    if awaits.is_empty() {
        awaits.push(Awaited::Condition(signals::signals(state, execution)));
    } else if awaits.iter().all(|it| matches!(it, Awaited::Timer { .. })) {
        let signals = signals::signals(state, execution);
        awaits.extend(signals.has_missing().then_some(Awaited::Signal(signals)));
    }
    OpenWorkflow {
        name: WorkflowName::new(&execution.workflow_type, &execution.workflow_id),
        awaits,
    }
}

impl State {
    /// Returns what a client that sent the request of this label waits for.
    fn answer_in_words(&self, label: Label) -> String {
        let Label::Call(workflow, call) = label else {
            return format!("the answer to {label}");
        };
        let name = match (workflow.workflow_type(), self.names.id_of(workflow)) {
            (Some(workflow_type), Some(id)) => format!("{workflow_type} {id}"),
            _ => workflow.to_string(),
        };
        match call {
            Call::History => format!("the result of {name}"),
            Call::Update(_) => format!("the outcome of {call} of {name}"),
            _ => format!("the answer to {call} of {name}"),
        }
    }

    /// Returns the task queues of the workers, each with the kinds of tasks that they poll it for.
    fn polled_queues(&self) -> Vec<String> {
        let mut queues: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for process in self.workers.iter() {
            let (workflows, activities) = queues.entry(&process.spec.task_queue).or_default();
            *workflows |= process.runs_any_workflow();
            *activities |= process.runs_any_activity();
        }
        let words = |(queue, polled): (&str, _)| match polled {
            (true, true) => format!("{queue} (workflow and activity tasks)"),
            (true, false) => format!("{queue} (workflow tasks)"),
            _ => format!("{queue} (activity tasks)"),
        };
        queues.into_iter().map(words).collect()
    }

    /// Returns the activity slots of the workers that poll a task queue, if all are taken.
    fn taken_slots(&self, task_queue: &str) -> Option<TakenSlots> {
        let mut taken = TakenSlots {
            slots: 0,
            held_by: BTreeMap::new(),
        };
        for (worker, process) in self.workers.iter().enumerate() {
            if &*process.spec.task_queue != task_queue || !process.runs_any_activity() {
                continue;
            }
            if !self.workers.lacks_activity_slot(process.reference(worker)) {
                return None;
            }
            taken.slots += process.slots.activities;
            for attempt in process.attempts.values() {
                let activity_type = attempt.activity_type().to_string();
                *taken.held_by.entry(activity_type).or_default() += 1;
            }
        }
        (taken.slots > 0).then_some(taken)
    }

    fn is_polled(&self, task_queue: &str, polls: impl Fn(&WorkerProcess) -> bool) -> bool {
        self.workers
            .iter()
            .any(|process| &*process.spec.task_queue == task_queue && polls(process))
    }
}
