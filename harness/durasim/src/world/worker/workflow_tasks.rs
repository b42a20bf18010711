//! Workflow tasks: what a process does with them, and with the answers to its reports.

use durasim_engine::watch::enters;
use durasim_service::{PolledWorkflowTask, Request, Response};
use durasim_worker::{WorkflowTaskFailure, WorkflowTaskProgress};
use temporalio_protos::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::Failure,
    workflowservice::v1::{RespondWorkflowTaskCompletedResponse, RespondWorkflowTaskFailedRequest},
};
use tonic::{Code, Status};

use super::{ProcessRef, WorkerCall, running::CancelReason};
use crate::{
    faults::{Delay, Lazily, TaskFate, TaskMoment, TaskView},
    label::{Label, Workflow, WorkflowTaskMessage},
    world::{
        State, diagnosis,
        pending::Caller,
        recorded::{IssuedCommand, TaskAttempt},
        tolerance::tolerance,
    },
};

impl State {
    /// A process gets the answer to one of its requests.
    pub(in crate::world) fn worker_reply(
        &mut self,
        at: ProcessRef,
        call: WorkerCall,
        result: Result<Response, Status>,
    ) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        if let WorkerCall::Poll(kind) = call {
            *process.matched.of(kind) -= 1;
        }
        match (call, result) {
            // An empty answer to a poll brings no task.
            (WorkerCall::Poll(_), Ok(Response::PollWorkflowTaskQueue(task)))
                if !task.task_token.is_empty() =>
            {
                self.workflow_task_arrives(at, *task);
            }
            (WorkerCall::Poll(_), Ok(Response::PollActivityTaskQueue(task)))
                if !task.task_token.is_empty() =>
            {
                self.activity_task_arrives(at, *task);
            }
            (
                WorkerCall::CompleteWorkflowTask { run_id },
                Ok(Response::RespondWorkflowTaskCompleted(answer)),
            ) => self.workflow_task_recorded(at, &run_id, *answer),
            (WorkerCall::CompleteWorkflowTask { run_id }, Err(status)) => {
                self.workflow_task_refused(at, &run_id, &status);
            }
            (
                WorkerCall::FetchHistory { fetch },
                Ok(Response::GetWorkflowExecutionHistory(page)),
            ) => {
                let Some(process) = self.workers.running_mut(at) else {
                    return;
                };
                let progress = match &self.options.external_worker {
                    Some(external_worker) => external_worker.on_history_page(&fetch.run_id, *page),
                    None => process.workflows.on_history_page(&fetch, *page),
                };
                self.workflow_task_progress(at, &fetch.run_id, progress);
            }
            (WorkerCall::FetchHistory { fetch }, Err(_)) => {
                let process = self.workers.running(at);
                if process.is_some_and(|process| process.workflows.is_fetching(&fetch)) {
                    self.evict(at, &fetch.run_id);
                }
            }
            (
                WorkerCall::Heartbeat { token },
                Ok(Response::RecordActivityTaskHeartbeat(answer)),
            ) if answer.cancel_requested || answer.activity_paused || answer.activity_reset => {
                self.heartbeat_answered(at, &token);
                self.cancel_attempt(at, &token, CancelReason::Requested);
            }
            (WorkerCall::Heartbeat { token }, Err(status)) if status.code() == Code::NotFound => {
                self.cancel_attempt(at, &token, CancelReason::NotFound);
            }
            (WorkerCall::Heartbeat { token }, _) => self.heartbeat_answered(at, &token),
            _ => {}
        }
    }

    /// Asks the faults what becomes of a workflow task at this moment; `task` is the task when it
    /// arrives.
    fn task_fate(
        &mut self,
        at: ProcessRef,
        moment: TaskMoment,
        workflow: Workflow,
        task: Option<&PolledWorkflowTask>,
    ) -> Option<TaskFate> {
        if !self.faults.any() {
            return None;
        }
        let tolerance = tolerance!(self);
        self.faults.hurry(tolerance.hurries());
        let process = self.workers.running(at)?;
        let run_id = task
            .and_then(|task| task.workflow_execution.as_ref())
            .map(|execution| execution.run_id.as_str());
        let tolerates_crash = || tolerance.tolerates_crash(at);
        let shuts_down = process.shutting_down.is_some();
        let view = TaskView {
            moment,
            workflow,
            task_queue: &process.spec.task_queue,
            attempt: task.map_or(1, |task| task.attempt),
            is_query: task.is_some_and(|task| task.query.is_some()),
            is_cached: run_id.is_some_and(|run_id| process.workflows.is_cached(run_id)),
            tolerates_crash: &Lazily::new(&tolerates_crash),
            shuts_down,
            version: process.version,
            // Nobody deploys to a process whose successor runs already.
            versions: if shuts_down {
                &[]
            } else {
                &process.spec.version_names
            },
            times: task.map(|task| tolerance.run_times(task)),
        };
        let fate = self.faults.task(&mut self.choices, self.now_ms, &view);
        self.watch_faults(None, Some(at));
        fate
    }

    fn workflow_task_arrives(&mut self, at: ProcessRef, task: PolledWorkflowTask) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let workflow_type = task.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        let workflow = self.names.appears(&execution.workflow_id, workflow_type);
        let run_id = execution.run_id;
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };

        // A task waits until the process knows what became of the last one of its run.
        if let Some(waiting) = process.reporting.get_mut(&run_id) {
            return waiting.push(task);
        }
        let mock = process.mock_of(workflow_type);
        if !process.runs_workflow(workflow_type) {
            let queue = process.spec.task_queue.clone();
            let report = diagnosis::unregistered_workflow(
                self,
                workflow_type,
                &execution.workflow_id,
                &queue,
            );
            return self.fail(report);
        }
        let events = u64::try_from(task.started_event_id).unwrap_or(0);
        if let Err(exceeded) = self
            .options
            .limits
            .check_history(&execution.workflow_id, events)
        {
            let report = diagnosis::limit(self, &exceeded);
            return self.fail(report);
        }
        let attempt = TaskAttempt(Label::Workflow(workflow), task.attempt.into());
        self.record("workflow task", attempt);
        self.watch_task(at, &run_id, workflow);
        if task.query.is_none() {
            self.monotony.workflow_task(workflow, self.now_ms);
        }

        // Faults that happen before the code runs.
        match self.task_fate(at, TaskMoment::Arrives, workflow, Some(&task)) {
            Some(TaskFate::Evict) => self.evict(at, &run_id),
            Some(TaskFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(at, restart_after_ms, version);
            }
            Some(TaskFate::Fail) => {
                self.evict(at, &run_id);
                return self.fail_workflow_task(at, workflow, task);
            }
            Some(TaskFate::ShutDown(shutdown)) => self.shut_down(at, shutdown),
            Some(TaskFate::CutOff(partition)) => self.cut_off(at, partition),
            Some(TaskFate::Late(_)) | None => {}
        }

        // The code: a mock's, the stand-in's, or the workflow's own.
        let span = tracing::debug_span!(
            target: "durasim",
            "workflow_task",
            workflow = %workflow,
            run_id,
            attempt = task.attempt
        );
        let _entered = span.entered();
        self.runs_task_of(at, &run_id);
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        // Most often the process has the run already.
        if let Some(known) = process.runs.get_mut(&run_id) {
            *known = workflow;
        } else {
            process.runs.insert(run_id.clone(), workflow);
        }
        if let Some(mock) = mock {
            return self.mock_task_arrives(at, &run_id, workflow, &mock, task);
        }
        let progress = if let Some(external_worker) = &self.options.external_worker {
            external_worker.on_task(process.polls.sticky_queue(), task.into_message())
        } else {
            let (task, events) = task.into_parts();
            enters(&workflow.code());
            process.workflows.on_shared_task(task, events)
        };
        self.workflow_task_progress(at, &run_id, progress);
    }

    /// Drops a run from the cache of a process.
    fn evict(&mut self, at: ProcessRef, run_id: &str) {
        if let Some(process) = self.workers.running_mut(at) {
            process.workflows.evict(run_id);
        }
        self.forget_local_activities(at, run_id);
    }

    /// Fails a workflow task for reasons of the worker's own.
    fn fail_workflow_task(&mut self, at: ProcessRef, workflow: Workflow, task: PolledWorkflowTask) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let request = RespondWorkflowTaskFailedRequest {
            task_token: task.task_token.clone(),
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into(),
            failure: Some(Failure {
                message: "fault: the workflow task failed once".into(),
                ..Default::default()
            }),
            identity: process.identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        let label = Label::WorkflowTask(workflow, WorkflowTaskMessage::Failed);
        self.worker_request(at, WorkerCall::Report, label, request.into());
    }

    /// Acts on the progress of a workflow task, and on what came up beside it.
    pub(in crate::world) fn workflow_task_progress(
        &mut self,
        at: ProcessRef,
        run_id: &str,
        progress: WorkflowTaskProgress,
    ) {
        if let Some(failure) = diagnosis::thread_started(self, run_id) {
            return self.fail(failure);
        }
        self.act_on_progress(at, run_id, progress);
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        if let Some(work) = process.workflows.take_local_activity_work(run_id) {
            self.run_local_activities(at, work);
        }
        let process = self.workers.running_mut(at);
        if let Some((run_id, progress)) = process.and_then(|it| it.workflows.next_buffered()) {
            self.workflow_task_progress(at, &run_id, progress);
        }
    }

    fn act_on_progress(&mut self, at: ProcessRef, run_id: &str, progress: WorkflowTaskProgress) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let known = process.runs.get(run_id).copied();
        let workflow = known.unwrap_or(Workflow::UNKNOWN);
        match progress {
            WorkflowTaskProgress::Completed(request) => {
                for command in &request.commands {
                    self.record("command", IssuedCommand(workflow, command.command_type()));
                }
                self.watch_commands(at, run_id, &request.commands);
                self.complete_workflow_task(at, run_id, workflow, (*request).into());
            }
            WorkflowTaskProgress::Failed(failure) => {
                self.workflow_task_failed(at, run_id, workflow, *failure);
            }
            WorkflowTaskProgress::QueryAnswered(request) => {
                let label = Label::WorkflowTask(workflow, WorkflowTaskMessage::QueryAnswer);
                self.worker_request(at, WorkerCall::Report, label, (*request).into());
            }
            WorkflowTaskProgress::QueryFailed(failed) => {
                if let Some(report) = diagnosis::query_failed(self, run_id, &failed) {
                    return self.fail(report);
                }
                let label = Label::WorkflowTask(workflow, WorkflowTaskMessage::QueryAnswer);
                self.worker_request(at, WorkerCall::Report, label, failed.request.into());
            }
            WorkflowTaskProgress::NeedsHistory { fetch, request } => {
                let label = Label::WorkflowTask(workflow, WorkflowTaskMessage::History);
                let call = WorkerCall::FetchHistory { fetch };
                self.worker_request(at, call, label, (*request).into());
            }
            WorkflowTaskProgress::RunLocalActivities(work) => {
                self.run_local_activities(at, *work);
            }
            _ => {}
        }
    }

    fn complete_workflow_task(
        &mut self,
        at: ProcessRef,
        run_id: &str,
        workflow: Workflow,
        request: Request,
    ) {
        let delay = match self.task_fate(at, TaskMoment::Done, workflow, None) {
            Some(TaskFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(at, restart_after_ms, version);
            }
            Some(TaskFate::ShutDown(shutdown)) => {
                self.shut_down(at, shutdown);
                Delay::default()
            }
            Some(TaskFate::CutOff(partition)) => {
                self.cut_off(at, partition);
                Delay::default()
            }
            Some(TaskFate::Late(delay)) => delay,
            _ => Delay::default(),
        };
        if let Some(process) = self.workers.running_mut(at) {
            process.reporting.entry(run_id.to_owned()).or_default();
        }
        let call = WorkerCall::CompleteWorkflowTask {
            run_id: run_id.to_owned(),
        };
        let label = Label::WorkflowTask(workflow, WorkflowTaskMessage::Completed);
        self.send_request_late(Caller::Worker { at, call }, label, request, delay);
    }

    /// The service has recorded the completion of a workflow task.
    fn workflow_task_recorded(
        &mut self,
        at: ProcessRef,
        run_id: &str,
        answer: RespondWorkflowTaskCompletedResponse,
    ) {
        let Some(process) = self.workers.running_mut(at) else {
            return;
        };
        process.workflows.on_completed(run_id, &answer);
        if let Some(external_worker) = &self.options.external_worker {
            external_worker.on_completed(run_id, Ok(&answer));
        }
        let fate = match process.runs.get(run_id).copied() {
            Some(workflow) => self.task_fate(at, TaskMoment::Recorded, workflow, None),
            None => None,
        };
        match fate {
            Some(TaskFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(at, restart_after_ms, version);
            }
            Some(TaskFate::ShutDown(shutdown)) => self.shut_down(at, shutdown),
            Some(TaskFate::CutOff(partition)) => self.cut_off(at, partition),
            _ => {}
        }
        let waiting = self.take_waiting_tasks(at, run_id);
        if let Some(task) = answer.workflow_task {
            self.workflow_task_arrives(at, PolledWorkflowTask::from(task));
        }
        self.begin_tasks(at, waiting);
    }

    /// The service refuses the completion of a workflow task: it came too late, or is not
    /// acceptable. What the run did since is not in its history. The SDK's Core forgets the run,
    /// and replays it with its next task.
    fn workflow_task_refused(&mut self, at: ProcessRef, run_id: &str, status: &Status) {
        if let Some(external_worker) = &self.options.external_worker {
            external_worker.on_completed(run_id, Err(status));
        }
        if let Some(process) = self.workers.running_mut(at) {
            process.runs.remove(run_id);
        }
        if let Some(report) = diagnosis::commands_refused(self, at, run_id, status) {
            return self.fail(report);
        }
        let waiting = self.take_waiting_tasks(at, run_id);
        self.evict(at, run_id);
        self.begin_tasks(at, waiting);
    }

    /// Takes the tasks of a run that came while its last completion was on its way.
    fn take_waiting_tasks(&mut self, at: ProcessRef, run_id: &str) -> Vec<PolledWorkflowTask> {
        self.workers
            .running_mut(at)
            .and_then(|process| process.reporting.remove(run_id))
            .unwrap_or_default()
    }

    fn begin_tasks(&mut self, at: ProcessRef, waiting: Vec<PolledWorkflowTask>) {
        for task in waiting {
            // Under faults a query may have waited longer than its caller: history has gone on, and
            // replaying it for an answer that nobody wants would only show the workflow what its
            // next task is to bring.
            let is_stale = task.query.is_some()
                && self.faults.any()
                && !self.service.is_query_awaited(&task.task_token);
            if !is_stale {
                self.workflow_task_arrives(at, task);
            }
        }
    }

    fn workflow_task_failed(
        &mut self,
        at: ProcessRef,
        run_id: &str,
        workflow: Workflow,
        failed: WorkflowTaskFailure,
    ) {
        self.record(
            "workflow task failed",
            format_args!("{workflow}: {}", failed.failure.message),
        );
        self.watch_task_failed(at, run_id, &failed.failure.message);
        if let Some(process) = self.workers.running_mut(at) {
            process.runs.remove(run_id);
        }
        self.forget_local_activities(at, run_id);
        if let Some(report) = diagnosis::workflow_task_failed(self, at, run_id, &failed) {
            return self.fail(report);
        }
        if let Some(request) = failed.request {
            let label = Label::WorkflowTask(workflow, WorkflowTaskMessage::Failed);
            self.worker_request(at, WorkerCall::Report, label, (*request).into());
        }
    }

    pub(super) fn worker_request(
        &mut self,
        at: ProcessRef,
        call: WorkerCall,
        label: Label,
        request: Request,
    ) {
        self.send_request(Caller::Worker { at, call }, label, request);
    }
}
