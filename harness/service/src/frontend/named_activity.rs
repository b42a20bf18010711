//! The started activity that a request names.

use tonic::Status;

use crate::{
    activity_execution::ActivityExecution,
    api::WorkflowExecution,
    base::{
        identifiers::{ActivityKey, RunKey},
        status,
    },
    run::token::TaskToken,
    state::service::Service,
};

/// The activity of a request.
pub(super) enum Named<'a> {
    ByToken(&'a [u8]),
    ById {
        workflow_id: &'a str,
        run_id: &'a str,
        activity_id: &'a str,
    },
}

/// An activity of a workflow, or a standalone one.
pub(super) enum Found {
    OfWorkflow {
        run: RunKey,
        scheduled_event_id: i64,
    },
    Standalone(ActivityKey),
}

fn not_found() -> Status {
    status::not_found(
        "invalid activityID or activity already timed out or invoking workflow is completed",
    )
}

/// Returns the pending activity that a request names.
///
/// # Errors
///
/// NOT_FOUND if the run is closed, the activity is not pending, the attempt is over, or no worker
/// has it. The last is no error with `may_be_unstarted`, for an activity that is named by id.
pub(super) fn find(
    service: &Service,
    named: &Named<'_>,
    may_be_unstarted: bool,
) -> Result<Found, Status> {
    let (run, activity, is_stale) = match named {
        Named::ByToken(token) => {
            let (run, scheduled_event_id, attempt) = match TaskToken::decode(token)? {
                TaskToken::ActivityTask {
                    run,
                    scheduled_event_id,
                    attempt,
                } => (run, scheduled_event_id, attempt),
                TaskToken::ActivityExecution {
                    activity,
                    attempt,
                    stamp,
                } => {
                    let found = service.activity_executions.find(activity);
                    let is_current = |it: &&ActivityExecution| {
                        it.is_started() && it.attempt == attempt && it.stamp == stamp
                    };
                    found.filter(is_current).ok_or_else(task_not_found)?;
                    return Ok(Found::Standalone(activity));
                }
                _ => return Err(Status::invalid_argument("Error deserializing task token.")),
            };
            let run = service.executions.find(run).ok_or_else(not_found)?;
            if !run.is_running() {
                return Err(status::not_found("workflow execution already completed"));
            }
            let activity = run
                .activities
                .get(scheduled_event_id)
                .ok_or_else(not_found)?;
            (run, activity, activity.attempt != attempt)
        }
        // Without a workflow, the id is that of an activity that runs on its own.
        Named::ById {
            workflow_id: "",
            run_id,
            activity_id,
        } => return find_standalone(service, activity_id, run_id, may_be_unstarted),
        Named::ById {
            workflow_id,
            run_id,
            activity_id,
        } => {
            let execution = WorkflowExecution {
                workflow_id: (*workflow_id).to_owned(),
                run_id: (*run_id).to_owned(),
            };
            let run = service
                .executions
                .run(service.executions.lookup(Some(&execution))?);
            if !run.is_running() {
                return Err(status::not_found("workflow execution already completed"));
            }
            let activity = run.activities.by_id(activity_id).ok_or_else(|| {
                status::not_found(format!(
                    "cannot find pending activity with ActivityID {activity_id}, check workflow \
                     execution history for more details"
                ))
            })?;
            (run, activity, false)
        }
    };
    // A worker must have the attempt, unless a client completes the activity by id.
    let is_by_id = matches!(named, Named::ById { .. });
    if is_stale || (activity.started.is_none() && !(may_be_unstarted && is_by_id)) {
        return Err(not_found());
    }
    Ok(Found::OfWorkflow {
        run: run.key,
        scheduled_event_id: activity.scheduled_event_id,
    })
}

fn task_not_found() -> Status {
    status::not_found("activity task not found")
}

/// Returns the standalone activity of these ids.
///
/// # Errors
///
/// NOT_FOUND if there is no such activity, if it is closed, or if no worker has it and it has to be
/// started.
fn find_standalone(
    service: &Service,
    activity_id: &str,
    run_id: &str,
    may_be_unstarted: bool,
) -> Result<Found, Status> {
    let key = service.activity_executions.lookup(activity_id, run_id)?;
    let activity = service.activity_executions.get(key);
    if activity.is_started() || (may_be_unstarted && !activity.is_closed()) {
        return Ok(Found::Standalone(key));
    }
    Err(task_not_found())
}
