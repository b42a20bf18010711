//! The service with its callers and workers, and the checks after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use durasim_events::HistoryEvent;
use durasim_service::{
    Request, RequestId, Response, Retention, Rpc, Service, ServiceConfig, history_rules,
};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowExecution, enums::v1::EventType,
    nexus::v1::request::Variant as NexusRequest, workflowservice::v1::*,
};
use tonic::{Code, Status};

use super::{
    calls::{Call, Known},
    parts::{ENDPOINT, NEXUS, namespace},
    spoil::Spoil,
    steps::Step,
};

pub(super) const START_MS: u64 = 1_704_067_200_000;

/// The codes that the server answers with. INTERNAL and UNKNOWN would be bugs of the service.
const CLEAR: [Code; 10] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::FailedPrecondition,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::Aborted,
    Code::Unimplemented,
    Code::Unavailable,
    Code::DeadlineExceeded,
];

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) now_ms: u64,
    known: Known,
    /// The calls that wait for their answer, with their RPCs.
    pub(crate) unanswered: BTreeMap<RequestId, Rpc>,
    pub(crate) workflow_tasks: Vec<PollWorkflowTaskQueueResponse>,
    pub(crate) activity_tasks: Vec<PollActivityTaskQueueResponse>,
    pub(crate) nexus_tasks: Vec<PollNexusTaskQueueResponse>,
    spoil: Option<Spoil>,
    /// The last event of each history at the time of the last check.
    seen: BTreeMap<String, Arc<HistoryEvent>>,
    log: Vec<(RequestId, Said)>,
}

/// The content of a reply, for comparisons. Its text shows maps, which have no order.
pub(crate) type Said = Result<Response, (Code, String, Vec<u8>)>;

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ServiceConfig::default())
    }

    /// Returns a world in which every limit is near.
    pub(crate) fn with_low_limits() -> Self {
        let mut config = ServiceConfig::default();
        let limits = &mut config.limits;
        limits.history_events = 40;
        limits.suggest_continue_as_new_events = 10;
        limits.pending_activities = 1;
        limits.pending_children = 1;
        limits.pending_signals = 1;
        limits.pending_cancel_requests = 1;
        limits.pending_nexus_operations = 1;
        limits.payload_bytes = 60;
        limits.memo_bytes = 30;
        limits.signals = 3;
        limits.buffered_events = 2;
        limits.buffered_bytes = 200;
        limits.history_page_events = 3;
        limits.workflow_task_heartbeat_ms = 1_000;
        Self::with(config)
    }

    /// Returns a world that drops runs soon after they have closed.
    pub(crate) fn with_short_retention() -> Self {
        let mut config = ServiceConfig::default();
        config.retention = Retention::AfterClose { ms: 0 };
        Self::with(config)
    }

    /// Deletes the oldest run, and lets as much time pass as drops some of those that have closed.
    pub(crate) fn drop_some(&mut self) {
        let oldest = self.service.executions().next();
        if let Some(run) = oldest {
            self.send(DeleteWorkflowExecutionRequest {
                namespace: namespace(),
                workflow_execution: Some(WorkflowExecution {
                    workflow_id: run.workflow_id,
                    run_id: run.run_id,
                }),
            });
        }
        self.take(&Step::Pass { ms: 600_000 });
    }

    fn with(config: ServiceConfig) -> Self {
        let mut service = Service::new(config);
        service.create_nexus_endpoint(ENDPOINT, NEXUS);
        Self {
            service,
            now_ms: START_MS,
            known: Known::default(),
            unanswered: BTreeMap::new(),
            workflow_tasks: Vec::new(),
            activity_tasks: Vec::new(),
            nexus_tasks: Vec::new(),
            spoil: None,
            seen: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    /// Returns the replies so far, in order.
    pub(crate) fn log(self) -> Vec<(RequestId, Said)> {
        self.log
    }

    /// Takes a step, and then checks everything that must hold.
    pub(crate) fn take(&mut self, step: &Step) {
        self.act(step);
        self.collect();
        self.check();
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Call(call) => self.call(call),
            Step::Work(work) => self.work(work),
            Step::Spoil(spoil) => self.spoil = Some(spoil.clone()),
            Step::Abandon { call } => {
                if let Some(place) = usize::from(*call).checked_rem(self.unanswered.len()) {
                    let id = *self.unanswered.keys().nth(place).expect("within");
                    self.abandon(id);
                }
            }
            Step::Pass { ms } => self.pass((*ms).into()),
            Step::Fire { index } => {
                let due = self.service.due(self.now_ms);
                if due > 0 {
                    self.service.fire(self.now_ms, usize::from(*index) % due);
                }
            }
            Step::Empty { rpc } => self.send_bytes(served(*rpc), &[], None),
            Step::Nonsense { rpc, bytes } => self.send_bytes(served(*rpc), bytes, None),
        }
    }

    fn call(&mut self, call: &Call) {
        self.remember();
        let request = call.request(&self.known);
        let deadline_ms = call.deadline_ms(self.now_ms);
        self.send_bytes(request.rpc(), &request.encode_to_vec(), deadline_ms);
    }

    fn remember(&mut self) {
        self.known.run_ids.clear();
        for run in self.service.executions() {
            let history = self
                .service
                .history(&run.workflow_id, None)
                .unwrap_or_default();
            let completed = history
                .iter()
                .filter(|event| event.event_type() == EventType::WorkflowTaskCompleted);
            self.known.reset_points.insert(
                run.workflow_id,
                completed.map(|event| event.event_id).collect(),
            );
            self.known.run_ids.push(run.run_id);
        }
    }

    pub(crate) fn send(&mut self, request: impl Into<Request>) {
        let request = request.into();
        self.send_bytes(request.rpc(), &request.encode_to_vec(), None);
    }

    /// Sends a request as bytes, as every caller does.
    fn send_bytes(&mut self, rpc: Rpc, bytes: &[u8], deadline_ms: Option<u64>) {
        let request = match self.spoil.take() {
            Some(spoil) => Request::decode(rpc.name(), &spoil.apply(bytes)),
            None => Request::decode(rpc.name(), bytes),
        };
        match request {
            Ok(request) => {
                self.known.calls += 1;
                let id = RequestId(self.known.calls);
                self.unanswered.insert(id, rpc);
                self.service
                    .request_until(self.now_ms, id, request, deadline_ms);
            }
            Err(status) => check_status(&status),
        }
    }

    pub(crate) fn abandon(&mut self, id: RequestId) {
        self.unanswered.remove(&id);
        self.service.cancel(id);
    }

    pub(crate) fn collect(&mut self) {
        for reply in self.service.take_replies() {
            assert!(
                self.unanswered.remove(&reply.id).is_some(),
                "{} was answered twice, or after it was abandoned",
                reply.id
            );
            self.log.push((reply.id, said(&reply.result)));
            match reply.result {
                Ok(response) => self.receive(response),
                Err(status) => check_status(&status),
            }
        }
    }

    fn receive(&mut self, response: Response) {
        match response {
            // A poll that ends without a task.
            Response::PollWorkflowTaskQueue(task) if task.task_token.is_empty() => {}
            Response::PollWorkflowTaskQueue(task) => self.workflow_tasks.push(task.into_message()),
            Response::RespondWorkflowTaskCompleted(response) => {
                self.workflow_tasks.extend(response.workflow_task);
                self.activity_tasks.extend(response.activity_tasks);
            }
            Response::PollActivityTaskQueue(task) => self.activity_tasks.push(*task),
            Response::PollNexusTaskQueue(task) => {
                if let Some(NexusRequest::StartOperation(start)) = task
                    .request
                    .as_ref()
                    .and_then(|request| request.variant.as_ref())
                    && let Some(token) = start.callback_header.get("temporal-callback-token")
                {
                    self.known.callback_token.clone_from(token);
                }
                self.nexus_tasks.push(*task);
            }
            Response::GetWorkflowExecutionHistory(page) if !page.next_page_token.is_empty() => {
                self.known.page_token = page.next_page_token;
            }
            _ => {}
        }
    }

    /// Checks everything that must hold at any time.
    fn check(&mut self) {
        let mut open = BTreeSet::new();
        let runs: Vec<_> = self.service.executions().collect();
        for run in runs {
            let (workflow_id, run_id) = (run.workflow_id, run.run_id);
            let history = self
                .service
                .history(&workflow_id, Some(&run_id))
                .expect("its history");
            let last = history.last().expect("its first event");
            let seen = self.seen.get(&run_id);
            if seen.is_none_or(|seen| !Arc::ptr_eq(seen, last)) {
                check_history(&workflow_id, history, seen);
                self.seen.insert(run_id, last.clone());
            }
            assert!(
                !run.open || open.insert(workflow_id.clone()),
                "two runs of {workflow_id} are open"
            );
        }
        if let Some(due_ms) = self.service.next_due_ms() {
            assert_eq!(
                self.service.due(self.now_ms) > 0,
                due_ms <= self.now_ms,
                "what is due next, and when"
            );
        }
    }

    fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        // A cron schedule goes on forever.
        for _ in 0..200 {
            let Some(due_ms) = self
                .service
                .next_due_ms()
                .filter(|due_ms| *due_ms <= end_ms)
            else {
                break;
            };
            self.now_ms = self.now_ms.max(due_ms);
            self.service.fire(self.now_ms, 0);
        }
        self.now_ms = self.now_ms.max(
            self.service
                .next_due_ms()
                .map_or(end_ms, |due_ms| due_ms.min(end_ms)),
        );
    }

    /// Makes the deliveries between runs that are due; mostly they take no time.
    pub(crate) fn deliver(&mut self) {
        for _ in 0..20 {
            if self
                .service
                .next_due_ms()
                .is_none_or(|due_ms| due_ms > self.now_ms)
            {
                break;
            }
            self.service.fire(self.now_ms, 0);
        }
    }

    /// Returns a workflow task that a worker has taken. A worker may answer the same task twice.
    pub(crate) fn taken_workflow_task(
        &mut self,
        task: u8,
    ) -> Option<PollWorkflowTaskQueueResponse> {
        let place = usize::from(task).checked_rem(self.workflow_tasks.len())?;
        let task = self.workflow_tasks[place].clone();
        if self.workflow_tasks.len() > 3 {
            self.workflow_tasks.remove(place);
        }
        Some(task)
    }

    pub(crate) fn taken_activity_task(&self, task: u8) -> Option<Vec<u8>> {
        let place = usize::from(task).checked_rem(self.activity_tasks.len())?;
        Some(self.activity_tasks[place].task_token.clone())
    }

    pub(crate) fn any_token(&self, task: u8) -> Option<Vec<u8>> {
        let workflow_tasks = self.workflow_tasks.iter().map(|task| &task.task_token);
        let activity_tasks = self.activity_tasks.iter().map(|task| &task.task_token);
        let nexus_tasks = self.nexus_tasks.iter().map(|task| &task.task_token);
        let tokens: Vec<_> = workflow_tasks
            .chain(activity_tasks)
            .chain(nexus_tasks)
            .collect();
        let place = usize::from(task).checked_rem(tokens.len())?;
        Some(tokens[place].clone())
    }
}

fn served(rpc: u8) -> Rpc {
    Rpc::ALL[usize::from(rpc) % Rpc::ALL.len()]
}

fn check_status(status: &Status) {
    assert!(
        CLEAR.contains(&status.code()),
        "not a clear status: {status:?}"
    );
    assert!(
        !status.message().is_empty(),
        "a status without words: {status:?}"
    );
}

/// Checks that a history keeps the rules, and that its earlier events are unchanged.
fn check_history(
    workflow_id: &str,
    history: &[Arc<HistoryEvent>],
    seen: Option<&Arc<HistoryEvent>>,
) {
    if let Some(seen) = seen {
        let place = usize::try_from(seen.event_id - 1).expect("from 1");
        assert!(
            history
                .get(place)
                .is_some_and(|event| Arc::ptr_eq(event, seen)),
            "{workflow_id}: event {} has changed",
            seen.event_id
        );
    }
    if let Err(violation) = history_rules::check(history) {
        let events: Vec<_> = history
            .iter()
            .map(|event| (event.event_id, event.event_type()))
            .collect();
        panic!("{workflow_id}: {violation}\n{events:?}");
    }
}

fn said(result: &Result<Response, Status>) -> Said {
    result.clone().map_err(|status| {
        (
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        )
    })
}
