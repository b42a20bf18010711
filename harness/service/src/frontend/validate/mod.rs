//! The checks of requests, RPC by RPC.
//!
//! Codes and messages are the server's, and name the field. Unset fields that the server's frontend
//! fills in (policies, kinds, retry intervals, stages) are filled in here, so that handlers see
//! only complete requests. Two ids that the server draws at random are left empty: a request id,
//! which then never matches another, and an update id, which the service derives.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`,
//! `chasm/lib/workflow/validator.go`, `common/rpc/interceptor/namespace_validator.go`.

mod activity;
mod batch;
mod execution;
mod nexus;
pub(crate) mod schedule;
mod task_queue_config;
mod update;
mod worker;

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use tonic::Status;

use crate::{
    base::{
        checks::{invalid, task_queue},
        config::ServiceConfig,
        search_attributes::check_sizes,
        status,
    },
    messages::request::Request,
    policies::start_requests,
};

/// Checks a request and fills in its defaults.
///
/// # Errors
///
/// NOT_FOUND for an unknown namespace, INVALID_ARGUMENT for a malformed request, PERMISSION_DENIED
/// and UNIMPLEMENTED where the server returns them.
#[allow(deprecated, reason = "SDKs still send the build id with each poll")]
pub(crate) fn validate(
    request: &mut Request,
    config: &ServiceConfig,
    now_ms: u64,
) -> Result<(), Status> {
    check_namespace(request, config)?;
    check_search_attributes(request, config)?;
    let limits = &config.limits;
    match request {
        // Only the namespace is checked here, or the task token is checked later.
        Request::GetSystemInfo(_)
        | Request::GetClusterInfo(_)
        | Request::GetSearchAttributes(_)
        | Request::RegisterNamespace(_)
        | Request::DescribeNamespace(_)
        | Request::ListNamespaces(_)
        | Request::UpdateNamespace(_)
        | Request::DeprecateNamespace(_)
        | Request::ListWorkflowExecutions(_)
        | Request::ScanWorkflowExecutions(_)
        | Request::CountWorkflowExecutions(_)
        | Request::ListOpenWorkflowExecutions(_)
        | Request::ListClosedWorkflowExecutions(_)
        | Request::ListActivityExecutions(_)
        | Request::CountActivityExecutions(_)
        | Request::ListNexusOperationExecutions(_)
        | Request::CountNexusOperationExecutions(_)
        | Request::ShutdownWorker(_)
        | Request::RecordWorkerHeartbeat(_)
        | Request::ListWorkers(_)
        | Request::CountWorkers(_)
        | Request::DescribeWorker(_)
        | Request::DescribeWorkerDeployment(_)
        | Request::DescribeWorkerDeploymentVersion(_)
        | Request::ListWorkerDeployments(_)
        | Request::SetWorkerDeploymentCurrentVersion(_)
        | Request::SetWorkerDeploymentRampingVersion(_)
        | Request::DeleteWorkerDeployment(_)
        | Request::DeleteWorkerDeploymentVersion(_)
        | Request::CreateWorkerDeployment(_)
        | Request::CreateWorkerDeploymentVersion(_)
        | Request::UpdateWorkerDeploymentVersionMetadata(_)
        | Request::SetWorkerDeploymentManager(_)
        | Request::UpdateWorkerBuildIdCompatibility(_)
        | Request::GetWorkerBuildIdCompatibility(_)
        | Request::UpdateWorkerVersioningRules(_)
        | Request::GetWorkerVersioningRules(_)
        | Request::GetWorkerTaskReachability(_)
        | Request::DescribeSchedule(_)
        | Request::ListScheduleMatchingTimes(_)
        | Request::DeleteSchedule(_)
        | Request::ListSchedules(_)
        | Request::CountSchedules(_)
        | Request::ListBatchOperations(_)
        | Request::PauseWorkflowExecution(_)
        | Request::CreateWorkflowRule(_)
        | Request::DescribeWorkflowRule(_)
        | Request::DeleteWorkflowRule(_)
        | Request::ListWorkflowRules(_)
        | Request::TriggerWorkflowRule(_)
        | Request::RespondQueryTaskCompleted(_)
        | Request::RecordActivityTaskHeartbeat(_)
        | Request::RespondNexusTaskCompleted(_)
        | Request::RespondNexusTaskFailed(_)
        | Request::CompleteNexusOperation(_) => Ok(()),

        Request::StartWorkflowExecution(request) => start_requests::start(request, limits, now_ms),
        Request::SignalWithStartWorkflowExecution(request) => {
            start_requests::signal_with_start(request, limits, now_ms)
        }
        Request::ExecuteMultiOperation(request) => update::multi_operation(request, config, now_ms),
        Request::UpdateWorkflowExecution(request) => update::update(request, limits),
        Request::PollWorkflowExecutionUpdate(request) => update::poll(request),

        Request::CreateSchedule(request) => schedule::create(request, config),
        Request::UpdateSchedule(request) => schedule::update(request, config),
        Request::PatchSchedule(request) => schedule::patch(request, limits, now_ms),

        Request::UnpauseWorkflowExecution(request) => execution::unpause(request, limits),
        Request::PollWorkflowExecutionTimeSkipping(request) => {
            execution(request.workflow_execution.as_ref())
        }
        Request::UpdateTaskQueueConfig(request) => task_queue_config::update(request, limits),
        Request::StartBatchOperation(request) => batch::start(request),
        Request::StopBatchOperation(request) => batch::stop(request),
        Request::DescribeBatchOperation(request) => batch::job(&request.job_id),

        Request::SignalWorkflowExecution(request) => execution::signal(request, limits),
        Request::QueryWorkflow(request) => execution::query(request, limits),
        Request::TerminateWorkflowExecution(request) => execution::terminate(request),
        Request::ResetWorkflowExecution(request) => execution::reset(request, limits),
        Request::GetWorkflowExecutionHistory(request) => execution::history(request, limits),
        Request::GetWorkflowExecutionHistoryReverse(request) => {
            execution::page_size(&mut request.maximum_page_size, limits);
            execution(request.execution.as_ref())
        }
        Request::RequestCancelWorkflowExecution(request) => {
            execution(request.workflow_execution.as_ref())
        }
        Request::DeleteWorkflowExecution(request) => execution(request.workflow_execution.as_ref()),
        Request::UpdateWorkflowExecutionOptions(request) => execution::update_options(request),
        Request::DescribeWorkflowExecution(request) => execution(request.execution.as_ref()),
        Request::ResetStickyTaskQueue(request) => execution(request.execution.as_ref()),

        Request::PollWorkflowTaskQueue(request) => worker::poll(
            &mut request.task_queue,
            &request.identity,
            request.worker_version_capabilities.as_ref(),
            request.deployment_options.as_ref(),
            limits,
        ),
        Request::PollActivityTaskQueue(request) => worker::poll(
            &mut request.task_queue,
            &request.identity,
            request.worker_version_capabilities.as_ref(),
            request.deployment_options.as_ref(),
            limits,
        ),
        Request::PollNexusTaskQueue(request) => worker::poll(
            &mut request.task_queue,
            &request.identity,
            request.worker_version_capabilities.as_ref(),
            request.deployment_options.as_ref(),
            limits,
        ),
        Request::DescribeTaskQueue(request) => task_queue(&mut request.task_queue, "", limits),
        Request::ListTaskQueuePartitions(request) => {
            task_queue(&mut request.task_queue, "", limits)
        }
        Request::RespondWorkflowTaskCompleted(request) => {
            worker::one_page(request, config)?;
            worker::identity(&request.identity, limits)
        }
        Request::RespondWorkflowTaskFailed(request) => worker::identity(&request.identity, limits),
        Request::RespondActivityTaskCompleted(request) => {
            worker::identity(&request.identity, limits)
        }
        Request::RespondActivityTaskFailed(request) => {
            worker::failure(request.failure.as_ref())?;
            worker::identity(&request.identity, limits)
        }
        Request::RespondActivityTaskCanceled(request) => {
            worker::identity(&request.identity, limits)
        }
        Request::RecordActivityTaskHeartbeatById(request) => {
            worker::activity_by_id(&request.run_id, &request.activity_id)
        }
        Request::RespondActivityTaskCompletedById(request) => {
            worker::activity_by_id(&request.run_id, &request.activity_id)?;
            worker::identity(&request.identity, limits)
        }
        Request::RespondActivityTaskFailedById(request) => {
            worker::activity_by_id(&request.run_id, &request.activity_id)?;
            worker::next_retry_delays(request.failure.as_ref())?;
            worker::identity(&request.identity, limits)
        }
        Request::RespondActivityTaskCanceledById(request) => {
            worker::activity_by_id(&request.run_id, &request.activity_id)?;
            worker::identity(&request.identity, limits)
        }

        Request::StartActivityExecution(request) => activity::start(request, limits),
        Request::DescribeActivityExecution(request) => {
            let has_token = !request.long_poll_token.is_empty();
            if has_token && request.run_id.is_empty() {
                return invalid("run id is required when long poll token is provided");
            }
            activity::execution(&request.activity_id, &request.run_id, limits)
        }
        Request::PollActivityExecution(request) => {
            activity::execution(&request.activity_id, &request.run_id, limits)
        }
        Request::DeleteActivityExecution(request) => {
            activity::execution(&request.activity_id, &request.run_id, limits)
        }
        Request::RequestCancelActivityExecution(request) => {
            activity::of_execution(&activity::named!(request), limits)?;
            activity::reason(&request.reason, limits)
        }
        Request::TerminateActivityExecution(request) => {
            activity::of_execution(&activity::named!(request), limits)?;
            activity::reason(&request.reason, limits)
        }
        Request::StartNexusOperationExecution(request) => nexus::start(request, limits),
        Request::DescribeNexusOperationExecution(request) => {
            let has_token = !request.long_poll_token.is_empty();
            if has_token && request.run_id.is_empty() {
                return invalid("run_id is required when long_poll_token is provided");
            }
            nexus::operation(&request.operation_id, &request.run_id, limits)
        }
        Request::PollNexusOperationExecution(request) => nexus::poll(request, limits),
        Request::DeleteNexusOperationExecution(request) => {
            nexus::operation(&request.operation_id, &request.run_id, limits)
        }
        Request::RequestCancelNexusOperationExecution(request) => {
            nexus::operation(&request.operation_id, &request.run_id, limits)?;
            nexus::stop(
                &request.request_id,
                &request.identity,
                &request.reason,
                limits,
            )
        }
        Request::TerminateNexusOperationExecution(request) => {
            nexus::operation(&request.operation_id, &request.run_id, limits)?;
            nexus::stop(
                &request.request_id,
                &request.identity,
                &request.reason,
                limits,
            )
        }
        Request::PauseActivity(request) => {
            activity::of_workflow(request.execution.as_ref(), request.activity.is_some())
        }
        Request::UnpauseActivity(request) => {
            activity::of_workflow(request.execution.as_ref(), request.activity.is_some())
        }
        Request::ResetActivity(request) => {
            activity::of_workflow(request.execution.as_ref(), request.activity.is_some())
        }
        Request::UpdateActivityOptions(request) => {
            activity::of_workflow(request.execution.as_ref(), request.activity.is_some())?;
            let options = request.activity_options.as_ref();
            activity::priority(options.and_then(|options| options.priority.as_ref()))
        }
        Request::PauseActivityExecution(request) => {
            activity::of_execution(&activity::named!(request), limits)?;
            activity::reason(&request.reason, limits)
        }
        Request::UnpauseActivityExecution(request) => {
            activity::of_execution(&activity::named!(request), limits)?;
            activity::jitter(request.jitter.as_mut())
        }
        Request::ResetActivityExecution(request) => {
            activity::of_execution(&activity::named!(request), limits)?;
            activity::jitter(request.jitter.as_mut())
        }
        Request::UpdateActivityExecutionOptions(request) => {
            activity::of_execution(&activity::named!(request), limits)
        }
    }
}

/// Checks the search attributes of a run that a request may start.
fn check_search_attributes(request: &Request, config: &ServiceConfig) -> Result<(), Status> {
    let attributes = match request {
        Request::StartWorkflowExecution(start) => start.search_attributes.as_ref(),
        Request::SignalWithStartWorkflowExecution(start) => start.search_attributes.as_ref(),
        Request::StartActivityExecution(start) => start.search_attributes.as_ref(),
        Request::StartNexusOperationExecution(start) => start.search_attributes.as_ref(),
        _ => None,
    };
    config
        .search_attributes
        .check(&config.namespace, attributes)?;
    attributes.map_or(Ok(()), check_sizes)
}

/// Checks that a request names a run: a workflow id, and possibly a valid run id.
fn execution(execution: Option<&WorkflowExecution>) -> Result<(), Status> {
    let Some(execution) = execution else {
        return invalid("Execution is not set on request.");
    };
    if execution.workflow_id.is_empty() {
        return invalid("WorkflowId is not set on request.");
    }
    if !execution.run_id.is_empty() && uuid::Uuid::try_parse(&execution.run_id).is_err() {
        return invalid("Invalid RunId.");
    }
    Ok(())
}

fn check_namespace(request: &Request, config: &ServiceConfig) -> Result<(), Status> {
    let (namespace, has_task_token) = named_namespace(request);
    let Some(namespace) = namespace else {
        return Ok(());
    };
    if namespace.is_empty() {
        // The task token names the namespace then.
        return if has_task_token {
            Ok(())
        } else {
            invalid("Namespace is empty.")
        };
    }
    if namespace.len() > config.limits.id_length {
        return invalid("Namespace length exceeds limit.");
    }
    if namespace != config.namespace {
        return Err(status::namespace_not_found(namespace));
    }
    Ok(())
}

/// Returns the namespace that a request names; `None` if such a request names none.
pub(crate) fn namespace_of(request: &Request) -> Option<&str> {
    named_namespace(request).0
}

/// Returns the namespace that a request names, and `true` if the request has a task token, which
/// names one too.
fn named_namespace(request: &Request) -> (Option<&str>, bool) {
    macro_rules! namespace {
        ([$($plain:ident),+ $(,)?], [$($token:ident),+ $(,)?]) => {
            match request {
                // A namespace can be described by its id alone. There is only one, which the
                // service describes.
                Request::GetSystemInfo(_)
                | Request::GetClusterInfo(_)
                | Request::GetSearchAttributes(_)
                | Request::CompleteNexusOperation(_)
                | Request::RegisterNamespace(_)
                | Request::ListNamespaces(_)
                | Request::UpdateNamespace(_)
                | Request::DeprecateNamespace(_) => (None, false),
                Request::DescribeNamespace(request) if !request.id.is_empty() => (None, false),
                $(Request::$plain(request) => (Some(request.namespace.as_str()), false),)+
                $(Request::$token(request) => (Some(request.namespace.as_str()), true),)+
            }
        };
    }
    namespace!(
        [
            DescribeNamespace,
            StartWorkflowExecution,
            SignalWorkflowExecution,
            SignalWithStartWorkflowExecution,
            UpdateWorkflowExecution,
            PollWorkflowExecutionUpdate,
            ExecuteMultiOperation,
            QueryWorkflow,
            RequestCancelWorkflowExecution,
            TerminateWorkflowExecution,
            ResetWorkflowExecution,
            DeleteWorkflowExecution,
            UpdateWorkflowExecutionOptions,
            PauseWorkflowExecution,
            UnpauseWorkflowExecution,
            PollWorkflowExecutionTimeSkipping,
            CreateWorkflowRule,
            DescribeWorkflowRule,
            DeleteWorkflowRule,
            ListWorkflowRules,
            TriggerWorkflowRule,
            UpdateTaskQueueConfig,
            StartBatchOperation,
            StopBatchOperation,
            DescribeBatchOperation,
            ListBatchOperations,
            DescribeWorkflowExecution,
            ListWorkflowExecutions,
            ScanWorkflowExecutions,
            CountWorkflowExecutions,
            ListOpenWorkflowExecutions,
            ListClosedWorkflowExecutions,
            GetWorkflowExecutionHistory,
            GetWorkflowExecutionHistoryReverse,
            PollWorkflowTaskQueue,
            PollActivityTaskQueue,
            PollNexusTaskQueue,
            ResetStickyTaskQueue,
            RecordActivityTaskHeartbeatById,
            RespondActivityTaskCompletedById,
            RespondActivityTaskFailedById,
            RespondActivityTaskCanceledById,
            StartNexusOperationExecution,
            DescribeNexusOperationExecution,
            PollNexusOperationExecution,
            ListNexusOperationExecutions,
            CountNexusOperationExecutions,
            RequestCancelNexusOperationExecution,
            TerminateNexusOperationExecution,
            DeleteNexusOperationExecution,
            StartActivityExecution,
            DescribeActivityExecution,
            PollActivityExecution,
            ListActivityExecutions,
            CountActivityExecutions,
            RequestCancelActivityExecution,
            TerminateActivityExecution,
            DeleteActivityExecution,
            PauseActivity,
            UnpauseActivity,
            ResetActivity,
            UpdateActivityOptions,
            PauseActivityExecution,
            UnpauseActivityExecution,
            ResetActivityExecution,
            UpdateActivityExecutionOptions,
            DescribeTaskQueue,
            ShutdownWorker,
            ListTaskQueuePartitions,
            RecordWorkerHeartbeat,
            ListWorkers,
            CountWorkers,
            DescribeWorker,
            DescribeWorkerDeployment,
            DescribeWorkerDeploymentVersion,
            ListWorkerDeployments,
            SetWorkerDeploymentCurrentVersion,
            SetWorkerDeploymentRampingVersion,
            DeleteWorkerDeployment,
            DeleteWorkerDeploymentVersion,
            CreateWorkerDeployment,
            CreateWorkerDeploymentVersion,
            UpdateWorkerDeploymentVersionMetadata,
            SetWorkerDeploymentManager,
            UpdateWorkerBuildIdCompatibility,
            GetWorkerBuildIdCompatibility,
            UpdateWorkerVersioningRules,
            GetWorkerVersioningRules,
            GetWorkerTaskReachability,
            CreateSchedule,
            DescribeSchedule,
            UpdateSchedule,
            PatchSchedule,
            ListScheduleMatchingTimes,
            DeleteSchedule,
            ListSchedules,
            CountSchedules,
        ],
        [
            RespondWorkflowTaskCompleted,
            RespondWorkflowTaskFailed,
            RespondQueryTaskCompleted,
            RecordActivityTaskHeartbeat,
            RespondActivityTaskCompleted,
            RespondActivityTaskFailed,
            RespondActivityTaskCanceled,
            RespondNexusTaskCompleted,
            RespondNexusTaskFailed,
        ]
    )
}

#[cfg(test)]
mod tests;
