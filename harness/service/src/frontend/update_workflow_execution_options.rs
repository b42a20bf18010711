//! UpdateWorkflowExecutionOptions: another priority, or another versioning override.
//!
//! Tasks that wait are offered again, if an override sends them elsewhere.
//!
//! Source: `temporalio/temporal: service/history/api/updateworkflowoptions/api.go`.

use tonic::Status;

use crate::{
    api::{
        enums::VersioningBehavior,
        history::WorkflowExecutionOptionsUpdatedEventAttributes,
        rpc::{UpdateWorkflowExecutionOptionsRequest, UpdateWorkflowExecutionOptionsResponse},
        workflow::{
            WorkflowExecutionOptions,
            versioning_override::{Override, PinnedOverrideBehavior},
        },
    },
    base::{identifiers::RunKey, status, time::timestamp, versioning_override},
    frontend::answer::Handled,
    matching,
    policies::field_mask::Fields,
    run::Run,
    state::service::Service,
};

pub(super) fn handle(
    service: &mut Service,
    request: UpdateWorkflowExecutionOptionsRequest,
) -> Handled {
    let key = service
        .executions
        .lookup(request.workflow_execution.as_ref())?;
    let run = service.executions.run(key);
    if !run.is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    let fields = Fields::of(&request.update_mask.unwrap_or_default());
    let mut update = request.workflow_execution_options.unwrap_or_default();
    name_version(run, &mut update)?;
    check_versioning(service, key, &update)?;
    let run = service.executions.run_mut(key);
    let priority_before = run.state.options.priority.clone();
    let (options, is_changed) =
        merge_and_apply(run, update, &fields, request.identity, service.now_ms)?;
    if is_changed {
        service.close_transaction(key);
        if options.priority != priority_before {
            matching::reschedule_workflow_task(service, key);
        }
        service.reactivate(options.versioning_override.as_ref());
    }
    Ok(UpdateWorkflowExecutionOptionsResponse {
        workflow_execution_options: Some(options),
        update_time: is_changed.then(|| timestamp(service.now_ms)),
    }
    .into())
}

/// Fills in the version of a request to pin a run to the version that it is pinned to already.
///
/// # Errors
///
/// FAILED_PRECONDITION if the run is not pinned.
fn name_version(run: &Run, update: &mut WorkflowExecutionOptions) -> Result<(), Status> {
    let versioning = update.versioning_override.as_mut();
    let Some(Override::Pinned(pinned)) = versioning.and_then(|it| it.r#override.as_mut()) else {
        return Ok(());
    };
    if pinned.version.is_some() || pinned.behavior() == PinnedOverrideBehavior::Unspecified {
        return Ok(());
    }
    let behavior = run.state.effective_behavior();
    if behavior != VersioningBehavior::Pinned {
        let behavior = match behavior {
            VersioningBehavior::AutoUpgrade => "AutoUpgrade",
            VersioningBehavior::Pinned | VersioningBehavior::Unspecified => "Unspecified",
        };
        return Err(Status::failed_precondition(format!(
            "must specify a specific pinned override version because workflow with id {} has \
             behavior {behavior} and is not yet pinned to any version",
            run.workflow_id
        )));
    }
    pinned.version = run.state.effective_version().cloned();
    Ok(())
}

/// Checks the versioning override of an update: its structure, and that its version is there.
///
/// # Errors
///
/// INVALID_ARGUMENT or FAILED_PRECONDITION, in the server's words.
pub(super) fn check_versioning(
    service: &Service,
    key: RunKey,
    update: &WorkflowExecutionOptions,
) -> Result<(), Status> {
    let Some(versioning) = &update.versioning_override else {
        return Ok(());
    };
    versioning_override::check_structure(versioning)?;
    let queue = service.executions.run(key).task_queue_name();
    service.check_override(queue, versioning)
}

/// Changes the named options of a run. Returns all of them, and `true` if they are not as before.
///
/// # Errors
///
/// Those of [`merge`].
pub(super) fn merge_and_apply(
    run: &mut Run,
    update: WorkflowExecutionOptions,
    fields: &Fields,
    identity: String,
    now_ms: u64,
) -> Result<(WorkflowExecutionOptions, bool), Status> {
    let options = merge(run.state.options.clone(), update, fields)?;
    let is_changed = options != run.state.options;
    if is_changed {
        let attributes = WorkflowExecutionOptionsUpdatedEventAttributes {
            unset_versioning_override: options.versioning_override.is_none(),
            versioning_override: options.versioning_override.clone(),
            priority: options.priority.clone(),
            identity,
            ..WorkflowExecutionOptionsUpdatedEventAttributes::default()
        };
        run.update_options(now_ms, attributes, Vec::new());
    }
    Ok((options, is_changed))
}

/// Returns the options with the named fields of an update.
///
/// # Errors
///
/// INVALID_ARGUMENT if a field is named that is only updated together with others, or not at all.
pub(super) fn merge(
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
