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

impl Failure {
    /// An activity was scheduled that the workers of its task queue do not know.
    pub(crate) fn unregistered_activity(
        activity_type: &str,
        task_queue: &str,
        workflow: Option<WorkflowName>,
        registered: &[Registered],
    ) -> Self {
        let name = format!("activity {activity_type}");
        let (what, others_remedy) = lacking(&name, activity_type, task_queue, registered);
        let remedy = others_remedy.unwrap_or_else(|| {
            format!(
                "`env.worker({task_queue:?}).activity({activity_type})`, \
                 or `.mock_activity({activity_type}, |call| async move {{ .. }})`{}",
                elsewhere(activity_type, registered, "the activity's options")
            )
        });
        Self::new(FailureCode::Unregistered, what)
            .of(workflow)
            .with_message(registered_words("activities", registered))
            .with_remedy(remedy)
    }

    /// A workflow was started that the workers of its task queue do not know.
    pub(crate) fn unregistered_workflow(
        workflow: WorkflowName,
        task_queue: &str,
        registered: &[Registered],
    ) -> Self {
        let workflow_type = &workflow.workflow_type;
        let name = format!("workflow {workflow_type}");
        let (what, others_remedy) = lacking(&name, workflow_type, task_queue, registered);
        let remedy = others_remedy.unwrap_or_else(|| {
            format!(
                "`env.worker({task_queue:?}).workflow::<{workflow_type}>()`{}",
                elsewhere(workflow_type, registered, "the start options")
            )
        });
        Self::new(FailureCode::Unregistered, what)
            .of(workflow)
            .with_message(registered_words("workflows", registered))
            .with_remedy(remedy)
    }
}

/// Returns what is missing, and the remedy if another worker of the same task queue has it.
fn lacking(
    name: &str,
    type_name: &str,
    task_queue: &str,
    registered: &[Registered],
) -> (String, Option<String>) {
    let is_known = registered
        .iter()
        .any(|it| it.task_queue == task_queue && it.has(type_name));
    if !is_known {
        let what = format!("no worker of task queue {task_queue} has {name}");
        return (what, None);
    }
    let remedy = "register the same with all workers of a task queue: a task goes to any of them, and on a real cluster it \
                  would fail there and be tried again until it reached another; or give them task queues of their own";
    (
        format!("one worker of task queue {task_queue} has {name}, and its task went to another"),
        Some(remedy.to_owned()),
    )
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
