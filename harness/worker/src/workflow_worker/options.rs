//! How a worker runs workflow code.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use temporalio_common::data_converters::DataConverter;
use temporalio_workflow::InternalPatchActivationCallback as PatchActivationCallback;

/// Errors in workflow code that can be made to fail the workflow instead of its workflow task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WorkflowErrorType {
    /// The commands did not match history.
    Nondeterminism,
}

/// How a [`WorkflowWorker`](crate::WorkflowWorker) runs workflow code.
#[derive(Clone)]
pub struct WorkflowWorkerOptions {
    /// The namespace that commands and query answers name.
    pub namespace: String,
    /// The task queue the worker polls; activities without one of their own go there.
    pub task_queue: String,
    /// How the worker names itself in its requests.
    pub identity: String,
    /// The sticky task queue of this worker; `None` asks for no stickiness.
    pub sticky_queue: Option<String>,
    /// How long the service lets a task wait in the sticky queue. Core's default is ten seconds.
    pub sticky_schedule_to_start_timeout: Duration,
    /// How many runs are kept between their tasks; 0 evicts a run after each completed task.
    pub max_cached: usize,
    /// How workflow inputs and results become payloads.
    pub data_converter: DataConverter,
    /// Errors that fail the workflow, whatever its type, instead of the workflow task.
    pub workflow_failure_errors: BTreeSet<WorkflowErrorType>,
    /// Errors that fail the workflow, if it is of this type.
    pub workflow_types_to_failure_errors: BTreeMap<String, BTreeSet<WorkflowErrorType>>,
    /// Decides whether a patch that a run meets for the first time is made active in it: a rollout
    /// held back. Without, it is. Experimental in the SDK.
    pub patch_activation_callback: Option<PatchActivationCallback>,
    /// The worker's build id, as the SDK reports it with each completion.
    pub build_id: String,
    /// The name of the SDK, as the official client gives it.
    pub sdk_name: String,
    /// The version of the SDK, as the official client gives it.
    pub sdk_version: String,
    /// Whether a wake that no SDK future caused fails the workflow task, as the SDK does by
    /// default.
    pub detect_nondeterministic_futures: bool,
    /// Whether backtraces are kept, of panics and of the code that issued each command. Slow.
    pub backtraces: bool,
}

impl WorkflowWorkerOptions {
    /// The SDK's defaults for a worker of this task queue: 1,000 cached runs, a sticky queue, ten
    /// seconds.
    pub fn new(
        namespace: impl Into<String>,
        task_queue: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        let identity = identity.into();
        Self {
            namespace: namespace.into(),
            task_queue: task_queue.into(),
            sticky_queue: Some(format!("{identity}-sticky")),
            identity,
            sticky_schedule_to_start_timeout: Duration::from_secs(10),
            max_cached: 1000,
            data_converter: DataConverter::default(),
            workflow_failure_errors: BTreeSet::new(),
            workflow_types_to_failure_errors: BTreeMap::new(),
            patch_activation_callback: None,
            build_id: String::new(),
            sdk_name: "temporal-rust".to_owned(),
            sdk_version: "1.1.1".to_owned(),
            detect_nondeterministic_futures: true,
            backtraces: false,
        }
    }

    /// Whether an error in workflow code fails a workflow of this type, instead of its workflow
    /// task.
    pub fn fails_workflow(&self, workflow_type: &str, error: WorkflowErrorType) -> bool {
        let of_type = self.workflow_types_to_failure_errors.get(workflow_type);
        self.workflow_failure_errors.contains(&error)
            || of_type.is_some_and(|errors| errors.contains(&error))
    }
}
