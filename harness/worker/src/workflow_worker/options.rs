//! The options of a worker that runs workflow code.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use temporalio_common::{data_converters::DataConverter, worker::WorkerDeploymentOptions};
use temporalio_protos::temporal::api::{
    common::v1::{WorkerVersionCapabilities, WorkerVersionStamp},
    deployment::v1 as deployment,
    enums::v1::{VersioningBehavior, WorkerVersioningMode},
};
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
    /// The worker's build id, as the SDK reports it with each completion. That of
    /// `deployment_options` goes before it.
    pub build_id: String,
    /// The version of the deployment that the worker belongs to, in the SDK's own words; `None` for
    /// a worker without one. With `use_worker_versioning` the service routes tasks by it.
    pub deployment_options: Option<WorkerDeploymentOptions>,
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
            deployment_options: None,
            sdk_name: "temporal-rust".to_owned(),
            sdk_version: "1.1.1".to_owned(),
            detect_nondeterministic_futures: true,
            backtraces: false,
        }
    }

    /// Returns the version of the worker's deployment, as its requests tell it; `None` if the
    /// worker has neither a version nor a build id.
    pub fn deployment(&self) -> Option<deployment::WorkerDeploymentOptions> {
        let (name, is_versioned) = match &self.deployment_options {
            Some(options) => (
                options.version.deployment_name.as_str(),
                options.use_worker_versioning,
            ),
            None if self.build_id.is_empty() => return None,
            None => ("", false),
        };
        let mode = if is_versioned {
            WorkerVersioningMode::Versioned
        } else {
            WorkerVersioningMode::Unversioned
        };
        Some(deployment::WorkerDeploymentOptions {
            deployment_name: name.to_owned(),
            build_id: self.own_build_id().to_owned(),
            worker_versioning_mode: mode.into(),
        })
    }

    /// Returns the build id of the worker; empty if it has none.
    pub fn own_build_id(&self) -> &str {
        match &self.deployment_options {
            Some(options) => &options.version.build_id,
            None => &self.build_id,
        }
    }

    /// Returns the stamp of the worker, as its answers have it; `None` without a build id.
    pub fn version_stamp(&self) -> Option<WorkerVersionStamp> {
        let build_id = self.own_build_id();
        (!build_id.is_empty()).then(|| WorkerVersionStamp {
            build_id: build_id.to_owned(),
            use_versioning: false,
        })
    }

    /// Returns the build id of the worker, as its polls have it; `None` without one.
    pub fn version_capabilities(&self) -> Option<WorkerVersionCapabilities> {
        let build_id = self.own_build_id();
        (!build_id.is_empty()).then(|| WorkerVersionCapabilities {
            build_id: build_id.to_owned(),
            ..WorkerVersionCapabilities::default()
        })
    }

    /// Returns the behavior of the worker's workflows when the deployment's versions change.
    pub(crate) fn versioning_behavior(&self) -> VersioningBehavior {
        let options = self.deployment_options.as_ref();
        let behavior = options.and_then(|options| options.default_versioning_behavior);
        behavior.map_or(VersioningBehavior::Unspecified, Into::into)
    }

    /// Returns `true` if an error in workflow code fails a workflow of this type, instead of its
    /// workflow task.
    pub fn fails_workflow(&self, workflow_type: &str, error: WorkflowErrorType) -> bool {
        let of_type = self.workflow_types_to_failure_errors.get(workflow_type);
        self.workflow_failure_errors.contains(&error)
            || of_type.is_some_and(|errors| errors.contains(&error))
    }
}
