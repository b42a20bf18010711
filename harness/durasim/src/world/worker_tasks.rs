//! What a worker process does with the tasks it is handed, and with the answers to its reports.

use super::{
    World,
    calls::Caller,
    diagnosis,
    network::Delay,
    process::{Alarm, Heartbeat, RunningAttempt, WorkerCall},
    state::State,
};
use crate::faults::{Allowance, AttemptFate, AttemptMoment, AttemptView, TaskFate, TaskMoment, TaskView, first_await};
use durasim_service::{Request, Response};
use durasim_worker::{
    WorkflowTaskFailure, WorkflowTaskProgress,
    activity::{ActivityAttempt, ActivityOutcome},
};
use std::{rc::Rc, sync::Arc};
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::Failure as FailureProto,
    workflowservice::v1::{
        PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse, RecordActivityTaskHeartbeatRequest,
        RespondActivityTaskCanceledRequest, RespondActivityTaskCompletedRequest, RespondActivityTaskFailedRequest,
        RespondWorkflowTaskFailedRequest,
    },
};
use tonic::{Code, Status};
use tracing::Instrument;

impl State {
    /// A worker gets the answer to something it asked for.
    pub(crate) fn worker_reply(
        &mut self,
        worker: usize,
        incarnation: u32,
        call: WorkerCall,
        result: Result<Response, Status>,
    ) {
        let process = &mut self.workers[worker];
        if !process.up || process.incarnation != incarnation {
            return;
        }
        match (call, result) {
            (WorkerCall::PollWorkflowTask { .. }, Ok(Response::PollWorkflowTaskQueue(task))) => {
                if !task.task_token.is_empty() {
                    self.workflow_task_arrives(worker, *task);
                }
            }
            (WorkerCall::PollActivityTask, Ok(Response::PollActivityTaskQueue(task))) => {
                if !task.task_token.is_empty() {
                    self.activity_task_arrives(worker, *task);
                }
            }
            (WorkerCall::CompleteWorkflowTask { run_id }, Ok(Response::RespondWorkflowTaskCompleted(answer))) => {
                process.workflows.on_completed(&run_id, &answer);
                let waiting = process.reporting.remove(&run_id).unwrap_or_default();
                self.workflow_task_recorded(worker, &run_id, answer.workflow_task);
                self.begin_tasks(worker, incarnation, waiting);
            }
            (WorkerCall::CompleteWorkflowTask { run_id }, Err(_)) => {
                // Too late, or not acceptable: what the run did since is not in its history. The SDK's Core
                // forgets the run, and replays it with its next task.
                process.workflows.evict(&run_id);
                process.runs.remove(&run_id);
                let waiting = process.reporting.remove(&run_id).unwrap_or_default();
                self.begin_tasks(worker, incarnation, waiting);
            }
            (WorkerCall::FetchHistory { run_id }, Ok(Response::GetWorkflowExecutionHistory(page))) => {
                let progress = match &self.stand_in {
                    Some(stand_in) => stand_in.on_history_page(&run_id, *page),
                    None => self.workers[worker].workflows.on_history_page(&run_id, *page),
                };
                self.workflow_task_progress(worker, &run_id, progress);
            }
            (WorkerCall::FetchHistory { run_id }, Err(_)) => self.workers[worker].workflows.evict(&run_id),
            (WorkerCall::Heartbeat { token }, Ok(Response::RecordActivityTaskHeartbeat(answer))) => {
                if answer.cancel_requested {
                    self.cancel_attempt(worker, &token);
                }
            }
            (WorkerCall::Heartbeat { token }, Err(status)) if status.code() == Code::NotFound => {
                self.cancel_attempt(worker, &token);
            }
            _ => {}
        }
    }

    /// Asks the faults what becomes of a workflow task at this moment; `task` is the task when it arrives.
    fn task_fate(
        &mut self,
        worker: usize,
        moment: TaskMoment,
        workflow: &str,
        task: Option<&PollWorkflowTaskQueueResponse>,
    ) -> Option<TaskFate> {
        if !self.faults.any() {
            return None;
        }
        let process = &self.workers[worker];
        let run_id = task.and_then(|task| task.workflow_execution.as_ref()).map(|execution| execution.run_id.as_str());
        let view = TaskView {
            moment,
            workflow,
            task_queue: &process.spec.task_queue,
            attempt: task.map_or(1, |task| task.attempt),
            is_query: task.is_some_and(|task| task.query.is_some()),
            is_cached: run_id.is_some_and(|run_id| process.workflows.cached().contains(&run_id)),
            bears_crash: self.bears_crash(worker),
            version: process.version,
            versions: &process.spec.version_names,
            times: task.map(|task| self.run_times(task)),
        };
        self.faults.task(&mut self.choices, self.now_ms, &view)
    }

    fn workflow_task_arrives(&mut self, worker: usize, task: PollWorkflowTaskQueueResponse) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let workflow_type = task.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        let name = self.names.name(&execution.workflow_id, workflow_type);
        let run_id = execution.run_id;
        if let Some(waiting) = self.workers[worker].reporting.get_mut(&run_id) {
            return waiting.push(task);
        }
        if !self.workers[worker].runs_workflow(workflow_type) {
            let report = diagnosis::unregistered_workflow(self, workflow_type, &execution.workflow_id, worker);
            return self.fail(report);
        }
        let events = u64::try_from(task.started_event_id).unwrap_or(0);
        if let Err(exceeded) = self.limits.check_history(&execution.workflow_id, events) {
            let report = diagnosis::limit(self, &exceeded);
            return self.fail(report);
        }
        self.record("workflow task", format_args!("{name} attempt {}", task.attempt));
        match self.task_fate(worker, TaskMoment::Arrives, &name, Some(&task)) {
            Some(TaskFate::Evict) => self.workers[worker].workflows.evict(&run_id),
            Some(TaskFate::Crash { restart_after_ms, version }) => {
                return self.crash_worker(worker, restart_after_ms, version);
            }
            Some(TaskFate::Fail) => {
                self.workers[worker].workflows.evict(&run_id);
                return self.fail_workflow_task(worker, &name, task);
            }
            Some(TaskFate::Late(_)) | None => {}
        }
        let span = tracing::debug_span!(target: "durasim", "workflow_task", workflow = %name, run_id, attempt = task.attempt);
        let _entered = span.entered();
        self.workers[worker].runs.insert(run_id.clone(), name);
        let progress = match &self.stand_in {
            Some(stand_in) => stand_in.on_task(&self.workers[worker].sticky_queue(), task),
            None => self.workers[worker].workflows.on_task(task),
        };
        self.workflow_task_progress(worker, &run_id, progress);
    }

    /// A workflow task that fails for reasons of the worker's own.
    fn fail_workflow_task(&mut self, worker: usize, name: &Rc<str>, task: PollWorkflowTaskQueueResponse) {
        let request = RespondWorkflowTaskFailedRequest {
            task_token: task.task_token,
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into(),
            failure: Some(FailureProto { message: "fault: the workflow task failed once".into(), ..Default::default() }),
            identity: self.workers[worker].spec.identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        let label = format!("{name}/workflow task failed").into();
        self.worker_request(worker, WorkerCall::Report, label, request.into());
    }

    /// Does what a workflow task has come to, and what came up beside it.
    pub(crate) fn workflow_task_progress(&mut self, worker: usize, run_id: &str, progress: WorkflowTaskProgress) {
        self.act_on_progress(worker, run_id, progress);
        if !self.workers[worker].up {
            return;
        }
        if let Some(work) = self.workers[worker].workflows.take_local_activity_work(run_id) {
            self.run_local_activities(worker, work);
        }
        if let Some((run_id, progress)) = self.workers[worker].workflows.next_buffered() {
            self.workflow_task_progress(worker, &run_id, progress);
        }
    }

    fn act_on_progress(&mut self, worker: usize, run_id: &str, progress: WorkflowTaskProgress) {
        let name = self.workers[worker].runs.get(run_id).cloned().unwrap_or_else(|| "unknown workflow".into());
        match progress {
            WorkflowTaskProgress::Completed(request) => {
                for command in &request.commands {
                    self.record("command", format_args!("{name} {:?}", command.command_type()));
                }
                self.complete_workflow_task(worker, run_id, &name, (*request).into());
            }
            WorkflowTaskProgress::Failed(failure) => self.workflow_task_failed(worker, run_id, &name, *failure),
            WorkflowTaskProgress::QueryAnswered(request) => {
                let label = format!("{name}/query answer").into();
                self.worker_request(worker, WorkerCall::Report, label, (*request).into());
            }
            WorkflowTaskProgress::NeedsHistory { run_id, request } => {
                let label = format!("{name}/worker's history").into();
                self.worker_request(worker, WorkerCall::FetchHistory { run_id }, label, (*request).into());
            }
            WorkflowTaskProgress::RunLocalActivities(work) => self.run_local_activities(worker, *work),
            _ => {}
        }
    }

    fn complete_workflow_task(&mut self, worker: usize, run_id: &str, name: &Rc<str>, request: Request) {
        let fate = self.task_fate(worker, TaskMoment::Done, name, None);
        if let Some(TaskFate::Crash { restart_after_ms, version }) = fate {
            return self.crash_worker(worker, restart_after_ms, version);
        }
        let delay = if let Some(TaskFate::Late(delay)) = fate { delay } else { Delay::default() };
        let label: Rc<str> = format!("{name}/workflow task completed").into();
        let call = WorkerCall::CompleteWorkflowTask { run_id: run_id.to_owned() };
        self.workers[worker].reporting.entry(run_id.to_owned()).or_default();
        let incarnation = self.workers[worker].incarnation;
        self.send_request_late(Caller::Worker { worker, incarnation, call }, label, request, delay);
    }

    fn workflow_task_recorded(&mut self, worker: usize, run_id: &str, next: Option<PollWorkflowTaskQueueResponse>) {
        if let Some(name) = self.workers[worker].runs.get(run_id).cloned()
            && let Some(TaskFate::Crash { restart_after_ms, version }) =
                self.task_fate(worker, TaskMoment::Recorded, &name, None)
        {
            return self.crash_worker(worker, restart_after_ms, version);
        }
        if let Some(task) = next {
            self.workflow_task_arrives(worker, task);
        }
    }

    /// Begins the tasks of a run that came while its last completion was on its way.
    fn begin_tasks(&mut self, worker: usize, incarnation: u32, waiting: Vec<PollWorkflowTaskQueueResponse>) {
        for task in waiting {
            if self.workers[worker].up && self.workers[worker].incarnation == incarnation {
                self.workflow_task_arrives(worker, task);
            }
        }
    }

    fn workflow_task_failed(&mut self, worker: usize, run_id: &str, name: &Rc<str>, failed: WorkflowTaskFailure) {
        self.record("workflow task failed", format_args!("{name}: {}", failed.failure.message));
        self.workers[worker].runs.remove(run_id);
        if let Some(report) = diagnosis::workflow_task_failed(self, run_id, &failed) {
            return self.fail(report);
        }
        if let Some(request) = failed.request {
            let label = format!("{name}/workflow task failed").into();
            self.worker_request(worker, WorkerCall::Report, label, (*request).into());
        }
    }

    fn worker_request(&mut self, worker: usize, call: WorkerCall, label: Rc<str>, request: Request) {
        let incarnation = self.workers[worker].incarnation;
        self.send_request(Caller::Worker { worker, incarnation, call }, label, request);
    }

    fn attempt_fate(
        &mut self,
        worker: usize,
        moment: AttemptMoment,
        label: &str,
        attempt: u32,
        allowance: Allowance,
        completed: bool,
    ) -> Option<AttemptFate> {
        if !self.faults.any() {
            return None;
        }
        let process = &self.workers[worker];
        let view = AttemptView {
            moment,
            label,
            task_queue: &process.spec.task_queue,
            version: process.version,
            attempt,
            allowance,
            completed,
            bears_crash: self.bears_crash(worker),
        };
        self.faults.attempt(&mut self.choices, self.now_ms, &view)
    }

    fn activity_task_arrives(&mut self, worker: usize, task: PollActivityTaskQueueResponse) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let workflow_type = task.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        let activity_type = task.activity_type.as_ref().map_or("", |t| t.name.as_str());
        let workflow = self.names.name(&execution.workflow_id, workflow_type);
        let label: Rc<str> = format!("{workflow}/{activity_type}").into();
        let number = u32::try_from(task.attempt).unwrap_or(1);
        self.record("activity task", format_args!("{label} attempt {number}"));
        let allowance = Allowance::of(&task, self.run_deadline_ms(task.workflow_execution.as_ref()));
        let fate = match self.attempt_fate(worker, AttemptMoment::Starts, &label, number, allowance, false) {
            Some(AttemptFate::Fail(failure)) => {
                let outcome = ActivityOutcome::Failed(failure);
                return self.report_attempt(worker, &task.task_token, &label, outcome, None);
            }
            Some(AttemptFate::Crash { restart_after_ms, version }) => {
                return self.crash_worker(worker, restart_after_ms, version);
            }
            fate => fate,
        };
        let token = task.task_token.clone();
        let heartbeat = Heartbeat { throttle_ms: heartbeat_throttle_ms(&task), last_sent_ms: None, pending: None, lost: false };
        let process = &self.workers[worker];
        let incarnation = process.incarnation;
        let mut attempt = ActivityAttempt::new(task, &*process.spec.task_queue, clock_callback());
        attempt.heartbeat = heartbeat_callback(worker, incarnation, token.clone());
        attempt.log = self.calls.clone();
        attempt.data_converter = process.data_converter.clone();
        attempt.client = Some(process.client(&self.namespace));
        let cancel = attempt.cancel.clone();
        let future = match process.activities.start(attempt) {
            Ok(future) => future,
            Err(unregistered) => {
                let report = diagnosis::unregistered_activity(self, &unregistered, &execution.workflow_id);
                return self.fail(report);
            }
        };
        let attempt_token = token.clone();
        let span = tracing::debug_span!(target: "durasim", "activity", activity = %label, run_id = execution.run_id, attempt = number);
        let runs = async move {
            let mut future = future;
            let outcome = match fate {
                Some(AttemptFate::Pause(pause)) => pause.of(future).await,
                Some(AttemptFate::CrashAtFirstAwait { restart_after_ms, version }) => {
                    // Whatever it returns without an await is lost with the process.
                    let _ = first_await(&mut future).await;
                    let world = World::current();
                    return world.state().attempt_dies(worker, incarnation, &attempt_token, restart_after_ms, version);
                }
                _ => future.await,
            };
            World::current().state().attempt_done(worker, incarnation, &attempt_token, outcome);
        };
        let task = self.executor.spawn(label.clone(), runs.instrument(span));
        let attempt = RunningAttempt { task, label, number, cancel, heartbeat, allowance };
        self.workers[worker].attempts.insert(token, attempt);
    }

    /// The worker dies of a fault while this attempt runs.
    fn attempt_dies(
        &mut self,
        worker: usize,
        incarnation: u32,
        token: &[u8],
        restart_after_ms: u64,
        version: usize,
    ) {
        let process = &mut self.workers[worker];
        // The attempt's own task is the one that runs: it ends by itself.
        if process.incarnation == incarnation && process.attempts.remove(token).is_some() {
            self.crash_worker(worker, restart_after_ms, version);
        }
    }

    fn attempt_done(&mut self, worker: usize, incarnation: u32, token: &[u8], outcome: ActivityOutcome) {
        let process = &mut self.workers[worker];
        if process.incarnation != incarnation {
            return;
        }
        let Some(attempt) = process.attempts.remove(token) else { return };
        let RunningAttempt { label, number, heartbeat, allowance, .. } = attempt;
        let completed = matches!(outcome, ActivityOutcome::Completed(_));
        match self.attempt_fate(worker, AttemptMoment::Done, &label, number, allowance, completed) {
            Some(AttemptFate::Crash { restart_after_ms, version }) => {
                return self.crash_worker(worker, restart_after_ms, version);
            }
            Some(AttemptFate::LoseReport) => return,
            _ => {}
        }
        self.report_attempt(worker, token, &label, outcome, heartbeat.pending);
    }

    fn report_attempt(
        &mut self,
        worker: usize,
        token: &[u8],
        label: &Rc<str>,
        outcome: ActivityOutcome,
        unsent_heartbeat: Option<Vec<Payload>>,
    ) {
        let (task_token, namespace) = (token.to_vec(), self.namespace.clone());
        let identity = self.workers[worker].spec.identity.clone();
        let (what, request): (&str, Request) = match outcome {
            ActivityOutcome::Completed(result) => (
                "completed",
                RespondActivityTaskCompletedRequest { task_token, result, identity, namespace, ..Default::default() }
                    .into(),
            ),
            ActivityOutcome::Failed(failure) => (
                "failed",
                RespondActivityTaskFailedRequest {
                    task_token,
                    failure: Some(*failure),
                    last_heartbeat_details: unsent_heartbeat.map(|payloads| Payloads { payloads }),
                    identity,
                    namespace,
                    ..Default::default()
                }
                .into(),
            ),
            ActivityOutcome::Canceled(details) => (
                "canceled",
                RespondActivityTaskCanceledRequest { task_token, details, identity, namespace, ..Default::default() }
                    .into(),
            ),
            ActivityOutcome::Fault(fault) => {
                let report = diagnosis::unsimulated_attempt(&fault);
                return self.fail(report);
            }
            _ => return,
        };
        let label = format!("{label}/{what}").into();
        self.worker_request(worker, WorkerCall::Report, label, request);
    }

    fn cancel_attempt(&mut self, worker: usize, token: &[u8]) {
        if let Some(attempt) = self.workers[worker].attempts.get(token) {
            attempt.cancel.cancel();
        }
    }

    /// An attempt records a heartbeat: sent now, or when the throttle allows.
    fn heartbeat(&mut self, worker: usize, incarnation: u32, token: &[u8], details: Vec<Payload>) {
        let now_ms = self.now_ms;
        let process = &mut self.workers[worker];
        if process.incarnation != incarnation {
            return;
        }
        let Some(attempt) = process.attempts.get_mut(token) else { return };
        let heartbeat = &mut attempt.heartbeat;
        let throttled = heartbeat.last_sent_ms.is_some_and(|last| last + heartbeat.throttle_ms > now_ms);
        if throttled {
            let waits = heartbeat.pending.replace(details).is_some();
            if !waits {
                let due_ms = heartbeat.last_sent_ms.unwrap_or(now_ms) + heartbeat.throttle_ms;
                self.alarms.set(due_ms, Alarm::Heartbeat { worker, incarnation, token: token.to_vec() });
            }
        } else {
            self.send_heartbeat(worker, token, details);
        }
    }

    fn send_heartbeat(&mut self, worker: usize, token: &[u8], details: Vec<Payload>) {
        let now_ms = self.now_ms;
        let Some(attempt) = self.workers[worker].attempts.get_mut(token) else { return };
        attempt.heartbeat.last_sent_ms = Some(now_ms);
        if attempt.heartbeat.lost {
            return;
        }
        let (name, number, allowance) = (attempt.label.clone(), attempt.number, attempt.allowance);
        if let Some(AttemptFate::LoseHeartbeat { and_later }) =
            self.attempt_fate(worker, AttemptMoment::Heartbeat, &name, number, allowance, false)
        {
            if let Some(attempt) = self.workers[worker].attempts.get_mut(token) {
                attempt.heartbeat.lost = and_later;
            }
            return;
        }
        let label = format!("{name}/heartbeat").into();
        let request = RecordActivityTaskHeartbeatRequest {
            task_token: token.to_vec(),
            details: Some(Payloads { payloads: details }),
            identity: self.workers[worker].spec.identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        self.worker_request(worker, WorkerCall::Heartbeat { token: token.to_vec() }, label, request.into());
    }

    /// Something a worker waited for by the clock is due.
    pub(crate) fn alarm(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::Heartbeat { worker, incarnation, token } => {
                if self.workers[worker].incarnation != incarnation {
                    return;
                }
                let pending = self.workers[worker]
                    .attempts
                    .get_mut(&token)
                    .and_then(|attempt| attempt.heartbeat.pending.take());
                if let Some(details) = pending {
                    self.send_heartbeat(worker, &token, details);
                }
            }
            Alarm::Restart { worker, version } => self.restart_worker(worker, version),
            Alarm::LocalActivity { worker, incarnation, run_id, seq } => {
                if self.workers[worker].incarnation == incarnation {
                    self.start_local_activity(worker, run_id, seq);
                }
            }
            Alarm::LocalActivityTimeout { worker, incarnation, run_id, seq, attempt, timeout } => {
                if self.workers[worker].incarnation == incarnation {
                    self.local_activity_timed_out(worker, run_id, seq, attempt, timeout);
                }
            }
            Alarm::WorkflowTaskHeartbeat { worker, incarnation, run_id } => {
                if self.workers[worker].incarnation == incarnation {
                    let progress = self.workers[worker].workflows.on_heartbeat_due(&run_id);
                    self.workflow_task_progress(worker, &run_id, progress);
                }
            }
        }
    }
}

pub(super) fn clock_callback() -> Arc<dyn Fn() -> u64 + Send + Sync> {
    Arc::new(|| World::current().clock.now_ms())
}

fn heartbeat_callback(
    worker: usize,
    incarnation: u32,
    token: Vec<u8>,
) -> Arc<dyn Fn(Vec<Payload>) + Send + Sync> {
    Arc::new(move |details| {
        // An attempt may outlive its world only while it is dropped: nobody is left to hear its heartbeat.
        if let Some(world) = World::try_current() {
            world.state().heartbeat(worker, incarnation, &token, details);
        }
    })
}

/// How often Core sends the heartbeats of an attempt: at 80 % of the heartbeat timeout, at most every 60 s, and
/// every 30 s without one. (`temporalio-sdk-core: src/worker/activities.rs`)
fn heartbeat_throttle_ms(task: &PollActivityTaskQueueResponse) -> u64 {
    const DEFAULT_MS: u64 = 30_000;
    const MAX_MS: u64 = 60_000;
    let timeout_ms = task.heartbeat_timeout.as_ref().map_or(0, |timeout| {
        let ms = timeout.seconds.saturating_mul(1000).saturating_add(i64::from(timeout.nanos / 1_000_000));
        u64::try_from(ms).unwrap_or(0)
    });
    if timeout_ms == 0 { DEFAULT_MS } else { (timeout_ms * 8 / 10).min(MAX_MS) }
}
