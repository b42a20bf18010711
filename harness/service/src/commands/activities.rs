//! ScheduleActivityTask and RequestCancelActivityTask.

use crate::{
    api::{
        Attributes, HistoryEvent,
        command::{
            RequestCancelActivityTaskCommandAttributes, ScheduleActivityTaskCommandAttributes,
        },
        enums::WorkflowTaskFailedCause as Cause,
        history::{
            ActivityTaskCancelRequestedEventAttributes, ActivityTaskScheduledEventAttributes,
        },
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    policies::activity_retry,
};

#[allow(deprecated, reason = "the server still writes the field")]
pub(super) fn schedule(
    context: &mut CommandContext<'_>,
    mut command: ScheduleActivityTaskCommandAttributes,
) -> Applied {
    let started = context.run.started();
    activity_retry::normalize(
        &mut command,
        started.workflow_run_timeout.as_ref(),
        context.run.task_queue_name(),
        context.limits,
    )
    .map_err(|refused| {
        CommandFailure::new(Cause::BadScheduleActivityAttributes, refused.message())
    })?;
    if command.use_workflow_build_id && !context.is_own_queue(command.task_queue.as_ref()) {
        return Err(CommandFailure::new(
            Cause::BadScheduleActivityAttributes,
            "Activity with UseCompatibleVersion cannot run on different task queue.",
        ));
    }
    context.keep_payload_within(
        command.input.as_ref(),
        Cause::BadScheduleActivityAttributes,
        "ScheduleActivityTaskCommandAttributes.Input",
    )?;
    if context.run.activities.len() >= context.limits.pending_activities {
        return Err(CommandFailure::new(
            Cause::PendingActivitiesLimitExceeded,
            format!(
                "the number of pending activities, {}, has reached the per-workflow limit of {}",
                context.run.activities.len(),
                context.limits.pending_activities
            ),
        ));
    }
    if context.run.activities.by_id(&command.activity_id).is_some() {
        return Err(CommandFailure::of_state(
            Cause::ScheduleActivityDuplicateId,
            "add-activitytask-scheduled-event",
            &format!("ActivityID: {}", command.activity_id),
        ));
    }
    if command.request_eager_execution {
        context.eager_activities.push(command.activity_id.clone());
    }
    // Schedule the activity.
    let decoration = context.decoration.take();
    context.run.schedule_activity(
        context.now_ms,
        ActivityTaskScheduledEventAttributes {
            activity_id: command.activity_id,
            activity_type: command.activity_type,
            task_queue: command.task_queue,
            header: command.header,
            input: command.input,
            schedule_to_close_timeout: command.schedule_to_close_timeout,
            schedule_to_start_timeout: command.schedule_to_start_timeout,
            start_to_close_timeout: command.start_to_close_timeout,
            heartbeat_timeout: command.heartbeat_timeout,
            workflow_task_completed_event_id: context.completed_event_id,
            retry_policy: command.retry_policy,
            priority: command.priority,
            use_workflow_build_id: command.use_workflow_build_id,
        },
        decoration,
    );
    Ok(())
}

pub(super) fn request_cancel(
    context: &mut CommandContext<'_>,
    command: RequestCancelActivityTaskCommandAttributes,
) -> Applied {
    let scheduled_event_id = command.scheduled_event_id;
    if scheduled_event_id <= 0 {
        return Err(CommandFailure::new(
            Cause::BadRequestCancelActivityAttributes,
            "ScheduledEventId is not set on RequestCancelActivityTaskCommand.",
        ));
    }
    let pending = context.run.activities.get(scheduled_event_id);
    let is_refused = match pending {
        Some(activity) => activity.is_cancel_requested(),
        // The activity may have closed while the task was started; its closing event is still in
        // the buffer then.
        None => !context
            .run
            .history
            .buffered()
            .iter()
            .any(|event| closes_activity(event, scheduled_event_id)),
    };
    if is_refused {
        return Err(CommandFailure::of_state(
            Cause::BadRequestCancelActivityAttributes,
            "add-activitytask-cancel-requested-event",
            &format!("ScheduledEventID: {scheduled_event_id}"),
        ));
    }
    let is_pending = pending.is_some();
    let cancel_requested_event_id = context.run.history.add(
        context.now_ms,
        ActivityTaskCancelRequestedEventAttributes {
            scheduled_event_id,
            workflow_task_completed_event_id: context.completed_event_id,
        },
    );
    if is_pending {
        let run = &mut *context.run;
        context.needs_workflow_task |= run.request_activity_cancel(
            context.now_ms,
            scheduled_event_id,
            cancel_requested_event_id,
            context.identity,
        );
    }
    Ok(())
}

fn closes_activity(event: &HistoryEvent, scheduled: i64) -> bool {
    match &event.attributes {
        Some(Attributes::ActivityTaskCompletedEventAttributes(closed)) => {
            closed.scheduled_event_id == scheduled
        }
        Some(Attributes::ActivityTaskFailedEventAttributes(closed)) => {
            closed.scheduled_event_id == scheduled
        }
        Some(Attributes::ActivityTaskTimedOutEventAttributes(closed)) => {
            closed.scheduled_event_id == scheduled
        }
        Some(Attributes::ActivityTaskCanceledEventAttributes(closed)) => {
            closed.scheduled_event_id == scheduled
        }
        _ => false,
    }
}
