//! Failures about workflows and activities that no worker has.

use crate::report::{Failure, FailureCode, WorkflowName};

/// The types that one worker has registered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Registered {
    /// The task queue of the worker.
    pub(crate) task_queue: String,
    /// The names of the types.
    pub(crate) types: Vec<String>,
}

impl Registered {
    /// Returns `true` if a type of this name is among them.
    pub(crate) fn has(&self, type_name: &str) -> bool {
        self.types.iter().any(|known| known == type_name)
    }
}

/// The remedy for a task that went to the one worker of its task queue that cannot run it.
const REGISTER_WITH_ALL: &str = "register the same types with all workers of a task queue: a task \
    may go to any of them, and on a real cluster it would fail there and be retried until it \
    reached another; or give the workers task queues of their own";

impl Failure {
    /// Returns the failure of a world in which an activity was scheduled that the workers of its
    /// task queue do not have.
    pub(crate) fn unregistered_activity(
        activity_type: &str,
        task_queue: &str,
        workflow: Option<WorkflowName>,
        registered: &[Registered],
    ) -> Self {
        let name = format!("activity {activity_type}");
        let message = registered_words("activities", registered);
        let failure = if is_known(activity_type, task_queue, registered) {
            went_to_another(&name, task_queue)
        } else {
            lacking(&name, task_queue).with_remedy(format!(
                "register it: `env.worker({task_queue:?}).activity({activity_type})`; or mock it: \
                 `.mock_activity({activity_type}, |call| async move {{ .. }})`{}",
                elsewhere(activity_type, registered, "the activity's options")
            ))
        };
        failure.of(workflow).with_message(message)
    }

    /// Returns the failure of a world in which a workflow was started that the workers of its task
    /// queue do not have.
    pub(crate) fn unregistered_workflow(
        workflow: WorkflowName,
        task_queue: &str,
        registered: &[Registered],
    ) -> Self {
        let workflow_type = &workflow.workflow_type;
        let name = format!("workflow {workflow_type}");
        let message = registered_words("workflows", registered);
        let failure = if is_known(workflow_type, task_queue, registered) {
            went_to_another(&name, task_queue)
        } else {
            lacking(&name, task_queue).with_remedy(format!(
                "register it: `env.worker({task_queue:?}).workflow::<{workflow_type}>()`{}",
                elsewhere(workflow_type, registered, "the start options")
            ))
        };
        failure.of(workflow).with_message(message)
    }
}

/// Returns `true` if a worker of the task queue has the type.
fn is_known(type_name: &str, task_queue: &str, registered: &[Registered]) -> bool {
    registered
        .iter()
        .any(|it| it.task_queue == task_queue && it.has(type_name))
}

fn lacking(name: &str, task_queue: &str) -> Failure {
    let what = format!("no worker of task queue {task_queue} has {name}");
    Failure::new(FailureCode::Unregistered, what)
}

fn went_to_another(name: &str, task_queue: &str) -> Failure {
    let what = format!(
        "only some workers of task queue {task_queue} have {name}, and its task went to another"
    );
    Failure::new(FailureCode::Unregistered, what).with_remedy(REGISTER_WITH_ALL)
}

/// Returns the other remedy, if only the task queue is wrong.
fn elsewhere(type_name: &str, registered: &[Registered], options: &str) -> String {
    registered
        .iter()
        .find(|it| it.has(type_name))
        .map_or_else(String::new, |it| {
            format!(
                "; or name task queue {}, whose worker has it, in {options}",
                it.task_queue
            )
        })
}

/// Returns the registered types, one task queue a line.
fn registered_words(kind: &str, registered: &[Registered]) -> String {
    if registered.is_empty() {
        return "no worker is running".to_owned();
    }
    let lines: Vec<_> = registered
        .iter()
        .map(|Registered { task_queue, types }| match types.as_slice() {
            [] => format!("{task_queue}: no {kind}"),
            types => format!("{task_queue}: {}", types.join(", ")),
        })
        .collect();
    format!("registered {kind}, by task queue\n{}", lines.join("\n"))
}
