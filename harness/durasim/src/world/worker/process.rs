//! One worker process, running.

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc, sync::Arc};

use durasim_service::{PolledWorkflowTask, RequestId, Service};
use durasim_worker::{WorkflowWorker, WorkflowWorkerOptions, activity::ActivityDefinitions};
use temporalio_client::{Client, ClientOptions};
use temporalio_common::data_converters::DataConverter;
use temporalio_protos::temporal::api::common::v1::WorkerVersionStamp;

use super::{
    PollKind, ProcessRef, RunningAttempt, Slots, WorkerSpec, polls::Polls, running::LocalAttempts,
    shutdown::ShuttingDown, slots::Matched,
};
use crate::{label::Workflow, mock_workflow::MockWorkflow, world::connection::connection};

/// A worker process. All of it but `spec` is lost when the process dies.
pub(crate) struct WorkerProcess {
    pub(crate) spec: Rc<WorkerSpec>,
    /// The version of the code that runs.
    pub(crate) version: usize,
    /// Counts the starts of the worker's process, from 0.
    pub(crate) incarnation: u32,
    /// The name that the process gives the service.
    pub(crate) identity: String,
    /// The stamp of its version in its answers, if it has a build id.
    pub(crate) version_stamp: Option<WorkerVersionStamp>,
    /// The deployment version by which the service routes tasks to the process, as
    /// `NAME:BUILD_ID`.
    pub(crate) deployment_version: Option<String>,
    /// `false` once the process has died.
    pub(super) up: bool,
    pub(crate) workflows: WorkflowWorker,
    pub(crate) activities: ActivityDefinitions,
    pub(crate) data_converter: DataConverter,
    /// The client that activities get; made for the first of them.
    client: OnceCell<Client>,
    /// The activity attempts that run, by task token. Boxed, for a node of a `BTreeMap` has room
    /// for eleven.
    pub(in crate::world) attempts: BTreeMap<Arc<[u8]>, Box<RunningAttempt>>,
    pub(super) local_attempts: LocalAttempts,
    /// The runs whose workflow task the process holds.
    pub(in crate::world) runs: BTreeMap<String, Workflow>,
    /// The runs whose completion is on its way to the service, each with the tasks that came
    /// meanwhile. Like Core, the worker does not begin a task of a run before it knows what became
    /// of the last one.
    pub(in crate::world) reporting: BTreeMap<String, Vec<PolledWorkflowTask>>,
    pub(super) polls: Polls,
    /// The polls that wait at the service.
    pub(super) waiting_polls: Vec<(RequestId, PollKind)>,
    pub(super) matched: Matched,
    /// The shutdown of the process, if it is under way.
    pub(super) shutting_down: Option<ShuttingDown>,
    pub(in crate::world) slots: Slots,
}

/// Returns the deployment version by which the service routes tasks to a worker, as
/// `NAME:BUILD_ID`.
fn deployment_version(options: &WorkflowWorkerOptions) -> Option<String> {
    let deployment = options.deployment_options.as_ref()?;
    let version = &deployment.version;
    deployment
        .use_worker_versioning
        .then(|| format!("{}:{}", version.deployment_name, version.build_id))
}

impl WorkerProcess {
    pub(super) fn new(
        service: &mut Service,
        spec: Rc<WorkerSpec>,
        version: usize,
        incarnation: u32,
        namespace: &str,
        backtraces: bool,
    ) -> Self {
        let code = &spec.versions[version];
        let mut options = spec.options(version, namespace, incarnation);
        options.backtraces = backtraces;
        let identity = options.identity.clone();
        let polls = Polls::new(service, namespace, &spec.task_queue, &options);
        let data_converter = options.data_converter.clone();
        let version_stamp = options.version_stamp();
        let deployment_version = deployment_version(&options);
        let workflows = WorkflowWorker::new(options, code.workflows.clone());
        let activities = (code.activities)();
        Self {
            data_converter,
            version,
            incarnation,
            identity,
            version_stamp,
            deployment_version,
            up: true,
            workflows,
            activities,
            client: OnceCell::new(),
            attempts: BTreeMap::new(),
            local_attempts: LocalAttempts::default(),
            runs: BTreeMap::new(),
            reporting: BTreeMap::new(),
            polls,
            waiting_polls: Vec::new(),
            matched: Matched::default(),
            shutting_down: None,
            slots: spec.slots,
            spec,
        }
    }

    /// Returns `true` if the code that runs has this workflow type, or a mock of it.
    pub(crate) fn runs_workflow(&self, workflow_type: &str) -> bool {
        self.workflow_types()
            .any(|registered| registered == workflow_type)
    }

    /// Returns `true` if the code that runs has any workflow.
    pub(crate) fn runs_any_workflow(&self) -> bool {
        self.workflow_types().next().is_some()
    }

    /// Returns `true` if the code that runs has any activity.
    pub(crate) fn runs_any_activity(&self) -> bool {
        !self.activities.is_empty()
    }

    /// Returns `true` if any activity of the code that runs may do real input and output.
    pub(super) fn has_real_io(&self) -> bool {
        !self.spec.versions[self.version].real_io.is_empty()
    }

    /// Returns `true` if this activity of the code that runs may do real input and output.
    pub(super) fn may_do_real_io(&self, activity_type: &str) -> bool {
        let version = &self.spec.versions[self.version];
        version.real_io.contains(activity_type) && !self.activities.is_mocked(activity_type)
    }

    /// Returns the workflow types of the code that runs, real and mocked.
    pub(crate) fn workflow_types(&self) -> impl Iterator<Item = &str> {
        let version = &self.spec.versions[self.version];
        version.workflows.types().chain(version.mocks.types())
    }

    /// Returns the mock of this workflow type, if the code that runs has one.
    pub(super) fn mock_of(&self, workflow_type: &str) -> Option<MockWorkflow> {
        let version = &self.spec.versions[self.version];
        version.mocks.get(workflow_type).cloned()
    }

    /// Returns the client that activities of this process get.
    pub(super) fn client(&self, namespace: &str) -> Client {
        let client = self.client.get_or_init(|| {
            let options = ClientOptions::new(namespace)
                .data_converter(self.data_converter.clone())
                .build();
            Client::new(connection(), options)
                .expect("a client over the simulated connection has no plugins to fail")
        });
        client.clone()
    }

    /// Returns the reference to this process; `worker` is its place among the workers.
    pub(in crate::world) fn reference(&self, worker: usize) -> ProcessRef {
        ProcessRef {
            worker,
            incarnation: self.incarnation,
        }
    }
}
