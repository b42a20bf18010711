//! All that a world consists of, and the small things every part of it needs.

use super::{
    calls::{CallView, Caller, Fate, Pending},
    latency::Latency,
    local::LocalActivities,
    mock_workflows::MockRuns,
    names::Names,
    network::Network,
    process::{WorkerAlarms, WorkerProcess},
    ran_by::RanBy,
    stand_in::StandIn,
};
use crate::{
    faults::{Faults, Usual},
    limits::Limits,
    report::FailureReport,
    sabotage::broken,
};
use durasim_engine::{Choices, Executor, START_MS, Trace};
use durasim_service::{Request, RequestId, Service, ServiceConfig};
use durasim_worker::activity::CallLog;
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

/// What a world is made from.
pub(crate) struct StateOptions {
    pub(crate) choices: Choices,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    pub(crate) varied_latency: bool,
    pub(crate) limits: Limits,
    pub(crate) cache: bool,
    pub(crate) backtraces: bool,
    /// What the fault-free world took.
    pub(crate) usual: Arc<Usual>,
    /// Who answers workflow tasks in place of the workers, if anybody does.
    pub(crate) stand_in: Option<StandIn>,
}

/// The state of a world.
pub(crate) struct State {
    pub(crate) executor: Rc<Executor>,
    pub(crate) choices: Choices,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    pub(crate) limits: Limits,
    pub(crate) latency: Latency,
    pub(crate) service: Service,
    pub(crate) namespace: String,
    pub(crate) network: Network,
    pub(crate) workers: Vec<WorkerProcess>,
    /// Where there are several versions of the code: which of them ran each run.
    pub(super) ran_by: BTreeMap<String, RanBy>,
    pub(crate) local_activities: LocalActivities,
    pub(crate) alarms: WorkerAlarms,
    pub(crate) names: Names,
    pub(crate) pending: BTreeMap<RequestId, Pending>,
    pub(crate) calls: CallLog,
    pub(crate) mocks: MockRuns,
    #[cfg(feature = "nexus")]
    pub(crate) nexus: super::nexus::NexusHandlers,
    /// The first thing that went wrong; it ends the run.
    pub(crate) failure: Option<FailureReport>,
    pub(crate) now_ms: u64,
    pub(crate) steps: u64,
    /// Whether workers keep runs between tasks, unless a worker says otherwise.
    pub(crate) cache: bool,
    pub(crate) backtraces: bool,
    /// What the fault-free world took.
    pub(crate) usual: Arc<Usual>,
    /// Who answers workflow tasks in place of the workers, if anybody does.
    pub(crate) stand_in: Option<StandIn>,
    /// How many of the choices that left 0 are on the trace.
    pub(super) choices_traced: usize,
    next_request: u64,
}

impl State {
    pub(crate) fn new(options: StateOptions, executor: Rc<Executor>) -> Self {
        let mut config = ServiceConfig::default();
        config.nexus = cfg!(feature = "nexus");
        // No sound workflow and no caller of one could do anything about what faults would make of
        // queries.
        config.patient_queries = options.faults.any();
        Self {
            executor,
            choices: options.choices,
            trace: options.trace,
            faults: options.faults,
            limits: options.limits,
            latency: if options.varied_latency {
                Latency::Varied
            } else {
                Latency::None
            },
            namespace: config.namespace.clone(),
            service: Service::new(config),
            network: Network::default(),
            workers: Vec::new(),
            ran_by: BTreeMap::new(),
            local_activities: LocalActivities::default(),
            alarms: WorkerAlarms::default(),
            names: Names::default(),
            pending: BTreeMap::new(),
            calls: CallLog::default(),
            mocks: MockRuns::default(),
            #[cfg(feature = "nexus")]
            nexus: super::nexus::NexusHandlers::default(),
            failure: None,
            now_ms: START_MS,
            steps: 0,
            cache: options.cache,
            backtraces: options.backtraces,
            usual: options.usual,
            stand_in: options.stand_in,
            choices_traced: 0,
            next_request: 1,
        }
    }

    pub(crate) fn next_request_id(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        id
    }

    /// Ends the run with this failure, unless it has one already.
    pub(crate) fn fail(&mut self, failure: FailureReport) {
        if broken!(Verdict(code) if code == failure.code) {
            return;
        }
        self.failure.get_or_insert(failure);
    }

    /// What faults make of a message; `None` leaves it alone.
    pub(crate) fn fate(&mut self, view: &CallView<'_>) -> Option<Fate> {
        if !self.faults.any() {
            return None;
        }
        self.faults.hurry(self.hurries());
        self.faults.message(&mut self.choices, self.now_ms, view)
    }

    /// The task queue of the worker that waits for a request, if a worker does.
    pub(crate) fn worker_of(&self, caller: &Caller) -> Option<Rc<str>> {
        match caller {
            Caller::Client { .. } | Caller::Nexus { .. } => None,
            Caller::Worker { worker, .. } => Some(self.workers[*worker].spec.task_queue.clone()),
        }
    }

    pub(crate) fn worker_of_request(&self, id: RequestId) -> Option<Rc<str>> {
        self.pending
            .get(&id)
            .and_then(|pending| self.worker_of(&pending.caller))
    }

    /// What a client's request is called in choices and traces.
    pub(crate) fn label(&mut self, request: &Request) -> Rc<str> {
        let rpc = request.rpc();
        let named = |names: &Names, execution: &Option<_>| {
            let execution: &Option<
                temporalio_protos::temporal::api::common::v1::WorkflowExecution,
            > = execution;
            execution
                .as_ref()
                .and_then(|execution| names.known(&execution.workflow_id))
                .unwrap_or_else(|| "unknown workflow".into())
        };
        match request {
            Request::StartWorkflowExecution(start) => {
                let workflow_type = start.workflow_type.as_ref().map_or("", |t| t.name.as_str());
                let name = self.names.name(&start.workflow_id, workflow_type);
                format!("{name}/start").into()
            }
            Request::SignalWithStartWorkflowExecution(start) => {
                let workflow_type = start.workflow_type.as_ref().map_or("", |t| t.name.as_str());
                let name = self.names.name(&start.workflow_id, workflow_type);
                format!("{name}/signal {}", start.signal_name).into()
            }
            Request::SignalWorkflowExecution(signal) => {
                let name = named(&self.names, &signal.workflow_execution);
                format!("{name}/signal {}", signal.signal_name).into()
            }
            Request::QueryWorkflow(query) => {
                let name = named(&self.names, &query.execution);
                let query_type = query
                    .query
                    .as_ref()
                    .map_or("", |query| query.query_type.as_str());
                format!("{name}/query {query_type}").into()
            }
            Request::UpdateWorkflowExecution(update) => {
                let name = named(&self.names, &update.workflow_execution);
                let update_name = update
                    .request
                    .as_ref()
                    .and_then(|request| request.input.as_ref())
                    .map_or("", |input| input.name.as_str());
                format!("{name}/update {update_name}").into()
            }
            Request::RequestCancelWorkflowExecution(cancel) => {
                format!("{}/cancel", named(&self.names, &cancel.workflow_execution)).into()
            }
            Request::TerminateWorkflowExecution(terminate) => format!(
                "{}/terminate",
                named(&self.names, &terminate.workflow_execution)
            )
            .into(),
            Request::GetWorkflowExecutionHistory(history) => {
                format!("{}/history", named(&self.names, &history.execution)).into()
            }
            Request::DescribeWorkflowExecution(describe) => {
                format!("{}/describe", named(&self.names, &describe.execution)).into()
            }
            _ => rpc.name().into(),
        }
    }
}
