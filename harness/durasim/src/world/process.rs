//! Worker processes: what they run, and what is lost when one dies.

use super::{
    alarms::Alarms,
    calls::Caller,
    connection::connection,
    local::{LocalKey, LocalMoment},
    polls::{Poll, Polls},
    state::State,
};
use crate::{faults::Allowance, mock_workflow::MockWorkflows, sabotage::broken};
use durasim_engine::TaskId;
use durasim_service::{PolledWorkflowTask, RequestId};
use durasim_worker::{
    WorkflowDefinitions, WorkflowWorker, WorkflowWorkerOptions,
    activity::{ActivityDefinitions, HeartbeatThrottle},
};
use std::{collections::BTreeMap, rc::Rc};
use temporalio_client::{Client, ClientOptions};
use temporalio_common::data_converters::DataConverter;
use tokio_util::sync::CancellationToken;

/// What a worker process is started from, again after each crash.
pub(crate) struct WorkerSpec {
    pub(crate) task_queue: Rc<str>,
    pub(crate) identity: String,
    /// How many runs are kept between their tasks; 0 switches the cache off.
    pub(crate) max_cached: usize,
    /// The versions of the code, in the order in which they are deployed.
    pub(crate) versions: Vec<WorkerVersion>,
    pub(crate) version_names: Vec<String>,
}

/// One version of a worker's code.
pub(crate) struct WorkerVersion {
    pub(crate) name: String,
    pub(crate) workflows: WorkflowDefinitions,
    /// Where a type is mocked, this comes before its code.
    pub(crate) mocks: MockWorkflows,
    /// Makes the activities as the process does when it starts.
    pub(crate) activities: Rc<dyn Fn() -> ActivityDefinitions>,
    pub(crate) options: Rc<dyn Fn(&mut WorkflowWorkerOptions)>,
}

/// What a worker asked the service for.
#[derive(Debug)]
pub(crate) enum WorkerCall {
    PollWorkflowTask {
        sticky: bool,
    },
    PollActivityTask,
    CompleteWorkflowTask {
        run_id: String,
    },
    FetchHistory {
        run_id: String,
    },
    Heartbeat {
        token: Vec<u8>,
    },
    /// Anything whose answer the worker does not act on.
    Report,
}

/// A worker process, running.
pub(crate) struct WorkerProcess {
    pub(crate) spec: Rc<WorkerSpec>,
    /// Which version of the code runs.
    pub(crate) version: usize,
    /// Counts the starts of the process: what was meant for an earlier one is lost.
    pub(crate) incarnation: u32,
    /// How this process names itself to the service.
    pub(crate) identity: String,
    pub(crate) up: bool,
    pub(crate) workflows: WorkflowWorker,
    pub(crate) activities: ActivityDefinitions,
    pub(crate) data_converter: DataConverter,
    /// The activity attempts that run, by task token.
    pub(crate) attempts: BTreeMap<Vec<u8>, RunningAttempt>,
    /// The runs whose workflow task this process holds: their names, for choices and traces.
    pub(crate) runs: BTreeMap<String, Rc<str>>,
    /// The runs whose completion is on its way to the service, with the tasks that came meanwhile:
    /// like Core, the worker does not begin a task of a run before it knows what became of the last
    /// one.
    pub(crate) reporting: BTreeMap<String, Vec<PolledWorkflowTask>>,
    /// What it asks for tasks with.
    pub(crate) polls: Polls,
    /// The polls that wait at the service.
    waiting_polls: Vec<RequestId>,
}

/// An activity attempt whose code runs.
pub(crate) struct RunningAttempt {
    pub(crate) task: TaskId,
    pub(crate) label: Rc<str>,
    /// Which attempt it is, from 1.
    pub(crate) number: u32,
    pub(crate) cancel: CancellationToken,
    pub(crate) heartbeat: Heartbeat,
    /// What its activity can still lose.
    pub(crate) allowance: Allowance,
    /// Whether its activity is given up at some time, however often it fails.
    pub(crate) bounded: bool,
}

/// The heartbeats of one attempt.
pub(crate) struct Heartbeat {
    pub(crate) throttle: HeartbeatThrottle,
    /// A fault took all from here on.
    pub(crate) lost: bool,
}

/// What a worker process waits for by the clock.
pub(crate) enum Alarm {
    /// The throttle of an attempt's heartbeats ends.
    Heartbeat {
        worker: usize,
        incarnation: u32,
        token: Vec<u8>,
    },
    /// The process starts again.
    Restart { worker: usize, version: usize },
    /// A local activity is tried again, or has taken too long.
    LocalActivity {
        key: LocalKey,
        request: u64,
        moment: LocalMoment,
    },
    /// A workflow task whose local activities take long is kept alive.
    WorkflowTaskHeartbeat {
        worker: usize,
        incarnation: u32,
        run_id: String,
        task: u64,
    },
}

pub(crate) type WorkerAlarms = Alarms<Alarm>;

impl WorkerSpec {
    /// How a process runs the workflows of this version of the code.
    pub(crate) fn options(
        &self,
        version: usize,
        namespace: &str,
        incarnation: u32,
    ) -> WorkflowWorkerOptions {
        let identity = format!("{}-{incarnation}", self.identity);
        let mut options = WorkflowWorkerOptions::new(namespace, &*self.task_queue, identity);
        (self.versions[version].options)(&mut options);
        options.max_cached = self.max_cached;
        if self.max_cached == 0 {
            options.sticky_queue = None;
        }
        options
    }
}

impl WorkerProcess {
    pub(crate) fn new(
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
        let polls = Polls::new(namespace, &spec.task_queue, &identity);
        let data_converter = options.data_converter.clone();
        let workflows = WorkflowWorker::new(options, code.workflows.clone());
        let activities = (code.activities)();
        Self {
            data_converter,
            version,
            incarnation,
            identity,
            up: true,
            workflows,
            activities,
            attempts: BTreeMap::new(),
            runs: BTreeMap::new(),
            reporting: BTreeMap::new(),
            polls,
            waiting_polls: Vec::new(),
            spec,
        }
    }

    /// Whether the code that runs has this workflow type, or a mock of it.
    pub(crate) fn runs_workflow(&self, workflow_type: &str) -> bool {
        self.workflow_types()
            .any(|registered| registered == workflow_type)
    }

    /// Whether the code that runs has any workflow.
    pub(crate) fn runs_any_workflow(&self) -> bool {
        self.workflow_types().next().is_some()
    }

    /// The workflow types of the code that runs, real and mocked.
    pub(crate) fn workflow_types(&self) -> impl Iterator<Item = &str> {
        let version = &self.spec.versions[self.version];
        version.workflows.types().chain(version.mocks.types())
    }

    /// The client that activities of this process get.
    pub(crate) fn client(&self, namespace: &str) -> Client {
        let options = ClientOptions::new(namespace)
            .data_converter(self.data_converter.clone())
            .build();
        Client::new(connection(), options)
            .expect("a client over the simulated connection has no plugins to fail")
    }
}

impl State {
    /// Starts a worker process for the first time.
    pub(crate) fn start_worker(&mut self, spec: WorkerSpec) {
        let index = self.workers.len();
        let process = WorkerProcess::new(Rc::new(spec), 0, 0, &self.namespace, self.backtraces);
        self.workers.push(process);
        self.record(
            "worker",
            format_args!("{} starts", self.workers[index].spec.task_queue.clone()),
        );
        self.poll_everything(index);
    }

    /// Polls for all that the process can do. A real worker keeps several polls open; one that is
    /// matched at once makes room for the next.
    fn poll_everything(&mut self, worker: usize) {
        if self.workers[worker].runs_any_workflow() {
            self.poll(worker, WorkerCall::PollWorkflowTask { sticky: false });
            if self.workers[worker].spec.max_cached > 0 {
                self.poll(worker, WorkerCall::PollWorkflowTask { sticky: true });
            }
        }
        if !self.workers[worker].activities.names().is_empty() {
            self.poll(worker, WorkerCall::PollActivityTask);
        }
    }

    fn poll(&mut self, worker: usize, call: WorkerCall) {
        let process = &self.workers[worker];
        let Poll { label, request } = process.polls.of(&call);
        let (label, request) = (label.clone(), request.clone());
        let caller = Caller::Worker {
            worker,
            incarnation: process.incarnation,
            call,
        };
        let id = self.next_request_id();
        self.workers[worker].waiting_polls.push(id);
        self.pending.insert(
            id,
            super::calls::Pending {
                caller,
                label,
                is_query: false,
                asked_by: None,
                answer_lost: None,
            },
        );
        // A poll is no message of its own: it has been waiting at the service all along.
        self.service.request(self.now_ms, id, request);
    }

    /// Polls again as soon as a poll is matched with a task.
    pub(crate) fn repoll_if_matched(&mut self, id: RequestId) {
        let Some(pending) = self.pending.get(&id) else {
            return;
        };
        let Caller::Worker {
            worker,
            incarnation,
            call,
        } = &pending.caller
        else {
            return;
        };
        let again = match call {
            WorkerCall::PollWorkflowTask { sticky } => {
                WorkerCall::PollWorkflowTask { sticky: *sticky }
            }
            WorkerCall::PollActivityTask => WorkerCall::PollActivityTask,
            _ => return,
        };
        let (worker, incarnation) = (*worker, *incarnation);
        let process = &mut self.workers[worker];
        process.waiting_polls.retain(|poll| *poll != id);
        if process.up && process.incarnation == incarnation {
            self.poll(worker, again);
        }
    }

    /// The process dies: its cache, its running activities and what it had not sent are lost.
    pub(crate) fn crash_worker(&mut self, worker: usize, restart_after_ms: u64, version: usize) {
        let process = &mut self.workers[worker];
        if !process.up {
            return;
        }
        process.up = false;
        let polls = std::mem::take(&mut process.waiting_polls);
        let attempts = std::mem::take(&mut process.attempts);
        process.runs.clear();
        let (queue, incarnation) = (process.spec.task_queue.clone(), process.incarnation);
        for attempt in attempts.into_values().filter(|_| !broken!(DeathOfAttempts)) {
            self.executor.cancel(attempt.task);
        }
        for poll in polls {
            self.cancel_request(poll);
        }
        self.cancel_local_activities(worker);
        self.pending.retain(|_, pending| {
            !matches!(&pending.caller, Caller::Worker { worker: w, incarnation: i, .. } if *w == worker && *i == incarnation)
        });
        self.alarms.retain(|alarm| match alarm {
            Alarm::Restart { .. } => true,
            Alarm::Heartbeat { worker: w, .. }
            | Alarm::LocalActivity { key: (w, ..), .. }
            | Alarm::WorkflowTaskHeartbeat { worker: w, .. } => *w != worker,
        });
        self.record("worker", format_args!("{queue} dies"));
        self.alarms.set(
            self.now_ms + restart_after_ms,
            Alarm::Restart { worker, version },
        );
    }

    /// The process starts again, with nothing but its code.
    pub(crate) fn restart_worker(&mut self, worker: usize, version: usize) {
        let old = &self.workers[worker];
        let process = WorkerProcess::new(
            old.spec.clone(),
            version,
            old.incarnation + 1,
            &self.namespace,
            self.backtraces,
        );
        self.workers[worker] = process;
        let (queue, name) = {
            let spec = &self.workers[worker].spec;
            (spec.task_queue.clone(), spec.versions[version].name.clone())
        };
        self.record("worker", format_args!("{queue} starts again {name}"));
        self.poll_everything(worker);
    }
}
