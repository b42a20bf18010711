//! CompleteWorkflowExecution, FailWorkflowExecution and CancelWorkflowExecution.

use crate::{
    api::{
        command::{
            CancelWorkflowExecutionCommandAttributes, CompleteWorkflowExecutionCommandAttributes,
            FailWorkflowExecutionCommandAttributes,
        },
        enums::{
            ContinueAsNewInitiator, RetryState, WorkflowExecutionStatus, WorkflowTaskFailedCause,
        },
        history::{
            WorkflowExecutionCanceledEventAttributes, WorkflowExecutionCompletedEventAttributes,
            WorkflowExecutionFailedEventAttributes,
        },
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    run::{chain::Repetition, start::NewRun},
};

/// Completes the run. A cron schedule starts the next run with the result of this one.
pub(super) fn complete(
    context: &mut CommandContext<'_>,
    command: CompleteWorkflowExecutionCommandAttributes,
) -> Applied {
    context.may_close()?;
    context.keep_payload_within(
        command.result.as_ref(),
        // The server gives the cause of another command here.
        WorkflowTaskFailedCause::BadScheduleActivityAttributes,
        "CompleteWorkflowExecutionCommandAttributes.Result",
    )?;
    let now_ms = context.now_ms;
    let next_run = context.run.cron_backoff_ms(now_ms).map(|backoff_ms| {
        let repetition = Repetition {
            initiator: ContinueAsNewInitiator::CronSchedule,
            backoff_ms,
            last_completion_result: command.result.clone(),
            failure: None,
        };
        context.run.repetition(repetition, now_ms)
    });
    let new_execution_run_id = context.follow_with(next_run);
    context.run.history.add_decorated(
        context.now_ms,
        WorkflowExecutionCompletedEventAttributes {
            result: command.result,
            workflow_task_completed_event_id: context.completed_event_id,
            new_execution_run_id,
        },
        context.decoration.take(),
    );
    context
        .run
        .closed(context.now_ms, WorkflowExecutionStatus::Completed);
    Ok(())
}

/// Fails the run. Its retry policy comes first, then its cron schedule.
pub(super) fn fail(
    context: &mut CommandContext<'_>,
    command: FailWorkflowExecutionCommandAttributes,
) -> Applied {
    context.may_close()?;
    let Some(failure) = command.failure else {
        return Err(CommandFailure::new(
            WorkflowTaskFailedCause::BadFailWorkflowExecutionAttributes,
            "Failure is not set on FailWorkflowExecutionCommand.",
        ));
    };
    context.keep_payload_within(
        Some(&failure),
        WorkflowTaskFailedCause::BadFailWorkflowExecutionAttributes,
        "FailWorkflowExecutionCommandAttributes.Failure",
    )?;
    let now_ms = context.now_ms;
    let run = &*context.run;
    // A retry comes before the cron schedule.
    let (next, retry_state) = match run.retry_backoff_ms(now_ms, Some(&failure)) {
        // Unlike a cron run, a retry does not get the last completion result.
        Ok(backoff_ms) => (
            Some((ContinueAsNewInitiator::Retry, backoff_ms, None)),
            RetryState::InProgress,
        ),
        Err(retry_state) => {
            let last = run.started().last_completion_result.clone();
            let cron = run.cron_backoff_ms(now_ms);
            (
                cron.map(|backoff_ms| (ContinueAsNewInitiator::CronSchedule, backoff_ms, last)),
                retry_state,
            )
        }
    };
    let next_run = next.map(|(initiator, backoff_ms, last_completion_result)| {
        let failure = Some(failure.clone());
        run.repetition(
            Repetition {
                initiator,
                backoff_ms,
                last_completion_result,
                failure,
            },
            now_ms,
        )
    });
    let new_execution_run_id = context.follow_with(next_run);
    context.run.history.add_decorated(
        now_ms,
        WorkflowExecutionFailedEventAttributes {
            failure: Some(failure),
            retry_state: retry_state.into(),
            workflow_task_completed_event_id: context.completed_event_id,
            new_execution_run_id,
        },
        context.decoration.take(),
    );
    context.run.closed(now_ms, WorkflowExecutionStatus::Failed);
    Ok(())
}

pub(super) fn cancel(
    context: &mut CommandContext<'_>,
    command: CancelWorkflowExecutionCommandAttributes,
) -> Applied {
    context.may_close()?;
    context.run.history.add_decorated(
        context.now_ms,
        WorkflowExecutionCanceledEventAttributes {
            workflow_task_completed_event_id: context.completed_event_id,
            details: command.details,
        },
        context.decoration.take(),
    );
    context
        .run
        .closed(context.now_ms, WorkflowExecutionStatus::Canceled);
    Ok(())
}

impl CommandContext<'_> {
    /// Has another run follow this one. Returns its id; empty if no run follows.
    pub(crate) fn follow_with(&mut self, next_run: Option<NewRun>) -> String {
        let Some(next_run) = next_run else {
            return String::new();
        };
        self.next_run = Some(Box::new(next_run));
        let next_run_id = self.next_run_id();
        self.run.state.next_run_id = Some(next_run_id.clone());
        next_run_id
    }
}
