//! A turn of a batch operation: the request that it makes about one execution.
//!
//! Source: `temporalio/temporal: service/worker/batcher/activities.go` (`processSingleTask`).

use tonic::{Code, Status};

use crate::{
    api::{
        Attributes, WorkflowExecution,
        batch::{
            BatchOperationReset, BatchOperationResetActivities, BatchOperationUnpauseActivities,
            BatchOperationUpdateActivityOptions,
            batch_operation_reset_activities::Activity as ResetOf,
            batch_operation_unpause_activities::Activity as UnpauseOf,
            batch_operation_update_activity_options::Activity as UpdateOf,
        },
        common::{ResetOptions, reset_options::Target},
        enums::{BatchOperationType, ResetReapplyExcludeType, ResetReapplyType, ResetType},
        rpc::{
            DeleteActivityExecutionRequest, DeleteWorkflowExecutionRequest,
            RequestCancelActivityExecutionRequest, RequestCancelWorkflowExecutionRequest,
            ResetActivityRequest, ResetWorkflowExecutionRequest, SignalWorkflowExecutionRequest,
            TerminateActivityExecutionRequest, TerminateWorkflowExecutionRequest,
            UnpauseActivityRequest, UpdateActivityOptionsRequest,
            UpdateWorkflowExecutionOptionsRequest, reset_activity_request,
            start_batch_operation_request::Operation, unpause_activity_request,
            update_activity_options_request,
        },
    },
    base::{
        identifiers::{BatchKey, RequestId, derived_uuid},
        time::instant_ms,
    },
    batch_operation::{Attempt, BatchOperation},
    frontend::{self, batch_operations, describe_workflow_execution::execution_info, validate},
    messages::request::Request,
    run::Run,
    state::service::Service,
};

/// The identity of the server's own client: a process, and a host.
const CLIENT: &str = "1@temporal@";

/// An attempt that failed, and that may be made again.
struct Refused {
    status: Status,
    /// True if no other attempt can succeed.
    for_good: bool,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self {
            status,
            for_good: false,
        }
    }
}

/// Takes the turn of a job that is due.
pub(crate) fn fire(service: &mut Service, key: BatchKey) {
    let now_ms = service.now_ms;
    let operation = service.batch_operations.get(key);
    if !operation.has_begun() {
        let found = batch_operations::targets::find(service, &operation.request);
        let operation = service.batch_operations.get_mut(key);
        match found {
            Ok((all, page)) => operation.begin(now_ms, all, page),
            Err(_) => operation.fail(now_ms),
        }
    } else if let Some(request) = request(service, operation) {
        let of_activities = matches!(
            operation.operation_type(),
            BatchOperationType::TerminateActivity | BatchOperationType::CancelActivity
        );
        let attempt = match request.and_then(|request| send(service, request)) {
            Ok(()) => Attempt::Succeeded,
            // The execution has closed, or was deleted.
            Err(refused) if refused.status.code() == Code::NotFound => Attempt::Succeeded,
            Err(refused) if refused.for_good => Attempt::FailedForGood,
            // The activity has closed, or another request was first.
            Err(refused) if refused.status.code() == Code::FailedPrecondition && of_activities => {
                Attempt::FailedForGood
            }
            Err(_) => Attempt::Failed,
        };
        service.batch_operations.get_mut(key).tried(now_ms, attempt);
    }
    batch_operations::close_transaction(service, key);
}

/// Makes a request, as a client does. None of these requests waits for its answer.
fn send(service: &mut Service, mut request: Request) -> Result<(), Refused> {
    validate::validate(&mut request, &service.config, service.now_ms)?;
    frontend::handle(service, RequestId(0), None, request)?;
    Ok(())
}

/// Returns the request about the execution whose turn it is.
fn request(service: &Service, operation: &BatchOperation) -> Option<Result<Request, Refused>> {
    let target = operation.target()?;
    let execution = WorkflowExecution {
        workflow_id: target.business_id.clone(),
        run_id: target.run_id.clone(),
    };
    let about = About {
        namespace: service.config.namespace.clone(),
        reason: &operation.request.reason,
        job_id: &operation.request.job_id,
        execution,
    };
    Some(match operation.request.operation.as_ref()? {
        Operation::TerminationOperation(_) => Ok(TerminateWorkflowExecutionRequest {
            namespace: about.namespace,
            workflow_execution: Some(about.execution),
            reason: about.reason.to_owned(),
            identity: CLIENT.to_owned(),
            ..TerminateWorkflowExecutionRequest::default()
        }
        .into()),
        Operation::CancellationOperation(_) => Ok(RequestCancelWorkflowExecutionRequest {
            namespace: about.namespace,
            workflow_execution: Some(about.execution),
            identity: CLIENT.to_owned(),
            ..RequestCancelWorkflowExecutionRequest::default()
        }
        .into()),
        Operation::SignalOperation(signal) => Ok(SignalWorkflowExecutionRequest {
            request_id: about.request_id("signal", &[&signal.signal]),
            namespace: about.namespace,
            workflow_execution: Some(about.execution),
            signal_name: signal.signal.clone(),
            input: signal.input.clone(),
            identity: signal.identity.clone(),
            ..SignalWorkflowExecutionRequest::default()
        }
        .into()),
        Operation::DeletionOperation(_) => Ok(DeleteWorkflowExecutionRequest {
            namespace: about.namespace,
            workflow_execution: Some(about.execution),
        }
        .into()),
        Operation::ResetOperation(reset) => about.reset(service, reset),
        Operation::UpdateWorkflowOptionsOperation(update) => {
            Ok(UpdateWorkflowExecutionOptionsRequest {
                namespace: about.namespace,
                workflow_execution: Some(about.execution),
                workflow_execution_options: update.workflow_execution_options.clone(),
                update_mask: update.update_mask.clone(),
                identity: update.identity.clone(),
            }
            .into())
        }
        Operation::UnpauseActivitiesOperation(unpause) => Ok(about.unpause(unpause)),
        Operation::ResetActivitiesOperation(reset) => Ok(about.reset_activities(reset)),
        Operation::UpdateActivityOptionsOperation(update) => Ok(about.update_activities(update)),
        Operation::CancelActivitiesOperation(cancel) => Ok(RequestCancelActivityExecutionRequest {
            request_id: about.request_id("cancel-activity", &[]),
            namespace: about.namespace,
            activity_id: about.execution.workflow_id,
            run_id: about.execution.run_id,
            identity: cancel.identity.clone(),
            reason: cancel.reason.clone(),
        }
        .into()),
        Operation::TerminateActivitiesOperation(terminate) => {
            Ok(TerminateActivityExecutionRequest {
                request_id: about.request_id("terminate-activity", &[]),
                namespace: about.namespace,
                activity_id: about.execution.workflow_id,
                run_id: about.execution.run_id,
                identity: terminate.identity.clone(),
                reason: terminate.reason.clone(),
            }
            .into())
        }
        Operation::DeleteActivitiesOperation(_) => Ok(DeleteActivityExecutionRequest {
            namespace: about.namespace,
            activity_id: about.execution.workflow_id,
            run_id: about.execution.run_id,
        }
        .into()),
    })
}

/// An execution, and the job that acts on it.
struct About<'a> {
    namespace: String,
    reason: &'a str,
    job_id: &'a str,
    execution: WorkflowExecution,
}

impl About<'_> {
    /// Returns the id of a request, by which its repetition is recognised.
    fn request_id(&self, what: &str, more: &[&str]) -> String {
        let WorkflowExecution {
            workflow_id,
            run_id,
        } = &self.execution;
        let mut parts = vec![self.job_id, what, workflow_id, run_id];
        parts.extend(more);
        derived_uuid(&parts.join(":"), 0)
    }

    fn unpause(self, unpause: &BatchOperationUnpauseActivities) -> Request {
        let activity = unpause.activity.as_ref().map(|activity| match activity {
            UnpauseOf::Type(name) => unpause_activity_request::Activity::Type(name.clone()),
            UnpauseOf::MatchAll(_) => unpause_activity_request::Activity::UnpauseAll(true),
        });
        UnpauseActivityRequest {
            namespace: self.namespace,
            execution: Some(self.execution),
            identity: unpause.identity.clone(),
            reset_attempts: unpause.reset_attempts,
            reset_heartbeat: unpause.reset_heartbeat,
            jitter: unpause.jitter,
            activity,
        }
        .into()
    }

    fn reset_activities(self, reset: &BatchOperationResetActivities) -> Request {
        let activity = reset.activity.as_ref().map(|activity| match activity {
            ResetOf::Type(name) => reset_activity_request::Activity::Type(name.clone()),
            ResetOf::MatchAll(_) => reset_activity_request::Activity::MatchAll(true),
        });
        ResetActivityRequest {
            namespace: self.namespace,
            execution: Some(self.execution),
            identity: reset.identity.clone(),
            reset_heartbeat: reset.reset_heartbeat,
            keep_paused: reset.keep_paused,
            jitter: reset.jitter,
            restore_original_options: reset.restore_original_options,
            activity,
        }
        .into()
    }

    fn update_activities(self, update: &BatchOperationUpdateActivityOptions) -> Request {
        let activity = update.activity.as_ref().map(|activity| match activity {
            UpdateOf::Type(name) => update_activity_options_request::Activity::Type(name.clone()),
            UpdateOf::MatchAll(_) => update_activity_options_request::Activity::MatchAll(true),
        });
        UpdateActivityOptionsRequest {
            namespace: self.namespace,
            execution: Some(self.execution),
            identity: update.identity.clone(),
            activity_options: update.activity_options.clone(),
            update_mask: Some(update.update_mask.clone().unwrap_or_default()),
            restore_original: update.restore_original,
            activity,
        }
        .into()
    }

    fn reset(mut self, service: &Service, reset: &BatchOperationReset) -> Result<Request, Refused> {
        let request_id = self.request_id("reset", &[]);
        let key = service.executions.lookup(Some(&self.execution));
        // The server's client hides the code.
        let key = key.map_err(|_| Status::unknown("failed to get workflow execution history"))?;
        let run = service.executions.run(key);
        #[allow(deprecated, reason = "clients still send the older fields")]
        let (point, reapply, excluded) = match &reset.options {
            Some(options) => (
                self.point_by_options(service, run, options)?,
                options.reset_reapply_type(),
                options.reset_reapply_exclude_types().collect(),
            ),
            None => (
                point_by_type(run, reset.reset_type())?,
                reset.reset_reapply_type(),
                Vec::new(),
            ),
        };
        let (reapply, excluded): (ResetReapplyType, Vec<ResetReapplyExcludeType>) =
            (reapply, excluded);
        #[allow(deprecated, reason = "the server still passes the older field on")]
        let request = ResetWorkflowExecutionRequest {
            namespace: self.namespace,
            workflow_execution: Some(self.execution),
            reason: self.reason.to_owned(),
            request_id,
            workflow_task_finish_event_id: point,
            reset_reapply_type: reapply.into(),
            reset_reapply_exclude_types: excluded.into_iter().map(Into::into).collect(),
            post_reset_operations: reset.post_reset_operations.clone(),
            identity: reset.identity.clone(),
        };
        Ok(request.into())
    }

    /// Returns the event to reset to. It may be one of an earlier run, which is reset then.
    fn point_by_options(
        &mut self,
        service: &Service,
        run: &Run,
        options: &ResetOptions,
    ) -> Result<i64, Refused> {
        match &options.target {
            Some(Target::FirstWorkflowTask(())) => first_task(run),
            Some(Target::LastWorkflowTask(())) => last_task(run),
            Some(Target::WorkflowTaskId(id)) => Ok(*id),
            Some(Target::BuildId(build_id)) => {
                self.point_of_build(service, run, build_id, options.current_run_only)
            }
            None => Err(Status::invalid_argument("provided reset target is not supported.").into()),
        }
    }

    /// Returns the first task that a build completed.
    fn point_of_build(
        &mut self,
        service: &Service,
        run: &Run,
        build_id: &str,
        current_run_only: bool,
    ) -> Result<i64, Refused> {
        let failed = |message: String| Err(Status::unknown(message).into());
        let points = execution_info(run).auto_reset_points.unwrap_or_default();
        let point = points.points.iter().find(|it| it.build_id == build_id);
        let Some(point) = point else {
            return failed(format!("Can't find reset point for {build_id}"));
        };
        let is_over = |at| instant_ms(at) < service.now_ms;
        if !point.resettable {
            return failed(format!("Reset point for {build_id} is not resettable"));
        }
        if point.expire_time.as_ref().is_some_and(is_over) {
            return failed(format!("Reset point for {build_id} is expired"));
        }
        if current_run_only && point.run_id != self.execution.run_id {
            return failed(format!(
                "Reset point for {build_id} points to previous run and CurrentRunOnly is set"
            ));
        }
        self.execution.run_id.clone_from(&point.run_id);
        Ok(point.first_workflow_task_completed_id)
    }
}

fn point_by_type(run: &Run, reset_type: ResetType) -> Result<i64, Refused> {
    match reset_type {
        ResetType::FirstWorkflowTask => first_task(run),
        ResetType::LastWorkflowTask => last_task(run),
        ResetType::Unspecified => {
            Err(Status::invalid_argument("provided reset type is not supported.").into())
        }
    }
}

/// Returns the end of the first workflow task; without one, the event after the first schedule of a
/// task.
fn first_task(run: &Run) -> Result<i64, Refused> {
    completed(run).next().map_or_else(|| scheduled(run), Ok)
}

/// Returns the end of the last workflow task; without one, the event after the first schedule of a
/// task.
fn last_task(run: &Run) -> Result<i64, Refused> {
    completed(run).last().map_or_else(|| scheduled(run), Ok)
}

fn completed(run: &Run) -> impl Iterator<Item = i64> {
    let events = run.history.events().iter();
    let is_completed = |attributes: &Attributes| {
        matches!(
            attributes,
            Attributes::WorkflowTaskCompletedEventAttributes(_)
        )
    };
    events
        .filter(move |event| event.attributes.as_ref().is_some_and(is_completed))
        .map(|event| event.event_id)
}

fn scheduled(run: &Run) -> Result<i64, Refused> {
    let mut events = run.history.events().iter();
    let is_scheduled = |attributes: &Attributes| {
        matches!(
            attributes,
            Attributes::WorkflowTaskScheduledEventAttributes(_)
        )
    };
    let first = events.find(|event| event.attributes.as_ref().is_some_and(is_scheduled));
    first.map(|event| event.event_id + 1).ok_or(Refused {
        status: Status::unknown("unable to find any scheduled or completed task"),
        for_good: true,
    })
}
