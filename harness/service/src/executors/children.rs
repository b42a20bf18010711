//! Deliveries between a parent and its children.

use crate::{
    api::{
        Attributes, WorkflowExecution,
        enums::{
            ParentClosePolicy, StartChildWorkflowExecutionFailedCause as StartFailed,
            TaskQueueType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
        },
        history::{
            StartChildWorkflowExecutionInitiatedEventAttributes,
            WorkflowExecutionStartedEventAttributes,
        },
    },
    base::{identifiers::RunKey, priorities, versioning_override, versions::Version},
    history::EventDecoration,
    run::{
        Run, chain,
        close::{CancelRequest, HISTORY_RESETTER, HISTORY_SERVICE, Termination},
        start::NewRun,
        transfer::Delivered,
        versioning::inheritance::Inherited,
        workflow_id::{self, Resolution},
    },
    state::service::Service,
};

/// Starts a child, or records that it could not be started. A parent that has closed in the
/// meantime starts no child, not even one that it would have abandoned.
///
/// Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
/// (`processStartChildExecution`).
pub(super) fn start(service: &mut Service, parent: RunKey, initiated_event_id: i64) -> Delivered {
    let now_ms = service.now_ms;
    let run = service.executions.run(parent);
    let is_pending = run
        .children
        .get(initiated_event_id)
        .is_some_and(|child| !child.is_started());
    if !run.is_running() || !is_pending {
        return Delivered::Done;
    }
    // An open child that the parent started before it was reset is taken over.
    let new_run = match new_run(service, run, initiated_event_id) {
        Ok(new_run) => new_run,
        Err(cause) => {
            let run = service.executions.run_mut(parent);
            run.child_start_failed(now_ms, initiated_event_id, cause);
            service.close_transaction(parent);
            return Delivered::Done;
        }
    };
    let reuse = run.child_initiated(initiated_event_id).map_or(
        WorkflowIdReusePolicy::AllowDuplicate,
        StartChildWorkflowExecutionInitiatedEventAttributes::workflow_id_reuse_policy,
    );
    let last = service.executions.current(&new_run.attributes.workflow_id);
    if let Some(child) =
        last.filter(|last| is_child_from_before_reset(service, *last, parent, initiated_event_id))
    {
        let first_run_id = service
            .executions
            .run(child)
            .started()
            .first_execution_run_id
            .clone();
        service
            .executions
            .run_mut(parent)
            .child_started(now_ms, initiated_event_id, &first_run_id);
        service.close_transaction(parent);
        return Delivered::Done;
    }
    // The workflow id may be taken by another run.
    if let Some(last) = last {
        let (reuse, conflict) = id_policies(reuse);
        match workflow_id::resolve(service.executions.run(last), reuse, conflict) {
            Ok(Resolution::TerminateExisting) => service.terminate_for_new_run(last),
            Ok(Resolution::Start | Resolution::UseExisting) => {}
            Err(_) => {
                let run = service.executions.run_mut(parent);
                run.child_start_failed(
                    now_ms,
                    initiated_event_id,
                    StartFailed::WorkflowAlreadyExists,
                );
                service.close_transaction(parent);
                return Delivered::Done;
            }
        }
    }
    // Start the child, and tell its parent.
    let child = service.start_run(new_run);
    if !service.executions.run(parent).is_running() {
        // The child had the parent's workflow id and terminated it, so no one schedules its first
        // task.
        return Delivered::Done;
    }
    let run_id = service.executions.run(child).run_id.clone();
    service
        .executions
        .run_mut(parent)
        .child_started(now_ms, initiated_event_id, &run_id);
    service.close_transaction(parent);
    // The child's first task comes only now, so that the parent knows of its child before the child
    // acts.
    service
        .executions
        .run_mut(child)
        .ensure_workflow_task(now_ms);
    service.close_transaction(child);
    Delivered::Done
}

/// Begins the children anew that an imported run has started and that are not here: each under its
/// run id, from its input.
pub(crate) fn begin_missing(service: &mut Service, parent: RunKey) {
    let now_ms = service.now_ms;
    let run = service.executions.run(parent);
    let is_here = |workflow_id: &str, first_run_id: &str| {
        let current = service.executions.current(workflow_id);
        current.is_some_and(|key| {
            let child = service.executions.run(key);
            child.is_running() || child.started().first_execution_run_id == *first_run_id
        })
    };
    let missing = run.children.iter().filter(|(_, child)| {
        child.is_started() && !is_here(&child.workflow_id, &child.first_run_id)
    });
    let missing: Vec<_> = missing
        .map(|(id, child)| (*id, child.first_run_id.clone()))
        .collect();
    for (initiated_event_id, run_id) in missing {
        let key = service.executions.next_key();
        let run = service.executions.run(parent);
        let Ok(new) = new_run(service, run, initiated_event_id) else {
            continue;
        };
        let mut child = Run::start(now_ms, key, run_id, new);
        child.ensure_workflow_task(now_ms);
        service.executions.add(child);
        service.close_transaction(key);
    }
}

/// Returns the policies for the workflow id of a child. An open run of that id is in the way,
/// unless the old policy says to terminate it.
///
/// Source: `temporalio/temporal: service/history/api/workflow_id_dedup.go`
/// (`MigrateWorkflowIDReusePolicyForRunningWorkflow`).
fn id_policies(reuse: WorkflowIdReusePolicy) -> (WorkflowIdReusePolicy, WorkflowIdConflictPolicy) {
    #[allow(
        deprecated,
        reason = "workflows still ask for it, and the server still does it"
    )]
    if reuse == WorkflowIdReusePolicy::TerminateIfRunning {
        return (
            WorkflowIdReusePolicy::AllowDuplicate,
            WorkflowIdConflictPolicy::TerminateExisting,
        );
    }
    (reuse, WorkflowIdConflictPolicy::Fail)
}

/// Returns `true` if an existing run is the child that is to be started. That is so if the parent
/// was reset and the earlier run had started the child; the two are reconnected.
///
/// Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
/// (`verifyChildWorkflow`).
fn is_child_from_before_reset(
    service: &Service,
    child: RunKey,
    parent: RunKey,
    initiated_event_id: i64,
) -> bool {
    let run = service.executions.run(child);
    let started = run.started();
    run.is_running()
        && started.parent_initiated_event_id == initiated_event_id
        && running_parent(service, started.parent_workflow_execution.as_ref()) == Some(parent)
}

/// Returns the versioning of a child.
///
/// # Errors
///
/// The cause for which the child does not start, if its override is none that tasks could follow.
fn versioning_of(
    service: &Service,
    parent: &Run,
    initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
) -> Result<Inherited, StartFailed> {
    let queue = initiated.task_queue.as_ref().map_or("", |it| &it.name);
    if let Some(versioning) = &initiated.versioning_override {
        let checked = versioning_override::check_structure(versioning);
        let checked = checked.and_then(|()| service.check_override(queue, versioning));
        return match checked {
            Ok(()) => Ok(Inherited::overridden(versioning.clone())),
            Err(_) => Err(StartFailed::InvalidVersioningOverride),
        };
    }
    let is_in_version = |queue: &str, version: &Version| {
        let kind = TaskQueueType::Workflow;
        service.deployments.has_version(kind, queue, version)
    };
    Ok(parent.inherited_by_child(queue, &is_in_version))
}

fn new_run(
    service: &Service,
    parent: &Run,
    initiated_event_id: i64,
) -> Result<NewRun, StartFailed> {
    let (namespace, now_ms) = (&service.config.namespace, service.now_ms);
    let Some(initiated) = parent.child_initiated(initiated_event_id).cloned() else {
        unreachable!("a pending child has its initiated event");
    };
    let inherited = versioning_of(service, parent, &initiated)?;
    let started = parent.started();
    let root = started
        .root_workflow_execution
        .clone()
        .unwrap_or_else(|| parent.execution());
    let mut attributes = WorkflowExecutionStartedEventAttributes {
        workflow_type: initiated.workflow_type,
        workflow_id: initiated.workflow_id,
        parent_workflow_namespace: namespace.clone(),
        parent_workflow_namespace_id: initiated.namespace_id,
        parent_workflow_execution: Some(parent.execution()),
        parent_initiated_event_id: initiated_event_id,
        root_workflow_execution: Some(root),
        task_queue: initiated.task_queue,
        input: initiated.input,
        workflow_execution_timeout: initiated.workflow_execution_timeout,
        workflow_run_timeout: initiated.workflow_run_timeout,
        workflow_task_timeout: initiated.workflow_task_timeout,
        retry_policy: initiated.retry_policy,
        cron_schedule: initiated.cron_schedule,
        memo: initiated.memo,
        search_attributes: initiated.search_attributes,
        header: initiated.header,
        priority: priorities::merge(parent.state.options.priority.as_ref(), initiated.priority),
        ..WorkflowExecutionStartedEventAttributes::default()
    };
    inherited.write(&mut attributes);
    chain::begin(&mut attributes, None, now_ms);
    let user_metadata = parent
        .history
        .event(initiated_event_id)
        .and_then(|event| event.user_metadata.as_deref().cloned());
    Ok(NewRun {
        attributes,
        decoration: EventDecoration {
            user_metadata,
            ..EventDecoration::default()
        },
        request_id: format!("{}:{initiated_event_id}:0", parent.run_id),
        without_workflow_task: true,
        ..NewRun::default()
    })
}

/// Reports the end of a run to its parent, or to the run that replaced the parent by a reset.
///
/// Source: `temporalio/temporal: service/history/api/recordchildworkflowcompleted/api.go`.
pub(super) fn tell_parent(service: &mut Service, child: RunKey) -> Delivered {
    let now_ms = service.now_ms;
    let run = service.executions.run(child);
    let started = run.started();
    let initiated_event_id = started.parent_initiated_event_id;
    let first_run_id = &started.first_execution_run_id;
    let Some(parent) = running_parent(service, started.parent_workflow_execution.as_ref()) else {
        return Delivered::Done;
    };
    let Some(pending) = service
        .executions
        .run(parent)
        .children
        .get(initiated_event_id)
    else {
        return Delivered::Done;
    };
    // A parent that was reset may not have found its child yet.
    let is_found = pending.is_started();
    let is_its_child = pending.workflow_id == run.workflow_id
        && (!is_found || pending.first_run_id == *first_run_id);
    let closing = run
        .history
        .events()
        .last()
        .and_then(|event| event.attributes.clone());
    let (true, Some(closing)) = (is_its_child, closing) else {
        return Delivered::Done;
    };
    let (execution, first_run_id) = (run.execution(), first_run_id.clone());
    if !is_found {
        service
            .executions
            .run_mut(parent)
            .child_started(now_ms, initiated_event_id, &first_run_id);
    }
    service
        .executions
        .run_mut(parent)
        .child_closed(now_ms, initiated_event_id, execution, closing);
    service.close_transaction(parent);
    Delivered::Done
}

fn running_parent(service: &Service, parent: Option<&WorkflowExecution>) -> Option<RunKey> {
    let parent = parent?;
    let mut key = service
        .executions
        .by_run_id(&parent.workflow_id, &parent.run_id)?;
    loop {
        let run = service.executions.run(key);
        if run.is_running() {
            return Some(key);
        }
        key = service
            .executions
            .by_run_id(&run.workflow_id, run.state.reset_run_id.as_ref()?)?;
    }
}

/// Applies the parent close policy to a child whose parent has closed. The policy reaches the last
/// run of the child's chain, and no other run of the same workflow id.
///
/// Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
/// (`applyParentClosePolicy`).
pub(super) fn apply_parent_close_policy(
    service: &mut Service,
    parent: RunKey,
    initiated_event_id: i64,
) -> Delivered {
    let run = service.executions.run(parent);
    let Some(pending) = run.children.get(initiated_event_id) else {
        return Delivered::Done;
    };
    let parent_execution = run.execution();
    let Some(child) = service.executions.current(&pending.workflow_id) else {
        return Delivered::Done;
    };
    let child_run = service.executions.run(child);
    let started = child_run.started();
    if !child_run.is_running()
        || started.first_execution_run_id != pending.first_run_id
        || started.parent_workflow_execution.as_ref() != Some(&parent_execution)
    {
        return Delivered::Done;
    }
    match pending.parent_close_policy {
        ParentClosePolicy::Abandon => {}
        ParentClosePolicy::RequestCancel => {
            let request = CancelRequest {
                identity: HISTORY_SERVICE.to_owned(),
                sender: Some(parent_execution),
                ..CancelRequest::default()
            };
            service.request_cancel_of_run(child, request);
        }
        ParentClosePolicy::Terminate | ParentClosePolicy::Unspecified => {
            let termination = Termination {
                reason: "by parent close policy".to_owned(),
                identity: HISTORY_SERVICE.to_owned(),
                ..Termination::default()
            };
            service.terminate_run(child, termination);
        }
    }
    Delivered::Done
}

/// Returns `true` if the run was terminated because it was reset. Its parent and its children then
/// belong to the run that replaced it.
pub(super) fn is_terminated_by_reset(run: &Run) -> bool {
    matches!(
        run.history.events().last().and_then(|event| event.attributes.as_ref()),
        Some(Attributes::WorkflowExecutionTerminatedEventAttributes(terminated))
            if terminated.identity == HISTORY_RESETTER
    )
}
