//! Failures for want of a registered workflow or activity.

use durasim_worker::activity::Unregistered;

use crate::{
    report::{Awaited, Failure, OpenWorkflow, Registered, WorkflowName},
    world::{State, worker::WorkerProcess},
};

/// Returns the failure of a world in which an open workflow waits for a task on a task queue whose
/// workers poll it for tasks of the other kind only.
pub(super) fn wanted_by(state: &State, open: &OpenWorkflow) -> Option<Failure> {
    let has_worker = |queue: &str| {
        state
            .workers
            .iter()
            .any(|process| &*process.spec.task_queue == queue)
    };
    open.awaits.iter().find_map(|awaited| match awaited {
        Awaited::Activity {
            activity_type,
            task_queue,
            polled: false,
            ..
        } if has_worker(task_queue) => Some(Failure::unregistered_activity(
            activity_type,
            task_queue,
            Some(open.name.clone()),
            &activities(state, task_queue),
        )),
        Awaited::WorkflowTask {
            task_queue,
            polled: false,
            ..
        } if has_worker(task_queue) => Some(Failure::unregistered_workflow(
            open.name.clone(),
            task_queue,
            &workflows(state, task_queue),
        )),
        _ => None,
    })
}

/// Returns the failure of a worker that got the task of an activity that it does not have, or has
/// no instance of.
pub(crate) fn unregistered_activity(
    state: &State,
    unregistered: &Unregistered,
    workflow_id: &str,
) -> Failure {
    let Unregistered {
        activity_type,
        task_queue,
        missing_instance,
        ..
    } = unregistered;
    let executions = state.service.executions();
    let execution = executions
        .filter(|execution| execution.workflow_id == workflow_id)
        .last();
    let workflow = execution.map(|it| WorkflowName::new(it.workflow_type, it.workflow_id));
    let registered = activities(state, task_queue);
    let mut failure =
        Failure::unregistered_activity(activity_type, task_queue, workflow, &registered);
    if missing_instance.is_some() {
        failure.what = unregistered.to_string();
    }
    failure
}

/// Returns the failure of a worker that got the task of a workflow that it does not have.
pub(crate) fn unregistered_workflow(
    state: &State,
    workflow_type: &str,
    workflow_id: &str,
    task_queue: &str,
) -> Failure {
    Failure::unregistered_workflow(
        WorkflowName::new(workflow_type, workflow_id),
        task_queue,
        &workflows(state, task_queue),
    )
}

/// Returns the activities of each worker, those of this task queue first.
pub(super) fn activities(state: &State, task_queue: &str) -> Vec<Registered> {
    registered(state, task_queue, |process| process.activities.names())
}

/// Returns the workflows of each worker, those of this task queue first.
fn workflows(state: &State, task_queue: &str) -> Vec<Registered> {
    registered(state, task_queue, |process| {
        process.workflow_types().map(str::to_owned).collect()
    })
}

fn registered(
    state: &State,
    task_queue: &str,
    types: impl Fn(&WorkerProcess) -> Vec<String>,
) -> Vec<Registered> {
    let (of_it, of_others): (Vec<_>, Vec<_>) = state
        .workers
        .iter()
        .partition(|process| &*process.spec.task_queue == task_queue);
    let workers = of_it.into_iter().chain(of_others);
    workers
        .map(|process| Registered {
            task_queue: (*process.spec.task_queue).to_owned(),
            types: types(process),
        })
        .collect()
}
