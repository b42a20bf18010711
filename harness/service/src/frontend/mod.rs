//! The frontend: requests are validated, then handled.
//!
//! There is one file for each RPC, or for a few that belong together. A handler gets the service
//! and the request, and answers now or later. A new RPC is one file here and one line in
//! [`handle`].

pub(crate) mod activity_executions;
mod activity_operations;
mod activity_task;
pub(crate) mod answer;
pub(crate) mod batch_operations;
pub(crate) mod callbacks;
mod delete_workflow_execution;
mod describe_task_queue;
mod describe_workflow_execution;
mod disabled;
mod get_workflow_execution_history;
mod list_workflow_executions;
mod named_activity;
pub(crate) mod nexus_operation_executions;
pub(crate) mod nexus_task;
mod poll_activity_task_queue;
mod poll_workflow_task_queue;
mod query_workflow;
mod reset_workflow_execution;
pub(crate) mod respond_workflow_task_completed;
mod respond_workflow_task_failed;
pub(crate) mod schedules;
mod signal_workflow_execution;
mod start_workflow_execution;
mod stop_workflow_execution;
pub(crate) mod system;
pub(crate) mod system_operations;
#[cfg(test)]
mod tests;
mod update_task_queue_config;
pub(crate) mod update_workflow_execution;
mod update_workflow_execution_options;
pub(crate) mod updates;
pub(crate) mod validate;
mod worker_deployments;
mod workers;

use crate::{
    base::identifiers::RequestId,
    frontend::answer::Handled,
    messages::request::{Request, status_of_unserved},
    state::service::Service,
};

/// Passes a request to its handler. The caller waits until the deadline.
pub(crate) fn handle(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    request: Request,
) -> Handled {
    match request {
        Request::StartWorkflowExecution(request) => {
            start_workflow_execution::handle(service, *request)
        }
        Request::SignalWorkflowExecution(request) => {
            signal_workflow_execution::handle(service, *request)
        }
        Request::SignalWithStartWorkflowExecution(request) => {
            signal_workflow_execution::handle_with_start(service, *request)
        }
        Request::RequestCancelWorkflowExecution(request) => {
            stop_workflow_execution::request_cancel(service, *request)
        }
        Request::TerminateWorkflowExecution(request) => {
            stop_workflow_execution::terminate(service, *request)
        }
        Request::PollWorkflowTaskQueue(request) => {
            poll_workflow_task_queue::handle(service, id, *request)
        }
        Request::RespondWorkflowTaskCompleted(request) => {
            respond_workflow_task_completed::handle(service, request)
        }
        Request::PollActivityTaskQueue(request) => {
            poll_activity_task_queue::handle(service, id, *request)
        }
        Request::RecordActivityTaskHeartbeat(request) => {
            activity_task::record_heartbeat(service, *request)
        }
        Request::RecordActivityTaskHeartbeatById(request) => {
            activity_task::record_heartbeat_by_id(service, *request)
        }
        Request::RespondActivityTaskCompleted(request) => {
            activity_task::respond_completed(service, *request)
        }
        Request::RespondActivityTaskCompletedById(request) => {
            activity_task::respond_completed_by_id(service, *request)
        }
        Request::RespondActivityTaskFailed(request) => {
            activity_task::respond_failed(service, *request)
        }
        Request::RespondActivityTaskFailedById(request) => {
            activity_task::respond_failed_by_id(service, *request)
        }
        Request::RespondActivityTaskCanceled(request) => {
            activity_task::respond_canceled(service, *request)
        }
        Request::RespondActivityTaskCanceledById(request) => {
            activity_task::respond_canceled_by_id(service, *request)
        }
        Request::StartActivityExecution(request) => activity_executions::start(service, *request),
        Request::DescribeActivityExecution(request) => {
            activity_executions::describe(service, id, *request)
        }
        Request::PollActivityExecution(request) => activity_executions::poll(service, id, &request),
        Request::ListActivityExecutions(request) => activity_executions::list(service, &request),
        Request::CountActivityExecutions(request) => activity_executions::count(service, &request),
        Request::RequestCancelActivityExecution(request) => {
            activity_executions::request_cancel(service, *request)
        }
        Request::TerminateActivityExecution(request) => {
            activity_executions::terminate(service, *request)
        }
        Request::DeleteActivityExecution(request) => activity_executions::delete(service, &request),
        Request::PauseActivity(request) => activity_operations::pause(service, *request),
        Request::UnpauseActivity(request) => activity_operations::unpause(service, *request),
        Request::ResetActivity(request) => activity_operations::reset(service, *request),
        Request::UpdateActivityOptions(request) => {
            activity_operations::update_options(service, *request)
        }
        Request::PauseActivityExecution(request) => {
            activity_operations::pause_execution(service, *request)
        }
        Request::UnpauseActivityExecution(request) => {
            activity_operations::unpause_execution(service, *request)
        }
        Request::ResetActivityExecution(request) => {
            activity_operations::reset_execution(service, *request)
        }
        Request::UpdateActivityExecutionOptions(request) => {
            activity_operations::update_execution_options(service, *request)
        }
        Request::RespondWorkflowTaskFailed(request) => {
            respond_workflow_task_failed::handle(service, *request)
        }
        Request::ResetStickyTaskQueue(request) => {
            respond_workflow_task_failed::reset_sticky(service, &request)
        }
        Request::QueryWorkflow(request) => {
            query_workflow::handle(service, id, deadline_ms, *request)
        }
        Request::RespondQueryTaskCompleted(request) => {
            query_workflow::respond_completed(service, *request)
        }
        Request::DeleteWorkflowExecution(request) => {
            delete_workflow_execution::handle(service, &request)
        }
        Request::UpdateWorkflowExecutionOptions(request) => {
            update_workflow_execution_options::handle(service, *request)
        }
        Request::DescribeWorkflowExecution(request) => {
            describe_workflow_execution::handle(service, &request)
        }
        Request::ListWorkflowExecutions(request) => {
            list_workflow_executions::list(service, &request)
        }
        Request::ScanWorkflowExecutions(request) => {
            list_workflow_executions::scan(service, &request)
        }
        Request::CountWorkflowExecutions(request) => {
            list_workflow_executions::count(service, &request)
        }
        Request::ListOpenWorkflowExecutions(request) => {
            list_workflow_executions::list_open(service, &request)
        }
        Request::ListClosedWorkflowExecutions(request) => {
            list_workflow_executions::list_closed(service, &request)
        }
        Request::GetWorkflowExecutionHistory(request) => {
            get_workflow_execution_history::handle(service, id, &request)
        }
        Request::GetWorkflowExecutionHistoryReverse(request) => {
            get_workflow_execution_history::handle_reverse(service, &request)
        }
        Request::GetSystemInfo(_) => Ok(system::info(service)),
        Request::DescribeNamespace(_) => Ok(system::namespace(&service.config).into()),
        Request::GetClusterInfo(_) => Ok(system::cluster()),
        Request::GetSearchAttributes(_) => Ok(system::search_attributes(service)),
        Request::RegisterNamespace(_)
        | Request::ListNamespaces(_)
        | Request::UpdateNamespace(_)
        | Request::DeprecateNamespace(_) => Err(status_of_unserved(request.rpc().name())),
        Request::DescribeTaskQueue(request) => describe_task_queue::handle(service, &request),
        Request::ShutdownWorker(request) => Ok(system::shutdown_worker(service, *request)),
        Request::ResetWorkflowExecution(request) => {
            reset_workflow_execution::handle(service, &request)
        }
        Request::UpdateWorkflowExecution(request) => {
            update_workflow_execution::update(service, id, deadline_ms, request)
        }
        Request::PollWorkflowExecutionUpdate(request) => {
            update_workflow_execution::poll(service, id, deadline_ms, &request)
        }
        Request::ExecuteMultiOperation(request) => {
            update_workflow_execution::update_with_start(service, id, deadline_ms, *request)
        }
        Request::ListTaskQueuePartitions(request) => Ok(system::list_partitions(*request)),
        Request::RecordWorkerHeartbeat(request) => Ok(workers::record(service, *request)),
        Request::ListWorkers(request) => workers::list(service, &request),
        Request::CountWorkers(request) => workers::count(service, &request),
        Request::DescribeWorker(request) => workers::describe(service, &request),
        Request::DescribeWorkerDeployment(request) => {
            worker_deployments::describe(service, &request)
        }
        Request::DescribeWorkerDeploymentVersion(request) => {
            worker_deployments::describe_version(service, *request)
        }
        Request::ListWorkerDeployments(request) => worker_deployments::list(service, &request),
        Request::SetWorkerDeploymentCurrentVersion(request) => {
            worker_deployments::set_current(service, &request)
        }
        Request::SetWorkerDeploymentRampingVersion(request) => {
            worker_deployments::set_ramping(service, &request)
        }
        Request::DeleteWorkerDeployment(request) => worker_deployments::delete(service, &request),
        Request::DeleteWorkerDeploymentVersion(request) => {
            worker_deployments::delete_version(service, *request)
        }
        Request::CreateWorkerDeployment(request) => worker_deployments::create(service, *request),
        Request::CreateWorkerDeploymentVersion(request) => {
            worker_deployments::create_version(service, *request)
        }
        Request::UpdateWorkerDeploymentVersionMetadata(request) => {
            worker_deployments::update_metadata(service, *request)
        }
        Request::SetWorkerDeploymentManager(request) => {
            worker_deployments::set_manager(service, &request)
        }
        Request::UpdateWorkerBuildIdCompatibility(_)
        | Request::GetWorkerBuildIdCompatibility(_) => worker_deployments::version_sets(),
        Request::UpdateWorkerVersioningRules(_)
        | Request::GetWorkerVersioningRules(_)
        | Request::GetWorkerTaskReachability(_) => worker_deployments::version_rules(),
        Request::CreateSchedule(request) => schedules::create(service, *request),
        Request::UpdateSchedule(request) => schedules::update(service, *request),
        Request::PatchSchedule(request) => schedules::patch(service, *request),
        Request::DeleteSchedule(request) => schedules::delete(service, &request),
        Request::DescribeSchedule(request) => schedules::describe::handle(service, &request),
        Request::ListScheduleMatchingTimes(request) => {
            schedules::describe::matching_times(service, &request)
        }
        Request::ListSchedules(request) => schedules::list::list(service, &request),
        Request::CountSchedules(request) => schedules::list::count(service, &request),
        Request::PauseWorkflowExecution(_) => disabled::pause(service),
        Request::UnpauseWorkflowExecution(request) => disabled::unpause(service, *request),
        Request::CreateWorkflowRule(_)
        | Request::DescribeWorkflowRule(_)
        | Request::DeleteWorkflowRule(_)
        | Request::ListWorkflowRules(_)
        | Request::TriggerWorkflowRule(_) => disabled::rules(request.rpc()),
        Request::PollWorkflowExecutionTimeSkipping(_) => disabled::time_skipping(),
        Request::UpdateTaskQueueConfig(request) => {
            update_task_queue_config::handle(service, *request)
        }
        Request::StartBatchOperation(request) => batch_operations::start(service, *request),
        Request::StopBatchOperation(request) => batch_operations::stop(service, &request),
        Request::DescribeBatchOperation(request) => batch_operations::describe(service, &request),
        Request::ListBatchOperations(request) => batch_operations::list(service, &request),
        Request::StartNexusOperationExecution(_)
        | Request::PollNexusTaskQueue(_)
        | Request::RespondNexusTaskCompleted(_)
        | Request::RespondNexusTaskFailed(_)
        | Request::CompleteNexusOperation(_)
            if !service.config.nexus =>
        {
            Err(status_of_unserved(request.rpc().name()))
        }
        Request::StartNexusOperationExecution(request) => {
            nexus_operation_executions::start(service, *request)
        }
        Request::DescribeNexusOperationExecution(request) => {
            nexus_operation_executions::describe(service, id, *request)
        }
        Request::PollNexusOperationExecution(request) => {
            nexus_operation_executions::poll(service, id, &request)
        }
        Request::ListNexusOperationExecutions(request) => {
            nexus_operation_executions::list(service, &request)
        }
        Request::CountNexusOperationExecutions(request) => {
            nexus_operation_executions::count(service, &request)
        }
        Request::RequestCancelNexusOperationExecution(request) => {
            nexus_operation_executions::request_cancel(service, *request)
        }
        Request::TerminateNexusOperationExecution(request) => {
            nexus_operation_executions::terminate(service, *request)
        }
        Request::DeleteNexusOperationExecution(request) => {
            nexus_operation_executions::delete(service, &request)
        }
        Request::PollNexusTaskQueue(request) => nexus_task::poll(service, id, *request),
        Request::RespondNexusTaskCompleted(request) => {
            nexus_task::respond_completed(service, *request)
        }
        Request::RespondNexusTaskFailed(request) => nexus_task::respond_failed(service, *request),
        Request::CompleteNexusOperation(request) => nexus_task::complete(service, *request),
    }
}
