//! DescribeWorkflowExecution.
//!
//! Source: `temporalio/temporal: service/history/api/describeworkflow/api.go`.

use std::sync::Arc;

use crate::{
    api::{
        Attributes, HistoryEvent, WorkflowExecution,
        activity::ActivityOptions,
        common::{RetryPolicy, WorkflowType},
        enums::{
            EventType, NexusOperationCancellationState, PendingActivityState,
            PendingNexusOperationState, PendingWorkflowTaskState,
        },
        rpc::{DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse},
        taskqueue::TaskQueue,
        workflow::{
            CallbackInfo, NexusOperationCancellationInfo, PendingActivityInfo,
            PendingChildExecutionInfo, PendingNexusOperationInfo, PendingWorkflowTaskInfo,
            RequestIdInfo, WorkflowExecutionConfig, WorkflowExecutionExtendedInfo,
            WorkflowExecutionInfo, WorkflowExecutionVersioningInfo, callback_info,
            pending_activity_info::{
                PauseInfo,
                pause_info::{Manual, PausedBy},
            },
        },
    },
    base::{
        time::{duration, timestamp},
        versions,
    },
    frontend::answer::Handled,
    run::{
        Run,
        activities::{ActivityPause, PendingActivity},
        callbacks::CompletionCallback,
        nexus_operations::{Cancellation, PendingNexusOperation, Phase},
    },
    state::service::Service,
};

pub(super) fn handle(service: &mut Service, request: &DescribeWorkflowExecutionRequest) -> Handled {
    let run = service
        .executions
        .run(service.executions.lookup(request.execution.as_ref())?);
    Ok(DescribeWorkflowExecutionResponse {
        execution_config: Some(execution_config(run)),
        workflow_execution_info: Some(described_info(run)),
        pending_activities: pending_activities(run, service.now_ms),
        pending_children: pending_children(run),
        pending_workflow_task: pending_workflow_task(run),
        pending_nexus_operations: pending_nexus_operations(run),
        workflow_extended_info: Some(extended_info(run)),
        callbacks: callbacks(run),
    }
    .into())
}

fn execution_config(run: &Run) -> WorkflowExecutionConfig {
    let started = run.started();
    WorkflowExecutionConfig {
        task_queue: Some(run.normal_task_queue()),
        workflow_execution_timeout: started.workflow_execution_timeout,
        workflow_run_timeout: started.workflow_run_timeout,
        default_workflow_task_timeout: started.workflow_task_timeout,
        user_metadata: run
            .history
            .event(1)
            .and_then(|event| event.user_metadata.as_deref().cloned()),
    }
}

/// Returns what a description tells of a run, more than a list does.
#[allow(deprecated, reason = "the server still shows the stamp")]
fn described_info(run: &Run) -> WorkflowExecutionInfo {
    WorkflowExecutionInfo {
        auto_reset_points: run.auto_reset_points(),
        most_recent_worker_version_stamp: run.last_stamp(),
        ..execution_info(run)
    }
}

pub(super) fn execution_info(run: &Run) -> WorkflowExecutionInfo {
    let started = run.started();
    let root = started
        .root_workflow_execution
        .clone()
        .unwrap_or_else(|| run.execution());
    WorkflowExecutionInfo {
        execution: Some(run.execution()),
        r#type: Some(WorkflowType {
            name: run.workflow_type().to_owned(),
        }),
        start_time: Some(timestamp(run.start_ms)),
        close_time: run.state.close_ms.map(timestamp),
        status: run.state.status.into(),
        history_length: run.history.next_event_id() - 1,
        parent_namespace_id: started.parent_workflow_namespace_id.clone(),
        parent_execution: started.parent_workflow_execution.clone(),
        execution_time: Some(timestamp(run.execution_ms())),
        memo: Some(run.state.memo.clone().unwrap_or_default()),
        search_attributes: Some(run.search_attributes()),
        task_queue: run.task_queue_name().to_owned(),
        history_size_bytes: i64::try_from(run.history.size_bytes()).unwrap_or(i64::MAX),
        execution_duration: run
            .state
            .close_ms
            .map(|close_ms| duration(close_ms.saturating_sub(run.execution_ms()))),
        root_execution: Some(WorkflowExecution {
            workflow_id: root.workflow_id,
            run_id: root.run_id,
        }),
        first_run_id: started.first_execution_run_id.clone(),
        priority: run.state.options.priority.clone(),
        versioning_info: versioning_info(run),
        worker_deployment_name: run.deployment_name(),
        state_transition_count: run.transitions,
        ..WorkflowExecutionInfo::default()
    }
}

/// Returns the versioning of a run; `None` for a run that no versioned worker has seen.
fn versioning_info(run: &Run) -> Option<WorkflowExecutionVersioningInfo> {
    let versioning = run.state.versioning.as_ref()?;
    Some(versioning.info(run.state.options.versioning_override.clone()))
}

/// Returns the callbacks of the run, and those of its updates.
fn callbacks(run: &Run) -> Vec<CallbackInfo> {
    use callback_info::trigger::Variant;
    let of_run = run.callbacks.iter().map(|registered| {
        let trigger = Variant::WorkflowClosed(callback_info::WorkflowClosed {});
        callback_info(registered, trigger)
    });
    let of_updates = run.updates.callbacks().map(|(update_id, registered)| {
        let trigger = callback_info::UpdateWorkflowExecutionCompleted {
            update_id: update_id.to_owned(),
        };
        callback_info(
            registered,
            Variant::UpdateWorkflowExecutionCompleted(trigger),
        )
    });
    of_run.chain(of_updates).collect()
}

fn callback_info(
    registered: &CompletionCallback,
    trigger: callback_info::trigger::Variant,
) -> CallbackInfo {
    CallbackInfo {
        callback: Some(registered.callback.clone()),
        trigger: Some(callback_info::Trigger {
            variant: Some(trigger),
        }),
        registration_time: Some(timestamp(registered.registered_ms)),
        state: registered.state.into(),
        attempt: registered.called_ms.map_or(0, |_| 1),
        last_attempt_complete_time: registered.called_ms.map(timestamp),
        last_attempt_failure: registered.last_failure.clone(),
        request_id: registered.request_id.clone(),
        ..CallbackInfo::default()
    }
}

fn extended_info(run: &Run) -> WorkflowExecutionExtendedInfo {
    let first_event = run.history.event(1);
    WorkflowExecutionExtendedInfo {
        execution_expiration_time: run.state.execution_expiration_ms.map(timestamp),
        run_expiration_time: run.state.run_expiration_ms.map(timestamp),
        cancel_requested: run.state.cancel_requested,
        // A reset run starts later than its first event.
        last_reset_time: run.is_reset().then(|| timestamp(run.start_ms)),
        original_start_time: first_event.and_then(|event| event.event_time),
        reset_run_id: run.state.reset_run_id.clone().unwrap_or_default(),
        request_id_infos: run
            .start_request_ids
            .iter()
            .map(|id| (id.clone(), request_id_info(run, id)))
            .collect(),
        ..WorkflowExecutionExtendedInfo::default()
    }
}

/// Returns the event that a start request left: the first event, or an event that may still wait
/// for the workflow task.
fn request_id_info(run: &Run, request_id: &str) -> RequestIdInfo {
    if request_id == run.start_request_id {
        let event_type = EventType::WorkflowExecutionStarted.into();
        return RequestIdInfo {
            event_type,
            event_id: 1,
            buffered: false,
        };
    }
    let is_of_request = |event: &&Arc<HistoryEvent>| {
        matches!(
            &event.attributes,
            Some(Attributes::WorkflowExecutionOptionsUpdatedEventAttributes(updated))
                if updated.attached_request_id == request_id
        )
    };
    let event_id = run
        .history
        .events()
        .iter()
        .find(is_of_request)
        .map(|event| event.event_id);
    RequestIdInfo {
        event_type: EventType::WorkflowExecutionOptionsUpdated.into(),
        event_id: event_id.unwrap_or_default(),
        buffered: event_id.is_none(),
    }
}

/// Returns the pending activities, which a closed run still shows.
fn pending_activities(run: &Run, now_ms: u64) -> Vec<PendingActivityInfo> {
    run.activities
        .iter()
        .map(|activity| pending_activity(run, activity, now_ms))
        .collect()
}

/// Returns the pending children, which a closed run still shows.
fn pending_children(run: &Run) -> Vec<PendingChildExecutionInfo> {
    run.children
        .iter()
        .map(|(initiated_event_id, child)| PendingChildExecutionInfo {
            workflow_id: child.workflow_id.clone(),
            run_id: child.first_run_id.clone(),
            workflow_type_name: child
                .workflow_type
                .as_ref()
                .map(|it| it.name.clone())
                .unwrap_or_default(),
            initiated_id: *initiated_event_id,
            parent_close_policy: child.parent_close_policy.into(),
        })
        .collect()
}

fn pending_workflow_task(run: &Run) -> Option<PendingWorkflowTaskInfo> {
    let task = run.state.workflow_task.current.as_ref()?;
    let state = if task.is_started() {
        PendingWorkflowTaskState::Started
    } else {
        PendingWorkflowTaskState::Scheduled
    };
    Some(PendingWorkflowTaskInfo {
        state: state.into(),
        scheduled_time: Some(timestamp(task.scheduled_ms)),
        original_scheduled_time: Some(timestamp(task.original_scheduled_ms)),
        started_time: task.is_started().then(|| timestamp(task.started_ms)),
        attempt: task.attempt,
    })
}

/// Returns the description of an activity.
///
/// Source: `temporalio/temporal: service/history/workflow/activity.go` (`GetPendingActivityInfo`).
#[allow(deprecated, reason = "older clients read other fields")]
fn pending_activity(run: &Run, activity: &PendingActivity, now_ms: u64) -> PendingActivityInfo {
    let scheduled = run.activity_scheduled(activity.scheduled_event_id);
    let (is_paused, is_started) = (activity.paused.is_some(), activity.started.is_some());
    let state = match (is_paused, is_started) {
        _ if activity.is_cancel_requested() => PendingActivityState::CancelRequested,
        (false, false) => PendingActivityState::Scheduled,
        (false, true) => PendingActivityState::Started,
        (true, false) => PendingActivityState::Paused,
        (true, true) => PendingActivityState::PauseRequested,
    };
    let is_backing_off = state == PendingActivityState::Scheduled && now_ms < activity.scheduled_ms;
    let policy = activity.retry_policy(scheduled);
    let last_version = activity.last_version.as_deref();
    PendingActivityInfo {
        activity_id: activity.activity_id.clone(),
        activity_type: scheduled.activity_type.clone(),
        state: state.into(),
        heartbeat_details: activity.heartbeat_details.clone(),
        last_heartbeat_time: activity.last_heartbeat_ms.map(timestamp),
        last_started_time: activity
            .started
            .as_ref()
            .map(|started| timestamp(started.at_ms)),
        attempt: activity.attempt,
        maximum_attempts: policy.map_or(0, |policy| policy.maximum_attempts),
        scheduled_time: Some(timestamp(activity.scheduled_ms)),
        expiration_time: activity.retry_expiration_ms.map(timestamp),
        last_failure: activity.last_failure.clone(),
        last_worker_identity: activity.last_worker_identity.clone(),
        last_worker_deployment_version: last_version
            .map(|version| versions::dotted(Some(version)))
            .unwrap_or_default(),
        last_deployment_version: last_version.cloned(),
        last_attempt_complete_time: activity.last_attempt_complete_ms.map(timestamp),
        current_retry_interval: is_backing_off.then(|| {
            duration(
                activity
                    .scheduled_ms
                    .saturating_sub(activity.last_attempt_complete_ms.unwrap_or(now_ms)),
            )
        }),
        next_attempt_schedule_time: is_backing_off.then(|| timestamp(activity.scheduled_ms)),
        priority: activity.priority(scheduled).cloned(),
        paused: is_paused,
        pause_info: activity.paused.as_deref().map(pause_info),
        activity_options: Some(activity_options(activity.options(scheduled))),
        ..PendingActivityInfo::default()
    }
}

fn pause_info(pause: &ActivityPause) -> PauseInfo {
    PauseInfo {
        pause_time: Some(timestamp(pause.at_ms)),
        paused_by: Some(PausedBy::Manual(Manual {
            identity: pause.identity.clone(),
            reason: pause.reason.clone(),
        })),
    }
}

fn activity_options(options: ActivityOptions) -> ActivityOptions {
    ActivityOptions {
        task_queue: options.task_queue.map(|queue| TaskQueue {
            normal_name: queue.name.clone(),
            name: queue.name,
            ..TaskQueue::default()
        }),
        // The server leaves out the error types.
        retry_policy: options.retry_policy.map(|policy| RetryPolicy {
            non_retryable_error_types: Vec::new(),
            ..policy
        }),
        ..options
    }
}

/// Returns the pending operations. A closed run still shows them, since their handlers do not know
/// that it closed.
fn pending_nexus_operations(run: &Run) -> Vec<PendingNexusOperationInfo> {
    run.nexus_operations
        .iter()
        .map(|operation| pending_nexus_operation(run, operation))
        .collect()
}

/// Returns the description of an operation. The circuit breaker of the server's outbound queue is
/// not simulated, so no operation is ever blocked.
///
/// Source: `temporalio/temporal: service/history/api/describeworkflow/api.go`.
fn pending_nexus_operation(
    run: &Run,
    operation: &PendingNexusOperation,
) -> PendingNexusOperationInfo {
    let scheduled = run.nexus_operation_scheduled(operation.scheduled_event_id);
    let starting = &operation.starting;
    let state = match starting.phase {
        _ if operation.started.is_some() => PendingNexusOperationState::Started,
        Phase::BackingOff { .. } => PendingNexusOperationState::BackingOff,
        _ => PendingNexusOperationState::Scheduled,
    };
    #[allow(
        deprecated,
        reason = "the server still shows the older name of the token"
    )]
    PendingNexusOperationInfo {
        endpoint: scheduled.endpoint.clone(),
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        operation_id: operation.token().to_owned(),
        schedule_to_close_timeout: scheduled.schedule_to_close_timeout,
        scheduled_time: Some(timestamp(operation.scheduled_ms)),
        state: state.into(),
        attempt: starting.attempt,
        last_attempt_complete_time: starting.last_complete_ms.map(timestamp),
        last_attempt_failure: starting.last_failure.clone(),
        next_attempt_schedule_time: starting.next_ms().map(timestamp),
        cancellation_info: operation.cancellation.as_ref().map(cancellation_info),
        scheduled_event_id: operation.scheduled_event_id,
        blocked_reason: String::new(),
        operation_token: operation.token().to_owned(),
        schedule_to_start_timeout: scheduled.schedule_to_start_timeout,
        start_to_close_timeout: scheduled.start_to_close_timeout,
    }
}

fn cancellation_info(cancellation: &Cancellation) -> NexusOperationCancellationInfo {
    let requests = &cancellation.requests;
    let state = match requests.phase {
        Phase::Unscheduled => NexusOperationCancellationState::Unspecified,
        Phase::Scheduled { .. } => NexusOperationCancellationState::Scheduled,
        Phase::BackingOff { .. } => NexusOperationCancellationState::BackingOff,
        Phase::Succeeded => NexusOperationCancellationState::Succeeded,
        Phase::Failed => NexusOperationCancellationState::Failed,
    };
    NexusOperationCancellationInfo {
        requested_time: cancellation.requested_ms.map(timestamp),
        state: state.into(),
        attempt: requests.attempt,
        last_attempt_complete_time: requests.last_complete_ms.map(timestamp),
        last_attempt_failure: requests.last_failure.clone(),
        next_attempt_schedule_time: requests.next_ms().map(timestamp),
        blocked_reason: String::new(),
    }
}
