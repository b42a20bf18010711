//! The RPCs about standalone activities: started, described, awaited, listed, stopped, deleted.
//!
//! Source: `temporalio/temporal: chasm/lib/activity/{frontend,handler,activity}.go`.

use tonic::Status;

use crate::{
    activity_execution::{ActivityExecution, CancelState, Status as ActivityStatus},
    api::{
        WorkflowExecution,
        activity::ActivityExecutionListInfo,
        common::{Link, Payload, WorkflowType, link},
        enums::{
            ActivityExecutionStatus, ActivityIdConflictPolicy, ActivityIdReusePolicy,
            IndexedValueType, WorkflowExecutionStatus,
        },
        rpc::{count_activity_executions_response::AggregationGroup, *},
        workflow::WorkflowExecutionInfo,
    },
    base::{
        identifiers::{ActivityKey, RequestId},
        payload,
        search_attributes::SearchAttributeRegistry,
        status,
        time::{duration, timestamp},
    },
    frontend::{
        answer::{Answer, Handled},
        list_workflow_executions::{counted, in_a_list, page},
    },
    state::{
        activity_executions::{ActivityPoll, ActivityWait},
        answers::activity_executions::{self as answers, close_transaction},
        service::Service,
    },
    visibility::query::Query,
};

pub(super) fn start(service: &mut Service, request: StartActivityExecutionRequest) -> Handled {
    let activities = &service.activity_executions;
    if let Some(key) = activities.current(&request.activity_id) {
        let current = activities.get(key);
        if current.request.request_id == request.request_id && !request.request_id.is_empty() {
            return Ok(started(service, key, false).into());
        }
        if must_not_start(current, &request) {
            return Err(status::activity_already_started(
                &current.request.request_id,
                &current.run_id,
            ));
        }
        if !current.is_closed() {
            attach(service, key, &request);
            return Ok(started(service, key, false).into());
        }
    }
    let (key, run_id) = activities.next(&request.activity_id);
    let now_ms = service.now_ms;
    let activity = ActivityExecution::schedule(now_ms, key, run_id, request);
    service.activity_executions.add(activity);
    fire(service, key);
    Ok(started(service, key, true).into())
}

/// Returns `true` if the policies of a request for an id that is in use refuse it.
fn must_not_start(current: &ActivityExecution, request: &StartActivityExecutionRequest) -> bool {
    if !current.is_closed() {
        return request.id_conflict_policy() == ActivityIdConflictPolicy::Fail;
    }
    match request.id_reuse_policy() {
        ActivityIdReusePolicy::RejectDuplicate => true,
        ActivityIdReusePolicy::AllowDuplicateFailedOnly => {
            current.api_status() == ActivityExecutionStatus::Completed
        }
        _ => false,
    }
}

/// Attaches to an open activity what the request asks to attach.
fn attach(service: &mut Service, key: ActivityKey, request: &StartActivityExecutionRequest) {
    let Some(options) = request.on_conflict_options else {
        return;
    };
    let now_ms = service.now_ms;
    let activity = service.activity_executions.get_mut(key);
    if options.attach_completion_callbacks {
        activity.attach(now_ms, request);
    }
    if options.attach_links {
        activity.request.links.extend(request.links.iter().cloned());
    }
    close_transaction(service, key);
}

fn started(service: &Service, key: ActivityKey, started: bool) -> StartActivityExecutionResponse {
    let activity = service.activity_executions.get(key);
    StartActivityExecutionResponse {
        run_id: activity.run_id.clone(),
        started,
        link: Some(link_to(service, activity)),
    }
}

/// Returns the link to an activity.
pub(super) fn link_to(service: &Service, activity: &ActivityExecution) -> Link {
    Link {
        variant: Some(link::Variant::Activity(link::Activity {
            namespace: service.config.namespace.clone(),
            activity_id: activity.activity_id().to_owned(),
            run_id: activity.run_id.clone(),
        })),
    }
}

/// Does what is due in an activity, in one transaction.
pub(crate) fn fire(service: &mut Service, key: ActivityKey) {
    let now_ms = service.now_ms;
    let is_offered = service.activity_executions.get_mut(key).fire(now_ms);
    close_transaction(service, key);
    if is_offered {
        crate::matching::offer_activity_execution(service, key);
    }
}

pub(super) fn describe(
    service: &mut Service,
    id: RequestId,
    request: DescribeActivityExecutionRequest,
) -> Handled {
    let key = service
        .activity_executions
        .lookup(&request.activity_id, &request.run_id)?;
    let activity = service.activity_executions.get(key);
    if request.long_poll_token.is_empty() {
        return Ok(answers::describe(activity, &request, service.now_ms).into());
    }
    let Some((transitions, run_id)) = answers::read_token(&request.long_poll_token) else {
        return Err(Status::invalid_argument("invalid long poll token"));
    };
    if run_id != activity.run_id {
        return Err(Status::invalid_argument(
            "long poll token does not match execution",
        ));
    }
    let wait = ActivityWait::Change {
        transitions,
        request: Box::new(request),
    };
    answers::wait(service, key, ActivityPoll { id, wait });
    Ok(Answer::Later)
}

pub(super) fn poll(
    service: &mut Service,
    id: RequestId,
    request: &PollActivityExecutionRequest,
) -> Handled {
    let key = service
        .activity_executions
        .lookup(&request.activity_id, &request.run_id)?;
    let wait = ActivityWait::Outcome;
    answers::wait(service, key, ActivityPoll { id, wait });
    Ok(Answer::Later)
}

pub(super) fn request_cancel(
    service: &mut Service,
    request: RequestCancelActivityExecutionRequest,
) -> Handled {
    let key = service
        .activity_executions
        .lookup(&request.activity_id, &request.run_id)?;
    let now_ms = service.now_ms;
    let activity = service.activity_executions.get_mut(key);
    let known = activity.cancel.as_ref().map(|cancel| &cancel.request_id);
    let is_repeated = known == Some(&request.request_id) && !request.request_id.is_empty();
    if is_repeated {
        return Ok(RequestCancelActivityExecutionResponse {}.into());
    }
    if let ActivityStatus::Closed(status) = activity.status {
        let state = short_name(status);
        return Err(Status::failed_precondition(format!(
            "activity is in terminal state {state}"
        )));
    }
    if let Some(known) = known {
        return Err(Status::failed_precondition(format!(
            "cancellation already requested with request ID {known}"
        )));
    }
    let cancel = CancelState {
        request_id: request.request_id,
        identity: request.identity,
        reason: request.reason,
    };
    activity.request_cancel(now_ms, cancel);
    close_transaction(service, key);
    Ok(RequestCancelActivityExecutionResponse {}.into())
}

pub(super) fn terminate(
    service: &mut Service,
    request: TerminateActivityExecutionRequest,
) -> Handled {
    let key = service
        .activity_executions
        .lookup(&request.activity_id, &request.run_id)?;
    let now_ms = service.now_ms;
    let activity = service.activity_executions.get_mut(key);
    if let Some(known) = &activity.terminate_request_id {
        if *known != request.request_id {
            return Err(Status::failed_precondition(format!(
                "already terminated with request ID {known}"
            )));
        }
        return Ok(TerminateActivityExecutionResponse {}.into());
    }
    if let ActivityStatus::Closed(status) = activity.status {
        let state = short_name(status);
        return Err(Status::failed_precondition(format!(
            "invalid transition from {state}"
        )));
    }
    activity.terminate(now_ms, request.reason, request.identity, request.request_id);
    close_transaction(service, key);
    Ok(TerminateActivityExecutionResponse {}.into())
}

/// Deletes an activity. An open one is terminated first.
pub(super) fn delete(service: &mut Service, request: &DeleteActivityExecutionRequest) -> Handled {
    let key = service
        .activity_executions
        .lookup(&request.activity_id, &request.run_id)?;
    let now_ms = service.now_ms;
    let activity = service.activity_executions.get_mut(key);
    if !activity.is_closed() {
        let reason = "Delete activity execution".to_owned();
        activity.terminate(now_ms, reason, String::new(), String::new());
        close_transaction(service, key);
    }
    service.activity_executions.delete(key);
    Ok(DeleteActivityExecutionResponse {}.into())
}

fn short_name(status: ActivityExecutionStatus) -> &'static str {
    match status {
        ActivityExecutionStatus::Completed => "Completed",
        ActivityExecutionStatus::Failed => "Failed",
        ActivityExecutionStatus::Canceled => "Canceled",
        ActivityExecutionStatus::Terminated => "Terminated",
        ActivityExecutionStatus::TimedOut => "TimedOut",
        ActivityExecutionStatus::Paused => "Paused",
        ActivityExecutionStatus::Running | ActivityExecutionStatus::Unspecified => "Running",
    }
}

/// The search attributes that only activities have, beside those of all executions.
const ACTIVITY_ID: &str = "ActivityId";
const ACTIVITY_TYPE: &str = "ActivityType";

/// Reads a query for activities.
fn query_of(service: &Service, text: &str) -> Result<Query, Status> {
    let registry = &service.config.search_attributes;
    if registry.accepts_any() {
        return Query::parse(text, registry);
    }
    let mut registry: SearchAttributeRegistry = registry.clone();
    for name in [ACTIVITY_ID, ACTIVITY_TYPE] {
        // Somebody may have registered the name already.
        let _ = registry.add(name, IndexedValueType::Keyword);
    }
    Query::parse(text, &registry)
}

/// Returns an activity as queries see it.
fn visible(activity: &ActivityExecution) -> WorkflowExecutionInfo {
    let request = &*activity.request;
    let mut attributes = request.search_attributes.clone().unwrap_or_default();
    for (name, value) in [
        (ACTIVITY_ID, activity.activity_id()),
        (ACTIVITY_TYPE, activity.activity_type()),
    ] {
        let value: Option<Payload> = payload::words(value).payloads.pop();
        attributes
            .indexed_fields
            .extend(value.map(|value| (name.to_owned(), value)));
    }
    let status = match activity.api_status() {
        ActivityExecutionStatus::Completed => WorkflowExecutionStatus::Completed,
        ActivityExecutionStatus::Failed => WorkflowExecutionStatus::Failed,
        ActivityExecutionStatus::Canceled => WorkflowExecutionStatus::Canceled,
        ActivityExecutionStatus::Terminated => WorkflowExecutionStatus::Terminated,
        ActivityExecutionStatus::TimedOut => WorkflowExecutionStatus::TimedOut,
        ActivityExecutionStatus::Paused => WorkflowExecutionStatus::Paused,
        ActivityExecutionStatus::Running | ActivityExecutionStatus::Unspecified => {
            WorkflowExecutionStatus::Running
        }
    };
    WorkflowExecutionInfo {
        execution: Some(crate::api::WorkflowExecution {
            workflow_id: request.activity_id.clone(),
            run_id: activity.run_id.clone(),
        }),
        r#type: Some(WorkflowType {
            name: activity.activity_type().to_owned(),
        }),
        start_time: Some(timestamp(activity.scheduled_ms)),
        close_time: activity.close_ms.map(timestamp),
        execution_time: Some(timestamp(activity.first_dispatch_ms())),
        execution_duration: activity
            .close_ms
            .map(|ms| duration(ms.saturating_sub(activity.scheduled_ms))),
        status: status.into(),
        search_attributes: Some(attributes),
        task_queue: activity.task_queue().to_owned(),
        state_transition_count: activity.transitions,
        ..WorkflowExecutionInfo::default()
    }
}

fn listed(activity: &ActivityExecution) -> ActivityExecutionListInfo {
    let request = &*activity.request;
    ActivityExecutionListInfo {
        activity_id: request.activity_id.clone(),
        run_id: activity.run_id.clone(),
        activity_type: request.activity_type.clone(),
        schedule_time: Some(timestamp(activity.scheduled_ms)),
        close_time: activity.close_ms.map(timestamp),
        status: activity.api_status().into(),
        search_attributes: Some(request.search_attributes.clone().unwrap_or_default()),
        task_queue: activity.task_queue().to_owned(),
        // Visibility learns of the number when the activity closes.
        state_transition_count: activity.close_ms.map_or(0, |_| activity.transitions),
        state_size_bytes: answers::state_size(activity),
        execution_duration: activity
            .close_ms
            .map(|ms| duration(ms.saturating_sub(activity.scheduled_ms))),
        execution_time: Some(timestamp(activity.first_dispatch_ms())),
    }
}

pub(super) fn list(service: &Service, request: &ListActivityExecutionsRequest) -> Handled {
    let query = query_of(service, &request.query)?;
    let (found, next_page_token) = page(
        service.activity_executions.iter().map(visible),
        request.page_size,
        &request.next_page_token,
        |activity| query.finds(activity),
    )?;
    let found = found.into_iter().filter_map(|visible| {
        let execution = visible.execution?;
        let (id, run_id) = (&execution.workflow_id, &execution.run_id);
        let key = service.activity_executions.lookup(id, run_id).ok()?;
        Some(listed(service.activity_executions.get(key)))
    });
    Ok(ListActivityExecutionsResponse {
        executions: found.collect(),
        next_page_token,
    }
    .into())
}

/// Returns all the activities that a query finds, in the order of a list.
///
/// # Errors
///
/// Those of a list.
pub(super) fn all(service: &Service, query: &str) -> Result<Vec<WorkflowExecution>, Status> {
    let query = query_of(service, query)?;
    let activities = service.activity_executions.iter().map(visible);
    Ok(in_a_list(activities, |activity| query.finds(activity)))
}

pub(super) fn count(service: &Service, request: &CountActivityExecutionsRequest) -> Handled {
    let query = query_of(service, &request.query)?;
    let (count, groups) = counted(service.activity_executions.iter().map(visible), &query);
    let groups = groups.into_iter().map(|(value, count)| AggregationGroup {
        group_values: vec![value],
        count,
    });
    Ok(CountActivityExecutionsResponse {
        count,
        groups: groups.collect(),
    }
    .into())
}
