//! What a worker process does with workflow tasks, and with the answers to its reports.

use super::{
    calls::Caller,
    diagnosis,
    network::Delay,
    process::{Alarm, WorkerCall},
    state::State,
};
use crate::faults::{TaskFate, TaskMoment, TaskView};
use durasim_service::{PolledWorkflowTask, Request, Response};
use durasim_worker::{WorkflowTaskFailure, WorkflowTaskProgress};
use std::rc::Rc;
use temporalio_protos::temporal::api::{
    enums::v1::WorkflowTaskFailedCause, failure::v1::Failure as FailureProto,
    workflowservice::v1::RespondWorkflowTaskFailedRequest,
};
use tonic::{Code, Status};

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
            // An empty answer to a poll brings no task.
            (WorkerCall::PollWorkflowTask { .. }, Ok(Response::PollWorkflowTaskQueue(task)))
                if !task.task_token.is_empty() =>
            {
                self.workflow_task_arrives(worker, *task);
            }
            (WorkerCall::PollActivityTask, Ok(Response::PollActivityTaskQueue(task)))
                if !task.task_token.is_empty() =>
            {
                self.activity_task_arrives(worker, *task);
            }
            (
                WorkerCall::CompleteWorkflowTask { run_id },
                Ok(Response::RespondWorkflowTaskCompleted(answer)),
            ) => {
                process.workflows.on_completed(&run_id, &answer);
                if let Some(stand_in) = &self.stand_in {
                    stand_in.on_completed(&run_id, Ok(&answer));
                }
                let next = answer.workflow_task.map(PolledWorkflowTask::from);
                self.workflow_task_recorded(worker, incarnation, &run_id, next);
            }
            (WorkerCall::CompleteWorkflowTask { run_id }, Err(status)) => {
                // Too late, or not acceptable: what the run did since is not in its history. The
                // SDK's Core forgets the run, and replays it with its next task.
                if let Some(stand_in) = &self.stand_in {
                    stand_in.on_completed(&run_id, Err(&status));
                }
                process.runs.remove(&run_id);
                if let Some(report) = diagnosis::commands_refused(self, &run_id, &status) {
                    return self.fail(report);
                }
                let process = &mut self.workers[worker];
                let waiting = process.reporting.remove(&run_id).unwrap_or_default();
                self.evict(worker, &run_id);
                self.begin_tasks(worker, incarnation, waiting);
            }
            (
                WorkerCall::FetchHistory { run_id },
                Ok(Response::GetWorkflowExecutionHistory(page)),
            ) => {
                let progress = match &self.stand_in {
                    Some(stand_in) => stand_in.on_history_page(&run_id, *page),
                    None => self.workers[worker]
                        .workflows
                        .on_history_page(&run_id, *page),
                };
                self.workflow_task_progress(worker, &run_id, progress);
            }
            (WorkerCall::FetchHistory { run_id }, Err(_)) => self.evict(worker, &run_id),
            (
                WorkerCall::Heartbeat { token },
                Ok(Response::RecordActivityTaskHeartbeat(answer)),
            ) if answer.cancel_requested => {
                self.cancel_attempt(worker, &token);
            }
            (WorkerCall::Heartbeat { token }, Err(status)) if status.code() == Code::NotFound => {
                self.cancel_attempt(worker, &token);
            }
            _ => {}
        }
    }

    /// Asks the faults what becomes of a workflow task at this moment; `task` is the task when it
    /// arrives.
    fn task_fate(
        &mut self,
        worker: usize,
        moment: TaskMoment,
        workflow: &str,
        task: Option<&PolledWorkflowTask>,
    ) -> Option<TaskFate> {
        if !self.faults.any() {
            return None;
        }
        self.faults.hurry(self.hurries());
        let process = &self.workers[worker];
        let run_id = task
            .and_then(|task| task.workflow_execution.as_ref())
            .map(|execution| execution.run_id.as_str());
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

    fn workflow_task_arrives(&mut self, worker: usize, task: PolledWorkflowTask) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let workflow_type = task.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        let name = self.names.name(&execution.workflow_id, workflow_type);
        let run_id = execution.run_id;
        let mock = self.workers[worker].mock_of(workflow_type);
        if let Some(waiting) = self.workers[worker].reporting.get_mut(&run_id) {
            return waiting.push(task);
        }
        if !self.workers[worker].runs_workflow(workflow_type) {
            let report = diagnosis::unregistered_workflow(
                self,
                workflow_type,
                &execution.workflow_id,
                worker,
            );
            return self.fail(report);
        }
        let events = u64::try_from(task.started_event_id).unwrap_or(0);
        if let Err(exceeded) = self.limits.check_history(&execution.workflow_id, events) {
            let report = diagnosis::limit(self, &exceeded);
            return self.fail(report);
        }
        self.record(
            "workflow task",
            format_args!("{name} attempt {}", task.attempt),
        );
        match self.task_fate(worker, TaskMoment::Arrives, &name, Some(&task)) {
            Some(TaskFate::Evict) => self.evict(worker, &run_id),
            Some(TaskFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(worker, restart_after_ms, version);
            }
            Some(TaskFate::Fail) => {
                self.evict(worker, &run_id);
                return self.fail_workflow_task(worker, &name, task);
            }
            Some(TaskFate::Late(_)) | None => {}
        }
        let span = tracing::debug_span!(target: "durasim", "workflow_task", workflow = %name, run_id, attempt = task.attempt);
        let _entered = span.entered();
        self.workers[worker]
            .runs
            .insert(run_id.clone(), name.clone());
        self.runs_task_of(worker, &run_id);
        if let Some(mock) = mock {
            return self.mock_task_arrives(worker, &run_id, &name, &mock, task);
        }
        let progress = if let Some(stand_in) = &self.stand_in {
            stand_in.on_task(
                self.workers[worker].polls.sticky_queue(),
                task.into_message(),
            )
        } else {
            let (task, events) = task.into_parts();
            self.workers[worker].workflows.on_shared_task(task, events)
        };
        self.workflow_task_progress(worker, &run_id, progress);
    }

    /// Drops a run from the worker's cache.
    fn evict(&mut self, worker: usize, run_id: &str) {
        self.workers[worker].workflows.evict(run_id);
        self.forget_local_activities(worker, run_id);
    }

    /// A workflow task that fails for reasons of the worker's own.
    fn fail_workflow_task(&mut self, worker: usize, name: &Rc<str>, task: PolledWorkflowTask) {
        let request = RespondWorkflowTaskFailedRequest {
            task_token: task.task_token.clone(),
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into(),
            failure: Some(FailureProto {
                message: "fault: the workflow task failed once".into(),
                ..Default::default()
            }),
            identity: self.workers[worker].identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        let label = format!("{name}/workflow task failed").into();
        self.worker_request(worker, WorkerCall::Report, label, request.into());
    }

    /// Does what a workflow task has come to, and what came up beside it.
    pub(crate) fn workflow_task_progress(
        &mut self,
        worker: usize,
        run_id: &str,
        progress: WorkflowTaskProgress,
    ) {
        self.act_on_progress(worker, run_id, progress);
        if !self.workers[worker].up {
            return;
        }
        if let Some(work) = self.workers[worker]
            .workflows
            .take_local_activity_work(run_id)
        {
            self.run_local_activities(worker, work);
        }
        if let Some((run_id, progress)) = self.workers[worker].workflows.next_buffered() {
            self.workflow_task_progress(worker, &run_id, progress);
        }
    }

    fn act_on_progress(&mut self, worker: usize, run_id: &str, progress: WorkflowTaskProgress) {
        let name = self.workers[worker]
            .runs
            .get(run_id)
            .cloned()
            .unwrap_or_else(|| "unknown workflow".into());
        match progress {
            WorkflowTaskProgress::Completed(request) => {
                for command in &request.commands {
                    self.record(
                        "command",
                        format_args!("{name} {:?}", command.command_type()),
                    );
                }
                self.complete_workflow_task(worker, run_id, &name, (*request).into());
            }
            WorkflowTaskProgress::Failed(failure) => {
                self.workflow_task_failed(worker, run_id, &name, *failure);
            }
            WorkflowTaskProgress::QueryAnswered(request) => {
                let label = format!("{name}/query answer").into();
                self.worker_request(worker, WorkerCall::Report, label, (*request).into());
            }
            WorkflowTaskProgress::QueryFailed(failed) => {
                if let Some(report) = diagnosis::query_failed(self, run_id, &failed) {
                    return self.fail(report);
                }
                let label = format!("{name}/query answer").into();
                self.worker_request(worker, WorkerCall::Report, label, failed.request.into());
            }
            WorkflowTaskProgress::NeedsHistory { run_id, request } => {
                let label = format!("{name}/worker's history").into();
                self.worker_request(
                    worker,
                    WorkerCall::FetchHistory { run_id },
                    label,
                    (*request).into(),
                );
            }
            WorkflowTaskProgress::RunLocalActivities(work) => {
                self.run_local_activities(worker, *work)
            }
            _ => {}
        }
    }

    fn complete_workflow_task(
        &mut self,
        worker: usize,
        run_id: &str,
        name: &Rc<str>,
        request: Request,
    ) {
        let fate = self.task_fate(worker, TaskMoment::Done, name, None);
        if let Some(TaskFate::Crash {
            restart_after_ms,
            version,
        }) = fate
        {
            return self.crash_worker(worker, restart_after_ms, version);
        }
        let delay = if let Some(TaskFate::Late(delay)) = fate {
            delay
        } else {
            Delay::default()
        };
        let label: Rc<str> = format!("{name}/workflow task completed").into();
        let call = WorkerCall::CompleteWorkflowTask {
            run_id: run_id.to_owned(),
        };
        self.workers[worker]
            .reporting
            .entry(run_id.to_owned())
            .or_default();
        let incarnation = self.workers[worker].incarnation;
        self.send_request_late(
            Caller::Worker {
                worker,
                incarnation,
                call,
            },
            label,
            request,
            delay,
        );
    }

    fn workflow_task_recorded(
        &mut self,
        worker: usize,
        incarnation: u32,
        run_id: &str,
        next: Option<PolledWorkflowTask>,
    ) {
        if let Some(name) = self.workers[worker].runs.get(run_id).cloned()
            && let Some(TaskFate::Crash {
                restart_after_ms,
                version,
            }) = self.task_fate(worker, TaskMoment::Recorded, &name, None)
        {
            return self.crash_worker(worker, restart_after_ms, version);
        }
        let waiting = self.workers[worker]
            .reporting
            .remove(run_id)
            .unwrap_or_default();
        if let Some(task) = next {
            self.workflow_task_arrives(worker, task);
        }
        self.begin_tasks(worker, incarnation, waiting);
    }

    /// Begins the tasks of a run that came while its last completion was on its way.
    fn begin_tasks(&mut self, worker: usize, incarnation: u32, waiting: Vec<PolledWorkflowTask>) {
        for task in waiting {
            // Under faults it may have waited longer than its caller: history has gone on, and
            // replaying it for an answer that nobody wants would only show the workflow what its
            // next task is to bring.
            let is_stale = task.query.is_some()
                && self.faults.any()
                && !self.service.is_query_awaited(&task.task_token);
            if !is_stale
                && self.workers[worker].up
                && self.workers[worker].incarnation == incarnation
            {
                self.workflow_task_arrives(worker, task);
            }
        }
    }

    fn workflow_task_failed(
        &mut self,
        worker: usize,
        run_id: &str,
        name: &Rc<str>,
        failed: WorkflowTaskFailure,
    ) {
        self.record(
            "workflow task failed",
            format_args!("{name}: {}", failed.failure.message),
        );
        self.workers[worker].runs.remove(run_id);
        self.forget_local_activities(worker, run_id);
        if let Some(report) = diagnosis::workflow_task_failed(self, run_id, &failed) {
            return self.fail(report);
        }
        if let Some(request) = failed.request {
            let label = format!("{name}/workflow task failed").into();
            self.worker_request(worker, WorkerCall::Report, label, (*request).into());
        }
    }

    pub(super) fn worker_request(
        &mut self,
        worker: usize,
        call: WorkerCall,
        label: Rc<str>,
        request: Request,
    ) {
        let incarnation = self.workers[worker].incarnation;
        self.send_request(
            Caller::Worker {
                worker,
                incarnation,
                call,
            },
            label,
            request,
        );
    }

    /// Something a worker waited for by the clock is due.
    pub(crate) fn alarm(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::Heartbeat {
                worker,
                incarnation,
                token,
            } => {
                if self.workers[worker].incarnation != incarnation {
                    return;
                }
                self.heartbeat_due(worker, &token);
            }
            Alarm::Restart { worker, version } => self.restart_worker(worker, version),
            Alarm::LocalActivity {
                key,
                request,
                moment,
            } => self.local_activity_due(&key, request, moment),
            Alarm::WorkflowTaskHeartbeat {
                worker,
                incarnation,
                run_id,
                task,
            } => {
                if self.workers[worker].incarnation == incarnation {
                    let progress = self.workers[worker]
                        .workflows
                        .on_heartbeat_due(&run_id, task);
                    self.workflow_task_progress(worker, &run_id, progress);
                }
            }
        }
    }
}
