//! The options of a worker that runs workflow code.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use temporalio_common::data_converters::DataConverter;
use temporalio_workflow::InternalPatchActivationCallback as PatchActivationCallback;

use crate::codec::default_converter;

/// An error in workflow code that an option lets fail the workflow, instead of its workflow task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WorkflowErrorType {
    /// The commands did not match history.
    Nondeterminism,
}

/// The options of a [`WorkflowWorker`](crate::WorkflowWorker).
#[derive(Clone)]
pub struct WorkflowWorkerOptions {
    /// The namespace of the worker's requests and commands.
    pub namespace: String,
    /// The task queue that the worker polls. Activities without a task queue of their own go there.
    pub task_queue: String,
    /// The identity of the worker in its requests.
    pub identity: String,
    /// The sticky task queue of this worker; `None` switches stickiness off.
    pub sticky_queue: Option<String>,
    /// The time that a task may wait in the sticky queue. Core's default is ten seconds.
    pub sticky_schedule_to_start_timeout: Duration,
    /// The number of runs that are kept between their tasks; 0 evicts a run after each completed
    /// task.
    pub max_cached: usize,
    /// The converter between payloads and the inputs and results of workflows.
    pub data_converter: DataConverter,
    /// The errors that fail a workflow of any type, instead of its workflow task.
    pub workflow_failure_errors: BTreeSet<WorkflowErrorType>,
    /// The errors that fail a workflow of this type, instead of its workflow task.
    pub workflow_types_to_failure_errors: BTreeMap<String, BTreeSet<WorkflowErrorType>>,
    /// A callback that decides if a patch becomes active in a run that meets it for the first time,
    /// so that a rollout can be held back. Without a callback it does. Experimental in the SDK.
    pub patch_activation_callback: Option<PatchActivationCallback>,
    /// The worker's build id, as the SDK reports it with each completion.
    pub build_id: String,
    /// The name of the SDK, as the official client gives it.
    pub sdk_name: String,
    /// The version of the SDK, as the official client gives it.
    pub sdk_version: String,
    /// True if a wake that no SDK future caused fails the workflow task, as by default in the SDK.
    pub detect_nondeterministic_futures: bool,
    /// True if backtraces are kept, of panics and of the code that issued each command. Slow.
    pub backtraces: bool,
}

impl WorkflowWorkerOptions {
    /// Returns the SDK's defaults for a worker of this task queue: 1,000 cached runs, and a sticky
    /// queue in which a task waits for ten seconds.
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
            data_converter: default_converter(),
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

    /// Returns `true` if an error in workflow code fails a workflow of this type, instead of its
    /// workflow task.
    pub fn fails_workflow(&self, workflow_type: &str, error: WorkflowErrorType) -> bool {
        let of_type = self.workflow_types_to_failure_errors.get(workflow_type);
        self.workflow_failure_errors.contains(&error)
            || of_type.is_some_and(|errors| errors.contains(&error))
    }
}
