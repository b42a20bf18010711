//! RespondWorkflowTaskCompleted: the commands of a worker become events.
//!
//! Source: `temporalio/temporal: service/history/api/respondworkflowtaskcompleted/api.go`.

use tonic::Status;

use crate::{
    api::{
        common::WorkerVersionStamp,
        enums::{TimeoutType, VersioningBehavior},
        rpc::{
            PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse,
            RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
        },
        taskqueue::StickyExecutionAttributes,
    },
    base::{
        identifiers::RunKey,
        status,
        time::duration_ms,
        versions::{Target, is_versioned},
    },
    commands::{
        self,
        context::CommandContext,
        failure::{CommandFailure, Consequence},
    },
    frontend::answer::Handled,
    history::EventDecoration,
    matching::{start_activity_task::start_eagerly, start_workflow_task::workflow_task_response},
    run::{
        close::{HISTORY_SERVICE, Termination},
        token::TaskToken,
        workflow_task::{
            Starter, Sticky, WorkflowTask, WorkflowTaskFailure, WorkflowTaskKind,
            endings::unversioned,
        },
    },
    state::{
        answers::{queries, updates},
        service::Service,
    },
};

pub(super) fn handle(
    service: &mut Service,
    mut request: Box<RespondWorkflowTaskCompletedRequest>,
) -> Handled {
    let (key, task) = started_task(service, &request.task_token)?;
    check_behavior(&request)?;
    let handled = Completion::new(&mut request).apply(service, key, &task, request);
    if handled.is_err() && task.kind == WorkflowTaskKind::Speculative {
        // The worker drops the run from its cache when it gets this error. It cannot fetch a
        // history that has the events of a speculative task, so the next task must bring them all.
        service.executions.run_mut(key).state.workflow_task.sticky = None;
    }
    queries::release_buffered(service, key);
    handled
}

/// Checks that only a versioned worker tells a versioning behavior.
#[allow(
    deprecated,
    reason = "older SDKs tell their deployment in another field"
)]
fn check_behavior(request: &RespondWorkflowTaskCompletedRequest) -> Result<(), Status> {
    let is_versioned = request
        .deployment_options
        .as_ref()
        .is_some_and(is_versioned);
    let is_told = request.versioning_behavior() != VersioningBehavior::Unspecified;
    if is_told && request.deployment.is_none() && !is_versioned {
        return Err(Status::invalid_argument(
            "versioning behavior cannot be specified without deployment options being set with \
             versioned mode",
        ));
    }
    Ok(())
}

/// Returns the run and the started task that a token names.
///
/// # Errors
///
/// NOT_FOUND if the task is not started any more, or the run is closed.
pub(crate) fn started_task(
    service: &Service,
    token: &[u8],
) -> Result<(RunKey, WorkflowTask), Status> {
    let not_found = || status::not_found("Workflow task not found.");
    let TaskToken::WorkflowTask {
        run,
        scheduled_event_id,
        start_ordinal,
        attempt,
    } = TaskToken::decode(token)?
    else {
        return Err(Status::invalid_argument("Error deserializing task token."));
    };
    let run = service.executions.find(run).ok_or_else(not_found)?;
    run.state
        .workflow_task
        .started()
        .filter(|task| {
            run.is_running()
                && task.scheduled_event_id == scheduled_event_id
                && task.start_ordinal == start_ordinal
                && task.attempt == attempt
        })
        .map(|task| (run.key, task.clone()))
        .ok_or_else(not_found)
}

/// The parts of a completion that are used after its commands.
struct Completion {
    identity: String,
    stamp: Option<WorkerVersionStamp>,
    returns_new_task: bool,
    forces_new_task: bool,
    is_heartbeat: bool,
    query_results: queries::Results,
}

impl Completion {
    fn new(request: &mut RespondWorkflowTaskCompletedRequest) -> Self {
        Self {
            query_results: std::mem::take(&mut request.query_results),
            identity: request.identity.clone(),
            #[allow(deprecated, reason = "the server still writes the stamp")]
            stamp: unversioned(request.worker_version_stamp.as_ref()).cloned(),
            returns_new_task: request.return_new_workflow_task,
            forces_new_task: request.force_create_new_workflow_task,
            is_heartbeat: request.force_create_new_workflow_task
                && request.commands.is_empty()
                && request.messages.is_empty(),
        }
    }

    fn apply(
        mut self,
        service: &mut Service,
        key: RunKey,
        task: &WorkflowTask,
        mut request: Box<RespondWorkflowTaskCompletedRequest>,
    ) -> Handled {
        // Heartbeats may not keep the task alive forever.
        if self.has_beaten_too_long(service, task) {
            self.answer_queries(service, key);
            let sticky = sticky_of(request.sticky_attributes.take());
            self.time_out_heartbeats(service, key, sticky);
            return Err(status::not_found("workflow task heartbeat timeout"));
        }
        // Apply the commands, all of them or none.
        commands::sequence::check(&request.commands)?;
        let applied = apply_commands(service, key, &mut request);
        match applied {
            Ok(applied) => {
                self.answer_queries(service, key);
                let eager = self.start_eagerly(service, key, &applied.eager_activities);
                let mut response = self.schedule_next(service, key, task, applied.needs_task);
                response.activity_tasks = eager;
                if applied.left_no_trace {
                    let run = service.executions.run(key);
                    response.reset_history_event_id =
                        run.state.workflow_task.last_completed_started_event_id;
                }
                service.close_transaction(key);
                Ok(response.into())
            }
            Err(failure) if failure.consequence == Consequence::RefusesCompletion => {
                Err(Status::invalid_argument(failure.message))
            }
            Err(failure) => {
                service.executions.run_mut(key).updates.abort_sent();
                let refused = failure.to_status();
                // Fail the task; its commands have been rolled back.
                if task.attempt == 1 || failure.is_unhandled_command() {
                    self.answer_queries(service, key);
                    let now_ms = service.now_ms;
                    let terminates_run = failure.consequence == Consequence::TerminatesRun;
                    let run = service.executions.run_mut(key);
                    let failed = WorkflowTaskFailure::new(
                        failure.cause,
                        Some(failure.to_failure()),
                        &self.identity,
                    );
                    run.fail_workflow_task(now_ms, failed);
                    if terminates_run {
                        let reason = failure.to_string();
                        let identity = HISTORY_SERVICE.to_owned();
                        run.terminate(
                            now_ms,
                            Termination {
                                reason,
                                identity,
                                ..Termination::default()
                            },
                        );
                    } else {
                        run.schedule_workflow_task(now_ms, WorkflowTaskKind::Normal);
                    }
                    service.close_transaction(key);
                }
                updates::answer(service, key);
                // From the second attempt on, the task is left to time out, so that the worker does
                // not retry at once.
                Err(refused)
            }
        }
    }

    /// Answers the queries that went along with the task. The answers count even if the commands
    /// are bad, but not if the completion is refused as a whole.
    fn answer_queries(&mut self, service: &mut Service, key: RunKey) {
        queries::answer_attached(service, key, std::mem::take(&mut self.query_results));
    }

    /// Returns `true` if heartbeats have kept the task alive for longer than is allowed.
    fn has_beaten_too_long(&self, service: &Service, task: &WorkflowTask) -> bool {
        let limit_ms = service.config.limits.workflow_task_heartbeat_ms;
        self.is_heartbeat && service.now_ms > task.original_scheduled_ms.saturating_add(limit_ms)
    }

    /// Schedules the next workflow task, if there is work for it. The worker gets it at once if it
    /// has requested that.
    fn schedule_next(
        &self,
        service: &mut Service,
        key: RunKey,
        task: &WorkflowTask,
        needs_task: bool,
    ) -> RespondWorkflowTaskCompletedResponse {
        let mut response = RespondWorkflowTaskCompletedResponse::default();
        let now_ms = service.now_ms;
        let run = service.executions.run_mut(key);
        let needs_task = needs_task || self.forces_new_task;
        if !run.is_running() || !(needs_task || run.updates.has_outgoing()) {
            return response;
        }
        // A task for updates alone may leave no trace, if they are all rejected. Such a task cannot
        // wait in a queue.
        let kind = if needs_task || !self.returns_new_task {
            WorkflowTaskKind::Normal
        } else {
            WorkflowTaskKind::Speculative
        };
        run.keeps_speculative = kind == WorkflowTaskKind::Speculative;
        let original_scheduled_ms = if self.is_heartbeat {
            task.original_scheduled_ms
        } else {
            now_ms
        };
        run.record_workflow_task_scheduled(now_ms, original_scheduled_ms, kind);
        // A run that moves to another version gets its next task there.
        let versioning = run.state.versioning.as_ref();
        let moves = versioning.is_some_and(|it| it.transition.is_some())
            && kind == WorkflowTaskKind::Normal;
        if !self.returns_new_task || moves {
            run.offer_workflow_task();
            return response;
        }
        response.workflow_task = Some(self.start_next(service, key));
        response
    }

    /// Starts the activities that the worker wants to begin at once, unless they have closed with
    /// the commands after them.
    fn start_eagerly(
        &self,
        service: &mut Service,
        key: RunKey,
        activity_ids: &[String],
    ) -> Vec<PollActivityTaskQueueResponse> {
        let ids = activity_ids.iter();
        ids.filter_map(|id| start_eagerly(service, key, id, &self.identity))
            .collect()
    }

    /// Starts the task just scheduled for the worker that requested it.
    fn start_next(&self, service: &mut Service, key: RunKey) -> PollWorkflowTaskQueueResponse {
        let limits = &service.config.limits;
        let run = service.executions.run_mut(key);
        let request_id = "request-from-RespondWorkflowTaskCompleted".to_owned();
        let worker = Starter {
            identity: &self.identity,
            stamp: self.stamp.as_ref(),
        };
        run.note_target(Target {
            version: None,
            revision: -1,
        });
        run.start_workflow_task(service.now_ms, limits, worker, request_id);
        // The worker has the run in its cache, so the task brings only new events.
        let next = workflow_task_response(run, &service.queries, limits, &self.identity, true);
        let messages = run
            .updates
            .send(next.started_event_id, self.forces_new_task);
        next.with_messages(messages).into_message()
    }

    /// Times out a task that heartbeats kept alive for too long.
    ///
    /// If the worker requested the next task, it is started for the worker. But the worker gets the
    /// timeout instead of the task, which then times out too. `tests/workflow_task_test.go`
    /// (`TestWorkflowTaskHeartbeatingWithEmptyResult`) shows such a history.
    fn time_out_heartbeats(&self, service: &mut Service, key: RunKey, sticky: Option<Sticky>) {
        let now_ms = service.now_ms;
        let run = service.executions.run_mut(key);
        run.time_out_workflow_task(now_ms, TimeoutType::StartToClose);
        run.state.workflow_task.sticky = sticky;
        run.record_workflow_task_scheduled(now_ms, now_ms, WorkflowTaskKind::Normal);
        if self.returns_new_task {
            self.start_next(service, key);
        } else {
            run.offer_workflow_task();
        }
        service.close_transaction(key);
    }
}

/// Returns the sticky queue that the completion names, if it does.
fn sticky_of(attributes: Option<StickyExecutionAttributes>) -> Option<Sticky> {
    let attributes = attributes?;
    Some(Sticky {
        name: attributes.worker_task_queue?.name,
        schedule_to_start_ms: duration_ms(attributes.schedule_to_start_timeout.as_ref()),
    })
}

/// The outcome of the commands of a task.
struct AppliedCommands {
    /// True if there is work for another task.
    needs_task: bool,
    /// True if the task was speculative and left no trace.
    left_no_trace: bool,
    /// The ids of the activities that the worker wants to begin at once.
    eager_activities: Vec<String>,
}

/// Completes the task and applies its commands, or leaves the run unchanged.
///
/// # Errors
///
/// The failure of the first bad command.
fn apply_commands(
    service: &mut Service,
    key: RunKey,
    request: &mut RespondWorkflowTaskCompletedRequest,
) -> Result<AppliedCommands, CommandFailure> {
    let now_ms = service.now_ms;
    let next_run_ordinal = service
        .executions
        .next_ordinal(&service.executions.run(key).workflow_id);
    let run = service.executions.run_mut(key);
    let has_buffered_events = !run.history.buffered().is_empty();
    // Complete the task, and remember the state before it.
    let savepoint = run.savepoint();
    let completed_event_id = run.complete_workflow_task(now_ms, request);
    let mut commands = std::mem::take(&mut request.commands);
    let is_heartbeat = request.force_create_new_workflow_task;
    run.state.workflow_task.sticky = sticky_of(request.sticky_attributes.take());
    let mut context = CommandContext {
        run,
        now_ms,
        config: &service.config,
        limits: &service.config.limits,
        nexus_endpoints: &service.nexus_endpoints,
        deployments: &service.deployments,
        completed_event_id: completed_event_id.unwrap_or(0),
        identity: &request.identity,
        has_buffered_events,
        needs_workflow_task: false,
        eager_activities: Vec::new(),
        next_run_ordinal,
        next_run: None,
        messages: std::mem::take(&mut request.messages),
        decoration: EventDecoration::default(),
    };
    // Apply the commands, then keep the result or restore the state.
    let applied = commands::apply(&mut context, &mut commands);
    let (needs_task, next_run) = (
        context.has_buffered_events || context.needs_workflow_task,
        context.next_run.take(),
    );
    let eager_activities = std::mem::take(&mut context.eager_activities);
    match applied {
        Ok(()) => {
            if !is_heartbeat && run.is_running() {
                run.updates.reject_unprocessed();
            }
            run.commit(savepoint);
            if let Some(next_run) = next_run {
                service.start_run(*next_run);
            }
            Ok(AppliedCommands {
                needs_task,
                left_no_trace: completed_event_id.is_none(),
                eager_activities,
            })
        }
        Err(failure) => {
            run.rollback(savepoint);
            Err(failure)
        }
    }
}
