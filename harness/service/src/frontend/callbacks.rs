//! Completion callbacks of a closed run, which report its end to the callers of Nexus operations.
//!
//! The server calls a URL. Here the only URL is the system's own, which stands for the operation
//! that the token in the header names.
//!
//! Source: `temporalio/temporal: chasm/lib/callback/invocable_internal.go`.

use tonic::Status;

use crate::{
    api::{
        common::{Callback, Link, callback},
        enums::EventType,
        update::outcome,
    },
    base::{
        identifiers::{ActivityKey, RunKey},
        links,
        nexus_endpoints::CALLBACK_URL,
    },
    frontend::{activity_executions, nexus_task},
    matching::start_nexus_task::CALLBACK_TOKEN,
    messages::nexus_completion::CompleteNexusOperationRequest,
    run::{callbacks::header, token, updates::callbacks::UpdateCallback},
    state::{
        abroad::{Content, Parcel},
        service::Service,
    },
};

/// The field of a callback's header with the handler's token of the operation.
const OPERATION_TOKEN: &str = "nexus-operation-token";

/// Calls the callbacks of a run, unless the run that follows inherits them.
pub(crate) fn call(service: &mut Service, key: RunKey) {
    let now_ms = service.now_ms;
    let run = service.executions.run(key);
    let Some(completion) = run.completion() else {
        return;
    };
    let (result, failure) = match completion {
        Ok(result) => (result, None),
        Err(failure) => (None, Some(*failure)),
    };
    let completion = CompleteNexusOperationRequest {
        start_time_ms: Some(run.start_ms),
        result,
        failure,
        ..CompleteNexusOperationRequest::default()
    };
    let callbacks = run.callbacks.iter().map(|registered| {
        let link = link_of_request(service, key, &registered.request_id);
        (registered.callback.clone(), link)
    });
    for (index, (callback, link)) in callbacks.collect::<Vec<_>>().into_iter().enumerate() {
        let completion = CompleteNexusOperationRequest {
            links: vec![link],
            ..completion.clone()
        };
        let called = call_one(service, &callback, completion);
        let refused = called.as_ref().err().map(Status::message);
        let run = service.executions.run_mut(key);
        if let Some(registered) = run.callbacks.get_mut(index) {
            registered.called(now_ms, refused);
        }
    }
}

/// Calls the callbacks of the updates of a run that have an outcome. A run that replaces this one
/// by a reset has the updates too.
pub(crate) fn call_of_updates(service: &mut Service, key: RunKey) {
    let now_ms = service.now_ms;
    let run = service.executions.run(key);
    if run.state.reset_run_id.is_some() {
        return;
    }
    for due in run.updates.due_callbacks() {
        let run = service.executions.run(key);
        let outcome = run.outcome_of_update(&due.update_id);
        let (result, failure) = match outcome.and_then(|outcome| outcome.value) {
            // An operation has one result.
            Some(outcome::Value::Success(success)) => (success.payloads.into_iter().next(), None),
            Some(outcome::Value::Failure(failure)) => (None, Some(failure)),
            None => (None, None),
        };
        let completion = CompleteNexusOperationRequest {
            start_time_ms: Some(run.start_ms),
            result,
            failure,
            links: vec![link_of_update(service, key, &due)],
            ..CompleteNexusOperationRequest::default()
        };
        let called = call_one(service, &due.callback, completion);
        let refused = called.as_ref().err().map(Status::message);
        let run = service.executions.run_mut(key);
        run.updates.called(now_ms, &due, refused);
    }
}

/// Returns the link to the event that the request of a callback left: the acceptance of its update,
/// or the attachment to it.
fn link_of_update(service: &Service, key: RunKey, called: &UpdateCallback) -> Link {
    let run = service.executions.run(key);
    let event_type = if called.is_attached {
        EventType::WorkflowExecutionOptionsUpdated
    } else {
        EventType::WorkflowExecutionUpdateAccepted
    };
    let (workflow_id, run_id) = (&run.workflow_id, &run.run_id);
    let namespace = &service.config.namespace;
    links::to_request(
        namespace,
        workflow_id,
        run_id,
        &called.request_id,
        event_type,
    )
}

/// Calls the callbacks of a closed standalone activity.
pub(crate) fn call_of_activity(service: &mut Service, key: ActivityKey) {
    let now_ms = service.now_ms;
    let activity = service.activity_executions.get(key);
    let Some(outcome) = activity.outcome.clone() else {
        return;
    };
    let (result, failure) = match outcome.ending {
        // An operation has one result.
        Ok(result) => (result.and_then(|it| it.payloads.into_iter().next()), None),
        Err(failure) => (None, Some(*failure)),
    };
    let completion = CompleteNexusOperationRequest {
        start_time_ms: Some(activity.scheduled_ms),
        links: vec![activity_executions::link_to(service, activity)],
        result,
        failure,
        ..CompleteNexusOperationRequest::default()
    };
    let callbacks = activity.callbacks.iter().map(|it| it.callback.clone());
    for (index, callback) in callbacks.collect::<Vec<_>>().iter().enumerate() {
        let called = call_one(service, callback, completion.clone());
        let refused = called.as_ref().err().map(Status::message);
        let activity = service.activity_executions.get_mut(key);
        if let Some(registered) = activity.callbacks.get_mut(index) {
            registered.called(now_ms, refused);
        }
    }
}

/// Returns the link to the event that a start request left: the first one, or that of its
/// attachment, which may not have an id yet.
pub(super) fn link_of_request(service: &Service, key: RunKey, request_id: &str) -> Link {
    let namespace = &service.config.namespace;
    let run = service.executions.run(key);
    let (workflow_id, run_id) = (&run.workflow_id, &run.run_id);
    if request_id == run.start_request_id || !run.start_request_ids.contains(request_id) {
        let started = EventType::WorkflowExecutionStarted;
        return links::to_event(namespace, workflow_id, run_id, 1, started);
    }
    let updated = EventType::WorkflowExecutionOptionsUpdated;
    links::to_request(namespace, workflow_id, run_id, request_id, updated)
}

/// Reports the end of an operation to its caller, in whatever namespace.
///
/// # Errors
///
/// Those of a completion, if its operation is in this namespace; UNIMPLEMENTED for another URL.
fn call_one(
    service: &mut Service,
    callback: &Callback,
    mut completion: CompleteNexusOperationRequest,
) -> Result<(), Status> {
    let Some(callback::Variant::Nexus(callback)) = &callback.variant else {
        return Err(Status::unimplemented("unknown callback variant"));
    };
    if callback.url != CALLBACK_URL {
        return Err(Status::unimplemented(
            "the simulated service calls no URL but that of the system",
        ));
    }
    header(callback, OPERATION_TOKEN).clone_into(&mut completion.operation_token);
    let token = header(callback, CALLBACK_TOKEN);
    let (home, token) = token::callback_home(token);
    token.clone_into(&mut completion.callback_token);
    match home {
        Some(home) if home != service.config.namespace => {
            service.parcels.push(Parcel {
                namespace: home.into(),
                content: Content::Completion(Box::new(completion)),
            });
            Ok(())
        }
        _ => nexus_task::complete(service, completion).map(|_| ()),
    }
}
