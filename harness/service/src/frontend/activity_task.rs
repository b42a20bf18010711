//! The RPCs about a started activity, from its worker or, by id, from clients: heartbeat,
//! completion, failure, cancellation.
//!
//! Source: `temporalio/temporal:
//! service/history/api/{recordactivitytaskheartbeat,respondactivitytask*}/api.go`.

use prost::Message;
use tonic::Status;

use crate::{
    activity_execution::Status as ActivityStatus,
    api::{Payloads, failure::Failure, rpc::*},
    base::{failure, versions::Respondent},
    frontend::{
        answer::Handled,
        named_activity::{Found, Named, find},
    },
    run::activities::{ActivityClosing, PendingActivity, StartedAttempt},
    state::{answers::activity_executions, service::Service},
};

macro_rules! by_id {
    ($request:expr) => {
        Named::ById {
            workflow_id: &$request.workflow_id,
            run_id: &$request.run_id,
            activity_id: &$request.activity_id,
        }
    };
}

/// Returns the worker of a request.
macro_rules! respondent {
    ($request:expr) => {
        #[allow(deprecated, reason = "SDKs still send the stamp")]
        Respondent {
            identity: $request.identity,
            stamp: $request.worker_version,
        }
    };
}

/// Returns `true` if a worker sent more than an event holds.
fn is_too_large(service: &Service, payloads: Option<&Payloads>) -> bool {
    payloads.is_some_and(|payloads| payloads.encoded_len() > service.config.limits.payload_bytes)
}

/// Fails an activity whose worker sent more than an event holds.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go`.
fn fail_for_size(
    service: &mut Service,
    named: &Named<'_>,
    reason: &str,
    worker: Respondent,
) -> Result<(), Status> {
    fail(
        service,
        named,
        Some(failure::server(reason, true)),
        None,
        worker,
    )
    .map(|_| ())
}

/// The requests that an attempt hears of in the answer to a heartbeat.
#[derive(Clone, Copy)]
struct Heard {
    cancel_requested: bool,
    activity_paused: bool,
    activity_reset: bool,
}

/// Records a heartbeat.
fn heartbeat(
    service: &mut Service,
    named: &Named<'_>,
    details: Option<Payloads>,
    identity: String,
) -> Result<Heard, Status> {
    if is_too_large(service, details.as_ref()) {
        fail_for_size(
            service,
            named,
            failure::HEARTBEAT_TOO_LARGE,
            identity.into(),
        )?;
        return Ok(Heard {
            cancel_requested: true,
            activity_paused: false,
            activity_reset: false,
        });
    }
    let (key, scheduled_event_id) = match find(service, named, false)? {
        Found::OfWorkflow {
            run,
            scheduled_event_id,
        } => (run, scheduled_event_id),
        Found::Standalone(key) => {
            let now_ms = service.now_ms;
            let activity = service.activity_executions.get_mut(key);
            activity.record_heartbeat(now_ms, details);
            let cancel_requested = activity.status == ActivityStatus::CancelRequested;
            activity_executions::close_transaction(service, key);
            return Ok(Heard {
                cancel_requested,
                activity_paused: false,
                activity_reset: false,
            });
        }
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    run.record_activity_heartbeat(now_ms, scheduled_event_id, details);
    let activity = run.activities.get(scheduled_event_id);
    let heard = Heard {
        cancel_requested: activity.is_some_and(PendingActivity::is_cancel_requested),
        activity_paused: activity.is_some_and(|activity| activity.paused.is_some()),
        activity_reset: activity.is_some_and(|activity| activity.is_reset),
    };
    service.close_transaction(key);
    Ok(heard)
}

fn complete(
    service: &mut Service,
    named: &Named<'_>,
    result: Option<Payloads>,
    worker: Respondent,
) -> Result<(), Status> {
    if is_too_large(service, result.as_ref()) {
        return fail_for_size(service, named, failure::RESULT_TOO_LARGE, worker);
    }
    let (key, scheduled_event_id) = match find(service, named, true)? {
        Found::OfWorkflow {
            run,
            scheduled_event_id,
        } => (run, scheduled_event_id),
        Found::Standalone(key) => {
            let now_ms = service.now_ms;
            let activity = service.activity_executions.get_mut(key);
            activity.complete(now_ms, result, worker.identity);
            activity_executions::close_transaction(service, key);
            return Ok(());
        }
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    if run
        .activities
        .get(scheduled_event_id)
        .is_some_and(|activity| activity.started.is_none())
    {
        // A client completed the activity by id between attempts. The server then records a start.
        let started = StartedAttempt {
            at_ms: now_ms,
            identity: worker.identity.clone(),
            request_id: String::new(),
            version: None,
        };
        run.start_activity(scheduled_event_id, started);
    }
    let identity = worker.identity;
    run.close_activity(
        now_ms,
        scheduled_event_id,
        ActivityClosing::Completed { result, identity },
        worker.stamp,
    );
    run.ensure_workflow_task(now_ms);
    service.close_transaction(key);
    Ok(())
}

/// Fails an attempt. Returns failures that report which of its data were too large to be kept.
fn fail(
    service: &mut Service,
    named: &Named<'_>,
    failure: Option<Failure>,
    mut last_heartbeat_details: Option<Payloads>,
    worker: Respondent,
) -> Result<Vec<Failure>, Status> {
    let mut too_large = Vec::new();
    if is_too_large(service, last_heartbeat_details.as_ref()) {
        last_heartbeat_details = None;
        too_large.push(failure::server(failure::HEARTBEAT_TOO_LARGE, true));
    }
    let failure = failure.map(|failure| {
        let (failure, is_cut) = failure::for_event(failure, service.config.limits.payload_bytes);
        too_large.extend(is_cut.then(|| failure.clone()));
        failure
    });
    let (key, scheduled_event_id) = match find(service, named, false)? {
        Found::OfWorkflow {
            run,
            scheduled_event_id,
        } => (run, scheduled_event_id),
        Found::Standalone(key) => {
            let now_ms = service.now_ms;
            let activity = service.activity_executions.get_mut(key);
            if last_heartbeat_details.is_some() {
                activity.record_heartbeat(now_ms, last_heartbeat_details);
            }
            activity.fail(now_ms, failure, worker.identity);
            activity_executions::close_transaction(service, key);
            return Ok(too_large);
        }
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    if last_heartbeat_details.is_some() {
        run.record_activity_heartbeat(now_ms, scheduled_event_id, last_heartbeat_details);
    }
    run.fail_activity_attempt(now_ms, scheduled_event_id, failure, worker);
    service.close_transaction(key);
    Ok(too_large)
}

fn cancel(
    service: &mut Service,
    named: &Named<'_>,
    details: Option<Payloads>,
    worker: Respondent,
) -> Result<(), Status> {
    if is_too_large(service, details.as_ref()) {
        return fail_for_size(service, named, failure::CANCEL_DETAILS_TOO_LARGE, worker);
    }
    let (key, scheduled_event_id) = match find(service, named, false)? {
        Found::OfWorkflow {
            run,
            scheduled_event_id,
        } => (run, scheduled_event_id),
        Found::Standalone(key) => {
            let now_ms = service.now_ms;
            let activity = service.activity_executions.get_mut(key);
            if activity.status != ActivityStatus::CancelRequested {
                return Err(not_asked_to_cancel());
            }
            activity.cancel(now_ms, details);
            activity_executions::close_transaction(service, key);
            return Ok(());
        }
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    if !run
        .activities
        .get(scheduled_event_id)
        .is_some_and(PendingActivity::is_cancel_requested)
    {
        return Err(not_asked_to_cancel());
    }
    let identity = worker.identity;
    run.close_activity(
        now_ms,
        scheduled_event_id,
        ActivityClosing::Canceled { details, identity },
        worker.stamp,
    );
    run.ensure_workflow_task(now_ms);
    service.close_transaction(key);
    Ok(())
}

fn not_asked_to_cancel() -> Status {
    Status::invalid_argument(
        "unable to mark activity as canceled without activity being request canceled first",
    )
}

pub(super) fn record_heartbeat(
    service: &mut Service,
    request: RecordActivityTaskHeartbeatRequest,
) -> Handled {
    let named = Named::ByToken(&request.task_token);
    let heard = heartbeat(service, &named, request.details, request.identity)?;
    Ok(RecordActivityTaskHeartbeatResponse {
        cancel_requested: heard.cancel_requested,
        activity_paused: heard.activity_paused,
        activity_reset: heard.activity_reset,
    }
    .into())
}

pub(super) fn record_heartbeat_by_id(
    service: &mut Service,
    request: RecordActivityTaskHeartbeatByIdRequest,
) -> Handled {
    let heard = heartbeat(service, &by_id!(request), request.details, request.identity)?;
    Ok(RecordActivityTaskHeartbeatByIdResponse {
        cancel_requested: heard.cancel_requested,
        activity_paused: heard.activity_paused,
        activity_reset: heard.activity_reset,
    }
    .into())
}

pub(super) fn respond_completed(
    service: &mut Service,
    request: RespondActivityTaskCompletedRequest,
) -> Handled {
    complete(
        service,
        &Named::ByToken(&request.task_token),
        request.result,
        respondent!(request),
    )?;
    Ok(RespondActivityTaskCompletedResponse::default().into())
}

pub(super) fn respond_completed_by_id(
    service: &mut Service,
    request: RespondActivityTaskCompletedByIdRequest,
) -> Handled {
    let named = by_id!(request);
    complete(service, &named, request.result, request.identity.into())?;
    Ok(RespondActivityTaskCompletedByIdResponse::default().into())
}

pub(super) fn respond_failed(
    service: &mut Service,
    request: RespondActivityTaskFailedRequest,
) -> Handled {
    let named = Named::ByToken(&request.task_token);
    let failures = fail(
        service,
        &named,
        request.failure,
        request.last_heartbeat_details,
        respondent!(request),
    )?;
    Ok(RespondActivityTaskFailedResponse { failures }.into())
}

pub(super) fn respond_failed_by_id(
    service: &mut Service,
    request: RespondActivityTaskFailedByIdRequest,
) -> Handled {
    let named = by_id!(request);
    let failures = fail(
        service,
        &named,
        request.failure,
        request.last_heartbeat_details,
        request.identity.into(),
    )?;
    Ok(RespondActivityTaskFailedByIdResponse { failures }.into())
}

pub(super) fn respond_canceled(
    service: &mut Service,
    request: RespondActivityTaskCanceledRequest,
) -> Handled {
    cancel(
        service,
        &Named::ByToken(&request.task_token),
        request.details,
        respondent!(request),
    )?;
    Ok(RespondActivityTaskCanceledResponse::default().into())
}

pub(super) fn respond_canceled_by_id(
    service: &mut Service,
    request: RespondActivityTaskCanceledByIdRequest,
) -> Handled {
    let named = by_id!(request);
    cancel(service, &named, request.details, request.identity.into())?;
    Ok(RespondActivityTaskCanceledByIdResponse::default().into())
}
