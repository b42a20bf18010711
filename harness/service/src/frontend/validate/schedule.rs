//! Requests that define or change a schedule.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`CreateSchedule`,
//! `UpdateSchedule`, `PatchSchedule`, `validateStartWorkflowArgsForSchedule`,
//! `canonicalizeScheduleSpec`).

use tonic::Status;

use crate::{
    api::{
        enums::WorkflowIdReusePolicy,
        rpc::{CreateScheduleRequest, PatchScheduleRequest, UpdateScheduleRequest},
        schedule::{Schedule, ScheduleSpec, schedule_action::Action},
        workflow::NewWorkflowExecutionInfo,
    },
    base::{
        checks::{blob_size, invalid, task_queue_of_user},
        config::{Limits, ServiceConfig},
        time::{check_valid, timestamp},
    },
    policies::start_requests,
    schedules::spec::Spec,
};

/// The prefix of the workflow that a schedule is on the server.
pub(crate) const WORKFLOW_ID_PREFIX: &str = "temporal-sys-scheduler:";
/// The suffix that the id of a started workflow gets, as far as its length goes.
const NOMINAL_TIME: &str = "-2009-11-10T23:00:00Z";
/// The length of the notes that a pause leaves, in bytes.
const MAX_NOTES: usize = 1_000;

pub(super) fn create(
    request: &mut CreateScheduleRequest,
    config: &ServiceConfig,
) -> Result<(), Status> {
    let limits = &config.limits;
    let workflow_id = format!("{WORKFLOW_ID_PREFIX}{}", request.schedule_id);
    start_requests::workflow_id(&workflow_id, limits)?;
    if request.request_id.is_empty() {
        return invalid("RequestId is not set on request.");
    }
    request_id(&request.request_id, limits)?;
    canonicalize(&mut request.schedule)?;
    started_workflow(&mut request.schedule, config)?;
    let attributes = request.search_attributes.as_ref();
    config
        .search_attributes
        .check(&config.namespace, attributes)?;
    blob_size(request.schedule.as_ref(), limits)
}

pub(super) fn update(
    request: &mut UpdateScheduleRequest,
    config: &ServiceConfig,
) -> Result<(), Status> {
    let limits = &config.limits;
    request_id(&request.request_id, limits)?;
    started_workflow(&mut request.schedule, config)?;
    canonicalize(&mut request.schedule)?;
    let attributes = request.search_attributes.as_ref();
    config
        .search_attributes
        .check(&config.namespace, attributes)?;
    if action(&mut request.schedule).is_none() {
        return invalid("Only StartWorkflow action is supported for schedules");
    }
    blob_size(request.schedule.as_ref(), limits)?;
    if request.memo.is_some() {
        return Err(Status::failed_precondition(
            "memo updates are not supported on workflow-backed schedules",
        ));
    }
    Ok(())
}

pub(super) fn patch(
    request: &mut PatchScheduleRequest,
    limits: &Limits,
    now_ms: u64,
) -> Result<(), Status> {
    let Some(patch) = &mut request.patch else {
        return invalid("Patch is not set on request.");
    };
    request_id(&request.request_id, limits)?;
    if patch.pause.len() > MAX_NOTES || patch.unpause.len() > MAX_NOTES {
        return invalid("Schedule notes exceeds limit.");
    }
    if let Some(trigger) = &mut patch.trigger_immediately {
        trigger.scheduled_time.get_or_insert(timestamp(now_ms));
    }
    blob_size(request.patch.as_ref(), limits)
}

fn request_id(request_id: &str, limits: &Limits) -> Result<(), Status> {
    if request_id.len() > limits.id_length {
        return invalid("RequestId length exceeds limit.");
    }
    Ok(())
}

/// Checks the specification, and brings it into its canonical form.
fn canonicalize(schedule: &mut Option<Schedule>) -> Result<(), Status> {
    let schedule = schedule.get_or_insert_default();
    let spec = schedule.spec.take().unwrap_or_default();
    if !spec.timezone_data.is_empty() {
        return Err(Status::unimplemented(
            "timezone_data: only time zones that are given by name are simulated",
        ));
    }
    let canonical = durations(&spec).and_then(|()| Spec::new(spec));
    match canonical {
        Ok(spec) => schedule.spec = Some(spec.canonical().clone()),
        Err(mistake) => return invalid(format!("Invalid schedule spec: {mistake}")),
    }
    Ok(())
}

fn durations(spec: &ScheduleSpec) -> Result<(), String> {
    for interval in &spec.interval {
        let fields = [("interval", &interval.interval), ("phase", &interval.phase)];
        for (name, duration) in fields {
            let Some(duration) = duration else { continue };
            check_valid(duration).map_err(|why| {
                format!("{name} is not a valid duration: proto: duration ({duration:?}) {why}")
            })?;
        }
    }
    Ok(())
}

fn action(schedule: &mut Option<Schedule>) -> Option<&mut NewWorkflowExecutionInfo> {
    let action = schedule.as_mut()?.action.as_mut()?.action.as_mut()?;
    let Action::StartWorkflow(start) = action;
    Some(start)
}

/// Checks the workflow that the schedule starts.
fn started_workflow(schedule: &mut Option<Schedule>, config: &ServiceConfig) -> Result<(), Status> {
    let limits = &config.limits;
    let Some(workflow) = action(schedule) else {
        return Ok(());
    };
    start_requests::workflow_id(&format!("{}{NOMINAL_TIME}", workflow.workflow_id), limits)?;
    let workflow_type = workflow.workflow_type.as_ref().map_or("", |it| &it.name);
    if workflow_type.is_empty() {
        return invalid("WorkflowType is not set on request.");
    }
    if workflow_type.len() > limits.id_length {
        return invalid("WorkflowType length exceeds limit.");
    }
    task_queue_of_user(&mut workflow.task_queue, "", "", limits)?;
    start_requests::timeouts([
        ("Execution", &mut workflow.workflow_execution_timeout),
        ("Run", &mut workflow.workflow_run_timeout),
        ("Task", &mut workflow.workflow_task_timeout),
    ])?;
    if !workflow.cron_schedule.is_empty() {
        return invalid("Scheduled workflow must not contain CronSchedule");
    }
    let is_default = matches!(
        workflow.workflow_id_reuse_policy(),
        WorkflowIdReusePolicy::Unspecified | WorkflowIdReusePolicy::AllowDuplicate
    );
    if !is_default {
        return invalid("Scheduled workflow must not contain WorkflowIDReusePolicy");
    }
    let attributes = workflow.search_attributes.as_ref();
    config
        .search_attributes
        .check(&config.namespace, attributes)
}
