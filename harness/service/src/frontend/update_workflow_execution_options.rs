//! UpdateWorkflowExecutionOptions: another priority, or another versioning override.
//!
//! The override is recorded. It does not route tasks.
//!
//! Source: `temporalio/temporal: service/history/api/updateworkflowoptions/api.go`.

use tonic::Status;

use crate::{
    api::{
        history::WorkflowExecutionOptionsUpdatedEventAttributes,
        rpc::{UpdateWorkflowExecutionOptionsRequest, UpdateWorkflowExecutionOptionsResponse},
        workflow::WorkflowExecutionOptions,
    },
    base::{status, time::timestamp},
    frontend::answer::Handled,
    matching,
    policies::field_mask::Fields,
    state::service::Service,
};

pub(super) fn handle(
    service: &mut Service,
    request: UpdateWorkflowExecutionOptionsRequest,
) -> Handled {
    let key = service
        .executions
        .lookup(request.workflow_execution.as_ref())?;
    let run = service.executions.run_mut(key);
    if !run.is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    let fields = Fields::of(&request.update_mask.unwrap_or_default());
    let update = request.workflow_execution_options.unwrap_or_default();
    let options = merge(run.state.options.clone(), update, &fields)?;
    let is_changed = options != run.state.options;
    let is_prioritized_anew = options.priority != run.state.options.priority;
    if is_changed {
        let attributes = WorkflowExecutionOptionsUpdatedEventAttributes {
            unset_versioning_override: options.versioning_override.is_none(),
            versioning_override: options.versioning_override.clone(),
            priority: options.priority.clone(),
            identity: request.identity,
            ..WorkflowExecutionOptionsUpdatedEventAttributes::default()
        };
        run.update_options(service.now_ms, attributes, Vec::new());
        service.close_transaction(key);
        if is_prioritized_anew {
            matching::reschedule_workflow_task(service, key);
        }
    }
    Ok(UpdateWorkflowExecutionOptionsResponse {
        workflow_execution_options: Some(options),
        update_time: is_changed.then(|| timestamp(service.now_ms)),
    }
    .into())
}

/// Returns the options with the named fields of an update.
///
/// # Errors
///
/// INVALID_ARGUMENT if a field is named that is only updated together with others, or not at all.
fn merge(
    mut options: WorkflowExecutionOptions,
    update: WorkflowExecutionOptions,
    fields: &Fields,
) -> Result<WorkflowExecutionOptions, Status> {
    let refused = |why: &str| {
        Err(Status::invalid_argument(format!(
            "error applying update_options: {why}"
        )))
    };
    // The two fields of older clients come together; those of newer ones as a whole.
    let together = [
        "versioningOverride.deployment",
        "versioningOverride.behavior",
    ]
    .map(|path| fields.has(path));
    match together {
        [false, false] if fields.has_within("versioningOverride") => {
            return refused("versioning_override doesn't support partial updates");
        }
        [true, false] | [false, true] => {
            return refused("versioning_override fields must be updated together");
        }
        _ => {}
    }
    if fields.has("versioningOverride") || together == [true, true] {
        options.versioning_override = update.versioning_override;
    }
    if fields.has("timeSkippingConfig") || fields.has_within("timeSkippingConfig") {
        return refused("time_skipping_config: time skips for the whole server, not for one run");
    }
    if fields.has("priority") {
        options.priority.clone_from(&update.priority);
    }
    let priority = update.priority.unwrap_or_default();
    if fields.has("priority.priorityKey") {
        options.priority.get_or_insert_default().priority_key = priority.priority_key;
    }
    if fields.has("priority.fairnessKey") {
        options.priority.get_or_insert_default().fairness_key = priority.fairness_key;
    }
    if fields.has("priority.fairnessWeight") {
        options.priority.get_or_insert_default().fairness_weight = priority.fairness_weight;
    }
    Ok(options)
}
