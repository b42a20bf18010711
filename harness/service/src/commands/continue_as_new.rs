//! ContinueAsNewWorkflowExecution: the run closes, and another run of its chain takes its place.
//!
//! Signals to this run are not carried over. A signal that the workflow has not seen keeps the run
//! from closing.
//!
//! Source: `temporalio/temporal: service/history/api/command_attr_validator.go`
//! (`ValidateContinueAsNewWorkflowExecutionAttributes`).

use tonic::Status;

use crate::{
    api::{
        command::ContinueAsNewWorkflowExecutionCommandAttributes,
        common::WorkflowType,
        enums::{
            TaskQueueKind, TaskQueueType, WorkflowExecutionStatus, WorkflowTaskFailedCause as Cause,
        },
        history::WorkflowExecutionContinuedAsNewEventAttributes,
        taskqueue::TaskQueue,
    },
    base::{
        checks,
        config::Limits,
        payload,
        time::{nanos, validate_and_cap},
        versions::Version,
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    policies::{
        retry,
        workflow_retry::{run_timeout, workflow_task_timeout},
    },
    run::Run,
};

#[allow(
    deprecated,
    reason = "the server still copies the fields of the command into the event"
)]
pub(super) fn continue_as_new(
    context: &mut CommandContext<'_>,
    mut command: ContinueAsNewWorkflowExecutionCommandAttributes,
) -> Applied {
    context.may_close()?;
    normalize(&mut command, context.run, context.limits).map_err(|refused| {
        CommandFailure::new(Cause::BadContinueAsNewAttributes, refused.message())
    })?;
    if command.inherit_build_id && !context.is_own_queue(command.task_queue.as_ref()) {
        return Err(CommandFailure::new(
            Cause::BadContinueAsNewAttributes,
            "ContinueAsNew with UseCompatibleVersion cannot run on different task queue.",
        ));
    }
    context.check_search_attributes(command.search_attributes.as_ref())?;
    context.keep_payload_within(
        command.input.as_ref(),
        Cause::BadContinueAsNewAttributes,
        "ContinueAsNewWorkflowExecutionCommandAttributes. Input",
    )?;
    context.keep_memo_within(
        command.memo.as_ref(),
        Cause::BadContinueAsNewAttributes,
        "ContinueAsNewWorkflowExecutionCommandAttributes. Memo exceeds size limit.",
    )?;
    CommandContext::keep_search_attributes_within(
        command.search_attributes.as_ref(),
        Cause::BadContinueAsNewAttributes,
    )?;
    // Close this run; the next one starts after the commands.
    let deployments = context.deployments;
    let is_in_version = |queue: &str, version: &Version| {
        deployments.has_version(TaskQueueType::Workflow, queue, version)
    };
    let next_run = context
        .run
        .continuation(command.clone(), context.now_ms, &is_in_version);
    context.run.history.add_decorated(
        context.now_ms,
        WorkflowExecutionContinuedAsNewEventAttributes {
            new_execution_run_id: context.next_run_id(),
            workflow_type: command.workflow_type,
            task_queue: command.task_queue,
            input: command.input,
            workflow_run_timeout: command.workflow_run_timeout,
            workflow_task_timeout: command.workflow_task_timeout,
            workflow_task_completed_event_id: context.completed_event_id,
            backoff_start_interval: command.backoff_start_interval,
            initiator: command.initiator,
            failure: command.failure,
            last_completion_result: command.last_completion_result,
            header: command.header,
            memo: command.memo,
            search_attributes: command.search_attributes,
            inherit_build_id: command.inherit_build_id,
            ..WorkflowExecutionContinuedAsNewEventAttributes::default()
        },
        context.decoration.take(),
    );
    context.run.state.next_run_id = Some(context.next_run_id());
    context.next_run = Some(Box::new(next_run));
    context
        .run
        .closed(context.now_ms, WorkflowExecutionStatus::ContinuedAsNew);
    Ok(())
}

/// Checks the command, and fills in its unset fields from the run that it ends.
fn normalize(
    command: &mut ContinueAsNewWorkflowExecutionCommandAttributes,
    run: &Run,
    limits: &Limits,
) -> Result<(), Status> {
    const COMMAND: &str = "ContinueAsNewWorkflowExecutionCommand";
    let workflow_type = command.workflow_type.get_or_insert_default();
    if workflow_type.name.is_empty() {
        *workflow_type = WorkflowType {
            name: run.workflow_type().to_owned(),
        };
    }
    if workflow_type.name.len() > limits.id_length {
        return Err(Status::invalid_argument(format!(
            "WorkflowType on {COMMAND} exceeds length limit. WorkflowType={} Length={} Limit={}",
            workflow_type.name,
            workflow_type.name.len(),
            limits.id_length
        )));
    }
    command.task_queue.get_or_insert_with(|| TaskQueue {
        kind: TaskQueueKind::Normal.into(),
        ..TaskQueue::default()
    });
    let workflow_type = workflow_type.name.clone();
    let which = |queue: Option<&TaskQueue>| {
        let name = queue.map_or("", |queue| &queue.name);
        let kind = queue.map_or("", |queue| queue.kind().as_str_name());
        format!("WorkflowType={workflow_type} TaskQueue=name:{name:?} kind:{kind}")
    };
    let queue = run.task_queue_name();
    checks::task_queue_of_user(&mut command.task_queue, queue, queue, limits).map_err(|why| {
        Status::invalid_argument(format!(
            "error validating {COMMAND} TaskQueue: {}. {}",
            why.message(),
            which(command.task_queue.as_ref())
        ))
    })?;
    let which = which(command.task_queue.as_ref());
    for (name, timeout) in [
        ("WorkflowRunTimeout", &mut command.workflow_run_timeout),
        ("WorkflowTaskTimeout", &mut command.workflow_task_timeout),
        ("BackoffStartInterval", &mut command.backoff_start_interval),
    ] {
        validate_and_cap(timeout.as_mut()).map_err(|why| {
            Status::invalid_argument(format!("Invalid {name} on {COMMAND}: {why}. {which}"))
        })?;
    }
    // Unset timeouts are those of this run.
    let started = run.started();
    if nanos(command.workflow_run_timeout.as_ref()) == 0 {
        command.workflow_run_timeout = started.workflow_run_timeout;
    }
    if nanos(command.workflow_task_timeout.as_ref()) == 0 {
        command.workflow_task_timeout = started.workflow_task_timeout;
    }
    let of_run = run_timeout(
        command.workflow_run_timeout.as_ref(),
        started.workflow_execution_timeout.as_ref(),
    );
    command.workflow_task_timeout = Some(workflow_task_timeout(
        command.workflow_task_timeout.as_ref(),
        &of_run,
    ));
    command.workflow_run_timeout = Some(of_run);
    if let Some(policy) = &mut command.retry_policy {
        retry::ensure_defaults(policy);
        retry::validate(policy).map_err(|why| {
            Status::invalid_argument(format!(
                "invalid WorkflowRetryPolicy on {COMMAND}: {}. {which}",
                why.message()
            ))
        })?;
    }
    payload::drop_nil_memo(&mut command.memo);
    payload::drop_nil_search_attributes(&mut command.search_attributes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use crate::{
        api::{
            Attributes,
            command::{
                ContinueAsNewWorkflowExecutionCommandAttributes, command::Attributes as Command,
            },
            enums::EventType,
            history::WorkflowExecutionStartedEventAttributes,
        },
        base::time::duration,
        testing::*,
    };

    fn continue_as_new(input: &str) -> Command {
        Command::ContinueAsNewWorkflowExecutionCommandAttributes(
            ContinueAsNewWorkflowExecutionCommandAttributes {
                input: payloads(input),
                ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
            },
        )
    }

    fn started(world: &World) -> &WorkflowExecutionStartedEventAttributes {
        match &world.history("loop")[0].attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started,
            other => panic!("not the first event: {other:?}"),
        }
    }

    #[test]
    fn the_next_run_knows_the_first_run_and_keeps_attributes_that_are_not_replaced() {
        let mut world = World::new();
        let mut request = start_request("loop");
        request.workflow_execution_timeout = Some(duration(3_600_000));
        world.call(request).unwrap();
        let first = started(&world).clone();
        world.pass(5_000);
        world.run_workflow_task(vec![continue_as_new("second")]);
        let next = started(&world).clone();
        assert_eq!(next.first_execution_run_id, first.first_execution_run_id);
        assert_eq!(
            next.continued_execution_run_id,
            first.first_execution_run_id
        );
        assert_ne!(
            next.original_execution_run_id,
            first.original_execution_run_id
        );
        assert_eq!(next.input, payloads("second"));
        assert_eq!(next.workflow_type, first.workflow_type);
        assert_eq!(next.task_queue.as_ref().unwrap().name, TASK_QUEUE);
        assert_eq!(next.workflow_execution_timeout, Some(duration(3_600_000)));
        assert_eq!(
            next.workflow_execution_expiration_time,
            first.workflow_execution_expiration_time
        );
        assert_eq!(next.attempt, 1);

        let old = world
            .service
            .history("loop", Some(&first.first_execution_run_id))
            .unwrap();
        let Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(continued)) =
            &old.last().unwrap().attributes
        else {
            panic!("not continued: {old:?}");
        };
        assert_eq!(
            continued.new_execution_run_id,
            next.original_execution_run_id
        );
    }

    #[test]
    fn a_run_that_lasted_a_second_is_continued_at_once() {
        let mut world = World::new();
        world.start("loop");
        world.pass(1_000);
        world.run_workflow_task(vec![continue_as_new("")]);
        assert!(world.has_workflow_task());
    }

    #[test]
    fn a_run_shorter_than_a_second_delays_the_next_one() {
        let mut world = World::new();
        world.start("loop");
        world.pass(300);
        world.run_workflow_task(vec![continue_as_new("")]);
        assert_eq!(
            started(&world).first_workflow_task_backoff,
            Some(duration(700))
        );
        assert_eq!(
            world.event_types("loop"),
            [EventType::WorkflowExecutionStarted]
        );
        world.pass(699);
        assert!(!world.has_workflow_task());
        world.pass(1);
        assert!(world.has_workflow_task());
    }
}
