//! The state of the service.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tonic::Status;

use crate::{
    base::{
        config::ServiceConfig,
        identifiers::{RequestId, RunKey},
        nexus_endpoints::NexusEndpoints,
    },
    deployments::Deployments,
    messages::{reply::Reply, request::Response},
    schedules::Schedules,
    state::{
        abroad::Parcel,
        activity_executions::ActivityExecutions,
        batch_operations::BatchOperations,
        deliveries::Deliveries,
        executions::Executions,
        nexus_operation_executions::NexusOperationExecutions,
        task_queues::TaskQueues,
        timers::Timers,
        waiting::{history_polls::HistoryPoll, queries::Queries, updates::UpdateWaiters},
        work::Work,
        workers::Workers,
    },
};

/// A simulated Temporal service.
///
/// It is a state machine. It changes only with a request, with a caller that goes away, or with a
/// timer that fires, and each of these comes with the current virtual time in milliseconds since
/// the Unix epoch. The service reads no clock and draws no random number: the same calls give the
/// same replies.
#[derive(Debug)]
pub struct Service {
    pub(crate) config: ServiceConfig,
    pub(crate) now_ms: u64,
    pub(crate) executions: Executions,
    pub(crate) activity_executions: ActivityExecutions,
    pub(crate) nexus_operation_executions: NexusOperationExecutions,
    pub(crate) batch_operations: BatchOperations,
    pub(crate) task_queues: TaskQueues,
    pub(crate) deployments: Deployments,
    pub(crate) nexus_endpoints: NexusEndpoints,
    pub(crate) timers: Timers,
    pub(crate) schedules: Schedules,
    pub(crate) workers: Workers,
    pub(crate) queries: Queries,
    pub(crate) history_polls: BTreeMap<RunKey, Vec<HistoryPoll>>,
    pub(crate) deliveries: Deliveries,
    pub(crate) update_waiters: UpdateWaiters,
    pub(crate) work: VecDeque<Work>,
    /// The runs of which a worker has a task, if the service tracks work.
    pub(crate) working: BTreeSet<RunKey>,
    pub(crate) replies: Vec<Reply>,
    /// The parcels for other namespaces.
    pub(crate) parcels: Vec<Parcel>,
}

impl Service {
    /// Returns a service with no executions.
    pub fn new(config: ServiceConfig) -> Self {
        Self {
            config,
            now_ms: 0,
            executions: Executions::default(),
            activity_executions: ActivityExecutions::default(),
            nexus_operation_executions: NexusOperationExecutions::default(),
            batch_operations: BatchOperations::default(),
            task_queues: TaskQueues::default(),
            deployments: Deployments::default(),
            nexus_endpoints: NexusEndpoints::default(),
            timers: Timers::default(),
            schedules: Schedules::default(),
            workers: Workers::default(),
            queries: Queries::default(),
            history_polls: BTreeMap::new(),
            deliveries: Deliveries::default(),
            update_waiters: UpdateWaiters::default(),
            work: VecDeque::new(),
            working: BTreeSet::new(),
            replies: Vec::new(),
            parcels: Vec::new(),
        }
    }

    /// Advances the clock. Time never goes back, whatever a caller says.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    pub(crate) fn reply(&mut self, id: RequestId, result: Result<Response, Status>) {
        self.replies.push(Reply { id, result });
    }

    /// Leaves a piece of work for the end of the current transactions.
    pub(crate) fn later(&mut self, work: Work) {
        self.work.push_back(work);
    }
}
