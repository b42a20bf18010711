//! ResetWorkflowExecution: a run begins anew from one of its workflow tasks.
//!
//! The new run has the history up to that task, which fails with RESET_WORKFLOW. Signals and
//! accepted updates since then are repeated in the new run, and so are the outcomes of children and
//! Nexus operations. Cancel requests are not.
//!
//! Source: `temporalio/temporal: service/history/api/resetworkflow/api.go`,
//! `service/history/ndc/workflow_resetter.go`.

use std::sync::Arc;

use tonic::Status;

use crate::{
    api::{
        Attributes, HistoryEvent,
        enums::{
            ResetReapplyExcludeType, ResetReapplyType, UpdateAdmittedEventOrigin,
            WorkflowTaskFailedCause,
        },
        failure::{Failure, ResetWorkflowFailureInfo, failure::FailureInfo},
        history::WorkflowExecutionUpdateAdmittedEventAttributes,
        rpc::{ResetWorkflowExecutionRequest, ResetWorkflowExecutionResponse},
        workflow::{PostResetOperation, post_reset_operation::Variant},
    },
    base::{config::Limits, identifiers::RunKey},
    frontend::{
        answer::Handled,
        start_workflow_execution::reactivate,
        update_workflow_execution_options::{check_versioning, merge, merge_and_apply},
    },
    policies::field_mask::Fields,
    run::{
        Run,
        close::{HISTORY_RESETTER, HISTORY_SERVICE, Termination},
        signals::Signal,
        workflow_task::{WorkflowTaskFailure, WorkflowTaskKind},
    },
    state::service::Service,
};

pub(super) fn handle(service: &mut Service, request: &ResetWorkflowExecutionRequest) -> Handled {
    let base = service
        .executions
        .lookup(request.workflow_execution.as_ref())?;
    let base_run = service.executions.run(base);
    // Check the reset point.
    let finish_event_id = request.workflow_task_finish_event_id;
    if finish_event_id <= 1 || finish_event_id >= base_run.history.next_event_id() {
        return Err(Status::invalid_argument(
            "Workflow task finish ID must be > 1 && <= workflow last event ID.",
        ));
    }
    check_post_reset_operations(service, base, &request.post_reset_operations)?;
    // A repeated request gets the run that it made.
    let current = service
        .executions
        .current(&base_run.workflow_id)
        .unwrap_or(base);
    let current_run = service.executions.run(current);
    if [&current_run.reset_request_id, &current_run.start_request_id].contains(&&request.request_id)
    {
        return Ok(ResetWorkflowExecutionResponse {
            run_id: current_run.run_id.clone(),
        }
        .into());
    }
    // Fork the run, and close the current one.
    let run_id = service.next_run_id(base);
    let mut run = fork(service, base, &run_id, request)?;

    service.executions.run_mut(base).state.reset_run_id = Some(run_id.clone());
    if service.executions.run(current).is_running() {
        let termination = Termination {
            reason: request.reason.clone(),
            identity: HISTORY_RESETTER.to_owned(),
            ..Termination::default()
        };
        service.terminate_run(current, termination);
    }
    // Repeat the events after the reset point in the new run.
    if let Some(excluded) = Excluded::new(request) {
        for events in later_events(service, base, finish_event_id) {
            reapply(&mut run, events, &excluded, service.now_ms);
        }
    }
    operate(&mut run, &request.post_reset_operations, service.now_ms)?;
    run.schedule_workflow_task(service.now_ms, WorkflowTaskKind::Normal);
    let key = run.key;
    service.executions.add(run);
    service.close_transaction(key);
    reactivate(service, key);
    Ok(ResetWorkflowExecutionResponse { run_id }.into())
}

/// Checks the operations that are requested for after the reset.
///
/// # Errors
///
/// INVALID_ARGUMENT, in the server's words, for operations that are not allowed after a reset;
/// FAILED_PRECONDITION for a versioning override that no worker could follow.
fn check_post_reset_operations(
    service: &Service,
    base: RunKey,
    operations: &[PostResetOperation],
) -> Result<(), Status> {
    operations
        .iter()
        .try_for_each(|operation| match &operation.variant {
            Some(Variant::UpdateWorkflowOptions(update)) => {
                let options = update
                    .workflow_execution_options
                    .clone()
                    .unwrap_or_default();
                check_versioning(service, base, &options)?;
                let fields = Fields::of(&update.update_mask.clone().unwrap_or_default());
                let known = service.executions.run(base).state.options.clone();
                merge(known, options, &fields).map(|_| ())
            }
            Some(Variant::SignalWorkflow(_)) => Err(Status::invalid_argument(
                "unsupported post reset operation: *workflow.PostResetOperation_SignalWorkflow_",
            )),
            None => Err(Status::invalid_argument(
                "unsupported post reset operation: <nil>",
            )),
        })
}

/// Does the operations that are requested for after the reset.
fn operate(run: &mut Run, operations: &[PostResetOperation], now_ms: u64) -> Result<(), Status> {
    for operation in operations {
        if let Some(Variant::UpdateWorkflowOptions(update)) = operation.variant.clone() {
            let fields = Fields::of(&update.update_mask.unwrap_or_default());
            let options = update.workflow_execution_options.unwrap_or_default();
            merge_and_apply(run, options, &fields, String::new(), now_ms)?;
        }
    }
    Ok(())
}

/// Returns the new run, whose workflow task has failed. Its start request is that of the run that
/// is reset.
fn fork(
    service: &Service,
    base: RunKey,
    run_id: &str,
    request: &ResetWorkflowExecutionRequest,
) -> Result<Run, Status> {
    let (now_ms, base) = (service.now_ms, service.executions.run(base));
    let kept = usize::try_from(request.workflow_task_finish_event_id - 1).unwrap_or(0);
    let events = &base.history.events()[..kept];
    let key = service.executions.next_key();
    let mut run = Run::rebuild(
        now_ms,
        key,
        run_id.to_owned(),
        base.start_request_id.clone(),
        events,
    );
    run.reset_request_id.clone_from(&request.request_id);
    if !run.has_pending_workflow_task() {
        return Err(Status::invalid_argument(format!(
            "Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, \
             WorkflowTaskStarted + 1]: {}",
            request.workflow_task_finish_event_id
        )));
    }
    fail_workflow_task(
        &mut run,
        now_ms,
        &service.config.limits,
        &base.run_id,
        &request.reason,
    );
    Ok(run)
}

fn fail_workflow_task(
    run: &mut Run,
    now_ms: u64,
    limits: &Limits,
    base_run_id: &str,
    reason: &str,
) {
    if !run.has_started_workflow_task() {
        run.start_workflow_task(now_ms, limits, HISTORY_SERVICE.into(), String::new());
    }
    let failure = Failure {
        message: reason.to_owned(),
        failure_info: Some(FailureInfo::ResetWorkflowFailureInfo(
            ResetWorkflowFailureInfo::default(),
        )),
        ..Failure::default()
    };
    let failed = WorkflowTaskFailure {
        base_run_id: base_run_id.to_owned(),
        new_run_id: run.run_id.clone(),
        ..WorkflowTaskFailure::new(
            WorkflowTaskFailedCause::ResetWorkflow,
            Some(failure),
            HISTORY_SERVICE,
        )
    };
    run.fail_workflow_task(now_ms, failed);
}

/// Returns the events after the reset point, in the run itself and in the runs that continue it.
fn later_events(
    service: &Service,
    base: RunKey,
    finish_event_id: i64,
) -> Vec<&[Arc<HistoryEvent>]> {
    let kept = usize::try_from(finish_event_id - 1).unwrap_or(0);
    let mut run = service.executions.run(base);
    let mut later = vec![&run.history.events()[kept..]];
    while let Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(continued)) = run
        .history
        .events()
        .last()
        .and_then(|event| event.attributes.as_ref())
    {
        let next = service
            .executions
            .by_run_id(&run.workflow_id, &continued.new_execution_run_id);
        let Some(next) = next else { break };
        run = service.executions.run(next);
        later.push(run.history.events());
    }
    later
}

/// The kinds of events that are not repeated in the new run.
struct Excluded {
    signals: bool,
    updates: bool,
    nexus: bool,
}

impl Excluded {
    /// Returns the excluded kinds; `None` if the request names all kinds. Then nothing is repeated,
    /// not even the outcomes of children.
    #[allow(
        deprecated,
        reason = "callers still send the old field, and the server still takes it"
    )]
    fn new(request: &ResetWorkflowExecutionRequest) -> Option<Self> {
        let named = |kind| {
            request
                .reset_reapply_exclude_types()
                .any(|excluded| excluded == kind)
        };
        let (signals, updates) = match request.reset_reapply_type() {
            ResetReapplyType::None => (true, true),
            ResetReapplyType::Signal => (false, true),
            ResetReapplyType::AllEligible | ResetReapplyType::Unspecified => (false, false),
        };
        let signals = signals || named(ResetReapplyExcludeType::Signal);
        let updates = updates || named(ResetReapplyExcludeType::Update);
        // The older field does not cover Nexus.
        let nexus = named(ResetReapplyExcludeType::Nexus);
        let cancel_requests = named(ResetReapplyExcludeType::CancelRequest);
        (!(signals && updates && nexus && cancel_requests)).then_some(Self {
            signals,
            updates,
            nexus,
        })
    }
}

fn reapply(run: &mut Run, events: &[Arc<HistoryEvent>], excluded: &Excluded, now_ms: u64) {
    for event in events {
        match &event.attributes {
            Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled))
                if !excluded.signals =>
            {
                run.record_signal(
                    now_ms,
                    Signal {
                        name: signaled.signal_name.clone(),
                        input: signaled.input.clone(),
                        identity: signaled.identity.clone(),
                        header: signaled.header.clone(),
                        sender: None,
                        request_id: signaled.request_id.clone(),
                        links: event.links.clone(),
                    },
                );
            }
            Some(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted))
                if !excluded.updates =>
            {
                // An update without a request was admitted by an earlier event.
                if let Some(request) = accepted.accepted_request.clone() {
                    let origin = UpdateAdmittedEventOrigin::Reapply.into();
                    admit(
                        run,
                        WorkflowExecutionUpdateAdmittedEventAttributes {
                            request: Some(request),
                            origin,
                        },
                        now_ms,
                    );
                }
            }
            Some(Attributes::WorkflowExecutionUpdateAdmittedEventAttributes(admitted))
                if !excluded.updates =>
            {
                admit(run, (**admitted).clone(), now_ms);
            }
            Some(Attributes::WorkflowExecutionOptionsUpdatedEventAttributes(updated)) => {
                let is_known = !updated.attached_completion_callbacks.is_empty()
                    && run.start_request_ids.contains(&updated.attached_request_id);
                if !is_known {
                    run.update_options(now_ms, (**updated).clone(), event.links.clone());
                }
            }
            Some(attributes) => {
                run.reapply_child_event(now_ms, attributes);
                if !excluded.nexus {
                    run.reapply_nexus_event(now_ms, attributes);
                }
            }
            None => {}
        }
    }
}

/// Admits an update by an event. The worker reads the request in the event, not in a message.
fn admit(run: &mut Run, admitted: WorkflowExecutionUpdateAdmittedEventAttributes, now_ms: u64) {
    let meta = admitted
        .request
        .as_ref()
        .and_then(|request| request.meta.as_ref());
    let Some(id) = meta.map(|meta| meta.update_id.clone()) else {
        return;
    };
    run.updates.readmit(id);
    run.history.add(now_ms, admitted);
}
