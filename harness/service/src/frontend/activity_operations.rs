//! PauseActivity, UnpauseActivity, ResetActivity and UpdateActivityOptions: operators' changes to
//! the pending activities of a workflow; and the RPCs about activity executions that stand for
//! them if they name a workflow.
//!
//! Source: `temporalio/temporal:
//! service/history/api/{pauseactivity,unpauseactivity,resetactivity,updateactivityoptions}/api.go`,
//! `chasm/lib/activity/handler.go`.

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        activity::ActivityOptions,
        common::RetryPolicy,
        rpc::{
            pause_activity_request::Activity as ToPause,
            reset_activity_request::Activity as ToReset,
            unpause_activity_request::Activity as ToUnpause,
            update_activity_options_request::Activity as ToUpdate, *,
        },
    },
    base::{identifiers::RunKey, status, time::duration_ms},
    frontend::answer::Handled,
    policies::{activity_options, field_mask::Fields},
    run::activities::{
        ActivityPause,
        operations::{ActivityReset, Unpause, scheduled_options},
    },
    state::service::Service,
};

/// The pending activities that a request names.
enum Named<'a> {
    Id(&'a str),
    Type(&'a str),
    All,
}

/// Returns the run and the scheduled events of the pending activities that a request names.
///
/// # Errors
///
/// NOT_FOUND if the run does not exist or is closed, or if no such activity is pending.
fn find(
    service: &Service,
    execution: Option<&WorkflowExecution>,
    named: &Named<'_>,
) -> Result<(RunKey, Vec<i64>), Status> {
    let run = service
        .executions
        .run(service.executions.lookup(execution)?);
    if !run.is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    let type_of = |scheduled_event_id: i64| {
        let scheduled = run.activity_scheduled(scheduled_event_id);
        scheduled.activity_type.as_ref().map(|it| it.name.as_str())
    };
    let found: Vec<i64> = match named {
        Named::Id(id) => {
            let found = run.activities.by_id(id);
            found.map(|it| it.scheduled_event_id).into_iter().collect()
        }
        Named::Type(name) => (run.activities.iter().map(|it| it.scheduled_event_id))
            .filter(|event_id| type_of(*event_id) == Some(*name))
            .collect(),
        Named::All => (run.activities.iter().map(|it| it.scheduled_event_id)).collect(),
    };
    if found.is_empty() {
        return Err(status::not_found(
            "Can't find pending activity with such ID. Invalid activityID or activity already \
             completed",
        ));
    }
    Ok((run.key, found))
}

pub(super) fn pause(service: &mut Service, request: PauseActivityRequest) -> Handled {
    let named = match &request.activity {
        Some(ToPause::Id(id)) => Named::Id(id),
        Some(ToPause::Type(name)) => Named::Type(name),
        None => return Err(names_no_activity()),
    };
    let (key, activities) = find(service, request.execution.as_ref(), &named)?;
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    // One activity that cannot be paused refuses the whole request.
    let mut to_pause = Vec::new();
    for scheduled_event_id in activities {
        let activity = run.activities.get(scheduled_event_id);
        match activity.and_then(|activity| activity.paused.as_ref()) {
            None => to_pause.push(scheduled_event_id),
            Some(paused) if paused.request_id == request.request_id => {}
            Some(_) => return Err(Status::failed_precondition("activity is already paused")),
        }
    }
    for scheduled_event_id in to_pause {
        run.pause_activity(
            scheduled_event_id,
            ActivityPause {
                at_ms: now_ms,
                identity: request.identity.clone(),
                reason: request.reason.clone(),
                request_id: request.request_id.clone(),
            },
        );
    }
    service.close_transaction(key);
    Ok(PauseActivityResponse::default().into())
}

pub(super) fn unpause(service: &mut Service, request: UnpauseActivityRequest) -> Handled {
    let named = match &request.activity {
        Some(ToUnpause::Id(id)) => Named::Id(id),
        Some(ToUnpause::Type(name)) => Named::Type(name),
        Some(ToUnpause::UnpauseAll(_)) => Named::All,
        None => return Err(names_no_activity()),
    };
    let (key, activities) = find(service, request.execution.as_ref(), &named)?;
    let unpause = Unpause {
        resets_attempts: request.reset_attempts,
        resets_heartbeat: request.reset_heartbeat,
        jitter_ms: duration_ms(request.jitter.as_ref()),
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    for scheduled_event_id in activities {
        let activity = run.activities.get(scheduled_event_id);
        if activity.is_some_and(|activity| activity.paused.is_some()) {
            run.unpause_activity(now_ms, scheduled_event_id, unpause);
        }
    }
    service.close_transaction(key);
    Ok(UnpauseActivityResponse::default().into())
}

pub(super) fn reset(service: &mut Service, request: ResetActivityRequest) -> Handled {
    let named = match &request.activity {
        Some(ToReset::Id(id)) => Named::Id(id),
        Some(ToReset::Type(name)) => Named::Type(name),
        Some(ToReset::MatchAll(_)) => Named::All,
        None => return Err(names_no_activity()),
    };
    let (key, activities) = find(service, request.execution.as_ref(), &named)?;
    let reset = ActivityReset {
        resets_heartbeat: request.reset_heartbeat,
        keeps_paused: request.keep_paused,
        restores_options: request.restore_original_options,
        jitter_ms: duration_ms(request.jitter.as_ref()),
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    for scheduled_event_id in activities {
        run.reset_activity(now_ms, scheduled_event_id, reset);
    }
    service.close_transaction(key);
    Ok(ResetActivityResponse::default().into())
}

pub(super) fn update_options(
    service: &mut Service,
    request: UpdateActivityOptionsRequest,
) -> Handled {
    let activity_options = Some(updated_options(service, request)?);
    Ok(UpdateActivityOptionsResponse { activity_options }.into())
}

/// Updates the options of activities, and returns those of the last one.
fn updated_options(
    service: &mut Service,
    request: UpdateActivityOptionsRequest,
) -> Result<ActivityOptions, Status> {
    let refused = |why: &str| Err(Status::invalid_argument(why));
    let named = match &request.activity {
        Some(ToUpdate::Id(id)) => Named::Id(id),
        Some(ToUpdate::Type(name)) => Named::Type(name),
        Some(ToUpdate::MatchAll(_)) => Named::All,
        None => return Err(names_no_activity()),
    };
    let fields = request.update_mask.as_ref().map(Fields::of);
    let restores = request.restore_original;
    if restores && fields.as_ref().is_some_and(|fields| !fields.is_empty()) {
        return refused("Both UpdateMask and RestoreOriginal are provided");
    }
    let (key, activities) = find(service, request.execution.as_ref(), &named)?;
    let run = service.executions.run(key);
    // All new options are valid, or none are set.
    let mut updates = Vec::new();
    for scheduled_event_id in activities {
        let scheduled = run.activity_scheduled(scheduled_event_id);
        if restores {
            updates.push((scheduled_event_id, scheduled_options(scheduled)));
            continue;
        }
        let Some(update) = &request.activity_options else {
            return refused("ActivityOptions are not provided");
        };
        let Some(fields) = &fields else {
            return refused("UpdateMask is not provided");
        };
        let Some(activity) = run.activities.get(scheduled_event_id) else {
            continue;
        };
        let options = activity_options::update(
            &activity.activity_id,
            scheduled.activity_type.as_ref(),
            &activity.options(scheduled),
            update,
            fields,
            &service.config.limits,
        )?;
        updates.push((scheduled_event_id, options));
    }
    let last = updates.last().map(|(_, options)| options.clone());
    let run = service.executions.run_mut(key);
    for (scheduled_event_id, options) in updates {
        run.set_activity_options(scheduled_event_id, options);
    }
    service.close_transaction(key);
    Ok(shown(last.unwrap_or_default(), restores))
}

/// Returns options as a response shows them: without the error types, unless they were restored.
fn shown(mut options: ActivityOptions, with_error_types: bool) -> ActivityOptions {
    if let Some(policy) = options.retry_policy.take() {
        options.retry_policy = Some(RetryPolicy {
            non_retryable_error_types: if with_error_types {
                policy.non_retryable_error_types
            } else {
                Vec::new()
            },
            ..policy
        });
    }
    options
}

fn names_no_activity() -> Status {
    Status::invalid_argument("Either Activity.Id or Activity.Type should be set on request.")
}

/// Returns the workflow of an activity; UNIMPLEMENTED for a standalone activity, as on a server in
/// its default configuration.
fn of_workflow(workflow_id: String, run_id: String) -> Result<Option<WorkflowExecution>, Status> {
    if workflow_id.is_empty() {
        return Err(Status::unimplemented(
            "Standalone activity operator commands are disabled",
        ));
    }
    Ok(Some(WorkflowExecution {
        workflow_id,
        run_id,
    }))
}

pub(super) fn pause_execution(
    service: &mut Service,
    request: PauseActivityExecutionRequest,
) -> Handled {
    pause(
        service,
        PauseActivityRequest {
            namespace: request.namespace,
            execution: of_workflow(request.workflow_id, request.run_id)?,
            identity: request.identity,
            reason: request.reason,
            request_id: request.request_id,
            activity: Some(ToPause::Id(request.activity_id)),
        },
    )?;
    Ok(PauseActivityExecutionResponse::default().into())
}

pub(super) fn unpause_execution(
    service: &mut Service,
    request: UnpauseActivityExecutionRequest,
) -> Handled {
    unpause(
        service,
        UnpauseActivityRequest {
            namespace: request.namespace,
            execution: of_workflow(request.workflow_id, request.run_id)?,
            identity: request.identity,
            jitter: request.jitter,
            activity: Some(ToUnpause::Id(request.activity_id)),
            ..UnpauseActivityRequest::default()
        },
    )?;
    Ok(UnpauseActivityExecutionResponse::default().into())
}

pub(super) fn reset_execution(
    service: &mut Service,
    request: ResetActivityExecutionRequest,
) -> Handled {
    reset(
        service,
        ResetActivityRequest {
            namespace: request.namespace,
            execution: of_workflow(request.workflow_id, request.run_id)?,
            identity: request.identity,
            reset_heartbeat: request.reset_heartbeat,
            keep_paused: request.keep_paused,
            jitter: request.jitter,
            restore_original_options: request.restore_original_options,
            activity: Some(ToReset::Id(request.activity_id)),
        },
    )?;
    Ok(ResetActivityExecutionResponse::default().into())
}

pub(super) fn update_execution_options(
    service: &mut Service,
    request: UpdateActivityExecutionOptionsRequest,
) -> Handled {
    let options = updated_options(
        service,
        UpdateActivityOptionsRequest {
            namespace: request.namespace,
            execution: of_workflow(request.workflow_id, request.run_id)?,
            identity: request.identity,
            activity_options: request.activity_options,
            update_mask: request.update_mask,
            restore_original: request.restore_original,
            activity: Some(ToUpdate::Id(request.activity_id)),
        },
    )?;
    Ok(UpdateActivityExecutionOptionsResponse {
        activity_options: Some(options),
    }
    .into())
}
