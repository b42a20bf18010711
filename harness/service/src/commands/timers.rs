//! StartTimer and CancelTimer.

use crate::{
    api::{
        command::{CancelTimerCommandAttributes, StartTimerCommandAttributes},
        enums::WorkflowTaskFailedCause,
        history::{TimerCanceledEventAttributes, TimerStartedEventAttributes},
    },
    base::time::{duration_ms, validate_and_cap},
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    run::user_timers::UserTimer,
};

pub(super) fn start(
    context: &mut CommandContext<'_>,
    command: StartTimerCommandAttributes,
) -> Applied {
    let bad = |message: String| {
        Err(CommandFailure::new(
            WorkflowTaskFailedCause::BadStartTimerAttributes,
            message,
        ))
    };
    if command.timer_id.is_empty() {
        return bad("TimerId is not set on StartTimerCommand.".to_owned());
    }
    check_length("StartTimerCommand", &command.timer_id, context).or_else(bad)?;
    let mut timeout = command.start_to_fire_timeout;
    if let Err(why) = validate_and_cap(timeout.as_mut()) {
        let id = &command.timer_id;
        return bad(format!(
            "An invalid StartToFireTimeout is set on StartTimerCommand: {why}. TimerId={id}"
        ));
    }
    if context.run.user_timers.contains(&command.timer_id) {
        return Err(CommandFailure::of_state(
            WorkflowTaskFailedCause::StartTimerDuplicateId,
            "add-timer-started-event",
            &format!("TimerID: {}", command.timer_id),
        ));
    }
    // Start the timer.
    let due_ms = context.now_ms.saturating_add(duration_ms(timeout.as_ref()));
    let started_event_id = context.run.history.add_decorated(
        context.now_ms,
        TimerStartedEventAttributes {
            timer_id: command.timer_id.clone(),
            start_to_fire_timeout: timeout,
            workflow_task_completed_event_id: context.completed_event_id,
        },
        context.decoration.take(),
    );
    context.run.user_timers.insert(
        command.timer_id,
        UserTimer {
            started_event_id,
            due_ms,
        },
    );
    Ok(())
}

fn check_length(command: &str, id: &str, context: &CommandContext<'_>) -> Result<(), String> {
    let (length, limit) = (id.len(), context.limits.id_length);
    if length > limit {
        return Err(format!(
            "TimerId on {command} exceeds length limit. TimerId={id} Length={length} Limit={limit}"
        ));
    }
    Ok(())
}

pub(super) fn cancel(
    context: &mut CommandContext<'_>,
    command: CancelTimerCommandAttributes,
) -> Applied {
    let bad = |message: String| {
        Err(CommandFailure::new(
            WorkflowTaskFailedCause::BadCancelTimerAttributes,
            message,
        ))
    };
    if command.timer_id.is_empty() {
        return bad("TimerId is not set on CancelTimerCommand.".to_owned());
    }
    check_length("CancelTimerCommand", &command.timer_id, context).or_else(bad)?;
    let run = &mut *context.run;
    let pending = run
        .user_timers
        .remove(&command.timer_id)
        .map(|timer| timer.started_event_id);
    // The timer may have fired while the task was started. That does not count, since the workflow
    // has not seen it.
    let started_event_id =
        pending.or_else(|| run.history.take_buffered_timer_fired(&command.timer_id));
    let Some(started_event_id) = started_event_id else {
        return Err(CommandFailure::of_state(
            WorkflowTaskFailedCause::BadCancelTimerAttributes,
            "add-timer-canceled-event",
            &format!("TimerID: {}", command.timer_id),
        ));
    };
    context.has_buffered_events &= !context.run.history.buffered().is_empty();
    context.run.history.add(
        context.now_ms,
        TimerCanceledEventAttributes {
            timer_id: command.timer_id,
            started_event_id,
            workflow_task_completed_event_id: context.completed_event_id,
            identity: context.identity.to_owned(),
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests;
