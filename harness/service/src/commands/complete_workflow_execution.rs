//! CompleteWorkflowExecution.

use super::{Applied, CommandContext};
use crate::api::{
    command::CompleteWorkflowExecutionCommandAttributes, enums::WorkflowExecutionStatus,
    history::WorkflowExecutionCompletedEventAttributes,
};

pub(super) fn complete(
    context: &mut CommandContext<'_>,
    command: CompleteWorkflowExecutionCommandAttributes,
) -> Applied {
    context.may_close()?;
    context.run.history.add_decorated(
        context.now_ms,
        WorkflowExecutionCompletedEventAttributes {
            result: command.result,
            workflow_task_completed_event_id: context.completed_event_id,
            new_execution_run_id: String::new(),
        },
        context.user_metadata.take().into(),
    );
    context.run.closed(context.now_ms, WorkflowExecutionStatus::Completed);
    Ok(())
}
